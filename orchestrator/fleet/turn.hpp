#pragma once
// One call of decide: what it reads, what it writes, and the steps that its parts share. Internal to this folder.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "orchestrator/fleet/machine.hpp"
#include "orchestrator/fleet/state.hpp"

namespace abide::fleet {

struct Turn {
  const Settings& settings;
  const State& state;  // advances with every event
  Link& link;
  const Now& now;
  Out<OrchestratorEvent, Message>& out;
  std::size_t events = 0;

  void event(OrchestratorEvent event) {
    ++events;
    out.event(std::move(event));
  }
  [[nodiscard]] bool full() const { return events >= events_per_turn; }
  [[nodiscard]] const Node& node(const NodeId& id) const { return state.nodes.at(id); }
  [[nodiscard]] NodeLink& link_of(const NodeId& id) const { return link.nodes[id]; }
  // Whether there is a bus to speak on: what is not said now, the next hello brings.
  [[nodiscard]] bool speaks() const { return link.connected && !link.stopped; }
  void say(Message message) {
    if (speaks()) out.message(std::move(message));
  }
};

// "<prefix>-<8 hex>" that `taken` does not know.
std::string draw_id(Turn& turn, std::string_view prefix, const std::function<bool(const std::string&)>& taken);

// ---- delivery.cpp
void hear_hello(Turn& turn, const HelloHeard& heard);
void hear_event(Turn& turn, const NodeEventHeard& heard);
void ask(Turn& turn, const NodeId& id);
void send_due_acknowledgements(Turn& turn);
void call_roll_again(Turn& turn);  // at most once in settings.roll_call_again_ms; else later

// ---- documents.cpp
struct Asked {
  const OsResource* resource = nullptr;
  std::string policy_id;
  bool allow_downgrade = false;
  bool aborted = false;
  bool allow_profile_change = false;
};
Asked asked_by(const Policy& policy, const OsResource& resource, bool aborted);
// Every document of a node goes through one of these. Nothing is issued to a held node, save by confirm_whole_state.
void issue_link(Turn& turn, const NodeId& id, const Asked& asked);  // a new offer, and its run
void issue_without_link(Turn& turn, const NodeId& id);
void issue_flags(Turn& turn, const NodeId& id, bool paused, bool aborted);  // the same offer
void issue_window(Turn& turn, const NodeId& id, DocumentTopic topic, const std::optional<Window>& window);
void confirm_whole_state(Turn& turn, const NodeId& id);
// What the schedules say now of this node's window: events, document, next deadline. `why` closes an open one.
void reconcile_window(Turn& turn, const NodeId& id, std::string_view why);
// The same for all that a target of schedules concerns: now for a host, turn by turn for a place.
void reconcile_windows_of(Turn& turn, const std::string& target, std::string_view why);
void work_off_windows(Turn& turn);
// Another policy applies to the node than the one that it was last asked by, or its policy asks for something newer by
// itself: then a new offer, or none.
void resolve_again(Turn& turn, const NodeId& id);
// The same for all hosts in a place, turn by turn.
void resolve_place_again(Turn& turn, const std::string& place_id);
void work_off_unresolved(Turn& turn);

// A document without anything asked, above all that the node may hold of an earlier life of its host here.
void issue_empty(Turn& turn, const NodeId& id);
// Nothing is kept on the bus for it any more.
void clear_documents(Turn& turn, const NodeId& id);
// As if it had never spoken: for a node that is no host any more.
void forget_link(Turn& turn, const NodeId& id);

// ---- place_operations.cpp
struct OperatePlaces {
  Turn& turn;
  Result<Answer> operator()(const EditHost& request) const;
  Result<Answer> operator()(const PlaceRegion& request) const;
  Result<Answer> operator()(const DeleteRegion& request) const;
  Result<Answer> operator()(const PlaceSite& request) const;
  Result<Answer> operator()(const DeleteSite& request) const;
  Result<Answer> operator()(const LinkPlacePolicy& request) const;
};

// ---- runs.cpp
void open_run(Turn& turn, const NodeId& id, Number offer, const std::string& policy_id, const std::string& os_resource_id);
void close_run(Turn& turn, const NodeId& id, const Run& run, OutcomeKind outcome, Reason reason, std::string detail);
// After the picture of a node has changed: a run for what it accepted, and the end of those that have one.
// `taken` is the document whose DocumentTaken has just been stored, if that is what happened.
void settle_runs(Turn& turn, const NodeId& id, const DocumentTaken* taken);
// Closes the runs of nodes of which nothing was heard for settings.lost_after_ms; reopens those of a node that has come back.
void look_for_lost_runs(Turn& turn);
void plan_lost_look(Turn& turn);
void reopen_lost_runs(Turn& turn, const NodeId& id);

// ---- operations.cpp
Result<Answer> operate(Turn& turn, const Operation& operation);
void create_os_resource(Turn& turn, OsResource resource, std::string source);  // its id is drawn already
void register_node(Turn& turn, const NodeId& id, std::string name, bool automatic);

}  // namespace abide::fleet
