#pragma once
// What a fleet counts while it runs. Plain data; the loop's thread alone.
#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "common/events/node_events.hpp"

namespace abide::node_fleet {

inline constexpr std::size_t phases_count = 8;
inline constexpr std::size_t outcomes_count = 5;

struct Tally {
  std::size_t nodes = 0;  // that have been started
  std::size_t connected = 0;
  std::size_t welcomed = 0;  // connected, and answered by the orchestrator
  std::size_t down = 0;      // between a reboot and the next start
  std::size_t offline = 0;   // kept without connection
  std::size_t ended = 0;     // have an outcome, are idle, and all of their journal is acknowledged
  std::size_t settled = 0;   // staged, or have an outcome
  std::size_t behind = 0;    // have events that are not acknowledged
  std::array<std::size_t, phases_count> phases{};
  std::array<std::uint64_t, outcomes_count> outcomes{};  // in this run, by OutcomeKind
  std::map<std::string, std::uint64_t> reasons;          // "RolledBack unhealthy"
  std::uint64_t events = 0;                              // journaled in this run
  std::uint64_t boots = 0;                               // after an ordered reboot
  std::uint64_t forks = 0;                               // journals that were begun anew (protocol N3)
};

}  // namespace abide::node_fleet
