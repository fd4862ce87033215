#pragma once
// Log lines go to stderr: a constant phrase, then key=value; no secrets, no payloads. Any thread.
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/result.hpp"

namespace abide {

enum class LogLevel { trace, debug, info, warn, error, off };
std::string_view to_string(LogLevel level);
Result<LogLevel> parse_log_level(std::string_view text);

// "2026-11-24T16:00:00.123Z info  ready api=..." Lines below `level` are dropped. Before this call everything from info on is
// written. May be called again.
void start_logging(LogLevel level);

void log(LogLevel level, std::string_view line);
inline void log_debug(std::string_view line) {
  log(LogLevel::debug, line);
}
inline void log_info(std::string_view line) {
  log(LogLevel::info, line);
}
inline void log_warn(std::string_view line) {
  log(LogLevel::warn, line);
}
inline void log_error(std::string_view line) {
  log(LogLevel::error, line);
}
[[nodiscard]] bool logs(LogLevel level);

// While it lives, the lines of this thread are gathered, and written at once at its end or when there are many: a system call for each
// is what many lines cost most. One at a time in a thread; lines of other threads may come before.
class LinesTogether {
 public:
  LinesTogether();
  ~LinesTogether();
  LinesTogether(const LinesTogether&) = delete;
  LinesTogether& operator=(const LinesTogether&) = delete;

 private:
  std::string lines_;
};

// Control characters as \xNN, so that nobody else's text begins a line of ours.
std::string one_line(std::string_view text);

// Lines that would come again and again: one per key and period, with a count of those that were held back since.
class RepeatedLines {
 public:
  explicit RepeatedLines(std::int64_t period_ms, std::size_t keys_max = 1024) : period_ms_(period_ms), keys_max_(keys_max) {}

  // The line to write now, " held_back=N" at its end where lines were held back since the last of this key; nothing: it is
  // held back. Beyond keys_max keys in a period, new ones share one.
  [[nodiscard]] std::optional<std::string> admit(std::string_view key, std::string_view line, std::int64_t mono_ms);
  // The same, written as a warning.
  void warn(std::string_view key, std::string_view line, std::int64_t mono_ms);

 private:
  struct Repeated {
    std::int64_t written_ms = 0;
    std::uint64_t held_back = 0;
  };
  std::optional<std::string> admit(Repeated& repeated, std::string_view line, std::int64_t mono_ms) const;

  std::mutex mutex_;
  const std::int64_t period_ms_;
  const std::size_t keys_max_;
  std::map<std::string, Repeated, std::less<>> keys_;
  std::optional<Repeated> shared_;
};

}  // namespace abide
