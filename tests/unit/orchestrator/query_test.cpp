#include "orchestrator/api/query.hpp"

#include <gtest/gtest.h>

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
      {R"(resourceId="os-0000000")", ""},     // ids match as a whole
      {R"(size=1)", "24"},
      {R"(host.name="edge-1")", "13"},
      {R"(host.resourceId='host-00000001')", "1"},
      {R"(has(host))", "13"},
      {R"(NOT has(host))", "24"},
      {R"(size=1 AND name="beta")", "2"},
      {R"(size=1 name="beta")", "2"},  // blanks between terms are an AND
      {R"(size=3 OR size=2)", "13"},
      {R"(size=3 OR size=1 AND name="beta")", "12"},  // AND binds more tightly
      {R"((size=3 OR size=1) AND name="beta")", "2"},
      {R"(NOT (size=1 OR size=2))", "1"},
  };
  for (const auto& [text, expected] : table) EXPECT_EQ(matching(text), expected) << text;
}

TEST(Filter, RefusesWhatItCannotMean) {
  for (const char* text : {"", "name", "name=", "=x", "unknown=1", "host.unknown=1", "name.x=1", "host=1", "name=\"open", "(name=x",
                           "name=x)", "name=x OR", "AND name=x", "name!=x", "name>x", "has(unknown)", "has(host", "name=x\n", "NOT"}) {
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
          for (const auto& item : items()) {
            pager.add([&] {
              ++rendered;
              return item;
            });
          }
          EXPECT_EQ(std::move(pager).finish("items"), list_page("items", items(), query))
              << filter << " " << order << " " << offset << " " << size;
          const bool plain = *filter == '\0' && *order == '\0';
          EXPECT_LE(rendered, plain ? size : 4);
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

}  // namespace
}  // namespace abide::api
