#include <gtest/gtest.h>

#include "tests/unit/orchestrator/desk.hpp"

namespace abide::test {
namespace {

using nlohmann::json;

TEST(Api, AnswersErrorsWithCodeAndMessage) {
  Desk desk;
  struct Row {
    api::Method method;
    const char* path;
    const char* body;
    unsigned status;
    const char* code;
  };
  using api::Method;
  const std::vector<Row> table = {
      {Method::get, "/", "", 404, "NotFound"},
      {Method::get, "/v1/projects/other/compute/os", "", 404, "NotFound"},
      {Method::get, "nothing", "", 404, "NotFound"},
      {Method::get, "compute/os/os-00000000", "", 404, "NotFound"},
      {Method::get, "compute/os/a/b", "", 404, "NotFound"},
      {Method::get, "os-update-policies/osupdatepolicy-00000000", "", 404, "NotFound"},
      {Method::get, "os-update-runs/osupdaterun-00000000", "", 404, "NotFound"},
      {Method::get, "compute/hosts/host-00000000", "", 404, "NotFound"},
      {Method::get, "compute/hosts/host-00000000/explain", "", 404, "NotFound"},
      {Method::get, "schedules/single/singlesche-00000000", "", 404, "NotFound"},
      {Method::erase, "compute/os/os-00000000", "", 404, "NotFound"},
      {Method::post, "compute/hosts/host-00000000/pause", "", 404, "NotFound"},
      {Method::get, "compute/os?filter=", "", 400, "InvalidArgument"},
      {Method::get, "compute/os?filter=colour%3Dred", "", 400, "InvalidArgument"},
      {Method::get, "compute/os?colour=red", "", 400, "InvalidArgument"},
      {Method::get, "compute/os?pageSize=101", "", 400, "InvalidArgument"},
      {Method::get, "schedules?hostId=host-1", "", 400, "InvalidArgument"},
      {Method::get, "schedules?hostId=host-00000000&siteId=site-00000000", "", 400, "InvalidArgument"},
      {Method::get, "events?since=yesterday", "", 400, "InvalidArgument"},
      {Method::put, "compute/os", "{}", 405, "Unimplemented"},
      {Method::other, "compute/os", "", 405, "Unimplemented"},
      {Method::post, "compute/os", "", 400, "InvalidArgument"},
      {Method::post, "compute/os", "[]", 400, "InvalidArgument"},
      {Method::post, "compute/hosts/register", R"({"uuid":"nonsense"})", 400, "InvalidArgument"},
      {Method::post, "compute/hosts/register", R"({"name":"a name of more than 20 bytes","uuid":"11111111-2222-3333-4444-555555555551"})",
       400, "InvalidArgument"},
      {Method::get, "/v1/projects/demo/compute/os?x=%zz", "", 400, "InvalidArgument"},
  };
  for (const auto& row : table) {
    const auto answered = desk.ask(row.method, row.path, row.body);
    EXPECT_EQ(answered.status, row.status) << row.path << " " << answered.body;
    EXPECT_EQ(answered.code(), row.code) << row.path << " " << answered.body;
    EXPECT_FALSE(answered.message().empty()) << row.path;
  }
}

TEST(Api, ServesTheSameThingUnderItsOtherNames) {
  Desk desk;
  desk.create_os("1.0");
  for (const auto& [name, alias] : std::vector<std::pair<std::string, std::string>>{{"compute/os", "compute/operating_systems"},
                                                                                    {"os-update-policies", "os_update_policy"},
                                                                                    {"os-update-runs", "os_update_run"},
                                                                                    {"schedules", "compute/schedules"},
                                                                                    {"sources", "profiles/sources"},
                                                                                    {"schedules/single", "compute/schedules/single"},
                                                                                    {"compute/hosts/summary", "compute/hosts_summary"}}) {
    EXPECT_EQ(desk.get(name).status, 200U) << name;
    EXPECT_EQ(desk.get(name).body, desk.get(alias).body) << alias;
  }
}

TEST(Api, ShowsReleaseSourcesWithWhatTheStoreAndTheProcessKnow) {
  Desk desk;
  desk.fleet.take(fleet::ProfilesRead{{}, {{"oci://r/demo:1", "not YAML"}, {"lists/a.json", "the list is empty"}}, {}});
  desk.fleet.times = {{"oci://r", "", true, 7, 0, 1'795'000'000'000, 1'795'000'060'000, 1'795'000'060'000, 1'795'000'960'000},
                      {"oci://r/demo:1", "not YAML", false, 0, 3, 1, 1'795'000'050'000, 1'795'000'000'000, 1'795'001'000'000}};
  const auto page = desk.get("profiles/sources").json;
  EXPECT_EQ(page["totalElements"], 3);
  EXPECT_EQ(page["sources"], json::parse(R"([
    {"name":"lists/a.json","error":"the list is empty","since":"2026-11-18T11:06:40.000Z"},
    {"name":"oci://r","error":"","since":"2026-11-18T11:06:40.000Z","found":7,"lastTryAt":"2026-11-18T11:07:40.000Z",
     "lastSuccessAt":"2026-11-18T11:07:40.000Z","nextTryAt":"2026-11-18T11:22:40.000Z"},
    {"name":"oci://r/demo:1","error":"not YAML","since":"2026-11-18T11:06:40.000Z","attempts":3,"lastTryAt":"2026-11-18T11:07:30.000Z",
     "lastSuccessAt":"2026-11-18T11:06:40.000Z","nextTryAt":"2026-11-18T11:23:20.000Z"}])"));
  EXPECT_EQ(desk.get("sources?pageSize=1&offset=1").json["sources"][0]["name"], "oci://r");
}

TEST(Api, ShowsTheListsOfAnOsResourceWhereItIsAskedFor) {
  Desk desk;
  const auto list = [](const std::string& text) {
    return std::make_shared<const fleet::ReleaseList>(fleet::ReleaseList{text, sha256(text)});
  };
  const auto id = desk.create_os("1.0");
  const auto& resource = desk.fleet.state().os_resources.at(id).value;
  fleet::ProfilesRead read;
  read.lists[{resource.profile_name, "1.0"}] = {list(R"({"Repo":[]})"), list(R"([{"cve_id":"CVE-1"}])"), nullptr};
  desk.fleet.take(read);
  const auto os = desk.get("compute/os/" + id).json;
  EXPECT_EQ(os["installedPackages"], R"({"Repo":[]})");
  EXPECT_EQ(os["existingCves"], R"([{"cve_id":"CVE-1"}])");
  EXPECT_FALSE(os.contains("fixedCves"));
  EXPECT_EQ(desk.get("compute/os").json["OperatingSystemResources"][0], os);
  EXPECT_EQ(desk.get("compute/os?filter=existingCves%3D%22CVE-1%22").json["totalElements"], 1);
  EXPECT_EQ(desk.get("compute/os?filter=existingCves%3D%22CVE-2%22").json["totalElements"], 0);
  EXPECT_EQ(desk.ask_if(api::Method::erase, "compute/os/" + id, desk.get("compute/os/" + id).tag).status, 200U) << "a tag with lists";
  EXPECT_EQ(fleet::read_os_text(desk.fleet.store, desk.fleet.scope(), id, OsList::existing_cves).value(), "");
}

TEST(Api, MakesAnOsResourceAndShowsIt) {
  Desk desk;
  const auto id = desk.create_os("1.0");
  const auto os = desk.get("compute/os/" + id).json;
  EXPECT_EQ(os["osResourceID"], id);
  EXPECT_EQ(os["imageId"], "1.0");
  EXPECT_EQ(os["sha256"], to_hex(sha256("1.0")));
  EXPECT_EQ(os["rawSha256"], os["sha256"]) << "an uncompressed image is what stands in the slot";
  EXPECT_EQ(desk.fleet.state().os_resources.at(id).value.urls, std::vector<std::string>{"http://files.example/root/images/demo.raw"});
  EXPECT_EQ(desk.erase("compute/os/" + id).json, json::object());
  EXPECT_EQ(desk.get("compute/os/" + id).status, 404U);
}

// The matrix of the contract that this follows, every pairing of a policy with what can be set; empty: it is made.
TEST(Api, ChecksPoliciesAsTheContractSays) {
  Desk desk;
  const auto os = desk.create_os("1.0");
  const auto ubuntu =
      desk.post("compute/os", R"({"name":"Ubuntu","imageUrl":"u.raw","imageId":"22.04","profileName":"ubuntu","architecture":"x86_64",)"
                              R"("osType":"OS_TYPE_MUTABLE","osProvider":"OS_PROVIDER_KIND_INFRA","sha256":")" +
                                  to_hex(sha256("u")) + "\"}")
          .json.at("resourceId")
          .get<std::string>();
  const std::string no_type = "OS Update Policy type cannot be unspecified";
  const std::string nothing_else = "With Policy LATEST, no fields should be set";
  const std::string exclusive = "Fields for mutable and immutable OSes are mutually exclusive";
  const std::string not_served = "updatePackages, updateSources and updateKernelCommand are not served by this version";
  const std::string target = R"("targetOsId":")" + os + "\"";
  const std::string packages = R"("updatePackages":"curl")", sources = R"("updateSources":["deb x"])";
  const std::string kernel = R"("updateKernelCommand":"quiet")";
  struct Row {
    std::string type, fields, message;
    unsigned status = 400;
  };
  const std::vector<Row> table = {
      {"", "", no_type},
      {"", target, no_type},
      {"UPDATE_POLICY_UNSPECIFIED", "", no_type},
      {"UPDATE_POLICY_UNSPECIFIED", target, no_type},
      {"UPDATE_POLICY_NEVER", "", "updatePolicy: must be one of UPDATE_POLICY_UNSPECIFIED, UPDATE_POLICY_LATEST, UPDATE_POLICY_TARGET"},
      {"UPDATE_POLICY_LATEST", "", ""},
      {"UPDATE_POLICY_LATEST", R"("targetOsId":"","updatePackages":"","updateSources":[],"updateKernelCommand":"")", ""},
      {"UPDATE_POLICY_LATEST", target, nothing_else},
      {"UPDATE_POLICY_LATEST", packages, nothing_else},
      {"UPDATE_POLICY_LATEST", sources, nothing_else},
      {"UPDATE_POLICY_LATEST", kernel, nothing_else},
      {"UPDATE_POLICY_LATEST", R"("allowDowngrade":true)", nothing_else},
      {"UPDATE_POLICY_LATEST", R"("allowProfileChange":true)", nothing_else},
      {"UPDATE_POLICY_TARGET", "", exclusive},
      {"UPDATE_POLICY_TARGET", R"("targetOsId":"")", exclusive},
      {"UPDATE_POLICY_TARGET", R"("allowDowngrade":true)", exclusive},
      {"UPDATE_POLICY_TARGET", target, ""},
      {"UPDATE_POLICY_TARGET", target + R"(,"allowDowngrade":true)", ""},
      {"UPDATE_POLICY_TARGET", target + R"(,"allowProfileChange":true)", ""},
      {"UPDATE_POLICY_TARGET", target + R"(,"updatePackages":"","updateSources":[],"updateKernelCommand":"")", ""},
      {"UPDATE_POLICY_TARGET", target + "," + packages, exclusive},
      {"UPDATE_POLICY_TARGET", target + "," + sources, exclusive},
      {"UPDATE_POLICY_TARGET", target + "," + packages + "," + kernel, exclusive},
      {"UPDATE_POLICY_TARGET", target + "," + kernel, not_served},
      {"UPDATE_POLICY_TARGET", packages, not_served + ": give targetOsId"},
      {"UPDATE_POLICY_TARGET", sources, not_served + ": give targetOsId"},
      {"UPDATE_POLICY_TARGET", packages + "," + sources + "," + kernel, not_served + ": give targetOsId"},
      {"UPDATE_POLICY_TARGET", kernel, not_served + ": give targetOsId"},
      {"UPDATE_POLICY_TARGET", R"("targetOsId":"os-00000000")", "no OS resource os-00000000", 404},
      {"UPDATE_POLICY_TARGET", R"("targetOsId":")" + ubuntu + "\"", "OS resource " + ubuntu + " is not immutable: OS_TYPE_MUTABLE"},
      {"UPDATE_POLICY_TARGET", R"("updateSources":"deb x")", "updateSources: must be a list"},
  };
  std::size_t made_ones = 0;
  for (const auto& row : table) {
    const std::string body = "{\"name\":\"p" + std::to_string(made_ones) + "\"" +
                             (row.type.empty() ? "" : R"(,"updatePolicy":")" + row.type + "\"") +
                             (row.fields.empty() ? "" : "," + row.fields) + "}";
    const auto answered = desk.post("os-update-policies", body);
    EXPECT_EQ(answered.status, row.message.empty() ? 200U : row.status) << body << answered.body;
    EXPECT_EQ(answered.message(), row.message) << body;
    if (!row.message.empty()) {
      EXPECT_EQ(answered.code(), row.status == 404 ? "NotFound" : "InvalidArgument") << body;
    }
    made_ones += row.message.empty() ? 1 : 0;
  }
  EXPECT_EQ(desk.get("os-update-policies").json["totalElements"], made_ones) << "what is refused leaves nothing";
  const auto nameless = desk.post("os-update-policies", R"({"updatePolicy":"UPDATE_POLICY_LATEST"})");
  EXPECT_EQ(nameless.status, 400U);
  EXPECT_EQ(nameless.message(), "name: is required");
  const auto made =
      desk.post("os-update-policies", R"({"name":"pin","updatePolicy":"UPDATE_POLICY_TARGET","targetOsId":")" + os + "\"}").json;
  EXPECT_EQ(made["targetOs"]["resourceId"], os);
  EXPECT_EQ(desk.erase("compute/os/" + os).code(), "FailedPrecondition") << "a policy refers to it";
  EXPECT_EQ(desk.get("os-update-policies?filter=targetOs.imageId%3D%221.0%22%20AND%20name%3D%22pin%22").json["totalElements"], 1);
}

// An image path is the part of a URL, as that of a profile is.
TEST(Api, TakesNoImagePathThatLeadsElsewhereAndEscapesTheRest) {
  Desk desk;
  const auto create = [&](const std::string& url) {
    return desk.post("compute/os", R"({"name":"Demo","imageUrl":")" + url +
                                       R"(","imageId":"1.0","profileName":"demo","architecture":"x86_64","osType":"OS_TYPE_IMMUTABLE",)"
                                       R"("osProvider":"OS_PROVIDER_KIND_INFRA","sha256":")" +
                                       to_hex(sha256("1.0")) + "\"}");
  };
  for (const char* url :
       {"../../../etc/x y#z.raw", "/etc/passwd", "images/../../x.raw", "..", "file:///etc/passwd", "ftp://h/x.raw", R"(images\\x.raw)"}) {
    const auto refused = create(url);
    EXPECT_EQ(refused.status, 400U) << url;
    EXPECT_EQ(refused.message(), "imageUrl: is neither an http(s) URL nor a path below the release service") << url;
  }
  EXPECT_TRUE(desk.fleet.state().os_resources.empty());
  const auto made = create("images/x y#z?.raw").json.at("resourceId").get<std::string>();
  EXPECT_EQ(desk.fleet.state().os_resources.at(made).value.urls,
            std::vector<std::string>{"http://files.example/root/images/x%20y%23z%3F.raw"});
}

TEST(Api, TellsOfEachScheduleWhetherItOpensWindowsForUpdates) {
  for (const bool maintenance_updates : {false, true}) {
    Desk desk;
    api::Api api{
        desk.fleet, {"http://files.example/root", nullptr, maintenance_updates}, [](const std::function<void()>& work) { work(); }};
    std::string told;
    for (const char* status : {"OS_UPDATE", "MAINTENANCE", "BLACKOUT"}) {
      const auto answered = std::make_shared<Told>();
      api::HttpRequest request;
      request.method = api::Method::post;
      request.target = "/v1/projects/demo/schedules/single";
      request.body = R"({"scheduleStatus":"SCHEDULE_STATUS_)" + std::string(status) + R"(","startSeconds":1800000000})";
      api.handle(request, answered);
      ASSERT_TRUE(answered->response);
      told += json::parse(answered->response->body).at("opensForUpdates").get<bool>() ? "1" : "0";
    }
    EXPECT_EQ(told, maintenance_updates ? "110" : "100");
  }
}

TEST(Api, FindsAHostByEveryNameItHas) {
  Desk desk;
  const auto id = desk.register_host("edge-1", uuid_1);
  const auto instance = desk.get("compute/hosts/" + id).json["instance"]["resourceId"].get<std::string>();
  for (const std::string& name : {id, instance, std::string("edge-1"), std::string(uuid_1)}) {
    EXPECT_EQ(desk.get("compute/hosts/" + name).json["resourceId"], id) << name;
    EXPECT_EQ(desk.get("compute/instances/" + name).json["resourceId"], instance) << name;
  }
  desk.register_host("edge-1", uuid_2);
  EXPECT_EQ(desk.get("compute/hosts/edge-1").code(), "FailedPrecondition") << "two have this name now";
  EXPECT_EQ(desk.get("compute/hosts/" + id).status, 200U);
}

TEST(Api, LinksAndUnlinksAPolicy) {
  Desk desk;
  const auto host = desk.register_host("edge-1", uuid_1);
  const auto instance = desk.get("compute/hosts/" + host).json["instance"]["resourceId"].get<std::string>();
  const auto policy =
      desk.post("os-update-policies", R"({"name":"latest","updatePolicy":"UPDATE_POLICY_LATEST"})").json["resourceId"].get<std::string>();
  const auto linked = desk.patch("compute/instances/" + instance, R"({"osUpdatePolicyID":")" + policy + "\"}");
  ASSERT_EQ(linked.status, 200U) << linked.body;
  EXPECT_EQ(linked.json["updatePolicy"]["resourceId"], policy);
  EXPECT_EQ(desk.get("compute/hosts?filter=instance.updatePolicy.resourceId%3D" + policy).json["totalElements"], 1);
  EXPECT_EQ(desk.erase("os-update-policies/" + policy).code(), "FailedPrecondition");
  const auto unlinked = desk.patch("compute/instances/" + instance, R"({"osUpdatePolicyID":""})");
  EXPECT_FALSE(unlinked.json.contains("updatePolicy")) << unlinked.body;
  EXPECT_EQ(desk.patch("compute/instances/" + instance, R"({"osUpdatePolicyID":"latest"})").status, 400U);
  EXPECT_EQ(desk.patch("compute/instances/" + instance, R"({})").json["note"], "nothing to change");
  EXPECT_EQ(desk.patch("compute/instances/" + instance, R"({"osID":"os-00000000","osUpdatePolicyID":""})").code(), "FailedPrecondition");
  EXPECT_EQ(
      desk.patch("compute/instances/" + instance + "?fieldMask=osUpdatePolicyID", R"({"osID":"os-00000000","osUpdatePolicyID":""})").status,
      200U)
      << "what the mask does not name is not looked at";
}

TEST(Api, KeepsSchedulesAsTheyAreGivenAndEdited) {
  Desk desk;
  const auto host = desk.register_host("edge-1", uuid_1);
  const auto start = desk.fleet.now.wall_ms / 1000 + 3'600;
  const auto text = [](std::int64_t number) { return std::to_string(number); };
  const auto made =
      desk.post("schedules/single", R"({"name":"night","scheduleStatus":"SCHEDULE_STATUS_OS_UPDATE","startSeconds":)" + text(start) +
                                        R"(,"endSeconds":)" + text(start + 60) + R"(,"targetHostId":")" + host + "\"}");
  ASSERT_EQ(made.status, 200U) << made.body;
  const auto id = made.json["resourceId"].get<std::string>();
  EXPECT_EQ(made.json["targetHost"]["name"], "edge-1");
  EXPECT_EQ(desk.get("schedules/single/" + id).json["singleScheduleID"], id);
  EXPECT_EQ(desk.get("schedules?hostId=" + host).json["singleSchedules"].size(), 1U);
  EXPECT_EQ(desk.get("schedules?hostId=null").json["singleSchedules"].size(), 0U);
  EXPECT_EQ(desk.get("schedules?hostId=host-00000000").json["totalElements"], 0);
  EXPECT_EQ(desk.get("schedules?siteId=site-00000000").json["totalElements"], 0);
  EXPECT_EQ(desk.get("schedules/single?unixEpoch=" + text(start + 30)).json["totalElements"], 1);
  EXPECT_EQ(desk.get("schedules/single?unixEpoch=" + text(start + 61)).json["totalElements"], 0);

  EXPECT_EQ(desk.patch("schedules/single/" + id, R"({"name":"late night"})").json["endSeconds"], start + 60) << "the rest stays";
  EXPECT_FALSE(desk.patch("schedules/single/" + id, R"({"endSeconds":0})").json.contains("endSeconds")) << "open-ended";
  const auto put =
      desk.put("schedules/single/" + id, R"({"scheduleStatus":"SCHEDULE_STATUS_MAINTENANCE","startSeconds":)" + text(start) + "}");
  EXPECT_FALSE(put.json.contains("name")) << "PUT sets everything";
  EXPECT_FALSE(put.json.contains("targetHost"));
  EXPECT_EQ(put.json["scheduleStatus"], "SCHEDULE_STATUS_MAINTENANCE");
  EXPECT_EQ(desk.post("schedules/single", R"({"scheduleStatus":"SCHEDULE_STATUS_OS_UPDATE","startSeconds":1})").code(), "InvalidArgument")
      << "the past";
  EXPECT_EQ(desk.post("schedules/single", R"({"scheduleStatus":"SCHEDULE_STATUS_OS_UPDATE"})").message(), "startSeconds: is required");
  EXPECT_EQ(desk.erase("schedules/single/" + id).json, json::object());
  EXPECT_EQ(desk.get("schedules/single/" + id).status, 404U);
}

TEST(Api, SaysWhatAHostWaitsFor) {
  Desk desk;
  const auto host = desk.register_host("edge-1", uuid_1);
  const auto explained = desk.get("compute/hosts/" + host + "/explain").json;
  EXPECT_EQ(explained["uuid"], uuid_1);
  ASSERT_FALSE(explained["conditions"].empty());
  EXPECT_FALSE(explained["conditions"][0]["text"].get<std::string>().empty());
}

TEST(Api, ShowsLiveProgressOnlyWhereItFitsTheJournal) {
  Desk desk;
  const auto host = desk.register_host("edge-1", uuid_1);
  const auto node = parse_node_id(uuid_1).value();
  Progress progress;
  progress.phase = Phase::idle;
  progress.percent = 42;
  desk.fleet.live_nodes.progress("demo", node, progress, desk.fleet.now.wall_ms);
  EXPECT_EQ(desk.get("compute/hosts/" + host).json["instance"]["updateProgress"]["percent"], 42);
  progress.phase = Phase::staging;  // the journal still says Idle
  desk.fleet.live_nodes.progress("demo", node, progress, desk.fleet.now.wall_ms);
  EXPECT_FALSE(desk.get("compute/hosts/" + host).json["instance"]["updateProgress"].contains("percent"));
  EXPECT_EQ(desk.get("compute/hosts/" + host).json["instance"]["updateProgress"]["phase"], "Idle");
}

TEST(Api, RefusesWritesWhileTheInboxIsFull) {
  Desk desk;
  const auto host = desk.register_host("edge-1", uuid_1);
  desk.fleet.full = true;
  EXPECT_EQ(desk.post("compute/hosts/register", R"({"name":"x","uuid":"11111111-2222-3333-4444-555555555552"})").status, 503U);
  EXPECT_EQ(desk.get("compute/hosts/" + host + "/explain").status, 503U);
  EXPECT_EQ(desk.put("/v1/projects/other", "").code(), "Unavailable");
  EXPECT_EQ(desk.get("compute/hosts").status, 200U) << "reads go on";
}

}  // namespace
}  // namespace abide::test
