// What may be written for seeds, sizes and faults.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

#include "simulators/fleet-sim/jobs.hpp"

namespace abide::fleet_sim {
namespace {

using Numbers = std::vector<std::uint64_t>;

TEST(FleetSimSeeds, AreNumbersAndRangesInTheOrderGiven) {
  const std::pair<const char*, Numbers> table[] = {
      {"7", {7}},
      {"1..4", {1, 2, 3, 4}},
      {"1,5,9..12", {1, 5, 9, 10, 11, 12}},
      {"9..9, 3", {9, 3}},
      {"18446744073709551615", {18446744073709551615U}},
      {"18446744073709551614..18446744073709551615", {18446744073709551614U, 18446744073709551615U}},
  };
  for (const auto& [text, numbers] : table) {
    const auto parsed = parse_numbers(text, 10);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().message;
    EXPECT_EQ(*parsed, numbers) << text;
  }
}

TEST(FleetSimSeeds, ThatAreNoneNameThePartThatIsWrong) {
  const std::pair<const char*, const char*> table[] = {
      {"", "\"\""},
      {"x", "\"x\""},
      {"1,,2", "\"\""},
      {"5..3", "\"5..3\""},
      {"1..", "\"\""},
      {"..3", "\"\""},
      {"1-3", "\"1-3\""},
      {"-1", "\"-1\""},
      {"1..11", "more than 10"},
      {"1..9,1,2", "more than 10"},
      {"18446744073709551616", "no number"},
      {"0..18446744073709551615", "more than 10"},
  };
  for (const auto& [text, said] : table) {
    const auto parsed = parse_numbers(text, 10);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().message.find(said), std::string::npos) << text << ": " << parsed.error().message;
  }
}

TEST(FleetSimSeeds, AreWrittenAsShortAsTheyAreRead) {
  const std::pair<Numbers, const char*> table[] = {{{}, ""}, {{4}, "4"}, {{1, 2}, "1,2"}, {{0, 1, 2, 3, 5, 8, 9, 10}, "0..3,5,8..10"}};
  for (const auto& [numbers, text] : table) {
    EXPECT_EQ(to_numbers_text(numbers), text);
    if (!numbers.empty()) {
      EXPECT_EQ(*parse_numbers(text, 100), numbers);
    }
  }
}

TEST(FleetSimSeedsFile, GivesAJobALineWithWhyItIsThere) {
  const auto jobs =
      parse_seeds_file("# seeds\n\n  12 3 48 default  # a power cut while the slot is read\n9\t1..4 6 power-cut,clone\r\n7 2 1 none", 5);
  ASSERT_TRUE(jobs) << jobs.error().message;
  ASSERT_EQ(jobs->size(), 3U);
  const auto& first = (*jobs)[0];
  EXPECT_EQ(first.seed, 12U);
  EXPECT_EQ(first.nodes, (Span{3, 3}));
  EXPECT_EQ(first.hours, 48);
  EXPECT_EQ(first.quiet_hours, 5);
  EXPECT_EQ(first.faults.kind, sim::FaultChoice::Kind::drawn);
  EXPECT_EQ(first.why, "a power cut while the slot is read");
  EXPECT_EQ((*jobs)[1].nodes, (Span{1, 4}));
  EXPECT_TRUE((*jobs)[1].faults.list.has(sim::Fault::clone));
  EXPECT_EQ((*jobs)[2].faults.kind, sim::FaultChoice::Kind::none);
}

TEST(FleetSimSeedsFile, NamesTheLineThatIsWrong) {
  const char* table[] = {"1 2 3", "1 2 3 none more", "x 2 3 none", "1 0 3 none", "1 2 0 none", "1 2 99999999 none", "1 2 3 rain"};
  for (const auto* line : table) {
    const auto jobs = parse_seeds_file(std::string("# fine\n1 2 3 none\n") + line + "\n", 5);
    ASSERT_FALSE(jobs) << line;
    EXPECT_TRUE(jobs.error().message.starts_with("line 3: ")) << jobs.error().message;
  }
}

TEST(FleetSimSeedsFile, OfThisRepositorySaysWhyForEachSeed) {
  std::ifstream in(std::filesystem::path(ABIDE_SOURCE_DIR) / "simulators/seeds.txt");
  std::stringstream text;
  text << in.rdbuf();
  const auto jobs = parse_seeds_file(text.str(), 24);
  ASSERT_TRUE(jobs) << jobs.error().message;
  EXPECT_FALSE(jobs->empty());
  for (const auto& job : *jobs) EXPECT_FALSE(job.why.empty()) << job.seed;
}

TEST(FleetSimPlan, IsDrawnFromItsSeedAlone) {
  Job job;
  job.nodes = {2, 5};
  std::set<std::size_t> nodes;
  std::set<std::string> faults;
  for (job.seed = 1; job.seed <= 100; ++job.seed) {
    const auto plan = plan_of(job);
    EXPECT_EQ(flags_of(plan), flags_of(plan_of(job)));
    EXPECT_EQ(plan.seed, job.seed);
    nodes.insert(plan.nodes);
    faults.insert(sim::to_string(plan.faults));
  }
  EXPECT_EQ(nodes, (std::set<std::size_t>{2, 3, 4, 5}));
  EXPECT_GT(faults.size(), 90U);
}

TEST(FleetSimPlan, LeavesOutEachNumberOnceAndInOrder) {
  Job job;
  job.left_out = {5, 1, 5, 2};
  EXPECT_EQ(plan_of(job).left_out, (Numbers{1, 2, 5}));
}

TEST(FleetSimPlan, IsHadAgainFromItsFlags) {
  sim::Plan plan;
  plan.seed = 9;
  plan.nodes = 2;
  plan.hours = 6;
  plan.quiet_hours = 12;
  plan.faults.add(sim::Fault::power_cut);
  plan.left_out = {0, 1, 2, 5};
  EXPECT_EQ(flags_of(plan), "--seed 9 --nodes 2 --hours 6 --quiet-hours 12 --faults power-cut --left-out 0..2,5");
}

}  // namespace
}  // namespace abide::fleet_sim
