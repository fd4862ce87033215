#pragma once
// The seam to a boot loader with two slots, a default, and a one-shot that the loader uses up.
//
// All but reboot are safe to ask twice. Errors: unavailable (not now: retried with back-off), corrupt (the boot state
// cannot be read: a person must look), denied. Called on the agent's owner thread, and by its staging worker
// (clear_came_up only); an implementation locks for itself.
#include <string>

#include "common/core/ids.hpp"
#include "common/core/result.hpp"
#include "common/events/node_events.hpp"

namespace abide::agent {

struct BootState {
  BootId boot;                       // this boot
  Slot running = Slot::a;
  Slot default_slot = Slot::a;
  std::optional<Slot> one_shot;      // armed for the next boot
  bool came_up = false;              // a one-shot boot reached the new slot's first unit since the mark was cleared
  BootCause cause = BootCause::other;  // why this boot happened
  bool bad[2] = {false, false};      // by slot: may not be armed until staged anew
  friend bool operator==(const BootState&, const BootState&) = default;
};

class BootControl {
 public:
  virtual ~BootControl() = default;
  [[nodiscard]] virtual Result<BootState> read() = 0;
  // conflict: the slot is the running one, or marked bad.
  [[nodiscard]] virtual Result<void> arm_once(Slot slot) = 0;
  [[nodiscard]] virtual Result<void> disarm() = 0;
  [[nodiscard]] virtual Result<void> clear_came_up() = 0;
  // Makes the slot the default; conflict: it does not run.
  [[nodiscard]] virtual Result<void> confirm(Slot slot) = 0;
  [[nodiscard]] virtual Result<void> mark_bad(Slot slot) = 0;
  [[nodiscard]] virtual Result<void> clear_bad(Slot slot) = 0;  // by staging, once the slot is written anew and verified
  // Orders the reboot. Returns only on failure, or where the order is under way.
  [[nodiscard]] virtual Result<void> reboot() = 0;
  // Where the slot's bytes are: a file or a block device.
  [[nodiscard]] virtual std::string path_of(Slot slot) const = 0;
};

}  // namespace abide::agent
