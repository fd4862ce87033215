#include <algorithm>

#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/world/control.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

// Of protocol 1.5.
constexpr std::int64_t cut_off_after_ms = 60'000;
constexpr std::int64_t own_clock_ms = 30'000;
constexpr std::int64_t clock_check_lasts_ms = 24 * 3'600'000;
constexpr std::int64_t switch_takes_ms = 120'000;  // until it was measured
// How far apart two clocks of the world may be where the protocol calls them the same.
constexpr std::int64_t slack_ms = 1'000;

class OpenWindow final : public Checker {
 public:
  explicit OpenWindow(const Facts& facts)
      : Checker(facts, "open-window",
                "A node arms and reboots into a new slot only for an offer that the document it holds asks for, inside that document's "
                "window with enough of it left, knowing of every document that was issued when it was last answered, and after the "
                "orchestrator has stored that it accepted; a trial that power began outside says so.") {}

  void hardware(const World& world, const HardwareDid& did) override {
    if (did.effect == nullptr) return;
    if (const auto* arm = std::get_if<node::ArmOnce>(did.effect); arm != nullptr && did.kind == HardwareDid::Kind::one_shot_armed)
      judge(world, did.machine, arm->offer, "arms the new slot");
    if (const auto* reboot = std::get_if<node::Reboot>(did.effect); reboot != nullptr && did.kind == HardwareDid::Kind::reboot_ordered)
      judge(world, did.machine, reboot->offer, "reboots into the new slot");
  }

  void node_durable(const World& world, MachineIndex index, const Recorded<NodeEvent>& recorded) override {
    const auto* started = std::get_if<TrialStarted>(&recorded.event);
    const auto* document = held(index);
    if (started == nullptr || started->outside_window || document == nullptr) return;
    // By the node's own clock, which is all that it has at that moment.
    const auto& window = document->window;
    const bool outside =
        !window || recorded.at_ms < window->opens_at_ms || (window->closes_at_ms != 0 && recorded.at_ms >= window->closes_at_ms);
    if (outside)
      found(world, world.machine(index).name() + " starts a trial of offer " + to_string(started->offer) + " at " +
                       to_rfc3339(recorded.at_ms) + ", outside its window, and does not say so");
  }

 private:
  [[nodiscard]] const IssuedFact* held(MachineIndex index) const {
    const MachineFact& fact = facts().machine(index);
    return facts().issued(fact.held, fact.held_digest);
  }

  void judge(const World& world, MachineIndex index, Number offer, std::string_view does) {
    const MachineFact& fact = facts().machine(index);
    const std::string who = world.machine(index).name() + " " + std::string(does) + " for offer " + to_string(offer);
    const std::string by = " by document " + to_string(fact.held);
    const IssuedFact* document = held(index);
    if (document == nullptr) return found(world, who + by + ", which nobody has issued");
    const auto& link = document->link;
    if (!link || link->offer != offer) return found(world, who + by + ", which does not ask for it");
    if (link->aborted) return found(world, who + by + ", which aborts it");
    if (link->paused) return found(world, who + by + ", which pauses it");
    if (fact.accepted_chain_known && !facts().stored(fact.accepted_chain))
      found(world, who + ", and the orchestrator has never stored that it accepted");
    const std::int64_t without_ms = fact.link.connected ? 0 : world.now_ms() - fact.link.since_ms;
    if (fact.link.connected) {
      const Number newest = facts().newest_at(world.machine(index).id(), fact.link.settled_ms);
      if (fact.held < newest) found(world, who + by + "; document " + to_string(newest) + " was there when it was last answered");
    } else if (without_ms < cut_off_after_ms) {
      found(world, who + ", without a connection for " + std::to_string(without_ms) + " ms, which is not yet cut off");
    }
    judge_time(world, index, document->window, who);
  }

  // Connected: by the orchestrator's clock, as of its answer. Cut off: by the node's own.
  void judge_time(const World& world, MachineIndex index, const std::optional<Window>& window, const std::string& who) {
    const MachineFact& fact = facts().machine(index);
    if (!window) return found(world, who + ", and has no window");
    std::int64_t now_ms = 0;
    std::int64_t unsure_ms = 0;
    if (fact.link.connected) {
      if (!fact.welcomed) return found(world, who + ", and nobody has told it the time in this connection");
      now_ms = fact.welcomed->now_ms + world.now_ms() - fact.welcomed->true_ms;
    } else {
      const Now own = world.machine(index).now();
      const bool checked = fact.clock_checked_ms && world.now_ms() - *fact.clock_checked_ms <= clock_check_lasts_ms + slack_ms;
      if (!own.trusted && !checked) return found(world, who + " by its own clock, which it has no reason to trust");
      now_ms = own.wall_ms;
      unsure_ms = own_clock_ms;
    }
    const std::int64_t needs_ms =
        fact.switch_times_ms.empty() ? switch_takes_ms : *std::max_element(fact.switch_times_ms.begin(), fact.switch_times_ms.end());
    if (now_ms + slack_ms < window->opens_at_ms + unsure_ms)
      return found(world, who + " at " + to_rfc3339(now_ms) + ", before its window opens at " + to_rfc3339(window->opens_at_ms));
    if (window->closes_at_ms != 0 && now_ms + needs_ms + unsure_ms - slack_ms >= window->closes_at_ms)
      found(world, who + " at " + to_rfc3339(now_ms) + ", with less than the " + std::to_string(needs_ms) +
                       " ms left that it needs before its window closes at " + to_rfc3339(window->closes_at_ms));
  }
};

}  // namespace

std::unique_ptr<Checker> make_open_window(const Facts& facts) {
  return std::make_unique<OpenWindow>(facts);
}

}  // namespace abide::sim
