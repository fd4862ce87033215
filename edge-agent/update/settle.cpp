// The levels: what follows from state, link and time, whatever input came before. Asked after every input until nothing
// more follows, so that no order of arrival matters.
#include <cassert>
#include <compare>
#include <utility>

#include "common/core/rules.hpp"
#include "common/core/version.hpp"
#include "edge-agent/update/conditions.hpp"
#include "edge-agent/update/decision.hpp"

namespace abide::node {
namespace {

// Accepted and refused, or: cancelled, accepted; withdrawn, cleared, begun again. More in one go is a loop.
constexpr int settle_steps_max = 8;

}  // namespace

void Decision::settle() {
  if (!ready()) return;
  if (!must_clear_boot_state(state_)) {
    int steps = 0;
    while (settle_once()) {
      ++steps;
      assert(steps < settle_steps_max);
    }
    if (state_.phase != phase_before_) link_.retry_at_mono_ms.reset();  // of an effect that is no longer asked for
    if (state_.phase == Phase::idle || state_.phase == Phase::staged) link_.arm_failures = link_.confirm_failures = 0;
  }
  settle_loader_order();
  settle_hello();
}

bool Decision::settle_once() {
  switch (state_.phase) {
    case Phase::idle:
      return settle_idle();
    case Phase::staging:
      if (const Reason why = withdrawal(state_); why != Reason::none) {
        cancel(why);
        return true;
      }
      return settle_staging();
    case Phase::staged:
      return settle_staged();
    case Phase::switching:
      return settle_switching();
    case Phase::rebooting:
      return settle_rebooting();
    case Phase::on_trial:
      return settle_trial();
    case Phase::confirming:
      return false;  // finish: what was proven good stays, whatever is asked for next
    case Phase::rolling_back:
      return settle_rolling_back();
  }
  return false;
}

bool Decision::settle_idle() {
  if (!asks_for_offer(state_)) return false;
  if (rule(Rule::synced_accept) && !synced(state_, link_)) return false;
  if ((rule(Rule::confirmed_first) && !running_is_confirmed(state_)) || returning_now(state_, boot_of(link_, now_))) return false;
  accept();
  return true;
}

// Accepted, and where nothing is to be written the outcome at once.
void Decision::accept() {
  const LinkedRelease wanted = *state_.link;
  const Identity& runs = state_.identity;
  out_.event(Accepted{wanted.offer, wanted.release});
  const Release& release = wanted.release;
  auto refuse = [&](Reason reason, std::string detail) { fail(reason, {"", "", 0, BootCause::other, std::move(detail)}); };
  if (state_.fault != Reason::none) return refuse(state_.fault, state_.fault_detail);
  const bool other_profile = release.profile_name != runs.profile_name;
  if (other_profile && !wanted.allow_profile_change) {
    return refuse(Reason::other_profile, "this node runs profile \"" + runs.profile_name + "\", not \"" + release.profile_name + "\"");
  }
  if (release.architecture != runs.architecture) {
    return refuse(Reason::other_architecture,
                  "this node is \"" + runs.architecture + "\", the image is for \"" + release.architecture + "\"");
  }
  if (!release.raw.sha256)
    return refuse(Reason::unsupported_image, "the digest of the raw image is not known, so it could not be verified");
  if (release.raw.sha256 == runs.digest) return succeed(runs.digest);
  if (wanted.allow_downgrade || other_profile) return;  // versions of two profiles say nothing of each other
  const auto order = compare_versions(release.os_image_id, runs.os_image_id);
  if (!order) {
    return refuse(Reason::older_release, "\"" + release.os_image_id + "\" cannot be compared with \"" + runs.os_image_id +
                                             "\", which runs, and the policy allows no downgrade");
  }
  if (*order == std::strong_ordering::less) {
    return refuse(Reason::older_release,
                  release.os_image_id + " is older than " + runs.os_image_id + ", which runs, and the policy allows no downgrade");
  }
}

// Says once an offer that a cut-off node cannot judge the window, where nothing else is in the way.
void Decision::judge_clock() {
  if (state_.clock_distrusted || !state_.window || withdrawal(state_) != Reason::none || state_.link->paused) return;
  if (link_.acked < state_.accepted_sequence || !cut_off(link_, now_, settings_.cut_off_after_ms)) return;
  if (rule(Rule::clock) && !own_clock_trusted(settings_, link_, now_)) out_.event(ClockDistrusted{state_.offer});
}

// A slot that somebody else booted, or a disk of another time: one slot runs unconfirmed, the other is the default, and none
// may be written. Nothing that this node does by itself changes that.
bool Decision::settle_staging() {
  if ((state_.target != state_.running && state_.target != state_.default_slot) || !rule(Rule::spare_slot)) return false;
  const std::string running(to_string(state_.running));
  const std::string target(to_string(state_.target));
  fail(Reason::no_slot_left, {"", "", 0, BootCause::other,
                              "slot " + running + " runs unconfirmed, and slot " + target +
                                  ", the other one, is the default: there is none to write to; reboot to go on from the default"});
  return true;
}

bool Decision::settle_staged() {
  if (const Reason why = withdrawal(state_); why != Reason::none) {
    cancel(why);
    return true;
  }
  judge_clock();
  if (!may_switch(settings_, state_, link_, now_).empty()) return false;
  out_.event(SwitchBegan{state_.offer});
  return true;
}

bool Decision::settle_switching() {
  if (rule(Rule::disarm_first)) return false;  // the way out is OneShotCleared
  if (const Reason why = withdrawal(state_); why != Reason::none) {
    cancel(why);
    return true;
  }
  if (may_switch(settings_, state_, link_, now_).empty()) return false;
  out_.event(SwitchCleared{state_.offer, "window over"});
  return true;
}

bool Decision::settle_rebooting() {
  if (!ordered_in_this_boot(state_, boot_of(link_, now_))) return false;
  if (!rule(Rule::disarm_first)) return settle_switching();
  if (!rule(Rule::back_to_switching)) return false;
  const bool loader_refuses = link_.arm_failures >= settings_.boot_loader_failures_max;
  const auto missing = may_switch(settings_, state_, link_, now_);
  if (!loader_refuses && (missing.empty() || !rule(Rule::recheck))) return false;
  // Nothing has been touched yet: the one-shot is cleared in Switching only, so that Rebooting with the old slot running
  // always means that the boot loader tried.
  out_.event(SwitchWithdrawn{state_.offer, loader_refuses ? "the reboot was refused: " + link_.effect_error : missing.front().text});
  return true;
}

bool Decision::settle_trial() {
  const Reason why = withdrawal(state_);
  if (why == Reason::aborted && can_go_back(state_, link_)) {
    begin_rollback(Reason::aborted, {});
    return true;
  }
  // The health checks' own verdict comes at the deadline and knows more; this one is for when it does not come.
  const bool in_trial_boot = state_.trial_boot == boot_of(link_, now_);
  if (!in_trial_boot || !rule(Rule::deadline) || now_.mono_ms < trial_deadline_mono_ms(settings_, state_) + settings_.trial_grace_ms)
    return false;
  begin_rollback(Reason::deadline, {"", "", state_.attempt, BootCause::other,
                                    "no verdict of the health checks within " + seconds(settings_.trial_deadline_ms)});
  return true;
}

bool Decision::settle_rolling_back() {
  if (state_.running != state_.target) return false;
  const bool loader_goes_nowhere = state_.interruptions >= settings_.boot_loader_failures_max;
  if (can_go_back(state_, link_) && !loader_goes_nowhere) return false;
  Evidence evidence = state_.undo_evidence;
  evidence.detail = std::string(to_string(state_.undo)) + (evidence.detail.empty() ? "" : ": " + evidence.detail) +
                    (loader_goes_nowhere ? "; every reboot came back to this slot" : "; there is no slot to go back to");
  fail(Reason::no_slot_left, std::move(evidence));
  return true;
}

// What the boot loader should be told, as a level. A new number for each change of mind: see Link::order.
void Decision::settle_loader_order() {
  LoaderOrder wanted = LoaderOrder::none;
  if (state_.phase == Phase::switching) {
    const bool may = !rule(Rule::recheck) || may_switch(settings_, state_, link_, now_).empty();
    wanted = may && link_.arm_failures < settings_.boot_loader_failures_max ? LoaderOrder::arm : LoaderOrder::clear;
    if (wanted == LoaderOrder::clear && !rule(Rule::disarm_first)) wanted = LoaderOrder::none;
  } else if (!rule(Rule::back_to_switching) && state_.phase == Phase::rebooting) {
    const bool may = may_switch(settings_, state_, link_, now_).empty();
    wanted = may || !ordered_in_this_boot(state_, boot_of(link_, now_)) ? LoaderOrder::none : LoaderOrder::clear;
  }
  if (wanted == link_.loader_order) return;
  link_.loader_order = wanted;
  ++link_.order;
  link_.retry_at_mono_ms.reset();
}

void Decision::settle_hello() {
  // An answer that took too long makes the window's edges too blurred to judge: ask for a fresher time.
  const bool clock_matters = state_.phase == Phase::staged || state_.phase == Phase::switching;
  if (clock_matters && state_.window && link_.welcomed && link_.round_trip_ms > settings_.round_trip_ms_max) {
    hello_not_after(link_, link_.hello_said_mono_ms + settings_.round_trip_again_ms);
  }
  if (!hello_due(link_, now_)) return;
  say_hello(link_, now_, settings_.hello_every_ms);
  out_.message(SayHello{});
}

}  // namespace abide::node
