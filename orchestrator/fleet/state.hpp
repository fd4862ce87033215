#pragma once
// What the fold of one project's journal is: plain data, a row each in the store. Pure.
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/core/ids.hpp"
#include "common/events/orchestrator_events.hpp"

namespace abide::fleet {

enum class Indicator : std::uint8_t { unspecified = 0, error = 1, in_progress = 2, idle = 3 };  // numbers of the REST contract
std::string_view to_string(Indicator indicator);  // "STATUS_INDICATION_IDLE", ...

struct Status {
  std::string text;  // reference 4.4: "Download complete", ...
  Indicator indicator = Indicator::unspecified;
  std::int64_t at_seconds = 0;
  friend bool operator==(const Status&, const Status&) = default;
};

struct Run {
  std::string id;
  std::string name;
  NodeId node;
  Number offer;
  JournalId journal;              // once accepted
  std::string policy_id;
  std::string from_os_image_id;
  std::string to_os_resource_id;
  std::string to_os_image_id;
  Status status;
  std::string status_details;     // JSON of reference 4.6, with the outcome
  std::int64_t opened_ms = 0;
  std::int64_t start_ms = 0;      // at Accepted; 0 before
  std::int64_t end_ms = 0;        // 0: open
  OutcomeKind outcome = OutcomeKind::none;
  Reason reason = Reason::none;
  Evidence evidence;
  friend bool operator==(const Run&, const Run&) = default;
};

struct IssuedDocument {
  Document document;
  Digest digest;
  DocumentTopic topic = DocumentTopic::policy_linked;
  std::optional<LinkedRelease> link;
  std::optional<Window> window;
  friend bool operator==(const IssuedDocument&, const IssuedDocument&) = default;
};

// One machine: host and instance of the REST contract, and the node of the bus.
struct Node {
  NodeId id;
  std::string host_id;
  std::string instance_id;
  std::string name;
  std::int64_t registered_ms = 0;
  std::int64_t updated_ms = 0;

  // delivery
  JournalId journal;              // current; none: nothing heard
  std::uint64_t upto = 0;
  Chain chain;
  std::set<JournalId> retired;
  bool conflict = false;
  JournalId conflict_with;
  bool held = false;
  std::string held_why;

  // picture: what the node told
  Identity identity;
  Slot slot = Slot::a;
  BootId boot;
  SessionId session;
  Phase phase = Phase::idle;
  Number offer;                   // open on the node
  Outcome outcome;
  Number taken;                   // number of the document that it holds
  Number accepted_offer;          // newest that it accepted
  std::optional<std::int64_t> heard_ms;
  Status status;                  // update status of the instance

  // desired
  std::string policy_id;          // linked; empty: none
  bool paused = false;
  std::string link_fault;         // why the policy asks nothing of this node: its status says so
  IssuedDocument newest;          // number none: nothing was issued yet
  std::optional<Window> open_window;  // WindowOpened without WindowClosed

  std::string os_resource_id;     // what it runs, if that is a known resource
  std::string os_update_available;   // name of the newest image of its profile, if it runs an older one
  std::optional<Run> run;         // the open one, else the newest
  friend bool operator==(const Node&, const Node&) = default;
};

struct Source {
  std::string name;
  std::string error;              // empty: fine
  std::int64_t since_ms = 0;
  friend bool operator==(const Source&, const Source&) = default;
};

template <class T>
struct Stamped {
  T value;
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  friend bool operator==(const Stamped&, const Stamped&) = default;
};

// Which rows apply has changed since they were saved.
struct Touched {
  bool project = false;
  std::set<NodeId> nodes;
  std::set<std::string> os_resources, policies, schedules, sources;
  std::map<std::string, Run> runs;          // as they are now; a closed run that a newer one replaced lives in its row only
};

struct State {
  std::string project;
  std::string key;                // secret: tags of documents
  JournalId journal;
  std::uint64_t last = 0;
  std::uint64_t epoch = 0;
  std::uint64_t revision = 0;
  std::map<NodeId, Node> nodes;
  std::map<std::string, Stamped<OsResource>> os_resources;
  std::map<std::string, Stamped<Policy>> policies;
  std::map<std::string, Stamped<Schedule>> schedules;
  std::map<std::string, Source> sources;
  std::set<NodeId> refused;       // NodeRefused was said; bounded by refused_max

  // indexes, derived
  std::map<std::string, NodeId> by_host, by_instance;

  Touched touched;                // not part of the fold
};

}  // namespace abide::fleet
