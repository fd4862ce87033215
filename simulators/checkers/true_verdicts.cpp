#include <map>

#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

class TrueVerdicts final : public Checker {
 public:
  explicit TrueVerdicts(const Facts& facts)
      : Checker(facts, "true-verdicts",
                "A trial is judged by what became of it: what came up is no failed boot, what the watchdog ended is no interruption, and "
                "what is staged is its own image.") {}

  using Checker::decided;
  void decided(const World& world, const NodeDecided& decided) override {
    const auto* ended = std::get_if<node::StagingEnded>(&decided.input);
    if (ended == nullptr) return;
    for (const auto& event : decided.events) {
      const bool judges = std::holds_alternative<Failed>(event.recorded.event) || std::holds_alternative<ImageStaged>(event.recorded.event);
      if (judges && offer_of(event.recorded.event) != ended->offer)
        found(world, world.machine(decided.machine).name() + " judges offer " + to_string(offer_of(event.recorded.event)) +
                         " by the download of offer " + to_string(ended->offer));
    }
  }

  void node_durable(const World& world, MachineIndex index, const Recorded<NodeEvent>& recorded) override {
    const std::string who = world.machine(index).name();
    if (const auto* start = std::get_if<AgentStarted>(&recorded.event)) starts_[index] = *start;
    const auto start = starts_.find(index);
    if (start == starts_.end()) return;
    const bool by_watchdog = start->second.boot_cause == BootCause::watchdog;
    if (std::holds_alternative<TrialInterrupted>(recorded.event) && by_watchdog)
      found(world, who + " calls a trial interrupted that the watchdog has ended");
    const auto* back = std::get_if<RolledBack>(&recorded.event);
    if (back == nullptr) return;
    if (back->reason == Reason::watchdog && !by_watchdog) found(world, who + " blames the watchdog, which did nothing");
    // That the default does not run although it was set is a boot that failed, whatever came up before.
    const bool default_runs = start->second.slot == start->second.default_slot;
    if (back->reason == Reason::boot_failed && start->second.came_up && default_runs)
      found(world, who + " says that a slot did not boot which had come up");
  }

 private:
  std::map<MachineIndex, AgentStarted> starts_;  // the newest of each machine
};

}  // namespace

std::unique_ptr<Checker> make_true_verdicts(const Facts& facts) {
  return std::make_unique<TrueVerdicts>(facts);
}

}  // namespace abide::sim
