// What operators ask for of sites and regions, and of where hosts are.
#include <algorithm>

#include "orchestrator/fleet/lookup.hpp"
#include "orchestrator/fleet/turn.hpp"

namespace abide::fleet {
namespace {

bool has_schedules(const State& state, const std::string& target) {
  return state.schedules_by_target.contains(target);
}

// Both what is asked of the hosts in a place and when they may do it may have changed with it.
void place_changed(Turn& turn, const std::string& id) {
  reconcile_windows_of(turn, id, "edited");
  resolve_place_again(turn, id);
}

Result<void> check_room(const State& state) {
  if (state.regions.size() + state.sites.size() < places_max) return {};
  return fail(Code::conflict, "the project has " + std::to_string(places_max) + " sites and regions, which is the limit");
}

// How many levels there are from a region on downwards, itself included.
std::size_t height_of(const State& state, const std::string& id) {
  std::vector<std::string> level{id};
  std::size_t height = 0;
  for (; !level.empty() && height <= regions_depth_max; ++height) {
    std::vector<std::string> below;
    for (const auto& region : level)
      if (const auto children = state.regions_by_parent.find(region); children != state.regions_by_parent.end())
        below.insert(below.end(), children->second.begin(), children->second.end());
    level = std::move(below);
  }
  return height;
}

Result<void> check_parent(const State& state, const Region& region) {
  if (region.parent_id.empty()) return {};
  const auto above = places_from(state, region.parent_id);
  if (!region.id.empty() && std::find(above.begin(), above.end(), region.id) != above.end())
    return fail(Code::invalid_input, "region " + region.id + " cannot lie in " + region.parent_id + ", which lies in it");
  const std::size_t height = region.id.empty() ? 1 : height_of(state, region.id);
  if (above.size() + height > regions_depth_max)
    return fail(Code::invalid_input, "regions lie in each other at most " + std::to_string(regions_depth_max) + " levels deep");
  return {};
}

// Its id; nothing: no wish.
Result<std::optional<std::string>> wished_policy(const State& state, const std::optional<std::string>& policy) {
  if (!policy || policy->empty()) return policy;
  auto found = find_policy(state, *policy);
  if (!found) return fail(found.error());
  return std::optional(std::move(*found));
}

Result<std::string> wished_site(const State& state, const std::string& site) {
  if (site.empty()) return std::string();
  return find_site(state, site);
}

bool link_place(Turn& turn, const std::string& place, const std::string& before, const std::optional<std::string>& policy) {
  if (!policy || *policy == before) return false;
  turn.event(PlacePolicyLinked{place, *policy});
  resolve_place_again(turn, place);
  return true;
}

}  // namespace

// All of a request is looked at before any of it is done.
Result<Answer> OperatePlaces::operator()(const EditHost& request) const {
  const auto id = find_host(turn.state, request.host);
  if (!id) return fail(id.error());
  const Node& node = turn.node(*id);
  if (request.name && request.name->empty()) return fail(Code::invalid_input, "the name of a host is not empty");
  HostEdited edited{*id, node.site_id, request.metadata.value_or(node.metadata)};
  if (request.site) {
    auto site = wished_site(turn.state, *request.site);
    if (!site) return fail(site.error());
    edited.site_id = std::move(*site);
  }
  const bool renames = request.name && *request.name != node.name;
  const bool moves = edited.site_id != node.site_id;
  if (!renames && !moves && edited.metadata == node.metadata) return Answer{node.host_id, "nothing to change"};
  const bool edits = moves || edited.metadata != node.metadata;
  if (renames) turn.event(NodeRegistered{*id, node.host_id, node.instance_id, *request.name, false});
  if (edits) turn.event(std::move(edited));
  if (moves) {
    reconcile_window(turn, *id, "edited");
    turn.link.unresolved.insert(*id);
  }
  return Answer{node.host_id, {}};
}

Result<Answer> OperatePlaces::operator()(const PlaceRegion& request) const {
  Region region = request.region;
  if (region.name.empty()) return fail(Code::invalid_input, "the name of a region is not empty");
  if (!region.parent_id.empty()) {
    auto parent = find_region(turn.state, region.parent_id);
    if (!parent) return fail(parent.error());
    region.parent_id = std::move(*parent);
  }
  if (auto fine = check_parent(turn.state, region); !fine) return fail(fine.error());
  const auto policy = wished_policy(turn.state, request.policy);
  if (!policy) return fail(policy.error());
  if (region.id.empty()) {
    if (auto fine = check_room(turn.state); !fine) return fail(fine.error());
    region.id = draw_id(turn, "region", [&](const std::string& id) { return turn.state.regions.contains(id); });
    region.policy_id.clear();
    const std::string id = region.id;
    turn.event(RegionPlaced{std::move(region)});
    link_place(turn, id, {}, *policy);
    return Answer{id, {}};
  }
  const auto found = turn.state.regions.find(region.id);
  if (found == turn.state.regions.end()) return fail(Code::not_found, "no region " + region.id);
  const Region before = found->second.value;
  region.policy_id = before.policy_id;
  const bool edited = region != before;
  if (edited) turn.event(RegionPlaced{region});
  if (region.parent_id != before.parent_id) place_changed(turn, region.id);
  const bool linked = link_place(turn, region.id, before.policy_id, *policy);
  return Answer{region.id, edited || linked ? "" : "nothing to change"};
}

Result<Answer> OperatePlaces::operator()(const DeleteRegion& request) const {
  const auto id = find_region(turn.state, request.id);
  if (!id) return fail(id.error());
  if (turn.state.regions_by_parent.contains(*id) || turn.state.sites_by_region.contains(*id))
    return fail(Code::conflict, "region " + *id + " has regions or sites in it");
  if (has_schedules(turn.state, *id)) return fail(Code::conflict, "region " + *id + " has schedules");
  turn.event(RegionDeleted{*id});
  return Answer{*id, {}};
}

Result<Answer> OperatePlaces::operator()(const PlaceSite& request) const {
  Site site = request.site;
  if (site.name.empty()) return fail(Code::invalid_input, "the name of a site is not empty");
  if (!site.region_id.empty()) {
    auto region = find_region(turn.state, site.region_id);
    if (!region) return fail(region.error());
    site.region_id = std::move(*region);
  }
  const auto policy = wished_policy(turn.state, request.policy);
  if (!policy) return fail(policy.error());
  if (site.id.empty()) {
    if (auto fine = check_room(turn.state); !fine) return fail(fine.error());
    site.id = draw_id(turn, "site", [&](const std::string& id) { return turn.state.sites.contains(id); });
    site.policy_id.clear();
    const std::string id = site.id;
    turn.event(SitePlaced{std::move(site)});
    link_place(turn, id, {}, *policy);
    return Answer{id, {}};
  }
  const auto found = turn.state.sites.find(site.id);
  if (found == turn.state.sites.end()) return fail(Code::not_found, "no site " + site.id);
  const Site before = found->second.value;
  site.policy_id = before.policy_id;
  const bool edited = site != before;
  if (edited) turn.event(SitePlaced{site});
  if (site.region_id != before.region_id) place_changed(turn, site.id);
  const bool linked = link_place(turn, site.id, before.policy_id, *policy);
  return Answer{site.id, edited || linked ? "" : "nothing to change"};
}

Result<Answer> OperatePlaces::operator()(const DeleteSite& request) const {
  const auto id = find_site(turn.state, request.id);
  if (!id) return fail(id.error());
  if (turn.state.by_site.contains(*id)) return fail(Code::conflict, "site " + *id + " has hosts in it");
  if (has_schedules(turn.state, *id)) return fail(Code::conflict, "site " + *id + " has schedules");
  turn.event(SiteDeleted{*id});
  return Answer{*id, {}};
}

Result<Answer> OperatePlaces::operator()(const LinkPlacePolicy& request) const {
  if (request.site.empty() == request.region.empty()) return fail(Code::invalid_input, "a policy is linked to a site or to a region");
  const auto place = request.site.empty() ? find_region(turn.state, request.region) : find_site(turn.state, request.site);
  if (!place) return fail(place.error());
  const auto policy = wished_policy(turn.state, request.policy);
  if (!policy) return fail(policy.error());
  const bool is_site = !request.site.empty();
  const std::string before = is_site ? turn.state.sites.at(*place).value.policy_id : turn.state.regions.at(*place).value.policy_id;
  return Answer{*place, link_place(turn, *place, before, *policy) ? "" : "nothing to change"};
}

}  // namespace abide::fleet
