#include "common/core/hash.hpp"
#include "orchestrator/rows.hpp"
#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/world/control.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

constexpr std::size_t chain_bytes = 8;  // before the event's bytes in a journal record

class DurableFirst final : public Checker {
 public:
  explicit DurableFirst(const Facts& facts)
      : Checker(facts, "durable-first",
                "Nothing is said on the bus, by a node or by the orchestrator, that is not on its disk at that moment.") {}

  void node_said(const World& world, MachineIndex index, const Envelope& envelope, std::string_view bytes) override {
    const Machine& machine = world.machine(index);
    if (const auto* hello = std::get_if<Hello>(&envelope.payload)) return judge_hello(world, machine, envelope, *hello);
    if (envelope.sequence == 0) return;
    const auto record = machine.disk().get(journal_key(node_scope, envelope.journal, envelope.sequence));
    if (!record || !*record || std::string_view(**record).substr(chain_bytes) != bytes)
      found(world, machine.name() + " says event " + std::to_string(envelope.sequence) + " of its journal, which is not on its disk");
  }

  void fleet_said(const World& world, const NodeId& to, const Envelope& envelope) override {
    const NodeFact& fact = facts().node(to);
    if (const auto* document = std::get_if<Document>(&envelope.payload)) {
      if (document->number != fact.newest || facts().issued(document->number, sha256(document->body)) == nullptr)
        found(world,
              "the orchestrator says document " + to_string(document->number) + "; durable as the newest is " + to_string(fact.newest));
    }
    if (const auto* received = std::get_if<Received>(&envelope.payload)) {
      if (received->journal && (received->journal != fact.journal || received->upto != fact.upto || received->chain != fact.chain))
        found(world, "the orchestrator acknowledges " + std::to_string(received->upto) + " of journal " + to_hex(received->journal) +
                         "; durable is " + std::to_string(fact.upto) + " of journal " + to_hex(fact.journal));
    }
  }

 private:
  void judge_hello(const World& world, const Machine& machine, const Envelope& envelope, const Hello& hello) {
    const MachineFact& fact = facts().machine(machine.index());
    if (envelope.journal != fact.journal || hello.last != fact.last || hello.held.number != fact.held || hello.phase != fact.phase ||
        hello.offer != fact.offer)
      found(world, machine.name() + " says hello with a state that is not on its disk: event " + std::to_string(hello.last) + ", " +
                       std::string(to_string(hello.phase)) + ", document " + to_string(hello.held.number));
  }
};

}  // namespace

std::unique_ptr<Checker> make_durable_first(const Facts& facts) {
  return std::make_unique<DurableFirst>(facts);
}

}  // namespace abide::sim
