#include "simulators/node-fleet/machine.hpp"

#include <gtest/gtest.h>

#include "common/core/hash.hpp"

namespace abide::node_fleet {
namespace {

NodeId node(std::uint8_t number) {
  NodeId id;
  id.bytes[15] = number;
  return id;
}

SlotContent factory() {
  return {"demo", "1.0.0", "x86_64", sha256("1.0.0"), true};
}

agent::StageOrder order(std::uint64_t offer) {
  agent::StageOrder order;
  order.offer = {1, offer};
  order.release.profile_name = "demo";
  order.release.os_image_id = "2.0.0";
  order.release.raw = {sha256("2.0.0"), 1'000};
  order.slot = Slot::b;
  return order;
}

// At --speed max everything ends at the next look.
struct Tried {
  std::optional<node::StagingEnded> staged;
  std::optional<node::HealthJudged> judged;
  bool came_up = false;
};
Tried try_update(Machine& machine, std::uint64_t offer) {
  Tried tried;
  const auto workers = machine.workers();
  workers.start_staging(
      order(offer), [](const Progress&) {}, [&](node::StagingEnded end) { tried.staged = std::move(end); });
  machine.advance(std::chrono::steady_clock::now());
  if (!tried.staged || tried.staged->failure != Reason::none) return tried;
  EXPECT_TRUE(machine.arm_once(Slot::b));
  EXPECT_TRUE(machine.reboot());
  EXPECT_TRUE(machine.reboot_ordered());
  machine.power_on();
  tried.came_up = machine.read()->running == Slot::b;
  if (!tried.came_up) return tried;
  agent::HealthOrder health;
  health.offer = {1, offer};
  workers.start_health(health, [&](node::HealthJudged judged) { tried.judged = std::move(judged); });
  machine.advance(std::chrono::steady_clock::now());
  return tried;
}

Weather fast() {
  Weather weather;
  weather.speed = 0;
  return weather;
}

TEST(FleetMachine, StagesBootsAndIsHealthyWhereNothingIsToFail) {
  const auto weather = fast();
  Machine machine(1, node(1), weather, factory());
  machine.power_on();
  const auto first = machine.boot();
  const auto tried = try_update(machine, 1);
  ASSERT_TRUE(tried.judged);
  EXPECT_TRUE(tried.judged->healthy);
  EXPECT_EQ(tried.staged->digest, sha256("2.0.0"));
  EXPECT_TRUE(machine.read()->came_up);
  EXPECT_FALSE(machine.read()->one_shot);
  EXPECT_NE(machine.boot(), first);
  EXPECT_EQ(machine.measure(*machine.read(), "v")->os_image_id, "2.0.0");
  EXPECT_TRUE(machine.confirm(Slot::b));
  machine.power_on();
  EXPECT_EQ(machine.read()->running, Slot::b);
}

TEST(FleetMachine, GoesBackToTheDefaultByItself) {
  const auto weather = fast();
  Machine machine(1, node(1), weather, factory());
  machine.power_on();
  ASSERT_TRUE(try_update(machine, 1).came_up);
  machine.power_on();
  EXPECT_EQ(machine.read()->running, Slot::a);
}

TEST(FleetMachine, KeepsTheSlotThatRunsAndTheSlotThatIsBad) {
  const auto weather = fast();
  Machine machine(1, node(1), weather, factory());
  machine.power_on();
  EXPECT_FALSE(machine.arm_once(Slot::a));
  EXPECT_TRUE(machine.mark_bad(Slot::b));
  EXPECT_FALSE(machine.arm_once(Slot::b));
  EXPECT_FALSE(machine.confirm(Slot::b));
}

TEST(FleetMachine, FailsAndFallsBackAtTheRatesThatAreAskedForAndAlikeInEveryRun) {
  auto weather = fast();
  weather.failure_rate = 0.1;
  weather.rollback_rate = 0.2;
  const auto count = [&](std::uint64_t seed) {
    std::array<int, 4> counts{};
    for (std::uint64_t offer = 1; offer <= 2'000; ++offer) {
      Machine machine(seed, node(static_cast<std::uint8_t>(offer)), weather, factory());
      machine.power_on();
      const auto tried = try_update(machine, offer);
      const bool failed = tried.staged->failure != Reason::none;
      ++counts[failed ? 0 : !tried.came_up ? 1 : !tried.judged->healthy ? 2 : 3];
    }
    return counts;
  };
  const auto counts = count(5);
  EXPECT_NEAR(counts[0], 200, 60);
  EXPECT_NEAR(counts[1], 90, 45);
  EXPECT_NEAR(counts[2], 270, 70);
  EXPECT_EQ(counts, count(5));
  EXPECT_NE(counts, count(6));
}

TEST(FleetMachine, TakesTheTimeThatSpeedLeaves) {
  Weather weather;
  weather.stage_ms = 60'000;
  weather.speed = 60;
  Machine machine(1, node(1), weather, factory());
  machine.power_on();
  machine.workers().start_staging(
      order(1), [](const Progress&) {}, [](const node::StagingEnded&) {});
  const auto takes = machine.next_moment() - std::chrono::steady_clock::now();
  EXPECT_GT(takes, std::chrono::milliseconds(400));
  EXPECT_LT(takes, std::chrono::milliseconds(1'510));
  machine.stop_workers();
  EXPECT_EQ(machine.next_moment(), SteadyTime::max());
}

TEST(FleetMachine, TellsProgressWhileItStages) {
  Weather weather;
  weather.progress_every_ms = 10;
  weather.stage_ms = 60'000;
  Machine machine(1, node(1), weather, factory());
  machine.power_on();
  std::vector<Progress> told;
  bool ended = false;
  machine.workers().start_staging(
      order(1), [&](const Progress& progress) { told.push_back(progress); }, [&](const node::StagingEnded&) { ended = true; });
  machine.advance(machine.next_moment());
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].phase, Phase::staging);
  EXPECT_EQ(told[0].bytes_total, 1'000u);
  EXPECT_FALSE(ended);
}

TEST(FleetMachine, GoesOnFromWhatAPowerCutLeaves) {
  const auto weather = fast();
  Machine machine(1, node(1), weather, factory());
  machine.power_on();
  ASSERT_TRUE(try_update(machine, 1).came_up);
  ASSERT_TRUE(machine.confirm(Slot::b));
  Machine other(1, node(1), weather, factory());
  ASSERT_TRUE(other.restore(machine.hardware()));
  other.power_on();
  EXPECT_EQ(other.read()->running, Slot::b);
  EXPECT_EQ(other.measure(*other.read(), "v")->digest, sha256("2.0.0"));
  EXPECT_NE(other.boot(), machine.boot());
  for (const char* broken : {"", "{}", "[1]", "{\"default\": 0}"}) EXPECT_FALSE(other.restore(broken)) << broken;
}

}  // namespace
}  // namespace abide::node_fleet
