#pragma once
// The shell around the fleets of all projects: one owner thread, one inbox, one batch and one fsync for all that was
// drained. Bus, discovery and API are on threads of their own and only post; reads for the API come from snapshots.
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "common/bus/bus.hpp"
#include "common/core/random.hpp"
#include "common/events/topics.hpp"
#include "common/service/clock.hpp"
#include "common/service/exit_codes.hpp"
#include "common/service/host.hpp"
#include "common/service/inbox.hpp"
#include "common/service/logging.hpp"
#include "common/store/store.hpp"
#include "orchestrator/api/backend.hpp"
#include "orchestrator/discovery/worker.hpp"
#include "orchestrator/fleet/live.hpp"
#include "orchestrator/fleet/machine.hpp"
#include "orchestrator/projects.hpp"
#include "orchestrator/retention.hpp"
#include "orchestrator/rows.hpp"

namespace abide::orchestrator {

inline constexpr std::size_t inputs_per_commit_max = 512;
inline constexpr std::uint64_t events_per_commit_max = 1'024;  // about: with so many, what is left of the inputs waits for the next one
inline constexpr std::size_t unsent_max = 100'000;             // messages that found the bus's queue full
inline constexpr std::size_t dropped_nodes_max = 100'000;      // nodes noted, of which a message was dropped
inline constexpr std::size_t projects_max = 1'000;
inline constexpr unsigned pass_turns_per_commit_max = 8;  // of all projects: a turn may bring megabytes of lists
inline constexpr unsigned pass_turns_max = 512;           // of one pass of discovery: the machine takes only so much of it in one turn

// How the owner ended, and the line that says why; empty: it was asked to.
struct Ended {
  ExitCode code = ExitCode::ok;
  std::string line;
};

struct Settings {
  fleet::Settings fleet;
  std::vector<std::string> projects;  // made at the start where they do not exist
  std::string restored;               // why the state is an older one than was once told: all nodes are held; empty: it is not
  std::size_t inbox_capacity = inbox_capacity_default;
  std::size_t inputs_per_commit = inputs_per_commit_max;
  std::uint64_t events_per_commit = events_per_commit_max;
  std::int64_t keep_runs_ms = 0;    // closed ones; 0: for ever
  std::int64_t keep_events_ms = 0;  // 0: for ever
};

class Orchestrator final : public api::Backend {
 public:
  // Is given filters and room; the rest of the settings is its own.
  using MakeBus = std::function<std::unique_ptr<Bus>(BusSettings bus)>;

  // Opens every project of the store, and makes those that the settings name: all of it is committed when this returns.
  static Result<std::unique_ptr<Orchestrator>> open(Store& store, Settings settings, MakeBus make_bus);
  ~Orchestrator() override;  // stop(), and waits
  Orchestrator(const Orchestrator&) = delete;
  Orchestrator& operator=(const Orchestrator&) = delete;

  // Before start.
  void set_worker(std::unique_ptr<discovery::Worker> worker) { worker_ = std::move(worker); }
  void on_events(std::function<void()> wake) { wake_ = std::move(wake); }      // owner thread: events were committed
  void on_turn(std::function<void()> turned) { turned_ = std::move(turned); }  // owner thread: it is alive; every 2 s at least
  // What a worker is to be given.
  [[nodiscard]] discovery::Worker::Deliver deliver();

  // Starts the bus, discovery and the owner thread. The error is the bus's: its settings.
  Result<void> start();
  void stop();                 // any thread; returns at once
  [[nodiscard]] Ended wait();  // until the owner has ended; bus and discovery are stopped then

  // api::Backend
  [[nodiscard]] std::shared_ptr<const Reader> snapshot() const override { return store_.snapshot(); }
  [[nodiscard]] std::optional<std::string> scope_of(const std::string& project) const override;
  [[nodiscard]] std::vector<std::string> projects() const override;
  [[nodiscard]] fleet::LiveNode live(const std::string& project, const NodeId& node) const override { return live_.get(project, node); }
  [[nodiscard]] api::Health health() const override;
  [[nodiscard]] std::vector<api::SourceTimes> source_times() const override;
  [[nodiscard]] bool submit(const std::string& project, fleet::Operation operation, Answered answered,
                            std::optional<fleet::Seen> seen = std::nullopt) override;
  [[nodiscard]] bool explain(const std::string& project, const NodeId& node, Explained explained) override;
  [[nodiscard]] bool confirmation(const std::string& project, const NodeId& node, Compared compared) override;
  [[nodiscard]] bool count(Counted counted) override;
  [[nodiscard]] bool create_project(const std::string& project, ProjectCreated created) override;
  [[nodiscard]] bool refresh(Refreshed refreshed) override;

 private:
  using FleetHost = Host<fleet::FleetMachine, fleet::Rows>;
  struct Project {
    std::string name;
    std::unique_ptr<FleetHost> host;
    bool touched = false;
    unsigned pass_turns = 0;  // how often the newest pass is still to be given
  };
  struct Woken {};
  struct FromBus {
    std::uint64_t bus = 0;
    BusReceived message;
  };
  struct BusChange {
    std::uint64_t bus = 0;
    BusEvent event;
  };
  struct FromDiscovery {
    discovery::Worker::Pass pass;
    std::vector<discovery::Worker::Refreshed> asked_for;
  };
  struct Asked {
    std::string project;
    std::string id;
    fleet::Operation operation;
    std::optional<fleet::Seen> seen;
    Answered answered;
  };
  struct ExplainAsked {
    std::string project;
    NodeId node;
    Explained explained;
  };
  struct CompareAsked {
    std::string project;
    NodeId node;
    Compared compared;
  };
  struct CountAsked {
    Counted counted;
  };
  struct Expired {
    std::string project;
    fleet::RunsExpired runs;
  };
  struct OldEventsFolded {
    std::string project;
    FleetHost::Trim trim;
  };
  struct ProjectAsked {
    std::string project;
    ProjectCreated created;
  };
  using Item =
      std::variant<Woken, FromBus, FromDiscovery, Asked, ExplainAsked, CompareAsked, ProjectAsked, CountAsked, Expired, OldEventsFolded>;

  Orchestrator(Store& store, Settings settings, MakeBus make_bus);
  Result<void> open_projects();
  Result<Project*> add_project(const std::string& name, const Now& now, Batch& batch);

  // any thread
  void heard(std::uint64_t bus, BusEvent event);
  void heard_message(std::uint64_t bus, BusReceived message);
  void drop(const std::string& project, const NodeId& node);
  bool wait_for_room(std::chrono::milliseconds at_most);
  [[nodiscard]] bool known(const std::string& project) const;
  void look_for_expired_runs(std::int64_t before_ms, const GoOn& go_on);
  [[nodiscard]] bool look_for_old_events(std::int64_t now_ms, const GoOn& go_on);  // true: some are handed in

  // owner thread
  void run();
  void turn(std::vector<Item>& items, std::size_t& next);  // takes them from `next` on, as many as one commit should have
  std::chrono::steady_clock::time_point next_look(const Now& now) const;
  void take(Project& project, const fleet::Input& input, const Now& now, const Cause& cause, Batch& batch);
  void take_item(Item& item, const Now& now, Batch& batch);
  void take_bus_changes(const Now& now, Batch& batch);
  void take_message(BusReceived& message, const Now& now, Batch& batch);
  void take_from_node(Project& project, const NodeId& node, Envelope& envelope, std::string& bytes, const Now& now, Batch& batch);
  bool take_pass(Project& project, const Now& now, Batch& batch);
  void take_trim(OldEventsFolded& folded, const Now& now, Batch& batch);
  void take_ticks(const Now& now, Batch& batch);
  void take_dropped(const Now& now, Batch& batch);
  bool commit(Batch& batch);
  void refuse(std::vector<Item>& items, std::size_t from);  // what was not begun is not done; its callers are told so
  void settle(Project& project, const Now& now);
  void perform(Project& project, fleet::Message& message, const Now& now);
  void publish(BusMessage message);
  void flush_unsent();
  void connect_bus();
  void end(ExitCode code, std::string line);

  Store& store_;
  Settings settings_;
  MakeBus make_bus_;
  std::function<void()> wake_, turned_;
  Clock clock_;
  Random random_;
  SessionId session_;
  Inbox<Item> inbox_;
  fleet::Live live_;
  RepeatedLines lines_{60'000};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> connected_{false};
  std::atomic<std::int64_t> turned_mono_ms_{0};
  std::atomic<std::uint64_t> request_count_{0};
  std::atomic<std::uint64_t> messages_dropped_{0};
  std::atomic<std::uint64_t> bus_held_us_{0};
  std::string request_prefix_;
  std::unique_ptr<discovery::Worker> worker_;
  std::thread thread_;
  std::unique_ptr<Retention> runs_retention_, events_retention_;

  mutable std::mutex names_mutex_;
  std::map<std::string, std::string> scopes_;  // by project

  std::mutex bus_changes_mutex_;
  std::vector<BusChange> bus_changes_;

  std::mutex dropped_mutex_;
  std::set<std::pair<std::string, NodeId>> dropped_;

  // owner thread
  std::map<std::string, Project> projects_;
  std::unique_ptr<Bus> bus_;
  std::uint64_t bus_number_ = 0;
  bool filters_changed_ = false;
  std::uint64_t events_made_ = 0;  // in this turn
  std::deque<BusMessage> unsent_;
  std::map<std::string, Answered> pending_;          // by request id, until the machine's reply
  std::vector<std::function<void()>> after_commit_;  // answers that wait for this turn's commit
  discovery::Worker::Pass last_pass_;
  std::vector<discovery::Worker::Refreshed> after_pass_;  // who asked for it, until every project has taken it in
  Ended ended_;
};

}  // namespace abide::orchestrator
