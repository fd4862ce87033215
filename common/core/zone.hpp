#pragma once
// Time zones by their IANA names (Europe/Berlin), with the rules that this machine's zone files (tzdata) have, also beyond
// the last year that they list. No name is UTC, for which nothing is read. The one part of core that touches files: those of
// a zone, when it is first asked for; what was read stays until the process ends, so newer rules need a restart. Any thread.
//
// "Local seconds" are what a clock on the wall shows, counted as if it were UTC. A local time that is skipped when clocks
// go forward counts as the first instant after the gap; one that comes twice, when they go back, counts as its first.
#include <cstdint>
#include <string>
#include <string_view>

#include "common/core/result.hpp"

namespace abide {

inline constexpr std::size_t zone_name_bytes_max = 64;  // the longest that IANA has is 32

struct ZoneRules;  // the inside of zone.cpp

class Zone {
 public:
  Zone() = default;  // UTC

  [[nodiscard]] const std::string& name() const;  // "" is UTC
  [[nodiscard]] bool is_utc() const;              // also by a name: "Etc/UTC"
  // Times outside 0000 to 9999 (calendar_seconds_min and _max in cron.hpp) count as the nearest within.
  [[nodiscard]] std::int64_t local_of(std::int64_t unix_seconds) const;
  // By the two rules above: never decreases from one local time to a later one.
  [[nodiscard]] std::int64_t instant_of(std::int64_t local_seconds) const;
  // The first local time whose instant is this one or a later one. Not always local_of: at the end of a gap it is the begin
  // of what was skipped; within the second pass of what comes twice it is the end of that.
  [[nodiscard]] std::int64_t first_local(std::int64_t unix_seconds) const;

  friend bool operator==(const Zone&, const Zone&) = default;  // of one name

 private:
  friend Result<Zone> find_zone(std::string_view name);
  const ZoneRules* rules_ = nullptr;  // lives as long as the process
};

// invalid_input, naming it, for what this machine has no zone file of. A name is spelled exactly, parts of letters, digits,
// _ + - between slashes, the first letter a capital; nothing else is looked for, so a name is never a path to anywhere else.
Result<Zone> find_zone(std::string_view name);

// "2026-11-25T02:00:00+01:00"; in UTC with Z at its end.
std::string to_rfc3339(const Zone& zone, std::int64_t unix_seconds);

}  // namespace abide
