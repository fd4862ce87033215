#include "simulators/checkers/every.hpp"
#include "simulators/checkers/facts.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

class ToldCloses final : public Checker {
 public:
  explicit ToldCloses(const Facts& facts)
      : Checker(facts, "told-closes", "A window that closes before its time is told to its node in the same commit.") {}

  using Checker::decided;
  void decided(const World& world, const FleetDecided& decided) override {
    for (const auto& event : decided.events) {
      const auto* closed = std::get_if<WindowClosed>(&event.recorded.event);
      if (closed == nullptr) continue;
      const auto node = decided.after.nodes.find(closed->node);
      if (node == decided.after.nodes.end() || node->second.held) continue;
      const auto& told = node->second.newest.window;
      const auto closes_ms = closed->window.closes_at_ms;
      const bool over = closes_ms != 0 && closes_ms <= decided.now.wall_ms;
      // By a clock that was set back it is still to come, and the document that names it is right again.
      const bool to_come = closed->window.opens_at_ms > decided.now.wall_ms;
      if (!over && !to_come && told == closed->window && node->second.open_window != told)
        found(world,
              "window " + closed->window.id + " of node " + to_string(closed->node) + " is closed, and its newest document has it open");
    }
  }
};

}  // namespace

std::unique_ptr<Checker> make_told_closes(const Facts& facts) {
  return std::make_unique<ToldCloses>(facts);
}

}  // namespace abide::sim
