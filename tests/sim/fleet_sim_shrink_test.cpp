// From a run that fails to the smallest one, over worlds whose fault is known.
#include <gtest/gtest.h>

#include "simulators/fleet-sim/shrink.hpp"
#include "tests/sim/fleet_sim_calls.hpp"

namespace abide::fleet_sim {
namespace {

bool happened(const std::vector<Struck>& struck, sim::Fault fault, std::size_t at_least = 1) {
  return static_cast<std::size_t>(std::count_if(struck.begin(), struck.end(), [&](const Struck& one) { return one.fault == fault; })) >=
         at_least;
}

sim::Plan large_plan() {
  sim::Plan plan;
  plan.seed = 77;
  plan.nodes = 50;
  plan.hours = 48;
  for (const auto fault : sim::every_fault()) plan.faults.add(fault);
  return plan;
}

TEST(FleetSimShrink, FindsTheNodesHoursKindsAndFaultsThatAreNeeded) {
  PretendedWorlds worlds;
  worlds.is_wrong = [](const sim::Plan& plan, const std::vector<Struck>& struck) {
    return plan.nodes >= 3 && plan.hours >= 5 && happened(struck, sim::Fault::clone, 2) && happened(struck, sim::Fault::power_cut);
  };
  const auto shrunk = shrink(large_plan(), worlds.checker, worlds.runner(), {});
  EXPECT_TRUE(shrunk.repeated);
  EXPECT_FALSE(shrunk.limit_reached);
  EXPECT_EQ(shrunk.plan.seed, 77U);
  EXPECT_EQ(shrunk.plan.nodes, 3U);
  EXPECT_EQ(shrunk.plan.hours, 5);
  EXPECT_EQ(sim::to_string(shrunk.plan.faults), "power-cut,clone");
  EXPECT_EQ(shrunk.result.faults.size(), 3U);
  EXPECT_FALSE(shrunk.result.findings.empty());
  EXPECT_EQ(static_cast<std::size_t>(worlds.runs), shrunk.runs);
  // What it hands back is what it ran.
  EXPECT_EQ(worlds.run(shrunk.plan, {}).hash, shrunk.result.hash);
}

TEST(FleetSimShrink, NeedsNoFaultWhereTheProgramAloneIsWrong) {
  PretendedWorlds worlds;
  worlds.is_wrong = [](const sim::Plan&, const std::vector<Struck>&) { return true; };
  const auto shrunk = shrink(large_plan(), worlds.checker, worlds.runner(), {});
  EXPECT_EQ(shrunk.plan.nodes, 1U);
  EXPECT_EQ(shrunk.plan.hours, 1);
  EXPECT_TRUE(shrunk.plan.faults.empty());
  EXPECT_TRUE(shrunk.result.faults.empty());
  EXPECT_LT(shrunk.runs, 40U);
}

TEST(FleetSimShrink, KeepsFewerNodesOnlyIfTheyFailToo) {
  // Another count of nodes is another world: these two fail, and those between them do not.
  PretendedWorlds worlds;
  worlds.is_wrong = [](const sim::Plan& plan, const std::vector<Struck>&) { return plan.nodes == 50 || plan.nodes == 16; };
  EXPECT_EQ(shrink(large_plan(), worlds.checker, worlds.runner(), {}).plan.nodes, 16U);
}

TEST(FleetSimShrink, KeepsToTheCheckerOfTheFirstFinding) {
  // With few nodes something else is wrong as well; that is another failure.
  PretendedWorlds worlds;
  Runner runner = [&](const sim::Plan& plan, const RunOptions& how) {
    auto result = worlds.run(plan, how);
    result.findings.push_back({plan.nodes < 10 ? "another" : "pretended", 0, ""});
    return result;
  };
  EXPECT_GE(shrink(large_plan(), "pretended", runner, {}).plan.nodes, 10U);
}

TEST(FleetSimShrink, StopsAtItsLimitAndSaysSo) {
  PretendedWorlds worlds;
  worlds.is_wrong = [](const sim::Plan&, const std::vector<Struck>& struck) { return happened(struck, sim::Fault::clone, 2); };
  ShrinkOptions options;
  options.runs_max = 10;
  const auto shrunk = shrink(large_plan(), worlds.checker, worlds.runner(), options);
  EXPECT_TRUE(shrunk.limit_reached);
  EXPECT_EQ(worlds.runs, 10 + 1) << "and once more for its transcript";
  EXPECT_TRUE(worlds.is_wrong(shrunk.plan, shrunk.result.faults));
}

TEST(FleetSimShrink, EndsThoughEachFaultThatIsLeftOutBringsAnother) {
  // Numbers never run out here: the world goes on drawing.
  Runner runner = [](const sim::Plan& plan, const RunOptions&) {
    RunResult result;
    for (std::uint64_t number = 0; result.faults.size() < 5; ++number)
      if (std::find(plan.left_out.begin(), plan.left_out.end(), number) == plan.left_out.end())
        result.faults.push_back({number, sim::Fault::clone, "", 0});
    if (plan.faults.has(sim::Fault::clone)) result.findings.push_back({"pretended", 0, ""});
    return result;
  };
  ShrinkOptions options;
  options.runs_max = 100'000;
  const auto shrunk = shrink(large_plan(), "pretended", runner, options);
  EXPECT_FALSE(shrunk.limit_reached);
  EXPECT_LT(shrunk.runs, 1'000U);
}

TEST(FleetSimShrink, SaysWhereARunDoesNotFailAgain) {
  PretendedWorlds worlds;
  const auto shrunk = shrink(large_plan(), worlds.checker, worlds.runner(), {});
  EXPECT_FALSE(shrunk.repeated);
  EXPECT_EQ(shrunk.runs, 1U);
}

}  // namespace
}  // namespace abide::fleet_sim
