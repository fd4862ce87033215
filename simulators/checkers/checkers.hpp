#pragma once
// All checkers of a run. Made before the world's first step:
//
//   Checkers checkers(world);
//   while (!checkers.found() && world.step()) {}
//   for (const auto& finding : checkers.findings()) ...
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"
#include "simulators/checkers/checker.hpp"
#include "simulators/checkers/facts.hpp"

namespace abide::sim {

class Checkers final : public Observer {
 public:
  // Watches from here on.
  explicit Checkers(World& world);
  ~Checkers() override;
  Checkers(const Checkers&) = delete;
  Checkers& operator=(const Checkers&) = delete;

  struct Description {
    std::string_view name, holds;
  };
  [[nodiscard]] static std::vector<Description> list();
  // The others judge no more. invalid_input names what is no checker.
  Result<void> only(const std::vector<std::string>& names);

  [[nodiscard]] bool found() const;
  [[nodiscard]] std::vector<Finding> findings() const;  // in the order of their steps
  [[nodiscard]] const Facts& facts() const { return facts_; }

  void decided(const World& world, const NodeDecided& decided) override;
  void decided(const World& world, const FleetDecided& decided) override;
  void node_committed(const World& world, MachineIndex machine) override;
  void fleet_committed(const World& world) override;
  void published(const World& world, std::optional<MachineIndex> machine, const BusMessage& message) override;
  void hardware(const World& world, const HardwareDid& did) override;
  void fault(const World& world, const FaultHappened& happened) override;
  void restored(const World& world) override;
  void quiet(const World& world) override;
  void ended(const World& world) override;

 private:
  Facts facts_;
  std::vector<std::unique_ptr<Checker>> checkers_;
};

}  // namespace abide::sim
