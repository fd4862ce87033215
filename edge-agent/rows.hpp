#pragma once
// The agent's state as bytes in its store: one row, <scope>r/state/, which is the snapshot, too (schemas/rows_node.fbs).
// The policy that Host wants. Owner thread; load also by tools, on a reader of their own.
#include <string>
#include <string_view>

#include "common/core/result.hpp"
#include "common/store/store.hpp"
#include "edge-agent/update/machine.hpp"

namespace abide::node {

struct Rows {
  static Result<State> load(const Reader& reader, const std::string& scope);  // corrupt; unavailable: of a newer version
  static void save(State& state, Batch& batch, const std::string& scope);
  static void save_all(State& state, Batch& batch, const std::string& scope) { save(state, batch, scope); }
  static std::string snapshot(const State& state);
  static Result<State> from_snapshot(std::string_view bytes);
  static Result<void> unpack(std::string_view bytes, Batch& batch, const std::string& scope);  // a snapshot as its row
};

}  // namespace abide::node
