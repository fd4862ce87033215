#pragma once
// The fold of what nodes told: phase, outcome, identity, status and runs of one node. Internal to this folder, used by apply.
#include <cstdint>

#include "orchestrator/fleet/state.hpp"

namespace abide::fleet::picture {

// Journaled at `at_ms`, by the orchestrator's clock.
void hear(State& state, Node& node, const NodeEventStored& stored, std::int64_t at_ms);
void correct(State& state, Node& node, const PictureCorrected& told, std::int64_t at_ms);
// Another journal speaks for the node: nothing is known of its offers yet.
void begin_journal(State& state, Node& node, JournalId journal, std::uint64_t upto, Chain chain, std::int64_t at_ms);
void retire_journal(Node& node);

void open_run(State& state, Node& node, const RunOpened& opened, std::int64_t at_ms);
void reopen_run(State& state, Node& node, const std::string& run_id, std::int64_t at_ms);  // the newest, if it is that one
void close_run(State& state, Node& node, const RunClosed& closed, std::int64_t at_ms);

// What follows from the node's identity and the known OS resources: what it runs, what is newer. Keeps the indexes.
void refresh_os(State& state, Node& node);
// Why its policy asks nothing of it; its status says so.
void refresh_link_fault(State& state, Node& node, std::int64_t at_ms);

}  // namespace abide::fleet::picture
