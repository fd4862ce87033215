#pragma once
// Time is an input of every machine. Only shells read clocks.
#include <cstdint>
#include <string>

#include "common/core/ids.hpp"
#include "common/core/result.hpp"

namespace abide {

struct Now {
  std::int64_t wall_ms = 0;  // milliseconds since 1970-01-01 UTC, as the machine's clock says; may step
  std::int64_t mono_ms = 0;  // never steps back within a boot, runs on during suspend (CLOCK_BOOTTIME)
  BootId boot;               // the boot that mono_ms belongs to
  bool trusted = false;      // the kernel says that wall_ms is synchronised
};

std::string to_rfc3339(std::int64_t wall_ms);                    // "2026-11-24T16:00:00.123Z"
Result<std::int64_t> parse_rfc3339(std::string_view text);       // also without fraction, and with +hh:mm

}  // namespace abide
