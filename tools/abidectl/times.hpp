#pragma once
// Times, and places on a map, as people type and read them. Times are all in milliseconds since 1970 UTC; the caller brings the clock.
#include <cstdint>
#include <string>
#include <string_view>

#include "common/core/result.hpp"

namespace abide::ctl {

// "30s", "10m", "2h", "7d", or several of them: "1h30m".
Result<std::int64_t> parse_duration_ms(std::string_view text);

// RFC 3339 ("2026-11-25T02:00:00+01:00", "…Z"), "now", or a duration from now: "+10m".
Result<std::int64_t> parse_when(std::string_view text, std::int64_t now_ms);

// In the machine's time zone, to the second: "2026-11-25T02:00:00+01:00".
std::string local_rfc3339(std::int64_t at_ms);

// "1h30m"; "0s".
std::string shown_duration(std::int64_t seconds);

// "2m ago", "in 3h", "now".
std::string relative(std::int64_t at_ms, std::int64_t now_ms);

// Degrees times 10^7 as "48.137154", and back; -`degrees_max` to `degrees_max`.
std::string shown_degrees(std::int64_t e7);
Result<std::int64_t> parse_degrees_e7(std::string_view text, int degrees_max);

}  // namespace abide::ctl
