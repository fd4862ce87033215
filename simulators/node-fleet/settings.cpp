#include "simulators/node-fleet/settings.hpp"

#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <sstream>

#include "common/service/config.hpp"
#include "common/service/logging.hpp"

namespace abide::node_fleet {
namespace {

Unexpected wrong(std::string what) {
  return fail(Code::invalid_input, std::move(what));
}

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  std::istringstream rest(line.substr(0, line.find('#')));
  for (std::string word; rest >> word;) words.push_back(word);
  return words;
}

Result<Change> change_of(std::size_t number, const std::vector<std::string>& words, std::int64_t earliest_ms) {
  const auto refuse = [&](const std::string& why) { return wrong(fmt::format("line {}: {}", number, why)); };
  if (words.size() < 3 || words[0] != "at") return refuse("\"at TIME NAME VALUE\", or \"at TIME end\", is expected");
  const auto at = parse_duration_ms(words[1]);
  if (!at) return refuse(at.error().message);
  if (*at < earliest_ms) return refuse("it is earlier than the line before");
  Change change{number, *at, words[2], ""};
  if (change.name == "end") {
    if (words.size() > 3) return refuse("\"end\" has no value");
    return change;
  }
  if (words.size() != 4) return refuse("\"at TIME NAME VALUE\" is expected");
  change.value = words[3];
  Weather tried;
  if (auto set = set_weather(tried, change.name, change.value); !set) return refuse(set.error().message);
  return change;
}

}  // namespace

Result<double> parse_number(std::string_view text, double least, double most) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return wrong("\"" + one_line(text) + "\" is no number");
  if (value < least || value > most) return wrong(fmt::format("{} is not within {} and {}", one_line(text), least, most));
  return value;
}

Result<double> parse_share(std::string_view text) {
  if (text.ends_with('%')) {
    auto percent = parse_number(text.substr(0, text.size() - 1), 0, 100);
    if (!percent) return fail(percent.error());
    return *percent / 100;
  }
  return parse_number(text, 0, 1);
}

Result<double> parse_speed(std::string_view text) {
  if (text == "max") return 0.0;
  return parse_number(text, 0.001, speed_max);
}

Result<void> set_weather(Weather& weather, std::string_view name, std::string_view value) {
  const auto number = [&](double& target, Result<double> read) -> Result<void> {
    if (!read) return fail(read.error().in(name));
    target = *read;
    return {};
  };
  if (name == "offline") return number(weather.offline, parse_share(value));
  if (name == "update-failure-rate") return number(weather.failure_rate, parse_share(value));
  if (name == "rollback-rate") return number(weather.rollback_rate, parse_share(value));
  if (name == "flap") return number(weather.flaps_per_hour, parse_number(value, 0, flaps_per_hour_max));
  if (name == "speed") return number(weather.speed, parse_speed(value));
  if (name == "latency") {
    auto read = parse_number(value, 0, static_cast<double>(latency_ms_max));
    if (!read) return fail(read.error().in(name));
    weather.bus.latency_ms = std::llround(*read);
    return {};
  }
  return wrong("\"" + one_line(name) + "\" cannot be set: offline, flap, latency, speed, update-failure-rate, rollback-rate");
}

Result<std::vector<Change>> parse_scenario(std::string_view text) {
  if (text.size() > scenario_bytes_max) return wrong(fmt::format("more than {} bytes", scenario_bytes_max));
  std::vector<Change> changes;
  std::istringstream lines{std::string(text)};
  std::size_t number = 0;
  bool over = false;
  for (std::string line; std::getline(lines, line);) {
    if (++number > scenario_lines_max) return wrong(fmt::format("more than {} lines", scenario_lines_max));
    const auto words = words_of(line);
    if (words.empty()) continue;
    if (over) return wrong(fmt::format("line {}: it is behind the end", number));
    auto change = change_of(number, words, changes.empty() ? 0 : changes.back().at_ms);
    if (!change) return fail(change.error());
    over = change->name == "end";
    changes.push_back(*std::move(change));
  }
  return changes;
}

}  // namespace abide::node_fleet
