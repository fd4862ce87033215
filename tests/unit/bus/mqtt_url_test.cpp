#include "common/bus/mqtt_url.hpp"

#include <gtest/gtest.h>

namespace abide {
namespace {

TEST(BrokerUrl, IsHostAndPortWithTheUsualPortsWhereNoneIsGiven) {
  struct Row {
    std::string_view url;
    BrokerAddress address;
  };
  for (const auto& row :
       {Row{"mqtt://localhost", {"localhost", 1883, false}}, Row{"mqtts://broker.example.org", {"broker.example.org", 8883, true}},
        Row{"mqtt://127.0.0.1:43121", {"127.0.0.1", 43121, false}}, Row{"mqtt://[::1]:9", {"::1", 9, false}},
        Row{"mqtts://[fe80::1]", {"fe80::1", 8883, true}}}) {
    const auto address = parse_broker_url(row.url);
    ASSERT_TRUE(address) << row.url << ": " << address.error().message;
    EXPECT_EQ(*address, row.address) << row.url;
  }
}

TEST(BrokerUrl, RefusesEverythingElseAndSaysWhy) {
  for (const std::string_view url :
       {"", "localhost", "tcp://localhost", "http://localhost", "mqtt://", "mqtt://:1883", "mqtt://a:0", "mqtt://a:65536", "mqtt://a:1x",
        "mqtt://a:", "mqtt://user:secret@a", "mqtt://a/path", "mqtt://a?x", "mqtt://[::1", "mqtt://[::1]x", "mqtt://a b", "mqtt://a\n"}) {
    const auto address = parse_broker_url(url);
    ASSERT_FALSE(address) << url;
    EXPECT_EQ(address.error().code, Code::invalid_input) << url;
    EXPECT_GT(address.error().message.size(), url.size()) << url;
  }
}

TEST(BrokerUrl, AllowsPlainTextOnlyToThisMachine) {
  for (const std::string_view url :
       {"mqtt://localhost", "mqtt://127.0.0.1", "mqtt://127.9.9.9", "mqtt://[::1]", "mqtts://broker.example.org"})
    EXPECT_TRUE(check_plain_text(*parse_broker_url(url))) << url;
  for (const std::string_view url : {"mqtt://broker.example.org", "mqtt://10.0.0.1", "mqtt://127.0.0.1.example.org",
                                     "mqtt://localhost.example.org", "mqtt://[::2]", "mqtt://0.0.0.0"}) {
    const auto allowed = check_plain_text(*parse_broker_url(url));
    ASSERT_FALSE(allowed) << url;
    EXPECT_EQ(allowed.error().code, Code::denied);
  }
}

}  // namespace
}  // namespace abide
