#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

constexpr std::uint32_t trials_max = 3;

class OneOutcome final : public Checker {
 public:
  explicit OneOutcome(const Facts& facts)
      : Checker(
            facts, "one-outcome",
            "An offer is accepted once in a journal and ends once, with a reason; it is tried at most three times, and not again after it "
            "fell back.") {}

  // A disk that was put back, or is a copy, knows nothing of it; the orchestrator does, and tells.
  void hardware(const World& world, const HardwareDid& did) override {
    const auto* arm = did.effect == nullptr ? nullptr : std::get_if<node::ArmOnce>(did.effect);
    if (arm == nullptr || did.kind != HardwareDid::Kind::one_shot_armed) return;
    const Machine& machine = world.machine(did.machine);
    const MachineFact& fact = facts().machine(did.machine);
    const NodeFact& node = facts().node(machine.id());
    const bool may_not_know = fact.went_back || node.machines.size() > 1;
    if (!node.rolled_back.contains(arm->offer) || (may_not_know && !fact.link.connected)) return;
    found(world, machine.name() + " arms the new slot for offer " + to_string(arm->offer) + ", of which is stored that it fell back");
  }

  void node_durable(const World& world, MachineIndex index, const Recorded<NodeEvent>& recorded) override {
    const MachineFact& fact = facts().machine(index);
    const std::string who = world.machine(index).name();
    if (const auto* accepted = std::get_if<Accepted>(&recorded.event)) {
      const std::string what = who + " accepts offer " + to_string(accepted->offer);
      if (fact.offer) found(world, what + " while offer " + to_string(fact.offer) + " is open");
      if (fact.offers.contains(accepted->offer)) found(world, what + " a second time");
      if (fact.outcome.kind != OutcomeKind::none && accepted->offer <= fact.outcome.offer)
        found(world, what + " after offer " + to_string(fact.outcome.offer) + " has ended");
    }
    if (const auto* trial = std::get_if<TrialStarted>(&recorded.event)) {
      const std::string what = who + " tries offer " + to_string(trial->offer);
      if (fact.offer != trial->offer) found(world, what + ", which is not open");
      if (trial->attempt > trials_max) found(world, what + " for the " + std::to_string(trial->attempt) + "th time");
    }
    const Outcome outcome = outcome_of(recorded.event);
    if (outcome.kind == OutcomeKind::none) return;
    const std::string what = who + " ends offer " + to_string(outcome.offer) + " as " + std::string(to_string(outcome.kind));
    const auto offer = fact.offers.find(outcome.offer);
    if (offer == fact.offers.end() || !offer->second.accepted) found(world, what + ", which it has not accepted");
    if (offer != fact.offers.end() && offer->second.outcome != OutcomeKind::none)
      found(world, what + " after " + std::string(to_string(offer->second.outcome)));
    if (outcome.kind != OutcomeKind::succeeded && outcome.reason == Reason::none) found(world, what + " and does not say why");
  }
};

}  // namespace

std::unique_ptr<Checker> make_one_outcome(const Facts& facts) {
  return std::make_unique<OneOutcome>(facts);
}

}  // namespace abide::sim
