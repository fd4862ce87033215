#include "common/core/hash.hpp"
#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

class UnbrokenJournals final : public Checker {
 public:
  explicit UnbrokenJournals(const Facts& facts)
      : Checker(
            facts, "unbroken-journals",
            "The orchestrator stores each node's journal without gap or repeat, byte for byte as the node journaled it; a gap is noted, "
            "and only of events that it had stored before it was restored.") {}

  void fleet_durable(const World& world, const OrchestratorEvent& event) override {
    if (const auto* stored = std::get_if<NodeEventStored>(&event)) judge(world, *stored);
    if (const auto* gap = std::get_if<GapNoted>(&event)) judge(world, *gap);
    if (const auto* adopted = std::get_if<JournalAdopted>(&event); adopted != nullptr && adopted->base != 0)
      known_once(world, adopted->node, adopted->base, adopted->base_chain);
  }

 private:
  [[nodiscard]] static std::string name(const NodeId& node, std::uint64_t sequence) {
    return "event " + std::to_string(sequence) + " of node " + to_string(node);
  }

  void judge(const World& world, const NodeEventStored& stored) {
    const NodeFact& fact = facts().node(stored.node);
    const std::string what = name(stored.node, stored.sequence);
    if (stored.journal != fact.journal) found(world, what + " is stored under a journal that is not its current one");
    if (stored.sequence != fact.upto + 1) found(world, what + " is stored after event " + std::to_string(fact.upto));
    if (chain_after(fact.chain, stored.envelope) != stored.chain)
      found(world, what + " does not fit the chain of what is stored before it");
    const auto* journaled = facts().journaled(stored.chain);
    if (journaled == nullptr || journaled->sequence != stored.sequence || journaled->journal != stored.journal)
      found(world, what + " was never journaled so by any machine");
  }

  void judge(const World& world, const GapNoted& gap) {
    const NodeFact& fact = facts().node(gap.node);
    if (gap.journal != fact.journal || gap.from != fact.upto + 1 || gap.upto < gap.from)
      found(world, "a gap from " + std::to_string(gap.from) + " to " + name(gap.node, gap.upto) + " is noted; stored is up to " +
                       std::to_string(fact.upto));
    known_once(world, gap.node, gap.upto, gap.chain);
  }

  void known_once(const World& world, const NodeId& node, std::uint64_t upto, Chain chain) {
    if (facts().stored(chain) && facts().restores() > 0) return;
    found(world, name(node, upto) + " and what is before it are told to be gone, and were never stored");
  }
};

}  // namespace

std::unique_ptr<Checker> make_unbroken_journals(const Facts& facts) {
  return std::make_unique<UnbrokenJournals>(facts);
}

}  // namespace abide::sim
