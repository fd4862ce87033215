#include <gtest/gtest.h>

#include "tests/unit/orchestrator/desk.hpp"

namespace abide::test {
namespace {

using nlohmann::json;

std::string made(Desk& desk, const std::string& path, const json& body) {
  const auto answered = desk.post(path, body.dump());
  EXPECT_EQ(answered.status, 200U) << path << " " << answered.body;
  return answered.json.value("resourceId", "");
}

struct Tree {
  Desk desk;
  std::string europe =
      made(desk, "regions", {{"name", "europe"}, {"metadata", {{{"key", "tier"}, {"value", "gold"}}, {{"key", "zone"}, {"value", "eu"}}}}});
  std::string france = made(desk, "regions",
                            {{"name", "france"},
                             {"parentId", europe},
                             {"metadata", {{{"key", "country"}, {"value", "fr"}}, {{"key", "zone"}, {"value", "eu-west"}}}}});
  std::string asia = made(desk, "regions", {{"name", "asia"}});
  std::string paris = made(desk, "regions/" + france + "/sites", {{"name", "paris"}, {"siteLat", 488566000}, {"siteLng", 23522000}});
  std::string osaka = made(desk, "sites", {{"name", "osaka"}, {"regionId", asia}});
  std::string policy = made(desk, "os-update-policies", {{"name", "latest"}, {"updatePolicy", "UPDATE_POLICY_LATEST"}});
};

TEST(Regions, LieInEachOtherAndInheritMetadataFromTheNearest) {
  Tree tree;
  const auto france = tree.desk.get("regions/" + tree.france).json;
  EXPECT_EQ(france["regionID"], tree.france);
  EXPECT_EQ(france["parentRegion"]["resourceId"], tree.europe);
  EXPECT_EQ(france["inheritedMetadata"], (json{{{"key", "tier"}, {"value", "gold"}}})) << "its own zone is nearer";
  const auto paris = tree.desk.get("sites/" + tree.paris).json;
  EXPECT_EQ(paris["siteID"], tree.paris);
  EXPECT_EQ(paris["siteLat"], 488566000);
  EXPECT_EQ(paris["region"]["parentRegion"]["name"], "europe");
  EXPECT_EQ(paris["inheritedMetadata"].size(), 3U) << paris;
  EXPECT_EQ(paris["inheritedMetadata"][1]["value"], "eu-west");
  EXPECT_FALSE(tree.desk.get("sites/" + tree.osaka).json.contains("siteLat")) << "nobody said where it is";
}

TEST(Regions, AreListedFilteredSortedAndCounted) {
  Tree tree;
  auto& desk = tree.desk;
  const std::vector<std::pair<std::string, int>> table = {
      {"regions", 3},
      {"regions?filter=NOT%20has(parentRegion)", 2},
      {"regions?filter=parent_region.resource_id%3D'" + tree.europe + "'", 1},
      {"regions?filter=name%3D\"a\"", 2},
      {"regions?filter=metadata%3D'{\"key\":\"country\",\"value\":\"fr\"}'", 1},
      {"sites", 2},
      {"sites?regionId=" + tree.france, 1},
      {"sites?regionId=*", 2},
      {"regions/*/sites", 2},
      {"regions/" + tree.asia + "/sites", 1},
      {"regions/" + tree.europe + "/sites", 0},
      {"regions/region-00000000/sites", 0},
      {"sites?filter=region.parentRegion.resourceId%3D" + tree.europe, 1},
      {"sites?filter=region.resourceId%3D" + tree.asia + "%20OR%20name%3Dparis", 2},
  };
  for (const auto& [path, count] : table) EXPECT_EQ(desk.get(path).json["totalElements"], count) << path << desk.get(path).body;
  const auto sorted = desk.get("regions?orderBy=name%20desc&pageSize=2&showTotalSites=true").json;
  ASSERT_EQ(sorted["regions"].size(), 2U);
  EXPECT_EQ(sorted["hasNext"], true);
  EXPECT_EQ(sorted["regions"][0]["name"], "france");
  EXPECT_EQ(sorted["regions"][0]["totalSites"], 1);
  EXPECT_EQ(sorted["regions"][1]["name"], "europe");
  EXPECT_EQ(sorted["regions"][1]["totalSites"], 1) << "with those below";
  EXPECT_FALSE(desk.get("regions").json["regions"][0].contains("totalSites"));
}

TEST(Regions, AreEditedInPartOrAsAWhole) {
  Tree tree;
  auto& desk = tree.desk;
  const auto path = "regions/" + tree.france;
  EXPECT_EQ(desk.patch(path, R"({"name":"La France"})").json["parentRegion"]["resourceId"], tree.europe) << "the rest stays";
  EXPECT_EQ(desk.patch(path, R"({"metadata":[]})").json.contains("metadata"), false);
  EXPECT_FALSE(desk.patch(path + "?fieldMask=parentId", R"({"name":"x","parentId":""})").json.contains("parentRegion"));
  EXPECT_EQ(desk.get(path).json["name"], "La France") << "not in the mask";
  const auto put = desk.put(path, R"({"name":"france","resourceId":")" + tree.france + R"(","parentId":")" + tree.asia + "\"}");
  EXPECT_EQ(put.json["parentRegion"]["name"], "asia") << put.body;
  EXPECT_EQ(desk.patch("regions/" + tree.asia, R"({"parentId":")" + tree.france + "\"}").code(), "InvalidArgument") << "no rings";
  const auto site = desk.put("regions/" + tree.france + "/sites/" + tree.paris, R"({"name":"Paris"})");
  EXPECT_FALSE(site.json.contains("region") || site.json.contains("siteLat")) << site.body;
  EXPECT_EQ(desk.patch("sites/" + tree.paris, R"({"regionId":")" + tree.asia + R"(","siteLng":-5})").json["region"]["name"], "asia");
  EXPECT_EQ(desk.get("sites/" + tree.paris).json["siteLng"], -5);
}

TEST(Regions, AreDeletedOnlyWhenNothingIsInThem) {
  Tree tree;
  auto& desk = tree.desk;
  EXPECT_EQ(desk.erase("regions/" + tree.europe).code(), "FailedPrecondition");
  EXPECT_EQ(desk.erase("regions/" + tree.france).code(), "FailedPrecondition");
  EXPECT_EQ(desk.erase("regions/" + tree.france + "/sites/" + tree.paris).json, json::object());
  EXPECT_EQ(desk.erase("regions/" + tree.france).json, json::object());
  EXPECT_EQ(desk.erase("regions/" + tree.france).status, 404U);
  EXPECT_EQ(desk.get("sites/" + tree.paris).status, 404U);
}

TEST(Regions, RefuseWhatTheContractDoesNotAllow) {
  Tree tree;
  auto& desk = tree.desk;
  const std::vector<std::pair<std::string, std::string>> table = {
      {R"({})", "name: is required"},
      {R"({"name":""})", "name: must not be empty"},
      {R"({"name":"a","resourceId":"region-00000000"})", "resourceId: is given by the server"},
      {R"({"name":"a","parentId":"europe"})", "parentId: must be region- and 8 hex digits"},
      {R"({"name":"a","metadata":{}})", "metadata: must be a list of at most 100 items"},
      {R"({"name":"a","metadata":["x"]})", "metadata: must be a list of objects with the texts key and value"},
      {R"({"name":"a","metadata":[{"key":"a","value":"b"},{"key":"a","value":"c"}]})", "metadata: has the key a twice"},
      {R"({"name":"a","osUpdatePolicyID":"newest"})", "osUpdatePolicyID: must be osupdatepolicy- and 8 hex digits"},
      {R"({"name":"a","colour":"red"})", "colour: is not a known field"},
  };
  for (const auto& [body, message] : table) {
    EXPECT_EQ(desk.post("regions", body).status, 400U) << body;
    EXPECT_EQ(desk.post("regions", body).message(), message) << body;
  }
  for (const char* key : {"A", "a b", "-a", "a-", "1", "/a", "B/a", "a/-", "a/b/c"})
    EXPECT_EQ(desk.post("regions", json{{"name", "a"}, {"metadata", {{{"key", key}, {"value", "v"}}}}}.dump()).status, 400U) << key;
  for (const char* key : {"a", "a1", "1a", "a.b-c_d", "kubernetes.io/arch", "a/1"})
    EXPECT_EQ(desk.post("regions", json{{"name", "a"}, {"metadata", {{{"key", key}, {"value", "v"}}}}}.dump()).status, 200U) << key;
  for (const char* value : {"A", "a/b", "-a", "a."})
    EXPECT_EQ(desk.post("regions", json{{"name", "a"}, {"metadata", {{{"key", "a"}, {"value", value}}}}}.dump()).status, 400U) << value;
  EXPECT_EQ(desk.post("sites", R"({"name":"a","siteLat":900000001})").message(), "siteLat: must be between -900000000 and 900000000");
  EXPECT_EQ(desk.post("sites", R"({"name":"a","regionId":"region-00000000"})").status, 404U);
  EXPECT_EQ(desk.post("regions/" + tree.asia + "/sites", R"({"name":"a","regionId":")" + tree.france + "\"}").status, 400U);
  EXPECT_EQ(desk.get("regions?showTotalSites=yes").status, 400U);
  EXPECT_EQ(desk.get("sites?regionId=europe").status, 400U);
  EXPECT_EQ(desk.patch("regions/region-00000000", R"({"name":"a"})").status, 404U);
  EXPECT_EQ(desk.post("regions/" + tree.asia, "{}").status, 405U);
}

TEST(Regions, LinkPoliciesOnTheirOwnOrWithOtherChanges) {
  Tree tree;
  auto& desk = tree.desk;
  const auto path = "regions/" + tree.europe;
  EXPECT_EQ(desk.patch(path, R"({"name":"EU","osUpdatePolicyID":")" + tree.policy + "\"}").json["updatePolicy"]["resourceId"], tree.policy);
  EXPECT_EQ(desk.get(path).json["name"], "EU");
  EXPECT_EQ(desk.get("regions?filter=updatePolicy.name%3Dlatest").json["totalElements"], 1);
  EXPECT_EQ(desk.erase("os-update-policies/" + tree.policy).code(), "FailedPrecondition") << "a region has it";
  EXPECT_EQ(desk.put(path, R"({"name":"europe"})").json["updatePolicy"]["resourceId"], tree.policy) << "not given: it stays";
  EXPECT_EQ(desk.patch(path, R"({"name":"X","osUpdatePolicyID":"osupdatepolicy-00000000"})").status, 404U);
  EXPECT_EQ(desk.get(path).json["name"], "europe") << "nothing of a refused change is kept";
  EXPECT_FALSE(desk.patch(path, R"({"osUpdatePolicyID":""})").json.contains("updatePolicy"));
  EXPECT_EQ(desk.patch("sites/" + tree.paris, R"({"osUpdatePolicyID":")" + tree.policy + "\"}").json["updatePolicy"]["name"], "latest");
}

TEST(Hosts, ArePlacedAndShowWhatTheyInherit) {
  Tree tree;
  auto& desk = tree.desk;
  const auto host = desk.register_host("edge-1", uuid_1);
  const auto path = "compute/hosts/" + host;
  EXPECT_EQ(desk.get("compute/hosts/summary").json["unallocated"], 1);
  const auto placed =
      desk.patch(path, R"({"name":"edge-one","siteId":")" + tree.paris + R"(","metadata":[{"key":"tier","value":"lead"}]})");
  ASSERT_EQ(placed.status, 200U) << placed.body;
  EXPECT_EQ(placed.json["name"], "edge-one");
  EXPECT_EQ(placed.json["site"]["region"]["parentRegion"]["resourceId"], tree.europe);
  EXPECT_EQ(placed.json["metadata"][0]["value"], "lead");
  EXPECT_EQ(placed.json["inheritedMetadata"].size(), 2U) << "its own tier is nearer: " << placed.body;
  EXPECT_EQ(desk.get("compute/hosts/summary").json["unallocated"], 0);
  for (const auto& filter : {"site.resourceId%3D" + tree.paris, "site.region.resourceId%3D" + tree.france,
                             "site.region.parent_region.resource_id%3D" + tree.europe, std::string("has(site)")})
    EXPECT_EQ(desk.get("compute/hosts?filter=" + filter).json["totalElements"], 1) << filter;
  EXPECT_EQ(desk.get("compute/instances?filter=host.site.resourceId%3D" + tree.paris).json["totalElements"], 1);
  EXPECT_EQ(desk.get("compute/hosts?filter=NOT%20has(site)").json["totalElements"], 0);
  EXPECT_EQ(desk.erase("sites/" + tree.paris).code(), "FailedPrecondition") << "a host is in it";
  EXPECT_EQ(desk.patch(path, R"({"name":"x","siteId":"site-00000000"})").status, 404U);
  EXPECT_EQ(desk.get(path).json["name"], "edge-one") << "nothing of a refused change is kept";
  EXPECT_FALSE(desk.patch(path, R"({"siteId":""})").json.contains("site"));
  EXPECT_EQ(desk.get(path).json["metadata"].size(), 1U) << "the rest stays";
  EXPECT_EQ(desk.put(path, R"({"name":"edge-1","siteId":")" + tree.osaka + "\"}").json["site"]["name"], "osaka");
  EXPECT_FALSE(desk.get(path).json.contains("metadata")) << "PUT sets everything";
  EXPECT_EQ(desk.put(path, R"({"siteId":""})").message(), "name: is required");
  const auto made =
      desk.post("compute/hosts", R"({"name":"edge-2","uuid":")" + std::string(uuid_2) + R"(","siteId":")" + tree.osaka + "\"}");
  EXPECT_EQ(made.json["site"]["name"], "osaka") << made.body;
}

TEST(Policies, ApplyFromTheNearestPlaceAndTheInstanceSaysSo) {
  Tree tree;
  auto& desk = tree.desk;
  const auto host = desk.register_host("edge-1", uuid_1);
  desk.patch("compute/hosts/" + host, R"({"siteId":")" + tree.paris + "\"}");
  const auto path = "compute/instances/edge-1";
  EXPECT_FALSE(desk.get(path).json.contains("appliedUpdatePolicy"));
  const std::string link = R"({"osUpdatePolicyID":")" + tree.policy + "\"}";
  const auto applied = [&] {
    const auto instance = desk.get(path).json;
    EXPECT_EQ(instance["appliedUpdatePolicy"]["policy"]["resourceId"], tree.policy) << instance;
    return instance["appliedUpdatePolicy"]["from"].get<std::string>() + " " +
           instance["appliedUpdatePolicy"]["resourceId"].get<std::string>();
  };
  desk.patch("regions/" + tree.europe, link);
  EXPECT_EQ(applied(), "region " + tree.europe);
  EXPECT_FALSE(desk.get(path).json.contains("updatePolicy")) << "that is the instance's own";
  desk.patch("sites/" + tree.paris, link);
  EXPECT_EQ(applied(), "site " + tree.paris);
  desk.patch(path, link);
  EXPECT_EQ(applied(), "instance " + desk.get(path).json["resourceId"].get<std::string>());
  EXPECT_EQ(desk.get("compute/instances?filter=appliedUpdatePolicy.policy.resourceId%3D" + tree.policy).json["totalElements"], 1);
}

TEST(Policies, ChangeTheirNameAndDescriptionOnly) {
  Tree tree;
  auto& desk = tree.desk;
  const auto path = "os-update-policies/" + tree.policy;
  const auto edited = desk.patch(path, R"({"name":"newest","description":"of all"})");
  EXPECT_EQ(edited.json["name"], "newest") << edited.body;
  EXPECT_EQ(desk.patch(path + "?fieldMask=description", R"({"name":"x","description":""})").json.contains("description"), false);
  EXPECT_EQ(desk.get(path).json["name"], "newest");
  EXPECT_EQ(desk.patch(path, R"({"name":""})").message(), "name: must not be empty");
  EXPECT_EQ(desk.patch(path, R"({"updatePolicy":"UPDATE_POLICY_TARGET"})").message(), "updatePolicy: cannot change: make another policy");
  EXPECT_EQ(desk.patch("os-update-policies/osupdatepolicy-00000000", R"({"name":"x"})").status, 404U);
  const auto os = desk.create_os("1.0");
  const auto other = desk.post(
      "os-update-policies", R"({"name":"p","updatePolicy":"UPDATE_POLICY_TARGET","allowProfileChange":true,"targetOsId":")" + os + "\"}");
  EXPECT_EQ(other.json["allowProfileChange"], true) << other.body;
  EXPECT_EQ(desk.post("os-update-policies", R"({"name":"p","updatePolicy":"UPDATE_POLICY_LATEST","allowProfileChange":true})").status,
            400U);
}

json weekly(const json& more = json::object()) {
  json body = {{"name", "weekly"},        {"scheduleStatus", "SCHEDULE_STATUS_OS_UPDATE"},
               {"durationSeconds", 3600}, {"cronMinutes", "0"},
               {"cronHours", "2"},        {"cronDayMonth", "*"},
               {"cronMonth", "*"},        {"cronDayWeek", "6"}};
  body.update(more);
  return body;
}

TEST(Schedules, RepeatInAZoneAndAreEdited) {
  Tree tree;
  auto& desk = tree.desk;
  const auto made_one = desk.post("schedules/repeated", weekly({{"targetSiteId", tree.paris}, {"timeZone", "Europe/Paris"}}).dump());
  ASSERT_EQ(made_one.status, 200U) << made_one.body;
  const auto id = made_one.json["resourceId"].get<std::string>();
  const auto path = "schedules/repeated/" + id;
  EXPECT_EQ(made_one.json["repeatedScheduleID"], id);
  EXPECT_EQ(made_one.json["targetSite"]["region"]["name"], "france");
  EXPECT_EQ(made_one.json["timeZone"], "Europe/Paris");
  EXPECT_FALSE(made_one.json.contains("startSeconds"));
  EXPECT_EQ(desk.get("compute/" + path).body, desk.get(path).body);
  EXPECT_EQ(desk.get("schedules/single/" + id).status, 404U);
  const auto moved = desk.patch(path, R"({"targetRegionId":")" + tree.asia + R"(","cronHours":"1-5,*/12"})");
  EXPECT_EQ(moved.json["targetRegion"]["name"], "asia") << moved.body;
  EXPECT_FALSE(moved.json.contains("targetSite")) << "the new target takes the place of the old one";
  EXPECT_EQ(moved.json["cronHours"], "1-5,*/12");
  EXPECT_EQ(moved.json["cronMinutes"], "0");
  EXPECT_EQ(desk.erase("regions/" + tree.asia).code(), "FailedPrecondition") << "a schedule is in it";
  EXPECT_FALSE(desk.patch(path, R"({"targetRegionId":""})").json.contains("targetRegion"));
  EXPECT_FALSE(desk.put(path, weekly({{"scheduleStatus", "SCHEDULE_STATUS_BLACKOUT"}}).dump()).json.contains("timeZone"));
  EXPECT_EQ(desk.get(path).json["scheduleStatus"], "SCHEDULE_STATUS_BLACKOUT");
  EXPECT_EQ(desk.erase("schedules/single/" + id).status, 404U);
  EXPECT_EQ(desk.erase(path).json, json::object());
  EXPECT_EQ(desk.get(path).status, 404U);
}

TEST(Schedules, AreRefusedWithTheFieldThatIsWrong) {
  Tree tree;
  auto& desk = tree.desk;
  const std::vector<std::pair<json, std::string>> table = {
      {{{"durationSeconds", 0}}, "durationSeconds"},
      {{{"durationSeconds", 86401}}, "durationSeconds"},
      {{{"cronMinutes", "60"}}, "60"},
      {{{"cronHours", "?"}}, "?"},
      {{{"cronDayMonth", "31"}, {"cronMonth", "2"}, {"cronDayWeek", "*"}}, "31"},
      {{{"cronDayWeek", "7"}}, "7"},
      {{{"cronDayWeek", nullptr}}, "cronDayWeek: is required"},
      {{{"timeZone", "Mars/Olympus"}}, "Mars/Olympus"},
      {{{"startSeconds", 5}}, "startSeconds: is not a known field"},
      {{{"scheduleStatus", "SCHEDULE_STATUS_UNSPECIFIED"}}, "scheduleStatus: must not be unspecified"},
      {{{"targetSiteId", tree.paris}, {"targetRegionId", tree.asia}}, "targetRegionId: is a second target"},
      {{{"targetSiteId", "paris"}}, "targetSiteId: must be site- and 8 hex digits"},
  };
  for (const auto& [more, text] : table) {
    const auto refused = desk.post("schedules/repeated", weekly(more).dump());
    EXPECT_EQ(refused.code(), "InvalidArgument") << more << refused.body;
    EXPECT_NE(refused.message().find(text), std::string::npos) << more << refused.body;
  }
  EXPECT_EQ(desk.post("schedules/repeated", weekly({{"targetSiteId", "site-00000000"}}).dump()).status, 404U);
  EXPECT_EQ(desk.get("schedules").json["totalElements"], 0);
}

TEST(Schedules, AreListedWithThoseThatAreInherited) {
  Tree tree;
  auto& desk = tree.desk;
  const auto host = desk.register_host("edge-1", uuid_1);
  desk.patch("compute/hosts/" + host, R"({"siteId":")" + tree.paris + "\"}");
  const auto start = desk.fleet.now.wall_ms / 1000 + 3'600;
  const auto single = [&](const char* key, const std::string& id) {
    made(desk, "schedules/single", {{"scheduleStatus", "SCHEDULE_STATUS_MAINTENANCE"}, {"startSeconds", start}, {key, id}});
  };
  single("targetHostId", host);
  single("targetSiteId", tree.paris);
  single("targetRegionId", tree.asia);
  made(desk, "schedules/repeated", weekly({{"targetRegionId", tree.europe}}));
  made(desk, "schedules/repeated", weekly({{"targetRegionId", tree.france}}));
  made(desk, "schedules/repeated", weekly({{"cronDayWeek", "*"}, {"cronHours", "*"}}));  // of nobody, always open
  struct Row {
    std::string query;
    std::size_t singles, repeated;
  };
  const std::vector<Row> table = {
      {"", 3, 3},
      {"?hostId=" + host, 2, 2},
      {"?siteId=" + tree.paris, 1, 2},
      {"?regionId=" + tree.france, 0, 2},
      {"?regionId=" + tree.europe, 0, 1},
      {"?regionId=" + tree.asia, 1, 0},
      {"?siteId=site-00000000", 0, 0},
      {"?hostId=null", 2, 3},
      {"?regionId=null", 2, 1},
      {"?unixEpoch=" + std::to_string(start), 3, 1},
      {"?unixEpoch=" + std::to_string(1'767'405'600), 0, 3},  // Saturday, 2026-01-03, 02:00
      {"?unixEpoch=" + std::to_string(1'767'405'600 + 3'600), 0, 1},
  };
  for (const auto& row : table) {
    const auto both = desk.get("schedules" + row.query).json;
    EXPECT_EQ(both["singleSchedules"].size(), row.singles) << row.query << both;
    EXPECT_EQ(both["repeatedSchedules"].size(), row.repeated) << row.query << both;
    EXPECT_EQ(both["totalElements"], row.singles + row.repeated) << row.query;
    EXPECT_EQ(desk.get("schedules/repeated" + row.query).json["totalElements"], row.repeated) << row.query;
    EXPECT_EQ(desk.get("schedules/single" + row.query).json["totalElements"], row.singles) << row.query;
  }
  const auto page = desk.get("schedules?offset=2&pageSize=2").json;
  EXPECT_EQ(page["singleSchedules"].size(), 1U) << "the last of them";
  EXPECT_EQ(page["repeatedSchedules"].size(), 1U);
  EXPECT_EQ(page["hasNext"], true);
}

TEST(Locations, AreFoundByNameWithWhatTheyLieIn) {
  Tree tree;
  auto& desk = tree.desk;
  const auto found = desk.get("locations?name=PARIS&showSites=true").json;
  EXPECT_EQ(found["totalElements"], 1);
  EXPECT_EQ(found["outputElements"], 3) << found;
  EXPECT_EQ(found["nodes"][0],
            (json{{"resourceId", tree.paris}, {"parentId", tree.france}, {"name", "paris"}, {"type", "RESOURCE_KIND_SITE"}}));
  EXPECT_EQ(found["nodes"][2], (json{{"resourceId", tree.europe}, {"parentId", ""}, {"name", "europe"}, {"type", "RESOURCE_KIND_REGION"}}));
  EXPECT_EQ(desk.get("locations?name=paris&showRegions=true").json["nodes"], json::array());
  EXPECT_EQ(desk.get("locations").json["nodes"].size(), 5U);
  EXPECT_EQ(desk.get("locations?name=%25").status, 400U);
  EXPECT_EQ(desk.get("locations?showSites=1").status, 400U);
}

TEST(Runs, ThatAreNotThereCannotBeDeleted) {
  Desk desk;
  EXPECT_EQ(desk.erase("os-update-runs/osupdaterun-00000000").status, 404U);
}

}  // namespace
}  // namespace abide::test
