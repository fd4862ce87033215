#include <map>
#include <utility>

#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

class TrueReports final : public Checker {
 public:
  explicit TrueReports(const Facts& facts)
      : Checker(facts, "true-reports", "A node tells as running, and as a success, only what runs on it at that moment.") {}

  void node_durable(const World& world, MachineIndex index, const Recorded<NodeEvent>& recorded) override {
    const Machine& machine = world.machine(index);
    if (const auto* started = std::get_if<AgentStarted>(&recorded.event)) {
      judge(world, machine, "journals AgentStarted", started->slot, started->identity);
      if (started->default_slot != machine.default_slot())
        found(world,
              machine.name() + " journals that slot " + std::string(to_string(started->default_slot)) + " is the default, which it is not");
    }
    if (const auto* succeeded = std::get_if<Succeeded>(&recorded.event);
        succeeded != nullptr && succeeded->digest != digest_of(world, machine))
      found(world, machine.name() + " journals that offer " + to_string(succeeded->offer) + " succeeded; what runs is " +
                       machine.slot(machine.running()).version + ", with another digest");
  }

  // What was confirmed is the default from then on; what ran already when it was asked for, was so before.
  void node_committed(const World& world, MachineIndex index) override {
    const auto told = std::exchange(succeeded_[index], false);
    const Machine& machine = world.machine(index);
    if (told && machine.default_slot() != machine.running())
      found(world,
            machine.name() + " journals a success; slot " + std::string(to_string(machine.running())) + " runs, and is not the default");
  }
  using Checker::decided;
  void decided(const World&, const NodeDecided& decided) override {
    for (const auto& event : decided.events)
      if (std::holds_alternative<Succeeded>(event.recorded.event)) succeeded_[decided.machine] = true;
  }

  void node_said(const World& world, MachineIndex index, const Envelope& envelope, std::string_view) override {
    if (const auto* hello = std::get_if<Hello>(&envelope.payload))
      judge(world, world.machine(index), "says hello", hello->slot, hello->identity);
  }

 private:
  std::map<MachineIndex, bool> succeeded_;  // decided, and not committed yet

  // None: what runs is not what was published.
  static Digest digest_of(const World& world, const Machine& machine) {
    const auto& slot = machine.slot(machine.running());
    const Image* image = world.find_image(slot.version);
    return image == nullptr || !slot.whole || slot.corrupt ? Digest{} : image->raw();
  }

  void judge(const World& world, const Machine& machine, const std::string& does, Slot slot, const Identity& identity) {
    const auto& runs = machine.slot(machine.running()).version;
    const Digest digest = digest_of(world, machine);
    const bool same_digest = digest ? identity.digest == digest : world.image_of_digest(identity.digest) == nullptr;
    if (slot == machine.running() && identity.os_image_id == runs && same_digest) return;
    found(world, machine.name() + " " + does + " with slot " + std::string(to_string(slot)) + ", " + identity.os_image_id +
                     "; in truth it runs slot " + std::string(to_string(machine.running())) + ", " + runs);
  }
};

}  // namespace

std::unique_ptr<Checker> make_true_reports(const Facts& facts) {
  return std::make_unique<TrueReports>(facts);
}

}  // namespace abide::sim
