#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

class HoldsStrangers final : public Checker {
 public:
  explicit HoldsStrangers(const Facts& facts)
      : Checker(facts, "holds-strangers", "A node that shows a document which its orchestrator does not know is held.") {}

  using Checker::decided;
  void decided(const World& world, const FleetDecided& decided) override {
    const auto* heard = std::get_if<fleet::HelloHeard>(&decided.input);
    if (heard == nullptr) return;
    const auto node = decided.after.nodes.find(heard->node);
    if (node == decided.after.nodes.end() || node->second.held || node->second.conflict || node->second.journal != heard->journal) return;
    const auto& shown = heard->hello.held;
    const auto& newest = node->second.newest;
    const bool unknown = shown.number > newest.document.number || (shown.number == newest.document.number && shown.digest != newest.digest);
    if (shown.number && unknown)
      found(world,
            "node " + to_string(heard->node) + " shows document " + to_string(shown.number) + ", which is not known, and is not held");
  }
};

}  // namespace

std::unique_ptr<Checker> make_holds_strangers(const Facts& facts) {
  return std::make_unique<HoldsStrangers>(facts);
}

}  // namespace abide::sim
