// Each file of simulators/scenarios, as it stands. ABIDE_REWRITE=1 writes what happened into them: read the difference.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

#include "simulators/scenario/player.hpp"
#include "simulators/scenario/run.hpp"

namespace abide::scenario {
namespace {

std::vector<std::string> files() {
  std::vector<std::string> list;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(ABIDE_SOURCE_DIR) + "/simulators/scenarios")) {
    if (entry.path().extension() == ".txt") list.push_back(entry.path().string());
  }
  std::sort(list.begin(), list.end());
  return list;
}

std::string name_of(const std::string& file) {
  auto name = std::filesystem::path(file).stem().string();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class Scenario : public testing::TestWithParam<std::string> {};

TEST_P(Scenario, HappensAsItsFileSays) {
  const auto outcome = run_scenario(GetParam(), std::getenv("ABIDE_REWRITE") != nullptr);
  std::string text;
  for (const auto& line : outcome.wrong) text += line + "\n";
  EXPECT_TRUE(outcome.wrong.empty()) << GetParam() << "\n" << text;
}

INSTANTIATE_TEST_SUITE_P(Each, Scenario, testing::ValuesIn(files()),
                         [](const testing::TestParamInfo<std::string>& row) { return name_of(row.param); });

TEST(Scenarios, AreThere) {
  EXPECT_GE(files().size(), 40U);
}

// A scenario whose lines are others fails, and says where; a rewrite mends it; twice the same.
TEST(Scenarios, ThatDifferAreFoundAndRewritten) {
  const auto file = std::filesystem::path(testing::TempDir()) / "abide-scenario.txt";
  std::ofstream(file) << "# A try\n\npublish 3.0.20260102.0300\npolicy latest follows latest\nlink n1 to latest\n----\n+00:00:00 nothing\n";
  const auto differs = run_scenario(file, false);
  ASSERT_EQ(differs.wrong.size(), 3U);
  ASSERT_EQ(differs.wrong.size(), 3U);
  EXPECT_EQ(differs.wrong[0], "line 5: link n1 to latest");
  EXPECT_EQ(differs.wrong[1], "  expected: +00:00:00 nothing");
  EXPECT_TRUE(run_scenario(file, true).rewritten);
  EXPECT_TRUE(run_scenario(file, false).wrong.empty());
  EXPECT_FALSE(run_scenario(file, true).rewritten);
  std::filesystem::remove(file);
}

TEST(Scenarios, AnOrderThatIsNoneIsRefusedWithThoseThereAre) {
  const auto script = parse_script("make coffee\n----\n");
  ASSERT_TRUE(script);
  std::vector<std::string> findings;
  const auto played = play_script(*script, findings);
  ASSERT_FALSE(played);
  EXPECT_NE(played.error().message.find("line 1: make coffee: no such order"), std::string::npos) << played.error().message;
  EXPECT_NE(played.error().message.find("link NODE to POLICY"), std::string::npos);
}

}  // namespace
}  // namespace abide::scenario
