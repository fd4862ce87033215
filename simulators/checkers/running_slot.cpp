#include "simulators/checkers/every.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

class RunningSlot final : public Checker {
 public:
  explicit RunningSlot(const Facts& facts)
      : Checker(facts, "running-slot", "The slot that runs, the default and an armed one are never written.") {}

  void hardware(const World& world, const HardwareDid& did) override {
    if (did.kind != HardwareDid::Kind::slot_erased && did.kind != HardwareDid::Kind::slot_written) return;
    const Machine& machine = world.machine(did.machine);
    const auto is_written = [&](std::string_view what) {
      found(world, machine.name() + " writes slot " + std::string(to_string(did.slot)) + ", which " + std::string(what));
    };
    if (did.slot == machine.running()) is_written("runs");
    if (did.slot == machine.default_slot()) is_written("is the default");
    if (did.slot == machine.one_shot()) is_written("is armed for the next boot");
  }
};

}  // namespace

std::unique_ptr<Checker> make_running_slot(const Facts& facts) {
  return std::make_unique<RunningSlot>(facts);
}

}  // namespace abide::sim
