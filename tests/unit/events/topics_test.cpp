#include "common/events/topics.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace abide::topics {
namespace {

const NodeId node = *parse_node_id("00112233-4455-6677-8899-aabbccddeeff");

TEST(Topics, EscapeWhateverIsNotPlain) {
  struct Row {
    std::string name, level;
  };
  const std::vector<Row> rows = {
      {"ubuntu-22.04", "ubuntu-22=2E04"},
      {"Plain_09-az", "Plain_09-az"},
      {"a/b", "a=2Fb"},
      {"#", "=23"},
      {"+", "=2B"},
      {"=", "=3D"},
      {" ", "=20"},
      {"$SYS", "=24SYS"},
      {"Z\xC3\xBCrich", "Z=C3=BCrich"},
      {std::string("\0", 1), "=00"},
      {"\xFF", "=FF"},
  };
  for (const auto& [name, level] : rows) {
    EXPECT_EQ(escape(name), level);
    const auto back = unescape(level);
    ASSERT_TRUE(back) << level << ": " << back.error().message;
    EXPECT_EQ(*back, name);
  }
}

TEST(Topics, EveryByteGoesThereAndBack) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string name = std::string("x") + static_cast<char>(byte) + "y";
    for (const char c : escape(name)) EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '=') << byte;
    EXPECT_EQ(*unescape(escape(name)), name);
  }
}

TEST(Topics, ALevelThatEscapeWouldNotWriteIsRefused) {
  for (const std::string level :
       {"", "=", "=2", "a=2", "=2e", "=2G", "=G2", "a.b", "a b", "a/b", "=41", "=2D", "x=", "\xC3\xBC", "a+", "#"})
    EXPECT_FALSE(unescape(level)) << level;
  EXPECT_TRUE(unescape(std::string(384, 'a')));
  EXPECT_FALSE(unescape(std::string(385, 'a')));
}

TEST(Topics, HaveTheNamesOfTheContract) {
  EXPECT_EQ(roll_call("plant.7"), "abide/v1/plant=2E7/orchestrator");
  EXPECT_EQ(profile_discovered("p", "ubuntu-22.04"), "abide/v1/p/profiles/ubuntu-22=2E04/discovered");
  EXPECT_EQ(document("p", node, DocumentTopic::policy_linked), "abide/v1/p/to/00112233-4455-6677-8899-aabbccddeeff/policy-linked");
  EXPECT_EQ(document("p", node, DocumentTopic::window_scheduled), "abide/v1/p/to/00112233-4455-6677-8899-aabbccddeeff/window-scheduled");
  EXPECT_EQ(document("p", node, DocumentTopic::window_opened), "abide/v1/p/to/00112233-4455-6677-8899-aabbccddeeff/window-opened");
  EXPECT_EQ(received("p", node), "abide/v1/p/to/00112233-4455-6677-8899-aabbccddeeff/received");
  EXPECT_EQ(from_node("p", node, FromNode::status), "abide/v1/p/from/00112233-4455-6677-8899-aabbccddeeff/status");
  EXPECT_EQ(from_node("p", node, FromNode::rollback), "abide/v1/p/from/00112233-4455-6677-8899-aabbccddeeff/rollback");
  EXPECT_EQ(from_node("p", node, FromNode::progress), "abide/v1/p/from/00112233-4455-6677-8899-aabbccddeeff/progress");
  EXPECT_EQ(from_node("p", node, FromNode::presence), "abide/v1/p/from/00112233-4455-6677-8899-aabbccddeeff/presence");
  EXPECT_EQ(node_filter("a b", node), "abide/v1/a=20b/to/00112233-4455-6677-8899-aabbccddeeff/+");
  EXPECT_EQ(orchestrator_filter("p", FromNode::presence), "abide/v1/p/from/+/presence");
}

TEST(Topics, AreParsedToWhatTheyWereMadeFrom) {
  for (const std::string project : {"p", "plant 7/\xC3\xBC", "=2E"}) {
    EXPECT_EQ(*parse(roll_call(project)), Parsed(RollCallTopic{project}));
    EXPECT_EQ(*parse(profile_discovered(project, "ubuntu-22.04")), Parsed(ProfileTopic{project, "ubuntu-22.04"}));
    EXPECT_EQ(*parse(received(project, node)), Parsed(ReceivedTopic{project, node}));
    for (const auto topic : {DocumentTopic::policy_linked, DocumentTopic::window_scheduled, DocumentTopic::window_opened})
      EXPECT_EQ(*parse(document(project, node, topic)), Parsed(DocumentTopicOf{project, node, topic}));
    for (const auto what : {FromNode::status, FromNode::rollback, FromNode::progress, FromNode::presence})
      EXPECT_EQ(*parse(from_node(project, node, what)), Parsed(FromNodeTopic{project, node, what}));
  }
}

TEST(Topics, WhatIsNoTopicOfOursIsInvalid) {
  const std::string uuid = to_string(node);
  const std::vector<std::string> rows = {
      "",
      "abide",
      "abide/v1",
      "abide/v1/",
      "abide/v1/p",
      "abide/v1//orchestrator",
      "abide/v2/p/orchestrator",
      "Abide/v1/p/orchestrator",
      "/abide/v1/p/orchestrator",
      "abide/v1/p/orchestrator/",
      "abide/v1/p/orchestrators",
      "abide/v1/p.q/orchestrator",
      "abide/v1/p=2e/orchestrator",
      "abide/v1/p/profiles/x",
      "abide/v1/p/profiles//discovered",
      "abide/v1/p/profiles/x/found",
      "abide/v1/p/to/" + uuid,
      "abide/v1/p/to/" + uuid + "/",
      "abide/v1/p/to/" + uuid + "/status",
      "abide/v1/p/to/" + uuid + "/received/x",
      "abide/v1/p/from/" + uuid + "/received",
      "abide/v1/p/from/" + uuid + "/status/x/y/z/1/2/3/4",
      "abide/v1/p/from/00112233-4455-6677-8899-AABBCCDDEEFF/status",
      "abide/v1/p/from/00112233445566778899aabbccddeeff/status",
      "abide/v1/p/from/+/status",
      "abide/v1/p/about/" + uuid + "/status",
      "abide/v1/" + std::string(101, 'p') + "/orchestrator",
      "abide/v1/p/profiles/" + std::string(129, 'x') + "/discovered",
  };
  for (const auto& topic : rows) {
    const auto parsed = parse(topic);
    ASSERT_FALSE(parsed) << topic;
    EXPECT_EQ(parsed.error().code, Code::invalid_input) << topic;
  }
  EXPECT_TRUE(parse("abide/v1/" + std::string(100, 'p') + "/orchestrator"));
  EXPECT_TRUE(parse("abide/v1/p/profiles/" + std::string(128, 'x') + "/discovered"));
}

}  // namespace
}  // namespace abide::topics
