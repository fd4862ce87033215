#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

// The phase that must be durable before the effect, and the offer that it is for; nothing: any.
struct Grounds {
  std::optional<Phase> phase;
  Number offer;
};

struct GroundsOf {
  Grounds operator()(const node::ClearBootState&) const { return {std::nullopt, {}}; }
  Grounds operator()(const node::ReturnToDefault&) const { return {std::nullopt, {}}; }
  Grounds operator()(const node::Stage& e) const { return {Phase::staging, e.offer}; }
  Grounds operator()(const node::ArmOnce& e) const { return {Phase::switching, e.offer}; }
  Grounds operator()(const node::ClearOneShot& e) const { return {Phase::switching, e.offer}; }
  Grounds operator()(const node::Reboot& e) const { return {Phase::rebooting, e.offer}; }
  Grounds operator()(const node::CheckHealth& e) const { return {Phase::on_trial, e.offer}; }
  Grounds operator()(const node::ConfirmBoot& e) const { return {Phase::confirming, e.offer}; }
  Grounds operator()(const node::GoBack& e) const { return {Phase::rolling_back, e.offer}; }
};

class CommitFirst final : public Checker {
 public:
  explicit CommitFirst(const Facts& facts)
      : Checker(
            facts, "commit-first",
            "Nothing is done to hardware before the process has committed what it found at its start, nor before the decision for it is "
            "on the disk.") {}

  void hardware(const World& world, const HardwareDid& did) override {
    if (did.effect == nullptr) return;
    const Machine& machine = world.machine(did.machine);
    const MachineFact& fact = facts().machine(did.machine);
    const std::string who = machine.name() + " performs " + std::string(name_of(*did.effect));
    if (!fact.booted) return found(world, who + " before it has told what booted");
    const Grounds grounds = std::visit(GroundsOf{}, *did.effect);
    if (!grounds.phase) return;
    if (fact.phase == *grounds.phase && fact.offer == grounds.offer) return;
    found(world, who + " for offer " + to_string(grounds.offer) + "; its disk says " + std::string(to_string(fact.phase)) + ", offer " +
                     to_string(fact.offer));
  }
};

}  // namespace

std::unique_ptr<Checker> make_commit_first(const Facts& facts) {
  return std::make_unique<CommitFirst>(facts);
}

}  // namespace abide::sim
