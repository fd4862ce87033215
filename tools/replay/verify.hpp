#pragma once
// Is a history what it says? Chains, the fold against the rows, and what nodes told against their own chains.
#include <cstdint>
#include <string>
#include <vector>

#include "common/core/result.hpp"
#include "tools/replay/history.hpp"
#include "tools/replay/tape.hpp"

namespace abide::replay {

inline constexpr std::size_t differences_shown_max = 16;

struct Verdict {
  Scope scope;                  // with the last good event, and with the damage behind it
  std::uint64_t events = 0;     // whose chain holds
  std::uint64_t base = 0;       // events up to here are trimmed
  std::uint64_t told_last = 0;  // of the head
  std::uint64_t without_secret = 0;
  std::size_t rows = 0;  // that were compared
  std::size_t rows_differing = 0;
  std::uint64_t node_events = 0;  // stored events of nodes
  std::size_t node_journals = 0;
  std::size_t nodes = 0;
  // In plain words, the first first; at most differences_shown_max of each kind.
  std::vector<std::string> findings;
  [[nodiscard]] bool holds() const { return findings.empty(); }
};

// The journal is read once: its chain is followed, also where it was not yet, folded, and compared. corrupt and the like are findings;
// what fails is what could not be looked at.
Result<Verdict> verify(const History& history, const Scope& scope, const Progressed& progressed = {});

}  // namespace abide::replay
