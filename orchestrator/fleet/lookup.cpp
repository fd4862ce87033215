#include "orchestrator/fleet/lookup.hpp"

namespace abide::fleet {

policy_manager::Resolution resolution_of(const State& state, const Node& node, const Policy& policy) {
  const auto target = state.os_resources.find(policy.target_os_id);
  return policy_manager::resolve(policy, node.identity, target == state.os_resources.end() ? nullptr : &target->second.value,
                                 newest_of(state, node.identity.profile_name, node.identity.architecture));
}

policy_manager::Resolution resolution_of(const State& state, const Node& node) {
  const auto policy = state.policies.find(node.policy_id);
  if (policy == state.policies.end()) return {};
  return resolution_of(state, node, policy->second.value);
}

policy_manager::Present present_of(const Node& node) {
  const auto& link = node.newest.link;
  if (!link) return {};
  return {true, link->aborted, open_run_of(node, link->offer) == nullptr, link->release.os_image_id};
}

std::vector<const Schedule*> schedules_of(const State& state, const Node& node) {
  std::vector<const Schedule*> schedules;
  const auto found = state.schedules_by_host.find(node.host_id);
  if (found == state.schedules_by_host.end()) return schedules;
  for (const auto& id : found->second) schedules.push_back(&state.schedules.at(id).value);
  return schedules;
}

const Run* open_run_of(const Node& node, Number offer) {
  if (node.run && node.run->offer == offer && node.run->end_ms == 0) return &*node.run;
  for (const auto& run : node.superseded)
    if (run.offer == offer) return &run;
  return nullptr;
}

std::size_t open_runs(const Node& node) {
  return node.superseded.size() + (node.run && node.run->end_ms == 0 ? 1 : 0);
}

}  // namespace abide::fleet
