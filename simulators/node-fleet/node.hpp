#pragma once
// One simulated node: the agent as it ships, over a store, a bus, and a machine of this process. The loop calls step() when
// something has come or its time has, and flush() once what it decided is durable. The loop's thread alone.
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "edge-agent/agent.hpp"
#include "simulators/node-fleet/legs.hpp"
#include "simulators/node-fleet/machine.hpp"
#include "simulators/node-fleet/node_bus.hpp"
#include "simulators/node-fleet/node_store.hpp"
#include "simulators/node-fleet/tally.hpp"

namespace abide::node_fleet {

// When the operator asked, if this program knows; by project. The loop's thread alone.
struct Asked {
  std::optional<SteadyTime> link, window;
};

// An event whose way to the API is to be watched.
struct Sighting {
  std::string project;
  NodeId node;
  JournalId journal;
  std::uint64_t sequence = 0;
  SteadyTime at;
};

// What all nodes share. Outlives them.
struct Surroundings {
  Network& network;
  const Weather& weather;
  Tally& tally;
  Legs& legs;
  Journals* journals = nullptr;  // none: in memory
  std::uint64_t seed = 1;
  node::Settings machine;  // of the agents
  std::uint64_t journal_keep = 1'024;
  SlotContent factory;  // what a new node runs
  std::function<void(const Sighting&)> sighted;
};

struct NodeName {
  std::string project;
  NodeId node;
};

class Node {
 public:
  Node(std::size_t index, NodeName name, const Asked& asked, Surroundings& around);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Loads what is kept, and switches the machine on. corrupt, unavailable: its store.
  Result<void> start();
  // An agent that cannot go on ends the run: the error says which node and why.
  Result<void> step(SteadyTime now);
  void flush();
  [[nodiscard]] SteadyTime next_moment() const;

  [[nodiscard]] NodeBus& bus() { return bus_; }
  [[nodiscard]] const NodeName& name() const { return name_; }
  [[nodiscard]] bool up() const { return agent_ != nullptr; }
  [[nodiscard]] bool started() const { return started_; }
  void hold(bool held);  // --offline
  void say_goodbye();    // the agent ends, as by SIGTERM; what it says is on the bus
  [[nodiscard]] bool ended() const { return shown_.ended; }

  // For the reckoning at the end.
  struct Account {
    JournalId journal;
    std::uint64_t last = 0, acked = 0;
    Phase phase = Phase::idle;
    Outcome outcome;
    std::string waits_for;  // the nearest cause; empty: for nothing, or the machine is down
  };
  [[nodiscard]] Account account() const;

  bool dirty = false;                      // the loop's mark: to be stepped in this round
  SteadyTime planned = SteadyTime::max();  // the loop's: the moment in its heap

 private:
  Result<void> power_on();
  void power_off();
  Result<void> keep_hardware();
  void hear(const Recorded<NodeEvent>& recorded);
  void look();  // at the state, after a turn: counts what has changed
  [[nodiscard]] Now now() const;

  struct Unacknowledged {
    std::uint64_t sequence = 0;
    SteadyTime at;
  };
  struct Shown {  // as it is in the tally
    Phase phase = Phase::idle;
    bool connected = false, welcomed = false, down = false, ended = false, settled = false, offline = false, behind = false;
  };

  const std::size_t index_;
  const NodeName name_;
  const Asked& asked_;
  Surroundings& around_;
  std::unique_ptr<NodeStore> store_;
  Machine machine_;
  NodeBus bus_;
  std::unique_ptr<agent::Agent> agent_;
  std::uint64_t sessions_ = 0;
  bool started_ = false;
  std::optional<SteadyTime> boots_at_;
  std::deque<Unacknowledged> unacknowledged_;
  JournalId journal_;
  std::optional<SteadyTime> accepted_at_, staged_at_;
  Number measured_link_;
  std::optional<SteadyTime> answered_link_;
  Shown shown_;
};

}  // namespace abide::node_fleet
