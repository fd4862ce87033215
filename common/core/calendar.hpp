#pragma once
// When repeated schedules are open, and the windows that single and repeated schedules make together, without what
// blackouts take away. All in unix seconds.
//
// An opening is an instant at which a repeated schedule's cron fields match what clocks in its zone show; it stays open for
// its duration of real seconds, so a night with a change of clocks moves the end on the wall, never the length. A local time
// that is skipped opens at the first instant after the gap, one that comes twice opens once, the first time: "0 2 * * *"
// opens exactly once a day, and "0 * * * *" misses one hour a year, which a schedule in UTC does not.
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/core/cron.hpp"
#include "common/core/interval.hpp"
#include "common/core/result.hpp"
#include "common/core/zone.hpp"

namespace abide {

inline constexpr std::int64_t duration_seconds_max = 86'400;
// A repeated schedule that is open without a break for longer than this, before or behind the moment asked for, counts as open
// since ever, or for ever; so does a union of windows after so many that join each other.
inline constexpr std::int64_t merged_seconds_max = std::int64_t{400} * 86'400;
inline constexpr int joined_windows_max = 1'000;
// No window is looked for further ahead, whatever horizon is given: cron_years_max and the year that they end in.
inline constexpr std::int64_t horizon_seconds_max = std::int64_t{9} * 366 * 86'400;
// Windows that blackouts cover wholly, one after the other, before the search ends without one.
inline constexpr int covered_windows_max = 10'000;

struct Repeat {
  Cron cron;
  std::int64_t duration_seconds = 0;  // 1 to duration_seconds_max
  Zone zone;
  // Each opening lasts until the clocks show its end, the second time where they show it twice, and never shorter than its
  // duration: for what must not be too short, as a blackout.
  bool until_clocks_show_end = false;

  friend bool operator==(const Repeat&, const Repeat&) = default;
};
Result<Repeat> make_repeat(const CronTexts& texts, std::int64_t duration_seconds, std::string_view zone_name);

// The first opening at or after, the last one at or before. Nothing: none within cron_years_max.
std::optional<std::int64_t> next_opening(const Repeat& repeat, std::int64_t at);
std::optional<std::int64_t> last_opening(const Repeat& repeat, std::int64_t at);
// All in [from, to), the first `count_max` of them.
std::vector<std::int64_t> openings_between(const Repeat& repeat, std::int64_t from, std::int64_t to, std::size_t count_max);

// The whole time that it is open around this moment (of 1970 or later): openings that overlap or touch are one. Nothing: closed then.
std::optional<Interval> open_around(const Repeat& repeat, std::int64_t at);

// The union of all of these.
struct WindowSet {
  std::vector<Interval> singles;  // single_window(); any order, may overlap
  std::vector<Repeat> repeats;

  friend bool operator==(const WindowSet&, const WindowSet&) = default;
};
std::optional<Interval> open_around(const WindowSet& set, std::int64_t at);

// The window that is open at this moment, else the next that begins within the horizon: as long as it is open without a
// break, blackouts taken away. It is the same whenever it is asked for while it is open, but for merged_seconds_max and
// joined_windows_max.
std::optional<Interval> window_at(const WindowSet& open, const WindowSet& blackouts, std::int64_t at, std::int64_t horizon_seconds);

// All windows that have a part in [from, to), whole, the first `count_max` of them.
Intervals windows_between(const WindowSet& open, const WindowSet& blackouts, std::int64_t from, std::int64_t to, std::size_t count_max);

}  // namespace abide
