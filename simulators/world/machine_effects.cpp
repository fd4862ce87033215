// What the agent orders, and how it ends: edge-agent/effects.cpp, the stager and the health checks, on the simulated hardware.
#include <algorithm>
#include <cassert>
#include <utility>

#include "common/core/rules.hpp"
#include "simulators/world/machine.hpp"

namespace abide::sim {
namespace {

constexpr std::int64_t read_bytes_per_ms = 400'000;  // of a slot
constexpr std::int64_t stage_step_ms = 20'000;       // between two looks at a download
constexpr std::int64_t retry_ms_max = 120'000;       // a download that stalls goes on within
constexpr std::int64_t gives_up_ms_min = 60'000, gives_up_ms_max = 20 * 60'000;
constexpr std::int64_t verdict_ms_min = 4'000, verdict_ms_max = 60'000;
constexpr std::int64_t late_verdict_ms = 10'000;                                // before the deadline
constexpr std::int64_t going_down_ms_max = 3'000, going_down_ms_slow = 90'000;  // units that take their time to stop
constexpr std::int64_t retry_ms = 5'000;                                        // after which a machine asks for a failed effect again
constexpr std::int64_t late_end_ms_max = 20;                                    // it was on its way to the inbox

template <class... Ts>
struct Overload : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overload(Ts...) -> Overload<Ts...>;

bool same(const node::Stage& a, const node::Stage& b) {
  return a.offer == b.offer && a.slot == b.slot && a.release == b.release;
}
bool same(const node::CheckHealth& a, const node::CheckHealth& b) {
  return a.offer == b.offer && a.slot == b.slot && a.deadline_mono_ms == b.deadline_mono_ms;
}

}  // namespace

std::string_view name_of(const node::Effect& effect) {
  return std::visit(Overload{
                        [](const node::ClearBootState&) { return "ClearBootState"; },
                        [](const node::ReturnToDefault&) { return "ReturnToDefault"; },
                        [](const node::Stage&) { return "Stage"; },
                        [](const node::ArmOnce&) { return "ArmOnce"; },
                        [](const node::ClearOneShot&) { return "ClearOneShot"; },
                        [](const node::Reboot&) { return "Reboot"; },
                        [](const node::CheckHealth&) { return "CheckHealth"; },
                        [](const node::ConfirmBoot&) { return "ConfirmBoot"; },
                        [](const node::GoBack&) { return "GoBack"; },
                    },
                    effect);
}

std::optional<Machine::Performed> Machine::perform_one() {
  const std::uint64_t process = process_;
  const auto effects = host_->todo(now());
  bool stage = false;
  bool check = false;
  std::optional<Performed> performed;
  for (const auto& effect : effects) {
    if (const auto* order = std::get_if<node::Stage>(&effect)) {
      stage = true;
      if (!start(*order)) return Performed{};
    } else if (const auto* judged = std::get_if<node::CheckHealth>(&effect)) {
      check = true;
      if (!start(*judged)) return Performed{};
    } else if (!performed) {
      performed = Performed{perform(effect)};
      if (process != process_) return performed;
    }
  }
  if (!stage) stop_staging();
  if (!check) stop_health();
  return performed;
}

// ---- orders to the boot loader ------------------------------------------------------------------------------------------

// The next call fails, if there are failures left.
std::string Machine::error_of(int& failures) {
  loader_failed_ = failures > 0;
  if (!loader_failed_) return {};
  --failures;
  return "the boot loader's variables cannot be written";
}

std::optional<node::Input> Machine::perform(const node::Effect& effect) {
  loader_failed_ = false;
  if (!survives(Point::before_effect, name_of(effect))) return std::nullopt;
  const BootId boot = host_->link().boot;
  auto end = std::visit(Overload{
                            [&](const node::ClearBootState&) -> std::optional<node::Input> {
                              const std::string error = error_of(loader_errors.clear_state);
                              if (error.empty()) {
                                one_shot_.reset();
                                tell(HardwareDid::Kind::one_shot_cleared, other(running_), &effect);
                                came_up_ = false;
                                tell(HardwareDid::Kind::came_up_cleared, other(running_), &effect);
                              }
                              return node::BootStateCleared{boot, error};
                            },
                            [&](const node::ArmOnce& e) -> std::optional<node::Input> {
                              std::string error = error_of(loader_errors.arm);
                              if (error.empty() && e.slot == running_) error = "arm: the slot is the running one";
                              if (error.empty() && bad_[index_of(e.slot)]) error = "arm: the slot is marked bad";
                              if (error.empty()) {
                                one_shot_ = e.slot;
                                tell(HardwareDid::Kind::one_shot_armed, e.slot, &effect);
                              }
                              return node::OneShotArmed{e.offer, boot, error, e.order};
                            },
                            [&](const node::ClearOneShot& e) -> std::optional<node::Input> {
                              const std::string error = error_of(loader_errors.clear);
                              if (error.empty()) {
                                one_shot_.reset();
                                tell(HardwareDid::Kind::one_shot_cleared, other(running_), &effect);
                              }
                              return node::OneShotCleared{e.offer, boot, error, e.order};
                            },
                            [&](const node::ConfirmBoot& e) -> std::optional<node::Input> {
                              node::BootConfirmed confirmed;
                              confirmed.offer = e.offer;
                              confirmed.boot = boot;
                              confirmed.error = error_of(loader_errors.confirm);
                              if (confirmed.error.empty() && e.slot != running_) confirmed.error = "confirm: the slot does not run";
                              if (confirmed.error.empty() && !confirm_lies) {
                                default_slot_ = e.slot;
                                tell(HardwareDid::Kind::default_set, e.slot, &effect);
                              }
                              if (confirm_lies) loader_failed_ = true;
                              confirmed.running = running_;
                              confirmed.default_slot = default_slot_;
                              confirmed.digest = host_->state().identity.digest;
                              return confirmed;
                            },
                            [&](const node::Reboot& e) { return reboot(effect, e.boot); },
                            [&](const node::ReturnToDefault& e) { return reboot(effect, e.boot); },
                            [&](const node::GoBack& e) {
                              if (e.mark_bad && error_of(loader_errors.clear_state).empty()) {
                                bad_[index_of(e.bad)] = true;
                                tell(HardwareDid::Kind::slot_marked_bad, e.bad, &effect);
                              }
                              return reboot(effect, e.boot);
                            },
                            [](const node::Stage&) -> std::optional<node::Input> { return std::nullopt; },
                            [](const node::CheckHealth&) -> std::optional<node::Input> { return std::nullopt; },
                        },
                        effect);
  if (!survives(Point::after_effect, name_of(effect))) return std::nullopt;
  // While it waits to try again, and longer: what comes meanwhile finds the next try due.
  if (loader_failed_) stall(3, retry_ms, 3 * retry_ms);
  return end;
}

std::optional<node::Input> Machine::reboot(const node::Effect& effect, const BootId& boot) {
  if (const std::string error = error_of(loader_errors.reboot); !error.empty()) return node::RebootRefused{boot, error};
  tell(HardwareDid::Kind::reboot_ordered, running_, &effect);
  going_down_ = true;
  const bool slow = random_.below(3) == 0;
  in(draw_ms(1, slow ? going_down_ms_slow : going_down_ms_max), &Machine::go_down);
  return std::nullopt;
}

// The order is the system's by now, whatever becomes of the agent.
void Machine::go_down() {
  reset(BootCause::other);
}

// ---- staging ----------------------------------------------------------------------------------------------------------

bool Machine::start(const node::Stage& effect) {
  if (staging_ && same(staging_->order, effect)) return true;
  if (!survives(Point::before_effect, "Stage")) return false;
  stop_staging();
  staging_ = Staging{effect, next_number_++, 0, world_.now_ms(), false, 0};
  const std::uint64_t number = staging_->number;
  const auto size = static_cast<std::int64_t>(effect.release.raw.size);
  world_.heap().at(world_.now_ms() + 500 + size / read_bytes_per_ms, [this, number] { stage_look(number); });
  return true;
}

// The worker may have had its end in hand already.
void Machine::stop_staging() {
  if (!staging_) return;
  const auto order = std::move(staging_->order);
  const bool had_written = staging_->writing;
  staging_.reset();
  if (!host_ || !had_written || random_.below(3) != 0) return;
  node::StagingEnded late;
  late.offer = order.offer;
  late.boot = host_->link().boot;
  late.slot = order.slot;
  if (random_.below(2) == 0) {
    late.digest = order.release.raw.sha256;
    late.bytes = order.release.raw.size;
  } else {
    late.failure = Reason::download;
  }
  const std::int64_t in_ms = draw_ms(1, late_end_ms_max);
  post_if(process_, late, in_ms);
}

// A worker lives and dies with its process and its order.
bool Machine::staging_goes_on(std::uint64_t number) {
  return host_ && staging_ && staging_->number == number;
}

// Clears the mark; is the slot this image already?
void Machine::stage_look(std::uint64_t number) {
  if (!staging_goes_on(number)) return;
  const node::Effect effect = staging_->order;
  const auto& release = staging_->order.release;
  const Slot slot = staging_->order.slot;
  came_up_ = false;
  tell(HardwareDid::Kind::came_up_cleared, slot, &effect);
  if (!survives(Point::after_effect, "ClearCameUp")) return;
  flush_slot(slot);  // whoever wrote it
  if (read_slot(slot) == release.raw.sha256) return end_staging(number, Reason::none, "", true);
  const Image* image = world_.find_image(release.os_image_id);
  assert(image != nullptr);
  if (image->nature == Image::Nature::too_large)
    return end_staging(number, Reason::too_large, "the image has " + std::to_string(image->bytes) + " bytes", false);
  if (world_.strikes(Fault::disk_full, 20, index_)) return end_staging(number, Reason::no_space, "no space left on device", false);
  if (world_.strikes(Fault::torn_slot, 40, index_)) return end_staging(number, Reason::write_failed, "input/output error", false);
  if (image->nature == Image::Nature::unreachable || world_.strikes(Fault::download_fails, 12, index_)) {
    const std::int64_t gives_up_ms = draw_ms(gives_up_ms_min, gives_up_ms_max);
    world_.heap().at(world_.now_ms() + gives_up_ms, [this, number] { end_staging(number, Reason::download, "HTTP 404", false); });
    return;
  }
  staging_->writing = true;
  begin_writing(slot, effect);
  if (!survives(Point::after_effect, "Erase")) return;
  world_.heap().at(world_.now_ms() + 1, [this, number] { stage_write(number); });
}

void Machine::stage_write(std::uint64_t number) {
  if (!staging_goes_on(number)) return;
  if (world_.strikes(Fault::agent_kill_after_commit, 150, index_)) return kill_agent("killed while it writes");
  if (world_.strikes(Fault::power_cut, 150, index_)) return cut_power(off_for_ms());
  const std::uint64_t size = staging_->order.release.raw.size;
  auto& done = staging_->done;
  Progress progress{staging_->order.offer, Phase::staging, 0, done, size, bytes_per_second_};
  if (size > 0) progress.percent = static_cast<std::uint32_t>(done * 100 / size);
  if (done > 0) say_progress(progress);
  if (done >= size) {
    const auto& version = staging_->order.release.os_image_id;
    const Image& image = world_.image(version);
    const bool corrupt = world_.strikes(Fault::corrupt_download, 6, index_);
    if (corrupt || image.promised() != image.raw()) {  // another try, then it is a verdict
      if (++staging_->wrong_contents >= 2)
        return end_staging(number, Reason::wrong_digest, "downloaded bytes are not those promised", false);
      done = 0;
    } else {
      write_slot(staging_->order.slot, version, false);
      const auto ms = static_cast<std::int64_t>(size) / read_bytes_per_ms;
      world_.heap().at(world_.now_ms() + 200 + ms, [this, number] { stage_finish(number); });
      return;
    }
  }
  const std::uint64_t left_ms = (size - done) * 1000 / bytes_per_second_ + 1;
  std::int64_t ms = std::min(stage_step_ms, static_cast<std::int64_t>(left_ms));
  done = std::min(size, done + static_cast<std::uint64_t>(ms) * bytes_per_second_ / 1000 + 1);
  if (world_.strikes(Fault::download_fails, 100, index_)) ms += draw_ms(1, retry_ms_max);  // a connection ends, another goes on
  world_.heap().at(world_.now_ms() + ms, [this, number] { stage_write(number); });
}

// All is written: flushed, then read back.
void Machine::stage_finish(std::uint64_t number) {
  if (!staging_goes_on(number)) return;
  const Slot slot = staging_->order.slot;
  const node::Effect effect = staging_->order;
  flush_slot(slot);
  if (world_.strikes(Fault::torn_slot, 60, index_)) slots_[index_of(slot)].corrupt = true;
  if (rule(Rule::read_back) && read_slot(slot) != staging_->order.release.raw.sha256)
    return end_staging(number, Reason::read_back_failed, "the slot reads back otherwise than it was written", false);
  tell(HardwareDid::Kind::slot_written, slot, &effect);
  if (!survives(Point::after_effect, "Stage")) return;
  end_staging(number, Reason::none, "", false);
}

void Machine::end_staging(std::uint64_t number, Reason failure, std::string detail, bool reused) {
  if (!staging_goes_on(number)) return;
  const auto& order = staging_->order;
  node::StagingEnded ended;
  ended.offer = order.offer;
  ended.boot = host_->link().boot;
  ended.failure = failure;
  ended.evidence.detail = std::move(detail);
  ended.slot = order.slot;
  ended.took_ms = world_.now_ms() - staging_->began_ms;
  ended.reused = reused;
  if (failure == Reason::none) {
    bad_[index_of(order.slot)] = false;
    ended.digest = rule(Rule::read_back) ? read_slot(order.slot).value_or(Digest{}) : order.release.raw.sha256;
    ended.bytes = order.release.raw.size;
  }
  post(std::move(ended));
  stall(20, 500, 5'000);
}

// ---- health -----------------------------------------------------------------------------------------------------------

bool Machine::start(const node::CheckHealth& effect) {
  if (health_ && same(health_->order, effect)) return true;
  if (judged_ && same(*judged_, effect)) return true;
  if (!survives(Point::before_effect, "CheckHealth")) return false;
  stop_health();
  health_ = Health{effect, next_number_++};
  const std::uint64_t number = health_->number;
  const Image& image = world_.image(slots_[index_of(running_)].version);
  const std::int64_t left_ms = std::max<std::int64_t>(effect.deadline_mono_ms - now().mono_ms, 1);
  std::int64_t ms = std::min(draw_ms(verdict_ms_min, verdict_ms_max), left_ms);
  if (image.nature == Image::Nature::restless) ms = left_ms;  // it restarts before any verdict
  if (image.nature == Image::Nature::late_unhealthy) ms = std::max<std::int64_t>(left_ms - late_verdict_ms, 1);
  if (image.nature == Image::Nature::silent) {
    if (random_.below(2) == 0) return true;  // not even that it is over: the machine's own deadline ends it
    ms = left_ms;
  }
  if (world_.strikes(Fault::power_cut, host_->state().attempt > 1 ? 4 : 10, index_)) {
    const std::int64_t cut_ms = draw_ms(1, ms + 1);
    world_.heap().at(world_.now_ms() + cut_ms, [this, power = power_] {
      if (power == power_) cut_power(off_for_ms());
    });
  }
  world_.heap().at(world_.now_ms() + ms, [this, number] { judge_health(number); });
  return true;
}

void Machine::stop_health() {
  health_.reset();
  judged_.reset();
}

void Machine::judge_health(std::uint64_t number) {
  if (!host_ || !health_ || health_->number != number) return;
  const Image& image = world_.image(slots_[index_of(running_)].version);
  node::HealthJudged judged;
  judged.offer = health_->order.offer;
  judged.boot = host_->link().boot;
  switch (image.nature) {
    case Image::Nature::unhealthy:
    case Image::Nature::late_unhealthy:
      judged.reason = Reason::unhealthy;
      break;
    case Image::Nature::silent:
      judged.reason = Reason::deadline;
      break;
    default:
      judged.healthy = true;
  }
  judged.checks = {{"services", judged.healthy, 1'000, judged.healthy ? "" : "unit broken"}};
  if (!judged.healthy) judged.evidence = {"services", "unit broken", 1, BootCause::other, "services failed"};
  HardwareDid did;
  did.kind = HardwareDid::Kind::health_ran;
  did.machine = index_;
  did.slot = running_;
  did.image = image_in(running_);
  did.healthy = judged.healthy;
  world_.tell([&](Observer& observer) { observer.hardware(world_, did); });
  post(std::move(judged));
  stall(6, 500, 10'000);
}

}  // namespace abide::sim
