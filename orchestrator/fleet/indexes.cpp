#include "orchestrator/fleet/indexes.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/core/version.hpp"
#include "orchestrator/fleet/lookup.hpp"

namespace abide::fleet::indexes {
namespace {

template <class Key, class Value>
void drop(std::map<Key, std::set<Value>>& index, const Key& key, const Value& value) {
  const auto found = index.find(key);
  if (found == index.end()) return;
  found->second.erase(value);
  if (found->second.empty()) index.erase(found);
}

void drop(std::map<std::string, SortedBlocks<NodeId>>& index, const std::string& of, const NodeId& node) {
  const auto found = index.find(of);
  if (found == index.end()) return;
  found->second.erase(node);
  if (found->second.empty()) index.erase(found);
}

bool is_image(const OsResource& resource) {
  return resource.os_type == "OS_TYPE_IMMUTABLE" && is_version(resource.image_id);
}

}  // namespace

void add(State& state, const OsResource& resource) {
  state.os_by_image[{resource.profile_name, resource.image_id}] = resource.id;
  state.os_by_name[resource.name].insert(resource.id);
  if (!is_image(resource)) return;
  auto& ids = state.versions[{resource.profile_name, resource.architecture}];
  const auto place = std::partition_point(ids.begin(), ids.end(), [&](const std::string& id) {
    const auto order = compare_versions(state.os_resources.at(id).value.image_id, resource.image_id);
    return order && *order <= 0;
  });
  ids.insert(place, resource.id);
}

void remove(State& state, const OsResource& resource) {
  state.os_by_image.erase({resource.profile_name, resource.image_id});
  drop(state.os_by_name, resource.name, resource.id);
  const auto found = state.versions.find({resource.profile_name, resource.architecture});
  if (found == state.versions.end()) return;
  std::erase(found->second, resource.id);
  if (found->second.empty()) state.versions.erase(found);
}

void add(State& state, const Policy& policy) {
  state.policies_by_name[policy.name].insert(policy.id);
  if (!policy.target_os_id.empty()) state.policies_by_target[policy.target_os_id].insert(policy.id);
}

void remove(State& state, const Policy& policy) {
  drop(state.policies_by_name, policy.name, policy.id);
  drop(state.policies_by_target, policy.target_os_id, policy.id);
}

void add(State& state, const Schedule& schedule) {
  const auto& target = target_of(schedule);
  if (!target.empty()) state.schedules_by_target[target].insert(schedule.id);
  if (!schedule.repetition) return;
  const auto& repetition = *schedule.repetition;
  if (auto repeat = make_repeat(repetition.cron, repetition.duration_seconds, repetition.zone)) state.repeats[schedule.id] = *repeat;
}

void remove(State& state, const Schedule& schedule) {
  drop(state.schedules_by_target, target_of(schedule), schedule.id);
  state.repeats.erase(schedule.id);
}

void add(State& state, const Region& region) {
  state.regions_by_parent[region.parent_id].insert(region.id);
  state.places_by_name[region.name].insert(region.id);
  if (!region.policy_id.empty()) state.places_by_policy[region.policy_id].insert(region.id);
}

void remove(State& state, const Region& region) {
  drop(state.regions_by_parent, region.parent_id, region.id);
  drop(state.places_by_name, region.name, region.id);
  drop(state.places_by_policy, region.policy_id, region.id);
}

void add(State& state, const Site& site) {
  state.sites_by_region[site.region_id].insert(site.id);
  state.places_by_name[site.name].insert(site.id);
  if (!site.policy_id.empty()) state.places_by_policy[site.policy_id].insert(site.id);
}

void remove(State& state, const Site& site) {
  drop(state.sites_by_region, site.region_id, site.id);
  drop(state.places_by_name, site.name, site.id);
  drop(state.places_by_policy, site.policy_id, site.id);
}

void add(State& state, const Node& node) {
  state.by_host.insert(node.host_id, node.id);
  state.by_instance.insert(node.instance_id, node.id);
  state.by_name.insert(node.name, node.id);
  if (!node.policy_id.empty()) state.by_policy[node.policy_id].insert(node.id);
  if (!node.identity.profile_name.empty()) state.by_profile[node.identity.profile_name].insert(node.id);
  if (!node.os_resource_id.empty()) state.by_os_resource[node.os_resource_id].insert(node.id);
  if (!node.site_id.empty()) state.by_site[node.site_id].insert(node.id);
}

void remove(State& state, const Node& node) {
  state.by_host.erase(node.host_id, node.id);
  state.by_instance.erase(node.instance_id, node.id);
  state.by_name.erase(node.name, node.id);
  drop(state.by_policy, node.policy_id, node.id);
  drop(state.by_profile, node.identity.profile_name, node.id);
  drop(state.by_os_resource, node.os_resource_id, node.id);
  drop(state.by_site, node.site_id, node.id);
}

std::vector<NodeId>& OfNodes::Groups::nodes_of(const std::string& text) {
  if (last_ >= groups_.size() || groups_[last_].of != text) {
    const auto [place, is_new] = places_.try_emplace(text, groups_.size());
    if (is_new) groups_.push_back({text, {}});
    last_ = place->second;
  }
  return groups_[last_].nodes;
}

void OfNodes::Groups::add(const std::string& of, const NodeId& node) {
  if (!of.empty()) nodes_of(of).push_back(node);
}

void OfNodes::Groups::add(Groups&& more) {
  for (auto& group : more.groups_) {
    auto& nodes = nodes_of(group.of);
    nodes.insert(nodes.end(), group.nodes.begin(), group.nodes.end());
  }
}

void OfNodes::Groups::put(std::map<std::string, SortedBlocks<NodeId>>& index) {
  index.clear();
  for (auto& group : groups_) index[group.of].assign(std::move(group.nodes));
}

void OfNodes::expect(std::size_t nodes) {
  for (auto* entries : {&hosts_, &instances_, &names_}) entries->reserve(nodes);
}

void OfNodes::add(const Node& node) {
  hosts_.emplace_back(node.host_id, node.id);
  instances_.emplace_back(node.instance_id, node.id);
  names_.emplace_back(node.name, node.id);
  policies_.add(node.policy_id, node.id);
  profiles_.add(node.identity.profile_name, node.id);
  os_resources_.add(node.os_resource_id, node.id);
  sites_.add(node.site_id, node.id);
}

void OfNodes::add(OfNodes&& more) {
  hosts_.insert(hosts_.end(), more.hosts_.begin(), more.hosts_.end());
  instances_.insert(instances_.end(), more.instances_.begin(), more.instances_.end());
  names_.insert(names_.end(), more.names_.begin(), more.names_.end());
  policies_.add(std::move(more.policies_));
  profiles_.add(std::move(more.profiles_));
  os_resources_.add(std::move(more.os_resources_));
  sites_.add(std::move(more.sites_));
}

void OfNodes::put_hosts_and_groups(State& state) {
  state.by_host.assign(std::move(hosts_));
  policies_.put(state.by_policy);
  profiles_.put(state.by_profile);
  os_resources_.put(state.by_os_resource);
  sites_.put(state.by_site);
}

void OfNodes::put_instances_and_names(State& state) {
  state.by_instance.assign(std::move(instances_));
  state.by_name.assign(std::move(names_));
}

void add_things(State& state) {
  for (const auto& [id, resource] : state.os_resources) add(state, resource.value);
  for (const auto& [id, policy] : state.policies) add(state, policy.value);
  for (const auto& [id, schedule] : state.schedules) add(state, schedule.value);
  for (const auto& [id, region] : state.regions) add(state, region.value);
  for (const auto& [id, site] : state.sites) add(state, site.value);
}

void clear(State& state) {
  state.by_host.clear();
  state.by_instance.clear();
  state.by_name.clear();
  state.by_policy.clear();
  state.by_profile.clear();
  state.by_os_resource.clear();
  state.os_by_image.clear();
  state.os_by_name.clear();
  state.policies_by_name.clear();
  state.policies_by_target.clear();
  state.schedules_by_target.clear();
  state.repeats.clear();
  state.sites_by_region.clear();
  state.regions_by_parent.clear();
  state.places_by_policy.clear();
  state.places_by_name.clear();
  state.by_site.clear();
  state.versions.clear();
}

}  // namespace abide::fleet::indexes
