// The world's hardware: slots, boot variables, power; what the effects do to them; and what must never happen.
#include <algorithm>
#include <cassert>

#include "common/events/node_events.hpp"
#include "tests/support/node_world.hpp"

namespace abide::test {

using namespace node;  // NOLINT(google-build-using-namespace)

namespace {

constexpr std::int64_t boot_takes_ms = 20'000;

template <class... Ts>
struct Overload : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overload(Ts...) -> Overload<Ts...>;

}  // namespace

// ---- hardware --------------------------------------------------------------------------------------------------------

const Image* NodeWorld::image_in(Slot slot) const {
  for (const auto* image : catalogue())
    if (image->id == content(slot)) return image;
  return nullptr;
}

Identity NodeWorld::identity() const {
  const Image* image = image_in(running_);
  Identity identity{"microvisor", image != nullptr ? image->version : "", "x86_64", {}, "1"};
  if (image != nullptr) identity.digest = digest_of(image->id);
  return identity;
}

void NodeWorld::cut_power(bool damage, BootCause cause) {
  if (!power_) return;
  say(std::string("-- power is cut") + (damage ? ", with damage" : "") + (cause == BootCause::watchdog ? ", by the watchdog" : ""));
  const bool unfed = !link_.booted;
  const bool in_trial = running_ != default_slot_ && !state_.fresh && state_.phase >= Phase::switching && state_.phase <= Phase::confirming;
  if (in_trial) {
    ended_ = cause == BootCause::watchdog ? Ended::by_watchdog : Ended::interrupted;
  } else if (unfed && ended_ == Ended::by_watchdog && cause == BootCause::other) {
    ended_ = Ended::no;  // nobody was told of the watchdog, and nobody will be
  }
  if (damage && running_ != default_slot_) slots_[index(running_)] = half_a_slot;
  if (damage && staging_ && staging_->done == 2) slots_[index(other(running_))] = half_a_slot;
  cause_ = cause;
  power_ = false;
  forget_process();
}

void NodeWorld::check_boot(Slot slot) {
  if (slot == default_slot_) {
    if (image_in(slot) == nullptr) break_rule("the default slot holds no bootable image");
    return;
  }
  if (ended_ == Ended::by_watchdog) break_rule("tried again though the watchdog had ended the trial");
  if (image_in(slot) == nullptr) break_rule("an image was booted that was not verified");
  if (state_.fresh) return;
  if (state_.phase != Phase::switching && state_.phase != Phase::rebooting)
    break_rule("the new slot was booted though the offer was concluded");
  if (digest_of(content(slot)) != state_.staged) break_rule("an image was booted that was not verified");
}

void NodeWorld::boot_now() {
  assert(!power_);
  Slot slot = one_shot_.value_or(default_slot_);
  one_shot_.reset();
  power_ = true;
  ++boots_;
  now_ms_ += boot_takes_ms;
  booted_at_ms_ = now_ms_ - 5'000;
  check_boot(slot);
  if (slot != default_slot_) {
    if (state_.offer) attempt_booted_ = true;
    const Image* image = image_in(slot);
    if (image != nullptr && image->boots) {
      came_up_ = true;
      ended_ = Ended::no;
    } else {
      slot = default_slot_;  // the loader falls back
    }
  }
  running_ = slot;
  say("   slot " + std::string(to_string(slot)) + " runs");
}

void NodeWorld::reboot() {
  if (reboot_errors > 0) {
    --reboot_errors;
    post(RebootRefused{boot_id(), "the loader is busy"});
    return;
  }
  cut_power();
}

void NodeWorld::lose_journal() {
  say("-- the journal is lost");
  kill_agent();
  journal_ = {};
  state_ = {};
  ended_ = Ended::no;
  attempt_booted_ = false;
}

void NodeWorld::put_back(const Disk& disk) {
  say("-- an older copy of the disk is put back");
  kill_agent();
  journal_ = disk.journal;
  state_ = disk.state;
  ended_ = Ended::no;
}

// ---- effects ---------------------------------------------------------------------------------------------------------

bool NodeWorld::stage_has_work(const Stage& effect) const {
  return !(staging_ && staging_->offer == effect.offer && staging_->boot == boot_id() && staging_->done == 3);
}

bool NodeWorld::end_is_waiting(const Effect& effect) const {
  auto waits = [&](auto matches) { return std::any_of(inbox_.begin(), inbox_.end(), matches); };
  return std::visit(
      Overload{
          [&](const ClearBootState&) { return waits([](const Input& i) { return std::holds_alternative<BootStateCleared>(i); }); },
          [&](const Stage& e) { return !stage_has_work(e); },
          [&](const ArmOnce& e) {
            return waits(
                [&](const Input& i) { return std::holds_alternative<OneShotArmed>(i) && std::get<OneShotArmed>(i).order == e.order; });
          },
          [&](const ClearOneShot& e) {
            return waits(
                [&](const Input& i) { return std::holds_alternative<OneShotCleared>(i) && std::get<OneShotCleared>(i).order == e.order; });
          },
          [&](const CheckHealth&) { return waits([](const Input& i) { return std::holds_alternative<HealthJudged>(i); }); },
          [&](const ConfirmBoot&) { return waits([](const Input& i) { return std::holds_alternative<BootConfirmed>(i); }); },
          [&](const ReturnToDefault&) { return waits([](const Input& i) { return std::holds_alternative<RebootRefused>(i); }); },
          [&](const Reboot&) { return waits([](const Input& i) { return std::holds_alternative<RebootRefused>(i); }); },
          [&](const GoBack&) { return waits([](const Input& i) { return std::holds_alternative<RebootRefused>(i); }); },
      },
      effect);
}

void NodeWorld::stage(const Stage& effect) {
  if (!staging_ || staging_->offer != effect.offer || staging_->boot != boot_id()) staging_ = Staging{effect.offer, boot_id(), 0};
  const auto wanted = effect.release.raw.sha256.bytes[0];
  auto& slot = slots_[index(effect.slot)];
  const Image* image = nullptr;
  for (const auto* one : catalogue())
    if (one->id == wanted) image = one;
  assert(image != nullptr);
  auto ended = [&](bool reused) {
    staging_->done = 3;
    marked_bad_[index(effect.slot)] = false;
    post(StagingEnded{effect.offer, boot_id(), Reason::none, {}, effect.slot, digest_of(slot), effect.release.raw.size, 1, reused});
  };
  switch (staging_->done) {
    case 0:
      came_up_ = false;
      staging_->done = 1;
      return;
    case 1:
      if (slot == wanted) return ended(true);
      if (effect.slot == running_) break_rule("the running slot was written");
      if (effect.slot == default_slot_) break_rule("the default slot was written");
      slot = half_a_slot;
      staging_->done = 2;
      return;
    case 2:
      if (image->download_fails) {
        staging_->done = 3;
        post(StagingEnded{
            effect.offer, boot_id(), Reason::download, {"", "", 5, BootCause::other, "connection refused"}, effect.slot, {}, 0, 1, false});
        return;
      }
      slot = wanted;
      return ended(false);
    default:
      return;
  }
}

void NodeWorld::check_may_reboot(const Reboot& effect) {
  const auto& window = state_.window;
  const bool open = window && now_ms_ >= window->opens_at_ms && (window->closes_at_ms == 0 || now_ms_ < window->closes_at_ms);
  if (!open) break_rule("rebooted to switch outside a window that the node knows");
  if (!state_.link || state_.link->offer != state_.offer || state_.link->aborted || state_.link->paused)
    break_rule("rebooted to switch for an offer that is not asked for");
  if (effect.boot != boot_id() || state_.reboot_boot != boot_id()) break_rule("rebooted by an order of an earlier boot");
  if (link_.connected && state_.held.number < in_force_at_connection_)
    break_rule("switched on a document older than the one in force when it connected");
  if (journal_.acked < state_.accepted_sequence) break_rule("switched before the orchestrator knew that the offer was accepted");
}

void NodeWorld::perform(const Effect& effect) {
  auto take = [](int& errors) { return errors > 0 ? (--errors, std::string("the loader is busy")) : std::string(); };
  std::visit(Overload{
                 [&](const ClearBootState&) {
                   const auto error = take(clear_errors);
                   if (error.empty()) {
                     one_shot_.reset();
                     came_up_ = false;
                   }
                   post(BootStateCleared{boot_id(), error});
                 },
                 [&](const ReturnToDefault&) { reboot(); },
                 [&](const Stage& e) { stage(e); },
                 [&](const ArmOnce& e) {
                   auto error = take(arm_errors);
                   if (error.empty() && marked_bad_[index(e.slot)]) error = "the slot is marked bad";
                   if (error.empty()) one_shot_ = e.slot;
                   post(OneShotArmed{e.offer, boot_id(), error, e.order});
                 },
                 [&](const ClearOneShot& e) {
                   const auto error = take(clear_errors);
                   if (error.empty()) one_shot_.reset();
                   post(OneShotCleared{e.offer, boot_id(), error, e.order});
                 },
                 [&](const Reboot& e) {
                   check_may_reboot(e);
                   reboot();
                 },
                 [&](const CheckHealth& e) {
                   const Image* image = image_in(running_);
                   if (image != nullptr && image->restarts) return cut_power();
                   const bool healthy = image != nullptr && image->healthy;
                   post(HealthJudged{e.offer,
                                     boot_id(),
                                     healthy,
                                     healthy ? Reason::none : Reason::unhealthy,
                                     {{"app", healthy, 10, ""}},
                                     {healthy ? "" : "app", "", 1, BootCause::other, ""}});
                 },
                 [&](const ConfirmBoot& e) {
                   const auto error = take(confirm_errors);
                   if (running_ != e.slot) break_rule("a slot was made default that does not run");
                   if (error.empty()) default_slot_ = e.slot;
                   post(BootConfirmed{e.offer, boot_id(), running_, default_slot_, digest_of(content(running_)), error});
                 },
                 [&](const GoBack& e) {
                   if (e.bad == default_slot_) break_rule("the default slot was marked bad");
                   if (e.mark_bad) marked_bad_[index(e.bad)] = true;
                   reboot();
                 },
             },
             effect);
}

void NodeWorld::check_event(const Recorded<NodeEvent>& recorded, const State& before) {
  const auto key = [&](Number offer) { return std::pair(recorded.journal, offer); };
  if (const auto* accepted = std::get_if<Accepted>(&recorded.event)) {
    if (before.phase != Phase::idle) break_rule("an offer was accepted while another was open");
    if (!accepted_.insert(key(accepted->offer)).second) break_rule("an offer was accepted a second time");
    if (running_ != default_slot_) break_rule("an offer was accepted before the running system was confirmed");
    ended_ = Ended::no;
    attempt_booted_ = false;
  }
  if (std::holds_alternative<JournalForked>(recorded.event) && before.offer) accepted_.insert(key(before.offer));
  if (std::holds_alternative<TrialInterrupted>(recorded.event)) {
    if (ended_ == Ended::interrupted) ended_ = Ended::no;
    attempt_booted_ = false;
  }
  const Outcome outcome = outcome_of(recorded.event);
  if (outcome.kind == OutcomeKind::none) return;
  if (accepted_.count(key(outcome.offer)) == 0) break_rule("an outcome for an offer that was not accepted");
  if (++outcomes_[key(outcome.offer)] > 1) break_rule("a second outcome for one offer");
  if (outcome.kind == OutcomeKind::succeeded) {
    if (digest_of(content(running_)) != before.release.raw.sha256 || running_ != default_slot_)
      break_rule("success was reported while another image runs");
  }
  if (outcome.kind == OutcomeKind::rolled_back) {
    if (!attempt_booted_) break_rule("rolled back though this attempt never booted the new slot");
    if (ended_ == Ended::interrupted && before.interruptions + 1 < machine.settings.trials_max)
      break_rule("rolled back though the trial was only interrupted");
  }
  if (outcome.kind == OutcomeKind::failed && !inbox_.empty()) {
    if (const auto* ended = std::get_if<StagingEnded>(&inbox_.front()); ended != nullptr && ended->offer != outcome.offer)
      break_rule("failed by the end of another offer's download");
  }
  ended_ = Ended::no;
  attempt_booted_ = false;
}

}  // namespace abide::test
