// The tree of regions and sites: where a host lies, and what applies to it from there.
#include "orchestrator/fleet/state.hpp"

namespace abide::fleet {
namespace {

// Of the places that have this name, those that are of the kind that `rows` holds.
template <class Row>
Result<std::string> find_place(const State& state, const std::map<std::string, Row>& rows, std::string_view kind, const std::string& name) {
  if (rows.contains(name)) return name;
  const auto found = state.places_by_name.find(name);
  std::vector<std::string> ids;
  if (!name.empty() && found != state.places_by_name.end())
    for (const auto& id : found->second)
      if (rows.contains(id)) ids.push_back(id);
  if (ids.empty()) return fail(Code::not_found, "no " + std::string(kind) + " " + name);
  if (ids.size() > 1)
    return fail(Code::conflict, std::to_string(ids.size()) + " " + std::string(kind) + "s are named " + name + ": name it by id");
  return ids.front();
}

void add_regions_from(const State& state, std::string id, std::vector<std::string>& places) {
  for (std::size_t depth = 0; depth < regions_depth_max && !id.empty(); ++depth) {
    const auto region = state.regions.find(id);
    if (region == state.regions.end()) return;
    places.push_back(id);
    id = region->second.value.parent_id;
  }
}

void add_nodes_of_site(const State& state, const std::string& id, std::vector<NodeId>& nodes) {
  const auto found = state.by_site.find(id);
  if (found != state.by_site.end()) nodes.insert(nodes.end(), found->second.begin(), found->second.end());
}

const std::string& policy_id_of(const State& state, const std::string& place_id) {
  static const std::string none;
  if (const auto site = state.sites.find(place_id); site != state.sites.end()) return site->second.value.policy_id;
  if (const auto region = state.regions.find(place_id); region != state.regions.end()) return region->second.value.policy_id;
  return none;
}

}  // namespace

std::vector<std::string> places_from(const State& state, const std::string& place_id) {
  std::vector<std::string> places;
  if (const auto site = state.sites.find(place_id); site != state.sites.end()) {
    places.push_back(place_id);
    add_regions_from(state, site->second.value.region_id, places);
  } else {
    add_regions_from(state, place_id, places);
  }
  return places;
}

std::vector<std::string> places_of(const State& state, const Node& node) {
  return places_from(state, node.site_id);
}

std::vector<NodeId> nodes_in(const State& state, const std::string& place_id) {
  std::vector<NodeId> nodes;
  if (state.sites.contains(place_id)) {
    add_nodes_of_site(state, place_id, nodes);
    return nodes;
  }
  std::vector<std::string> regions{place_id};  // a tree: none comes twice
  for (std::size_t next = 0; next < regions.size(); ++next) {
    const std::string id = regions[next];
    if (const auto sites = state.sites_by_region.find(id); sites != state.sites_by_region.end())
      for (const auto& site : sites->second) add_nodes_of_site(state, site, nodes);
    if (const auto children = state.regions_by_parent.find(id); children != state.regions_by_parent.end())
      regions.insert(regions.end(), children->second.begin(), children->second.end());
  }
  return nodes;
}

AppliedPolicy policy_of(const State& state, const Node& node) {
  const auto named = [&](const std::string& id) -> const Policy* {
    const auto found = state.policies.find(id);
    return found == state.policies.end() ? nullptr : &found->second.value;
  };
  if (!node.policy_id.empty()) return {named(node.policy_id), {}};
  if (node.site_id.empty()) return {};
  for (auto& place : places_of(state, node)) {
    const std::string& id = policy_id_of(state, place);
    if (!id.empty()) return {named(id), std::move(place)};
  }
  return {};
}

Result<std::string> find_site(const State& state, std::string_view name) {
  return find_place(state, state.sites, "site", std::string(name));
}

Result<std::string> find_region(const State& state, std::string_view name) {
  return find_place(state, state.regions, "region", std::string(name));
}

}  // namespace abide::fleet
