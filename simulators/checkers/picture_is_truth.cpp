#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/checkers/living.hpp"
#include "simulators/world/control.hpp"

namespace abide::sim {
namespace {

class PictureIsTruth final : public Checker {
 public:
  explicit PictureIsTruth(const Facts& facts)
      : Checker(facts, "picture-is-truth",
                "Once faults have stopped, the orchestrator knows every node as it is, has stored its whole journal, and has told it so; "
                "nothing is shown as being under way.") {}

  void ended(const World& world) override {
    if (!world.control().runs() || !world.control().connected()) return found(world, "the orchestrator does not run, or is not connected");
    for (const Machine* machine : living(world)) {
      const fleet::Node* node = world.control().node(machine->id());
      if (node == nullptr)
        found(world, machine->name() + " is not known to the orchestrator");
      else if (machine->agent_runs())
        judge(world, *machine, *node);
    }
  }

 private:
  void judge(const World& world, const Machine& machine, const fleet::Node& node) {
    const MachineFact& fact = facts().machine(machine.index());
    const auto wrong = [&](std::string_view what, const std::string& shown, const std::string& truth) {
      if (shown != truth) found(world, machine.name() + ": " + std::string(what) + " is shown as " + shown + ", in truth it is " + truth);
    };
    wrong("its journal", to_hex(node.journal), to_hex(fact.journal));
    wrong("its newest event", std::to_string(node.upto), std::to_string(fact.last));
    wrong("what is acknowledged", std::to_string(machine.head().acked), std::to_string(fact.last));
    wrong("its image", node.identity.os_image_id, machine.slot(machine.running()).version);
    wrong("its slot", std::string(to_string(node.slot)), std::string(to_string(machine.running())));
    wrong("its boot", node.boot.text, machine.boot_id().text);
    wrong("its phase", std::string(to_string(node.phase)), std::string(to_string(fact.phase)));
    wrong("its offer", to_string(node.offer), to_string(fact.offer));
    wrong("its outcome", outcome(node.outcome), outcome(fact.outcome));
    wrong("the document that it holds", to_string(node.taken), to_string(fact.held));
    wrong("the newest document", to_string(node.newest.document.number), to_string(fact.held));
    if (node.conflict) found(world, machine.name() + " is called doubled still");
    if (node.held) found(world, machine.name() + " is held still");
    if (fact.phase == Phase::idle && node.status.indicator == fleet::Indicator::in_progress)
      found(world, machine.name() + " does nothing, and is shown as " + node.status.text);
  }
  static std::string outcome(const Outcome& outcome) {
    return to_string(outcome.offer) + " " + std::string(to_string(outcome.kind)) + " " + std::string(to_string(outcome.reason));
  }
};

}  // namespace

std::unique_ptr<Checker> make_picture_is_truth(const Facts& facts) {
  return std::make_unique<PictureIsTruth>(facts);
}

}  // namespace abide::sim
