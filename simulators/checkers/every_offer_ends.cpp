#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/checkers/living.hpp"
#include "simulators/world/control.hpp"

namespace abide::sim {
namespace {

class EveryOfferEnds final : public Checker {
 public:
  explicit EveryOfferEnds(const Facts& facts)
      : Checker(facts, "every-offer-ends",
                "Once faults have stopped, each machine that is left runs, every offer that was accepted has an outcome, and every run is "
                "closed.") {}

  void ended(const World& world) override {
    for (const Machine* machine : living(world)) {
      if (!machine->agent_runs()) {
        found(world, machine->name() + " does not run any more");
        continue;
      }
      const MachineFact& fact = facts().machine(machine->index());
      for (const auto& [number, offer] : fact.offers)
        if (offer.accepted && offer.outcome == OutcomeKind::none)
          found(world, machine->name() + " has not ended offer " + to_string(number) + ": it is " + std::string(to_string(fact.phase)));
      const fleet::Node* node = world.control().node(machine->id());
      if (node == nullptr) continue;
      if (node->run && node->run->end_ms == 0) judge(world, *machine, *node->run);
      for (const auto& run : node->superseded)
        if (run.end_ms == 0) judge(world, *machine, run);
    }
  }

 private:
  void judge(const World& world, const Machine& machine, const fleet::Run& run) {
    // Nothing new is begun on a system that is not the confirmed one: a person must look.
    if (run.start_ms == 0 && !facts().machine(machine.index()).confirmed_runs) return;
    found(world, "the run of offer " + to_string(run.offer) + " on " + machine.name() + " is open: " + run.status.text);
  }
};

}  // namespace

std::unique_ptr<Checker> make_every_offer_ends(const Facts& facts) {
  return std::make_unique<EveryOfferEnds>(facts);
}

}  // namespace abide::sim
