// The node's half of the handshake, rule by rule.
#include "edge-agent/link/link.hpp"

#include <gtest/gtest.h>

namespace abide::node {
namespace {

constexpr std::int64_t every_ms = 15 * 60'000;
constexpr std::int64_t epsilon_ms = 30'000;
constexpr std::int64_t round_trip_ms_max = 5'000;

Now at(std::int64_t mono_ms) {
  return {1'800'000'000'000 + mono_ms, mono_ms, BootId{"boot-1"}, true};
}

struct Node {
  Link link;
  OwnJournal journal{JournalId{7}, 10, Chain{70}};

  Verdict hear(const Received& received, const Now& now) {
    return hear_received(link, received, journal, now, epsilon_ms, round_trip_ms_max);
  }
};

// Connected, called, hello said.
Node asked(std::uint64_t seed = 1) {
  Node node;
  node.link.random = Random{seed};
  connected(node.link, at(1'000), every_ms);
  hear_roll_call(node.link, {LifeId{3}, 0, 1}, at(1'000));
  say_hello(node.link, at(1'000), every_ms);
  return node;
}

Received answer(const Node& node) {
  return {LifeId{3}, 1, JournalId{7}, 4, Chain{70}, Welcome{node.link.nonce, Number{1, 1}, at(1'100).wall_ms}};
}

TEST(NodeLink, SaysHelloWithinTheSpreadOfARollCall) {
  std::int64_t least = 1'000'000, most = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Link link;
    link.random = Random{seed};
    connected(link, at(0), every_ms);
    hear_roll_call(link, {LifeId{3}, 50'000, 1}, at(100));
    ASSERT_TRUE(link.hello_at_mono_ms.has_value());
    least = std::min(least, *link.hello_at_mono_ms - 100);
    most = std::max(most, *link.hello_at_mono_ms - 100);
    EXPECT_EQ(link.ask, 1U);
  }
  EXPECT_GE(least, 0);
  EXPECT_LT(least, 2'000);
  EXPECT_LT(most, 50'000);
  EXPECT_GT(most, 48'000);
}

TEST(NodeLink, SaysHelloAgainEveryQuarterOfAnHourMoreOrLess) {
  std::int64_t least = every_ms * 10, most = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const Node node = asked(seed);
    least = std::min(least, *node.link.hello_at_mono_ms - 1'000);
    most = std::max(most, *node.link.hello_at_mono_ms - 1'000);
  }
  EXPECT_GE(least, every_ms / 2);
  EXPECT_LE(most, every_ms + every_ms / 2);
  EXPECT_GT(most - least, every_ms * 9 / 10);
}

TEST(NodeLink, AnswersALifeOnce) {
  Node node = asked();
  const auto nonce = node.link.nonce;
  hear_roll_call(node.link, {LifeId{3}, 0, 1}, at(2'000));
  EXPECT_EQ(node.link.nonce, nonce);
  EXPECT_FALSE(hello_due(node.link, at(2'000)));
}

TEST(NodeLink, ForgetsWelcomeAndNonceAtANewLife) {
  Node node = asked();
  EXPECT_EQ(node.hear(answer(node), at(1'200)), Verdict::acknowledged);
  ASSERT_TRUE(node.link.welcomed);
  hear_roll_call(node.link, {LifeId{4}, 0, 1}, at(2'000));
  EXPECT_FALSE(node.link.welcomed);
  EXPECT_FALSE(node.link.nonce);
  EXPECT_EQ(node.link.ask, 1U);
  EXPECT_TRUE(hello_due(node.link, at(2'000)));
}

TEST(NodeLink, IsWelcomedByTheAnswerToItsLastHello) {
  Node node = asked();
  const auto first = answer(node);
  say_hello(node.link, at(1'050), every_ms);
  (void)node.hear(first, at(1'200));
  EXPECT_FALSE(node.link.welcomed);
  EXPECT_FALSE(may_send_events(node.link));
  (void)node.hear(answer(node), at(1'200));
  EXPECT_TRUE(node.link.welcomed);
  EXPECT_TRUE(may_send_events(node.link));
  EXPECT_EQ(node.link.round_trip_ms, 150);
  EXPECT_EQ(node.link.send_from, 5U);
  EXPECT_EQ(node.link.welcomes, 1U);
}

TEST(NodeLink, HoldsItsEventsBackWhileAHelloIsUnanswered) {
  Node node = asked();
  (void)node.hear(answer(node), at(1'200));
  say_hello(node.link, at(5'000), every_ms);
  EXPECT_FALSE(may_send_events(node.link));
  EXPECT_TRUE(node.link.welcomed) << "a hello of its own does not end synced";
}

TEST(NodeLink, TakesAnAnswerThatComesTwiceOnce) {
  Node node = asked();
  (void)node.hear(answer(node), at(1'200));
  (void)node.hear(answer(node), at(4'200));
  EXPECT_EQ(node.link.round_trip_ms, 200);
  EXPECT_EQ(node.link.welcomes, 1U);
}

TEST(NodeLink, IgnoresWhatWasSaidInAnotherLifeOrToASmallerAsk) {
  Node node = asked();
  node.link.ask = 2;
  auto old = answer(node);
  EXPECT_EQ(node.hear(old, at(1'200)), Verdict::nothing);
  old.ask = 2;
  old.life = LifeId{99};
  EXPECT_EQ(node.hear(old, at(1'200)), Verdict::nothing);
  EXPECT_EQ(node.link.acked, 0U);
  EXPECT_FALSE(node.link.welcomed);
}

TEST(NodeLink, SaysHelloWithALargerAskAndNothingElse) {
  Node node = asked();
  auto asking = answer(node);
  asking.ask = 5;
  EXPECT_EQ(node.hear(asking, at(1'200)), Verdict::nothing);
  EXPECT_EQ(node.link.ask, 5U);
  EXPECT_TRUE(hello_due(node.link, at(1'200)));
  EXPECT_EQ(node.link.acked, 0U);
  EXPECT_FALSE(node.link.welcomed);
}

TEST(NodeLink, NeverForgetsAnAcknowledgement) {
  Node node = asked();
  node.link.acked = 9;
  EXPECT_EQ(node.hear(answer(node), at(1'200)), Verdict::nothing);
  EXPECT_EQ(node.link.acked, 9U);
  EXPECT_TRUE(node.link.welcomed);
}

TEST(NodeLink, FindsThatItsJournalWasWrittenElsewhereToo) {
  Node node = asked();
  auto beyond = answer(node);
  beyond.upto = 11;
  EXPECT_EQ(node.hear(beyond, at(1'200)), Verdict::forked);
  auto other_history = answer(node);
  other_history.chain = Chain{71};
  EXPECT_EQ(node.hear(other_history, at(1'200)), Verdict::forked);
}

// Below its base there is nothing to compare, and what is there was acknowledged before it was deleted.
TEST(NodeLink, LetsNothingBeAcknowledgedThatItCannotCompare) {
  Node node = asked();
  node.journal.chain.reset();
  EXPECT_EQ(node.hear(answer(node), at(1'200)), Verdict::nothing);
  EXPECT_EQ(node.link.acked, 0U);
  EXPECT_FALSE(node.link.welcomed);
  node.link.acked = 4;
  EXPECT_EQ(node.hear(answer(node), at(1'300)), Verdict::nothing);
  EXPECT_TRUE(node.link.welcomed);
}

TEST(NodeLink, IsCutOffAMinuteAfterTheConnectionWasLost) {
  Link link;
  link.started_at_mono_ms = 5'000;
  EXPECT_FALSE(cut_off(link, at(64'999), 60'000));
  EXPECT_TRUE(cut_off(link, at(65'000), 60'000));
  connected(link, at(70'000), every_ms);
  EXPECT_FALSE(cut_off(link, at(700'000), 60'000));
  disconnected(link, at(700'000));
  disconnected(link, at(750'000));
  EXPECT_FALSE(cut_off(link, at(759'999), 60'000));
  EXPECT_TRUE(cut_off(link, at(760'000), 60'000));
}

TEST(NodeLink, ChecksItsClockAgainstAFreshWelcome) {
  Node node = asked();
  (void)node.hear(answer(node), at(1'200));
  EXPECT_EQ(node.link.clock_checked_mono_ms, 1'200);

  Node wrong = asked();
  auto now = at(1'200);
  now.wall_ms += 31'000;
  (void)wrong.hear(answer(wrong), now);
  EXPECT_EQ(wrong.link.clock_checked_mono_ms, std::nullopt);

  Node slow = asked();
  (void)slow.hear(answer(slow), at(9'000));
  EXPECT_TRUE(slow.link.welcomed);
  EXPECT_EQ(slow.link.clock_checked_mono_ms, std::nullopt) << "an answer that took so long proves nothing";
}

TEST(NodeLink, SaysNothingWithoutAConnection) {
  Node node = asked();
  disconnected(node.link, at(2'000));
  EXPECT_FALSE(hello_due(node.link, at(10'000'000)));
  EXPECT_EQ(node.hear(answer(node), at(2'100)), Verdict::nothing);
  hear_roll_call(node.link, {LifeId{4}, 0, 1}, at(2'100));
  EXPECT_FALSE(node.link.life);
}

}  // namespace
}  // namespace abide::node
