#pragma once
// Times as people type and read them. All in milliseconds since 1970 UTC; the caller brings the clock.
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

// "2m ago", "in 3h", "now".
std::string relative(std::int64_t at_ms, std::int64_t now_ms);

}  // namespace abide::ctl
