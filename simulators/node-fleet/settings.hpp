#pragma once
// The words by which an option or a line of a scenario sets the weather. Pure.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"
#include "simulators/node-fleet/weather.hpp"

namespace abide::node_fleet {

inline constexpr double flaps_per_hour_max = 3'600;
inline constexpr std::int64_t latency_ms_max = 60'000;
inline constexpr double speed_max = 1'000'000;

Result<double> parse_share(std::string_view text);  // "0.05" or "5%": 0 to 1
Result<double> parse_number(std::string_view text, double least, double most);
Result<double> parse_speed(std::string_view text);  // "max" is 0

// What a scenario may change, by the names of the options: offline, flap, latency, speed, update-failure-rate, rollback-rate.
// invalid_input: no such name, or not such a value; nothing has changed then.
Result<void> set_weather(Weather& weather, std::string_view name, std::string_view value);

// ---- scenario: what changes when, and where the run ends -----------------------------------------------------------------
//
//   # a morning
//   at 0s    offline 20%
//   at 30s   flap 12
//   at 90s   offline 0
//   at 5min  end

inline constexpr std::size_t scenario_bytes_max = 1'000'000;
inline constexpr std::size_t scenario_lines_max = 10'000;

struct Change {
  std::size_t line = 0;     // in the file, from 1
  std::int64_t at_ms = 0;   // since the run began; never less than the one before
  std::string name, value;  // "end" has no value
};

// Each change would be taken by set_weather. invalid_input names the line.
Result<std::vector<Change>> parse_scenario(std::string_view text);

}  // namespace abide::node_fleet
