#include "tools/abidectl/times.hpp"

#include <cstdlib>
#include <ctime>
#include <gtest/gtest.h>

namespace abide::ctl {
namespace {

constexpr std::int64_t now = 1'780'538'400'000;

TEST(AbidectlTimes, ReadsRfc3339NowAndDurationsFromNow) {
  const std::pair<const char*, std::int64_t> table[] = {
      {"now", now},
      {"+10m", now + 600'000},
      {"+1h30m", now + 5'400'000},
      {"+0s", now},
      {"+7d", now + 604'800'000},
      {"2026-06-04T02:00:00Z", now},
      {"2026-06-04T04:00:00+02:00", now},
  };
  for (const auto& [text, expected] : table) {
    const auto at = parse_when(text, now);
    ASSERT_TRUE(at) << text << ": " << at.error().message;
    EXPECT_EQ(*at, expected) << text;
  }
}

TEST(AbidectlTimes, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "+", "tomorrow", "10m", "+10", "+m", "+-5m", "+1.5h", "+10 m", "2026-06-04", "+999999999999999999999s", "+9999999d"}) {
    const auto at = parse_when(text, now);
    ASSERT_FALSE(at) << text;
    EXPECT_EQ(at.error().code, Code::invalid_input) << text;
  }
}

TEST(AbidectlTimes, ShowsTheMachinesTimeZone) {
  ASSERT_EQ(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1), 0);
  tzset();
  EXPECT_EQ(local_rfc3339(now), "2026-06-04T04:00:00+02:00");
  EXPECT_EQ(local_rfc3339(1'767'225'600'000), "2026-01-01T01:00:00+01:00");
  ASSERT_EQ(setenv("TZ", "UTC0", 1), 0);
  tzset();
  EXPECT_EQ(local_rfc3339(now), "2026-06-04T02:00:00Z");
}

TEST(AbidectlTimes, SaysHowLongAgoInTheLargestUnit) {
  const std::pair<std::int64_t, const char*> table[] = {
      {0, "now"},           {-400, "now"},           {-2'000, "2s ago"}, {-119'000, "1m ago"},
      {3'600'000, "in 1h"}, {-90'000'000, "1d ago"}, {59'999, "in 59s"},
  };
  for (const auto& [away, expected] : table) EXPECT_EQ(relative(now + away, now), expected) << away;
}

TEST(AbidectlTimes, ShowsDurationsAsTheyAreTyped) {
  const std::pair<std::int64_t, const char*> table[] = {{0, "0s"}, {59, "59s"}, {5'400, "1h30m"}, {86'400, "1d"}, {90'061, "1d1h1m1s"}};
  for (const auto& [seconds, text] : table) {
    EXPECT_EQ(shown_duration(seconds), text);
    EXPECT_EQ(parse_duration_ms(text).value(), seconds * 1000);
  }
}

TEST(AbidectlTimes, ReadsDegreesWithoutLosingAny) {
  const std::pair<const char*, std::int64_t> table[] = {{"48.137154", 481'371'540}, {"-0.0000001", -1},    {"0.0", 0},
                                                        {"-90.0", -900'000'000},    {"90.0", 900'000'000}, {"11.5761241", 115'761'241}};
  for (const auto& [text, e7] : table) {
    EXPECT_EQ(parse_degrees_e7(text, 90).value(), e7) << text;
    EXPECT_EQ(shown_degrees(e7), text);
  }
  EXPECT_EQ(parse_degrees_e7("7", 90).value(), 70'000'000);
  for (const char* wrong : {"", "-", ".", "1.", ".5", "north", "90.0000001", "-91", "1e1", "1.12345678", "+1", "--1", " 1", "1000"})
    EXPECT_FALSE(parse_degrees_e7(wrong, 90)) << wrong;
}

}  // namespace
}  // namespace abide::ctl
