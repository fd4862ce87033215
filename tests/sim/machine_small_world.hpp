#pragma once
// One world with a machine or two, without faults and without people: what happens is ordered by the test.
#include <algorithm>
#include <cstdint>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "common/events/print.hpp"
#include "simulators/world/control.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/operator.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {

inline constexpr std::int64_t minute_ms = 60'000;

class SmallWorld : public Observer {
 public:
  explicit SmallWorld(std::size_t nodes = 1) : world_(plan(nodes)) {
    world_.watch(*this);
    EXPECT_TRUE(until([&] {
      for (MachineIndex i = 0; i < nodes; ++i) {
        const auto* node = control().node(machine(i).id());
        if (node == nullptr || node->upto == 0 || machine(i).head().acked < machine(i).head().last) return false;
      }
      return true;
    })) << "the nodes do not come up";
    EXPECT_TRUE(people().create_policy("latest", "", false));
  }

  // An offer that the first machine gets, with a window that is open.
  void offer(const std::string& version, Image::Nature nature = Image::Nature::good) {
    publish(version, nature);
    EXPECT_TRUE(people().link(0, "latest"));
    EXPECT_TRUE(people().open_window(0, 1'000, 0));
  }
  void publish(const std::string& version, Image::Nature nature = Image::Nature::good) {
    Image image;
    image.version = version;
    image.bytes = 400'000'000;
    image.nature = nature;
    people().publish(image);
    world_.pass(2'000);
  }

  bool until(const std::function<bool()>& so, std::int64_t within_ms = 60 * minute_ms) { return world_.run_until(so, within_ms); }
  bool until_phase(Phase phase) {
    return until([&] { return machine().agent_runs() && machine().state().phase == phase; });
  }
  // The newest offer has ended; how, by the machine's own journal.
  std::string outcome() {
    const bool ended = until([&] {
      const auto state = machine().state();
      return state.phase == Phase::idle && state.outcome.offer && state.link && state.outcome.offer == state.link->offer &&
             machine().head().acked == machine().head().last && machine().at_rest();
    });
    if (!ended) return "none";
    const auto outcome = machine().state().outcome;
    return std::string(to_string(outcome.kind)) + " " + std::string(to_string(outcome.reason));
  }
  [[nodiscard]] std::size_t count(std::string_view event) const {
    return static_cast<std::size_t>(std::count(events_.begin(), events_.end(), event));
  }
  [[nodiscard]] std::size_t starts() const { return starts_; }
  [[nodiscard]] std::size_t faults() const { return faults_; }

  World& world() { return world_; }
  Machine& machine(MachineIndex index = 0) { return world_.machine(index); }
  Control& control() { return world_.control(); }
  Operator& people() { return world_.people(); }

  using Observer::decided;
  void decided(const World&, const NodeDecided& decided) override {
    for (const auto& event : decided.events) events_.emplace_back(name_of(event.recorded.event));
  }
  void hardware(const World&, const HardwareDid& did) override {
    if (did.kind == HardwareDid::Kind::agent_started) ++starts_;
  }
  void fault(const World&, const FaultHappened&) override { ++faults_; }

 private:
  static Plan plan(std::size_t nodes) {
    Plan plan;
    plan.nodes = nodes;
    plan.operator_works = false;
    return plan;
  }

  World world_;
  std::vector<std::string> events_;  // of all machines
  std::size_t starts_ = 0, faults_ = 0;
};

}  // namespace abide::sim
