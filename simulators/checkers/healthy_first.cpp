#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

class HealthyFirst final : public Checker {
 public:
  explicit HealthyFirst(const Facts& facts)
      : Checker(facts, "healthy-first",
                "A slot becomes the default only while it runs, with an image that health checks on it have called well; what falls back, "
                "falls back to what was confirmed last.") {}

  void hardware(const World& world, const HardwareDid& did) override {
    if (did.kind != HardwareDid::Kind::default_set || did.effect == nullptr) return;
    const Machine& machine = world.machine(did.machine);
    const std::string who = machine.name() + " makes slot " + std::string(to_string(did.slot)) + " the default";
    if (did.slot != machine.running()) found(world, who + ", which does not run");
    // What passed its trial may be confirmed in a later boot, and what is the default be made it again.
    const MachineFact& fact = facts().machine(did.machine);
    const std::string& image = machine.slot(did.slot).version;
    if (!fact.healthy.contains(image) && image != fact.confirmed)
      found(world, who + ", with " + image + ", which no health check there has called well");
  }

  void node_durable(const World& world, MachineIndex index, const Recorded<NodeEvent>& recorded) override {
    const Machine& machine = world.machine(index);
    if (const auto* rolled_back = std::get_if<RolledBack>(&recorded.event)) {
      // The loader may also have left a default that it could not start. A disk that was put back may have been on its way back
      // from the slot that is the default by now, and be started on trial of what came later: it goes on to the default.
      const bool went_back = facts().machine(index).went_back_in == machine.boot_id();
      if (machine.running() != machine.default_slot() && rolled_back->reason != Reason::boot_failed && !went_back)
        found(world, machine.name() + " says that offer " + to_string(rolled_back->offer) + " fell back, and slot " +
                         std::string(to_string(machine.running())) + " runs, which is not the default");
    }
    if (const auto* succeeded = std::get_if<Succeeded>(&recorded.event)) {
      if (machine.running() != machine.default_slot())
        found(world, machine.name() + " says that offer " + to_string(succeeded->offer) + " succeeded, and slot " +
                         std::string(to_string(machine.default_slot())) + " is the default, which does not run");
    }
  }
};

}  // namespace

std::unique_ptr<Checker> make_healthy_first(const Facts& facts) {
  return std::make_unique<HealthyFirst>(facts);
}

}  // namespace abide::sim
