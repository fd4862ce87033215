#pragma once
// The fleet of one project as a machine: nodes' journals in, documents out, the managers between. Pure.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "common/core/machine.hpp"
#include "common/core/random.hpp"
#include "common/core/time.hpp"
#include "common/events/messages.hpp"
#include "common/events/orchestrator_events.hpp"
#include "orchestrator/fleet/requests.hpp"
#include "orchestrator/fleet/state.hpp"
#include "orchestrator/os_resource_manager/os_resource_manager.hpp"

namespace abide::fleet {

struct Settings {
  bool auto_register = false;
  std::int64_t ack_after_ms = 2'000;
  std::uint32_t ack_after_events = 8;
  std::int64_t spread_ms_per_node = 5;
  std::int64_t roll_call_again_ms = 10'000;                   // at most once in
  bool maintenance_updates = false;                           // MAINTENANCE schedules open windows for updates, too
  std::int64_t lost_after_ms = std::int64_t{7} * 86'400'000;  // a run whose node is silent for so long is closed; 0: never
};

inline constexpr std::size_t lives_max = 64;
inline constexpr std::size_t pending_max = 16;   // journals of a node that are asked to repeat; of more none, until one has
inline constexpr std::uint32_t doubted_max = 2;  // hellos in a row; the answers between have shown the node our chain
// An input that concerns the whole fleet (a new OS resource, a window of all) is worked off in pieces of so many events, the
// rest on the ticks that look_again asks for.
inline constexpr std::size_t events_per_turn = 512;
inline constexpr std::int64_t lost_look_ms_min = 1'000, lost_look_ms_max = 10 * 60'000;  // a tenth of settings.lost_after_ms, within
inline constexpr std::int64_t clock_look_ms = 60'000;  // a window's wall clock is looked at so often at least: it may be stepped
inline constexpr std::int64_t epoch_ahead_ms_max = 10LL * 366 * 86'400'000;  // a foreign document raises no epoch further ahead

// What lives with the connection to the bus, per node.
struct NodeLink {
  std::uint32_t ask = 1;                           // told in `received`
  std::uint32_t hello_ask = 0;                     // the last hello of this life repeated this ask
  LifeId hello_life;                               // and this life
  std::map<JournalId, std::uint32_t> pending_ask;  // the ask noted when a journal never seen spoke first; at most pending_max
  std::map<JournalId, std::uint32_t> retired_ask;  // the ask noted when a journal retired, in this life
  Number shown;                                    // the document held, by the last hello of the current journal
  bool shown_unknown = false;                      // which nobody here has issued
  std::optional<Hello> told;                       // the last hello of the current journal whose `last` is not stored yet
  std::uint32_t unacknowledged = 0;                // events stored and not told yet
  Nonce doubted_nonce;                             // of the last hello whose picture was older than the one here ...
  std::uint64_t doubted_upto = 0;                  // ... its `last` ...
  std::uint32_t doubted = 0;                       // ... and how many such came, one after the other
  std::optional<std::int64_t> ack_due_mono_ms;
  std::optional<std::int64_t> heard_mono_ms;  // a hello, or an event
};

// The window of all hosts of a site that have no schedules of their own, as long as time does not change it.
struct SiteWindow {
  std::optional<Window> window;
  std::int64_t from_ms = 0;
  std::int64_t until_ms = 0;
};

struct Link {
  Random random;
  bool connected = false;
  LifeId life;
  std::vector<LifeId> lives;  // all that were drawn here, newest last, at most lives_max
  std::map<NodeId, NodeLink> nodes;
  std::optional<std::int64_t> roll_call_at_mono_ms;  // the last one
  bool roll_call_due = false;
  std::set<std::pair<std::int64_t, NodeId>> ack_deadlines;     // by mono_ms
  std::set<std::pair<std::int64_t, NodeId>> window_deadlines;  // by wall_ms: the next opening or closing of a node
  std::map<NodeId, std::int64_t> window_deadline;              // the same by node
  std::set<NodeId> unresolved;                                 // their policy may ask for something newer: looked at some an input
  std::map<std::string, SiteWindow> site_windows;              // forgotten with every change of schedules and places
  std::optional<std::int64_t> up_since_mono_ms;                // the connection
  std::optional<std::int64_t> lost_look_mono_ms;               // the next look for runs that are lost
  bool stopped = false;  // a live roll call of a greater epoch, or of mine: another orchestrator serves this
  std::string stopped_why;
};

// ---- inputs ----------------------------------------------------------------------------------------------------------

struct Started {          // first input of every start: raises the epoch
  bool restored = false;  // on an older state than was once told, and somebody says so: every node is held
  std::string why = "may have been told more than this orchestrator knows, which was restored from a backup";  // of each node
};
struct BusUp {};
struct BusDown {};
struct RollCallHeard {
  RollCall roll_call;
  bool retained = false;
};
struct HelloHeard {
  NodeId node;
  JournalId journal;
  SessionId session;
  Hello hello;
};
struct NodeEventHeard {
  NodeId node;
  JournalId journal;
  std::uint64_t sequence = 0;
  Chain after;
  Chain chain;  // with it, computed from `envelope`
  SessionId session;
  std::int64_t at_ms = 0;
  bool clock_trusted = false;
  std::string envelope;  // bytes
  NodeEvent event;
};
struct MessageDropped {
  NodeId node;
};  // the inbox was full: ask when there is room
// A list of a release, as compact JSON, and its digest. Shared: passes and projects have the same one.
struct ReleaseList {
  std::string text;
  Digest sha256;
};
// What belongs to one release. Null: its manifest names none, or it could not be read yet.
struct ReleaseLists {
  std::shared_ptr<const ReleaseList> installed_packages;  // {"Repo":[{"Name","Version",...}]}
  std::shared_ptr<const ReleaseList> existing_cves;       // [{"cve_id","priority",...}]
  std::shared_ptr<const ReleaseList> fixed_cves;
};
bool operator==(const ReleaseLists& left, const ReleaseLists& right);
inline constexpr std::size_t listed_bytes_per_turn_max = 8 * 1024 * 1024;  // of texts that a turn journals; the rest on the next one

// What one pass over a release service found; `id` of resources is empty.
struct ProfilesRead {
  struct Found {
    std::string source;
    OsResource resource;
  };
  struct Failure {
    std::string source;
    std::string error;
  };
  std::vector<Found> found;
  std::vector<Failure> failures;
  std::map<std::pair<std::string, std::string>, ReleaseLists> lists = {};  // by profile and version
  os_resource_manager::Reach reach = {};
};
struct CreateProject {
  std::string project;
  std::string key;
};
struct Request {
  std::string id;
  Operation operation;
  std::optional<Seen> seen = std::nullopt;
};
// Closed runs whose time is over; those that their hosts still have stay.
struct RunsExpired {
  struct Run {
    NodeId node;
    std::string id;
  };
  std::vector<Run> runs;
};
struct Tick {};
using Input = std::variant<Started, BusUp, BusDown, RollCallHeard, HelloHeard, NodeEventHeard, MessageDropped, ProfilesRead, CreateProject,
                           Request, RunsExpired, Tick>;

// ---- messages (made by the shell from the committed state) and effects -------------------------------------------------

struct CallRoll {};  // make_roll_call
struct SendReceived {
  NodeId node;
  std::optional<Nonce> welcome;
};  // make_received; with welcome: the answer to that hello
struct PublishDocument {
  NodeId node;
};  // state.nodes[node].newest, on its topic, retained
struct ClearDocument {
  NodeId node;
  DocumentTopic topic = DocumentTopic::policy_linked;
};  // nothing on that topic, retained: the broker forgets what it kept there
struct AnnounceProfile {
  std::string os_resource_id;
};  // profiles/{profile}/discovered, retained
struct Reply {
  std::string request;
  Result<Answer> answer;
};
using Message = std::variant<CallRoll, SendReceived, PublishDocument, AnnounceProfile, Reply, ClearDocument>;

struct StopServing {
  std::string why;
};  // another orchestrator: say so and end
using Effect = std::variant<StopServing>;

struct FleetMachine {
  using State = fleet::State;
  using Link = fleet::Link;
  using Event = OrchestratorEvent;
  using Message = fleet::Message;
  using Input = fleet::Input;
  using Effect = fleet::Effect;

  Settings settings;

  void decide(const State& state, Link& link, const Input& input, const Now& now, Out<Event, Message>& out) const;
  static void apply(State& state, const Recorded<Event>& recorded);
  // An event that will be applied soon: what it changes is fetched from memory meanwhile. Changes nothing.
  static void expect(const State& state, const Event& event);
  [[nodiscard]] std::vector<Effect> todo(const State& state, const Link& link, const Now& now) const;
  [[nodiscard]] std::optional<std::int64_t> look_again(const State& state, const Link& link, const Now& now) const;
  // Why is this node where it is: what must happen before it goes on, nearest cause first. Empty: nothing is asked of it.
  [[nodiscard]] std::vector<Condition> waits_for(const State& state, const Link& link, const Now& now, const NodeId& node) const;
  // not_found: there is no such node.
  [[nodiscard]] Result<Confirmation> confirmation(const State& state, const Link& link, const Now& now, const NodeId& node) const;
};
static_assert(Machine<FleetMachine>);

[[nodiscard]] HostAsSet as_set(const Node& node);
[[nodiscard]] RollCall make_roll_call(const Settings& settings, const State& state, const Link& link);
[[nodiscard]] Received make_received(const State& state, const Link& link, const NodeId& node, std::optional<Nonce> welcome,
                                     const Now& now);

}  // namespace abide::fleet
