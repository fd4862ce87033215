#include "common/service/clock.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <sys/timex.h>
#include <time.h>
#include <utility>

namespace abide {
namespace {

std::int64_t milliseconds_of(clockid_t clock) {
  timespec moment{};
  clock_gettime(clock, &moment);
  return std::int64_t{moment.tv_sec} * 1000 + moment.tv_nsec / 1'000'000;
}

}  // namespace

BootId kernel_boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  std::getline(file, text);
  return {text.substr(0, boot_id_bytes_max)};
}

bool kernel_clock_synchronised() {
  timex state{};  // modes 0: reads only, so every user may
  const int condition = adjtimex(&state);
  return condition >= 0 && condition != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
}

Clock::Clock(BootId boot, std::optional<bool> trusted) : boot_(std::move(boot)), trusted_(trusted) {}

Now Clock::now() const {
  Now now;
  now.wall_ms = wall_clock_ms();
  now.mono_ms = boottime_ms();
  now.boot = boot_;
  now.trusted = trusted_ ? *trusted_ : kernel_clock_synchronised();
  return now;
}

std::int64_t wall_clock_ms() {
  return milliseconds_of(CLOCK_REALTIME);
}

std::int64_t boottime_ms() {
  return milliseconds_of(CLOCK_BOOTTIME);
}

std::chrono::steady_clock::time_point steady_at(std::int64_t mono_ms, std::chrono::milliseconds most) {
  const std::int64_t present = boottime_ms();
  const std::int64_t left = mono_ms <= present ? 0 : std::min<std::int64_t>(mono_ms - present, most.count());
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(left);
}

}  // namespace abide
