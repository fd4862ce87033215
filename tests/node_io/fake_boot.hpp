#pragma once
// A boot loader in memory with two slot files, whose slots can be told to misbehave.
#include <cassert>
#include <fcntl.h>
#include <mutex>
#include <string>
#include <unistd.h>
#include <vector>

#include "edge-agent/boot/boot_control.hpp"
#include "tests/support/child.hpp"

namespace abide::test {

class FakeBoot final : public agent::BootControl {
 public:
  explicit FakeBoot(std::uint64_t slot_bytes) {
    state_.boot = BootId{"boot-1"};
    state_.came_up = true;
    for (const Slot slot : {Slot::a, Slot::b}) {
      const int file = ::open(path_of(slot).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
      assert(file >= 0);
      assert(::ftruncate(file, static_cast<off_t>(slot_bytes)) == 0);
      ::close(file);
    }
  }

  Result<agent::BootState> read() override {
    const std::lock_guard lock(mutex_);
    reads_ += 1;
    if (reads_ == default_changes_at_read_) state_.default_slot = other(state_.default_slot);
    if (failures_ > 0) {
      failures_ -= 1;
      return fail(failure_, "the boot loader does not answer");
    }
    return state_;
  }
  Result<void> arm_once(Slot slot) override {
    return change([&](auto& state) { state.one_shot = slot; });
  }
  Result<void> disarm() override {
    return change([&](auto& state) { state.one_shot.reset(); });
  }
  Result<void> clear_came_up() override {
    return change([&](auto& state) { state.came_up = false; });
  }
  Result<void> confirm(Slot slot) override {
    return change([&](auto& state) { state.default_slot = slot; });
  }
  Result<void> mark_bad(Slot slot) override {
    return change([&](auto& state) { state.bad[slot == Slot::b] = true; });
  }
  Result<void> clear_bad(Slot slot) override {
    return change([&](auto& state) { state.bad[slot == Slot::b] = false; });
  }
  Result<void> reboot() override { return fail(Code::unavailable, "not here"); }
  std::string path_of(Slot slot) const override {
    const std::lock_guard lock(mutex_);
    // A disk that lies: what is read later is not what was written.
    if (lies_ && paths_told_++ > 0) return folder_ / "elsewhere";
    return slot == Slot::a ? slot_a_ : slot_b_;
  }

  agent::BootState state() {
    const std::lock_guard lock(mutex_);
    return state_;
  }
  void set_state(const agent::BootState& state) {
    const std::lock_guard lock(mutex_);
    state_ = state;
  }
  void fail_next(int count, Code code) {
    const std::lock_guard lock(mutex_);
    failures_ = count;
    failure_ = code;
  }
  void change_default_at_read(int number) {
    const std::lock_guard lock(mutex_);
    default_changes_at_read_ = number;
  }
  void lie() {
    const std::lock_guard lock(mutex_);
    lies_ = true;
  }
  void place_slot_b(const std::string& path) {
    const std::lock_guard lock(mutex_);
    slot_b_ = path;
  }
  const TemporaryDirectory& folder() const { return folder_; }

 private:
  template <class Change>
  Result<void> change(Change with) {
    const std::lock_guard lock(mutex_);
    with(state_);
    return {};
  }

  mutable std::mutex mutex_;
  TemporaryDirectory folder_;
  std::string slot_a_ = folder_ / "slot-a";
  std::string slot_b_ = folder_ / "slot-b";
  agent::BootState state_;
  int reads_ = 0;
  int default_changes_at_read_ = -1;
  int failures_ = 0;
  Code failure_ = Code::unavailable;
  bool lies_ = false;
  mutable int paths_told_ = 0;
};

}  // namespace abide::test
