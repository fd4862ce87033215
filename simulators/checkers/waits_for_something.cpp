#include "simulators/checkers/every.hpp"
#include "simulators/checkers/living.hpp"
#include "simulators/world/control.hpp"

namespace abide::sim {
namespace {

class WaitsForSomething final : public Checker {
 public:
  explicit WaitsForSomething(const Facts& facts)
      : Checker(
            facts, "waits-for-something",
            "Whoever does nothing can say for what it waits: each agent, and the orchestrator for each node, when faults stop and at the "
            "end.") {}

  void quiet(const World& world) override { judge(world); }
  void ended(const World& world) override { judge(world); }

 private:
  void judge(const World& world) {
    const Control& control = world.control();
    for (MachineIndex index = 0; index < world.machine_count(); ++index) {
      const Machine& machine = world.machine(index);
      if (!machine.agent_runs()) continue;
      const AgentHost& host = machine.host();
      if (host.machine().waits_for(host.state(), host.link(), machine.now()).empty())
        found(world, machine.name() + " is " + std::string(to_string(host.state().phase)) + " and waits for nothing");
      if (!control.runs() || control.node(machine.id()) == nullptr) continue;
      if (control.host().machine().waits_for(control.state(), control.host().link(), control.now(), machine.id()).empty())
        found(world, "the orchestrator cannot say why " + machine.name() + " is where it is");
    }
  }
};

}  // namespace

std::unique_ptr<Checker> make_waits_for_something(const Facts& facts) {
  return std::make_unique<WaitsForSomething>(facts);
}

}  // namespace abide::sim
