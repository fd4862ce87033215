#pragma once
// Maintenance windows of one node: which schedules are well-formed, and which window they make at a moment. Pure; time is
// wall clock, ms since 1970 UTC.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/core/calendar.hpp"
#include "common/core/result.hpp"
#include "common/events/document.hpp"
#include "common/events/orchestrator_events.hpp"

namespace abide::maintenance_manager {

inline constexpr std::size_t schedules_max = 1024;                                // of a host, of a site, of a region
inline constexpr std::int64_t look_again_ms_max = std::int64_t{30} * 86'400'000;  // where nothing opens within the calendar's horizon
inline constexpr std::int64_t seconds_max = 253'402'300'799;                      // 9999-12-31T23:59:59Z

// invalid_input. `before` is the schedule as it was; null: it is new. A start that is kept may lie in the past.
[[nodiscard]] Result<void> check(const Schedule& schedule, const Schedule* before, std::int64_t now_ms);

// Whether it makes windows for updates: an OS_UPDATE one does, a MAINTENANCE one where `maintenance_updates`.
[[nodiscard]] bool opens(const Schedule& schedule, bool maintenance_updates);

// A schedule that applies to a node, and for a repeated one what its texts mean.
struct Planned {
  const Schedule* schedule = nullptr;
  const Repeat* repeat = nullptr;
};
using Plans = std::vector<Planned>;

// The window that is open at `now_ms`, else the next to come, else none. OS_UPDATE schedules make windows, and MAINTENANCE
// ones where `maintenance_updates`; those that touch or overlap make one, under the id of the one that starts first. What
// blackouts cover is taken away.
[[nodiscard]] std::optional<Window> window_at(const Plans& plans, std::int64_t now_ms, bool maintenance_updates = false);

struct Plan {
  std::optional<Window> window;         // what the node's document is to say
  std::optional<Window> close;          // was open, and no longer is, or is another one now
  bool over = false;                    // `close` has come to its end by itself
  bool open = false;                    // `window` opens now
  std::optional<std::int64_t> next_ms;  // when time changes this next
};
// `opened` is the window that was opened and not closed.
[[nodiscard]] Plan plan(const std::optional<Window>& opened, const Plans& plans, std::int64_t now_ms, bool maintenance_updates = false);
// Where there is no window: when to look again all the same, since something may open beyond the calendar's horizon.
[[nodiscard]] std::optional<std::int64_t> look_later_ms(const Plans& plans, std::int64_t now_ms, bool maintenance_updates);
// The same where the window is known already.
[[nodiscard]] Plan plan_with(const std::optional<Window>& opened, std::optional<Window> window, std::int64_t now_ms);

}  // namespace abide::maintenance_manager
