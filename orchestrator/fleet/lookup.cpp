#include "orchestrator/fleet/lookup.hpp"

#include <algorithm>

namespace abide::fleet {

policy_manager::Resolution resolution_of(const State& state, const Node& node, const Policy& policy) {
  const auto target = state.os_resources.find(policy.target_os_id);
  return policy_manager::resolve(policy, node.identity, target == state.os_resources.end() ? nullptr : &target->second.value,
                                 newest_of(state, node.identity.profile_name, node.identity.architecture));
}

policy_manager::Resolution resolution_of(const State& state, const Node& node) {
  const auto applied = policy_of(state, node);
  if (applied.policy == nullptr) return {};
  return resolution_of(state, node, *applied.policy);
}

policy_manager::Present present_of(const Node& node) {
  const auto& link = node.newest.link;
  if (!link) return {};
  return {true, link->aborted, open_run_of(node, link->offer) == nullptr, link->release.os_image_id};
}

const std::string& target_of(const Schedule& schedule) {
  if (!schedule.host_id.empty()) return schedule.host_id;
  return schedule.site_id.empty() ? schedule.region_id : schedule.site_id;
}

maintenance_manager::Plans plans_of(const State& state, const Node& node) {
  maintenance_manager::Plans plans;
  const auto add = [&](const std::string& target) {
    const auto found = state.schedules_by_target.find(target);
    if (found == state.schedules_by_target.end()) return;
    for (const auto& id : found->second) {
      const Schedule& schedule = state.schedules.at(id).value;
      const auto repeat = state.repeats.find(id);
      if (schedule.repetition && repeat == state.repeats.end()) continue;
      plans.push_back({&schedule, schedule.repetition ? &repeat->second : nullptr});
    }
  };
  add(node.host_id);
  if (!node.site_id.empty())
    for (const auto& place : places_of(state, node)) add(place);
  return plans;
}

const Run* open_run_of(const Node& node, Number offer) {
  const auto is_it = [&](const Run& run) { return run.offer == offer && run.end_ms == 0; };
  if (node.run && is_it(*node.run)) return &*node.run;
  const auto found = std::find_if(node.superseded.begin(), node.superseded.end(), is_it);
  return found == node.superseded.end() ? nullptr : &*found;
}

std::vector<Run> open_runs(const Node& node) {
  std::vector<Run> open;
  for (const auto& run : node.superseded)
    if (run.end_ms == 0) open.push_back(run);
  if (node.run && node.run->end_ms == 0) open.push_back(*node.run);
  return open;
}

std::size_t count_open_runs(const Node& node) {
  const auto is_open = [](const Run& run) { return run.end_ms == 0; };
  return static_cast<std::size_t>(std::count_if(node.superseded.begin(), node.superseded.end(), is_open)) +
         (node.run && is_open(*node.run) ? 1 : 0);
}

std::size_t count_unanswered_runs(const Node& node) {
  return node.superseded.size() + (node.run && (node.run->end_ms == 0 || node.run->silent) ? 1 : 0);
}

}  // namespace abide::fleet
