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
      {R"({"name":"a","osUpdatePolicyID":")" + tree.policy + "\"}", "osUpdatePolicyID: is linked by PATCH or PUT of what there is already"},
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

}  // namespace
}  // namespace abide::test
