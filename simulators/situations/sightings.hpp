#pragma once
// What has to be remembered to know a situation of the protocol when it is there. Each function tells the names of what it
// sees to `seen`.
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "common/events/envelope.hpp"
#include "simulators/world/observer.hpp"

namespace abide::sim {

using Seen = std::function<void(std::string_view)>;

class Sightings {
 public:
  void node_decided(const World& world, const NodeDecided& decided, const Seen& seen);
  void fleet_decided(const World& world, const FleetDecided& decided, const Seen& seen);
  void published(const World& world, std::optional<MachineIndex> machine, const BusMessage& message, const Seen& seen);
  void delivered(const World& world, std::optional<MachineIndex> machine, const BusReceived& received, const Seen& seen);
  void fault(const World& world, const FaultHappened& happened, const Seen& seen);
  void restored(const World& world);

 private:
  struct Spoken {  // given to the broker, and not come yet
    std::int64_t at_ms = 0;
    std::string_view loss;  // what it is if it never comes
    std::uint64_t copies = 0;
  };
  struct PerMachine {
    JournalId journal;
    std::uint64_t sent = 0;           // the greatest sequence that was published of this journal
    std::optional<Fault> doubled_by;  // why its journal may be written elsewhere too
    bool trial_interrupted = false;
    std::pair<LifeId, std::uint32_t> hello;  // life and ask of the last one
    JournalId hello_journal;
    Nonce nonce;
  };

  void expect(std::int64_t now_ms, std::size_t key, std::string_view loss, const Seen& seen);
  void orchestrator_published(const World& world, const Envelope& envelope, const BusMessage& message, const Seen& seen);
  void node_published(const World& world, MachineIndex machine, const Envelope& envelope, const BusMessage& message, const Seen& seen);

  std::map<std::size_t, Spoken> under_way_;
  std::deque<std::pair<std::int64_t, std::size_t>> since_;
  std::map<MachineIndex, PerMachine> machines_;
  std::set<LifeId> called_;  // lives that a roll call was published of
  LifeId life_;              // the newest of them
  bool was_restored_ = false;
};

}  // namespace abide::sim
