#pragma once
// Where time comes in: the kernel's clocks as the Now that machines are given. Any thread.
#include <chrono>
#include <cstdint>
#include <optional>

#include "common/core/time.hpp"

namespace abide {

// The kernel's name for this boot; none if it cannot be read.
BootId kernel_boot_id();
// The kernel says that the wall clock is synchronised (adjtimex).
bool kernel_clock_synchronised();

class Clock {
 public:
  // `trusted`: an answer that is given in place of the kernel's.
  explicit Clock(BootId boot = kernel_boot_id(), std::optional<bool> trusted = std::nullopt);

  [[nodiscard]] Now now() const;

 private:
  BootId boot_;
  std::optional<bool> trusted_;
};

// CLOCK_REALTIME in milliseconds: what Now::wall_ms is.
std::int64_t wall_clock_ms();
// CLOCK_BOOTTIME in milliseconds: what Now::mono_ms is.
std::int64_t boottime_ms();

// The moment at which the clock that threads wait by has reached `mono_ms`, at most `most` from now: that clock stands still
// while the machine is suspended, so a long wait is cut into pieces.
inline constexpr std::chrono::milliseconds wait_max{60'000};
std::chrono::steady_clock::time_point steady_at(std::int64_t mono_ms, std::chrono::milliseconds most = wait_max);

}  // namespace abide
