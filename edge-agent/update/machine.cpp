#include "edge-agent/update/machine.hpp"

#include <algorithm>
#include <utility>

#include "common/core/rules.hpp"
#include "edge-agent/update/conditions.hpp"
#include "edge-agent/update/decision.hpp"

namespace abide::node {
namespace {

bool outside_window(const State& state, const Now& now) {
  if (!state.window) return true;
  const bool closed = state.window->closes_at_ms != 0 && now.wall_ms >= state.window->closes_at_ms;
  return now.wall_ms < state.window->opens_at_ms || closed;
}

}  // namespace

// ---- predicates that all of the machine shares -----------------------------------------------------------------------

bool asks_for_offer(const State& state) {
  if (!state.link || state.link->aborted) return false;
  const LinkedRelease& link = *state.link;
  const Outcome& outcome = state.outcome;
  if (outcome.kind == OutcomeKind::none) return true;
  if (!rule(Rule::offer_id) && state.release.os_image_id == link.release.os_image_id) return false;
  if (!rule(Rule::sticky_outcome) && outcome.kind == OutcomeKind::rolled_back) return true;
  // Offers are numbers of documents, and those only grow: what is not later than the newest outcome is over.
  return link.offer > outcome.offer;
}

bool running_is_confirmed(const State& state) {
  return state.running == state.default_slot;
}

bool can_go_back(const State& state, const Link& link) {
  return !link.default_is_bad && state.default_slot != state.target;
}

bool knows_boot(const Link& link) {
  return link.booted || !rule(Rule::booted_first);
}

bool must_clear_boot_state(const State& state) {
  return rule(Rule::fresh_clear) && state.fresh;
}

bool returning_now(const State& state, const BootId& boot) {
  return state.returning && *state.returning == boot;
}

const BootId& boot_of(const Link& link, const Now& now) {
  return link.booted ? link.boot : now.boot;
}

bool ordered_in_this_boot(const State& state, const BootId& boot) {
  return !rule(Rule::boot_id) || state.reboot_boot == boot;
}

std::int64_t trial_deadline_mono_ms(const Settings& settings, const State& state) {
  return state.trial_mono_ms + settings.trial_deadline_ms;
}

bool retry_pending(const Link& link, const Now& now) {
  return link.retry_at_mono_ms && now.mono_ms < *link.retry_at_mono_ms;
}

// ---- decide ----------------------------------------------------------------------------------------------------------

void UpdateMachine::decide(const State& state, Link& link, const Input& input, const Now& now, Out<Event, Message>& out) const {
  Decision decision(settings, state, link, now, out);
  std::visit(decision, input);
  decision.settle();
}

bool Decision::ready() const {
  return knows_boot(link_);
}

// An effect's end counts for the offer and the boot that it was ordered in.
bool Decision::mine(Number offer, const BootId& boot) const {
  if (!ready()) return false;
  return !rule(Rule::tagged_inputs) || (offer == state_.offer && boot == boot_of(link_, now_));
}

void Decision::effect_failed(const std::string& error) {
  link_.effect_error = error;
  link_.retry_at_mono_ms = now_.mono_ms + settings_.effect_retry_ms;
}

void Decision::effect_done() {
  link_.retry_at_mono_ms.reset();
  link_.effect_error.clear();
}

// ---- outcomes --------------------------------------------------------------------------------------------------------

void Decision::succeed(const Digest& measured) {
  const Succeeded succeeded{state_.offer, state_.from, state_.release.os_image_id, measured};
  out_.event(succeeded);
  if (!rule(Rule::one_outcome)) out_.event(succeeded);
}

void Decision::fail(Reason reason, Evidence evidence) {
  out_.event(Failed{state_.offer, reason, state_.from, state_.release.os_image_id, std::move(evidence)});
}

void Decision::roll_back(Reason reason, Evidence evidence) {
  out_.event(RolledBack{state_.offer, reason, state_.release.os_image_id, state_.identity.os_image_id, std::move(evidence)});
}

void Decision::cancel(Reason why) {
  out_.event(Cancelled{state_.offer, rule(Rule::outcome_reason) ? why : Reason::none, state_.from, state_.release.os_image_id});
}

void Decision::begin_rollback(Reason reason, Evidence evidence) {
  evidence.attempts = std::max(evidence.attempts, state_.attempt);
  if (can_go_back(state_, link_)) {
    out_.event(RollbackBegan{state_.offer, reason, std::move(evidence)});
    return;
  }
  // Rebooting would start this slot again, or one that is known not to work. The node stays up and says so.
  if (evidence.detail.empty()) evidence.detail = std::string(to_string(reason));
  evidence.detail += link_.default_is_bad ? "; slot " + std::string(to_string(state_.default_slot)) + " is marked bad, too"
                                          : "; no other slot is the default";
  fail(Reason::no_slot_left, std::move(evidence));
}

// ---- boot ------------------------------------------------------------------------------------------------------------

void Decision::operator()(const Booted& input) {
  link_.booted = true;
  link_.boot = input.boot;
  link_.started_at_mono_ms = now_.mono_ms;
  link_.default_is_bad = input.default_is_bad;

  const bool same_boot = rule(Rule::boot_id) && state_.boot == input.boot;  // the agent was restarted, not the machine

  AgentStarted started{input.boot, input.running, input.default_slot, input.came_up, input.cause, input.identity, now_.mono_ms};
  const bool news = !state_.journal || state_.running != input.running || state_.default_slot != input.default_slot ||
                    state_.identity != input.identity || state_.phase != Phase::idle;
  const bool journal_is_long = state_.last > link_.acked && state_.last - link_.acked > unacknowledged_events_max;
  if (news || !journal_is_long) {
    out_.event(std::move(started));
  } else {
    out_.message(EventOmitted{});
  }

  switch (state_.phase) {
    case Phase::idle:
    case Phase::staging:
    case Phase::staged:
      return;  // no boot of the new slot was ordered
    case Phase::rebooting:
      if (rule(Rule::boot_id) && input.boot == state_.reboot_boot) return;
      break;
    case Phase::switching:
      // Nothing has been booted since. The one-shot may be armed: the way out is that it is cleared, whatever mark an earlier
      // boot has left.
      if (same_boot && input.running != state_.target) return;
      break;
    case Phase::on_trial:
    case Phase::confirming:
    case Phase::rolling_back:
      break;
  }
  if (input.running == state_.target) {
    spare_came_up(input);
  } else {
    old_slot_came_up(input);
  }
}

void Decision::spare_came_up(const Booted& input) {
  switch (state_.phase) {
    case Phase::idle:
    case Phase::staging:
    case Phase::staged:
    case Phase::rolling_back:
      return;                // todo goes on where it was; a rollback without a slot to go to ends in settle
    case Phase::confirming:  // what passed its trial becomes the default, and nothing else
      if (input.identity.digest != state_.release.raw.sha256) roll_back_other_image(input);
      return;
    case Phase::on_trial:
      if (state_.trial_boot == input.boot) return;
      // Another boot of the new slot that nobody here ordered. The trial begins anew, as often as trials may.
      if (rule(Rule::trial_limit) && state_.attempt >= settings_.trials_max) {
        begin_rollback(Reason::trial_interrupted,
                       {"", "", state_.attempt, input.cause, "the new slot was booted again and again during its trial"});
        return;
      }
      break;
    case Phase::switching:  // power was cut after the one-shot was armed
    case Phase::rebooting:
      break;
  }
  start_trial();
  if (input.identity.digest != state_.release.raw.sha256) roll_back_other_image(input);
}

void Decision::roll_back_other_image(const Booted& input) {
  begin_rollback(Reason::wrong_digest, {"", "", state_.attempt, input.cause,
                                        "slot " + std::string(to_string(input.running)) + " runs " + to_hex(input.identity.digest) +
                                            ", the offer is " + to_hex(state_.release.raw.sha256)});
}

void Decision::start_trial() {
  out_.event(TrialStarted{state_.offer, state_.attempt + 1, outside_window(state_, now_), boot_of(link_, now_), now_.mono_ms});
}

void Decision::old_slot_came_up(const Booted& input) {
  const bool came_up = input.came_up && rule(Rule::came_up);
  switch (state_.phase) {
    case Phase::idle:
    case Phase::staging:
    case Phase::staged:
      return;
    case Phase::switching:  // power was cut before the one-shot was armed, or it was armed, came up, and its power was cut
      if (came_up) trial_ended(input);
      return;
    case Phase::rebooting:
      if (came_up) {
        trial_ended(input);
      } else {
        roll_back(Reason::boot_failed, {"", "", state_.attempt + 1, input.cause,
                                        "slot " + std::string(to_string(state_.target)) +
                                            " did not come up and the boot loader fell back; or power was cut before its first unit ran"});
      }
      return;
    case Phase::on_trial:
      trial_ended(input);
      return;
    case Phase::confirming:
      if (rule(Rule::confirm_guard)) trial_ended(input);
      return;
    case Phase::rolling_back:
      if (state_.undo == Reason::aborted) {
        cancel(Reason::aborted);
      } else {
        roll_back(state_.undo, state_.undo_evidence);
      }
      return;
  }
}

// The new slot had come up, and the old one runs again: whose fault was it?
void Decision::trial_ended(const Booted& input) {
  const bool in_trial = state_.phase == Phase::on_trial || state_.phase == Phase::confirming;
  const std::uint32_t attempt = in_trial ? state_.attempt : state_.attempt + 1;
  Evidence evidence{"", "", attempt, input.cause, ""};
  if (!rule(Rule::interrupted)) return roll_back(Reason::boot_failed, evidence);
  if (rule(Rule::cause) && input.cause == BootCause::watchdog) {
    evidence.detail = "the watchdog reset the new system during its trial";
    return roll_back(Reason::watchdog, evidence);
  }
  if (input.default_slot == state_.target) {  // it was confirmed already, so the loader wanted it and could not
    evidence.detail = "the new slot is the default, but the old one runs";
    return roll_back(Reason::boot_failed, evidence);
  }
  if (rule(Rule::trial_limit) && attempt >= settings_.trials_max) {
    evidence.detail = "every trial ended without a verdict: power cuts or restarts";
    return roll_back(Reason::trial_interrupted, evidence);
  }
  out_.event(TrialInterrupted{state_.offer, attempt, input.cause});
}

// ---- link ------------------------------------------------------------------------------------------------------------

void Decision::operator()(const Connected&) {
  connected(link_, now_, settings_.hello_every_ms);
}

void Decision::operator()(const Disconnected&) {
  disconnected(link_, now_);
}

void Decision::operator()(const RollCallHeard& input) {
  hear_roll_call(link_, input.roll_call, now_);
}

void Decision::operator()(const ReceivedHeard& input) {
  if (!ready()) return;  // AgentStarted is the first event of a start, and no hello was said yet
  const OwnJournal own{state_.journal, state_.last, input.own_chain};
  switch (hear_received(link_, input.received, own, now_, settings_.clock_epsilon_ms, settings_.round_trip_ms_max)) {
    case Verdict::nothing:
      return;
    case Verdict::forked:
      fork_journal();
      return;
    case Verdict::acknowledged:
      out_.acknowledged(link_.acked);
      return;
  }
}

// What the old journal has and the orchestrator lacks stays behind: its events belong to a history that split.
void Decision::fork_journal() {
  // What this disk says of the slot may be older than the slot: it is read again.
  const Phase phase = state_.phase == Phase::staged ? Phase::staging : state_.phase;
  JournalForked forked{state_.journal, state_.last, state_.offer, phase, state_.outcome};
  out_.new_journal(JournalId{link_.random.next_id()});
  out_.event(std::move(forked));
  forget_journal(link_, now_);
}

void Decision::operator()(const DocumentHeard& input) {
  if (!ready() || (rule(Rule::newest_document) && !newer(input.number, state_.held.number))) return;
  out_.blob("document", input.body);
  out_.event(DocumentTaken{input.number, input.digest, input.tag, input.link, input.window, input.fault, input.fault_detail});
}

// ---- ends of effects -------------------------------------------------------------------------------------------------

void Decision::operator()(const StagingEnded& input) {
  if (!mine(input.offer, input.boot) || state_.phase != Phase::staging) return;
  if (input.failure != Reason::none) return fail(input.failure, input.evidence);
  if (input.slot != state_.target || input.digest != state_.release.raw.sha256) {
    Evidence evidence = input.evidence;
    evidence.detail = "slot " + std::string(to_string(input.slot)) + " holds " + to_hex(input.digest) + ", the offer is " +
                      to_hex(state_.release.raw.sha256) + " in slot " + std::string(to_string(state_.target));
    return fail(Reason::wrong_digest, std::move(evidence));
  }
  out_.event(ImageStaged{state_.offer, input.slot, input.digest, input.bytes, input.took_ms, input.reused});
}

void Decision::operator()(const OneShotArmed& input) {
  if (!mine(input.offer, input.boot) || state_.phase != Phase::switching || input.order != link_.order) return;
  if (!input.error.empty()) {
    ++link_.arm_failures;
    effect_failed(input.error);
    return;
  }
  link_.retry_at_mono_ms.reset();
  out_.event(RebootOrdered{state_.offer, boot_of(link_, now_)});
}

void Decision::operator()(const OneShotCleared& input) {
  const bool in_phase = state_.phase == Phase::switching || (!rule(Rule::back_to_switching) && state_.phase == Phase::rebooting);
  if (!mine(input.offer, input.boot) || !in_phase || input.order != link_.order) return;
  if (!input.error.empty()) return effect_failed(input.error);
  link_.retry_at_mono_ms.reset();
  if (const Reason why = withdrawal(state_); why != Reason::none) return cancel(why);
  if (link_.arm_failures >= settings_.boot_loader_failures_max) {
    return fail(Reason::boot_loader, {"", "", link_.arm_failures, BootCause::other, link_.effect_error});
  }
  const auto missing = may_switch(settings_, state_, link_, now_);
  out_.event(SwitchCleared{state_.offer, missing.empty() ? "the window was judged anew" : missing.front().text});
}

void Decision::operator()(const HealthJudged& input) {
  if (!mine(input.offer, input.boot) || state_.phase != Phase::on_trial) return;
  if (input.healthy || !rule(Rule::health)) {
    out_.event(TrialPassed{state_.offer, input.checks});
  } else {
    begin_rollback(input.reason == Reason::none ? Reason::unhealthy : input.reason, input.evidence);
  }
}

void Decision::operator()(const BootConfirmed& input) {
  if (!mine(input.offer, input.boot) || state_.phase != Phase::confirming) return;
  const bool as_asked = input.running == state_.target && input.default_slot == input.running && input.digest == state_.release.raw.sha256;
  const bool confirmed = input.error.empty() && (as_asked || !rule(Rule::confirm_read_back));
  if (confirmed) {
    effect_done();
    return succeed(input.digest);
  }
  std::string error = input.error;
  if (error.empty()) {
    error = "read back: slot " + std::string(to_string(input.running)) + " runs, slot " + std::string(to_string(input.default_slot)) +
            " is the default, the digest is " + to_hex(input.digest);
  }
  ++link_.confirm_failures;
  effect_failed(error);
  if (link_.confirm_failures < settings_.boot_loader_failures_max) return;
  Evidence evidence{"", "", state_.attempt, BootCause::other, error};
  // Once it is the default, a reboot would only start it again.
  if (input.default_slot == state_.target) return fail(Reason::confirm_failed, std::move(evidence));
  begin_rollback(Reason::confirm_failed, std::move(evidence));
}

void Decision::operator()(const BootStateCleared& input) {
  if (!ready() || !state_.fresh || input.boot != boot_of(link_, now_)) return;
  if (!input.error.empty()) return effect_failed(input.error);
  effect_done();
  out_.event(BootCleared{input.boot, !running_is_confirmed(state_) && !link_.default_is_bad});
}

void Decision::operator()(const RebootRefused& input) {
  if (!ready() || input.boot != boot_of(link_, now_)) return;
  const bool ordered = state_.phase == Phase::rebooting || state_.phase == Phase::rolling_back || returning_now(state_, input.boot);
  if (!ordered) return;
  if (state_.phase == Phase::rebooting) ++link_.arm_failures;
  effect_failed(input.error);
}

void Decision::operator()(const Tick&) {}

// ---- hello -----------------------------------------------------------------------------------------------------------

Hello make_hello(const State& state, const Link& link, std::uint64_t base, Chain base_chain) {
  Hello hello;
  hello.life = link.life;
  hello.ask = link.ask;
  hello.nonce = link.nonce;
  hello.base = base;
  hello.base_chain = base_chain;
  hello.last = state.last;
  hello.held = state.held;
  hello.offer = state.offer;
  hello.phase = state.phase;
  hello.outcome = state.outcome;
  hello.slot = state.running;
  hello.boot = link.booted ? link.boot : state.boot;
  hello.identity = state.identity;
  return hello;
}

}  // namespace abide::node
