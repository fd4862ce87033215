#pragma once
// What happens in the world, told to whoever watches: checkers, the count of situations, the transcript. References live
// until the call returns. Nothing that an observer does changes the run.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/bus/bus.hpp"
#include "common/service/host.hpp"
#include "edge-agent/update/machine.hpp"
#include "orchestrator/fleet/machine.hpp"
#include "simulators/world/faults.hpp"

namespace abide::sim {

class World;
using MachineIndex = std::size_t;  // a piece of hardware; two of them may claim one UUID

struct NodeDecided {  // one input, decided and not committed yet
  MachineIndex machine = 0;
  const node::State& before;
  const node::Link& link_before;
  const node::Input& input;
  const Now& now;                                   // the node's own
  const std::vector<Journaled<NodeEvent>>& events;  // that this input added
  const std::vector<node::Message>& messages;
  const node::State& after;
  const node::Link& link_after;
};
struct FleetDecided {
  const fleet::Input& input;
  const Now& now;
  const std::vector<Journaled<OrchestratorEvent>>& events;
  const fleet::State& after;
};

// Something that hardware did, in truth.
struct HardwareDid {
  enum class Kind : std::uint8_t {
    slot_erased,   // writing has begun: the slot holds nothing that boots
    slot_written,  // and flushed
    one_shot_armed,
    one_shot_cleared,
    default_set,
    slot_marked_bad,
    came_up_cleared,
    reboot_ordered,  // by the agent
    power_cut,
    booted,  // slot and image that run now
    agent_started,
    agent_ended,
    health_ran,
  };
  Kind kind{};
  MachineIndex machine = 0;
  Slot slot = Slot::a;                   // that it is about; booted: that runs
  std::string image;                     // version that the slot holds; empty: nothing whole
  bool one_shot = false;                 // booted: because the one-shot was armed
  bool healthy = false;                  // health_ran
  const node::Effect* effect = nullptr;  // that ordered it; none: nobody did
};

struct FaultHappened {
  Fault fault{};
  std::optional<MachineIndex> machine;
};

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void decided(const World&, const NodeDecided&) {}
  virtual void decided(const World&, const FleetDecided&) {}
  virtual void node_committed(const World&, MachineIndex) {}  // what was decided is durable (or the disk says so)
  virtual void fleet_committed(const World&) {}
  // Given to the broker, before it travels; `machine` none: by the orchestrator.
  virtual void published(const World&, std::optional<MachineIndex> /*machine*/, const BusMessage&) {}
  // Taken from the broker by an inbox; `machine` none: by the orchestrator.
  virtual void delivered(const World&, std::optional<MachineIndex> /*machine*/, const BusReceived&) {}
  virtual void hardware(const World&, const HardwareDid&) {}
  virtual void fault(const World&, const FaultHappened&) {}
  virtual void restored(const World&) {}                // the orchestrator now runs on an older backup
  virtual void line(const World&, std::string_view) {}  // one line of the transcript
  // Lines cost more than all the rest: they are made only where somebody reads them.
  [[nodiscard]] virtual bool reads_lines() const { return false; }
  virtual void quiet(const World&) {}  // faults have stopped
  virtual void ended(const World&) {}  // the run is over: liveness is judged now
};

}  // namespace abide::sim
