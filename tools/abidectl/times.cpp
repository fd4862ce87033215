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
constexpr std::int64_t degree_e7 = 10'000'000;
constexpr std::size_t degree_digits = 7;
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

std::string shown_duration(std::int64_t seconds) {
  std::string text;
  for (const auto& unit : units) {
    if (seconds < unit.seconds) continue;
    text += std::to_string(seconds / unit.seconds) + unit.letter;
    seconds %= unit.seconds;
  }
  return text.empty() ? "0s" : text;
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

std::string shown_degrees(std::int64_t e7) {
  const std::int64_t size = e7 < 0 ? -e7 : e7;
  std::string fraction = std::to_string(size % degree_e7);
  fraction.insert(0, degree_digits - fraction.size(), '0');
  while (fraction.size() > 1 && fraction.back() == '0') fraction.pop_back();
  return (e7 < 0 ? "-" : "") + std::to_string(size / degree_e7) + "." + fraction;
}

Result<std::int64_t> parse_degrees_e7(std::string_view text, int degrees_max) {
  const auto wrong = [&] {
    return fail(Code::invalid_input, "\"" + std::string(text) + "\" is not a number of degrees from -" + std::to_string(degrees_max) +
                                         " to " + std::to_string(degrees_max) + ", such as 48.137154");
  };
  std::string_view rest = text;
  const bool negative = !rest.empty() && rest.front() == '-';
  if (negative) rest.remove_prefix(1);
  const auto point = rest.find('.');
  const std::string_view whole = rest.substr(0, point);
  const std::string_view fraction = point == std::string_view::npos ? "0" : rest.substr(point + 1);
  const auto digits = [](std::string_view part, std::size_t most) {
    return !part.empty() && part.size() <= most && part.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (!digits(whole, 3) || !digits(fraction, degree_digits)) return wrong();
  std::int64_t e7 = 0;
  for (const char c : whole) e7 = e7 * 10 + (c - '0');
  for (std::size_t i = 0; i < degree_digits; ++i) e7 = e7 * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  if (e7 > degrees_max * degree_e7) return wrong();
  return negative ? -e7 : e7;
}

}  // namespace abide::ctl
