#include "orchestrator/maintenance_manager/maintenance_manager.hpp"

#include <algorithm>
#include <tuple>

namespace abide::maintenance_manager {
namespace {

void add(WindowSet& set, const Planned& planned) {
  if (planned.repeat != nullptr)
    set.repeats.push_back(*planned.repeat);
  else
    set.singles.push_back(single_window(planned.schedule->start_seconds, planned.schedule->end_seconds));
}

// Its own window around that moment.
std::optional<Interval> open_around(const Planned& planned, std::int64_t at) {
  if (planned.repeat != nullptr) return abide::open_around(*planned.repeat, at);
  const auto window = single_window(planned.schedule->start_seconds, planned.schedule->end_seconds);
  return window.contains(at) ? std::optional(window) : std::nullopt;
}

Result<void> check_single(const Schedule& schedule, const Schedule* before, std::int64_t now_ms) {
  if (schedule.start_seconds < 0 || schedule.start_seconds > seconds_max)
    return fail(Code::invalid_input, "Scheduled start time is out of range");
  if (schedule.end_seconds < 0 || schedule.end_seconds > seconds_max)
    return fail(Code::invalid_input, "Scheduled end time is out of range");
  const bool kept = before != nullptr && before->start_seconds == schedule.start_seconds;
  // Whole seconds: a window may start in the second that is passing.
  if (!kept && schedule.start_seconds < now_ms / 1000) return fail(Code::invalid_input, "Scheduled start time cannot be in the past");
  if (schedule.end_seconds != 0 && schedule.end_seconds <= schedule.start_seconds)
    return fail(Code::invalid_input, "Scheduled end time must be after the start time");
  return {};
}

}  // namespace

bool opens(const Schedule& schedule, bool maintenance_updates) {
  return schedule.status == ScheduleStatus::os_update || (maintenance_updates && schedule.status == ScheduleStatus::maintenance);
}

Result<void> check(const Schedule& schedule, const Schedule* before, std::int64_t now_ms) {
  const int targets = int{!schedule.host_id.empty()} + int{!schedule.site_id.empty()} + int{!schedule.region_id.empty()};
  if (targets > 1) return fail(Code::invalid_input, "a schedule has at most one target: a host, a site or a region");
  if (before != nullptr && before->repetition.has_value() != schedule.repetition.has_value())
    return fail(Code::invalid_input, "a single schedule stays single, a repeated one repeated");
  if (!schedule.repetition) return check_single(schedule, before, now_ms);
  const auto& repetition = *schedule.repetition;
  auto made = make_repeat(repetition.cron, repetition.duration_seconds, repetition.zone);
  if (!made) return fail(made.error());
  return {};
}

std::optional<Window> window_at(const Plans& plans, std::int64_t now_ms, bool maintenance_updates) {
  WindowSet open, blackouts;
  for (const auto& planned : plans) {
    if (planned.schedule->status == ScheduleStatus::blackout) {
      add(blackouts, planned);
      if (planned.repeat != nullptr) blackouts.repeats.back().until_clocks_show_end = true;
    } else if (opens(*planned.schedule, maintenance_updates))
      add(open, planned);
  }
  if (open.singles.empty() && open.repeats.empty()) return std::nullopt;
  auto found = abide::window_at(open, blackouts, now_ms / 1000, horizon_seconds_max);
  if (!found) {  // a single one may lie beyond the calendar's horizon
    std::optional<std::int64_t> far;
    for (const auto& single : open.singles)
      if (single.begin > now_ms / 1000 && (!far || single.begin < *far)) far = single.begin;
    if (far) found = abide::window_at(open, blackouts, *far, horizon_seconds_max);
  }
  if (!found) return std::nullopt;
  // Of those that are open at its begin, the one that has been so for the longest.
  Window window{{}, found->begin * 1000, found->end == open_end ? 0 : found->end * 1000};
  std::int64_t first = 0;
  for (const auto& planned : plans) {
    if (!opens(*planned.schedule, maintenance_updates)) continue;
    const auto own = open_around(planned, found->begin);
    if (!own) continue;
    if (!window.id.empty() && std::tie(first, window.id) <= std::tie(own->begin, planned.schedule->id)) continue;
    first = own->begin;
    window.id = planned.schedule->id;
  }
  return window;
}

Plan plan_with(const std::optional<Window>& opened, std::optional<Window> window, std::int64_t now_ms) {
  Plan result;
  result.window = std::move(window);
  const bool open_now = result.window && result.window->opens_at_ms <= now_ms;
  if (opened && (!open_now || *opened != *result.window)) {
    result.close = opened;
    result.over = opened->closes_at_ms != 0 && opened->closes_at_ms <= now_ms;
  }
  result.open = open_now && (!opened || result.close);
  if (result.window) {
    if (!open_now)
      result.next_ms = result.window->opens_at_ms;
    else if (result.window->closes_at_ms != 0)
      result.next_ms = result.window->closes_at_ms;
  }
  return result;
}

Plan plan(const std::optional<Window>& opened, const Plans& plans, std::int64_t now_ms, bool maintenance_updates) {
  Plan result = plan_with(opened, window_at(plans, now_ms, maintenance_updates), now_ms);
  if (!result.window) result.next_ms = look_later_ms(plans, now_ms, maintenance_updates);
  return result;
}

std::optional<std::int64_t> look_later_ms(const Plans& plans, std::int64_t now_ms, bool maintenance_updates) {
  for (const auto& planned : plans) {
    if (!opens(*planned.schedule, maintenance_updates)) continue;
    const auto& schedule = *planned.schedule;
    const bool over = planned.repeat == nullptr && schedule.end_seconds != 0 && schedule.end_seconds * 1000 <= now_ms;
    if (!over) return now_ms + look_again_ms_max;
  }
  return std::nullopt;
}

}  // namespace abide::maintenance_manager
