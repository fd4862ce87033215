// Whole runs of the world: what a seed promises, and what a fleet comes to.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "simulators/world/control.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/operator.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

constexpr std::int64_t minute_ms = 60'000, hour_ms = 3'600'000;

struct Watch final : Observer {
  std::vector<std::string> lines;
  std::vector<FaultHappened> faults;
  int quiet_times = 0, ended_times = 0, restored_times = 0;
  void line(const World&, std::string_view line) override { lines.emplace_back(line); }
  [[nodiscard]] bool reads_lines() const override { return true; }
  void fault(const World&, const FaultHappened& fault) override { faults.push_back(fault); }
  void quiet(const World&) override { ++quiet_times; }
  void ended(const World&) override { ++ended_times; }
  void restored(const World&) override { ++restored_times; }
};

Plan plan_of(std::uint64_t seed, bool all_faults = true) {
  Plan plan;
  plan.seed = seed;
  plan.nodes = 2;
  plan.hours = 12;
  plan.quiet_hours = 6;
  if (all_faults)
    for (const auto fault : every_fault()) plan.faults.add(fault);
  return plan;
}

Watch watched(const Plan& plan) {
  Watch watch;
  World world(plan);
  world.watch(watch);
  EXPECT_TRUE(world.run());
  return watch;
}

TEST(World, SaysTheSameTwiceForOneSeedAndSomethingElseForAnother) {
  const auto once = watched(plan_of(3));
  const auto again = watched(plan_of(3));
  EXPECT_EQ(once.lines, again.lines);
  EXPECT_GT(once.lines.size(), 100U);
  EXPECT_NE(once.lines, watched(plan_of(4)).lines);
  EXPECT_EQ(once.quiet_times, 1);
  EXPECT_EQ(once.ended_times, 1);
}

TEST(World, IsTheSameWhetherOrNotAnybodyReadsItsLines) {
  World world(plan_of(3));
  EXPECT_FALSE(world.is_read());
  EXPECT_TRUE(world.run());
  World read(plan_of(3));
  Watch watch;
  read.watch(watch);
  EXPECT_TRUE(read.run());
  EXPECT_EQ(world.steps(), read.steps());
  EXPECT_EQ(world.faults_happened(), read.faults_happened());
}

TEST(World, HasNoFaultThatThePlanDoesNotHaveAndNoneOnceTheyHaveStopped) {
  EXPECT_TRUE(watched(plan_of(5, false)).faults.empty());
  Plan plan = plan_of(5, false);
  plan.faults.add(Fault::power_cut);
  for (const auto& fault : watched(plan).faults) EXPECT_EQ(fault.fault, Fault::power_cut);

  const auto watch = watched(plan_of(6));
  bool stopped = false;
  for (const auto& line : watch.lines) {
    if (line.find("world faults stop") != std::string::npos) stopped = true;
    EXPECT_FALSE(stopped && line.find(" fault ") != std::string::npos) << line;
  }
  EXPECT_TRUE(stopped);
}

TEST(World, LeavesOutSingleFaultsAndIsTheSameUpToThere) {
  const auto whole = watched(plan_of(7));
  ASSERT_GT(whole.faults.size(), 10U);
  Plan plan = plan_of(7);
  plan.left_out = {9};
  const auto part = watched(plan);
  ASSERT_GT(part.faults.size(), 9U);
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_EQ(part.faults[i].fault, whole.faults[i].fault);
    EXPECT_EQ(part.faults[i].machine, whole.faults[i].machine);
  }
  std::size_t same = 0;
  while (same < part.lines.size() && part.lines[same] == whole.lines[same]) ++same;
  EXPECT_NE(whole.lines[same].find(" fault " + std::string(to_string(whole.faults[9].fault))), std::string::npos) << whole.lines[same];
}

TEST(Faults, AreNamedAndDrawn) {
  for (const auto fault : every_fault()) EXPECT_EQ(parse_fault(to_string(fault)), fault);
  EXPECT_EQ(every_fault().size(), fault_count);
  EXPECT_FALSE(parse_fault("rain"));
  EXPECT_EQ(parse_fault_choice("delay,rain").error().code, Code::invalid_input);
  FaultSet two;
  two.add(Fault::clone);
  two.add(Fault::delay);
  EXPECT_EQ(to_string(two), "delay,clone");
  Random random{1};
  EXPECT_EQ(draw_faults(*parse_fault_choice(to_string(two)), random), two);
  EXPECT_TRUE(draw_faults(*parse_fault_choice("none"), random).empty());
  const auto all = draw_faults(*parse_fault_choice("all"), random);
  for (const auto fault : every_fault()) EXPECT_TRUE(all.has(fault));
  std::vector<FaultSet> drawn;
  for (int i = 0; i < 40; ++i) drawn.push_back(draw_faults(*parse_fault_choice("default"), random));
  for (const auto fault : every_fault()) {  // each is in some runs and turned off in others
    EXPECT_TRUE(std::any_of(drawn.begin(), drawn.end(), [&](const FaultSet& set) { return set.has(fault); })) << to_string(fault);
    EXPECT_TRUE(std::any_of(drawn.begin(), drawn.end(), [&](const FaultSet& set) { return !set.has(fault); })) << to_string(fault);
  }
}

// ---- a small fleet, by order ------------------------------------------------------------------------------------------

struct Fleet {
  explicit Fleet(std::size_t nodes) : world(plan(nodes)) {
    world.pass(1'000);
    world.people().publish(base_image());
    world.pass(5 * minute_ms);
  }
  static Plan plan(std::size_t nodes) {
    Plan plan;
    plan.nodes = nodes;
    plan.hours = 1'000;
    plan.operator_works = false;
    return plan;
  }
  void publish_and_link() {
    Image image;
    image.version = newest;
    image.bytes = 500'000'000;
    world.people().publish(image);
    EXPECT_TRUE(world.people().create_policy("latest", "", false));
    for (MachineIndex i = 0; i < world.machine_count(); ++i) EXPECT_TRUE(world.people().link(i, "latest"));
  }
  [[nodiscard]] std::string runs(MachineIndex i) const { return world.machine(i).slot(world.machine(i).running()).version; }
  [[nodiscard]] const fleet::Node& seen(MachineIndex i) const { return *world.control().node(world.machine(i).id()); }

  static constexpr const char* newest = "3.0.20260202.0000";
  World world;
};

TEST(World, AFleetWithoutFaultsEndsUpdatedAndSeenAsSuch) {
  Fleet fleet(5);
  fleet.publish_and_link();
  fleet.world.pass(2 * hour_ms);
  for (MachineIndex i = 0; i < 5; ++i) EXPECT_EQ(fleet.runs(i), base_version) << "no window is open";
  for (MachineIndex i = 0; i < 5; ++i) EXPECT_TRUE(fleet.world.people().open_window(i, 10 * minute_ms, hour_ms));
  fleet.world.pass(2 * hour_ms);
  for (MachineIndex i = 0; i < 5; ++i) {
    EXPECT_EQ(fleet.runs(i), Fleet::newest);
    EXPECT_EQ(fleet.world.machine(i).default_slot(), fleet.world.machine(i).running());
    EXPECT_EQ(fleet.seen(i).outcome.kind, OutcomeKind::succeeded);
    EXPECT_EQ(fleet.seen(i).identity.os_image_id, Fleet::newest);
    EXPECT_EQ(fleet.seen(i).upto, fleet.world.machine(i).head().last);
    EXPECT_EQ(fleet.world.machine(i).head().acked, fleet.world.machine(i).head().last);
  }
  EXPECT_TRUE(fleet.world.control().at_rest());
}

TEST(World, TheOrchestratorRestoredFromABackupHoldsEveryNode) {
  Fleet fleet(2);
  Watch watch;
  fleet.world.watch(watch);
  fleet.publish_and_link();
  fleet.world.pass(2 * hour_ms);
  EXPECT_TRUE(fleet.world.people().open_window(0, hour_ms, 0));
  fleet.world.pass(minute_ms);
  fleet.world.control().back_up();
  EXPECT_TRUE(fleet.world.people().unlink(0));
  fleet.world.pass(minute_ms);
  fleet.world.control().restore(0);
  EXPECT_FALSE(fleet.world.control().runs());
  EXPECT_FALSE(fleet.seen(0).policy_id.empty()) << "what was withdrawn is in the backup";
  fleet.world.pass(3 * hour_ms);
  EXPECT_EQ(watch.restored_times, 1);
  for (MachineIndex i = 0; i < 2; ++i) {
    EXPECT_TRUE(fleet.seen(i).held);
    EXPECT_EQ(fleet.runs(i), base_version);
  }
  EXPECT_TRUE(fleet.world.people().unlink(0));
  for (MachineIndex i = 0; i < 2; ++i) EXPECT_TRUE(fleet.world.people().confirm(i));
  fleet.world.pass(hour_ms);
  EXPECT_FALSE(fleet.seen(0).held);
  EXPECT_EQ(fleet.runs(0), base_version) << "and does not come back";
}

TEST(World, TheOrchestratorGoesOnAfterItsDeathFromWhatWasCommitted) {
  Fleet fleet(1);
  fleet.publish_and_link();
  fleet.world.control().kill("by order");
  EXPECT_FALSE(fleet.world.control().runs());
  const auto refused = fleet.world.people().open_window(0, 0, 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unavailable);
  EXPECT_TRUE(fleet.world.run_until([&] { return fleet.world.control().connected(); }, 2 * hour_ms));
  EXPECT_FALSE(fleet.seen(0).policy_id.empty());
  EXPECT_TRUE(fleet.world.people().open_window(0, 0, 0));
  EXPECT_TRUE(fleet.world.run_until([&] { return fleet.runs(0) == Fleet::newest; }, 2 * hour_ms));
}

}  // namespace
}  // namespace abide::sim
