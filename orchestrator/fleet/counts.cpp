#include "orchestrator/fleet/counts.hpp"

#include "orchestrator/fleet/lookup.hpp"

namespace abide::fleet {

static_assert(static_cast<std::size_t>(Phase::rolling_back) + 1 == phases && static_cast<std::size_t>(Indicator::idle) + 1 == indicators);

Counts count(const State& state) {
  Counts counts;
  for (const auto& [id, node] : state.nodes) {
    ++counts.nodes[static_cast<std::size_t>(node.phase)][static_cast<std::size_t>(node.status.indicator)];
    counts.held += node.held ? 1 : 0;
    counts.in_conflict += node.conflict ? 1 : 0;
    counts.paused += node.paused ? 1 : 0;
    counts.unheard += node.heard_ms ? 0 : 1;
    counts.open_runs += count_open_runs(node);
  }
  for (const auto& [name, source] : state.sources) counts.sources_failing += source.error.empty() ? 0 : 1;
  counts.deleted = state.deleted.size();
  counts.sources = state.sources.size();
  counts.os_resources = state.os_resources.size();
  counts.policies = state.policies.size();
  counts.schedules = state.schedules.size();
  counts.sites = state.sites.size();
  counts.regions = state.regions.size();
  counts.events = state.last;
  counts.epoch = state.epoch;
  return counts;
}

}  // namespace abide::fleet
