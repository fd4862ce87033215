// The fold of a node's journal. Total: whatever a journal holds, in whatever order, makes a state. Nothing is refused
// here, since what happened has happened; what may happen is decided in machine.cpp and settle.cpp.
#include <algorithm>

#include "common/core/rules.hpp"
#include "edge-agent/update/machine.hpp"

namespace abide::node {
namespace {

class Fold {
 public:
  Fold(State& state, const Recorded<NodeEvent>& recorded) : s_(state), recorded_(recorded) {}

  void operator()(const AgentStarted& e) {
    const bool another_boot = e.boot != s_.boot;
    s_.running = e.slot;
    s_.default_slot = e.default_slot;
    s_.boot = e.boot;
    s_.identity = e.identity;
    if (s_.phase == Phase::rolling_back && another_boot && e.slot == s_.target) ++s_.interruptions;
    // Somebody booted the slot that was being staged, or the disk is a copy of another time. What runs is not written to.
    const bool before_the_switch = s_.phase == Phase::staging || s_.phase == Phase::staged;
    if (before_the_switch && s_.target == e.slot) return back_to_staging(other(e.slot));
    // Since it was found whole the slot may have been written to, or this disk may be older than it: it is read again.
    if (s_.phase == Phase::staged && rule(Rule::reread)) back_to_staging(s_.target);
  }
  void operator()(const BootCleared& e) {
    s_.fresh = false;
    s_.returning = e.returning ? std::optional(e.boot) : std::nullopt;
  }
  void operator()(const DocumentTaken& e) {
    s_.held = {e.number, e.digest, e.tag};
    s_.link = e.link;
    s_.window = e.window;
    s_.fault = e.fault;
    s_.fault_detail = e.fault_detail;
  }
  void operator()(const Accepted& e) {
    close_offer();
    s_.offer = e.offer;
    s_.release = e.release;
    s_.from = s_.identity.os_image_id;
    s_.accepted_sequence = recorded_.sequence;
    back_to_staging(rule(Rule::spare_slot) ? other(s_.running) : s_.running);
  }
  void operator()(const ImageStaged& e) {
    s_.phase = Phase::staged;
    s_.target = e.slot;
    s_.staged = e.digest;
  }
  void operator()(const SwitchBegan&) {
    s_.phase = Phase::switching;
    s_.switch_began_ms = recorded_.at_ms;
  }
  void operator()(const RebootOrdered& e) {
    s_.phase = Phase::rebooting;
    s_.reboot_boot = e.boot;
  }
  void operator()(const SwitchWithdrawn&) {
    s_.phase = Phase::switching;
    s_.reboot_boot = {};
  }
  void operator()(const SwitchCleared&) {
    s_.phase = Phase::staged;
    s_.reboot_boot = {};
  }
  void operator()(const TrialStarted& e) {
    // Only a switch that went straight through is a measure of how long one takes.
    if (s_.phase == Phase::rebooting) measure_switch();
    s_.phase = Phase::on_trial;
    s_.attempt = e.attempt;
    s_.trial_boot = e.boot;
    s_.trial_mono_ms = e.mono_ms;
    s_.outside_window = e.outside_window;
  }
  void operator()(const TrialInterrupted& e) {
    s_.attempt = std::max(s_.attempt, e.attempt);
    ++s_.interruptions;
    if (rule(Rule::reread)) {
      back_to_staging(s_.target);
    } else {
      s_.phase = Phase::staged;
    }
  }
  void operator()(const TrialPassed&) { s_.phase = Phase::confirming; }
  void operator()(const RollbackBegan& e) {
    s_.phase = Phase::rolling_back;
    s_.undo = e.reason;
    s_.undo_evidence = e.evidence;
    s_.interruptions = 0;
  }
  void operator()(const Succeeded& e) {
    if (s_.phase == Phase::confirming) s_.default_slot = s_.running;
    conclude({e.offer, OutcomeKind::succeeded, Reason::none});
  }
  void operator()(const Failed& e) { conclude({e.offer, OutcomeKind::failed, e.reason}); }
  void operator()(const RolledBack& e) { conclude({e.offer, OutcomeKind::rolled_back, e.reason}); }
  void operator()(const Cancelled& e) { conclude({e.offer, OutcomeKind::cancelled, e.why}); }
  void operator()(const ClockDistrusted&) { s_.clock_distrusted = true; }
  void operator()(const JournalForked& e) {
    if (s_.phase == Phase::staged && e.phase == Phase::staging) back_to_staging(s_.target);
    if (s_.phase != Phase::idle) s_.accepted_sequence = recorded_.sequence;
  }

 private:
  void back_to_staging(Slot target) {
    s_.phase = Phase::staging;
    s_.target = target;
    s_.staged = {};
    s_.reboot_boot = {};
  }
  void measure_switch() {
    const std::int64_t took_ms = recorded_.at_ms - s_.switch_began_ms;
    if (took_ms <= 0 || took_ms > switch_time_ms_max) return;
    if (s_.switch_times_ms.size() == switch_times_max) s_.switch_times_ms.erase(s_.switch_times_ms.begin());
    s_.switch_times_ms.push_back(took_ms);
  }
  void conclude(const Outcome& outcome) {
    s_.outcome = outcome;
    close_offer();
  }
  // Release and `from` stay: explain still tells of them.
  void close_offer() {
    s_.phase = Phase::idle;
    s_.offer = {};
    s_.accepted_sequence = 0;
    s_.staged = {};
    s_.reboot_boot = {};
    s_.attempt = 0;
    s_.interruptions = 0;
    s_.trial_boot = {};
    s_.trial_mono_ms = 0;
    s_.outside_window = false;
    s_.undo = Reason::none;
    s_.undo_evidence = {};
    s_.clock_distrusted = false;
    s_.switch_began_ms = 0;
  }

  State& s_;
  const Recorded<NodeEvent>& recorded_;
};

}  // namespace

void UpdateMachine::apply(State& state, const Recorded<Event>& recorded) {
  std::visit(Fold(state, recorded), recorded.event);
  state.journal = recorded.journal;
  state.last = recorded.sequence;
  state.chain = recorded.chain;
}

}  // namespace abide::node
