#include "common/service/logging.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

namespace abide {
namespace {

constexpr std::array<std::string_view, 6> level_names{"trace", "debug", "info", "warn", "error", "off"};

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::trace:
      return spdlog::level::trace;
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::off:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

constexpr std::size_t lines_together_bytes_max = 64 * 1024;

thread_local std::string* gathered = nullptr;  // where this thread's lines go instead of stderr

// stderr has no buffer of its own: each call is one write. Where it is gone, there is nobody to tell.
void write_out(std::string_view lines) {
  if (!lines.empty()) (void)std::fwrite(lines.data(), 1, lines.size(), stderr);
}

class Sink final : public spdlog::sinks::base_sink<std::mutex> {
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (gathered == nullptr) return write_out({line.data(), line.size()});
    gathered->append(line.data(), line.size());
    if (gathered->size() < lines_together_bytes_max) return;
    write_out(*gathered);
    gathered->clear();
  }
  void flush_() override {}
};

spdlog::logger& logger() {
  // Own, not spdlog's default: no library that uses spdlog, too, can change where our lines go.
  static const std::shared_ptr<spdlog::logger> ours = [] {
    auto made = std::make_shared<spdlog::logger>("abide", std::make_shared<Sink>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    made->set_level(spdlog::level::info);
    made->set_error_handler([](const std::string&) {});
    return made;
  }();
  return *ours;
}

}  // namespace

std::string_view to_string(LogLevel level) {
  return level_names.at(static_cast<std::size_t>(level));
}

Result<LogLevel> parse_log_level(std::string_view text) {
  for (std::size_t i = 0; i < level_names.size(); ++i)
    if (level_names.at(i) == text) return static_cast<LogLevel>(i);
  return fail(Code::invalid_input, "\"" + one_line(text) + "\" is no log level (trace, debug, info, warn, error, off)");
}

void start_logging(LogLevel level) {
  logger().set_level(spdlog_level(level));
}

bool logs(LogLevel level) {
  return logger().should_log(spdlog_level(level));
}

void log(LogLevel level, std::string_view line) {
  if (level == LogLevel::off || !logs(level)) return;
  const bool plain = std::none_of(line.begin(), line.end(), is_control);
  if (plain) return logger().log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
  logger().log(spdlog_level(level), spdlog::string_view_t(one_line(line)));
}

LinesTogether::LinesTogether() {
  if (gathered == nullptr) gathered = &lines_;
}

LinesTogether::~LinesTogether() {
  if (gathered != &lines_) return;
  gathered = nullptr;
  write_out(lines_);
}

std::string one_line(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string line;
  line.reserve(text.size());
  for (const char c : text) {
    if (!is_control(c)) {
      line += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      line += "\\x";
      line += hex[byte >> 4U];
      line += hex[byte & 0x0FU];
    }
  }
  return line;
}

std::optional<std::string> RepeatedLines::admit(std::string_view key, std::string_view line, std::int64_t mono_ms) {
  const std::lock_guard lock(mutex_);
  if (const auto repeated = keys_.find(key); repeated != keys_.end()) return admit(repeated->second, line, mono_ms);
  // Room is made of keys whose period is over; what they held back is not told then.
  if (keys_.size() >= keys_max_) std::erase_if(keys_, [&](const auto& entry) { return mono_ms - entry.second.written_ms >= period_ms_; });
  if (keys_.size() < keys_max_) {
    keys_.emplace(key, Repeated{mono_ms, 0});
    return std::string(line);
  }
  if (shared_) return admit(*shared_, line, mono_ms);
  shared_ = Repeated{mono_ms, 0};
  return std::string(line);
}

std::optional<std::string> RepeatedLines::admit(Repeated& repeated, std::string_view line, std::int64_t mono_ms) const {
  if (mono_ms - repeated.written_ms < period_ms_) {
    ++repeated.held_back;
    return std::nullopt;
  }
  std::string text(line);
  if (repeated.held_back > 0) text += " held_back=" + std::to_string(repeated.held_back);
  repeated = {mono_ms, 0};
  return text;
}

void RepeatedLines::warn(std::string_view key, std::string_view line, std::int64_t mono_ms) {
  if (const auto admitted = admit(key, line, mono_ms)) log_warn(*admitted);
}

}  // namespace abide
