// A run whose node falls silent is closed, and goes on if the node comes back.
#include <array>

#include "tests/unit/fleet/fleet_bench.hpp"

namespace abide::fleet {
namespace {

constexpr std::int64_t day_ms = 86'400'000;

// Two images to go to, each with its policy.
struct TwoPolicies : Fixture {
  std::string second, third;
  TwoPolicies() {
    bench.read_profiles({image("nonrt", "3.0.1"), image("nonrt", "3.0.2"), image("nonrt", "3.0.3")});
    second = target_policy(bench, "Microvisor nonrt 3.0.2");
    third = target_policy(bench, "Microvisor nonrt 3.0.3");
  }
};

TEST(LostRuns, AreClosedAfterTheTimeout) {
  Fixture f;
  f.link();
  f.accept();
  f.bench.pass(6 * day_ms);
  EXPECT_EQ(f.seen().run->end_ms, 0);
  f.bench.pass(2 * day_ms);
  EXPECT_NE(f.seen().run->end_ms, 0);
  EXPECT_EQ(f.seen().run->outcome, OutcomeKind::failed);
  EXPECT_EQ(f.seen().run->reason, Reason::lost);
  EXPECT_NE(f.seen().run->evidence.detail.find("nothing was heard"), std::string::npos);
  EXPECT_EQ(f.bench.events<RunClosed>().size(), 1U);
  f.bench.expect_fold();
}

TEST(LostRuns, GoOnWhenTheNodeComesBackAndEndAsItSays) {
  Fixture f;
  f.link();
  f.accept();
  const auto run = f.seen().run->id;
  f.bench.pass(8 * day_ms);
  ASSERT_EQ(f.seen().run->reason, Reason::lost);
  f.stage();
  EXPECT_EQ(f.seen().run->id, run);
  EXPECT_EQ(f.seen().run->end_ms, 0) << "it is open again";
  EXPECT_EQ(f.seen().run->reason, Reason::none);
  f.succeed();
  settle(f.bench, f.node);
  EXPECT_EQ(f.seen().run->outcome, OutcomeKind::succeeded);
  EXPECT_EQ(f.bench.events<RunReopened>().size(), 1U);
  EXPECT_EQ(f.bench.events<RunOpened>().size(), 1U) << "it is the same run";
  f.bench.expect_fold();
}

TEST(LostRuns, AreNotThoseOfNodesThatSayHello) {
  Fixture f;
  f.link();
  f.accept();
  f.stage();
  settle(f.bench, f.node);
  for (int day = 0; day < 20; ++day) {
    f.bench.pass(day_ms);
    f.node.say_hello();
  }
  EXPECT_EQ(f.seen().run->end_ms, 0) << "it waits for a window, and says so";
}

TEST(LostRuns, AreNotLookedForWhileNobodyCouldHear) {
  Fixture f;
  f.link();
  f.accept();
  f.bench.take(BusDown{});
  f.bench.pass(20 * day_ms);
  EXPECT_EQ(f.seen().run->end_ms, 0);
  f.bench.take(BusUp{});
  f.bench.pass(6 * day_ms);
  EXPECT_EQ(f.seen().run->end_ms, 0) << "it may need time to come back";
  f.bench.pass(2 * day_ms);
  EXPECT_NE(f.seen().run->end_ms, 0);
}

TEST(LostRuns, AreNeverLookedForWhereTheTimeoutIsOff) {
  Fixture f(Settings{.auto_register = true, .lost_after_ms = 0});
  f.link();
  f.accept();
  f.bench.pass(400 * day_ms);
  EXPECT_EQ(f.seen().run->end_ms, 0);
}

TEST(LostRuns, AreThoseToWhichTheNodeNeverAnsweredBeforeTheNextLink) {
  TwoPolicies f;
  f.bench.done(LinkPolicy{f.host(), f.second});
  const auto first = f.seen().run->id;
  f.bench.done(LinkPolicy{f.host(), f.third});
  const auto second = f.seen().run->id;
  ASSERT_EQ(f.seen().superseded.size(), 1U);
  f.bench.pass(8 * day_ms);
  EXPECT_EQ(f.bench.events<RunClosed>().size(), 2U);
  ASSERT_EQ(f.seen().superseded.size(), 1U) << "it may still go on";
  EXPECT_EQ(f.seen().superseded[0].reason, Reason::lost);
  EXPECT_NE(f.seen().superseded[0].end_ms, 0);
  EXPECT_EQ(f.bench.explain(f.node.id), std::vector<std::string>{"hello"});
  f.bench.expect_fold();

  f.node.say_hello();
  settle(f.bench, f.node);
  EXPECT_EQ(f.bench.events<RunReopened>().size(), 2U);
  EXPECT_EQ(f.bench.events<RunOpened>().size(), 2U) << "they are the same runs";
  EXPECT_TRUE(f.seen().superseded.empty()) << "the node holds the newest document: the first was withdrawn before it began";
  const auto closed = f.bench.events<RunClosed>();
  ASSERT_EQ(closed.size(), 3U);
  EXPECT_EQ(closed[2].run_id, first);
  EXPECT_EQ(closed[2].reason, Reason::never_begun);
  EXPECT_EQ(f.seen().run->id, second);
  EXPECT_EQ(f.seen().run->end_ms, 0);
}

TEST(LostRuns, GoOnAfterAnotherLinkTooAndAreNotOpenedTwice) {
  TwoPolicies f;
  f.bench.done(LinkPolicy{f.host(), f.second});
  f.accept();
  const auto first = f.seen().run->id;
  f.bench.pass(8 * day_ms);
  ASSERT_EQ(f.seen().run->reason, Reason::lost);
  f.bench.messages.clear();  // nothing reaches the node
  f.bench.done(LinkPolicy{f.host(), f.third});
  ASSERT_EQ(f.bench.events<RunOpened>().size(), 2U);
  f.bench.messages.clear();
  f.stage();  // it was at the first all the time
  EXPECT_EQ(f.bench.events<RunOpened>().size(), 2U) << "no second run for the first offer";
  const auto reopened = f.bench.events<RunReopened>();
  ASSERT_EQ(reopened.size(), 1U);
  EXPECT_EQ(reopened[0].run_id, first);
  ASSERT_EQ(f.seen().superseded.size(), 1U);
  EXPECT_EQ(f.seen().superseded[0].id, first);
  EXPECT_EQ(f.seen().superseded[0].end_ms, 0);
}

TEST(LostRuns, AreThoseOfAHostThatTwoMachinesClaimUntilOneIsNamed) {
  Fixture f;
  FakeNode old = f.node;
  f.node.re_image(JournalId{0xB2}, "3.0.1");
  settle(f.bench, f.node);
  f.link();
  f.accept();
  f.answer_too(old);
  ASSERT_TRUE(f.seen().conflict);
  for (int day = 0; day < 8; ++day) {
    f.bench.pass(day_ms);
    f.node.say_hello();
  }
  EXPECT_EQ(f.seen().run->reason, Reason::lost);
  EXPECT_NE(f.seen().run->evidence.detail.find("two machines"), std::string::npos);
  f.bench.done(ResolveConflict{f.host(), f.node.journal});
  f.node.ask = f.bench.link.nodes[f.node.id].ask;
  f.node.say_hello();
  EXPECT_EQ(f.seen().run->end_ms, 0);
  EXPECT_EQ(f.bench.events<RunReopened>().size(), 1U);
}

TEST(LostRuns, AreThoseOfAHeldNodeThatIsSilent) {
  Fixture f;
  f.link();
  f.accept();
  f.bench.take(Started{.restored = true});
  f.bench.take(BusUp{});
  ASSERT_TRUE(f.seen().held);
  f.bench.pass(8 * day_ms);
  EXPECT_EQ(f.seen().run->reason, Reason::lost);
}

TEST(LostRuns, ThatAreDeletedDoNotComeBack) {
  TwoPolicies f;
  f.bench.done(LinkPolicy{f.host(), f.second});
  const auto first = f.seen().run->id;
  f.bench.done(LinkPolicy{f.host(), f.third});
  f.bench.pass(8 * day_ms);
  f.bench.done(DeleteRun{f.host(), first, false});
  EXPECT_TRUE(f.seen().superseded.empty());
  f.node.say_hello();
  EXPECT_EQ(f.bench.events<RunReopened>().size(), 1U);
}

TEST(LostRuns, CountAsLinksThatTheNodeHasNotAnswered) {
  TwoPolicies f;
  const std::array<std::string, 2> policies{f.second, f.third};
  for (std::size_t i = 0; i < open_runs_max; ++i) {
    f.bench.done(LinkPolicy{f.host(), policies[i % 2]});
    f.bench.pass(8 * day_ms);
  }
  EXPECT_EQ(f.bench.ask(LinkPolicy{f.host(), policies[0]}).error().code, Code::conflict);
}

TEST(LostRuns, ClosedRunsAreDeletedAndOpenOnesAreNot) {
  Fixture f;
  f.link();
  const auto run = f.seen().run->id;
  EXPECT_EQ(f.bench.ask(DeleteRun{f.host(), run, false}).error().code, Code::conflict);
  f.accept();
  f.stage();
  f.succeed();
  settle(f.bench, f.node);
  f.bench.done(DeleteRun{f.host(), run, false});
  EXPECT_FALSE(f.seen().run.has_value());
  EXPECT_TRUE(f.bench.state.touched.runs_gone.contains(run));
  f.bench.expect_fold();
}

}  // namespace
}  // namespace abide::fleet
