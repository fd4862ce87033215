#include "broker-config/limits/limits.hpp"

#include <gtest/gtest.h>

namespace abide::broker {
namespace {

using namespace std::string_literals;

Settings small() {
  return {.messages = {10, 20}, .bytes = {1'000, 5'000}, .exempt = {"orchestrator", "bridge"}};
}

std::size_t passed(Limits& limits, std::string_view client, std::size_t count, std::uint64_t bytes, std::int64_t now_ms) {
  std::size_t passed = 0;
  for (std::size_t i = 0; i < count; ++i) passed += limits.judge(client, bytes, now_ms).may_pass ? 1 : 0;
  return passed;
}

TEST(BrokerLimits, HoldsBackWhoSaysTooMuchAndNobodyElse) {
  Limits limits(small());
  EXPECT_EQ(passed(limits, "a", 1'000, 1, 0), 20U);
  EXPECT_EQ(passed(limits, "b", 15, 1, 0), 15U);
  EXPECT_EQ(passed(limits, "a", 1'000, 1, 1'000), 10U);
  EXPECT_EQ(passed(limits, "a", 1'000, 1, 100'000), 20U);
}

TEST(BrokerLimits, CountsBytesToo) {
  Limits limits(small());
  EXPECT_EQ(passed(limits, "a", 10, 1'000, 0), 5U);
  EXPECT_EQ(passed(limits, "a", 10, 1'000, 1'000), 1U);
  // What was held back for its bytes has used up no message.
  EXPECT_EQ(passed(limits, "a", 10, 0, 1'000), 10U);
  // One message of more than all of it passes when all of it is there.
  EXPECT_EQ(passed(limits, "a", 2, 1'000'000, 10'000), 1U);
}

TEST(BrokerLimits, LeavesTheOrchestratorAlone) {
  Limits limits(small());
  EXPECT_EQ(passed(limits, "orchestrator", 100'000, 1'000, 0), 100'000U);
  EXPECT_EQ(passed(limits, "bridge", 100, 1'000, 0), 100U);
  EXPECT_EQ(limits.clients(), 0U);
}

TEST(BrokerLimits, TellsAtOnceAndThenOnceAMinuteHowManyItWere) {
  Limits limits(small());
  ASSERT_EQ(passed(limits, "a", 20, 1, 0), 20U);
  const auto first = limits.judge("a", 1, 0);
  ASSERT_TRUE(first.tell);
  EXPECT_EQ(first.tell->messages, 1U);
  for (int i = 0; i < 500; ++i) EXPECT_FALSE(limits.judge("a", 1, 0).tell);
  EXPECT_FALSE(limits.judge("b", 1, 0).tell);
  const auto later = limits.judge("a", 1, 60'000);
  ASSERT_TRUE(later.tell);
  EXPECT_EQ(later.tell->messages, 500U);
  EXPECT_TRUE(later.may_pass);
}

TEST(BrokerLimits, ForgetsWhoHasItsWholeAllowanceAgain) {
  Limits limits(small());
  for (int i = 0; i < 100'000; ++i) EXPECT_TRUE(limits.judge("client " + std::to_string(i), 1, i * std::int64_t{10}).may_pass);
  EXPECT_LT(limits.clients(), 3'000U);
  // Not the others: who floods does not begin anew because many came.
  Limits crowded(small());
  ASSERT_EQ(passed(crowded, "a", 100, 1, 0), 20U);
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(crowded.judge("client " + std::to_string(i), 1, 0).may_pass);
  EXPECT_EQ(passed(crowded, "a", 100, 1, 0), 0U);
}

TEST(BrokerLimits, AreReadFromOptions) {
  const auto read = settings_of({{"messages_per_second", "7"},
                                 {"messages_at_once", "8"},
                                 {"bytes_per_second", "9"},
                                 {"bytes_at_once", "10"},
                                 {"exempt", "o,the bridge"}});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->messages.per_second, 7);
  EXPECT_EQ(read->messages.at_once, 8);
  EXPECT_EQ(read->bytes.per_second, 9);
  EXPECT_EQ(read->bytes.at_once, 10);
  EXPECT_EQ(read->exempt, (std::set<std::string, std::less<>>{"o", "the bridge"}));
  for (const auto& value : {""s, ","s, "o,"s, ",o"s, "o,,p"s}) EXPECT_FALSE(settings_of({{"exempt", value}})) << value;
  for (const auto& value : {""s, "0"s, "-1"s, "1.5"s, "1x"s, " 1"s, "1000000001"s, "99999999999999999999"s}) {
    const auto wrong = settings_of({{"messages_per_second", value}});
    ASSERT_FALSE(wrong) << value;
    EXPECT_NE(wrong.error().message.find("plugin_opt_messages_per_second"), std::string::npos) << wrong.error().message;
  }
  EXPECT_FALSE(settings_of({{"message_per_second", "7"}}));
}

}  // namespace
}  // namespace abide::broker
