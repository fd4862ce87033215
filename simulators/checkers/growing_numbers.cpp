#include "common/core/hash.hpp"
#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

class GrowingNumbers final : public Checker {
 public:
  explicit GrowingNumbers(const Facts& facts)
      : Checker(facts, "growing-numbers",
                "A document's number is never used for another content, a node takes only documents that were issued, with greater and "
                "greater numbers, and accepts nothing by a document that was old already when it was last answered.") {}

  void fleet_durable(const World& world, const OrchestratorEvent& event) override {
    const auto* issued = std::get_if<DocumentIssued>(&event);
    if (issued == nullptr) return;
    const Number number = issued->document.number;
    const Digest digest = sha256(issued->document.body);
    if (number <= facts().node(issued->node).newest)
      found(world, "document " + to_string(number) + " is issued to a node that has " + to_string(facts().node(issued->node).newest));
    const auto [first, last] = facts().issued(number);
    for (auto other = first; other != last; ++other) {
      if (other->second.node == issued->node && other->first.second == digest) continue;
      // Restored, and by a clock that was wrong: nothing tells it that the number was used; the next hello does (protocol 2.11).
      if (facts().restores() > other->second.restores && facts().clock_was_off()) continue;
      found(world, "the number of document " + to_string(number) + " is used for another one");
    }
  }

  void node_durable(const World& world, MachineIndex index, const Recorded<NodeEvent>& recorded) override {
    const MachineFact& fact = facts().machine(index);
    const std::string who = world.machine(index).name();
    if (const auto* taken = std::get_if<DocumentTaken>(&recorded.event)) {
      if (taken->number <= fact.held) found(world, who + " takes document " + to_string(taken->number) + " over " + to_string(fact.held));
      const auto* document = facts().issued(taken->number, taken->digest);
      if (document == nullptr || document->node != world.machine(index).id())
        found(world, who + " takes document " + to_string(taken->number) + ", which was never issued to it");
    }
    if (const auto* accepted = std::get_if<Accepted>(&recorded.event)) {
      const std::string accepts = who + " accepts offer " + to_string(accepted->offer) + " by document " + to_string(fact.held);
      const auto* document = facts().issued(fact.held, fact.held_digest);
      if (document == nullptr || !document->link || document->link->offer != accepted->offer || document->link->aborted)
        found(world, accepts + ", which does not ask for it");
      const Number newest = facts().newest_at(world.machine(index).id(), fact.when_decided.settled_ms);
      if (!fact.when_decided.connected) found(world, accepts + " without a connection");
      if (fact.held < newest) found(world, accepts + "; document " + to_string(newest) + " was there when it was last answered");
    }
  }
};

}  // namespace

std::unique_ptr<Checker> make_growing_numbers(const Facts& facts) {
  return std::make_unique<GrowingNumbers>(facts);
}

}  // namespace abide::sim
