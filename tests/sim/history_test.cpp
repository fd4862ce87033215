// A history becomes a world: what one world has left behind is gone on from, under faults.
#include <filesystem>
#include <gtest/gtest.h>

#include "common/store/export_file.hpp"
#include "simulators/checkers/checkers.hpp"
#include "simulators/world/control.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/past.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

constexpr std::int64_t hour_ms = 3'600'000;

Plan plan_of(std::uint64_t seed) {
  Plan plan;
  plan.seed = seed;
  plan.nodes = 4;
  plan.hours = 24;
  Random random{seed};
  plan.faults = draw_faults({}, random);
  return plan;
}

MemoryStore::Content orchestrators_rows(std::uint64_t seed, std::int64_t hours) {
  World world(plan_of(seed));
  world.pass(hours * hour_ms);
  return world.control().disk().content();
}

std::string findings_of(const Plan& plan) {
  World world(plan);
  Checkers checkers(world);
  EXPECT_TRUE(world.run());
  std::string text;
  for (const auto& finding : checkers.findings()) text += finding.checker + ": " + finding.what + "\n";
  return text;
}

TEST(History, OfAFleetGoesOnUnderFaultsAndComesToRest) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    auto past = past_of(orchestrators_rows(seed, 13), "");
    ASSERT_TRUE(past) << past.error().message;
    ASSERT_EQ(past->nodes.size(), 4U);
    auto plan = plan_of(seed + 100);
    plan.past = std::make_shared<const Past>(std::move(*past));
    EXPECT_EQ(findings_of(plan), "") << "seed " << seed;
  }
}

TEST(History, OfAFleetIsItsOwn) {
  const auto rows = orchestrators_rows(3, 13);
  auto past = past_of(rows, "");
  ASSERT_TRUE(past) << past.error().message;
  // Most nodes have their journal still, and run what the orchestrator believes.
  std::size_t whole = 0;
  for (const auto& node : past->nodes) whole += node.disk ? 1 : 0;
  EXPECT_GE(whole, 2U);
  EXPECT_GT(past->images.size(), 3U);
  auto plan = plan_of(1);
  plan.past = std::make_shared<const Past>(*past);
  World world(plan);
  EXPECT_EQ(world.now_ms(), past->now_ms);
  ASSERT_FALSE(world.control().state().nodes.empty());
  for (MachineIndex i = 0; i < world.machine_count(); ++i) {
    const auto* known = world.control().node(world.machine(i).id());
    ASSERT_NE(known, nullptr);
    if (past->nodes[i].disk) {
      EXPECT_EQ(world.machine(i).head().last, known->upto);
    }
  }
}

TEST(History, OfOneNodeGoesOnWithAnOrchestratorThatHasNeverHeardOfIt) {
  World first(plan_of(5));
  first.pass(11 * hour_ms);
  auto past = past_of(first.machine(1).disk().content(), "");
  ASSERT_TRUE(past) << past.error().message;
  ASSERT_EQ(past->nodes.size(), 1U);
  past->nodes.front().id = first.machine(1).id();
  auto plan = plan_of(6);
  plan.past = std::make_shared<const Past>(std::move(*past));
  EXPECT_EQ(findings_of(plan), "");
}

TEST(History, ThroughAFileIsTheSame) {
  const auto rows = orchestrators_rows(2, 10);
  const auto path = (std::filesystem::path(testing::TempDir()) / "abide-history.export").string();
  std::filesystem::remove(path);
  auto writer = ExportWriter::create(path, {{"kind", "orchestrator"}});
  ASSERT_TRUE(writer) << writer.error().message;
  for (const auto& [key, value] : rows) ASSERT_TRUE(writer->add(key, value));
  ASSERT_TRUE(writer->finish());
  const auto loaded = load_export(path);
  ASSERT_TRUE(loaded);
  std::filesystem::remove(path);
  const auto one = past_of(rows, ""), other = past_of(loaded->rows, "");
  ASSERT_TRUE(one);
  ASSERT_TRUE(other);
  EXPECT_EQ(one->control, other->control);
}

TEST(History, ThatIsNoneIsRefused) {
  const auto nothing = past_of({}, "");
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, Code::invalid_input);
  const auto another = past_of(orchestrators_rows(1, 2), "elsewhere");
  ASSERT_FALSE(another);
  EXPECT_EQ(another.error().code, Code::not_found);
}

}  // namespace
}  // namespace abide::sim
