#pragma once
// What the fold of one project's journal is: plain data, a row each in the store. Pure.
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/core/boxed.hpp"
#include "common/core/calendar.hpp"
#include "common/core/ids.hpp"
#include "common/core/result.hpp"
#include "common/events/orchestrator_events.hpp"
#include "orchestrator/fleet/id_map.hpp"
#include "orchestrator/fleet/sorted_blocks.hpp"
#include "orchestrator/fleet/text_index.hpp"

namespace abide::fleet {

enum class Indicator : std::uint8_t { unspecified = 0, error = 1, in_progress = 2, idle = 3 };  // numbers of the REST contract
std::string_view to_string(Indicator indicator);                                                // "STATUS_INDICATION_IDLE", ...

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
  JournalId journal;  // once accepted
  std::string policy_id;
  std::string from_os_image_id;
  std::string to_os_resource_id;
  std::string to_os_image_id;
  Status status;
  std::string status_details;  // JSON of reference 4.6, with the outcome
  std::int64_t opened_ms = 0;
  std::int64_t start_ms = 0;  // at Accepted; 0 before
  std::int64_t end_ms = 0;    // 0: open
  OutcomeKind outcome = OutcomeKind::none;
  Reason reason = Reason::none;
  Evidence evidence;
  bool silent = false;  // closed because nothing was heard of the node
  friend bool operator==(const Run&, const Run&) = default;
};

struct IssuedDocument {
  Document document;
  Digest digest;
  DocumentTopic topic = DocumentTopic::policy_linked;
  Boxed<LinkedRelease> link;
  std::optional<Window> window;
  friend bool operator==(const IssuedDocument&, const IssuedDocument&) = default;
};

// A journal that this node once had: kept so that it is known when it speaks again.
struct RetiredJournal {
  JournalId journal;
  std::uint64_t upto = 0;  // the last that was stored of it
  Chain chain;             // chain(upto)
  friend bool operator==(const RetiredJournal&, const RetiredJournal&) = default;
};
inline constexpr std::size_t retired_journals_max = 64;  // of a node; the oldest is forgotten, and would be asked as one never seen
inline constexpr std::size_t open_runs_max = 32;         // of a node; no newer link is asked before the node has answered one
inline constexpr NodeId every_node{};                    // NodeHeld of it: all that are registered
inline constexpr std::size_t regions_depth_max = 16;
inline constexpr std::size_t places_max = 100'000;  // regions and sites of a project, together
inline constexpr std::size_t deleted_max = 10'000;  // deleted hosts of a project; the oldest is forgotten, and would be one never seen
inline constexpr std::size_t refused_max = 1024;    // nodes of which NodeRefused was said; of more nothing is said

// One machine: host and instance of the REST contract, and the node of the bus.
struct Node {
  NodeId id;
  std::string host_id;
  std::string instance_id;
  std::string name;
  std::int64_t registered_ms = 0;
  std::int64_t updated_ms = 0;

  // delivery
  JournalId journal;  // current; none: nothing heard
  std::uint64_t upto = 0;
  Chain chain;
  std::vector<RetiredJournal> retired;  // oldest first
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
  Number offer;  // open on the node
  Outcome outcome;
  Number taken;           // number of the document that it holds
  Number accepted_offer;  // newest that it accepted
  std::optional<std::int64_t> heard_ms;
  Status status;  // update status of the instance

  // desired
  std::string policy_id;  // linked; empty: none
  bool paused = false;
  std::string link_fault;             // why the policy asks nothing of this node: its status says so
  IssuedDocument newest;              // number none: nothing was issued yet
  std::optional<Window> open_window;  // WindowOpened without WindowClosed

  std::string os_resource_id;       // what it runs, if that is a known resource
  std::string os_update_available;  // name of the newest image of its profile, if it runs an older one
  Boxed<Run> run;                   // the newest
  std::vector<Run> superseded;      // older ones that the node has not answered: open, or closed as lost until it comes back. Oldest first

  // place
  std::string site_id;  // empty: nowhere
  std::vector<Metadata> metadata;
  friend bool operator==(const Node&, const Node&) = default;
};

// Digests of the lists that an OS resource has; their texts are in rows only.
struct OsLists {
  Digest installed_packages, existing_cves, fixed_cves;  // none: there is no such list
  friend bool operator==(const OsLists&, const OsLists&) = default;
};
inline constexpr std::size_t recovered_sources_max = 256;  // sources that are fine again and still told of; the oldest is forgotten

struct Source {
  std::string name;
  std::string error;  // empty: fine
  std::int64_t since_ms = 0;
  friend bool operator==(const Source&, const Source&) = default;
};

// Kept so that its hello does not make a host of it again, and what its documents had said is taken from the bus.
struct DeletedHost {
  NodeId node;
  std::string host_id;
  std::string name;
  std::int64_t deleted_ms = 0;
  friend bool operator==(const DeletedHost&, const DeletedHost&) = default;
};

template <class T>
struct Stamped {
  T value;
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  friend bool operator==(const Stamped&, const Stamped&) = default;
};

Digest& digest_of(OsLists& lists, OsList list);

// Which rows apply has changed since they were saved.
struct Touched {
  bool project = false;
  NotedIds nodes;
  std::set<NodeId> nodes_new;                                   // the ids of a host and its instance never change
  std::vector<std::pair<std::string, std::string>> hosts_gone;  // host and instance ids of nodes that are deleted
  std::set<NodeId> deleted;
  std::set<std::string> os_resources, policies, schedules, sources, regions, sites;
  std::map<std::string, Run> runs;  // as they are now; a closed run that a newer one replaced lives in its row only
  std::set<std::string> runs_gone;
  std::set<std::string> os_lists;
  std::map<std::pair<std::string, OsList>, std::string> os_texts;  // as they are now, by OS resource; empty: none
};

struct State {
  std::string project;
  std::string key;  // secret: tags of documents
  JournalId journal;
  std::uint64_t last = 0;
  std::uint64_t epoch = 0;
  std::uint64_t revision = 0;
  IdMap<Node> nodes;
  std::map<std::string, Stamped<OsResource>> os_resources;
  std::map<std::string, OsLists> os_lists;  // by OS resource; none: it has no lists
  std::map<std::string, Stamped<Policy>> policies;
  std::map<std::string, Stamped<Schedule>> schedules;
  std::map<std::string, Source> sources;
  std::map<std::string, Stamped<Region>> regions;  // a tree of at most regions_depth_max levels
  std::map<std::string, Stamped<Site>> sites;
  std::set<NodeId> refused;  // NodeRefused was said; bounded by refused_max
  std::map<NodeId, DeletedHost> deleted;

  // Indexes, derived: kept by apply, made by rebuild_indexes after rows were loaded. No rows.
  TextIndex by_host, by_instance, by_name;                                 // see node_of_host and nodes_of_name
  std::map<std::string, SortedBlocks<NodeId>> by_policy;                   // linked to it
  std::map<std::string, SortedBlocks<NodeId>> by_profile;                  // that runs on them
  std::map<std::string, SortedBlocks<NodeId>> by_os_resource;              // running it
  std::map<std::pair<std::string, std::string>, std::string> os_by_image;  // (profile, image id), exactly: resource id
  std::map<std::string, std::set<std::string>> os_by_name, policies_by_name, policies_by_target;
  std::map<std::string, std::set<std::string>> schedules_by_target;  // by id of a host, a site or a region
  std::map<std::string, Repeat> repeats;                             // by id of a repeated schedule; none: its zone is unknown here
  std::map<std::string, std::set<std::string>> sites_by_region, regions_by_parent, places_by_policy, places_by_name;
  std::map<std::string, SortedBlocks<NodeId>> by_site;
  // (profile, architecture): ids of immutable resources whose image id is a version, oldest first
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> versions;

  Touched touched;  // not part of the fold
};

// After rows were loaded: everything under "Indexes" from the rest.
void rebuild_indexes(State& state);

// The site and the regions that a host lies in, the nearest first; of a place: itself and what it lies in.
std::vector<std::string> places_of(const State& state, const Node& node);
std::vector<std::string> places_from(const State& state, const std::string& place_id);
// All hosts in a site, or in a region and below.
std::vector<NodeId> nodes_in(const State& state, const std::string& place_id);
// The policy that applies to a host: its own, else that of the nearest place that has one.
struct AppliedPolicy {
  const Policy* policy = nullptr;  // none
  std::string place_id;            // that it comes from; empty: the host's own
};
AppliedPolicy policy_of(const State& state, const Node& node);
// A site or a region by resource id or name. not_found; conflict: the name is not unique.
Result<std::string> find_site(const State& state, std::string_view name);
Result<std::string> find_region(const State& state, std::string_view name);

// By resource id of a host or an instance, exactly; by a host's name, which need not be unique: in the order of their ids.
std::optional<NodeId> node_of_host(const State& state, std::string_view host_id);
std::optional<NodeId> node_of_instance(const State& state, std::string_view instance_id);
std::vector<NodeId> nodes_of_name(const State& state, std::string_view name);
// A host by resource id, instance id, UUID or name. not_found; conflict: the name is not unique.
Result<NodeId> find_host(const State& state, std::string_view name);
// By resource id or name.
Result<std::string> find_policy(const State& state, std::string_view name);
Result<std::string> find_os_resource(const State& state, std::string_view name);
// The newest immutable image of a profile for an architecture, by numeric comparison of its version; null: none is known.
const OsResource* newest_of(const State& state, const std::string& profile, const std::string& architecture);

}  // namespace abide::fleet
