#pragma once
// What managers are asked, with what the state knows. Internal to this folder.
#include <vector>

#include "orchestrator/fleet/state.hpp"
#include "orchestrator/maintenance_manager/maintenance_manager.hpp"
#include "orchestrator/policy_manager/policy_manager.hpp"

namespace abide::fleet {

// What the node's policy asks of it; nothing at all without a policy.
policy_manager::Resolution resolution_of(const State& state, const Node& node);
policy_manager::Resolution resolution_of(const State& state, const Node& node, const Policy& policy);
policy_manager::Present present_of(const Node& node);
// Of the host, and of all places that it lies in.
maintenance_manager::Plans plans_of(const State& state, const Node& node);
const std::string& target_of(const Schedule& schedule);  // id of a host, a site or a region; empty: none

// The open run of an offer; null: there is none.
const Run* open_run_of(const Node& node, Number offer);
std::vector<Run> open_runs(const Node& node);  // oldest first
std::size_t count_open_runs(const Node& node);
std::size_t count_unanswered_runs(const Node& node);  // with those that are lost, as long as they may go on

}  // namespace abide::fleet
