#include "orchestrator/api/query.hpp"

#include <gtest/gtest.h>
#include <sstream>

#include "orchestrator/api/render.hpp"

namespace abide::api {
namespace {

const FieldTree& inner() {
  static const FieldTree tree{{{"name", {FieldTree::Kind::text, nullptr}}, {"resourceId", {FieldTree::Kind::exact, nullptr}}}};
  return tree;
}
const FieldTree& fields() {
  static const FieldTree tree{{{"name", {FieldTree::Kind::text, nullptr}},
                               {"resourceId", {FieldTree::Kind::exact, nullptr}},
                               {"size", {FieldTree::Kind::number, nullptr}},
                               {"at", {FieldTree::Kind::time, nullptr}},
                               {"version", {FieldTree::Kind::version, nullptr}},
                               {"host", {FieldTree::Kind::object, &inner()}}}};
  return tree;
}

std::vector<Json> items() {
  return {
      Json{{"name", "alpha"}, {"resourceId", "os-00000001"}, {"size", 3}, {"host", {{"name", "edge-1"}, {"resourceId", "host-00000001"}}}},
      Json{{"name", "Beta one"}, {"resourceId", "os-00000002"}, {"size", 1}},
      Json{{"name", "beta two"},
           {"resourceId", "os-00000003"},
           {"size", 2},
           {"host", {{"name", "edge-10"}, {"resourceId", "host-00000010"}}}},
      Json{{"resourceId", "os-00000004"}, {"size", 1}}};
}

std::string matching(const std::string& text) {
  auto filter = Filter::parse(text, fields());
  if (!filter) return "refused";
  std::string found;
  for (const auto& item : items()) {
    if (filter->matches(item)) found += item["resourceId"].get<std::string>().back();
  }
  return found;
}

TEST(Filter, SelectsWhatItsTermsSay) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {R"(name="alpha")", "1"},
      {R"(name='ALPHA')", "1"},
      {R"(name="beta")", "23"},  // text: contains, in any case
      {R"(name="b*two")", "3"},  // * stands for any run
      {R"(name="two beta")", ""},
      {R"(name="")", "4"},  // empty or absent
      {R"(resourceId="os-00000001")", "1"},
      {R"(resource_id="os-00000001")", "1"},  // snake_case
      {R"(resourceID = os-00000001)", "1"},   // blanks, bare word, other casing of ID
      {R"(resourceId="os-0000000")", ""},     // of its kind: as a whole
      {R"(size=1)", "24"},
      {R"(host.name="edge-1")", "13"},
      {R"(host.resourceId='host-00000001')", "1"},
      {R"(has(host))", "13"},
      {R"(NOT has(host))", "24"},
      {R"(size=1 AND name="beta")", "2"},
      {R"(size=1 name="beta")", "2"},  // blanks between terms are an AND
      {R"(size=3 OR size=2)", "13"},
      {R"(size=3 OR size=1 AND name="beta")", "2"},  // OR binds more tightly
      {R"(name="beta" AND size=3 OR size=1)", "2"},
      {R"(name="beta" size=3 OR size=1)", "2"},
      {R"(size=3 OR (size=1 AND name="beta"))", "12"},
      {R"((size=3 OR size=1) AND name="beta")", "2"},
      {R"(-size=1)", "13"},  // as NOT
      {R"(name="beta" -size=1)", "3"},
      {R"(-has(host) OR size=3)", "124"},
      {R"(-(size=1 OR size=2))", "1"},
      {R"(--size=1)", "24"},
      {R"(host="")", "24"},  // an edge: there is none
      {R"(host='')", "24"},
      {R"(host!="")", "13"},
      {R"(-host="" AND size=3)", "1"},
      {R"(NOT (size=1 OR size=2))", "1"},
  };
  for (const auto& [text, expected] : table) EXPECT_EQ(matching(text), expected) << text;
}

std::string comparing(const std::string& text) {
  auto filter = Filter::parse(text, fields());
  if (!filter) return filter.error().message;
  const std::vector<Json> all = {Json{{"resourceId", "os-00000001"},
                                      {"name", "alpha"},
                                      {"size", -3},
                                      {"at", "2026-11-24T16:00:00.000Z"},
                                      {"version", "3.0.20260602.900"}},
                                 Json{{"resourceId", "os-00000002"},
                                      {"name", "Beta"},
                                      {"size", 2.5},
                                      {"at", "2026-11-24T16:00:00.500Z"},
                                      {"version", "3.0.20260602.2200"}},
                                 Json{{"resourceId", "os-00000003"},
                                      {"name", "gamma"},
                                      {"size", 9'007'199'254'740'993},
                                      {"at", "2026-12-01T00:00:00.000Z"},
                                      {"version", "10.0.1"}},
                                 Json{{"resourceId", "os-00000004"}, {"name", ""}, {"size", nullptr}}};
  std::string found;
  for (const auto& item : all)
    if (filter->matches(item)) found += item["resourceId"].get<std::string>().back();
  return found;
}

TEST(Filter, ComparesNumbersTimesVersionsAndTexts) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"size<0", "1"},
      {"size <= -3", "1"},
      {"size>2", "23"},
      {"size>=2.5", "23"},
      {"size>2.5", "3"},
      {"size<1e3", "12"},
      {"size>9007199254740992", "3"},  // where a double could not tell them apart
      {"size>=9007199254740993", "3"},
      {"size<9007199254740993", "12"},
      {"size!=2.5", "134"},  // also where there is none
      {"at>2026-11-24T16:00:00Z", "23"},
      {"at>=\"2026-11-24T16:00:00Z\"", "123"},
      {"at<2026-11-24T17:00:00.200+01:00", "1"},
      {"at<=1795536000", "1"},  // seconds since 1970
      {"at=2026-11-*16:00", "12"},
      {"at!=2026-11", "34"},
      {"version<3.0.20260602.1000", "1"},  // as numbers, not as digits
      {"version>=3.0.20260602.2200", "23"},
      {"version>9", "3"},
      {"version=20260602", "12"},
      {"name<b", "1"},
      {"name>=beta", "23"},  // in any case
      {"name>\"\"", "123"},
      {"name!=alpha", "234"},
      {"name!=\"\"", "123"},
      {"resourceId>os-00000002", "34"},
      {"resourceId!=os-00000002", "134"},
      {"size>0 AND NOT name!=beta", "2"},
      {"size<0 OR at>2026-11-30T00:00:00Z", "13"},
      {"size>0 AND name=alpha OR name=gamma", "3"},
      {"(size>0) (name<c)", "2"},
  };
  for (const auto& [text, expected] : table) EXPECT_EQ(comparing(text), expected) << text;
  EXPECT_EQ(comparing("size<big"), "filter: size: is no number: big");
  EXPECT_EQ(comparing("at<soon"), "filter: at: is neither an RFC 3339 time nor seconds since 1970: soon");
  EXPECT_EQ(comparing("size~1"), "filter: has a character that is not allowed");
  EXPECT_EQ(comparing("size 1"), "filter: = != < <= > or >= is expected at position 6");
}

TEST(Filter, RefusesWhatItCannotMean) {
  for (const char* text : {"",
                           "name",
                           "name=",
                           "=x",
                           "unknown=1",
                           "host.unknown=1",
                           "name.x=1",
                           "host=1",
                           "host=*",
                           "host>\"\"",
                           "-",
                           "- ",
                           "name=x -",
                           "-unknown=1",
                           "name=\"open",
                           "(name=x",
                           "name=x)",
                           "name=x OR",
                           "AND name=x",
                           "has(unknown)",
                           "has(host",
                           "name=x\n",
                           "NOT",
                           "name=<x",
                           "size!",
                           "size<",
                           "size<x",
                           "size>1x",
                           "size>=1e999",
                           "size<99999999999999999999999999x",
                           "at>yesterday",
                           "at<-1",
                           "at>99999999999999999",
                           "host<1",
                           "has(host)=1",
                           "size=>1",
                           "size<>1",
                           "size!<1",
                           "size==1",
                           "size<1<2",
                           "name=x!"}) {
    EXPECT_EQ(matching(text), "refused") << text;
  }
  EXPECT_EQ(matching(std::string(1001, 'a')), "refused");
  EXPECT_EQ(matching(std::string(100, '(') + "size=1" + std::string(100, ')')), "refused") << "nesting has a limit";
}

TEST(TextMatch, IsLinearWherePatternsAreMeantToBeSlow) {
  EXPECT_FALSE(text_matches(std::string(100'000, 'a'), "a*a*a*a*a*a*a*a*a*b"));
  EXPECT_TRUE(text_matches("xxabcxx", "ABC"));
  EXPECT_TRUE(text_matches("", ""));
  EXPECT_TRUE(text_matches("abc", "*"));
  EXPECT_TRUE(text_matches("abcabd", "abd"));
  EXPECT_FALSE(text_matches("ab", "abc"));
}

std::string ordered(const std::string& order_by) {
  auto keys = parse_order_by(order_by, fields());
  if (!keys) return "refused";
  ListQuery query;
  query.order_by = *keys;
  std::string order;
  const Json page = list_page("items", items(), query);
  for (const auto& item : page["items"]) order += item["resourceId"].get<std::string>().back();
  return order;
}

TEST(OrderBy, SortsByEachKeyInTurnAndKeepsTheRest) {
  EXPECT_EQ(ordered("size"), "2431");
  EXPECT_EQ(ordered("size desc"), "1324");
  EXPECT_EQ(ordered("size, name desc"), "2431") << "what has no name comes last when descending";
  EXPECT_EQ(ordered("size asc,name"), "4231");
  EXPECT_EQ(ordered("host.name desc"), "3124");
  for (const char* text : {"", "nothing", "size up", "size,,name", "host", "size desc desc"}) EXPECT_EQ(ordered(text), "refused") << text;
}

TEST(OrderBy, SortsVersionsByTheirNumbers) {
  std::vector<Json> images;
  for (const char* version : {"3.0.20260602.2200", "3.0.20260602.947", "nightly", "10.0", "9.1", "1a"})
    images.push_back(Json{{"version", version}});
  images.push_back(Json::object());
  const auto sorted = [&](const char* order_by) {
    ListQuery query;
    query.order_by = parse_order_by(order_by, fields()).value();
    std::string order;
    const Json page = list_page("images", images, query);
    for (const auto& image : page["images"]) order += image.value("version", "none") + " ";
    return order;
  };
  EXPECT_EQ(sorted("version"), "none 1a nightly 3.0.20260602.947 3.0.20260602.2200 9.1 10.0 ");
  EXPECT_EQ(sorted("version desc"), "10.0 9.1 3.0.20260602.2200 3.0.20260602.947 nightly 1a none ");
}

TEST(Paging, CutsPagesAndSaysWhetherMoreFollow) {
  const auto page = [](std::int64_t offset, std::int64_t size) {
    ListQuery query;
    query.offset = offset;
    query.page_size = size;
    return list_page("items", items(), query);
  };
  EXPECT_EQ(page(0, 3)["items"].size(), 3U);
  EXPECT_EQ(page(0, 3)["hasNext"], true);
  EXPECT_EQ(page(0, 4)["hasNext"], false);
  EXPECT_EQ(page(3, 3)["items"].size(), 1U);
  EXPECT_EQ(page(3, 3)["hasNext"], false);
  EXPECT_EQ(page(9, 3)["items"].size(), 0U);
  EXPECT_EQ(page(9, 3)["totalElements"], 4);
}

TEST(Paging, KeepsTheSamePageWhetherItemsComeOneByOneOrTogether) {
  for (const char* filter : {"", "size=1", "name=\"beta\"", "name=\"nobody\""}) {
    for (const char* order : {"", "size desc"}) {
      for (std::int64_t offset = 0; offset < 5; ++offset) {
        for (std::int64_t size = 1; size < 5; ++size) {
          ListQuery query;
          query.offset = offset;
          query.page_size = size;
          if (*filter != '\0') query.filter = Filter::parse(filter, fields()).value();
          if (*order != '\0') query.order_by = parse_order_by(order, fields()).value();
          Pager pager(query);
          int rendered = 0;
          do {
            for (const auto& item : items()) {
              pager.add([&] {
                ++rendered;
                return item;
              });
            }
          } while (pager.again());
          EXPECT_EQ(std::move(pager).finish("items"), list_page("items", items(), query))
              << filter << " " << order << " " << offset << " " << size;
          const bool plain = *filter == '\0' && *order == '\0';
          EXPECT_LE(rendered, plain ? size : *order != '\0' ? 4 + size : 4);
        }
      }
    }
  }
}

TEST(ListQuery, RefusesNumbersOutsideOfTheContract) {
  using Query = std::map<std::string, std::string, std::less<>>;
  for (const Query& query : {Query{{"pageSize", "0"}},
                             {{"pageSize", "101"}},
                             {{"pageSize", "x"}},
                             {{"pageSize", "1e3"}},
                             {{"offset", "-1"}},
                             {{"offset", "10001"}}}) {
    Query taken = query;
    EXPECT_FALSE(take_list_query(taken, &fields())) << query.begin()->first << "=" << query.begin()->second;
  }
  Query left{{"pageSize", "100"}, {"colour", "red"}};
  ASSERT_TRUE(take_list_query(left, &fields()));
  EXPECT_FALSE(nothing_left(left));
}

TEST(FieldTrees, KnowTheFieldsThatTheContractsExamplesFilterBy) {
  EXPECT_TRUE(Filter::parse("instance.resourceId=\"inst-11223344\"", run_fields()));
  EXPECT_TRUE(Filter::parse("instance.update_policy.resource_id='osupdatepolicy-0a0b0c0d'", host_fields()));
  EXPECT_TRUE(Filter::parse("host.resourceId=\"host-ab12cd34\"", instance_fields()));
  EXPECT_TRUE(Filter::parse("osType=OS_TYPE_IMMUTABLE AND profileName=\"demo\"", os_resource_fields()));
  EXPECT_TRUE(Filter::parse("targetOs.imageId=\"1.0\"", policy_fields()));
}

TEST(FieldTrees, TakeIdsUuidsAndDigestsAsText) {
  const Json host{{"resourceId", "host-0a0b0c0d"}, {"uuid", "11111111-2222-3333-4444-5555555555ab"}};
  for (const char* text :
       {"uuid=\"11111111-2222-3333-4444-5555555555AB\"", "uuid=5555555555ab", "uuid=1111*ab", "resourceId=host-0A", "resource_id=0c0d"})
    EXPECT_TRUE(Filter::parse(text, host_fields()).value().matches(host)) << text;
  EXPECT_TRUE(Filter::parse("sha256=ABC", os_resource_fields()).value().matches(Json{{"sha256", "00abc0"}}));
  EXPECT_FALSE(Filter::parse("osType=os_type_immutable", os_resource_fields()).value().matches(Json{{"osType", "OS_TYPE_IMMUTABLE"}}))
      << "an enum";
}

TEST(FieldTrees, HaveEveryScalarOfTheContractAlsoWhereItIsAlwaysEmpty) {
  struct Row {
    const FieldTree& tree;
    const char* names;
  };
  for (const auto& [tree, names] : std::vector<Row>{
           {host_fields(),
            "resourceId name desiredState currentState note serialNumber uuid memoryBytes cpuModel cpuSockets cpuCores cpuCapabilities "
            "cpuArchitecture cpuThreads cpuTopology bmcKind bmcIp hostname productName biosVersion biosReleaseDate biosVendor "
            "desiredPowerState currentPowerState powerStatus powerStatusIndicator powerStatusTimestamp powerCommandPolicy powerOnTime "
            "hostStatus hostStatusIndicator hostStatusTimestamp onboardingStatus onboardingStatusIndicator onboardingStatusTimestamp "
            "registrationStatus registrationStatusIndicator registrationStatusTimestamp amtSku desiredAmtState currentAmtState amtStatus "
            "amtStatusIndicator amtStatusTimestamp userLvmSize amtControlMode amtDnsSuffix kvmStatus desiredKvmState currentKvmState "
            "kvmSessionStatus solStatus desiredSolState currentSolState solSessionStatus metadata inheritedMetadata "
            "instance.runtimePackages site.region.name"},
           {instance_fields(),
            "resourceId kind name desiredState currentState securityFeature instanceStatus instanceStatusIndicator instanceStatusTimestamp "
            "provisioningStatus provisioningStatusIndicator provisioningStatusTimestamp updateStatus updateStatusIndicator "
            "updateStatusTimestamp trustedAttestationStatus trustedAttestationStatusIndicator trustedAttestationStatusTimestamp "
            "instanceStatusDetail existingCves runtimePackages osUpdateAvailable instanceID host.serialNumber os.profileVersion"},
           {os_resource_fields(),
            "resourceId name architecture imageUrl imageId description sha256 profileName profileVersion installedPackages "
            "installedPackagesUrl securityFeature osType osProvider platformBundle metadata tlsCaCert existingCvesUrl existingCves "
            "fixedCvesUrl fixedCves osResourceID repoUrl"},
           {policy_fields(), "resourceId name description updateSources updatePackages updateKernelCommand updatePolicy"},
           {run_fields(), "resourceId name description statusIndicator status statusDetails statusTimestamp startTime endTime"},
           {region_fields(), "resourceId name regionID metadata inheritedMetadata totalSites"},
           {site_fields(), "resourceId name siteLat siteLng siteID metadata inheritedMetadata"}}) {
    std::istringstream words(names);
    for (std::string name; words >> name;) {
      EXPECT_TRUE(Filter::parse(name + "=\"\"", tree)) << name;
      EXPECT_TRUE(parse_order_by(name, tree)) << name;
    }
  }
  EXPECT_TRUE(Filter::parse("serialNumber=\"\" AND biosVersion!=x", host_fields()).value().matches(Json{{"name", "edge-1"}}));
  EXPECT_FALSE(Filter::parse("serial_number=x", host_fields()).value().matches(Json{{"name", "edge-1"}}));
}

}  // namespace
}  // namespace abide::api
