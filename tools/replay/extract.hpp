#pragma once
// Rows of a history that make a history of their own: what an export holds, and an import puts into a store.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/result.hpp"
#include "common/store/store.hpp"
#include "tools/replay/history.hpp"

namespace abide::replay {

struct Part {
  std::optional<std::uint64_t> base;   // begins after this event: its state becomes the snapshot
  std::optional<std::uint64_t> until;  // ends with this one
  bool with_secrets = false;
};

// Takes one row; what fails ends the whole.
using PutRow = std::function<Result<void>(std::string_view key, std::string_view value)>;

// Everything that a scope is, in the order of docs/export-format.md: up to its last good event. Without secrets, a project's
// key is all zero, and the events that had it are marked.
Result<void> extract(const History& history, const Scope& scope, const Part& part, const PutRow& put, const Progressed& progressed = {});

// The journals of one node as an orchestrator has stored them, up to event `until` of its own journal, as the history of an
// agent. What the node itself knew beyond its events, and what it never told, is not in it. not_found: nothing was heard of it.
struct CutOut {
  History history;
  std::string begins;  // for the header: how much of the node's state is known where it begins
};
Result<CutOut> cut_out_node(const History& history, const Scope& scope, const NodeId& node, std::uint64_t until);

}  // namespace abide::replay
