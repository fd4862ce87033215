// The hardware: slots, boot variables, loader, power, clock. True whatever software believes.
#include <algorithm>
#include <cassert>
#include <utility>

#include "common/core/hash.hpp"
#include "common/core/rules.hpp"
#include "edge-agent/rows.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/past.hpp"

namespace abide::sim {
namespace {

// From power to the loader's choice, from there to the first unit of the slot, and from there to the agent.
constexpr std::int64_t loader_ms_min = 2'000, loader_ms_max = 6'000;
constexpr std::int64_t kernel_ms_min = 3'000, kernel_ms_max = 10'000;
constexpr std::int64_t units_ms_min = 3'000, units_ms_max = 20'000;
constexpr std::int64_t dead_ms_min = 30'000, dead_ms_max = 120'000;  // until the loader gives a slot up
constexpr std::int64_t watchdog_ms = 60'000;
constexpr std::int64_t ntp_soon_ms = 60'000, ntp_late_ms = 4 * 3'600'000;
constexpr std::int64_t supervisor_ms_min = 1'000, supervisor_ms_max = 15'000;
constexpr std::int64_t hour_ms = 3'600'000;
constexpr std::uint64_t bytes_per_second_min = 1'000'000, bytes_per_second_max = 20'000'000;

}  // namespace

Machine::Machine(World& world, MachineIndex index, NodeId id, std::string name)
    : world_(world), index_(index), id_(id), name_(std::move(name)), random_{world.random(World::Stream::machine).next()} {
  slots_[index_of(Slot::a)] = {base_version, true, false};
  clock_at_ms_ = off_since_ms_ = world.now_ms();
  bytes_per_second_ = bytes_per_second_min + random_.below(bytes_per_second_max - bytes_per_second_min);
}

Machine::~Machine() = default;

void Machine::begin_as(const PastNode& past) {
  for (const Slot slot : {Slot::a, Slot::b}) {
    const auto& version = past.slots[index_of(slot)];
    const bool known = !version.empty() && world_.find_image(version) != nullptr;
    slots_[index_of(slot)] = known ? Content{version, true, false} : Content{};
  }
  // What runs must be something.
  auto& running = slots_[index_of(past.running)];
  if (!running.whole) running = {base_version, true, false};
  running_ = default_slot_ = past.running;
  one_shot_ = past.one_shot;
  came_up_ = past.came_up;
  boots_ = past.boots;
  if (past.disk) disk_.replace(*past.disk);
}

std::unique_ptr<Machine> Machine::clone(MachineIndex index) const {
  auto copy = std::make_unique<Machine>(world_, index, id_, name_ + "-clone" + std::to_string(index));
  copy->slots_ = slots_;
  for (auto& slot : copy->slots_)
    if (!slot.whole) slot = {};
  copy->bad_ = bad_;
  copy->default_slot_ = default_slot_;
  copy->one_shot_ = one_shot_;
  copy->came_up_ = came_up_;
  copy->disk_.replace(disk_.content());
  copy->clock_ = clock_;
  return copy;
}

std::int64_t Machine::draw_ms(std::int64_t from_ms, std::int64_t to_ms) {
  return from_ms + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(to_ms - from_ms)));
}

void Machine::tell(HardwareDid::Kind kind, Slot slot, const node::Effect* effect) {
  HardwareDid did;
  did.kind = kind;
  did.machine = index_;
  did.slot = slot;
  did.image = image_in(slot);
  did.one_shot = kind == HardwareDid::Kind::booted && one_shot_taken_;
  did.effect = effect;
  world_.tell([&](Observer& observer) { observer.hardware(world_, did); });
}

// ---- power ------------------------------------------------------------------------------------------------------------

void Machine::in(std::int64_t ms, void (Machine::*what)()) {
  world_.heap().at(world_.now_ms() + ms, [this, power = power_, what] {
    if (powered_ && power == power_) (this->*what)();
  });
}

void Machine::power_on() {
  if (powered_ || gone_) return;
  powered_ = true;
  ++power_;
  world_.say(name_, "power on");
  if (!std::exchange(weather_began_, true)) weather();
  in(draw_ms(loader_ms_min, loader_ms_max), &Machine::load);
}

std::int64_t Machine::off_for_ms() {
  if (world_.strikes(Fault::power_stays_off, 6, index_)) return draw_ms(hour_ms, 8 * hour_ms);
  return draw_ms(2'000, 120'000);
}

void Machine::cut_power(std::int64_t off_for_ms) {
  if (gone_) return;
  if (powered_) {
    world_.say(name_, "power is cut");
    tell(HardwareDid::Kind::power_cut, running_);
    forget_process();
    powered_ = false;
    ++power_;
    off_since_ms_ = world_.now_ms();
    if (world_.is_quiet()) disk_.flush();
    if (disk_.cut()) {
      world_.say(name_, "the store lost what it had called flushed");
      world_.tell_fault(Fault::unsynced_lost, index_);
    }
    for (const Slot slot : {Slot::a, Slot::b}) {
      auto& content = slots_[index_of(slot)];
      if (!std::exchange(unflushed_[index_of(slot)], false) || !content.whole) continue;
      if (!world_.strikes(Fault::unsynced_lost, 1, index_)) continue;
      content.whole = false;
      world_.say(name_, "slot " + std::string(to_string(slot)) + " lost what was not flushed");
    }
    cause_ = BootCause::other;
  }
  if (off_for_ms < 0) return;
  world_.heap().at(world_.now_ms() + off_for_ms, [this, power = power_] {
    if (power == power_) power_on();
  });
}

void Machine::leave_for_ever() {
  if (gone_) return;
  world_.say(name_, "leaves for ever");
  cut_power(-1);
  gone_ = true;
}

// By software, watchdog or the image itself: power stays, what was written is written.
void Machine::reset(BootCause cause) {
  forget_process();
  unflushed_ = {};
  powered_ = false;
  cause_ = cause;
  power_on();
}

// ---- boot -------------------------------------------------------------------------------------------------------------

void Machine::load() {
  one_shot_taken_ = one_shot_.has_value();
  const Slot slot = one_shot_.value_or(default_slot_);
  one_shot_.reset();
  ++boots_;
  booted_at_ms_ = world_.now_ms();
  if (world_.strikes(Fault::power_cut, 25, index_)) {
    const std::int64_t ms = draw_ms(1, kernel_ms_max + units_ms_max);
    world_.heap().at(world_.now_ms() + ms, [this, power = power_] {
      if (power == power_) cut_power(off_for_ms());
    });
  }
  running_ = slot;
  clock_.trusted = false;
  const auto& content = slots_[index_of(slot)];
  const Image* image = content.whole ? world_.find_image(content.version) : nullptr;
  const bool dead = image == nullptr || image->nature == Image::Nature::dead;
  in(dead ? draw_ms(dead_ms_min, dead_ms_max) : draw_ms(kernel_ms_min, kernel_ms_max), dead ? &Machine::fall_back : &Machine::first_unit);
}

void Machine::fall_back() {
  world_.say(name_, "slot " + std::string(to_string(running_)) + " does not come up");
  if (running_ == default_slot_) return;  // nothing left to boot: it stays dark
  running_ = default_slot_;
  one_shot_taken_ = false;
  booted_at_ms_ = world_.now_ms();
  const Image* image = slots_[index_of(running_)].whole ? world_.find_image(slots_[index_of(running_)].version) : nullptr;
  in(draw_ms(kernel_ms_min, kernel_ms_max), image == nullptr ? &Machine::fall_back : &Machine::first_unit);
}

void Machine::first_unit() {
  if (one_shot_taken_) came_up_ = true;
  if (std::exchange(hangs_once_, false)) return watchdog_bites();
  const Image& image = world_.image(slots_[index_of(running_)].version);
  world_.say(name_, "boots slot " + std::string(to_string(running_)) + " with " + image.version + (one_shot_taken_ ? ", once" : "") + ", " +
                        boot_id().text);
  tell(HardwareDid::Kind::booted, running_);
  if (image.nature == Image::Nature::hung) {
    in(watchdog_ms, &Machine::watchdog_bites);
    return;
  }
  in(draw_ms(units_ms_min, units_ms_max), &Machine::start_agent);
  const bool has_ntp = clock_.off_ms == 0 && clock_.drift_ppm == 0 ? true : random_.below(3) != 0;
  in(draw_ms(1'000, has_ntp ? ntp_soon_ms : ntp_late_ms), &Machine::synchronise_clock);
}

void Machine::watchdog_bites() {
  world_.say(name_, "the watchdog resets it");
  reset(BootCause::watchdog);
}

void Machine::restart_by_itself() {
  if (running_ == default_slot_) return;
  world_.say(name_, "restarts by itself");
  reset(BootCause::other);
}

BootId Machine::boot_id() const {
  return {name_ + "-boot-" + std::to_string(boots_)};
}

// ---- slots ------------------------------------------------------------------------------------------------------------

std::string Machine::image_in(Slot slot) const {
  const auto& content = slots_[index_of(slot)];
  return content.whole && !content.corrupt ? content.version : std::string();
}

std::optional<Digest> Machine::read_slot(Slot slot) const {
  const auto& content = slots_[index_of(slot)];
  if (!content.whole) return std::nullopt;
  if (content.corrupt) return sha256("other bytes than those of " + content.version);
  return world_.image(content.version).raw();
}

Identity Machine::measure() const {
  const bool has_other = !slots_[index_of(other(running_))].version.empty();
  const Slot slot = rule(Rule::measured) || !has_other ? running_ : other(running_);
  const Image& image = world_.image(slots_[index_of(slot)].version);
  return {image.profile, image.version, image.architecture, read_slot(slot).value_or(Digest{}), "0.1"};
}

void Machine::begin_writing(Slot slot, const node::Effect& effect) {
  slots_[index_of(slot)] = {};
  unflushed_[index_of(slot)] = false;
  world_.say(name_, "writes slot " + std::string(to_string(slot)));
  tell(HardwareDid::Kind::slot_erased, slot, &effect);
}

// All bytes are given to the slot. Until flush_slot a power cut may lose them.
void Machine::write_slot(Slot slot, std::string version, bool corrupt) {
  slots_[index_of(slot)] = {std::move(version), true, corrupt};
  unflushed_[index_of(slot)] = true;
}

void Machine::flush_slot(Slot slot) {
  if (!rule(Rule::flush)) return;
  unflushed_[index_of(slot)] = false;
}

// ---- clock ------------------------------------------------------------------------------------------------------------

Now Machine::now() const {
  const std::int64_t true_ms = world_.now_ms();
  Now now;
  now.wall_ms = true_ms + clock_.off_ms;
  if (!clock_.trusted) now.wall_ms += (true_ms - clock_at_ms_) * clock_.drift_ppm / 1'000'000;
  now.mono_ms = true_ms - booted_at_ms_;
  now.boot = boot_id();
  now.trusted = clock_.trusted;
  return now;
}

// While NTP disciplines it, a clock neither is off nor drifts.
void Machine::synchronise_clock() {
  clock_.off_ms = 0;
  clock_.trusted = true;
  clock_at_ms_ = world_.now_ms();
}

// The kernel takes back that it is synchronised whenever the clock is set by hand.
void Machine::step_clock(std::int64_t ms) {
  clock_.off_ms = now().wall_ms - world_.now_ms() + ms;
  clock_.trusted = false;
  clock_at_ms_ = world_.now_ms();
  world_.say(name_, "its clock steps by " + std::to_string(ms) + " ms");
  if (powered_) in(draw_ms(ntp_soon_ms, ntp_late_ms), &Machine::synchronise_clock);
  if (host_) wake_at(world_.now_ms());
}

// ---- state ------------------------------------------------------------------------------------------------------------

void Machine::lose_state() {
  if (gone_) return;
  world_.say(name_, "is re-imaged: its state is lost");
  cut_power(-1);
  disk_.replace({});
  old_disk_.reset();
  cut_power(draw_ms(60'000, 900'000));
}

Disk::Content Machine::copy_disk() const {
  return disk_.content();
}

void Machine::put_back(Disk::Content content) {
  if (gone_) return;
  world_.say(name_, "an older copy of its disk is put back");
  cut_power(-1);
  disk_.replace(std::move(content));
  cut_power(draw_ms(60'000, 900'000));
}

void Machine::kill_agent(std::string_view why) {
  if (!host_) return;
  world_.say(name_, "agent ends: " + std::string(why));
  tell(HardwareDid::Kind::agent_ended, running_);
  forget_process();
  in(draw_ms(supervisor_ms_min, world_.now_ms() < crash_loop_until_ms_ ? 2 * supervisor_ms_min : supervisor_ms_max), &Machine::start_agent);
}

node::State Machine::state() const {
  if (host_) return host_->state();
  auto loaded = node::Rows::load(disk_, node_scope);
  assert(loaded);
  return std::move(*loaded);
}

JournalHead Machine::head() const {
  if (host_) return host_->journal().head();
  auto read = Journal::read_head(disk_, node_scope);
  assert(read);
  return *read;
}

bool Machine::connected() const {
  return host_ && world_.broker().connected(index_);
}

bool Machine::at_rest() const {
  if (gone_) return true;
  return powered_ && host_ && inbox_.empty() && !staging_ && !health_ && !going_down_;
}

}  // namespace abide::sim
