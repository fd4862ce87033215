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

}  // namespace
}  // namespace abide::ctl
