#include <bit>
#include <map>

#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/world/control.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

// A fold costs as much as all that was decided before. Of the starts of one process the 2nd, 16th, 128th ... are judged.
bool is_due(std::uint64_t starts) {
  return std::has_single_bit(starts) && std::countr_zero(starts) % 3 == 1;
}

class FoldIsRows final : public Checker {
 public:
  explicit FoldIsRows(const Facts& facts)
      : Checker(facts, "fold-is-rows",
                "The state rows of each disk are the fold of its journal, whose chain is whole, after crashes and at the end.") {}

  void decided(const World& world, const NodeDecided& decided) override {
    if (std::holds_alternative<node::Booted>(decided.input) && is_due(++starts_[decided.machine]))
      judge(world, world.machine(decided.machine));
  }
  void decided(const World& world, const FleetDecided& decided) override {
    if (std::holds_alternative<fleet::Started>(decided.input) && is_due(++fleet_starts_)) judge_fleet(world);
  }
  void ended(const World& world) override {
    for (MachineIndex index = 0; index < world.machine_count(); ++index) judge(world, world.machine(index));
    judge_fleet(world);
  }

 private:
  void judge(const World& world, const Machine& machine) { say(world, machine.name(), AgentHost::verify(machine.disk(), node_scope)); }
  void judge_fleet(const World& world) {
    say(world, "the orchestrator", FleetHost::verify(world.control().disk(), world.control().scope()));
  }
  void say(const World& world, const std::string& who, const Result<std::vector<std::string>>& verified) {
    if (!verified) return found(world, "the journal of " + who + " cannot be folded: " + verified.error().message);
    if (!verified->empty())
      found(world, "rows of " + who + " differ from the fold of its journal: " + std::to_string(verified->size()) + ", the first is " +
                       verified->front());
  }

  std::map<MachineIndex, std::uint64_t> starts_;
  std::uint64_t fleet_starts_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_fold_is_rows(const Facts& facts) {
  return std::make_unique<FoldIsRows>(facts);
}

}  // namespace abide::sim
