// What the simulated hardware does to slots, boot variables, disks and clocks.
#include "tests/sim/machine_small_world.hpp"

namespace abide::sim {
namespace {

TEST(SimulatedHardware, BootsTheNewSlotOnceAndThenByDefault) {
  SmallWorld small;
  small.offer("3.0.20260201.0000");
  EXPECT_EQ(small.outcome(), "Succeeded none");
  EXPECT_EQ(small.machine().running(), Slot::b);
  EXPECT_EQ(small.machine().default_slot(), Slot::b);
  EXPECT_FALSE(small.machine().one_shot());
  small.machine().cut_power(1'000);
  ASSERT_TRUE(small.until([&] { return small.machine().agent_runs(); }));
  EXPECT_EQ(small.machine().running(), Slot::b);
}

TEST(SimulatedHardware, FallsBackFromASlotThatDoesNotComeUp) {
  SmallWorld small;
  small.offer("3.0.20260201.0000", Image::Nature::dead);
  EXPECT_EQ(small.outcome(), "RolledBack boot_failed");
  EXPECT_EQ(small.machine().running(), Slot::a);
  EXPECT_FALSE(small.machine().came_up());
}

TEST(SimulatedHardware, TakesTheOneShotWithTheFirstBoot) {
  SmallWorld small;
  small.offer("3.0.20260201.0000", Image::Nature::silent);
  ASSERT_TRUE(small.until_phase(Phase::on_trial));
  EXPECT_EQ(small.machine().running(), Slot::b);
  EXPECT_FALSE(small.machine().one_shot());
  EXPECT_TRUE(small.machine().came_up());
  small.machine().cut_power(1'000);
  ASSERT_TRUE(small.until([&] { return small.machine().agent_runs(); }));
  EXPECT_EQ(small.machine().running(), Slot::a);
  EXPECT_EQ(small.count("TrialInterrupted"), 1U);
}

struct Nature {
  Image::Nature nature;
  const char* outcome;
};
class SimulatedImage : public testing::TestWithParam<Nature> {};

TEST_P(SimulatedImage, EndsAsItsNatureWantsAndLeavesTheOldSlotRunning) {
  SmallWorld small;
  small.offer("3.0.20260201.0000", GetParam().nature);
  EXPECT_EQ(small.outcome(), GetParam().outcome);
  EXPECT_EQ(small.machine().running(), Slot::a);
  EXPECT_EQ(small.machine().default_slot(), Slot::a);
  EXPECT_EQ(small.control().node(small.machine().id())->identity.os_image_id, base_version);
}
INSTANTIATE_TEST_SUITE_P(
    Natures, SimulatedImage,
    testing::Values(Nature{Image::Nature::unhealthy, "RolledBack unhealthy"}, Nature{Image::Nature::late_unhealthy, "RolledBack unhealthy"},
                    Nature{Image::Nature::silent, "RolledBack deadline"}, Nature{Image::Nature::hung, "RolledBack watchdog"},
                    Nature{Image::Nature::restless, "RolledBack trial_interrupted"},
                    Nature{Image::Nature::wrong_digest, "Failed wrong_digest"}, Nature{Image::Nature::unreachable, "Failed download"},
                    Nature{Image::Nature::too_large, "Failed too_large"}),
    [](const auto& tested) {
      std::string name(to_string(tested.param.nature));
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

TEST(SimulatedHardware, APowerCutWhileASlotIsWrittenLeavesNothingThatBoots) {
  SmallWorld small;
  small.offer("3.0.20260201.0000");
  ASSERT_TRUE(small.until([&] {
    return small.machine().slot(Slot::b).version.empty() && small.machine().writing() && small.machine().state().phase == Phase::staging;
  }));
  small.world().pass(3'000);
  small.machine().cut_power(1'000);
  EXPECT_FALSE(small.machine().slot(Slot::b).whole);
  EXPECT_EQ(small.outcome(), "Succeeded none") << "it begins anew";
}

TEST(SimulatedHardware, WhatWasFlushedOutlivesAPowerCutAndIsReused) {
  SmallWorld small;
  small.publish("3.0.20260201.0000");
  ASSERT_TRUE(small.people().link(0, "latest"));
  ASSERT_TRUE(small.until_phase(Phase::staged));
  small.machine().cut_power(1'000);
  EXPECT_TRUE(small.machine().slot(Slot::b).whole);
  ASSERT_TRUE(small.people().open_window(0, 1'000, 0));
  EXPECT_EQ(small.outcome(), "Succeeded none");
}

TEST(SimulatedHardware, AClockThatWasSteppedIsNotTrustedUntilItIsMended) {
  SmallWorld small;
  ASSERT_TRUE(small.until([&] { return small.machine().now().trusted; }));
  EXPECT_EQ(small.machine().now().wall_ms, small.world().now_ms());
  small.machine().step_clock(-90 * minute_ms);
  EXPECT_FALSE(small.machine().now().trusted);
  EXPECT_EQ(small.machine().now().wall_ms, small.world().now_ms() - 90 * minute_ms);
  ASSERT_TRUE(small.until([&] { return small.machine().now().trusted; }, 24 * 60 * minute_ms));
  EXPECT_EQ(small.machine().now().wall_ms, small.world().now_ms());
}

}  // namespace
}  // namespace abide::sim
