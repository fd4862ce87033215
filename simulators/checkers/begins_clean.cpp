#include <map>
#include <set>

#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

class BeginsClean final : public Checker {
 public:
  explicit BeginsClean(const Facts& facts)
      : Checker(facts, "begins-clean",
                "An offer is accepted only on a confirmed system, and in a new journal only after what was left in the boot loader is "
                "cleared.") {}

  void node_durable(const World& world, MachineIndex index, const Recorded<NodeEvent>& recorded) override {
    const Machine& machine = world.machine(index);
    // A fork goes on where the old journal was, which had cleared.
    const bool clears = std::holds_alternative<BootCleared>(recorded.event) || std::holds_alternative<JournalForked>(recorded.event);
    if (clears) cleared_.insert(recorded.journal);
    const auto* accepted = std::get_if<Accepted>(&recorded.event);
    if (accepted == nullptr) return;
    const std::string accepts = machine.name() + " accepts offer " + to_string(accepted->offer);
    if (machine.running() != machine.default_slot())
      found(world, accepts + " while slot " + std::string(to_string(machine.running())) + " runs unconfirmed");
    if (recorded.journal != known_[index]) {
      known_[index] = recorded.journal;
      const bool begun_before = world.plan().past != nullptr;
      if (!cleared_.contains(recorded.journal) && !begun_before) found(world, accepts + " in a journal that has cleared nothing yet");
    }
  }

 private:
  std::set<JournalId> cleared_;
  std::map<MachineIndex, JournalId> known_;  // in which it has accepted before
};

}  // namespace

std::unique_ptr<Checker> make_begins_clean(const Facts& facts) {
  return std::make_unique<BeginsClean>(facts);
}

}  // namespace abide::sim
