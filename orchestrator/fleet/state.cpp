#include "orchestrator/fleet/state.hpp"

#include "orchestrator/fleet/indexes.hpp"

namespace abide::fleet {
namespace {

// By id where there is one, else by a name that only one has.
template <class Row>
Result<std::string> find_named(const std::map<std::string, Row>& rows, const std::map<std::string, std::set<std::string>>& names,
                               std::string_view kind, const std::string& name) {
  if (rows.contains(name)) return name;
  const auto found = names.find(name);
  if (name.empty() || found == names.end()) return fail(Code::not_found, "no " + std::string(kind) + " " + name);
  if (found->second.size() > 1)
    return fail(Code::conflict,
                std::to_string(found->second.size()) + " of the " + std::string(kind) + " kind are named " + name + ": name it by id");
  return *found->second.begin();
}

// In the order of their ids.
std::vector<NodeId> nodes_with(const State& state, const TextIndex& index, std::string Node::*member, std::string_view text) {
  std::vector<NodeId> ids;
  index.each(text, [&](const NodeId& id) {
    if (state.nodes.at(id).*member == text) ids.push_back(id);
    return true;
  });
  return ids;
}
// Two have the same only where rows were written so; then the last counts.
std::optional<NodeId> last_of(const std::vector<NodeId>& ids) {
  return ids.empty() ? std::nullopt : std::optional(ids.back());
}

}  // namespace

std::string_view to_string(Indicator indicator) {
  switch (indicator) {
    case Indicator::unspecified:
      return "STATUS_INDICATION_UNSPECIFIED";
    case Indicator::error:
      return "STATUS_INDICATION_ERROR";
    case Indicator::in_progress:
      return "STATUS_INDICATION_IN_PROGRESS";
    case Indicator::idle:
      return "STATUS_INDICATION_IDLE";
  }
  return "STATUS_INDICATION_UNSPECIFIED";
}

Digest& digest_of(OsLists& lists, OsList list) {
  if (list == OsList::installed_packages) return lists.installed_packages;
  return list == OsList::existing_cves ? lists.existing_cves : lists.fixed_cves;
}

void rebuild_indexes(State& state) {
  indexes::clear(state);
  indexes::add_things(state);
  indexes::OfNodes of_nodes;
  of_nodes.expect(state.nodes.size());
  for (const auto& [id, node] : state.nodes) of_nodes.add(node);
  of_nodes.put_hosts_and_groups(state);
  of_nodes.put_instances_and_names(state);
}

std::optional<NodeId> node_of_host(const State& state, std::string_view host_id) {
  return last_of(nodes_with(state, state.by_host, &Node::host_id, host_id));
}
std::optional<NodeId> node_of_instance(const State& state, std::string_view instance_id) {
  return last_of(nodes_with(state, state.by_instance, &Node::instance_id, instance_id));
}
std::vector<NodeId> nodes_of_name(const State& state, std::string_view name) {
  return nodes_with(state, state.by_name, &Node::name, name);
}

Result<NodeId> find_host(const State& state, std::string_view name) {
  if (const auto found = node_of_host(state, name)) return *found;
  if (const auto found = node_of_instance(state, name)) return *found;
  if (const auto node = parse_node_id(name); node && state.nodes.contains(*node)) return *node;
  const auto found = name.empty() ? std::vector<NodeId>() : nodes_of_name(state, name);
  if (found.empty()) return fail(Code::not_found, "no host " + std::string(name));
  if (found.size() > 1)
    return fail(Code::conflict, std::to_string(found.size()) + " hosts are named " + std::string(name) + ": name it by id");
  return found.front();
}

Result<std::string> find_policy(const State& state, std::string_view name) {
  return find_named(state.policies, state.policies_by_name, "OS update policy", std::string(name));
}

Result<std::string> find_os_resource(const State& state, std::string_view name) {
  return find_named(state.os_resources, state.os_by_name, "OS resource", std::string(name));
}

const OsResource* newest_of(const State& state, const std::string& profile, const std::string& architecture) {
  const auto found = state.versions.find({profile, architecture});
  if (found == state.versions.end()) return nullptr;
  return &state.os_resources.at(found->second.back()).value;
}

}  // namespace abide::fleet
