#pragma once
// One orchestrator, a broker and a few machines, all of the product's pure code in it: both machines in their Hosts, rows
// and codec included. The broker may lose, delay and reorder; processes die between any two steps; time passes only here.
// A step is one thing that happens; which one, a seed decides.
#include <array>
#include <cassert>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/core/random.hpp"
#include "common/service/host.hpp"
#include "common/store/memory_store.hpp"
#include "edge-agent/rows.hpp"
#include "edge-agent/update/machine.hpp"
#include "orchestrator/fleet/machine.hpp"
#include "orchestrator/rows.hpp"

namespace abide::test {

using AgentHost = Host<node::UpdateMachine, node::Rows>;
using FleetHost = Host<fleet::FleetMachine, fleet::Rows>;

inline constexpr const char* machine_scope = "node/";
inline constexpr const char* plant_scope = "plant/";

inline constexpr const char* base = "1.0";
inline constexpr const char* good = "2.0";
inline constexpr const char* sick = "2.5";  // never becomes healthy
inline constexpr const char* newer = "3.0";
OsResource image(const std::string& version);

// What a machine publishes: a hello, or an event as journaled.
struct FromNode {
  NodeId node;
  JournalId journal;
  SessionId session;
  std::optional<Hello> hello;
  std::string bytes;
  std::uint64_t sequence = 0;
  Chain chain;
};

struct Machine {
  NodeId id;
  std::unique_ptr<MemoryStore> store = std::make_unique<MemoryStore>();
  std::optional<AgentHost> agent;  // none: the process does not run
  // hardware
  bool power = false;
  Slot running = Slot::a;
  Slot default_slot = Slot::a;
  std::optional<Slot> one_shot;
  bool came_up = false;
  std::array<std::string, 2> slots{base, ""};  // version in it; "": nothing that boots
  int boots = 0;
  std::int64_t booted_at_ms = 0;
  bool writing = false;  // the staging worker has begun to write
  // connection
  bool connected = false;
  std::uint64_t welcomes = 0, next_to_send = 1;
  std::deque<FromNode> up;
  std::deque<FromNode> late;  // of an earlier connection
  std::deque<Received> received;
  std::array<std::deque<Document>, 3> documents;  // by topic: no order between them
  std::optional<RollCall> roll_call;
  [[nodiscard]] BootId boot_id() const { return {"boot-" + std::to_string(id.bytes[15]) + "-" + std::to_string(boots)}; }

  // what ever happened, by (journal, offer)
  std::map<std::pair<JournalId, Number>, int> accepted, outcomes;
};

class World {
 public:
  explicit World(std::uint64_t seed, std::size_t machines = 1);

  // ---- what may happen by itself; false: nothing can but the passing of time
  bool step();
  void pass_time();  // to the next moment that anybody waits for
  bool run(const std::function<bool()>& until, int steps_max = 20'000);

  // ---- operator
  Result<fleet::Answer> ask(fleet::Operation operation);
  std::string policy(const std::string& target, bool allow_downgrade = false);  // "": LATEST
  void publish_image(const std::string& version);
  std::string open_window(std::size_t machine, std::int64_t in_seconds, std::int64_t for_seconds);
  void operator_does_something();

  // ---- faults
  void something_breaks();
  void kill_agent(Machine& machine);
  void cut_power(Machine& machine);
  void wipe(Machine& machine);  // the disk with the state is lost; the slots stay
  void lose_connection(Machine& machine, bool late);
  void kill_orchestrator();
  void disconnect_orchestrator();
  void restart_broker();                // it remembers nothing
  Machine& clone(std::size_t machine);  // a second one with a copy of the disk

  // ---- state
  [[nodiscard]] const fleet::Node& seen(std::size_t machine = 0) const { return fleet().nodes.at(machines[machine].id); }
  [[nodiscard]] const node::State& truth(std::size_t machine = 0) const { return machines[machine].agent->state(); }
  [[nodiscard]] std::string host(std::size_t machine = 0) const { return seen(machine).host_id; }
  [[nodiscard]] bool runs() const { return fleet_.has_value(); }  // the orchestrator; the rest of this part needs it
  [[nodiscard]] const fleet::State& fleet() const {
    assert(fleet_);
    return fleet_->state();
  }
  [[nodiscard]] MemoryStore::Content backup() const;
  void restore(MemoryStore::Content content);
  // What is not as it must be once everybody has come to rest: the picture, acknowledgements, runs, folds.
  [[nodiscard]] std::vector<std::string> wrong();
  [[nodiscard]] bool at_rest(std::size_t machine) const;

  std::deque<Machine> machines;
  std::int64_t now_ms = 1'764'000'000'000;
  std::vector<std::string> log;  // the last lines
  Random random;

 private:
  struct Move {
    int weight = 1;
    std::function<void()> make;
  };
  std::vector<Move> moves();
  void moves_of(Machine& machine, std::vector<Move>& list);

  [[nodiscard]] Now fleet_now() const;
  [[nodiscard]] Now machine_now(const Machine& machine) const;
  void take(const fleet::Input& input);
  void start_orchestrator();
  void connect_orchestrator();
  void hear(const FromNode& message);
  void take(Machine& machine, const node::Input& input);
  void start_agent(Machine& machine);
  void boot(Machine& machine);
  void connect(Machine& machine);
  void perform(Machine& machine, const node::Effect& effect);
  void publish_event(Machine& machine);
  [[nodiscard]] bool may_publish(Machine& machine) const;
  [[nodiscard]] Identity measure(const Machine& machine) const;
  void say(std::string line);

  std::unique_ptr<MemoryStore> store_ = std::make_unique<MemoryStore>();
  std::optional<FleetHost> fleet_;
  bool fleet_connected_ = false;
  std::int64_t fleet_started_ms_ = 0;
  std::vector<fleet::Reply> replies_;
  int requests_ = 0;
  std::vector<std::string> schedules_;
  // retained by the broker
  std::optional<RollCall> retained_call_;
  std::map<std::pair<NodeId, int>, Document> retained_;
};

}  // namespace abide::test
