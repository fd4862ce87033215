#pragma once
// What the checkers know in common: what has become durable where, what was said and heard, what hardware did. Gathered from
// the same observations that everybody gets, by other means than the code that is watched: no decision of it is asked.
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/core/machine.hpp"
#include "common/events/envelope.hpp"
#include "simulators/world/observer.hpp"

namespace abide::sim {

// A document that was issued, in whatever life of the orchestrator's disk.
struct IssuedFact {
  NodeId node;
  std::optional<LinkedRelease> link;
  std::optional<Window> window;
  std::uint64_t restores = 0;  // how many restores were before
};

// One offer in one journal.
struct OfferFact {
  bool accepted = false;  // or brought along by a fork
  OutcomeKind outcome = OutcomeKind::none;
};

// What a node knew of its connection.
struct ConnectionFact {
  bool connected = false;     // as it has noticed
  std::int64_t since_ms = 0;  // true time of that, or of its start
  // The newest document of this true time was told to it: begin of its connection, or of a hello that was answered in it.
  std::int64_t settled_ms = 0;
  std::optional<LifeId> life;  // of the newest roll call that came in this connection
};

struct MachineFact {
  // the agent's process
  bool booted = false;  // what it decided on Booted is durable
  ConnectionFact link;
  ConnectionFact when_decided;  // as it was when that was decided of which is told that it is durable
  struct HelloFact {
    std::int64_t said_ms = 0;
    std::int64_t answered_ms = 0;  // true time at which the orchestrator said its answer; 0: not yet
    Number held;                   // as it said
  };
  std::map<Nonce, HelloFact> hellos;  // said in this connection, from the newest that was answered

  // its journal, as far as it is durable
  JournalId journal;
  std::uint64_t last = 0;
  Chain chain;
  Number held;
  Digest held_digest;
  Phase phase = Phase::idle;
  Slot started_in = Slot::a;   // by its newest AgentStarted
  Slot target = Slot::b;       // of the offer
  bool confirmed_runs = true;  // what runs is the default, as it was last told
  Number offer;
  std::uint64_t accepted_sequence = 0;
  Chain accepted_chain;
  bool accepted_chain_known = false;
  Outcome outcome;
  std::map<Number, OfferFact> offers;
  std::vector<std::int64_t> switch_times_ms;  // as measured: newest three
  std::int64_t switch_began_ms = 0;
  std::int64_t journaled_ms = 0;  // true time of the newest event
  bool went_back = false;         // its disk has been an older one, once
  BootId went_back_in;            // the boot that found it so, the last time

  // time, by the newest welcome that answered a hello of this connection
  struct Welcomed {
    std::int64_t now_ms = 0;       // the orchestrator's clock ...
    std::int64_t true_ms = 0;      // ... at this true time
    std::uint64_t head_epoch = 0;  // of the newest document that it named ...
    Number held;                   // ... to a hello that said that this one is held
  };
  std::optional<Welcomed> welcomed;
  std::optional<std::int64_t> clock_checked_ms;  // true time, in this boot, at which its own clock agreed with a welcome's

  // hardware
  std::set<std::string> healthy;  // versions that its health checks have called well, while they were the last that ran
  std::string confirmed;          // version in the default slot when it became that
  bool torn = false;              // the world has spoilt a slot since staging read it
};

struct NodeFact {
  // at the orchestrator, in the present life of its disk
  JournalId journal;
  std::uint64_t upto = 0;
  Chain chain;
  Number newest;
  std::vector<std::pair<std::int64_t, Number>> issued;  // true time, number: rising
  bool held_by_restore = false;
  bool conflict = false;
  std::int64_t told_ms = 0;  // true time of the newest durable event about it

  std::set<std::string> ran;                         // versions that machines of this UUID have run
  std::map<Number, std::set<OutcomeKind>> outcomes;  // that any of its machines has journaled
  std::set<Number> rolled_back;     // offers of which the orchestrator stores, in this life of its disk, that they fell back
  std::set<MachineIndex> machines;  // that ever booted under this UUID
  bool went_back = false;           // a disk of one of them has been an older one, once
};

struct JournaledFact {
  JournalId journal;
  std::uint64_t sequence = 0;
  MachineIndex machine = 0;
};

class Facts {
 public:
  [[nodiscard]] const MachineFact& machine(MachineIndex index) const;
  [[nodiscard]] const NodeFact& node(const NodeId& id) const;
  // A document by number and digest: after a restore with a wrong clock a number may name two.
  [[nodiscard]] const IssuedFact* issued(Number number, const Digest& digest) const;
  // All that were issued under a number, as [first, second).
  using Documents = std::map<std::pair<Number, Digest>, IssuedFact>;
  [[nodiscard]] std::pair<Documents::const_iterator, Documents::const_iterator> issued(Number number) const;
  // An event of a machine that was durable there once, by the chain with it.
  [[nodiscard]] const JournaledFact* journaled(Chain chain) const;
  // Durable at the orchestrator now, or before a restore.
  [[nodiscard]] bool stored(Chain chain) const { return stored_.contains(chain); }
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  [[nodiscard]] std::uint64_t restores() const { return restores_; }
  [[nodiscard]] const std::set<LifeId>& lives_since_restore() const { return lives_since_restore_; }
  [[nodiscard]] bool clock_was_off() const { return clock_was_off_; }  // the orchestrator's, at some time
  // The newest document of this node that was durable at that true time.
  [[nodiscard]] Number newest_at(const NodeId& id, std::int64_t at_ms) const;

  // ---- taking in; Checkers calls these, after the checkers
  // What is on the disks of a world that goes on from a history: known from the start, and not judged.
  void remember(const World& world);
  void decided(const World& world, const NodeDecided& decided);
  void decided(const World& world, const FleetDecided& decided);
  // What the commit that now returned has made durable; taken away from here.
  struct Decided {
    ConnectionFact when;
    Recorded<NodeEvent> event;
  };
  std::vector<Decided> durable_events(MachineIndex index);
  void look_back(MachineIndex index, const ConnectionFact& when) { of(index).when_decided = when; }
  std::vector<OrchestratorEvent> durable_events();
  void take(const World& world, MachineIndex index, const Recorded<NodeEvent>& event);
  void take(const World& world, const OrchestratorEvent& event);
  void node_said(const World& world, MachineIndex index, const Envelope& envelope);
  void fleet_said(const World& world, const NodeId& to, const Envelope& envelope);
  void hardware(const World& world, const HardwareDid& did);
  void fault(const FaultHappened& happened);
  void restored();

 private:
  MachineFact& of(MachineIndex index);
  void begin_process(const World& world, const NodeDecided& decided);
  void hear(const World& world, MachineFact& fact, const node::Input& input, const Now& own);
  void load_restored(const World& world);

  std::vector<MachineFact> machines_;
  std::map<NodeId, NodeFact> nodes_;
  Documents documents_;
  std::map<Chain, JournaledFact> journaled_;
  std::set<Chain> stored_;
  std::map<MachineIndex, std::vector<Decided>> pending_;
  std::vector<OrchestratorEvent> fleet_pending_;
  std::uint64_t restores_ = 0;
  bool reload_ = false;
  std::set<LifeId> lives_since_restore_;
  bool clock_was_off_ = false;
  std::uint64_t epoch_ = 0;
};

}  // namespace abide::sim
