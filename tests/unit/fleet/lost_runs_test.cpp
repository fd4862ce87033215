// A run whose node falls silent is closed, and goes on if the node comes back.
#include "tests/unit/fleet/fleet_bench.hpp"

namespace abide::fleet {
namespace {

constexpr std::int64_t day_ms = 86'400'000;

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
