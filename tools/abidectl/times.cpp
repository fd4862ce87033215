#include "tools/abidectl/times.hpp"

#include <array>
#include <charconv>
#include <ctime>

#include "common/core/time.hpp"

namespace abide::ctl {

namespace {

struct Unit {
  char letter;
  std::int64_t seconds;
};
constexpr std::array<Unit, 4> units = {{{'d', 86'400}, {'h', 3'600}, {'m', 60}, {'s', 1}}};
constexpr std::int64_t duration_seconds_max = 10LL * 366 * 86'400;

}  // namespace

Result<std::int64_t> parse_duration_ms(std::string_view text) {
  const auto wrong = [&] { return fail(Code::invalid_input, "\"" + std::string(text) + "\" is not a duration such as 30s, 10m or 1h30m"); };
  std::int64_t seconds = 0;
  std::string_view rest = text;
  if (rest.empty()) return wrong();
  while (!rest.empty()) {
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
    if (error != std::errc{} || end == rest.data() + rest.size() || count < 0 || count > duration_seconds_max) return wrong();
    const Unit* unit = nullptr;
    for (const auto& one : units) {
      if (one.letter == *end) unit = &one;
    }
    if (unit == nullptr) return wrong();
    seconds += count * unit->seconds;
    if (seconds > duration_seconds_max) return wrong();
    rest.remove_prefix(static_cast<std::size_t>(end + 1 - rest.data()));
  }
  return seconds * 1000;
}

Result<std::int64_t> parse_when(std::string_view text, std::int64_t now_ms) {
  if (text == "now") return now_ms;
  if (!text.empty() && text.front() == '+') {
    const auto duration = parse_duration_ms(text.substr(1));
    if (!duration) return fail(duration.error());
    return now_ms + *duration;
  }
  const auto at = parse_rfc3339(text);
  if (!at) {
    return fail(Code::invalid_input,
                "\"" + std::string(text) + "\" is not a time: give RFC 3339 (2026-11-25T02:00:00+01:00), now, or +10m");
  }
  return *at;
}

std::string local_rfc3339(std::int64_t at_ms) {
  const std::time_t seconds = at_ms >= 0 ? at_ms / 1000 : (at_ms - 999) / 1000;
  std::tm parts{};
  if (localtime_r(&seconds, &parts) == nullptr) return "-";
  std::array<char, 40> text{};
  const auto length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S%z", &parts);
  std::string result(text.data(), length);
  if (result.size() < 5) return "-";
  if (parts.tm_gmtoff == 0) return result.substr(0, result.size() - 5) + "Z";
  return result.insert(result.size() - 2, ":");
}

std::string relative(std::int64_t at_ms, std::int64_t now_ms) {
  const std::int64_t away = at_ms > now_ms ? at_ms - now_ms : now_ms - at_ms;
  const std::int64_t seconds = away / 1000;
  if (seconds == 0) return "now";
  for (const auto& unit : units) {
    if (seconds < unit.seconds) continue;
    const auto count = std::to_string(seconds / unit.seconds) + unit.letter;
    return at_ms > now_ms ? "in " + count : count + " ago";
  }
  return "now";
}

}  // namespace abide::ctl
