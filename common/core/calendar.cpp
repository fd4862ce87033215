#include "common/core/calendar.hpp"

#include <algorithm>
#include <bit>

namespace abide {
namespace {

constexpr std::int64_t seconds_per_minute = 60;
constexpr std::int64_t seconds_per_hour = 3'600;
constexpr std::int64_t seconds_per_day = 86'400;
constexpr std::int64_t clocks_back_seconds_max = 3 * seconds_per_hour;
constexpr int minutes_in_hour = 60;
constexpr int hours_in_day = 24;

struct Opening {
  std::int64_t local = 0;
  std::int64_t at = 0;
};

std::optional<Opening> found_at(const Repeat& repeat, std::optional<std::int64_t> local) {
  if (!local) return std::nullopt;
  const std::int64_t at = repeat.zone.instant_of(*local);
  if (at < calendar_seconds_min || at > calendar_seconds_max) return std::nullopt;
  return Opening{*local, at};
}

// Instants never decrease with local time, so those at or after an instant are the local times from one on.
std::optional<Opening> next(const Repeat& repeat, std::int64_t at) {
  if (at > calendar_seconds_max) return std::nullopt;
  return found_at(repeat, next_match(repeat.cron, repeat.zone.first_local(std::max(at, calendar_seconds_min))));
}

std::optional<Opening> last(const Repeat& repeat, std::int64_t at) {
  if (at < calendar_seconds_min) return std::nullopt;
  return found_at(repeat, last_match(repeat.cron, repeat.zone.first_local(std::min(at, calendar_seconds_max) + 1) - 1));
}

// Of a local time that comes twice the second instant.
std::int64_t last_instant_of(const Zone& zone, std::int64_t local) {
  const std::int64_t first = zone.instant_of(local);
  const std::int64_t later = first + clocks_back_seconds_max;
  const std::int64_t second = local - (zone.local_of(later) - later);
  return second > first && zone.local_of(second) == local ? second : first;
}

// Never decreases from one opening to a later one.
std::int64_t end_of(const Repeat& repeat, const Opening& opening) {
  const std::int64_t end = opening.at + repeat.duration_seconds;
  if (!repeat.until_clocks_show_end || repeat.zone.is_utc()) return end;
  return std::max(end, last_instant_of(repeat.zone, opening.local + repeat.duration_seconds));
}

// The first opening that lasts until this moment at least.
std::optional<Opening> first_reaching(const Repeat& repeat, std::int64_t at) {
  auto opening = next(repeat, at - repeat.duration_seconds - (repeat.until_clocks_show_end ? clocks_back_seconds_max : 0));
  while (opening && end_of(repeat, *opening) < at) opening = next(repeat, opening->at + 1);
  return opening;
}

// Openings of one hour last until those of the next, so hours that follow each other are open without a break.
bool joins_hours(const Repeat& repeat) {
  int longest = 0;
  const int first = std::countr_zero(repeat.cron.minutes);
  int before = first;
  for (int minute = first + 1; minute <= first + minutes_in_hour; ++minute) {
    if ((repeat.cron.minutes >> minute % minutes_in_hour & 1) == 0) continue;
    longest = std::max(longest, minute - before);
    before = minute;
  }
  return longest * seconds_per_minute <= repeat.duration_seconds;
}

// The last opening of the hours that follow each other in this day, backwards the first: one step instead of one a minute.
// Where clocks change in between, which may leave a break, that of this hour; or the same opening, if they change in it.
Opening end_of_run(const Repeat& repeat, const Opening& from, bool backwards) {
  std::int64_t of_day = from.local % seconds_per_day;
  if (of_day < 0) of_day += seconds_per_day;
  const auto hour = static_cast<int>(of_day / seconds_per_hour);
  const int minute = backwards ? std::countr_zero(repeat.cron.minutes) : 63 - std::countl_zero(repeat.cron.minutes);
  const int step = backwards ? -1 : 1;
  const auto selected = [&](int one) { return one >= 0 && one < hours_in_day && (repeat.cron.hours >> one & 1) != 0; };
  int furthest = hour;
  while (selected(furthest + step)) furthest += step;
  for (const int end : {furthest, hour}) {
    const std::int64_t local = from.local - of_day + end * seconds_per_hour + minute * seconds_per_minute;
    const std::int64_t at = repeat.zone.instant_of(local);
    if (at - from.at == local - from.local) return {local, at};
  }
  return from;
}

bool can_be_open(std::int64_t at) {
  return at >= open_begin && at <= calendar_seconds_max;
}

void grow(Interval& into, const Interval& by) {
  into = {std::min(into.begin, by.begin), std::max(into.end, by.end)};
}

// Of everything in the set: the first begin behind this moment.
std::optional<std::int64_t> next_begin(const WindowSet& set, std::int64_t at) {
  std::optional<std::int64_t> first;
  const auto take = [&](std::int64_t begin) { first = first ? std::min(*first, begin) : begin; };
  for (const auto& single : set.singles) {
    if (!single.empty() && single.begin > at) take(single.begin);
  }
  for (const auto& repeat : set.repeats) {
    if (const auto opening = next(repeat, at + 1)) take(opening->at);
  }
  return first;
}

// And the last end at or before one at which nothing of it is open.
std::int64_t last_end(const WindowSet& set, std::int64_t at) {
  std::int64_t end = open_begin;
  for (const auto& single : set.singles) {
    if (!single.empty() && single.end <= at) end = std::max(end, single.end);
  }
  for (const auto& repeat : set.repeats) {
    if (const auto opening = last(repeat, at)) end = std::max(end, end_of(repeat, *opening));
  }
  return end;
}

std::optional<Interval> piece_around(const WindowSet& set, std::int64_t at) {
  if (!can_be_open(at)) return std::nullopt;
  std::optional<Interval> found;
  const auto take = [&](const Interval& one) {
    if (found)
      grow(*found, one);
    else
      found = one;
  };
  for (const auto& single : set.singles) {
    if (single.contains(at)) take(single);
  }
  for (const auto& repeat : set.repeats) {
    if (const auto one = open_around(repeat, at)) take(*one);
  }
  return found;
}

}  // namespace

Result<Repeat> make_repeat(const CronTexts& texts, std::int64_t duration_seconds, std::string_view zone_name) {
  const auto cron = parse_cron(texts);
  if (!cron) return fail(cron.error());
  if (duration_seconds < 1 || duration_seconds > duration_seconds_max) {
    return fail(Code::invalid_input,
                "duration of " + std::to_string(duration_seconds) + " seconds: allowed are 1 to " + std::to_string(duration_seconds_max));
  }
  const auto zone = find_zone(zone_name);
  if (!zone) return fail(zone.error());
  return Repeat{*cron, duration_seconds, *zone};
}

std::optional<std::int64_t> next_opening(const Repeat& repeat, std::int64_t at) {
  const auto found = next(repeat, at);
  if (!found) return std::nullopt;
  return found->at;
}

std::optional<std::int64_t> last_opening(const Repeat& repeat, std::int64_t at) {
  const auto found = last(repeat, at);
  if (!found) return std::nullopt;
  return found->at;
}

std::vector<std::int64_t> openings_between(const Repeat& repeat, std::int64_t from, std::int64_t to, std::size_t count_max) {
  std::vector<std::int64_t> found;
  for (std::int64_t at = from; found.size() < count_max;) {
    const auto opening = next_opening(repeat, at);
    if (!opening || *opening >= to) break;
    found.push_back(*opening);
    at = *opening + 1;
  }
  return found;
}

std::optional<Interval> open_around(const Repeat& repeat, std::int64_t at) {
  if (!can_be_open(at)) return std::nullopt;
  const auto current = last(repeat, at);
  if (!current || end_of(repeat, *current) <= at) return std::nullopt;
  const bool runs = joins_hours(repeat);
  Interval found{current->at, end_of(repeat, *current)};
  // Each step moves by more than nothing, and at least from one opening to another: merged_seconds_max ends the loop.
  for (auto opening = current; opening;) {
    if (runs) opening = end_of_run(repeat, *opening, false);
    found.end = std::max(found.end, end_of(repeat, *opening));
    if (found.end - at > merged_seconds_max) found.end = open_end;
    if (found.end == open_end) break;
    opening = last(repeat, found.end);
    if (opening && end_of(repeat, *opening) <= found.end) break;
  }
  for (auto opening = current; opening;) {
    if (runs) opening = end_of_run(repeat, *opening, true);
    found.begin = std::min(found.begin, opening->at);
    if (at - found.begin > merged_seconds_max) found.begin = open_begin;
    if (found.begin <= open_begin) break;
    opening = first_reaching(repeat, found.begin);
    if (opening && opening->at >= found.begin) break;
  }
  found.begin = std::max(found.begin, open_begin);
  return found;
}

std::optional<Interval> open_around(const WindowSet& set, std::int64_t at) {
  auto found = piece_around(set, at);
  if (!found) return std::nullopt;
  for (int joined = 0; found->end != open_end; ++joined) {
    const auto more = piece_around(set, found->end);
    if (!more) break;
    grow(*found, *more);
    if (joined == joined_windows_max) found->end = open_end;
  }
  for (int joined = 0; found->begin > open_begin; ++joined) {
    const auto more = piece_around(set, found->begin - 1);
    if (!more) break;
    grow(*found, *more);
    if (joined == joined_windows_max) found->begin = open_begin;
  }
  return found;
}

std::optional<Interval> window_at(const WindowSet& open, const WindowSet& blackouts, std::int64_t at, std::int64_t horizon_seconds) {
  at = std::clamp(at, open_begin, calendar_seconds_max);
  const std::int64_t horizon = at + std::clamp<std::int64_t>(horizon_seconds, 0, horizon_seconds_max);
  for (int covered = 0; covered < covered_windows_max; ++covered) {
    auto window = open_around(open, at);
    if (!window) {
      const auto begin = next_begin(open, at);
      if (!begin || *begin > horizon) return std::nullopt;
      at = *begin;
      window = open_around(open, at);
      if (!window) return std::nullopt;  // a begin is open
    }
    if (const auto blackout = open_around(blackouts, at)) {
      if (blackout->end == open_end || blackout->end > horizon) return std::nullopt;
      at = blackout->end;
      continue;
    }
    window->begin = std::max(window->begin, last_end(blackouts, at));
    if (const auto cut = next_begin(blackouts, at)) window->end = std::min(window->end, *cut);
    return window;
  }
  return std::nullopt;
}

Intervals windows_between(const WindowSet& open, const WindowSet& blackouts, std::int64_t from, std::int64_t to, std::size_t count_max) {
  Intervals found;
  for (std::int64_t at = std::max(from, open_begin); at < to && found.size() < count_max;) {
    const auto window = window_at(open, blackouts, at, to - at);
    if (!window || window->begin >= to) break;
    found.push_back(*window);
    if (window->end == open_end) break;
    at = window->end;
  }
  return found;
}

}  // namespace abide
