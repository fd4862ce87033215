#include <set>

#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/world/control.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

// Outcomes that the orchestrator finds itself, where no node will tell.
bool by_orchestrator(Reason reason) {
  return reason == Reason::re_imaged || reason == Reason::lost || reason == Reason::never_begun;
}

class TruePicture final : public Checker {
 public:
  explicit TruePicture(const Facts& facts)
      : Checker(facts, "true-picture",
                "The orchestrator shows as running on a node only what a machine of that name has run, and as an offer's outcome only what "
                "one has journaled.") {}

  void fleet_durable(const World& world, const OrchestratorEvent& event) override {
    if (const auto* stored = std::get_if<NodeEventStored>(&event); stored != nullptr && std::holds_alternative<AgentStarted>(stored->event))
      touched_.insert(stored->node);
    if (const auto* corrected = std::get_if<PictureCorrected>(&event)) {
      touched_.insert(corrected->node);
      judge(world, corrected->node, corrected->outcome, "the outcome of offer ");
    }
    const auto* closed = std::get_if<RunClosed>(&event);
    if (closed == nullptr || (closed->outcome != OutcomeKind::succeeded && by_orchestrator(closed->reason))) return;
    judge(world, closed->node, {closed->offer, closed->outcome, closed->reason}, "the run of offer ");
  }

  void fleet_committed(const World& world) override {
    for (const auto& id : touched_) {
      const fleet::Node* node = world.control().node(id);
      if (node == nullptr || node->identity.os_image_id.empty()) continue;
      const auto& ran = facts().node(id).ran;
      if (!ran.contains(node->identity.os_image_id))
        found(world, "node " + to_string(id) + " is shown to run " + node->identity.os_image_id + ", which it never did");
    }
    touched_.clear();
  }

 private:
  void judge(const World& world, const NodeId& id, const Outcome& outcome, const std::string& what) {
    if (outcome.kind == OutcomeKind::none) return;
    const auto& outcomes = facts().node(id).outcomes;
    const auto of_offer = outcomes.find(outcome.offer);
    if (of_offer == outcomes.end() || !of_offer->second.contains(outcome.kind))
      found(world, what + to_string(outcome.offer) + " of node " + to_string(id) + " is shown as " + std::string(to_string(outcome.kind)) +
                       ", which no machine has journaled");
  }

  std::set<NodeId> touched_;
};

}  // namespace

std::unique_ptr<Checker> make_true_picture(const Facts& facts) {
  return std::make_unique<TruePicture>(facts);
}

}  // namespace abide::sim
