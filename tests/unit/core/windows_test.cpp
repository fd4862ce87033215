// Windows: what single and repeated schedules make together, without blackouts.
#include <gtest/gtest.h>

#include "common/core/calendar.hpp"
#include "common/core/random.hpp"
#include "common/core/time.hpp"

namespace abide {
namespace {

constexpr std::int64_t hour = 3'600;
constexpr std::int64_t day = 86'400;

std::int64_t at(const std::string& text) {
  return parse_rfc3339(text).value() / 1000;
}
Repeat repeat(const std::string& cron, std::int64_t duration_seconds, const std::string& zone = "") {
  return make_repeat(split_cron_text(cron).value(), duration_seconds, zone).value();
}
Interval between(const std::string& begin, const std::string& end) {
  return {at(begin), at(end)};
}

const Repeat nightly = repeat("0 2 * * *", 2 * hour);
const Repeat after_it = repeat("0 4 * * *", hour);
const Interval evening = between("2026-11-28T20:00:00Z", "2026-11-28T22:00:00Z");

TEST(WindowsTogether, AreTheCurrentOneOrTheNextWithoutItsBlackouts) {
  const struct {
    const char* what;
    WindowSet open, blackouts;
    const char* at;
    std::optional<Interval> window;
  } rows[] = {
      {"nothing", {}, {}, "2026-11-28T12:00:00Z", std::nullopt},
      {"the next night", {{}, {nightly}}, {}, "2026-11-28T12:00:00Z", between("2026-11-29T02:00:00Z", "2026-11-29T04:00:00Z")},
      {"this night", {{}, {nightly}}, {}, "2026-11-29T03:00:00Z", between("2026-11-29T02:00:00Z", "2026-11-29T04:00:00Z")},
      {"two that touch", {{}, {nightly, after_it}}, {}, "2026-11-29T03:00:00Z", between("2026-11-29T02:00:00Z", "2026-11-29T05:00:00Z")},
      {"from the later one",
       {{}, {nightly, after_it}},
       {},
       "2026-11-29T04:30:00Z",
       between("2026-11-29T02:00:00Z", "2026-11-29T05:00:00Z")},
      {"the nearest single", {{evening, between("2026-12-24T00:00:00Z", "2026-12-25T00:00:00Z")}, {}}, {}, "2026-11-28T12:00:00Z", evening},
      {"a single before a night", {{evening}, {nightly}}, {}, "2026-11-28T12:00:00Z", evening},
      {"a night behind it", {{evening}, {nightly}}, {}, "2026-11-28T22:00:00Z", between("2026-11-29T02:00:00Z", "2026-11-29T04:00:00Z")},
      {"an open end",
       {{{at("2026-11-28T20:00:00Z"), open_end}}, {nightly}},
       {},
       "2026-11-28T12:00:00Z",
       Interval{at("2026-11-28T20:00:00Z"), open_end}},
      {"a nearer one beside an open end", {{{at("2027-01-01T00:00:00Z"), open_end}, evening}, {}}, {}, "2026-11-28T12:00:00Z", evening},
      {"a long single",
       {{between("2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z")}, {}},
       {},
       "2026-11-28T12:00:00Z",
       between("2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z")},
      {"an empty single", {{{at("2026-11-28T20:00:00Z"), at("2026-11-28T20:00:00Z")}}, {}}, {}, "2026-11-28T12:00:00Z", std::nullopt},
      {"a past single", {{evening}, {}}, {}, "2026-11-28T22:00:00Z", std::nullopt},
      {"a blackout over the night",
       {{}, {nightly}},
       {{between("2026-11-29T00:00:00Z", "2026-11-29T06:00:00Z")}, {}},
       "2026-11-28T12:00:00Z",
       between("2026-11-30T02:00:00Z", "2026-11-30T04:00:00Z")},
      {"a blackout of its begin",
       {{}, {nightly}},
       {{between("2026-11-29T00:00:00Z", "2026-11-29T03:00:00Z")}, {}},
       "2026-11-28T12:00:00Z",
       between("2026-11-29T03:00:00Z", "2026-11-29T04:00:00Z")},
      {"a blackout of its end",
       {{}, {nightly}},
       {{between("2026-11-29T03:00:00Z", "2026-11-29T09:00:00Z")}, {}},
       "2026-11-28T12:00:00Z",
       between("2026-11-29T02:00:00Z", "2026-11-29T03:00:00Z")},
      {"before a blackout within",
       {{}, {nightly}},
       {{}, {repeat("0 3 * * *", 600)}},
       "2026-11-29T02:30:00Z",
       between("2026-11-29T02:00:00Z", "2026-11-29T03:00:00Z")},
      {"in a blackout within",
       {{}, {nightly}},
       {{}, {repeat("0 3 * * *", 600)}},
       "2026-11-29T03:05:00Z",
       between("2026-11-29T03:10:00Z", "2026-11-29T04:00:00Z")},
      {"behind a blackout within",
       {{}, {nightly}},
       {{}, {repeat("0 3 * * *", 600)}},
       "2026-11-29T03:45:00Z",
       between("2026-11-29T03:10:00Z", "2026-11-29T04:00:00Z")},
      {"a blackout that only touches",
       {{}, {nightly}},
       {{}, {repeat("0 4 * * *", hour), repeat("0 1 * * *", hour)}},
       "2026-11-28T12:00:00Z",
       between("2026-11-29T02:00:00Z", "2026-11-29T04:00:00Z")},
      {"an empty blackout",
       {{}, {nightly}},
       {{between("2026-11-29T03:00:00Z", "2026-11-29T03:00:00Z")}, {}},
       "2026-11-28T12:00:00Z",
       between("2026-11-29T02:00:00Z", "2026-11-29T04:00:00Z")},
      {"a blackout without end", {{}, {nightly}}, {{{at("2026-11-01T00:00:00Z"), open_end}}, {}}, "2026-11-28T12:00:00Z", std::nullopt},
      {"only working days blacked out",
       {{}, {nightly}},
       {{}, {repeat("0 0 * * mon-fri", day)}},
       "2026-11-30T12:00:00Z",
       between("2026-12-05T02:00:00Z", "2026-12-05T04:00:00Z")},
      {"everything blacked out", {{}, {nightly}}, {{}, {nightly}}, "2026-11-28T12:00:00Z", std::nullopt},
      {"a yearly freeze in an open end",
       {{{at("2026-01-01T00:00:00Z"), open_end}}, {}},
       {{}, {repeat("0 0 * 12 *", day)}},
       "2026-11-28T12:00:00Z",
       between("2026-01-01T00:00:00Z", "2026-12-01T00:00:00Z")},
      {"two zones",
       {{}, {repeat("0 2 * * *", hour, "Asia/Tokyo"), repeat("0 2 * * *", hour, "America/New_York")}},
       {},
       "2026-11-28T06:00:00Z",
       between("2026-11-28T07:00:00Z", "2026-11-28T08:00:00Z")},
  };
  for (const auto& row : rows) EXPECT_EQ(window_at(row.open, row.blackouts, at(row.at), 30 * day), row.window) << row.what;
}

TEST(WindowsTogether, AreLookedForUpToTheHorizon) {
  const WindowSet leap{{}, {repeat("0 0 29 2 *", hour)}};
  const std::int64_t now = at("2096-03-01T00:00:00Z");
  EXPECT_EQ(window_at(leap, {}, now, 7 * 366 * day), std::nullopt);
  EXPECT_EQ(window_at(leap, {}, now, 8 * 366 * day), between("2104-02-29T00:00:00Z", "2104-02-29T01:00:00Z"));
  EXPECT_EQ(window_at({{}, {nightly}}, {}, at("2026-11-28T12:00:00Z"), 14 * hour), between("2026-11-29T02:00:00Z", "2026-11-29T04:00:00Z"));
  EXPECT_EQ(window_at({{}, {nightly}}, {}, at("2026-11-28T12:00:00Z"), 14 * hour - 1), std::nullopt);
  EXPECT_EQ(window_at({{}, {nightly}}, {}, at("2026-11-29T03:00:00Z"), 0), between("2026-11-29T02:00:00Z", "2026-11-29T04:00:00Z"));
  const WindowSet long_one{{between("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")}, {}};
  const WindowSet frozen{{between("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")}, {}};
  EXPECT_EQ(window_at(long_one, frozen, at("2026-11-28T00:00:00Z"), 3 * day), between("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"));
  EXPECT_EQ(window_at(long_one, frozen, at("2026-11-28T00:00:00Z"), 3 * day - 1), std::nullopt);
  for (const auto far : {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    (void)window_at({{{1, open_end}}, {nightly}}, {{{5, open_end - 1}}, {after_it}}, far, far);
    (void)windows_between({{{1, open_end}}, {nightly}}, {{}, {after_it}}, far, open_end, 3);
    EXPECT_EQ(open_around(WindowSet{{{1, open_end}}, {}}, far), std::nullopt);
  }
}

TEST(WindowsTogether, ThatAlwaysJoinAreOpenForEver) {
  const Repeat first_half = repeat("0 0 * * *", 12 * hour);
  const Repeat second_half = repeat("0 12 * * *", 12 * hour);
  EXPECT_EQ(window_at({{}, {first_half, second_half}}, {}, at("2026-11-28T12:00:00Z"), day), (Interval{open_begin, open_end}));
  EXPECT_EQ(window_at({{}, {first_half, second_half}}, {{evening}, {}}, at("2026-11-28T12:00:00Z"), day),
            (Interval{open_begin, evening.begin}));
  EXPECT_EQ(window_at({{}, {first_half, second_half}}, {{evening}, {}}, at("2026-11-28T23:00:00Z"), day),
            (Interval{evening.end, open_end}));
}

TEST(WindowsTogether, AreListedOneAfterTheOther) {
  const WindowSet open{{evening}, {nightly}};
  const WindowSet blackouts{{}, {repeat("0 3 * * sun", 600)}};  // 29 November is one
  EXPECT_EQ(windows_between(open, blackouts, at("2026-11-28T21:00:00Z"), at("2026-11-30T03:00:00Z"), 10),
            (Intervals{evening, between("2026-11-29T02:00:00Z", "2026-11-29T03:00:00Z"),
                       between("2026-11-29T03:10:00Z", "2026-11-29T04:00:00Z"), between("2026-11-30T02:00:00Z", "2026-11-30T04:00:00Z")}));
  EXPECT_EQ(windows_between(open, blackouts, at("2026-11-28T21:00:00Z"), at("2026-11-30T03:00:00Z"), 2).size(), 2U);
  EXPECT_EQ(windows_between(open, blackouts, at("2026-11-28T22:00:00Z"), at("2026-11-29T02:00:00Z"), 9), Intervals{});
  EXPECT_EQ(windows_between({{{at("2026-11-28T20:00:00Z"), open_end}}, {}}, {}, at("2026-11-28T12:00:00Z"), open_end, 9).size(), 1U);
}

// The same by writing out every opening and taking sets of time from each other.
TEST(WindowsTogether, AgreeWithTheMathsOfSets) {
  const char* const crons[] = {"0 2 * * *",     "*/30 * * * *",     "0 0 * * mon-fri", "15 1-5 * * *",
                               "0 12 1,15 * *", "0 22 * * fri,sat", "*/7 3 * * *",     "30 2 * * *"};
  const char* const zones[] = {"", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"};
  constexpr std::int64_t span = 40 * day;
  Random random{411};
  int windows = 0;
  for (int i = 0; i < 120; ++i) {
    const std::int64_t from = at("2026-03-01T00:00:00Z") + static_cast<std::int64_t>(random.below(300)) * day;
    const auto draw = [&](std::uint64_t count_max, std::int64_t length_max) {
      WindowSet set;
      for (auto count = random.below(count_max); count > 0; --count) {
        const auto begin = from + static_cast<std::int64_t>(random.below(span));
        set.singles.push_back({begin, begin + static_cast<std::int64_t>(random.below(5 * day))});
      }
      for (auto count = random.below(count_max); count > 0; --count) {
        const auto* const cron = crons[random.below(std::size(crons))];
        const auto duration = 1 + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(length_max)));
        set.repeats.push_back(repeat(cron, duration, zones[random.below(std::size(zones))]));
      }
      return set;
    };
    const WindowSet open = draw(4, 6 * hour);
    const WindowSet blackouts = draw(3, 2 * hour);
    const auto written_out = [&](const WindowSet& set) {
      Intervals all = set.singles;
      for (const auto& one : set.repeats) {
        for (const auto opening : openings_between(one, from - 2 * day, from + span + 10 * day, 1'000'000))
          all.push_back({opening, opening + one.duration_seconds});
      }
      return united(std::move(all));
    };
    const Intervals expected = subtracted(written_out(open), written_out(blackouts));
    for (int moment = 0; moment < 30; ++moment) {
      const std::int64_t instant = from + day + static_cast<std::int64_t>(random.below(span - 12 * day));
      auto next = current_or_next(expected, instant);
      if (next && next->begin > instant + 5 * day) next.reset();
      const auto found = window_at(open, blackouts, instant, 5 * day);
      ASSERT_EQ(found.has_value(), next.has_value()) << i << " " << to_rfc3339(instant * 1000);
      if (!found) continue;
      ASSERT_LE(found->begin, next->begin) << i;
      if (next->begin > from) {
        ASSERT_EQ(found->begin, next->begin) << i << " " << to_rfc3339(instant * 1000);
      }
      if (next->end < from + span + 5 * day) {
        ASSERT_EQ(found->end, next->end) << i << " " << to_rfc3339(instant * 1000);
      }
      ++windows;
    }
  }
  EXPECT_GT(windows, 1'500);
}

}  // namespace
}  // namespace abide
