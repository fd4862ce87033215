#include "orchestrator/maintenance_manager/maintenance_manager.hpp"

#include <algorithm>
#include <tuple>

namespace abide::maintenance_manager {

Result<void> check(const Schedule& schedule, const Schedule* before, std::int64_t now_ms) {
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

std::optional<Window> window_at(const std::vector<const Schedule*>& schedules, std::int64_t now_ms) {
  std::vector<Window> windows;
  windows.reserve(schedules.size());
  for (const auto* schedule : schedules)
    if (schedule->status == ScheduleStatus::os_update)
      windows.push_back({schedule->id, schedule->start_seconds * 1000, schedule->end_seconds * 1000});
  std::sort(windows.begin(), windows.end(),
            [](const Window& a, const Window& b) { return std::tie(a.opens_at_ms, a.id) < std::tie(b.opens_at_ms, b.id); });
  std::optional<Window> merged;
  for (const auto& window : windows) {
    if (!merged) {
      merged = window;
    } else if (merged->closes_at_ms == 0 || window.opens_at_ms <= merged->closes_at_ms) {
      if (window.closes_at_ms == 0) merged->closes_at_ms = 0;
      if (merged->closes_at_ms != 0) merged->closes_at_ms = std::max(merged->closes_at_ms, window.closes_at_ms);
    } else {
      if (merged->closes_at_ms > now_ms) return merged;
      merged = window;
    }
  }
  if (merged && (merged->closes_at_ms == 0 || merged->closes_at_ms > now_ms)) return merged;
  return std::nullopt;
}

Plan plan(const std::optional<Window>& opened, const std::vector<const Schedule*>& schedules, std::int64_t now_ms) {
  Plan result;
  result.window = window_at(schedules, now_ms);
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

}  // namespace abide::maintenance_manager
