#pragma once
// The machine under one node's agent: two slots, a boot loader, and workers that stage and check, as clocks instead of bytes.
// It does what it is told and takes its time; how an update ends is drawn from the seed, the node and the offer alone, so that
// neither the order of things nor a restart changes it. The loop's thread alone.
#include <array>
#include <functional>
#include <optional>
#include <string>

#include "common/core/random.hpp"
#include "edge-agent/agent.hpp"
#include "edge-agent/boot/boot_control.hpp"
#include "simulators/node-fleet/network.hpp"
#include "simulators/node-fleet/weather.hpp"

namespace abide::node_fleet {

struct SlotContent {
  std::string profile_name, os_image_id, architecture;
  Digest digest;
  bool boots = true;  // the boot loader gets to its first unit
  friend bool operator==(const SlotContent&, const SlotContent&) = default;
};

class Machine final : public agent::BootControl {
 public:
  Machine(std::uint64_t seed, const NodeId& node, const Weather& weather, SlotContent factory);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // What a power cut leaves: the loader's variables, and what the slots hold. corrupt: not what hardware() gave.
  [[nodiscard]] std::string hardware() const;
  Result<void> restore(const std::string& hardware);
  [[nodiscard]] bool changed() const { return changed_; }
  void saved() { changed_ = false; }

  // ---- boots. Between an ordered reboot and power_on() the machine is down.
  void power_on();
  [[nodiscard]] bool reboot_ordered() const { return reboot_ordered_; }
  [[nodiscard]] std::int64_t boot_takes_ms();
  [[nodiscard]] const BootId& boot() const { return boot_; }
  [[nodiscard]] Result<Identity> measure(const agent::BootState& state, std::string_view agent_version) const;

  // ---- workers
  [[nodiscard]] agent::Workers workers();
  void advance(SteadyTime now);
  [[nodiscard]] SteadyTime next_moment() const;
  void stop_workers();

  // ---- BootControl
  [[nodiscard]] Result<agent::BootState> read() override;
  [[nodiscard]] Result<void> arm_once(Slot slot) override;
  [[nodiscard]] Result<void> disarm() override;
  [[nodiscard]] Result<void> clear_came_up() override;
  [[nodiscard]] Result<void> confirm(Slot slot) override;
  [[nodiscard]] Result<void> mark_bad(Slot slot) override;
  [[nodiscard]] Result<void> clear_bad(Slot slot) override;
  [[nodiscard]] Result<void> reboot() override;
  [[nodiscard]] std::string path_of(Slot slot) const override;

 private:
  enum class Fate : std::uint8_t { well, staging_fails, unhealthy, does_not_boot };
  struct Staging {
    agent::StageOrder order;
    agent::Stager::OnProgress on_progress;
    agent::Stager::OnEnd on_end;
    SteadyTime began, ends, tells;
    Fate fate = Fate::well;
  };
  struct Checking {
    agent::HealthOrder order;
    agent::HealthRunner::OnEnd on_end;
    SteadyTime began, ends;
  };

  [[nodiscard]] Random drawn_for(const Number& offer) const;
  [[nodiscard]] Fate fate_of(const Number& offer) const;
  [[nodiscard]] std::int64_t takes_ms(std::int64_t usual_ms, Random& random) const;
  void start_staging(agent::StageOrder order, agent::Stager::OnProgress on_progress, agent::Stager::OnEnd on_end);
  void start_health(agent::HealthOrder order, agent::HealthRunner::OnEnd on_end);
  void tell_progress(SteadyTime now);
  void end_staging(SteadyTime now);
  void end_health(SteadyTime now);

  const std::uint64_t seed_;  // of this node
  const Weather& weather_;
  std::array<SlotContent, 2> slots_;
  agent::BootState state_;
  std::uint64_t boots_ = 0;
  BootId boot_;
  bool reboot_ordered_ = false;
  bool changed_ = true;
  std::optional<Staging> staging_;
  std::optional<Checking> checking_;
};

}  // namespace abide::node_fleet
