#include "simulators/scenario/patterns.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

namespace abide::scenario {
namespace {

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto begin = text.find_first_not_of(' ', at);
    if (begin == std::string_view::npos) break;
    const auto end = std::min(text.find(' ', begin), text.size());
    words.emplace_back(text.substr(begin, end - begin));
    at = end;
  }
  return words;
}

bool catches(const std::string& word) {
  for (const char c : word) {
    if ((c < 'A' || c > 'Z') && c != '_') return false;
  }
  return true;
}

struct Unit {
  std::string_view name;
  std::int64_t ms;
};
constexpr std::array<Unit, 5> units{{{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::int64_t time_ms_max = 3'660LL * 86'400'000;

}  // namespace

std::optional<Caught> match(std::string_view pattern, std::string_view words) {
  const auto wanted = split(pattern);
  auto given = split(words);
  if (wanted.size() != given.size()) return std::nullopt;
  Caught caught;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (catches(wanted[i])) {
      caught.push_back(std::move(given[i]));
    } else if (wanted[i] != given[i]) {
      return std::nullopt;
    }
  }
  return caught;
}

Result<std::int64_t> parse_time_ms(std::string_view text) {
  const auto refuse = [&] {
    return fail(Code::invalid_input, "\"" + std::string(text) + "\" is no time like 250ms, 10s, 5m, 2h, 3d or 1h30m");
  };
  std::int64_t sum = 0;
  auto rest = text;
  if (rest.empty()) return refuse();
  while (!rest.empty()) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc{} || number < 0) return refuse();
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    const auto unit_end = std::min(rest.find_first_of("0123456789"), rest.size());
    const auto name = rest.substr(0, unit_end);
    rest.remove_prefix(unit_end);
    std::int64_t ms = 0;
    for (const auto& unit : units) {
      if (unit.name == name) ms = unit.ms;
    }
    if (ms == 0 || number > time_ms_max / ms) return refuse();
    sum += number * ms;
    if (sum > time_ms_max) return refuse();
  }
  return sum;
}

}  // namespace abide::scenario
