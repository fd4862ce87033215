#include <array>
#include <gtest/gtest.h>

#include "orchestrator/api/http.hpp"
#include "orchestrator/api/json_input.hpp"

namespace abide::api {
namespace {

TEST(Target, IsSplitAndDecoded) {
  const auto target = parse_target("/v1/projects/a%20b/x%2Fy/?filter=name%3D%22a%22&pageSize=5&orderBy=a+b");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->segments, (std::vector<std::string>{"v1", "projects", "a b", "x/y"}));
  EXPECT_EQ(target->query.at("filter"), "name=\"a\"");
  EXPECT_EQ(target->query.at("orderBy"), "a b");
}

TEST(Target, RefusesWhatIsNoUrlOfOurs) {
  for (const char* text : {"", "x", "*", "/a%2", "/a%zz", "/%00", "/a?b", "/a?b=", "/a?b=1&b=2", "/a?b=%0a", "/\x01"})
    EXPECT_FALSE(parse_target(text)) << text;
  std::string many = "/";
  for (int i = 0; i < 20; ++i) many += "a/";
  EXPECT_EQ(parse_target(many).error().code, Code::not_found);
  std::string keys = "/a?";
  for (int i = 0; i < 40; ++i) keys += "k" + std::to_string(i) + "=1&";
  EXPECT_FALSE(parse_target(keys));
}

TEST(Target, MayBeAWholeUrl) {
  for (const char* text : {"http://127.0.0.1:8080/v1/projects?pageSize=5", "https://localhost/v1/projects?pageSize=5"}) {
    const auto target = parse_target(text);
    ASSERT_TRUE(target) << text;
    EXPECT_EQ(target->segments, (std::vector<std::string>{"v1", "projects"}));
    EXPECT_EQ(target->query.at("pageSize"), "5");
  }
  EXPECT_TRUE(parse_target("http://localhost")->segments.empty());
  EXPECT_EQ(parse_target("http://localhost?a=b")->query.at("a"), "b");
  EXPECT_EQ(authority_of("http://localhost:80/x"), "localhost:80");
  EXPECT_EQ(authority_of("/http://localhost"), "");
  for (const char* text : {"http://", "http:///x", "ftp://localhost/x", "localhost:80"}) EXPECT_FALSE(parse_target(text)) << text;
}

TEST(Body, IsAnObjectWithEachKeyOnce) {
  EXPECT_TRUE(parse_object(R"({"a":{"b":1},"c":{"b":2}})"));
  for (const char* body :
       {"", "1", "[]", "\"x\"", "{", R"({"a":1,"a":2})", R"({"x":{"a":1,"a":2}})", "{\"a\":\"\xff\"}", R"({"a":1}x)", R"({"a":NaN})"})
    EXPECT_FALSE(parse_object(body)) << body;
  EXPECT_FALSE(parse_object("{\"a\":" + std::string(40, '[') + std::string(40, ']') + "}")) << "depth has a limit";
}

std::string fault_of(const char* body, const std::function<void(Fields&)>& read) {
  const auto object = parse_object(body);
  Fields fields(*object);
  read(fields);
  const auto finished = fields.finish();
  return finished ? std::string() : finished.error().message;
}

TEST(Fields, NameTheFieldThatIsWrong) {
  const auto read = [](Fields& fields) {
    fields.text("name", 5, Charset::name, true);
    fields.integer("count", 1, 10);
    fields.boolean("flag");
    fields.one_of("kind", {"A", "B"});
    fields.resource_id("hostId", "host", true);
    fields.not_served({"siteId"});
  };
  const std::vector<std::pair<const char*, const char*>> table = {
      {R"({"name":"abc"})", ""},
      {R"({"name":"abc","count":10,"flag":true,"kind":"B","hostId":"host-0a1b2c3d","siteId":""})", ""},
      {R"({"name":"abc","hostId":"","count":null})", ""},
      {R"({})", "name: is required"},
      {R"({"name":""})", "name: must not be empty"},
      {R"({"name":7})", "name: must be a text"},
      {R"({"name":"abcdef"})", "name: is longer than 5 bytes"},
      {R"({"name":"a;b"})", "name: has a character that is not allowed"},
      {R"({"name":"a","count":0})", "count: must be between 1 and 10"},
      {R"({"name":"a","count":18446744073709551615})", "count: must be between 1 and 10"},
      {R"({"name":"a","count":1.0})", "count: must be an integer"},
      {R"({"name":"a","count":"1"})", "count: must be an integer"},
      {R"({"name":"a","flag":1})", "flag: must be true or false"},
      {R"({"name":"a","kind":"C"})", "kind: must be one of A, B"},
      {R"({"name":"a","hostId":"host-0A1B2C3D"})", "hostId: must be host- and 8 hex digits"},
      {R"({"name":"a","siteId":"site-00000000"})", "siteId: is not served by this version"},
      {R"({"name":"a","other":1})", "other: is not a known field"},
  };
  for (const auto& [body, expected] : table) EXPECT_EQ(fault_of(body, read), expected) << body;
}

TEST(Fields, AreThereWithTheirDefaultWhereAMaskNamesThem) {
  const auto fault = [](const char* body, const char* mask) {
    std::map<std::string, std::string, std::less<>> query{{"fieldMask", mask}};
    const auto patch = parse_patch(body, query).value();
    EXPECT_TRUE(query.empty());
    Fields fields(patch);
    std::string read;
    const auto is = [&](const char* key, const auto& value) {
      if (fields.has(key)) read += std::string(key) + "=" + nlohmann::json(value).dump() + " ";
    };
    is("name", fields.text("name", 5, Charset::name));
    is("count", fields.integer("count", 0, 10).value_or(-1));
    is("bigCount", fields.integer("bigCount", 5, 10).value_or(-1));
    is("flag", fields.boolean("flag").value_or(true));
    is("hostId", fields.resource_id("hostId", "host", true));
    is("metadata", fields.metadata("metadata").value_or(std::vector<Metadata>(3)).size());
    fields.not_served({"speed", "tags"});
    fields.fixed("kind", "A");
    fields.ignore({"timestamps"});
    const auto finished = fields.finish();
    return finished ? read : finished.error().message;
  };
  const std::vector<std::array<const char*, 3>> table = {
      {R"({"name":"a","count":1})", "name", "name=\"a\" "},
      {R"({"name":"a","count":1})", "count", "count=1 "},
      {R"({"name":"a"})", "name,count,flag,host_id,metadata", "name=\"a\" count=0 flag=false hostId=\"\" metadata=0 "},
      {R"({"name":null})", "NAME", "name=\"\" "},
      {R"({"count":1})", "big_count", "bigCount: must be between 5 and 10"},
      {R"({"count":"x"})", "name", "name=\"\" "},
      {R"({"count":"x"})", "count", "count: must be an integer"},
      {R"({"kind":"B"})", "name", "name=\"\" "},
      {R"({"kind":"B"})", "kind", "kind: cannot change"},
      {R"({"kind":"A"})", "kind", ""},
      {R"({})", "kind", "kind: cannot change"},
      {R"({})", "speed", ""},
      {R"({"speed":1})", "speed", "speed: is not served by this version"},
      {R"({"tags":[],"speed":""})", "tags,speed", ""},
      {R"({"timestamps":{}})", "timestamps", ""},
      {R"({"other":1})", "name", "other: is not a known field"},
      {R"({"name":"a"})", "name,other", "fieldMask: no such field: other"},
      {R"({"name":"a"})", "*", "fieldMask: no such field: *"},
      {R"({"name":"a"})", "name,", "fieldMask: no such field: "},
  };
  for (const auto& [body, mask, expected] : table) EXPECT_EQ(fault(body, mask), expected) << body << " " << mask;
}

}  // namespace
}  // namespace abide::api
