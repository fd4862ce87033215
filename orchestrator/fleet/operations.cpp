// What operators ask for: each request is answered once, with what came of it.
#include <algorithm>
#include <array>
#include <cassert>

#include "common/core/hash.hpp"
#include "orchestrator/fleet/lookup.hpp"
#include "orchestrator/fleet/turn.hpp"
#include "orchestrator/maintenance_manager/maintenance_manager.hpp"
#include "orchestrator/os_resource_manager/os_resource_manager.hpp"
#include "orchestrator/policy_manager/policy_manager.hpp"

namespace abide::fleet {
namespace {

constexpr std::string_view not_confirmed = "not yet confirmed by the node";
constexpr std::string_view node_is_held = "the node is held: it is told when an operator confirms it";
constexpr std::size_t draws_max = 1000;

std::string with_note(std::string_view first, std::string_view second) {
  if (first.empty() || second.empty()) return std::string(first.empty() ? second : first);
  return std::string(first) + "; " + std::string(second);
}

struct Operate {
  Turn& turn;

  [[nodiscard]] Result<NodeId> host(const std::string& name) const { return find_host(turn.state, name); }
  [[nodiscard]] Answer changed(const Node& node, std::string_view note = not_confirmed) const {
    return {node.host_id, std::string(node.held ? node_is_held : note)};
  }

  // ---- OS resources and policies
  Result<Answer> operator()(const CreateOsResource& request) const {
    OsResource resource = request.resource;
    const auto& same = turn.state.os_by_image;
    const auto found = same.find({resource.profile_name, resource.image_id});
    const auto* known = found == same.end() ? nullptr : &turn.state.os_resources.at(found->second).value;
    if (auto fine = os_resource_manager::check_new(resource, known, turn.state.os_by_name.contains(resource.name)); !fine)
      return fail(fine.error());
    resource.id = draw_id(turn, "os", [&](const std::string& id) { return turn.state.os_resources.contains(id); });
    const std::string id = resource.id;
    create_os_resource(turn, std::move(resource), "api");
    return Answer{id, {}};
  }
  Result<Answer> operator()(const DeleteOsResource& request) const {
    const auto found = turn.state.os_resources.find(request.id);
    if (found == turn.state.os_resources.end()) return fail(Code::not_found, "no OS resource " + request.id);
    const auto count = [&](const auto& index) {
      const auto entry = index.find(request.id);
      return entry == index.end() ? std::size_t{0} : entry->second.size();
    };
    const auto fine =
        os_resource_manager::check_delete(found->second.value, count(turn.state.by_os_resource), count(turn.state.policies_by_target));
    if (!fine) return fail(fine.error());
    turn.event(OsResourceDeleted{request.id});
    return Answer{request.id, {}};
  }
  Result<Answer> operator()(const EditOsResource& request) const {
    const auto found = turn.state.os_resources.find(request.id);
    if (found == turn.state.os_resources.end()) return fail(Code::not_found, "no OS resource " + request.id);
    OsResource resource = found->second.value;
    resource.architecture = request.architecture.value_or(resource.architecture);
    resource.metadata = request.metadata.value_or(resource.metadata);
    if (resource == found->second.value) return Answer{request.id, "nothing to change"};
    const auto count = [&](const auto& index) {
      const auto entry = index.find(request.id);
      return entry == index.end() ? std::size_t{0} : entry->second.size();
    };
    auto fine = os_resource_manager::check_edit(found->second.value, resource, count(turn.state.by_os_resource),
                                                count(turn.state.policies_by_target));
    if (!fine) return fail(fine.error());
    const bool moves = resource.architecture != found->second.value.architecture;
    const std::string profile = resource.profile_name;
    create_os_resource(turn, std::move(resource), "api");
    const auto nodes = turn.state.by_profile.find(profile);
    if (!moves || nodes == turn.state.by_profile.end()) return Answer{request.id, {}};
    for (const auto& node : nodes->second)  // it may have been the newest for them
      if (policy_of(turn.state, turn.node(node)).policy != nullptr) turn.link.unresolved.insert(node);
    return Answer{request.id, {}};
  }
  Result<Answer> operator()(const CreatePolicy& request) const {
    Policy policy = request.policy;
    const OsResource* target = nullptr;
    if (!policy.target_os_id.empty()) {
      const auto id = find_os_resource(turn.state, policy.target_os_id);
      if (!id) return fail(id.error());
      policy.target_os_id = *id;
      target = &turn.state.os_resources.at(*id).value;
    }
    if (auto fine = policy_manager::check_new(policy, target); !fine) return fail(fine.error());
    policy.id = draw_id(turn, "osupdatepolicy", [&](const std::string& id) { return turn.state.policies.contains(id); });
    turn.event(PolicyCreated{policy});
    return Answer{policy.id, {}};
  }
  Result<Answer> operator()(const DeletePolicy& request) const {
    const auto id = find_policy(turn.state, request.id);
    if (!id) return fail(id.error());
    const auto linked = turn.state.by_policy.find(*id);
    const std::size_t count = linked == turn.state.by_policy.end() ? 0 : linked->second.size();
    const auto places = turn.state.places_by_policy.find(*id);
    const std::size_t place_count = places == turn.state.places_by_policy.end() ? 0 : places->second.size();
    if (auto fine = policy_manager::check_delete(turn.state.policies.at(*id).value, count, place_count); !fine) return fail(fine.error());
    turn.event(PolicyDeleted{*id});
    return Answer{*id, {}};
  }

  Result<Answer> operator()(const EditPolicy& request) const {
    const auto id = find_policy(turn.state, request.id);
    if (!id) return fail(id.error());
    Policy policy = turn.state.policies.at(*id).value;
    const Policy before = policy;
    policy.name = request.name.value_or(policy.name);
    policy.description = request.description.value_or(policy.description);
    if (policy.name.empty()) return fail(Code::invalid_input, "the name of a policy is not empty");
    if (policy == before) return Answer{*id, "nothing to change"};
    turn.event(PolicyCreated{std::move(policy)});
    return Answer{*id, {}};
  }

  // ---- what is asked of a node
  Result<Answer> operator()(const LinkPolicy& request) const {
    const auto id = host(request.host);
    if (!id) return fail(id.error());
    const auto policy_id = find_policy(turn.state, request.policy);
    if (!policy_id) return fail(policy_id.error());
    const Node& node = turn.node(*id);
    const Policy& policy = turn.state.policies.at(*policy_id).value;
    const bool same = node.policy_id == *policy_id;
    const auto resolution = resolution_of(turn.state, node, policy);
    if (node.held) {  // confirming asks for it
      if (!same) turn.event(PolicyLinked{*id, *policy_id});
      return changed(node);
    }
    const auto decision = policy_manager::link(same, present_of(node), resolution);
    if (decision.ask && count_unanswered_runs(node) >= open_runs_max)
      return fail(Code::conflict, "host " + node.host_id + " has not answered its last " + std::to_string(open_runs_max) + " links yet");
    if (!same || decision.ask) turn.event(PolicyLinked{*id, *policy_id});
    if (decision.withdraw) issue_without_link(turn, *id);
    if (decision.ask) issue_link(turn, *id, asked_by(policy, *resolution.resource, false));
    return changed(node, with_note(decision.note, decision.ask || decision.withdraw ? not_confirmed : ""));
  }
  Result<Answer> operator()(const UnlinkPolicy& request) const {
    const auto id = host(request.host);
    if (!id) return fail(id.error());
    const Node& node = turn.node(*id);
    if (node.policy_id.empty()) {
      const auto applied = policy_of(turn.state, node);
      if (applied.policy != nullptr)
        return Answer{node.host_id, "nothing to change: policy " + applied.policy->name + " is that of " + applied.place_id + ", not of the host"};
      if (!node.newest.link) return Answer{node.host_id, "nothing to change: no policy is linked"};
    }
    const std::string policy_id = node.policy_id;
    const bool asked = node.newest.link.has_value();
    turn.event(PolicyUnlinked{*id, policy_id});
    issue_without_link(turn, *id);
    if (policy_of(turn.state, node).policy != nullptr) turn.link.unresolved.insert(*id);  // that of a place applies now
    return changed(node, asked ? not_confirmed : "");
  }
  Result<Answer> operator()(const PauseUpdate& request) const {
    const auto id = host(request.host);
    if (!id) return fail(id.error());
    const Node& node = turn.node(*id);
    if (policy_of(turn.state, node).policy == nullptr) return fail(Code::conflict, "host " + node.host_id + " has no policy linked");
    if (node.paused == request.paused)
      return Answer{node.host_id, request.paused ? "nothing to change: paused already" : "nothing to change: not paused"};
    turn.event(UpdatePaused{*id, request.paused});
    if (!node.newest.link) return changed(node, "");
    issue_flags(turn, *id, request.paused, node.newest.link->aborted);
    return changed(node);
  }
  Result<Answer> operator()(const AbortUpdate& request) const {
    const auto id = host(request.host);
    if (!id) return fail(id.error());
    const Node& node = turn.node(*id);
    const auto present = present_of(node);
    if (node.held)
      return fail(Code::conflict, "host " + node.host_id + " is held: " + node.held_why + "; unlink its policy, then confirm it");
    if (present.aborted) return Answer{node.host_id, "nothing to change: aborted already"};
    if (!present.asked || present.ended) return fail(Code::conflict, "host " + node.host_id + " has no update under way");
    const Number offer = node.newest.link->offer;
    if (node.offer == offer && (node.phase == Phase::confirming || node.phase == Phase::rolling_back))
      return fail(Code::conflict, "too late: the node is " + std::string(node.phase == Phase::confirming ? "confirming" : "rolling back"));
    turn.event(UpdateAborted{*id, offer});
    issue_flags(turn, *id, node.newest.link->paused, true);
    return changed(node);
  }

  // ---- schedules
  Result<Answer> operator()(const CreateSchedule& request) const {
    Schedule schedule = request.schedule;
    if (auto fine = check(schedule, nullptr); !fine) return fail(fine.error());
    const auto* kind = schedule.repetition ? "repeatedsche" : "singlesche";
    schedule.id = draw_id(turn, kind, [&](const std::string& id) { return turn.state.schedules.contains(id); });
    turn.event(WindowScheduled{schedule});
    reconcile_windows_of(turn, target_of(schedule), "edited");
    return Answer{schedule.id, {}};
  }
  Result<Answer> operator()(const EditSchedule& request) const {
    Schedule schedule = request.schedule;
    const auto found = turn.state.schedules.find(schedule.id);
    if (found == turn.state.schedules.end()) return fail(Code::not_found, "no schedule " + schedule.id);
    const Schedule before = found->second.value;
    if (auto fine = check(schedule, &before); !fine) return fail(fine.error());
    if (schedule == before) return Answer{schedule.id, "nothing to change"};
    turn.event(WindowScheduled{schedule});
    reconcile_windows_of(turn, target_of(schedule), "edited");
    if (target_of(before) != target_of(schedule)) reconcile_windows_of(turn, target_of(before), "edited");
    return Answer{schedule.id, {}};
  }
  Result<Answer> operator()(const DeleteSchedule& request) const {
    const auto found = turn.state.schedules.find(request.id);
    if (found == turn.state.schedules.end()) return fail(Code::not_found, "no schedule " + request.id);
    const std::string target = target_of(found->second.value);
    turn.event(WindowDeleted{request.id});
    reconcile_windows_of(turn, target, "deleted");
    return Answer{request.id, {}};
  }
  // Names its target by resource id.
  Result<void> check(Schedule& schedule, const Schedule* before) const {
    if (auto fine = name_target(schedule); !fine) return fail(fine.error());
    const std::string& target = target_of(schedule);
    const auto others = turn.state.schedules_by_target.find(target);
    const bool moves = before == nullptr || target_of(*before) != target;
    if (moves && others != turn.state.schedules_by_target.end() && others->second.size() >= maintenance_manager::schedules_max)
      return fail(Code::conflict, target + " has " + std::to_string(maintenance_manager::schedules_max) + " schedules, which is the limit");
    return maintenance_manager::check(schedule, before, turn.now.wall_ms);
  }
  Result<void> name_target(Schedule& schedule) const {
    if (!schedule.host_id.empty()) {
      const auto id = host(schedule.host_id);
      if (!id) return fail(id.error());
      schedule.host_id = turn.node(*id).host_id;
    }
    if (!schedule.site_id.empty()) {
      auto id = find_site(turn.state, schedule.site_id);
      if (!id) return fail(id.error());
      schedule.site_id = std::move(*id);
    }
    if (!schedule.region_id.empty()) {
      auto id = find_region(turn.state, schedule.region_id);
      if (!id) return fail(id.error());
      schedule.region_id = std::move(*id);
    }
    return {};
  }

  // ---- places
  Result<Answer> operator()(const EditHost& request) const { return OperatePlaces{turn}(request); }
  Result<Answer> operator()(const PlaceRegion& request) const { return OperatePlaces{turn}(request); }
  Result<Answer> operator()(const DeleteRegion& request) const { return OperatePlaces{turn}(request); }
  Result<Answer> operator()(const PlaceSite& request) const { return OperatePlaces{turn}(request); }
  Result<Answer> operator()(const DeleteSite& request) const { return OperatePlaces{turn}(request); }
  Result<Answer> operator()(const LinkPlacePolicy& request) const { return OperatePlaces{turn}(request); }

  // ---- hosts
  Result<Answer> operator()(const RegisterHost& request) const {
    if (request.node == NodeId{}) return fail(Code::invalid_input, "the UUID of a host is not all zero");
    if (const auto found = turn.state.nodes.find(request.node); found != turn.state.nodes.end())
      return fail(Code::conflict, "host " + found->second.host_id + " has this UUID already");
    if (!request.site.empty()) {
      if (auto site = find_site(turn.state, request.site); !site) return fail(site.error());
    }
    register_node(turn, request.node, request.name, false);
    const auto placed = OperatePlaces{turn}(EditHost{turn.node(request.node).host_id, request.site, request.metadata});
    if (!placed) return fail(placed.error());
    ask(turn, request.node);  // it may be waiting for just this
    return Answer{turn.node(request.node).host_id, {}};
  }
  Result<Answer> operator()(const RenameHost& request) const {
    const auto id = host(request.host);
    if (!id) return fail(id.error());
    const Node& node = turn.node(*id);
    if (request.name.empty()) return fail(Code::invalid_input, "the name of a host is not empty");
    if (node.name == request.name) return Answer{node.host_id, "nothing to change"};
    turn.event(NodeRegistered{*id, node.host_id, node.instance_id, request.name, false});
    return Answer{node.host_id, {}};
  }
  // What the node holds stays in force there: nobody can take it back from a node that may be away.
  Result<Answer> operator()(const DeleteHost& request) const {
    const auto id = host(request.host);
    if (!id) return fail(id.error());
    const Node node = turn.node(*id);  // a copy: it is gone before this ends
    for (const auto& run : open_runs(node)) {
      if (run.start_ms == 0)
        close_run(turn, *id, run, OutcomeKind::cancelled, Reason::never_begun, "the host was deleted before the node accepted it");
      else
        close_run(turn, *id, run, OutcomeKind::failed, Reason::lost, "the host was deleted while the node was at it");
    }
    std::set<std::string> schedules;
    if (const auto own = turn.state.schedules_by_target.find(node.host_id); own != turn.state.schedules_by_target.end())
      schedules = own->second;
    for (const auto& schedule : schedules) turn.event(WindowDeleted{schedule});
    turn.event(HostDeleted{*id, node.host_id, node.instance_id, node.name});
    forget_link(turn, *id);
    clear_documents(turn, *id);
    return Answer{node.host_id, {}};
  }
  // ---- runs
  Result<Answer> operator()(const DeleteRun& request) const {
    const auto id = host(request.host);
    if (const auto gone = parse_node_id(request.host); !id && gone && turn.state.deleted.contains(*gone)) {
      turn.event(RunDeleted{*gone, request.run_id, false});  // all that it had were closed with it
      return Answer{request.run_id, {}};
    }
    if (!id) return fail(id.error());
    const Node& node = turn.node(*id);
    const auto is_it = [&](const Run& run) { return run.id == request.run_id && run.end_ms == 0; };
    const bool open = request.open || (node.run && is_it(*node.run)) || std::any_of(node.superseded.begin(), node.superseded.end(), is_it);
    if (open) return fail(Code::conflict, "run " + request.run_id + " is open: abort the update, or wait for its end");
    turn.event(RunDeleted{*id, request.run_id, false});
    return Answer{request.run_id, {}};
  }

  Result<Answer> operator()(const ResolveConflict& request) const {
    const auto id = host(request.host);
    if (!id) return fail(id.error());
    const Node& node = turn.node(*id);
    if (!node.conflict) return Answer{node.host_id, "nothing to change: there is no conflict"};
    const std::array<JournalId, 2> both{node.journal, node.conflict_with};
    if (request.journal != both[0] && request.journal != both[1])
      return fail(Code::invalid_input, "journal " + to_hex(request.journal) + " is neither " + to_hex(both[0]) + " nor " + to_hex(both[1]));
    // Both are asked now: what the wrong one said before is no new conflict, what it says after this is.
    for (const auto journal : both) turn.link_of(*id).retired_ask[journal] = turn.link_of(*id).ask;
    turn.event(IdentityResolved{*id, request.journal});
    ask(turn, *id);
    return Answer{node.host_id, "if the other machine still lives, it is a conflict again"};
  }
  Result<Answer> operator()(const ConfirmNode& request) const {
    const auto id = host(request.host);
    if (!id) return fail(id.error());
    const Node& node = turn.node(*id);
    if (!node.held) return Answer{node.host_id, "nothing to change: the node is not held"};
    turn.event(NodeConfirmed{*id});
    confirm_whole_state(turn, *id);
    return changed(node);
  }
};

}  // namespace

std::string draw_id(Turn& turn, std::string_view prefix, const std::function<bool(const std::string&)>& taken) {
  constexpr std::string_view hex = "0123456789abcdef";
  for (std::size_t draws = 0; draws < draws_max; ++draws) {
    const std::uint64_t number = turn.link.random.next();
    std::string id(prefix);
    id += '-';
    for (int shift = 28; shift >= 0; shift -= 4) id += hex[number >> static_cast<unsigned>(shift) & 15U];
    if (!taken(id)) return id;
  }
  assert(false && "no free resource id");
  return {};
}

void register_node(Turn& turn, const NodeId& id, std::string name, bool automatic) {
  std::string host = draw_id(turn, "host", [&](const std::string& drawn) { return node_of_host(turn.state, drawn).has_value(); });
  std::string instance = draw_id(turn, "inst", [&](const std::string& drawn) { return node_of_instance(turn.state, drawn).has_value(); });
  if (name.empty()) name = "node-" + to_string(id).substr(0, 8);
  // It may hold documents of then, signed with our key: without one above them it would look like a state that was lost.
  const bool was_here = turn.state.deleted.contains(id);
  turn.event(NodeRegistered{id, std::move(host), std::move(instance), std::move(name), automatic});
  if (was_here) issue_empty(turn, id);
}

void create_os_resource(Turn& turn, OsResource resource, std::string source) {
  const auto* before = newest_of(turn.state, resource.profile_name, resource.architecture);
  const std::string newest_before = before == nullptr ? std::string() : before->id;
  const std::string id = resource.id;
  const std::string profile = resource.profile_name;
  const std::string architecture = resource.architecture;
  turn.event(OsResourceCreated{std::move(resource), std::move(source)});
  const auto* newest = newest_of(turn.state, profile, architecture);
  if (newest == nullptr || newest->id != id || newest->id == newest_before) return;
  turn.say(AnnounceProfile{id});
  const auto nodes = turn.state.by_profile.find(profile);
  if (nodes == turn.state.by_profile.end()) return;
  for (const auto& node : nodes->second)
    if (policy_of(turn.state, turn.node(node)).policy != nullptr) turn.link.unresolved.insert(node);
}

Result<Answer> operate(Turn& turn, const Operation& operation) {
  return std::visit(Operate{turn}, operation);
}

}  // namespace abide::fleet
