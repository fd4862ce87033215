// Openings of one repeated schedule, in zones.
#include "common/core/calendar.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <limits>
#include <time.h>

#include "common/core/random.hpp"
#include "common/core/time.hpp"

namespace abide {
namespace {

std::int64_t at(const std::string& text) {
  return parse_rfc3339(text).value() / 1000;
}
Repeat repeat(const std::string& cron, std::int64_t duration_seconds = 3'600, const std::string& zone = "") {
  return make_repeat(split_cron_text(cron).value(), duration_seconds, zone).value();
}

TEST(Repeats, AreMadeOfCronDurationAndZoneAndRefusedWithTheirReason) {
  EXPECT_TRUE(make_repeat({}, 1, ""));
  EXPECT_TRUE(make_repeat({}, duration_seconds_max, "Europe/Berlin"));
  const struct {
    CronTexts texts;
    std::int64_t duration;
    std::string zone, message;
  } rows[] = {
      {{"60"}, 60, "", "minutes \"60\": allowed are"}, {{}, 0, "", "duration of 0 seconds: allowed are 1 to 86400"},
      {{}, -1, "", "duration of -1 seconds"},          {{}, 86'401, "", "duration of 86401 seconds"},
      {{}, 60, "Mars/Base", "zone \"Mars/Base\""},
  };
  for (const auto& row : rows) {
    const auto made = make_repeat(row.texts, row.duration, row.zone);
    ASSERT_FALSE(made) << row.message;
    EXPECT_EQ(made.error().code, Code::invalid_input);
    EXPECT_EQ(made.error().message.rfind(row.message, 0), 0U) << made.error().message;
  }
}

TEST(Openings, FollowTheClockOnTheWallOfTheirZone) {
  const struct {
    std::string cron, zone, from;
    std::vector<std::string> shown;
  } rows[] = {
      {"0 2 * * *", "", "2026-03-28T12:00:00Z", {"2026-03-29T02:00:00Z", "2026-03-30T02:00:00Z"}},
      // the night without 02:00 to 03:00, and the one with two of them
      {"30 2 * * *",
       "Europe/Berlin",
       "2026-03-27T12:00:00Z",
       {"2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"}},
      {"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", {"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"}},
      {"30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", {"2026-03-29T03:00:00+02:00"}},  // asked at the end of the gap
      {"30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:01Z", {"2026-03-30T02:30:00+02:00"}},
      {"*/20 2,3 * * *",
       "Europe/Berlin",
       "2026-03-28T12:00:00Z",
       {"2026-03-29T03:00:00+02:00", "2026-03-29T03:20:00+02:00", "2026-03-29T03:40:00+02:00", "2026-03-30T02:00:00+02:00"}},
      {"*/30 * * * *",
       "Europe/Berlin",
       "2026-10-25T00:20:00Z",
       {"2026-10-25T02:30:00+02:00", "2026-10-25T03:00:00+01:00", "2026-10-25T03:30:00+01:00"}},
      {"*/30 * * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", {"2026-10-25T03:00:00+01:00"}},  // asked within the second pass
      {"0 0 29 3 *", "Europe/Berlin", "2026-01-01T00:00:00Z", {"2026-03-29T00:00:00+01:00", "2027-03-29T00:00:00+02:00"}},
      {"30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", {"2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"}},
      {"30 2 8 3 *", "America/New_York", "2026-01-01T00:00:00Z", {"2026-03-08T03:00:00-04:00", "2027-03-08T02:30:00-05:00"}},
      // half an hour of change
      {"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", {"2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"}},
      {"45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", {"2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"}},
      // no change, and a quarter of an hour
      {"0 2 * * *", "Asia/Kathmandu", "2026-03-28T12:00:00Z", {"2026-03-29T02:00:00+05:45", "2026-03-30T02:00:00+05:45"}},
      // the southern half has its summer in December
      {"0 3 * * *", "Australia/Sydney", "2026-10-02T12:00:00Z", {"2026-10-03T03:00:00+10:00", "2026-10-04T03:00:00+11:00"}},
      // the day that Samoa left out
      {"0 12 * * *",
       "Pacific/Apia",
       "2011-12-29T12:00:00Z",
       {"2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00"}},
      // another day there than in UTC
      {"0 8 1 * *", "Pacific/Auckland", "2026-06-15T00:00:00Z", {"2026-07-01T08:00:00+12:00", "2026-08-01T08:00:00+12:00"}},
      {"0 22 31 * *",
       "America/Los_Angeles",
       "2026-02-01T00:00:00Z",
       {"2026-01-31T22:00:00-08:00", "2026-03-31T22:00:00-07:00", "2026-05-31T22:00:00-07:00"}},
      {"0 0 * * sun", "America/Los_Angeles", "2026-11-28T12:00:00Z", {"2026-11-29T00:00:00-08:00"}},
      // leap days
      {"0 0 29 2 *", "Europe/Berlin", "2095-01-01T00:00:00Z", {"2096-02-29T00:00:00+01:00", "2104-02-29T00:00:00+01:00"}},
  };
  for (const auto& row : rows) {
    const auto one = repeat(row.cron, 60, row.zone);
    std::vector<std::string> shown;
    for (const auto opening : openings_between(one, at(row.from), open_end, row.shown.size()))
      shown.push_back(to_rfc3339(one.zone, opening));
    EXPECT_EQ(shown, row.shown) << row.cron << " " << row.zone;
  }
}

TEST(Openings, AreTheNextAtOrAfterAndTheLastAtOrBefore) {
  const auto nightly = repeat("0 2 * * *");
  const std::int64_t night = at("2026-11-28T02:00:00Z");
  constexpr std::int64_t day = 86'400;
  EXPECT_EQ(next_opening(nightly, night), night);
  EXPECT_EQ(next_opening(nightly, night + 1), night + day);
  EXPECT_EQ(next_opening(nightly, night - day + 1), night);
  EXPECT_EQ(last_opening(nightly, night), night);
  EXPECT_EQ(last_opening(nightly, night - 1), night - day);
  EXPECT_EQ(openings_between(nightly, night, night + 2 * day, 100), (std::vector<std::int64_t>{night, night + day}));
  EXPECT_EQ(openings_between(nightly, night + 1, night + day, 100), std::vector<std::int64_t>{});
  EXPECT_EQ(openings_between(nightly, night, open_end, 3).size(), 3U);
  EXPECT_EQ(openings_between(nightly, night + day, night, 3).size(), 0U);
}

TEST(Openings, EndWithTheCalendar) {
  for (const char* zone : {"", "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago"}) {
    const auto always = repeat("* * * * *", 60, zone);
    for (const auto second : {std::numeric_limits<std::int64_t>::min(), calendar_seconds_min, std::int64_t{0}, calendar_seconds_max,
                              std::numeric_limits<std::int64_t>::max()}) {
      if (const auto next = next_opening(always, second)) {
        EXPECT_GE(*next, second);
      }
      if (const auto last = last_opening(always, second)) {
        EXPECT_LE(*last, second);
      }
      (void)open_around(always, second);
    }
    EXPECT_EQ(next_opening(always, std::numeric_limits<std::int64_t>::max()), std::nullopt);
    EXPECT_EQ(last_opening(always, std::numeric_limits<std::int64_t>::min()), std::nullopt);
  }
}

TEST(Repeats, AreOpenAroundAMomentForAsLongAsTheirOpeningsJoin) {
  const struct {
    std::string cron;
    std::int64_t duration;
    std::string zone, at, begin, end;  // no begin: closed
  } rows[] = {
      {"0 2 * * *", 7'200, "", "2026-11-28T02:00:00Z", "2026-11-28T02:00:00Z", "2026-11-28T04:00:00Z"},
      {"0 2 * * *", 7'200, "", "2026-11-28T03:59:59Z", "2026-11-28T02:00:00Z", "2026-11-28T04:00:00Z"},
      {"0 2 * * *", 7'200, "", "2026-11-28T04:00:00Z", "", ""},
      {"0 2 * * *", 7'200, "", "2026-11-28T01:59:59Z", "", ""},
      {"0 23 31 12 *", 7'200, "", "2027-01-01T00:30:00Z", "2026-12-31T23:00:00Z", "2027-01-01T01:00:00Z"},   // over midnight and year
      {"0 23 28 2 *", 7'200, "", "2028-02-29T00:30:00Z", "2028-02-28T23:00:00Z", "2028-02-29T01:00:00Z"},    // into a leap day
      {"0 1,2,3 * * *", 3'600, "", "2026-11-28T02:30:00Z", "2026-11-28T01:00:00Z", "2026-11-28T04:00:00Z"},  // touch
      {"0 1,2,3 * * *", 3'599, "", "2026-11-28T02:30:00Z", "2026-11-28T02:00:00Z", "2026-11-28T02:59:59Z"},  // and miss by a second
      {"0 1,2 * * *", 5'400, "", "2026-11-28T02:10:00Z", "2026-11-28T01:00:00Z", "2026-11-28T03:30:00Z"},    // overlap
      {"*/10 22,23 * * *", 600, "", "2026-11-28T22:15:00Z", "2026-11-28T22:00:00Z", "2026-11-29T00:00:00Z"},
      {"*/10 22-23,0-1 * * *", 600, "", "2026-11-29T00:15:00Z", "2026-11-28T22:00:00Z", "2026-11-29T02:00:00Z"},  // over midnight
      {"0-29 4 * * *", 60, "", "2026-11-28T04:10:30Z", "2026-11-28T04:00:00Z", "2026-11-28T04:30:00Z"},
      {"0 0 * * mon-fri", 86'400, "", "2026-11-26T12:00:00Z", "2026-11-23T00:00:00Z", "2026-11-28T00:00:00Z"},  // a working week
      {"0 0 * 7 *", 86'400, "", "2026-07-09T12:00:00Z", "2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z"},        // a month
      {"0 0 * 7 *", 86'400, "Europe/Berlin", "2026-07-09T12:00:00Z", "2026-06-30T22:00:00Z", "2026-07-31T22:00:00Z"},
      {"0 1 * * *", 14'400, "Europe/Berlin", "2026-03-29T02:00:00Z", "2026-03-29T00:00:00Z", "2026-03-29T04:00:00Z"},  // real hours
      {"0 1 * * *", 14'400, "Europe/Berlin", "2026-10-25T02:00:00Z", "2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z"},
      {"* * * * *", 60, "", "2026-11-28T02:00:00Z", "always", "always"},
      {"0 0 * * *", 86'400, "", "2026-11-28T02:00:00Z", "always", "always"},
      {"0 * * * *", 3'600, "Asia/Kathmandu", "2026-11-28T02:00:00Z", "always", "always"},
      // each hour by the clock in Berlin: the second 02:00 to 03:00 of October is not opened again
      {"0 * * * *", 3'600, "Europe/Berlin", "2026-11-28T02:00:00Z", "2026-10-25T02:00:00Z", "2027-10-31T01:00:00Z"},
      {"* * * * *", 60, "Europe/Berlin", "2026-11-28T02:00:00Z", "2026-10-25T02:00:00Z", "2027-10-31T01:00:00Z"},
      {"* * * * *", 60, "Europe/Berlin", "2026-10-25T01:30:00Z", "", ""},
  };
  for (const auto& row : rows) {
    const auto found = open_around(repeat(row.cron, row.duration, row.zone), at(row.at));
    ASSERT_EQ(found.has_value(), !row.begin.empty()) << row.cron << " at " << row.at;
    if (!found) continue;
    if (row.begin == "always") {
      EXPECT_EQ(*found, (Interval{open_begin, open_end})) << row.cron;
    } else {
      EXPECT_EQ(to_rfc3339(Zone{}, found->begin), row.begin) << row.cron << " at " << row.at;
      EXPECT_EQ(to_rfc3339(Zone{}, found->end), row.end) << row.cron << " at " << row.at;
    }
  }
}

std::string drawn_field(Random& random, int low, int high) {
  const auto below = [&](int limit) { return static_cast<int>(random.below(static_cast<std::uint64_t>(limit))); };
  const auto number = [&] { return low + below(high - low + 1); };
  switch (random.below(4)) {
    case 0:
      return std::to_string(number());
    case 1: {
      const int one = number();
      const int other = number();
      return std::to_string(std::min(one, other)) + "-" + std::to_string(std::max(one, other));
    }
    case 2:
      return "*/" + std::to_string(1 + below(high - low));
    default:
      return "*";
  }
}

// What the clocks on the wall newly show, minute by minute, is what opens: what they jump over opens then and there, what they
// show again does not.
TEST(Openings, AgreeWithAWatchOfTheClockOnTheWall) {
  const char* const zones[] = {"",
                               "Europe/Berlin",
                               "America/New_York",
                               "Australia/Lord_Howe",
                               "Asia/Kathmandu",
                               "Pacific/Apia",
                               "Africa/Cairo",
                               "America/Sao_Paulo",
                               "Pacific/Kwajalein",
                               "Antarctica/Troll"};
  const char* const around[] = {"2026-03-27T00:00:00Z", "2026-10-01T00:00:00Z", "2026-10-23T00:00:00Z",
                                "2011-12-28T00:00:00Z", "1993-08-19T00:00:00Z", "2018-11-01T00:00:00Z"};
  constexpr std::int64_t watched_seconds = 12 * std::int64_t{86'400};
  Random random{1128};
  std::int64_t openings = 0;
  for (int i = 0; i < 250; ++i) {
    std::string cron = drawn_field(random, 0, 59);
    cron += " " + drawn_field(random, 0, 23);
    cron += " " + (random.below(2) == 0 ? "*" : drawn_field(random, 1, 31));
    cron += " * " + (random.below(2) == 0 ? "*" : drawn_field(random, 0, 6));
    const auto duration = static_cast<std::int64_t>(1 + random.below(random.below(2) == 0 ? 7'200 : 86'400));
    const auto one = repeat(cron, duration, zones[random.below(std::size(zones))]);
    const std::int64_t from = at(around[random.below(std::size(around))]);
    const auto told = [&](std::int64_t instant) { return cron + " " + one.zone.name() + " " + to_rfc3339(one.zone, instant); };

    std::vector<std::int64_t> watched;
    std::int64_t shown_before = one.zone.local_of(from - 60);
    for (std::int64_t instant = from - 86'400; instant < from; instant += 60)
      shown_before = std::max(shown_before, one.zone.local_of(instant));
    for (std::int64_t instant = from; instant < from + watched_seconds; instant += 60) {
      const std::int64_t shown = one.zone.local_of(instant);
      bool opens = false;
      for (std::int64_t minute = shown_before + 60; minute <= shown; minute += 60) opens = opens || next_match(one.cron, minute) == minute;
      shown_before = std::max(shown_before, shown);
      if (opens) watched.push_back(instant);
    }
    ASSERT_EQ(openings_between(one, from, from + watched_seconds, 100'000), watched) << told(from);
    openings += static_cast<std::int64_t>(watched.size());

    Intervals open;
    for (const auto opening : watched) open.push_back({opening, opening + duration});
    open = united(open);
    for (int moment = 0; moment < 50; ++moment) {
      const std::int64_t instant = from + 2 * 86'400 + static_cast<std::int64_t>(random.below(8 * 86'400));
      const auto last = std::upper_bound(watched.begin(), watched.end(), instant);
      if (last != watched.begin()) {
        ASSERT_EQ(last_opening(one, instant), *std::prev(last)) << told(instant);
      }
      const auto found = open_around(one, instant);
      const auto expected = current_or_next(open, instant);
      ASSERT_EQ(found.has_value(), expected && expected->begin <= instant) << told(instant);
      if (!found) continue;
      // What is open at an end of what was watched may go on beyond it.
      if (expected->begin > from + 86'400) {
        ASSERT_EQ(found->begin, expected->begin) << told(instant);
      }
      if (expected->end < from + watched_seconds - 86'400) {
        ASSERT_EQ(found->end, expected->end) << told(instant);
      }
    }
  }
  EXPECT_GT(openings, 30'000);
}

}  // namespace
}  // namespace abide
