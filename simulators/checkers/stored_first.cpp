#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

constexpr std::size_t chain_bytes = 8;

class StoredFirst final : public Checker {
 public:
  explicit StoredFirst(const Facts& facts)
      : Checker(
            facts, "stored-first",
            "A node calls only those events acknowledged, and deletes only those, that the orchestrator has durable, or had before it was "
            "restored.") {}

  void node_committed(const World& world, MachineIndex index) override {
    const Machine& machine = world.machine(index);
    const auto head = Journal::read_head(machine.disk(), node_scope);
    if (!head || !head->id) return;
    if (index >= judged_.size()) judged_.resize(index + 1);
    auto& judged = judged_[index];
    if (head->base > head->acked)
      found(world,
            machine.name() + " has deleted up to " + std::to_string(head->base) + ", acknowledged is " + std::to_string(head->acked));
    if (head->acked == 0 || (judged.first == head->id && judged.second == head->acked)) return;
    judged = {head->id, head->acked};
    Chain chain = head->base_chain;
    if (head->acked > head->base) {
      const auto record = machine.disk().get(journal_key(node_scope, head->id, head->acked));
      if (!record || !*record) return;  // the fold says it
      chain = Chain{from_big_endian(std::string_view(**record).substr(0, chain_bytes))};
    }
    if (!facts().stored(chain))
      found(world, machine.name() + " calls its events up to " + std::to_string(head->acked) +
                       " acknowledged, and the orchestrator has never stored them");
  }

 private:
  std::vector<std::pair<JournalId, std::uint64_t>> judged_;
};

}  // namespace

std::unique_ptr<Checker> make_stored_first(const Facts& facts) {
  return std::make_unique<StoredFirst>(facts);
}

}  // namespace abide::sim
