// The contract that existing clients know: its operations, its field masks, what it calls things.
#include <gtest/gtest.h>

#include "orchestrator/api/render.hpp"
#include "tests/unit/orchestrator/desk.hpp"

namespace abide::test {
namespace {

using api::Method;
using nlohmann::json;

std::string made(Desk& desk, const std::string& path, const json& body) {
  const auto answered = desk.post(path, body.dump());
  EXPECT_EQ(answered.status, 200U) << path << " " << answered.body;
  return answered.json.value("resourceId", "");
}

void heard(Desk& desk, const char* uuid, const std::string& version) {
  desk.fleet.take(fleet::BusUp{});
  fleet::HelloHeard hello;
  hello.node = parse_node_id(uuid).value();
  hello.journal = JournalId{77};
  hello.hello.base_chain = chain_start(JournalId{77});
  hello.hello.identity = {"demo", version, "x86_64", sha256(version), "0.1"};
  desk.fleet.take(hello);
}

// ---- operations --------------------------------------------------------------------------------------------------------

struct Verbs {
  const char* path;
  std::vector<Method> methods;
};

const std::vector<Verbs>& operations() {
  constexpr auto get = Method::get, post = Method::post, put = Method::put, patch = Method::patch, erase = Method::erase;
  static const std::vector<Verbs> all = {{"compute/hosts", {get, post}},
                                         {"compute/hosts/register", {post}},
                                         {"compute/hosts/summary", {get}},
                                         {"compute/hosts_summary", {get}},
                                         {"compute/hosts/host-00000000", {get, put, patch, erase}},
                                         {"compute/hosts/host-00000000/invalidate", {put}},
                                         {"compute/hosts/host-00000000/onboard", {patch}},
                                         {"compute/hosts/host-00000000/register", {patch}},
                                         {"compute/instances", {get, post}},
                                         {"compute/instances/inst-00000000", {get, put, patch, erase}},
                                         {"compute/instances/inst-00000000/invalidate", {put}},
                                         {"compute/os", {get, post}},
                                         {"compute/os/os-00000000", {get, put, patch, erase}},
                                         {"compute/operating_systems", {get, post}},
                                         {"compute/operating_systems/os-00000000", {get, put, patch, erase}},
                                         {"locations", {get}},
                                         {"os-update-policies", {get, post}},
                                         {"os-update-policies/osupdatepolicy-00000000", {get, erase}},
                                         {"os_update_policy", {get, post}},
                                         {"os_update_policy/osupdatepolicy-00000000", {get, erase}},
                                         {"os-update-runs", {get}},
                                         {"os-update-runs/osupdaterun-00000000", {get, erase}},
                                         {"os_update_run", {get}},
                                         {"os_update_run/osupdaterun-00000000", {get, erase}},
                                         {"regions", {get, post}},
                                         {"regions/region-00000000", {get, put, patch, erase}},
                                         {"regions/region-00000000/sites", {get, post}},
                                         {"regions/region-00000000/sites/site-00000000", {get, put, patch, erase}},
                                         {"sites", {get, post}},
                                         {"sites/site-00000000", {get, put, patch, erase}},
                                         {"schedules", {get}},
                                         {"schedules/single", {get, post}},
                                         {"schedules/single/singlesche-00000000", {get, put, patch, erase}},
                                         {"schedules/repeated", {get, post}},
                                         {"schedules/repeated/repeatedsche-00000000", {get, put, patch, erase}},
                                         {"compute/schedules", {get}},
                                         {"compute/schedules/single", {get, post}},
                                         {"compute/schedules/single/singlesche-00000000", {get, put, patch, erase}},
                                         {"compute/schedules/repeated", {get, post}},
                                         {"compute/schedules/repeated/repeatedsche-00000000", {get, put, patch, erase}}};
  return all;
}

TEST(Operations, OfTheContractAreAllServed) {
  Desk desk;
  std::size_t count = 0;
  for (const auto& [path, methods] : operations()) {
    for (const auto method : methods) {
      const auto answered = desk.ask(method, path, method == Method::get || method == Method::erase ? "" : "{}");
      EXPECT_NE(answered.status, 405U) << path;
      EXPECT_NE(answered.message(), "no such path") << path;
      EXPECT_LT(answered.status, 500U) << path << ": there is no such thing, so it is not asked to do anything";
      ++count;
    }
  }
  EXPECT_EQ(count, 90U);
}

TEST(Operations, AreServedInTheirOlderFormToo) {
  Desk desk;
  const auto host = desk.register_host("edge-1", uuid_1);
  const auto os = desk.create_os("1.0");
  made(desk, "schedules/repeated",
       {{"scheduleStatus", "SCHEDULE_STATUS_OS_UPDATE"},
        {"durationSeconds", 60},
        {"cronMinutes", "0"},
        {"cronHours", "1"},
        {"cronDayMonth", "*"},
        {"cronMonth", "*"},
        {"cronDayWeek", "*"}});
  const std::string older = "/edge-infra.orchestrator.apis/v2/";
  for (const auto& [path, now] :
       std::vector<std::pair<std::string, std::string>>{{"hosts", "compute/hosts"},
                                                        {"hosts/" + host, "compute/hosts/" + host},
                                                        {"hosts_summary", "compute/hosts/summary"},
                                                        {"hosts/summary", "compute/hosts/summary"},
                                                        {"instances", "compute/instances"},
                                                        {"operating_systems", "compute/os"},
                                                        {"operating_systems/" + os, "compute/os/" + os},
                                                        {"compute/os", "compute/os"},
                                                        {"os_update_policy", "os-update-policies"},
                                                        {"os_update_run", "os-update-runs"},
                                                        {"regions", "regions"},
                                                        {"sites", "sites"},
                                                        {"regions/region-00000000/sites", "sites?regionId=region-00000000"},
                                                        {"schedules", "schedules"},
                                                        {"schedules/repeated", "schedules/repeated"},
                                                        {"locations", "locations"}}) {
    const auto answered = desk.get(older + path);
    EXPECT_EQ(answered.status, 200U) << path << answered.body;
    EXPECT_EQ(answered.body, desk.get(now).body) << path;
  }
  EXPECT_EQ(desk.patch(older + "hosts/" + host, R"({"name":"edge-2"})").json["name"], "edge-2");
  EXPECT_EQ(desk.get(older + "nothing").status, 404U);
  EXPECT_EQ(desk.get("/edge-infra.orchestrator.apis/v2").status, 404U);
  const auto in = [&](const std::string& project) {
    api::HttpRequest request;
    request.project = project;
    return desk.ask(std::move(request), older + "hosts").status;
  };
  EXPECT_EQ(in("demo"), 200U);
  EXPECT_EQ(in("other"), 404U);
}

TEST(Operations, TakeNoQueryThatTheyDoNotKnow) {
  Desk desk;
  const auto host = desk.register_host("edge-1", uuid_1);
  const auto os = desk.create_os("1.0");
  const auto region = made(desk, "regions", {{"name", "north"}});
  const auto site = made(desk, "sites", {{"name", "oslo"}, {"regionId", region}});
  for (const std::string& path :
       {"compute/hosts/" + host, "compute/instances/" + host, "compute/os/" + os, "regions/" + region, "sites/" + site,
        "compute/hosts/" + host + "/explain", "compute/hosts/" + host + "/confirmation", std::string("compute/hosts/summary")}) {
    EXPECT_EQ(desk.get(path).status, 200U) << path;
    EXPECT_EQ(desk.get(path + "?colour=red").message(), "no such query parameter: colour") << path;
  }
  EXPECT_EQ(desk.post("regions?colour=red", R"({"name":"south"})").status, 400U);
  EXPECT_EQ(desk.erase("regions/" + region + "?colour=red").status, 400U);
  EXPECT_EQ(desk.put("regions/" + region + "?fieldMask=name", R"({"name":"south"})").status, 400U);
  EXPECT_EQ(desk.get("regions").json["totalElements"], 1);
}

TEST(Operations, OnASiteInARegionAreOfThatRegion) {
  Desk desk;
  const auto north = made(desk, "regions", {{"name", "north"}});
  const auto south = made(desk, "regions", {{"name", "south"}});
  const auto site = made(desk, "sites", {{"name", "oslo"}, {"regionId", north}});
  for (const std::string& path :
       {"regions/" + north + "/sites/" + site, "regions/*/sites/" + site, "sites/" + site, "sites/" + site + "?regionId=" + north}) {
    EXPECT_EQ(desk.get(path).status, 200U) << path;
    EXPECT_EQ(desk.patch(path, R"({"siteLat":1})").status, 200U) << path;
  }
  for (const std::string& path : {"regions/" + south + "/sites/" + site, "sites/" + site + "?regionId=" + south}) {
    EXPECT_EQ(desk.get(path).message(), "no such site in " + south + ": " + site);
    EXPECT_EQ(desk.put(path, R"({"name":"x"})").status, 404U) << path;
    EXPECT_EQ(desk.patch(path, R"({"name":"x"})").status, 404U) << path;
    EXPECT_EQ(desk.erase(path).status, 404U) << path;
  }
  EXPECT_EQ(desk.get("sites/" + site).json["name"], "oslo");
  EXPECT_EQ(desk.erase("regions/" + north + "/sites/" + site).status, 200U);
}

// ---- what changes ------------------------------------------------------------------------------------------------------

TEST(FieldMasks, ChangeWhatTheyNameAndNothingElse) {
  Desk desk;
  const auto region = made(desk, "regions", {{"name", "north"}});
  const auto repeated = "schedules/repeated/" + made(desk, "schedules/repeated",
                                                     {{"scheduleStatus", "SCHEDULE_STATUS_OS_UPDATE"},
                                                      {"name", "w"},
                                                      {"durationSeconds", 60},
                                                      {"cronMinutes", "0"},
                                                      {"cronHours", "1"},
                                                      {"cronDayMonth", "*"},
                                                      {"cronMonth", "*"},
                                                      {"cronDayWeek", "*"},
                                                      {"targetRegionId", region},
                                                      {"timeZone", "Europe/Oslo"}});
  const auto tag = desk.get(repeated).tag;
  for (const char* mask :
       {"nonsense", "name,nonsense", "*", "name,*", "target_region_id.x", "targetRegion.name", ",name", "name,", "a b"}) {
    const auto refused =
        desk.patch(repeated + "?fieldMask=" + (std::string(mask) == "a b" ? "a%20b" : mask), R"({"name":"x","durationSeconds":61})");
    EXPECT_EQ(refused.status, 400U) << mask;
    EXPECT_EQ(refused.code(), "InvalidArgument") << mask;
    EXPECT_EQ(refused.message().rfind("fieldMask: no such field: ", 0), 0U) << refused.message();
  }
  EXPECT_EQ(desk.get(repeated).tag, tag) << "nothing was changed";
  EXPECT_EQ(desk.patch(repeated + "?fieldMask=duration_seconds", R"({"name":"x","durationSeconds":61})").json["durationSeconds"], 61);
  EXPECT_EQ(desk.patch(repeated + "?fieldMask=durationSeconds,%20cron_hours", R"({"durationSeconds":62,"cronHours":"2","cronMonth":"3"})")
                .json["cronHours"],
            "2");
  EXPECT_EQ(desk.get(repeated).json["name"], "w");
  EXPECT_EQ(desk.get(repeated).json["cronMonth"], "*");
  // Named and not given: as if it had never been set.
  const auto reset = desk.patch(repeated + "?fieldMask=name,target_region_id,timeZone", "{}");
  EXPECT_EQ(reset.status, 200U) << reset.body;
  for (const char* key : {"name", "targetRegion", "timeZone"}) EXPECT_FALSE(reset.json.contains(key)) << key;
  // What must be there cannot be reset.
  for (const auto& [mask, message] :
       std::vector<std::pair<std::string, std::string>>{{"durationSeconds", "durationSeconds: must be between 1 and 86400"},
                                                        {"cron_minutes", "cronMinutes: must not be empty"},
                                                        {"scheduleStatus", "scheduleStatus: must not be empty"}})
    EXPECT_EQ(desk.patch(repeated + "?fieldMask=" + mask, "{}").message(), message);
  EXPECT_EQ(desk.patch(repeated + "?fieldMask=name", R"({"colour":"red"})").status, 400U) << "a body is read strictly all the same";
  EXPECT_EQ(desk.patch(repeated + "?fieldMask=timestamps,resource_id", R"({"name":"x"})").status, 200U)
      << "only reported: ignored, as in a body";
  EXPECT_FALSE(desk.get(repeated).json.contains("name"));
}

TEST(FieldMasks, ResetEachKindOfThing) {
  Desk desk;
  const auto region = made(desk, "regions", {{"name", "north"}});
  const auto policy = made(desk, "os-update-policies", {{"name", "p"}, {"description", "words"}, {"updatePolicy", "UPDATE_POLICY_LATEST"}});
  const json metadata = {{{"key", "a"}, {"value", "b"}}};
  const auto site =
      "sites/" + made(desk, "sites", {{"name", "oslo"}, {"regionId", region}, {"siteLat", 5}, {"siteLng", 6}, {"metadata", metadata}});
  const auto host = "compute/hosts/" +
                    made(desk, "compute/hosts", {{"name", "edge-1"}, {"uuid", uuid_1}, {"siteId", site.substr(6)}, {"metadata", metadata}});
  ASSERT_EQ(desk.patch(site, R"({"osUpdatePolicyID":")" + policy + "\"}").status, 200U);
  EXPECT_EQ(desk.patch(host + "?fieldMask=site_id,nonsense", "{}").status, 400U);
  const auto moved = desk.patch(host + "?fieldMask=site_id,metadata", "{}");
  EXPECT_FALSE(moved.json.contains("site") || moved.json.contains("metadata")) << moved.body;
  EXPECT_EQ(desk.patch(host + "?fieldMask=name", "{}").message(), "name: must not be empty");
  EXPECT_EQ(desk.patch(host + "?fieldMask=uuid", "{}").message(), "uuid: of a host cannot change");
  const auto bare = desk.patch(site + "?fieldMask=regionId,siteLat,site_lng,metadata,os_update_policy_id", R"({"name":"x"})");
  for (const char* key : {"region", "siteLat", "siteLng", "metadata", "updatePolicy"}) EXPECT_FALSE(bare.json.contains(key)) << key;
  EXPECT_EQ(bare.json["name"], "oslo");
  EXPECT_FALSE(desk.patch("os-update-policies/" + policy + "?fieldMask=description", "{}").json.contains("description"));
  EXPECT_EQ(desk.patch("os-update-policies/" + policy + "?fieldMask=update_policy", "{}").status, 400U);
  const auto instance = "compute/instances/" + desk.get(host).json["instance"]["resourceId"].get<std::string>();
  ASSERT_EQ(desk.patch(instance, R"({"osUpdatePolicyID":")" + policy + "\"}").status, 200U);
  EXPECT_FALSE(desk.patch(instance + "?fieldMask=os_update_policy_id", "{}").json.contains("updatePolicy"));
  const auto start = desk.fleet.now.wall_ms / 1000 + 60;
  const auto single =
      "schedules/single/" + made(desk, "schedules/single",
                                 {{"scheduleStatus", "SCHEDULE_STATUS_OS_UPDATE"}, {"startSeconds", start}, {"endSeconds", start + 60}});
  EXPECT_FALSE(desk.patch(single + "?fieldMask=end_seconds", "{}").json.contains("endSeconds"));
  EXPECT_EQ(desk.patch(single + "?fieldMask=startSeconds", "{}").status, 400U);
}

TEST(OsResources, ChangeTheirArchitectureAndMetadataOnly) {
  Desk desk;
  const auto path = "compute/os/" + desk.create_os("1.0");
  const auto before = desk.get(path);
  const auto same = desk.put(path, before.body);
  EXPECT_EQ(same.status, 200U) << same.body << ": what was read can be sent back";
  EXPECT_EQ(same.json["note"], "nothing to change");
  const auto changed = desk.patch(
      path, R"({"metadata":"{\"kubernetes-version\":\"v1.32.4\"}","architecture":"arm64","sha256":)" + before.json["sha256"].dump() + "}");
  EXPECT_EQ(changed.status, 200U) << changed.body;
  EXPECT_EQ(changed.json["architecture"], "arm64");
  EXPECT_EQ(changed.json["metadata"], R"({"kubernetes-version":"v1.32.4"})");
  EXPECT_EQ(changed.json["timestamps"]["createdAt"], before.json["timestamps"]["createdAt"]);
  EXPECT_EQ(desk.patch(path, R"({"metadata":"[]"})").message(), "metadata: must be a JSON object of texts");
  for (const char* body : {R"({"name":"other"})", R"({"imageId":"2.0"})", R"({"sha256":""})", R"({"osType":"OS_TYPE_MUTABLE"})",
                           R"({"imageSizeBytes":1})", R"({"description":"words"})", R"({"tlsCaCert":"x"})", R"({"colour":"red"})"}) {
    EXPECT_EQ(desk.patch(path, body).code(), "InvalidArgument") << body;
  }
  EXPECT_EQ(desk.patch(path + "?fieldMask=imageId", "{}").message(), "imageId: cannot change");
  EXPECT_EQ(desk.patch(path + "?fieldMask=description,metadata", "{}").json.contains("metadata"), false);
  EXPECT_EQ(desk.patch("compute/os/os-00000000", "{}").status, 404U);
  EXPECT_EQ(desk.ask_if(Method::patch, path, "\"x\"", "{}").status, 412U);
  desk.register_host("edge-1", uuid_1);
  heard(desk, uuid_1, "1.0");
  EXPECT_EQ(desk.patch(path, R"({"architecture":"riscv"})").code(), "FailedPrecondition") << "a node runs it";
}

TEST(Instances, CanBeGivenWhatTheyHaveAndGetAPolicy) {
  Desk desk;
  const auto host = desk.register_host("edge-1", uuid_1);
  const auto os = desk.create_os("1.0");
  const auto other = desk.create_os("2.0");
  const auto policy = made(desk, "os-update-policies", {{"name", "p"}, {"updatePolicy", "UPDATE_POLICY_LATEST"}});
  const auto id = desk.get("compute/hosts/" + host).json["instance"]["resourceId"].get<std::string>();
  const auto path = "compute/instances/" + id;
  EXPECT_EQ(desk.patch(path, json{{"osID", os}}.dump()).code(), "FailedPrecondition") << "not known yet what it runs";
  heard(desk, uuid_1, "1.0");
  const json as_it_is = {{"name", "edge-1"}, {"kind", "INSTANCE_KIND_METAL"}, {"osID", os}, {"hostID", host}};
  for (const auto method : {Method::patch, Method::put}) {
    const auto same = desk.ask(method, path, as_it_is.dump());
    EXPECT_EQ(same.status, 200U) << same.body;
    EXPECT_EQ(same.json["resourceId"], id);
    EXPECT_NE(same.json["note"].get<std::string>().find("nothing to change"), std::string::npos) << same.body;
    EXPECT_EQ(desk.ask(method, path, desk.get(path).body).status, 200U) << "what was read can be sent back";
    struct Row {
      json body;
      const char* code;
    };
    for (const auto& [body, code] : std::vector<Row>{{{{"name", "other"}}, "InvalidArgument"},
                                                     {{{"kind", "INSTANCE_KIND_UNSPECIFIED"}}, "InvalidArgument"},
                                                     {{{"osID", other}}, "FailedPrecondition"},
                                                     {{{"osID", "nonsense"}}, "InvalidArgument"},
                                                     {{{"hostID", "host-00000000"}}, "FailedPrecondition"},
                                                     {{{"securityFeature", "SECURITY_FEATURE_NONE"}}, "FailedPrecondition"},
                                                     {{{"localAccountID", "localaccount-00000000"}}, "InvalidArgument"},
                                                     {{{"customConfigID", {"customconfig-00000000"}}}, "InvalidArgument"},
                                                     {{{"colour", "red"}}, "InvalidArgument"},
                                                     {{{"osUpdatePolicyID", "osupdatepolicy-00000000"}}, "NotFound"}}) {
      EXPECT_EQ(desk.ask(method, path, body.dump()).code(), code) << body;
    }
  }
  json with = as_it_is;
  with["osUpdatePolicyID"] = policy;
  EXPECT_EQ(desk.put(path, with.dump()).json["updatePolicy"]["resourceId"], policy);
  EXPECT_EQ(desk.put(path, with.dump()).json["note"], "nothing to change");
  EXPECT_EQ(desk.patch(path, as_it_is.dump()).json["updatePolicy"]["resourceId"], policy) << "not given: it stays";
  EXPECT_FALSE(desk.put(path, as_it_is.dump()).json.contains("updatePolicy")) << "as a whole: it goes";

  // A host has had its instance since it was registered.
  const auto adopted = desk.post("compute/instances", with.dump());
  EXPECT_EQ(adopted.status, 200U) << adopted.body;
  EXPECT_EQ(adopted.json["resourceId"], id);
  EXPECT_EQ(adopted.json["updatePolicy"]["resourceId"], policy);
  EXPECT_EQ(desk.post("compute/instances", as_it_is.dump()).json["updatePolicy"]["resourceId"], policy);
  EXPECT_EQ(desk.get("compute/instances").json["totalElements"], 1);
  EXPECT_EQ(desk.post("compute/instances", "{}").message(), "hostID: is required");
  EXPECT_EQ(desk.post("compute/instances", R"({"hostID":"host-00000000","name":"x"})").status, 404U);
  EXPECT_EQ(desk.post("compute/instances", json{{"hostID", host}, {"osID", other}}.dump()).code(), "FailedPrecondition");
  EXPECT_EQ(desk.post("compute/instances", json{{"hostID", host}, {"resourceId", id}}.dump()).status, 400U);

  EXPECT_EQ(desk.erase(path).code(), "FailedPrecondition");
  EXPECT_NE(desk.erase(path).message().find(host), std::string::npos) << "it says what to delete instead";
  EXPECT_EQ(desk.get(path).status, 200U);
}

TEST(Hosts, AreRegisteredOnceAndMayComeAndCannotBeInvalidated) {
  Desk desk;
  const auto host = desk.register_host("edge-1", uuid_1);
  const auto path = "compute/hosts/" + host;
  EXPECT_EQ(desk.put(path, desk.get(path).body).status, 200U) << "what was read can be sent back";
  EXPECT_EQ(desk.patch(path + "/register", R"({"name":"edge-2","autoOnboard":true})").json["name"], "edge-2");
  EXPECT_EQ(desk.patch(path + "/register", "{}").json["note"], "nothing to change");
  EXPECT_EQ(desk.patch(path + "/register", json{{"uuid", uuid_1}}.dump()).status, 200U);
  EXPECT_EQ(desk.patch(path + "/register", json{{"uuid", uuid_2}}.dump()).message(), "uuid: of a host cannot change");
  EXPECT_EQ(desk.patch(path + "/register", R"({"name":"a name of more than 20 bytes"})").status, 400U);
  EXPECT_EQ(desk.patch(path + "/register", R"({"serialNumber":"x"})").status, 400U);
  EXPECT_EQ(desk.ask(Method::patch, path + "/onboard").json, json::object());
  EXPECT_EQ(desk.ask(Method::patch, "compute/hosts/host-00000000/onboard").status, 404U);
  for (const auto& of : {path, "compute/instances/" + host}) {
    const auto refused = desk.put(of + "/invalidate", "");
    EXPECT_EQ(refused.code(), "FailedPrecondition");
    EXPECT_NE(refused.message().find("broker"), std::string::npos);
  }
  EXPECT_EQ(desk.put(path + "/invalidate?note=stolen", "").code(), "FailedPrecondition");
  EXPECT_EQ(desk.put(path + "/invalidate?colour=red", "").code(), "InvalidArgument");
  EXPECT_EQ(desk.put("compute/hosts/host-00000000/invalidate", "").status, 404U);
}

// ---- what is shown -----------------------------------------------------------------------------------------------------

TEST(Statuses, OfEveryKindAreThere) {
  Desk desk;
  const auto path = "compute/hosts/" + desk.register_host("edge-1", uuid_1);
  const auto status = [](const json& from, const std::string& name) {
    EXPECT_TRUE(from[name + "Timestamp"].is_number_integer()) << name;
    return from.value(name, "") + "/" + from.value(name + "Indicator", "").substr(18);
  };
  auto host = desk.get(path).json;
  EXPECT_EQ(status(host, "onboardingStatus"), "Not Connected/UNSPECIFIED");
  EXPECT_EQ(status(host, "registrationStatus"), "Host is Registered/IDLE");
  EXPECT_EQ(status(host["instance"], "trustedAttestationStatus"), "Unknown/UNSPECIFIED");
  EXPECT_FALSE(host["instance"].contains("instanceStatusDetail"));
  desk.create_os("1.0");
  heard(desk, uuid_1, "1.0");
  host = desk.get(path).json;
  EXPECT_EQ(status(host, "onboardingStatus"), "Onboarded/IDLE");
  EXPECT_EQ(desk.get("compute/hosts?filter=onboarding_status%3Donboarded").json["totalElements"], 1);
  EXPECT_EQ(desk.get("compute/hosts?filter=registrationStatusIndicator%3DSTATUS_INDICATION_ERROR").json["totalElements"], 0);
  const auto wrong = made(desk, "compute/os",
                          {{"name", "Other"},
                           {"imageUrl", "x.raw"},
                           {"imageId", "9.0"},
                           {"profileName", "other"},
                           {"osType", "OS_TYPE_IMMUTABLE"},
                           {"osProvider", "OS_PROVIDER_KIND_INFRA"},
                           {"sha256", std::string(64, 'a')}});
  const auto policy = made(desk, "os-update-policies", {{"name", "p"}, {"updatePolicy", "UPDATE_POLICY_TARGET"}, {"targetOsId", wrong}});
  const auto instance =
      desk.patch("compute/instances/" + host["instance"]["resourceId"].get<std::string>(), json{{"osUpdatePolicyID", policy}}.dump()).json;
  EXPECT_FALSE(instance.value("instanceStatusDetail", "").empty()) << "its policy asks for what it cannot run";
  EXPECT_EQ(instance["instanceStatusDetail"], instance["node"]["linkFault"]) << instance.dump();
}

TEST(HostSummary, CountsWhatTheFilterSays) {
  Desk desk;
  const auto site = made(desk, "sites", {{"name", "oslo"}});
  made(desk, "compute/hosts", {{"name", "edge-1"}, {"uuid", uuid_1}, {"siteId", site}});
  made(desk, "compute/hosts", {{"name", "edge-2"}, {"uuid", uuid_2}});
  const auto counts = [&](const std::string& query) {
    const auto answered = desk.get("compute/hosts/summary" + query);
    return answered.status != 200
               ? answered.code()
               : std::to_string(answered.json["total"].get<int>()) + " " + std::to_string(answered.json["unallocated"].get<int>());
  };
  EXPECT_EQ(counts(""), "2 1");
  EXPECT_EQ(counts("?filter=site.resourceId%3D" + site), "1 0");
  EXPECT_EQ(counts("?filter=-has(site)"), "1 1");
  EXPECT_EQ(counts("?filter=name%3Dnobody"), "0 0");
  EXPECT_EQ(counts("?filter=colour%3Dred"), "InvalidArgument");
  EXPECT_EQ(counts("?pageSize=1"), "InvalidArgument");
  EXPECT_EQ(desk.get("compute/hosts_summary?filter=name%3Dedge-2").json["total"], 1);
}

TEST(Runs, AreDescribedByTheNameOfWhatRan) {
  Desk desk;
  desk.register_host("edge-1", uuid_1);
  const auto old = desk.create_os("1.0");
  desk.create_os("2.0");
  heard(desk, uuid_1, "1.0");
  const auto policy = made(desk, "os-update-policies", {{"name", "p"}, {"updatePolicy", "UPDATE_POLICY_LATEST"}});
  const auto instance = desk.get("compute/hosts/edge-1").json["instance"]["resourceId"].get<std::string>();
  ASSERT_EQ(desk.patch("compute/instances/" + instance, json{{"osUpdatePolicyID", policy}}.dump()).status, 200U);
  const auto runs = desk.get("os-update-runs").json["osUpdateRuns"];
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0]["fromOsImageId"], "1.0");
  EXPECT_EQ(runs[0]["description"], "OS update for Demo 1.0");
  EXPECT_EQ(desk.get("os-update-runs/" + runs[0]["resourceId"].get<std::string>()).json["description"], "OS update for Demo 1.0");
  EXPECT_EQ(desk.get("os-update-runs?filter=description%3D%22Demo%201.0%22").json["totalElements"], 1);
}

}  // namespace
}  // namespace abide::test
