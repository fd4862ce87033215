#include "orchestrator/fleet/machine.hpp"

#include <algorithm>
#include <cassert>

#include "common/core/rules.hpp"
#include "orchestrator/fleet/turn.hpp"
#include "orchestrator/os_resource_manager/os_resource_manager.hpp"

namespace abide::fleet {
namespace {

void raise_epoch(Turn& turn, std::uint64_t least, std::string_view why) {
  if (least <= turn.state.epoch) return;
  turn.event(EpochRaised{least, std::string(why)});
}

// By the wall clock too, so that an orchestrator restored from a backup begins above what it had said in the time it lost.
void begin_epoch(Turn& turn) {
  const auto wall = static_cast<std::uint64_t>(std::max<std::int64_t>(turn.now.wall_ms, 0));
  raise_epoch(turn, std::max(turn.state.epoch + 1, wall), "started");
}

// What was withdrawn in the time that was lost is asked for again in this state, and nothing on the bus can tell.
void hold_all(Turn& turn, const std::string& why) {
  const bool any = std::any_of(turn.state.nodes.begin(), turn.state.nodes.end(), [](const auto& entry) { return !entry.second.held; });
  if (any) turn.event(NodeHeld{every_node, {}, why});
}

struct AsSeen {
  const Turn& turn;
  const State& state = turn.state;

  template <class T>
  static bool same(const std::map<std::string, Stamped<T>>& things, const T& seen) {
    const auto found = things.find(seen.id);
    return found != things.end() && found->second.value == seen;
  }
  bool operator()(const OsResource& seen) const { return same(state.os_resources, seen); }
  bool operator()(const Policy& seen) const { return same(state.policies, seen); }
  bool operator()(const Schedule& seen) const { return same(state.schedules, seen); }
  bool operator()(const Region& seen) const { return same(state.regions, seen); }
  bool operator()(const Site& seen) const { return same(state.sites, seen); }
  bool operator()(const HostAsSet& seen) const {
    const auto found = state.nodes.find(seen.node);
    return found != state.nodes.end() && as_set(found->second) == seen;
  }
  bool operator()(const ConfirmationShown& seen) const {
    const auto present = FleetMachine{turn.settings}.confirmation(state, turn.link, turn.now, seen.node);
    return present && *present == seen.shown;
  }
};
bool is_as_seen(const Turn& turn, const Seen& seen) {
  return std::visit(AsSeen{turn}, seen);
}

bool holds_run(const Node& node, const std::string& run_id) {
  const auto is_it = [&](const Run& run) { return run.id == run_id && run.end_ms == 0; };
  return (node.run && node.run->id == run_id) || std::any_of(node.superseded.begin(), node.superseded.end(), is_it);
}

struct Take {
  Turn& turn;

  void operator()(const Started& started) const {
    begin_epoch(turn);
    if (started.restored && rule(Rule::hold_restored)) hold_all(turn, started.why);
    // Once a start everything is looked at: windows that passed meanwhile, images whose news was cut short.
    auto& link = turn.link;
    link.window_deadlines.clear();
    link.window_deadline.clear();
    link.unresolved.clear();
    link.site_windows.clear();
    for (const auto& [id, node] : turn.state.nodes) {
      if (node.open_window || !node.site_id.empty() || turn.state.schedules_by_target.contains(node.host_id)) {
        link.window_deadlines.insert({turn.now.wall_ms, id});
        link.window_deadline[id] = turn.now.wall_ms;
      }
      if (node.newest.link || policy_of(turn.state, node).policy != nullptr) link.unresolved.insert(id);
    }
    work_off_windows(turn);
  }
  void operator()(const BusUp&) const {
    auto& link = turn.link;
    link.connected = true;
    link.up_since_mono_ms = turn.now.mono_ms;
    plan_lost_look(turn);
    link.life = LifeId{link.random.next_id()};
    link.lives.push_back(link.life);
    if (link.lives.size() > lives_max) link.lives.erase(link.lives.begin());
    link.nodes.clear();
    link.ack_deadlines.clear();
    link.roll_call_at_mono_ms.reset();
    link.roll_call_due = false;
    if (rule(Rule::roll_call)) call_roll_again(turn);
    for (const auto& [profile, ids] : turn.state.versions) turn.say(AnnounceProfile{ids.back()});
    // Also where it was said before: what the last connection took with it is not known.
    for (const auto& [id, host] : turn.state.deleted) clear_documents(turn, id);
  }
  void operator()(const BusDown&) const {
    auto& link = turn.link;
    link.connected = false;
    link.up_since_mono_ms.reset();
    link.lost_look_mono_ms.reset();
    link.ack_deadlines.clear();
    link.nodes.clear();
    link.roll_call_due = false;
  }
  void operator()(const RollCallHeard& heard) const {
    auto& link = turn.link;
    const auto& call = heard.roll_call;
    if (std::find(link.lives.begin(), link.lives.end(), call.life) != link.lives.end()) return;
    if (!heard.retained && call.epoch >= turn.state.epoch) {
      link.stopped = true;
      link.stopped_why = call.epoch == turn.state.epoch
                             ? "another orchestrator serves project " + turn.state.project + " in the same epoch: both stop"
                             : "another orchestrator serves project " + turn.state.project + " in a greater epoch";
      return;
    }
    if (!heard.retained) return call_roll_again(turn);  // the other one hears it, and stops
    if (call.epoch >= turn.state.epoch && call.epoch != UINT64_MAX) raise_epoch(turn, call.epoch + 1, "greater epoch seen");
  }
  void operator()(const HelloHeard& heard) const { hear_hello(turn, heard); }
  void operator()(const NodeEventHeard& heard) const { hear_event(turn, heard); }
  void operator()(const MessageDropped& dropped) const {
    if (turn.state.nodes.contains(dropped.node) && !turn.node(dropped.node).conflict) ask(turn, dropped.node);
  }
  void operator()(const ProfilesRead& read) const {
    namespace manager = os_resource_manager;
    std::vector<manager::Found> found;
    for (const auto& one : read.found) found.push_back({one.source, &one.resource});
    std::vector<manager::Failure> failures;
    for (const auto& one : read.failures) failures.push_back({one.source, one.error});
    std::map<std::string, std::string> failing;
    for (const auto& [name, source] : turn.state.sources)
      if (!source.error.empty()) failing.emplace(name, source.error);
    const auto known = [&](const std::string& profile, const std::string& image_id) -> const OsResource* {
      const auto entry = turn.state.os_by_image.find({profile, image_id});
      return entry == turn.state.os_by_image.end() ? nullptr : &turn.state.os_resources.at(entry->second).value;
    };
    for (const auto& finding : manager::judge(found, failures, read.reach, known, failing)) {
      if (turn.full()) break;  // the rest is found again by the next pass
      if (const auto* create = std::get_if<manager::Create>(&finding)) {
        OsResource resource = *create->resource;
        resource.id = draw_id(turn, "os", [&](const std::string& id) { return turn.state.os_resources.contains(id); });
        create_os_resource(turn, std::move(resource), create->source);
      } else if (const auto* move = std::get_if<manager::Move>(&finding)) {
        move_os_resource(*move);
      } else if (const auto* failed = std::get_if<manager::SourceFailed>(&finding)) {
        turn.event(ProfileSourceFailed{failed->source, failed->error});
      } else {
        const auto& recovered = std::get<manager::SourceRecovered>(finding);
        turn.event(ProfileSourceRecovered{recovered.source, recovered.gone});
      }
    }
    take_lists(read);
  }
  // Nodes that are to fetch it, and have not yet, are asked anew with the addresses that are right now.
  void move_os_resource(const os_resource_manager::Move& move) const {
    const std::string id = move.known->id;
    const OsResource& now = *move.resource;
    turn.event(OsResourceMoved{id, now.image_url, now.urls, now.package_manifest_url, now.existing_cves_url, now.fixed_cves_url,
                               now.manifest, now.signature, move.source});
    for (const auto& [node_id, node] : turn.state.nodes)
      if (node.newest.link && node.newest.link->release.os_resource_id == id) turn.link.unresolved.insert(node_id);
  }
  // What is another list than the one that is known.
  void take_lists(const ProfilesRead& read) const {
    std::size_t bytes = 0;
    for (const auto& [release, lists] : read.lists) {
      const auto resource = turn.state.os_by_image.find(release);
      if (resource == turn.state.os_by_image.end()) continue;
      const std::string id = resource->second;
      const std::pair<OsList, const ReleaseList*> all[] = {{OsList::installed_packages, lists.installed_packages.get()},
                                                           {OsList::existing_cves, lists.existing_cves.get()},
                                                           {OsList::fixed_cves, lists.fixed_cves.get()}};
      for (const auto& [which, list] : all) {
        if (list == nullptr || list->text.empty() || list->text.size() > os_list_bytes_max) continue;
        const auto known = turn.state.os_lists.find(id);
        OsLists before = known == turn.state.os_lists.end() ? OsLists{} : known->second;
        if (digest_of(before, which) == list->sha256) continue;
        bytes += list->text.size();
        if (turn.full() || bytes > listed_bytes_per_turn_max) return;
        turn.event(OsResourceListed{id, which, list->text});
      }
    }
  }
  void operator()(const CreateProject& create) const {
    if (!turn.state.project.empty()) return;
    turn.event(ProjectCreated{create.project, create.key});
    if (turn.state.epoch == 0) begin_epoch(turn);
  }
  void operator()(const Request& request) const {
    if (turn.state.project.empty()) return turn.out.message(Reply{request.id, fail(Code::not_found, "no such project")});
    if (request.seen && !is_as_seen(turn, *request.seen)) {
      Answer answer;
      answer.changed_meanwhile = true;
      return turn.out.message(Reply{request.id, std::move(answer)});
    }
    turn.out.message(Reply{request.id, operate(turn, request.operation)});
  }
  void operator()(const RunsExpired& expired) const {
    for (const auto& run : expired.runs) {
      if (turn.full()) return;  // they are found again
      const auto node = turn.state.nodes.find(run.node);
      if (node == turn.state.nodes.end() || !holds_run(node->second, run.id)) turn.event(RunDeleted{run.node, run.id, true});
    }
  }
  void operator()(const Tick&) const {
    send_due_acknowledgements(turn);
    work_off_windows(turn);
    look_for_lost_runs(turn);
    const auto& link = turn.link;
    if (link.roll_call_due) call_roll_again(turn);
  }
};

}  // namespace

void FleetMachine::decide(const State& state, Link& link, const Input& input, const Now& now, Out<Event, Message>& out) const {
  if (link.stopped) {
    if (const auto* request = std::get_if<Request>(&input)) out.message(Reply{request->id, fail(Code::unavailable, link.stopped_why)});
    return;
  }
  Turn turn{settings, state, link, now, out};
  std::visit(Take{turn}, input);
  if (!link.stopped) work_off_unresolved(turn);
}

std::vector<Effect> FleetMachine::todo(const State&, const Link& link, const Now&) const {
  if (link.stopped) return {StopServing{link.stopped_why}};
  return {};
}

std::optional<std::int64_t> FleetMachine::look_again(const State&, const Link& link, const Now& now) const {
  if (link.stopped) return std::nullopt;
  std::optional<std::int64_t> next;
  const auto at = [&](std::int64_t mono_ms) { next = next ? std::min(*next, mono_ms) : mono_ms; };
  if (!link.unresolved.empty()) at(now.mono_ms);
  if (!link.ack_deadlines.empty()) at(link.ack_deadlines.begin()->first);
  if (link.roll_call_due && link.roll_call_at_mono_ms) at(*link.roll_call_at_mono_ms + settings.roll_call_again_ms);
  if (link.lost_look_mono_ms) at(*link.lost_look_mono_ms);
  if (!link.window_deadlines.empty()) {
    const std::int64_t wait = std::max<std::int64_t>(link.window_deadlines.begin()->first - now.wall_ms, 0);
    at(now.mono_ms + std::min(wait, clock_look_ms));
  }
  return next;
}

bool operator==(const ReleaseLists& left, const ReleaseLists& right) {
  const auto same = [](const auto& a, const auto& b) { return a == b || (a && b && a->sha256 == b->sha256); };
  return same(left.installed_packages, right.installed_packages) && same(left.existing_cves, right.existing_cves) &&
         same(left.fixed_cves, right.fixed_cves);
}

HostAsSet as_set(const Node& node) {
  return {node.id, node.name, node.site_id, node.metadata, node.policy_id};
}

RollCall make_roll_call(const Settings& settings, const State& state, const Link& link) {
  return {link.life, settings.spread_ms_per_node * static_cast<std::int64_t>(state.nodes.size()), state.epoch};
}

Received make_received(const State& state, const Link& link, const NodeId& node, std::optional<Nonce> welcome, const Now& now) {
  Received received;
  received.life = link.life;
  const auto live = link.nodes.find(node);
  received.ask = live == link.nodes.end() ? 1 : live->second.ask;
  const auto found = state.nodes.find(node);
  if (found == state.nodes.end()) return received;
  const Node& known = found->second;
  received.journal = known.journal;
  received.upto = known.upto + (rule(Rule::upto_stored) ? 0 : 1);
  received.chain = known.chain;
  if (welcome) {
    Number head = known.newest.document.number;
    if (known.held && rule(Rule::held_head)) {  // nothing that the node holds counts, only what is issued from now on
      head = {state.epoch, 0};
      const Number shown = live == link.nodes.end() ? Number{} : live->second.shown;  // the picture may be of before
      if (std::max(known.taken, shown) >= head) head = {UINT64_MAX, UINT64_MAX};
    }
    received.welcome = Welcome{*welcome, head, now.wall_ms};
  }
  return received;
}

}  // namespace abide::fleet
