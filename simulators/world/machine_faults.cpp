// What befalls a machine by itself, now and then.
#include <utility>

#include "simulators/world/machine.hpp"

namespace abide::sim {
namespace {

constexpr std::int64_t weather_ms_min = 5 * 60'000, weather_ms_max = 25 * 60'000;
constexpr std::int64_t full_ms_max = 20 * 60'000;
constexpr std::int64_t minute_ms = 60'000, hour_ms = 3'600'000;
constexpr std::uint64_t drift_ppm_max = 300;

}  // namespace

// Goes on for ever; once faults have stopped, it only mends.
void Machine::weather() {
  if (world_.is_quiet()) {
    mend();
  } else {
    bad_weather();
  }
  world_.heap().at(world_.now_ms() + draw_ms(weather_ms_min, weather_ms_max), [this] {
    if (!gone_) weather();
  });
}

void Machine::bad_weather() {
  const auto befalls = [&](Fault fault, std::uint64_t one_in) { return world_.strikes(fault, one_in, index_); };
  if (befalls(Fault::node_clock_drift, 30)) {
    clock_.off_ms = now().wall_ms - world_.now_ms();
    clock_at_ms_ = world_.now_ms();
    clock_.trusted = false;
    clock_.drift_ppm = static_cast<std::int64_t>(random_.below(2 * drift_ppm_max + 1)) - static_cast<std::int64_t>(drift_ppm_max);
  }
  if (befalls(Fault::node_clock_step, 40)) {
    const std::int64_t hours = draw_ms(-5, 6);
    const std::int64_t ms = draw_ms(-hour_ms, hour_ms);
    step_clock(hours * hour_ms + ms);
  }
  if (befalls(Fault::disk_full, 60)) {
    disk_.fill(true);
    world_.heap().at(world_.now_ms() + draw_ms(minute_ms, full_ms_max), [this] { disk_.fill(false); });
  }
  if (befalls(Fault::disk_lies, 30) && !disk_.lies()) disk_.lie();
  if (befalls(Fault::boot_loader_error, 12)) loader_error();
  if (befalls(Fault::torn_slot, 50)) {
    const Slot spare = other(running_);
    if (spare != default_slot_ && !(staging_ && staging_->writing)) {
      auto& content = slots_[index_of(spare)];
      const bool corrupt = random_.below(4) == 0;
      if (corrupt) content.corrupt = true;
      if (!corrupt) content.whole = false;
      world_.say(name_, "slot " + std::string(to_string(spare)) + (corrupt ? " is corrupt" : " is torn"));
    }
  }
  if (random_.below(12) == 0) old_disk_ = copy_disk();
  if (old_disk_ && befalls(Fault::put_back, 90)) return put_back(*std::exchange(old_disk_, std::nullopt));
  if (befalls(Fault::re_image, 250)) return lose_state();
  if (world_.machine_count() < 2 * world_.plan().nodes && boots_ > 0 && befalls(Fault::clone, 350)) {
    auto& copy = world_.add_machine(clone(world_.machine_count()));
    world_.say(name_, "is cloned: " + copy.name());
    world_.heap().at(world_.now_ms() + draw_ms(minute_ms, hour_ms), [&copy] { copy.power_on(); });
  }
  if (befalls(Fault::never_returns, 900)) return leave_for_ever();
  if (befalls(Fault::power_cut, 60)) cut_power(off_for_ms());
}

void Machine::loader_error() {
  const int calls = static_cast<int>(random_.below(7)) + 1;  // five in a row end an attempt
  switch (random_.below(7)) {
    case 0:
      loader_errors.arm = calls;
      break;
    case 1:
      loader_errors.clear = calls;
      break;
    case 2:
      loader_errors.confirm = calls;
      break;
    case 3:
      loader_errors.reboot = calls;
      break;
    case 4:
      loader_errors.clear_state = calls;
      break;
    case 5:
      confirm_lies = true;
      break;
    default:
      default_is_bad = true;
  }
  world_.heap().at(world_.now_ms() + draw_ms(hour_ms, 6 * hour_ms), [this] { confirm_lies = default_is_bad = false; });
}

void Machine::mend() {
  loader_errors = {};
  confirm_lies = default_is_bad = false;
  disk_.fill(false);
  clock_.drift_ppm = 0;
  synchronise_clock();
}

}  // namespace abide::sim
