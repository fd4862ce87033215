// What befalls a machine by itself, now and then.
#include <algorithm>
#include <utility>

#include "simulators/world/control.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/operator.hpp"

namespace abide::sim {
namespace {

constexpr std::int64_t weather_ms_min = 5 * 60'000, weather_ms_max = 25 * 60'000;
constexpr std::int64_t full_ms_max = 20 * 60'000;
constexpr std::int64_t minute_ms = 60'000, hour_ms = 3'600'000;
constexpr std::uint64_t drift_ppm_max = 300;
constexpr std::int64_t coincides_at_once_ms = 1'500, coincides_first_ms = 25'000, coincides_longest_ms = 4 * 3'600'000;
constexpr std::int64_t clone_soon_ms = 3'000;
constexpr int arms_while_copied = 4, reboots_while_copied = 12;  // that fail; five in a row end an attempt where they are counted
constexpr std::int64_t crash_loop_ms = 3 * hour_ms;

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
  if (befalls(Fault::boot_loader_error, 12)) loader_error(random_.below(7));
  if (befalls(Fault::hang, 150) && powered_) watchdog_bites();
  if (befalls(Fault::agent_kill_after_commit, 2'500)) {
    crash_loop_until_ms_ = world_.now_ms() + crash_loop_ms;
    world_.say(name_, "its agent crashes again and again, without a network");
    world_.broker().wedge(index_, true);
    world_.heap().at(crash_loop_until_ms_, [this] { world_.broker().wedge(index_, false); });
    if (host_) crash();
  }
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
  if (short_disk_ && befalls(Fault::put_back, 120)) return put_back_short();
  if (befalls(Fault::re_image, 250)) return lose_state();
  if (befalls(Fault::clone, 350)) be_cloned(hour_ms);
  if (befalls(Fault::never_returns, 900)) return leave_for_ever();
  if (befalls(Fault::power_cut, 60)) cut_power(off_for_ms());
}

void Machine::keep_disk(const node::State& state) {
  const bool third = state.phase == Phase::on_trial && state.attempt >= node::Settings{}.trials_max;
  const bool withdrawn =
      state.phase > Phase::staged && (!state.link || state.link->offer != state.offer || state.link->aborted || state.link->paused);
  const bool rare =
      third || withdrawn || state.phase == Phase::confirming || state.phase == Phase::rolling_back || moment_of(state).returning;
  const bool kept = random_.below(rare ? 2 : 8) == 0;
  if (!kept || (short_disk_ && short_disk_is_rare_ && !rare)) return;
  short_disk_ = copy_disk();
  short_disk_is_rare_ = rare;
}

// Whatever boots then, and however the boot ended: it finds a store that stood in the middle of something.
void Machine::put_back_short() {
  if (world_.strikes(Fault::boot_loader_error, 3, index_)) default_is_bad = true;
  if (world_.strikes(Fault::hang, 3, index_)) hangs_once_ = true;
  put_back(*std::exchange(short_disk_, std::nullopt));
}

void Machine::be_cloned(std::int64_t off_ms_max) {
  if (world_.machine_count() >= 2 * world_.plan().nodes || boots_ == 0) return;
  // Who copies a disk with a damaged slot finds that it cannot be read.
  const auto& spare = slots_[index_of(other(running_))];
  if (!spare.version.empty() && (!spare.whole || spare.corrupt)) return;
  auto& copy = world_.add_machine(clone(world_.machine_count()));
  world_.say(name_, "is cloned: " + copy.name());
  world_.heap().at(world_.now_ms() + draw_ms(1'000, off_ms_max), [&copy] { copy.power_on(); });
}

// ---- what coincides with a phase ----------------------------------------------------------------------------------------

// A journal that begins finds the loader busy, more often than an old one would.
void Machine::greet_new_journal() {
  if (world_.strikes(Fault::boot_loader_error, 4, index_)) loader_error(4);
  if (world_.strikes(Fault::boot_loader_error, 4, index_)) loader_error(3);
}

Machine::Moment Machine::moment_of(const node::State& state) {
  return {state.phase, state.fresh, state.phase == Phase::idle && state.running != state.default_slot};
}

void Machine::enter(const node::State& state) {
  const Moment moment = moment_of(state);
  if (moment == entered_) return;
  entered_ = moment;
  if (world_.is_quiet() || !moment.is_short()) return;
  keep_disk(state);
  const bool refused_often = moment.phase == Phase::rebooting || moment.phase == Phase::confirming;
  if (world_.strikes(Fault::boot_loader_error, refused_often ? 2 : 3, index_)) loader_error_in(state.phase);
  coincides_ms_ = coincides_first_ms;
  coincide_soon();
}

void Machine::coincide_soon() {
  const bool at_once = coincides_ms_ == coincides_first_ms && random_.below(2) == 0;
  const std::int64_t in_ms = draw_ms(1, at_once ? coincides_at_once_ms : coincides_ms_);
  coincides_at_ms_ = world_.now_ms() + in_ms;
  in(in_ms, &Machine::coincide);
}

void Machine::loader_error_in(Phase phase) {
  switch (phase) {
    case Phase::switching: {
      const auto which = random_.below(3);  // arming, clearing, both
      if (which != 0) loader_error(1);
      if (which != 1) loader_error(0);
      return;
    }
    case Phase::confirming:
      return loader_error(random_.below(4) == 0 ? 5 : 2);
    case Phase::rebooting:
    case Phase::rolling_back:
      return loader_error(random_.below(4) == 0 ? 6 : 3);
    case Phase::idle:
      return loader_error(random_.below(3) == 0 ? 4 : 3);
    default:
      return loader_error(6);
  }
}

// The moments of a switch are short: what seldom meets them is drawn here once more while one lasts, at first often.
void Machine::coincide() {
  if (!host_ || world_.is_quiet() || world_.now_ms() != coincides_at_ms_ || !entered_.is_short()) return;
  if (entered_.phase != Phase::staged) {
    coincide_soon();
    coincides_ms_ = std::min(coincides_ms_ * 2, coincides_longest_ms);
  }
  const auto befalls = [&](Fault fault, std::uint64_t one_in) { return world_.strikes(fault, one_in, index_); };
  const bool armed = one_shot_.has_value();
  keep_disk(host_->state());
  const bool rebooting = entered_.phase == Phase::rebooting;
  stall(rebooting ? 1 : 3, 500, rebooting ? 40'000 : 12'000);
  if (befalls(Fault::lose_connection, 20)) world_.broker().lose_connection(index_);
  if (befalls(Fault::lose_connection, 8)) world_.broker().lose_connection(std::nullopt);
  if (befalls(Fault::lose_message, 8)) world_.control().drop_message_of(id_);
  if (befalls(Fault::broker_restart, 60)) world_.broker().restart(false);
  if (befalls(Fault::broker_amnesia, 60)) world_.broker().restart(true);
  if (befalls(Fault::orchestrator_kill_before_commit, 25)) world_.control().kill("killed");
  if (befalls(Fault::orchestrator_kill_after_commit, 25)) world_.control().kill("killed");
  if (world_.control().backups() > 0 && befalls(Fault::orchestrator_restore, 120))
    world_.control().restore(random_.below(world_.control().backups()));
  if (befalls(Fault::orchestrator_clock_step, 80)) {
    world_.control().step_clock(draw_ms(-5 * hour_ms, 5 * hour_ms));
    world_.heap().at(world_.now_ms() + draw_ms(minute_ms, 3 * hour_ms),
                     [this] { world_.control().step_clock(-world_.control().clock_off_ms()); });
  }
  if (befalls(Fault::node_clock_step, 40)) step_clock(draw_ms(-5 * hour_ms, 5 * hour_ms));
  world_.people().coincide(index_);
  if (!host_) return;
  if (befalls(Fault::agent_kill_after_commit, 12)) return kill_agent("killed");
  if (befalls(Fault::disk_full, 60)) {
    disk_.fill(true);
    world_.heap().at(world_.now_ms() + draw_ms(minute_ms, full_ms_max), [this] { disk_.fill(false); });
  }
  if (befalls(Fault::hang, 40)) return watchdog_bites();
  if (short_disk_ && befalls(Fault::put_back, armed ? 4 : 40)) return put_back_short();
  if (old_disk_ && befalls(Fault::put_back, armed ? 8 : 40)) return put_back(*std::exchange(old_disk_, std::nullopt));
  if (befalls(Fault::re_image, armed ? 8 : 100)) return lose_state();
  if (befalls(Fault::clone, 25)) {
    const bool soon = random_.below(3) != 0;
    if (soon && befalls(Fault::boot_loader_error, 1)) {  // so that the moment lasts until the copy speaks
      loader_errors.arm = arms_while_copied;
      loader_errors.reboot = rebooting ? arms_while_copied : reboots_while_copied;
    }
    be_cloned(soon ? clone_soon_ms : hour_ms);
  }
  if (befalls(Fault::never_returns, 800)) return leave_for_ever();
  if (befalls(Fault::power_cut, entered_.phase == Phase::on_trial || entered_.phase == Phase::confirming ? 6 : 12)) cut_power(off_for_ms());
}

void Machine::crash() {
  kill_agent("crashed");
}

// ---- the boot loader ----------------------------------------------------------------------------------------------------

void Machine::loader_error(std::uint64_t which) {
  const int calls = static_cast<int>(random_.below(7)) + 1;  // five in a row end an attempt
  switch (which) {
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
