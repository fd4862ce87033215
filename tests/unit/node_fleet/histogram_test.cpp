#include "simulators/node-fleet/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <sstream>
#include <vector>

#include "common/core/random.hpp"

namespace abide::node_fleet {
namespace {

TEST(FleetHistogram, KeepsSmallValuesExactly) {
  Histogram histogram;
  for (std::uint64_t value = 0; value < 2'048; ++value) histogram.record(value);
  EXPECT_EQ(histogram.count(), 2'048u);
  EXPECT_EQ(histogram.min(), 0u);
  EXPECT_EQ(histogram.max(), 2'047u);
  for (std::uint64_t value = 0; value < 2'048; ++value)
    EXPECT_EQ(histogram.percentile(100.0 * static_cast<double>(value + 1) / 2'048), value);
}

TEST(FleetHistogram, IsNoMoreThanAThousandthAwayFromTheTrueValueAtAnySize) {
  Random random{7};
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t value = random.next() >> (29 + random.below(35));
    Histogram histogram;
    histogram.record(value);
    histogram.record(Histogram::value_max);  // so that the maximum does not help
    const auto told = histogram.percentile(50);
    ASSERT_GE(told, value);
    ASSERT_LE(static_cast<double>(told - value), static_cast<double>(value) / 1'000 + 1e-9) << value;
  }
}

TEST(FleetHistogram, GivesThePercentilesOfASortedList) {
  Random random{11};
  Histogram histogram;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 10'000; ++i) {
    values.push_back(1 + random.below(3'000'000));
    histogram.record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double percent : {0.01, 1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    const auto index = static_cast<std::size_t>(std::ceil(percent / 100 * 10'000 - 1e-9)) - 1;
    const auto truth = static_cast<double>(values[index]);
    EXPECT_NEAR(static_cast<double>(histogram.percentile(percent)), truth, truth / 1'000 + 1) << percent;
  }
  double sum = 0;
  for (const auto value : values) sum += static_cast<double>(value);
  EXPECT_NEAR(histogram.mean(), sum / 10'000, sum / 10'000 / 1'000);
}

TEST(FleetHistogram, OfTwoTogetherIsAsIfAllHadBeenRecordedInOne) {
  Histogram left, right, both;
  Random random{3};
  for (int i = 0; i < 1'000; ++i) {
    const auto value = random.below(1'000'000'000);
    (i % 3 == 0 ? left : right).record(value);
    both.record(value);
  }
  left.add(right);
  EXPECT_EQ(left.count(), both.count());
  EXPECT_EQ(left.min(), both.min());
  EXPECT_EQ(left.max(), both.max());
  EXPECT_EQ(left.percentile_text(1), both.percentile_text(1));
  const auto before = left.percentile_text(1);
  left.add(Histogram{});
  EXPECT_EQ(left.percentile_text(1), before);
}

TEST(FleetHistogram, ThatIsEmptyHasNothingToSay) {
  const Histogram histogram;
  EXPECT_EQ(histogram.percentile(50), 0u);
  EXPECT_EQ(histogram.min(), 0u);
  EXPECT_EQ(histogram.mean(), 0);
  EXPECT_TRUE(histogram.steps().empty());
}

TEST(FleetHistogram, CountsWhatIsTooLargeAsTheLargestAndSaysSo) {
  Histogram histogram;
  histogram.record(~std::uint64_t{0}, 3);
  EXPECT_EQ(histogram.count(), 3u);
  EXPECT_EQ(histogram.clipped(), 3u);
  EXPECT_EQ(histogram.max(), Histogram::value_max);
}

// As HdrHistogram's Java class prints 1 to 10 once each, with five steps a half distance.
TEST(FleetHistogram, PrintsTheTextOfHdrHistogram) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 10; ++value) histogram.record(value);
  const std::string text = histogram.percentile_text(1);
  std::istringstream lines(text);
  std::vector<std::string> all;
  for (std::string line; std::getline(lines, line);) all.push_back(line);
  ASSERT_GE(all.size(), 6u);
  EXPECT_EQ(all[0], "       Value     Percentile TotalCount 1/(1-Percentile)");
  EXPECT_EQ(all[1], "");
  EXPECT_EQ(all[2], "       1.000 0.000000000000          1           1.00");
  EXPECT_EQ(all[3], "       1.000 0.100000000000          1           1.11");
  EXPECT_EQ(all[4], "       2.000 0.200000000000          2           1.25");
  EXPECT_NE(text.find("       5.000 0.500000000000          5           2.00\n"), std::string::npos) << text;
  EXPECT_NE(text.find("       6.000 0.550000000000          6           2.22\n"), std::string::npos) << text;
  EXPECT_NE(text.find("      10.000 1.000000000000         10\n"), std::string::npos) << text;
  EXPECT_NE(text.find("#[Mean    =        5.500, StdDeviation   =        2.872]\n"), std::string::npos) << text;
  EXPECT_NE(text.find("#[Max     =       10.000, Total count    =           10]\n"), std::string::npos) << text;
  // Steps never go back, and end with everything.
  double percent = -1;
  std::uint64_t value = 0;
  for (const auto& step : histogram.steps()) {
    EXPECT_GT(step.percent, percent);
    EXPECT_GE(step.value, value);
    percent = step.percent;
    value = step.value;
  }
  EXPECT_EQ(histogram.steps().back().count, 10u);
}

}  // namespace
}  // namespace abide::node_fleet
