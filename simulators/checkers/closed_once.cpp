#include <set>

#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

class ClosedOnce final : public Checker {
 public:
  explicit ClosedOnce(const Facts& facts) : Checker(facts, "closed-once", "A run is closed once.") {}

  void fleet_durable(const World& world, const OrchestratorEvent& event) override {
    const auto* closed = std::get_if<RunClosed>(&event);
    if (closed != nullptr && !closed_.insert(closed->run_id).second) found(world, "run " + closed->run_id + " is closed again");
  }
  void restored(const World&) override { closed_.clear(); }  // what it had closed since is forgotten

 private:
  std::set<std::string> closed_;
};

}  // namespace

std::unique_ptr<Checker> make_closed_once(const Facts& facts) {
  return std::make_unique<ClosedOnce>(facts);
}

}  // namespace abide::sim
