#pragma once
// A project in numbers, for those who watch over it. Pure.
#include <array>
#include <cstddef>
#include <cstdint>

#include "orchestrator/fleet/state.hpp"

namespace abide::fleet {

inline constexpr std::size_t phases = 8;      // Phase::idle to Phase::rolling_back
inline constexpr std::size_t indicators = 4;  // Indicator::unspecified to Indicator::idle

struct Counts {
  std::array<std::array<std::size_t, indicators>, phases> nodes{};  // by phase, by indicator of the update status
  std::size_t held = 0;
  std::size_t in_conflict = 0;
  std::size_t paused = 0;
  std::size_t unheard = 0;  // registered, and nothing was heard yet
  std::size_t deleted = 0;
  std::size_t open_runs = 0;
  std::size_t sources = 0;
  std::size_t sources_failing = 0;
  std::size_t os_resources = 0;
  std::size_t policies = 0;
  std::size_t schedules = 0;
  std::size_t sites = 0;
  std::size_t regions = 0;
  std::uint64_t events = 0;  // of the journal
  std::uint64_t epoch = 0;
};

[[nodiscard]] Counts count(const State& state);

}  // namespace abide::fleet
