#pragma once
// What an orchestrator's and an agent's history have in common, each with its own types.
#include <string>

#include "common/core/result.hpp"
#include "edge-agent/rows.hpp"
#include "edge-agent/update/machine.hpp"
#include "orchestrator/fleet/machine.hpp"
#include "orchestrator/rows.hpp"
#include "tools/replay/history.hpp"

namespace abide::replay {

struct FleetSide {
  using State = fleet::State;
  using Machine = fleet::FleetMachine;
  using Rows = fleet::Rows;
  // The state alone would be without the rows that it does not keep.
  static Result<std::string> snapshot(const State&, const Reader& rows, const std::string& scope) { return Rows::pack(rows, scope); }
  static Result<State> at(const History& history, const Scope& scope, std::uint64_t sequence) { return history.fleet_at(scope, sequence); }
};
struct NodeSide {
  using State = node::State;
  using Machine = node::UpdateMachine;
  using Rows = node::Rows;
  static Result<std::string> snapshot(const State& state, const Reader&, const std::string&) { return Rows::snapshot(state); }
  static Result<State> at(const History& history, const Scope& scope, std::uint64_t sequence) { return history.node_at(scope, sequence); }
};

inline constexpr std::uint64_t events_per_save = 262'144;  // of a fold: what says much in them is written once

}  // namespace abide::replay
