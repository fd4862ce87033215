#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

class VerifiedImage final : public Checker {
 public:
  explicit VerifiedImage(const Facts& facts)
      : Checker(facts, "verified-image",
                "A slot is armed only while it holds, whole and as its publisher promised it, the very image of the offer.") {}

  void hardware(const World& world, const HardwareDid& did) override {
    if (did.kind != HardwareDid::Kind::one_shot_armed || did.effect == nullptr) return;
    const auto* order = std::get_if<node::ArmOnce>(did.effect);
    if (order == nullptr) return;
    const Machine& machine = world.machine(did.machine);
    const std::string who = machine.name() + " arms slot " + std::string(to_string(did.slot)) + " for offer " + to_string(order->offer);
    const auto [first, last] = facts().issued(order->offer);
    if (first == last) return found(world, who + ", which nobody has issued");
    if (facts().machine(did.machine).torn) return;  // the world has spoilt it after it was read; its trial finds that out
    const Machine::Content& slot = machine.slot(did.slot);
    if (!slot.whole || slot.corrupt) return found(world, who + ", which holds nothing whole");
    for (auto document = first; document != last; ++document) {
      if (!document->second.link) continue;
      const Release& release = document->second.link->release;
      const Image* promised = world.find_image(release.os_image_id);
      const Image* held = world.find_image(slot.version);
      if (promised == nullptr || held == nullptr) continue;
      if (held->raw() == promised->promised() && held->raw() == release.raw.sha256) return;
    }
    found(world, who + ", which holds " + slot.version + ", another image than the one that was verified and promised");
  }
};

}  // namespace

std::unique_ptr<Checker> make_verified_image(const Facts& facts) {
  return std::make_unique<VerifiedImage>(facts);
}

}  // namespace abide::sim
