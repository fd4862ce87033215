#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

class SilentAfterRestore final : public Checker {
 public:
  explicit SilentAfterRestore(const Facts& facts)
      : Checker(
            facts, "silent-after-restore",
            "Until a person has confirmed a node, a restored orchestrator tells it nothing, and the node accepts and switches by nothing "
            "once it has heard from it; so nothing that was withdrawn comes back.") {}

  void fleet_durable(const World& world, const OrchestratorEvent& event) override {
    if (const auto* issued = std::get_if<DocumentIssued>(&event)) judge(world, issued->node, "issues document ", issued->document.number);
  }
  void fleet_said(const World& world, const NodeId& to, const Envelope& envelope) override {
    if (const auto* document = std::get_if<Document>(&envelope.payload)) judge(world, to, "says document ", document->number);
  }
  void node_durable(const World& world, MachineIndex index, const Recorded<NodeEvent>& recorded) override {
    if (const auto* accepted = std::get_if<Accepted>(&recorded.event))
      judge(world, index, facts().machine(index).when_decided, "accepts", accepted->offer);
  }
  void hardware(const World& world, const HardwareDid& did) override {
    if (did.effect == nullptr) return;
    if (const auto* arm = std::get_if<node::ArmOnce>(did.effect))
      judge(world, did.machine, facts().machine(did.machine).link, "arms the new slot for", arm->offer);
    if (const auto* reboot = std::get_if<node::Reboot>(did.effect))
      judge(world, did.machine, facts().machine(did.machine).link, "reboots for", reboot->offer);
  }

 private:
  void judge(const World& world, const NodeId& node, const std::string& does, Number number) {
    if (facts().node(node).held_by_restore)
      found(world,
            "the restored orchestrator " + does + to_string(number) + " to node " + to_string(node) + ", which nobody has confirmed");
  }
  void judge(const World& world, MachineIndex index, const ConnectionFact& link, const std::string& does, Number offer) {
    const Machine& machine = world.machine(index);
    // Restored by a clock that was wrong: what was said before has greater numbers, and only the next hello shows it (protocol 2.11).
    // The epoch is that of the welcome which the node goes by: another node's hello may have raised it since. What the hello before
    // that welcome showed is no excuse.
    const MachineFact& fact = facts().machine(index);
    const std::uint64_t epoch = fact.welcomed ? fact.welcomed->head_epoch : facts().epoch();
    const bool taken_since = !fact.welcomed || fact.held > fact.welcomed->held;
    if (facts().clock_was_off() && fact.held.epoch >= epoch && taken_since) return;
    if (!link.connected || !link.life || !facts().lives_since_restore().contains(*link.life)) return;
    if (facts().node(machine.id()).held_by_restore)
      found(world, machine.name() + " " + does + " offer " + to_string(offer) +
                       ", has heard from the restored orchestrator, and nobody has confirmed it");
  }
};

}  // namespace

std::unique_ptr<Checker> make_silent_after_restore(const Facts& facts) {
  return std::make_unique<SilentAfterRestore>(facts);
}

}  // namespace abide::sim
