#pragma once
// Which situations a run has been in, and how often: a simulator that never gets somewhere proves nothing about it. Every
// situation that there is has a name that does not change, so that one that was never reached is seen as well:
//
//   cell: Staged | Tick | asked / open / synced, cut off   a cell of edge-agent/update/transitions.txt: the node was where
//                                                          the cell is, and did what it says
//   fault: power-cut in OnTrial                            a fault, and the phase of the node that it hit
//   window closed in Staged, aborted in OnTrial, ...       what the people did, and the phase it found the node in
//   protocol: ...                                          what a rule of the protocol, or one of its traces, is about
//   outcome: RolledBack(watchdog)
//
// What cannot occur is argued in unreachable.txt. A run that gets there all the same has refuted the argument.
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "simulators/world/observer.hpp"

namespace abide::sim {

struct Cell;
class Sightings;

class Situations final : public Observer {
 public:
  Situations();
  ~Situations() override;
  Situations(const Situations&) = delete;
  Situations& operator=(const Situations&) = delete;

  // Every situation that must be reached, in the order of the list above.
  [[nodiscard]] static const std::vector<std::string>& names();

  [[nodiscard]] std::map<std::string, std::uint64_t> counts() const;  // every name, zero too
  // What was reached although it was argued that it cannot be: which, and by which argument.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& refuted() const { return refuted_; }

  void decided(const World& world, const NodeDecided& decided) override;
  void decided(const World& world, const FleetDecided& decided) override;
  void published(const World& world, std::optional<MachineIndex> machine, const BusMessage& message) override;
  void delivered(const World& world, std::optional<MachineIndex> machine, const BusReceived& received) override;
  void fault(const World& world, const FaultHappened& happened) override;
  void restored(const World& world) override;

 private:
  void count(std::string_view name);
  void count_cell(const NodeDecided& decided);
  void count_wishes(const NodeDecided& decided);

  std::vector<std::uint64_t> counts_;
  std::map<std::string, std::uint64_t> refuted_;
  std::unique_ptr<Sightings> sightings_;
  std::vector<std::int64_t> last_looks_;  // by machine: wall clock of its last input
};

}  // namespace abide::sim
