#include "common/core/time.hpp"

#include <gtest/gtest.h>
#include <time.h>

#include "common/core/random.hpp"

namespace abide {
namespace {

TEST(Rfc3339, IsWrittenInUtcWithMilliseconds) {
  EXPECT_EQ(to_rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339(1'764'000'000'123), "2025-11-24T16:00:00.123Z");
  EXPECT_EQ(to_rfc3339(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(to_rfc3339(951'782'400'000), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339(4'107'542'400'000), "2100-03-01T00:00:00.000Z");  // 2100 is no leap year
}

TEST(Rfc3339, OfATimeThatFourDigitsOfAYearCannotSayIsTheNearestThatTheyCan) {
  EXPECT_EQ(to_rfc3339(std::numeric_limits<std::int64_t>::max()), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(to_rfc3339(std::numeric_limits<std::int64_t>::min()), "0000-01-01T00:00:00.000Z");
}

TEST(Rfc3339, IsReadWithFractionsAndOffsets) {
  const struct {
    const char* text;
    std::int64_t wall_ms;
  } rows[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"2025-11-24T16:00:00Z", 1'764'000'000'000},
      {"2025-11-24T16:00:00.1Z", 1'764'000'000'100},
      {"2025-11-24T16:00:00.123456789Z", 1'764'000'000'123},  // what is below a millisecond is dropped
      {"2025-11-24T18:30:00+02:30", 1'764'000'000'000},
      {"2025-11-24T11:00:00-05:00", 1'764'000'000'000},
      {"2025-11-25T00:00:00+08:00", 1'764'000'000'000},
      {"2025-11-24t16:00:00z", 1'764'000'000'000},
      {"2025-11-24 16:00:00Z", 1'764'000'000'000},
      {"2016-12-31T23:59:60Z", 1'483'228'800'000},  // a leap second is the next second
      {"2024-02-29T00:00:00Z", 1'709'164'800'000},
      {"9999-12-31T23:59:59.999Z", 253'402'300'799'999},
  };
  for (const auto& row : rows) {
    const auto parsed = parse_rfc3339(row.text);
    ASSERT_TRUE(parsed) << row.text;
    EXPECT_EQ(*parsed, row.wall_ms) << row.text;
  }
}

TEST(Rfc3339, IsRefusedInAnyOtherForm) {
  for (const char* text : {"",
                           "2025",
                           "2025-11-24",
                           "2025-11-24T16:00:00",
                           "2025-11-24T16:00Z",
                           "2025-11-24T16:00:00.Z",
                           "2025-11-24T24:00:00Z",
                           "2025-13-01T00:00:00Z",
                           "2025-00-01T00:00:00Z",
                           "2025-02-29T00:00:00Z",
                           "2100-02-29T00:00:00Z",
                           "2025-04-31T00:00:00Z",
                           "2025-11-24T16:60:00Z",
                           "2025-11-24T16:00:61Z",
                           "2025-11-24T16:00:00+0200",
                           "2025-11-24T16:00:00+24:00",
                           "2025-11-24T16:00:00Zx",
                           " 2025-11-24T16:00:00Z",
                           "+025-11-24T16:00:00Z",
                           "0000-01-01T00:00:00+00:01",
                           "9999-12-31T23:59:59-00:01",
                           "2025-11-24T16:00:00.1234567890Z",
                           "2025-1-24T16:00:00Z"}) {
    const auto parsed = parse_rfc3339(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::invalid_input);
  }
}

TEST(Rfc3339, AgreesWithTheCLibraryOnEveryKindOfDay) {
  Random random{20251124};
  for (int i = 0; i < 20'000; ++i) {
    const auto second = static_cast<std::int64_t>(random.below(253'402'300'800)) - (i % 4 == 0 ? 62'000'000'000 : 0);
    if (second >= 253'402'300'800) continue;
    const time_t wall = second;
    tm parts{};
    ASSERT_NE(gmtime_r(&wall, &parts), nullptr);
    char text[40];
    ASSERT_GT(snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.000Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                       parts.tm_hour, parts.tm_min, parts.tm_sec),
              0);
    ASSERT_EQ(to_rfc3339(second * 1000), text);
    const auto parsed = parse_rfc3339(text);
    ASSERT_TRUE(parsed) << text;
    ASSERT_EQ(*parsed, second * 1000);
  }
}

TEST(RandomDraws, RepeatFromASeedAndNeverNameNothing) {
  Random one{1};
  Random other{1};
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(one.next(), other.next());
    EXPECT_NE(one.next_id(), 0U);
    other.next_id();
  }
  EXPECT_EQ(Random{}.next(), 0xE220A8397B1DCDAFULL);  // the first number of SplitMix64 from 0
  EXPECT_EQ(one.below(0), 0U);
  for (int i = 0; i < 100; ++i) EXPECT_LT(one.below(7), 7U);
}

}  // namespace
}  // namespace abide
