// Checkers that judge a run's end; and all of them over runs that are as they should be.
#include "tests/sim/checkers_bench.hpp"

namespace abide::sim {
namespace {

using testing::HasSubstr;

TEST(EveryOfferEndsChecker, FindsAnOfferThatIsOpenAndARunThatIsNotClosed) {
  Ran ran({"every-offer-ends"});
  ran.offer(newer_version);
  ASSERT_TRUE(ran.world().run_until([&] { return ran.machine().agent_runs() && ran.machine().state().phase == Phase::staging; }, 600'000));
  ran.world().pass(1'000);
  ran.checkers().ended(ran.world());
  ASSERT_EQ(ran.found(), 2U);
  EXPECT_THAT(ran.what(), HasSubstr("has not ended offer"));
  EXPECT_THAT(ran.checkers().findings().back().what, HasSubstr("is open: Downloading artifacts"));
}

TEST(EveryOfferEndsChecker, FindsAMachineThatDoesNotRun) {
  Ran ran({"every-offer-ends"});
  ran.machine().kill_agent("for the test");
  ran.checkers().ended(ran.world());
  EXPECT_THAT(ran.what(), HasSubstr("does not run any more"));
  Ran gone({"every-offer-ends"});
  gone.machine().leave_for_ever();
  gone.checkers().ended(gone.world());
  EXPECT_EQ(gone.found(), 0U) << "of who has left nothing is asked";
}

TEST(PictureIsTruthChecker, FindsWhatTheOrchestratorDoesNotKnow) {
  Ran ran({"picture-is-truth"});
  ran.checkers().ended(ran.world());
  EXPECT_EQ(ran.found(), 0U) << ran.what();
  ran.world().broker().wedge(0, true);
  ran.machine().kill_agent("for the test");
  ran.world().pass(60'000);
  ran.checkers().ended(ran.world());
  EXPECT_THAT(ran.what(), HasSubstr("its newest event is shown as"));
}

TEST(PictureIsTruthChecker, FindsAnOrchestratorThatIsNotThere) {
  Ran ran({"picture-is-truth"});
  ran.world().control().kill("for the test");
  ran.checkers().ended(ran.world());
  EXPECT_THAT(ran.what(), HasSubstr("does not run"));
}

// What it finds can only be made by code that is wrong: the mutations `says-why` and `explains` make it.
TEST(WaitsForSomethingChecker, FindsNothingInAnUpdateFromEndToEnd) {
  Ran ran({"waits-for-something"});
  ran.offer(newer_version);
  for (int minutes = 0; minutes < 20; ++minutes) {
    ran.world().pass(60'000);
    ran.checkers().quiet(ran.world());
  }
  EXPECT_EQ(ran.machine().state().identity.os_image_id, newer_version);
  EXPECT_EQ(ran.found(), 0U) << ran.what();
}

TEST(Checkers, AreListedWithASentenceEachAndCanBeChosen) {
  const auto list = Checkers::list();
  EXPECT_EQ(list.size(), 24U);
  for (const auto& [name, holds] : list) {
    EXPECT_FALSE(name.empty());
    EXPECT_TRUE(holds.ends_with(".")) << name;
  }
  World world(still_plan());
  Checkers checkers(world);
  EXPECT_FALSE(checkers.only({"nobody"}));
  EXPECT_TRUE(checkers.only({"running-slot", "open-window"}));
}

TEST(Checkers, FindNothingInAFleetWithoutFaultsAndInOneWithThem) {
  for (const bool faults : {false, true}) {
    Plan plan;
    plan.seed = 5;
    plan.hours = 12;
    plan.quiet_hours = 12;
    if (faults)
      for (const auto fault : every_fault()) plan.faults.add(fault);
    World world(plan);
    Checkers checkers(world);
    EXPECT_TRUE(world.run());
    const auto findings = checkers.findings();
    EXPECT_TRUE(findings.empty()) << findings.front().checker << ": " << findings.front().what;
  }
}

}  // namespace
}  // namespace abide::sim
