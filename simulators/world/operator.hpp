#pragma once
// The people: they publish images, link policies, plan windows, change their minds, and mend what was held or doubled. What
// they do is drawn from the seed; or ordered by a scenario.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "simulators/world/world.hpp"

namespace abide::sim {

class Operator {
 public:
  explicit Operator(World& world) : world_(world) {}

  void begin();   // base image, policies, first windows; then acts now and then
  void settle();  // faults have stopped: confirms what is held, resolves conflicts, gives every node a window, and rests

  // ---- single acts, for scenarios too; the answer is the orchestrator's
  void publish(Image image);
  Result<fleet::Answer> create_policy(std::string name, std::string target_version, bool allow_downgrade);  // "" : LATEST
  Result<fleet::Answer> link(MachineIndex machine, std::string_view policy);
  Result<fleet::Answer> unlink(MachineIndex machine);
  Result<fleet::Answer> pause(MachineIndex machine, bool paused);
  Result<fleet::Answer> abort(MachineIndex machine);
  Result<fleet::Answer> open_window(MachineIndex machine, std::int64_t in_ms, std::int64_t lasts_ms);  // 0: open-ended
  Result<fleet::Answer> edit_window(std::string_view id, std::int64_t in_ms, std::int64_t lasts_ms);
  Result<fleet::Answer> close_window(std::string_view id);  // deletes the schedule
  Result<fleet::Answer> confirm(MachineIndex machine);
  Result<fleet::Answer> resolve(MachineIndex machine);  // names the journal that this machine has

  [[nodiscard]] const std::vector<std::string>& policies() const { return policies_; }
  [[nodiscard]] const std::vector<std::string>& windows() const { return windows_; }

 private:
  void act();
  void publish_next();
  void look_after();  // held and doubled nodes
  void plan_next();
  [[nodiscard]] std::string host_of(MachineIndex machine) const;

  World& world_;
  std::vector<std::string> policies_, windows_;
  std::uint64_t builds_ = 0;
};

}  // namespace abide::sim
