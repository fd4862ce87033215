#include "common/core/hash.hpp"
#include "common/core/rules.hpp"
#include "common/events/codec.hpp"
#include "orchestrator/fleet/lookup.hpp"
#include "orchestrator/fleet/turn.hpp"
#include "orchestrator/maintenance_manager/maintenance_manager.hpp"

namespace abide::fleet {
namespace {

Number next_number(const State& state) {
  return {rule(Rule::epoch) ? state.epoch : 1, state.revision + (rule(Rule::next_revision) ? 1 : 0)};
}

struct Content {
  DocumentTopic topic = DocumentTopic::policy_linked;
  std::optional<LinkedRelease> link;
  std::optional<Window> window;
};

// One commit: the next number, the whole state, what changed. `asked`: where the manifest of a new link is; the manifest of
// a link that is kept is in the document before.
void issue(Turn& turn, const NodeId& id, Number number, Content content, const OsResource* asked) {
  const Node& node = turn.node(id);
  DocumentBody body{content.link, content.window, {}, {}};
  if (asked != nullptr) {
    body.manifest = asked->manifest;
    body.signature = asked->signature;
  } else if (content.link) {
    if (auto before = decode_body(node.newest.document.body)) {
      body.manifest = std::move(before->manifest);
      body.signature = std::move(before->signature);
    }
  }
  Document document{number, {}, encode_body(body)};
  document.tag = document_tag(turn.state.key, id, number, sha256(document.body));
  turn.event(DocumentIssued{id, std::move(document), content.topic, std::move(content.link), content.window});
  turn.say(PublishDocument{id});
}

Release release_of(const Asked& asked) {
  const OsResource& resource = *asked.resource;
  Release release;
  release.os_resource_id = resource.id;
  release.profile_name = resource.profile_name;
  release.os_image_id = resource.image_id;
  release.architecture = resource.architecture;
  release.artifact = resource.artifact;
  release.raw = resource.raw;
  release.urls = resource.urls;
  release.policy_id = asked.policy_id;
  if (!resource.manifest.empty()) release.manifest = sha256(resource.manifest);
  return release;
}

// The number and the link of an asking; the offer is the number of the document that first asks.
std::pair<Number, LinkedRelease> ask_anew(const Turn& turn, const Node& node, const Asked& asked) {
  const Number number = next_number(turn.state);
  LinkedRelease link{number, release_of(asked), asked.allow_downgrade, node.paused, asked.aborted, asked.allow_profile_change};
  const auto& before = node.newest.link;
  if (!rule(Rule::offer_id) && before && before->release.os_resource_id == link.release.os_resource_id) link.offer = before->offer;
  return {number, std::move(link)};
}

void set_deadline(Turn& turn, const NodeId& id, std::optional<std::int64_t> at_ms) {
  const auto found = turn.link.window_deadline.find(id);
  if (found != turn.link.window_deadline.end()) {
    turn.link.window_deadlines.erase({found->second, id});
    turn.link.window_deadline.erase(found);
  }
  if (!at_ms) return;
  turn.link.window_deadlines.insert({*at_ms, id});
  turn.link.window_deadline[id] = *at_ms;
}

// The same for all hosts of a site that have no schedules of their own: made once for each change in time.
std::optional<Window> window_of(Turn& turn, const Node& node) {
  const auto made = [&] {
    return maintenance_manager::window_at(plans_of(turn.state, node), turn.now.wall_ms, turn.settings.maintenance_updates);
  };
  if (node.site_id.empty() || turn.state.schedules_by_target.contains(node.host_id)) return made();
  const auto found = turn.link.site_windows.find(node.site_id);
  if (found != turn.link.site_windows.end() && turn.now.wall_ms >= found->second.from_ms && turn.now.wall_ms < found->second.until_ms)
    return found->second.window;
  auto window = made();
  std::int64_t until_ms = turn.now.wall_ms + maintenance_manager::look_again_ms_max;
  if (window && window->opens_at_ms > turn.now.wall_ms)
    until_ms = window->opens_at_ms;
  else if (window && window->closes_at_ms != 0)
    until_ms = window->closes_at_ms;
  turn.link.site_windows[node.site_id] = {window, turn.now.wall_ms, until_ms};
  return window;
}

maintenance_manager::Plan plan_of(Turn& turn, const Node& node) {
  auto plan = maintenance_manager::plan_with(node.open_window, window_of(turn, node), turn.now.wall_ms);
  if (!plan.window)
    plan.next_ms = maintenance_manager::look_later_ms(plans_of(turn.state, node), turn.now.wall_ms, turn.settings.maintenance_updates);
  return plan;
}

// The decision is the same whether the operator linked it to the node or to a place that the node lies in.
void follow_other_policy(Turn& turn, const NodeId& id, const AppliedPolicy& applied) {
  const Node& node = turn.node(id);
  if (applied.policy == nullptr) return issue_without_link(turn, id);
  const auto resolution = resolution_of(turn.state, node, *applied.policy);
  const auto decision = policy_manager::link(false, present_of(node), resolution);
  if (decision.withdraw) issue_without_link(turn, id);
  if (decision.ask) issue_link(turn, id, asked_by(*applied.policy, *resolution.resource, false));
}

}  // namespace

Asked asked_by(const Policy& policy, const OsResource& resource, bool aborted) {
  return {&resource, policy.id, policy.allow_downgrade, aborted, policy.allow_profile_change};
}

void issue_link(Turn& turn, const NodeId& id, const Asked& asked) {
  const Node& node = turn.node(id);
  if (node.held) return;
  auto [number, link] = ask_anew(turn, node, asked);
  const Number offer = link.offer;
  issue(turn, id, number, {DocumentTopic::policy_linked, std::move(link), node.newest.window}, asked.resource);
  if (!asked.aborted) open_run(turn, id, offer, asked.policy_id, asked.resource->id);
}

void issue_without_link(Turn& turn, const NodeId& id) {
  const Node& node = turn.node(id);
  if (node.held || !node.newest.link) return;
  issue(turn, id, next_number(turn.state), {DocumentTopic::policy_linked, std::nullopt, node.newest.window}, nullptr);
}

void issue_flags(Turn& turn, const NodeId& id, bool paused, bool aborted) {
  const Node& node = turn.node(id);
  if (node.held || !node.newest.link) return;
  auto link = node.newest.link;
  if (link->paused == paused && link->aborted == aborted) return;
  link->paused = paused;
  link->aborted = aborted;
  issue(turn, id, next_number(turn.state), {DocumentTopic::policy_linked, std::move(link), node.newest.window}, nullptr);
}

void issue_window(Turn& turn, const NodeId& id, DocumentTopic topic, const std::optional<Window>& window) {
  const Node& node = turn.node(id);
  if (node.held) return;
  issue(turn, id, next_number(turn.state), {topic, node.newest.link, window}, nullptr);
}

void issue_empty(Turn& turn, const NodeId& id) {
  issue(turn, id, next_number(turn.state), {DocumentTopic::policy_linked, std::nullopt, std::nullopt}, nullptr);
}

void clear_documents(Turn& turn, const NodeId& id) {
  for (const auto topic : {DocumentTopic::policy_linked, DocumentTopic::window_scheduled, DocumentTopic::window_opened})
    turn.say(ClearDocument{id, topic});
}

void forget_link(Turn& turn, const NodeId& id) {
  set_deadline(turn, id, std::nullopt);
  turn.link.unresolved.erase(id);
  const auto found = turn.link.nodes.find(id);
  if (found == turn.link.nodes.end()) return;
  if (found->second.ack_due_mono_ms) turn.link.ack_deadlines.erase({*found->second.ack_due_mono_ms, id});
  turn.link.nodes.erase(found);
}

void confirm_whole_state(Turn& turn, const NodeId& id) {
  const Node& node = turn.node(id);
  if (node.held) return;
  const auto plan = plan_of(turn, node);
  if (plan.close) turn.event(WindowClosed{id, *plan.close, plan.over ? "over" : "edited"});
  if (plan.open) turn.event(WindowOpened{id, *plan.window});
  set_deadline(turn, id, plan.next_ms);

  const Number number = next_number(turn.state);
  const auto applied = policy_of(turn.state, node);
  const auto resolution = resolution_of(turn.state, node);
  if (applied.policy == nullptr || resolution.resource == nullptr) {
    issue(turn, id, number, {DocumentTopic::policy_linked, std::nullopt, plan.window}, nullptr);
    return;
  }
  // What was aborted stays so: it is asked for anew only when the operator links again.
  const bool aborted = node.newest.link && node.newest.link->aborted && node.newest.link->release.os_resource_id == resolution.resource->id;
  const Asked asked = asked_by(*applied.policy, *resolution.resource, aborted);
  auto [offer, link] = ask_anew(turn, node, asked);
  issue(turn, id, number, {DocumentTopic::policy_linked, std::move(link), plan.window}, asked.resource);
  if (!aborted) open_run(turn, id, offer, asked.policy_id, asked.resource->id);
}

void reconcile_window(Turn& turn, const NodeId& id, std::string_view why) {
  const Node& node = turn.node(id);
  if (node.held) {  // the calendar opens nothing; confirming looks again
    set_deadline(turn, id, std::nullopt);
    return;
  }
  const auto plan = plan_of(turn, node);
  set_deadline(turn, id, plan.next_ms);
  if (plan.close) {
    const bool deleted = !turn.state.schedules.contains(plan.close->id);  // of a place, whose nodes are looked at turn by turn
    turn.event(WindowClosed{id, *plan.close, plan.over ? "over" : deleted ? "deleted" : std::string(why)});
  }
  if (plan.open) turn.event(WindowOpened{id, *plan.window});
  if (plan.open) return issue_window(turn, id, DocumentTopic::window_opened, plan.window);
  if (node.newest.window == plan.window) return;
  if (!rule(Rule::tombstone) && !plan.window) return;
  issue_window(turn, id, DocumentTopic::window_scheduled, plan.window);
}

void reconcile_windows_of(Turn& turn, const std::string& target, std::string_view why) {
  turn.link.site_windows.clear();
  if (target.empty()) return;
  if (const auto node = node_of_host(turn.state, target)) return reconcile_window(turn, *node, why);
  for (const auto& id : nodes_in(turn.state, target)) set_deadline(turn, id, turn.now.wall_ms);
  work_off_windows(turn);
}

void work_off_windows(Turn& turn) {
  auto& deadlines = turn.link.window_deadlines;
  while (!deadlines.empty() && deadlines.begin()->first <= turn.now.wall_ms && !turn.full()) {
    const NodeId id = deadlines.begin()->second;
    set_deadline(turn, id, std::nullopt);
    if (turn.state.nodes.contains(id)) reconcile_window(turn, id, "edited");
  }
}

void resolve_again(Turn& turn, const NodeId& id) {
  const auto found = turn.state.nodes.find(id);
  if (found == turn.state.nodes.end()) return;
  const Node& node = found->second;
  const auto applied = policy_of(turn.state, node);
  if (node.held || count_unanswered_runs(node) >= open_runs_max) return;
  const auto& link = node.newest.link;
  const std::string wanted = applied.policy == nullptr ? "" : applied.policy->id;
  if (link && link->release.policy_id != wanted) return follow_other_policy(turn, id, applied);
  if (applied.policy == nullptr) return;
  const auto resolution = resolution_of(turn.state, node, *applied.policy);
  auto present = present_of(node);
  const bool fetches = node.phase == Phase::idle || node.phase == Phase::staging;
  present.moved = link && resolution.resource != nullptr && fetches && link->release.os_resource_id == resolution.resource->id &&
                  link->release.urls != resolution.resource->urls;
  if (!policy_manager::ask_by_itself(*applied.policy, present, resolution)) return;
  issue_link(turn, id, asked_by(*applied.policy, *resolution.resource, false));
}

void resolve_place_again(Turn& turn, const std::string& place_id) {
  for (const auto& id : nodes_in(turn.state, place_id)) turn.link.unresolved.insert(id);
}

void work_off_unresolved(Turn& turn) {
  auto& unresolved = turn.link.unresolved;
  while (!unresolved.empty() && !turn.full()) {
    const NodeId id = *unresolved.begin();
    unresolved.erase(unresolved.begin());
    resolve_again(turn, id);
  }
}

}  // namespace abide::fleet
