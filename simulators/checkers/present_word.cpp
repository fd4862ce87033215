#include "edge-agent/update/machine.hpp"
#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

class PresentWord final : public Checker {
 public:
  explicit PresentWord(const Facts& facts)
      : Checker(
            facts, "present-word",
            "A node counts what the orchestrator says to it in the life that has called it last, answers an asking with a hello alone, and "
            "sends no event before its hello was answered.") {}

  using Checker::decided;
  void decided(const World& world, const NodeDecided& decided) override {
    const auto* heard = std::get_if<node::ReceivedHeard>(&decided.input);
    if (heard == nullptr) return;
    const bool counts = decided.link_after.acked > decided.link_before.acked || decided.link_after.welcomes > decided.link_before.welcomes;
    if (!counts) return;
    const Received& received = heard->received;
    const auto& called = facts().machine(decided.machine).link.life;
    if (called && received.life != *called) found(world, world.machine(decided.machine).name() + " counts what was said in another life");
    if (received.ask > decided.link_before.ask) found(world, world.machine(decided.machine).name() + " counts what came with an asking");
  }

  void node_said(const World& world, MachineIndex index, const Envelope& envelope, std::string_view) override {
    if (!std::holds_alternative<NodeEvent>(envelope.payload)) return;
    for (const auto& [nonce, hello] : facts().machine(index).hellos)
      if (hello.answered_ms != 0) return;
    found(world,
          world.machine(index).name() + " sends event " + std::to_string(envelope.sequence) + ", and none of its hellos was answered");
  }
};

}  // namespace

std::unique_ptr<Checker> make_present_word(const Facts& facts) {
  return std::make_unique<PresentWord>(facts);
}

}  // namespace abide::sim
