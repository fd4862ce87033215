#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

class RealConflicts final : public Checker {
 public:
  explicit RealConflicts(const Facts& facts)
      : Checker(facts, "real-conflicts",
                "An identity is called doubled only where two machines have claimed it, or a disk was an older one again.") {}

  void fleet_durable(const World& world, const OrchestratorEvent& event) override {
    const auto* conflict = std::get_if<IdentityConflict>(&event);
    if (conflict == nullptr) return;
    const NodeFact& fact = facts().node(conflict->node);
    if (fact.machines.size() < 2 && !fact.went_back)
      found(world, "node " + to_string(conflict->node) + " is called doubled; one machine has that name, and its disk was always its own");
  }
};

}  // namespace

std::unique_ptr<Checker> make_real_conflicts(const Facts& facts) {
  return std::make_unique<RealConflicts>(facts);
}

}  // namespace abide::sim
