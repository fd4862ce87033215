// The same seed is the same run: twice, on other threads, watched or not, and under every compiler.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <thread>

#include "simulators/fleet-sim/last_words.hpp"
#include "simulators/fleet-sim/shrink.hpp"
#include "tests/sim/fleet_sim_calls.hpp"

namespace abide::fleet_sim {
namespace {

sim::Plan plan_of_seed(std::uint64_t seed, std::size_t nodes = 4, std::int64_t hours = 24) {
  Job job;
  job.seed = seed;
  job.nodes = {nodes, nodes};
  job.hours = hours;
  job.faults.kind = sim::FaultChoice::Kind::all;
  return plan_of(job);
}

std::string transcript_of(const sim::Plan& plan) {
  std::string text;
  RunOptions how;
  how.checks = std::vector<std::string>{};
  how.line = [&](std::string_view line) { (text += line) += '\n'; };
  (void)run_world(plan, how);
  return text;
}

TEST(FleetSimWorld, OfOneSeedIsTheSameTwiceAndOnAnyThread) {
  const auto plan = plan_of_seed(11);
  const auto expected = transcript_of(plan);
  EXPECT_EQ(transcript_of(plan), expected);
  std::string here, there;
  {
    const std::jthread one([&] { here = transcript_of(plan); });
    const std::jthread another([&] { there = transcript_of(plan_of_seed(12)); });
  }
  EXPECT_EQ(here, expected);
  EXPECT_NE(there, expected);
}

TEST(FleetSimWorld, IsHashedLineByLine) {
  const auto plan = plan_of_seed(11);
  EXPECT_EQ(run_world(plan, {}).hash, sha256(transcript_of(plan)));
}

TEST(FleetSimWorld, GoesTheSameWayWhoeverWatches) {
  const auto plan = plan_of_seed(13);
  const auto watched = run_world(plan, {});
  RunOptions alone;
  alone.checks = std::vector<std::string>{};
  alone.count_situations = false;
  EXPECT_EQ(run_world(plan, alone).hash, watched.hash);
  alone.lines = false;
  const auto unread = run_world(plan, alone);
  EXPECT_EQ(unread.hash, std::nullopt);
  EXPECT_EQ(unread.figures.steps, watched.figures.steps);
  EXPECT_EQ(unread.figures.events, watched.figures.events);
  EXPECT_EQ(unread.figures.outcomes, watched.figures.outcomes);
}

TEST(FleetSimWorld, CountsWhatItCameTo) {
  const auto result = run_world(plan_of_seed(12), {});
  EXPECT_EQ(result.figures.runs, 1U);
  EXPECT_EQ(result.figures.virtual_ms, 48 * 3'600'000);
  EXPECT_GT(result.figures.events, 100U);
  EXPECT_GT(result.figures.faults, 10U);
  EXPECT_GT(result.figures.node_updates(), 3U);
  EXPECT_GT(result.figures.outcomes[static_cast<std::size_t>(OutcomeKind::succeeded)], 0U);
}

TEST(FleetSimWorld, SaysHowFarItIs) {
  RunOptions how;
  double share = 0;
  int calls = 0;
  how.progress = [&](double now) {
    EXPECT_GE(now, share);
    EXPECT_LE(now, 1);
    share = now;
    ++calls;
  };
  (void)run_world(plan_of_seed(11), how);
  EXPECT_GT(calls, 0);
}

// Lines "seed nodes hours faults hash". Every change of what product or world do changes them: set ABIDE_REWRITE to write
// them anew. What they are for is that every compiler and every build type comes to the same.
TEST(FleetSimWorld, HasTheHashesThatOtherCompilersHave) {
  const auto path = std::filesystem::path(ABIDE_SOURCE_DIR) / "tests/sim/hashes.txt";
  std::ifstream in(path);
  std::string written;
  int lines = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.front() == '#') {
      written += line + "\n";
      continue;
    }
    const auto end = line.rfind(' ');
    ASSERT_NE(end, std::string::npos) << line;
    const auto jobs = parse_seeds_file(line.substr(0, end), 24);
    ASSERT_TRUE(jobs) << jobs.error().message;
    RunOptions how;
    how.checks = std::vector<std::string>{};
    how.count_situations = false;
    const auto hash = to_hex(*run_world(plan_of(jobs->front()), how).hash);
    if (std::getenv("ABIDE_REWRITE") == nullptr) {
      EXPECT_EQ(hash, line.substr(end + 1)) << line << "\nset ABIDE_REWRITE if the run was meant to change";
    }
    written += line.substr(0, end) + " " + hash + "\n";
    ++lines;
  }
  EXPECT_GE(lines, 4);
  if (std::getenv("ABIDE_REWRITE") != nullptr) std::ofstream(path) << written;
}

// The real world, and a checker that is wrong on purpose: it does not bear that power is cut twice at one machine.
TEST(FleetSimWorld, IsShrunkToTheFaultsThatAFailureNeeds) {
  const Runner runner = [](const sim::Plan& plan, RunOptions how) {
    how.checks = std::vector<std::string>{};
    how.list_faults = true;
    auto result = run_world(plan, how);
    std::map<std::string, int> cuts;
    for (const auto& one : result.faults)
      if (one.fault == sim::Fault::power_cut && ++cuts[one.where] == 2) result.findings.push_back({"twice", one.at_ms, one.where});
    return result;
  };
  ShrinkOptions options;
  options.runs_max = 2'000;
  const auto shrunk = shrink(plan_of_seed(3, 6, 24), "twice", runner, options);
  ASSERT_TRUE(shrunk.repeated) << "choose another seed";
  EXPECT_EQ(sim::to_string(shrunk.plan.faults), "power-cut");
  EXPECT_EQ(shrunk.result.faults.size(), 2U);
  EXPECT_EQ(shrunk.plan.nodes, 1U);
  EXPECT_LT(shrunk.plan.hours, 24);
  EXPECT_FALSE(shrunk.result.last_lines.empty() && shrunk.result.figures.lines == 0);
  // What it says fails indeed.
  EXPECT_FALSE(runner(shrunk.plan, {}).findings.empty());
}

TEST(FleetSimLastWordsDeathTest, AreTheCommandThatBringsTheCrashAbout) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        install_last_words();
        const Announced announced("abide-fleet-sim --seed 9");
        std::abort();
      },
      "the program itself failed, and does so again with:\n  abide-fleet-sim --seed 9\n");
}

}  // namespace
}  // namespace abide::fleet_sim
