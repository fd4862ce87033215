// The page's words for what a node is in.
#include <algorithm>
#include <string>

#include "common/events/print.hpp"
#include "edge-agent/update/conditions.hpp"
#include "simulators/situations/page/cells.hpp"

namespace abide::sim {
namespace {

using node::Input;
using node::Link;
using node::State;

// What the input is about: the state that decide's levels look at, with a newer document already in it.
struct Question {
  const node::Settings& settings;
  const State& before;
  State state;
  const Link& link;  // before the input
  const Link& link_after;
  const Now& now;
};

std::string_view state_word(const State& state, const BootId& boot) {
  if (state.fresh) return "New journal";
  switch (state.phase) {
    case Phase::idle:
      if (state.running != state.default_slot)
        return node::returning_now(state, boot) ? "Idle, returning to the default slot" : "Idle, the running slot is not the default";
      return state.outcome.kind == OutcomeKind::none ? "Idle" : "Idle, the offer has its outcome";
    case Phase::on_trial:
      return state.attempt >= node::Settings{}.trials_max ? "OnTrial, third attempt" : to_string(state.phase);
    case Phase::rolling_back:
      return state.undo == Reason::aborted ? "RollingBack, aborted" : to_string(state.phase);
    case Phase::staging:
    case Phase::staged:
    case Phase::switching:
    case Phase::rebooting:
    case Phase::confirming:
      return to_string(state.phase);
  }
  return {};
}

// In Idle: of the offer that is to be accepted; one after the newest outcome is a newer link.
std::string_view wish_word(const State& state) {
  if (!state.link) return "un-linked";
  const bool newer = state.phase == Phase::idle ? state.outcome.kind != OutcomeKind::none && state.link->offer > state.outcome.offer
                                                : state.link->offer != state.offer;
  if (newer && (state.phase != Phase::idle || !state.link->aborted)) return "newer link";
  if (state.link->aborted) return "aborted";
  return state.link->paused ? "paused" : "asked";
}

std::string_view link_word(const Question& q, const Link& link) {
  if (node::synced(q.state, link)) return "synced";
  return node::cut_off(link, q.now, q.settings.cut_off_after_ms) ? "cut off" : "away";
}

std::string_view window_word(const Question& q, const Link& link) {
  std::string_view word = "open";
  for (const auto& missing : node::may_switch(q.settings, q.state, link, q.now)) {
    if (missing.what == "window") word = "over";
    if (missing.what == "clock") return {};
  }
  return word;
}

class InputWord {
 public:
  explicit InputWord(const Question& question) : q_(question), state_(question.before), link_(question.link) {}

  std::string_view operator()(const node::Tick&) const {
    const bool trial = state_.phase == Phase::on_trial && state_.trial_boot == node::boot_of(link_, q_.now);
    const bool over = trial && q_.now.mono_ms >= node::trial_deadline_mono_ms(q_.settings, state_) + q_.settings.trial_grace_ms;
    return over ? "Tick, trial's deadline over" : "Tick";
  }
  std::string_view operator()(const node::Booted& input) const {
    if (state_.boot == input.boot) return "Booted, same boot";
    const bool before_the_switch = state_.phase <= Phase::staged;
    const bool new_slot = before_the_switch ? input.running != state_.default_slot : input.running == state_.target;
    if (new_slot) {
      if (input.default_is_bad) return "Booted, new slot, default is bad";
      if (input.default_slot == input.running) return "Booted, new slot is the default";
      const bool other = state_.phase != Phase::idle && input.identity.digest != state_.release.raw.sha256;
      return other ? "Booted, new slot, other digest" : "Booted, new slot";
    }
    // While a boot of the new slot is ordered, a reset before its first unit has run is a boot that failed.
    const bool ordered = state_.phase == Phase::switching || state_.phase == Phase::rebooting;
    if (input.cause == BootCause::watchdog && (input.came_up || !ordered)) return "Booted, old slot, by the watchdog";
    return input.came_up ? "Booted, old slot, new one had come up" : "Booted, old slot";
  }
  std::string_view operator()(const node::Connected&) const { return "Connected"; }
  std::string_view operator()(const node::Disconnected&) const { return "Disconnected"; }
  std::string_view operator()(const node::RollCallHeard& input) const {
    return input.roll_call.life == link_.life ? std::string_view{} : "RollCallHeard, new life";
  }
  std::string_view operator()(const node::ReceivedHeard& input) const {
    const Received& received = input.received;
    // A node without a connection hears nothing: the page says what it does if it is handed something all the same.
    if (received.life != link_.life || received.ask < link_.ask) return {};
    if (received.ask > link_.ask) return "ReceivedHeard, larger ask";
    if (received.journal != state_.journal) return {};
    if (received.upto > state_.last || (input.own_chain && *input.own_chain != received.chain)) return "ReceivedHeard, other history";
    if (received.welcome && received.welcome->nonce == link_.nonce && !link_.hello_answered) return "ReceivedHeard, welcome";
    if (received.upto <= link_.acked || link_.acked >= state_.accepted_sequence) return {};
    return received.upto >= state_.accepted_sequence ? "ReceivedHeard, acknowledges Accepted" : "ReceivedHeard, acknowledges less";
  }
  std::string_view operator()(const node::DocumentHeard& input) const {
    return node::newer(input.number, state_.held.number) ? "DocumentHeard, newer" : "DocumentHeard, older";
  }
  std::string_view operator()(const node::StagingEnded& input) const {
    if (!mine(input.offer, input.boot)) return "StagingEnded, of another offer";
    if (input.failure != Reason::none) return "StagingEnded, gave up";
    const bool whole = input.slot == state_.target && input.digest == state_.release.raw.sha256;
    return whole ? "StagingEnded, staged" : "StagingEnded, other digest";
  }
  std::string_view operator()(const node::OneShotArmed& input) const {
    if (!ordered(input.offer, input.boot, input.order)) return "OneShotArmed, overtaken";
    if (input.error.empty()) return "OneShotArmed";
    return often(link_.arm_failures) ? "OneShotArmed, refused again and again" : "OneShotArmed, refused";
  }
  std::string_view operator()(const node::OneShotCleared& input) const {
    if (!ordered(input.offer, input.boot, input.order)) return "OneShotCleared, overtaken";
    if (!input.error.empty()) return "OneShotCleared, refused";
    return link_.arm_failures >= q_.settings.boot_loader_failures_max ? "OneShotCleared, after arming was refused again and again"
                                                                      : "OneShotCleared";
  }
  std::string_view operator()(const node::HealthJudged& input) const {
    if (!mine(input.offer, input.boot)) return "HealthJudged, of another boot";
    if (input.healthy) return "HealthJudged, healthy";
    return link_.default_is_bad ? "HealthJudged, unhealthy, default is bad" : "HealthJudged, unhealthy";
  }
  std::string_view operator()(const node::BootConfirmed& input) const {
    const bool confirmed =
        input.running == state_.target && input.default_slot == input.running && input.digest == state_.release.raw.sha256;
    if (input.error.empty() && confirmed) return "BootConfirmed";
    if (!input.error.empty()) return often(link_.confirm_failures) ? "BootConfirmed, refused again and again" : "BootConfirmed, refused";
    return often(link_.confirm_failures) ? "BootConfirmed, again and again not read back" : std::string_view{};
  }
  std::string_view operator()(const node::BootStateCleared& input) const {
    return input.error.empty() ? "BootStateCleared" : "BootStateCleared, refused";
  }
  std::string_view operator()(const node::RebootRefused&) const {
    return often(link_.arm_failures) ? "RebootRefused, again and again" : "RebootRefused";
  }

 private:
  [[nodiscard]] bool mine(Number offer, const BootId& boot) const { return offer == state_.offer && boot == node::boot_of(link_, q_.now); }
  [[nodiscard]] bool ordered(Number offer, const BootId& boot, std::uint64_t order) const {
    return mine(offer, boot) && state_.phase == Phase::switching && order == link_.order;
  }
  [[nodiscard]] bool often(std::uint32_t failures) const { return failures + 1 >= q_.settings.boot_loader_failures_max; }

  const Question& q_;
  const State& state_;
  const Link& link_;
};

}  // namespace

std::optional<Place> place_of(const node::Settings& settings, const State& before, const Link& link_before, const Input& input,
                              const Now& now, const Link& link_after) {
  const bool starts = std::holds_alternative<node::Booted>(input);
  if (!starts && !link_before.booted) return std::nullopt;
  Question question{settings, before, before, link_before, link_after, now};
  if (const auto* heard = std::get_if<node::DocumentHeard>(&input); heard != nullptr && node::newer(heard->number, before.held.number)) {
    question.state.held.number = heard->number;
    question.state.link = heard->link;
    question.state.window = heard->window;
  }
  Place place;
  place.input = std::visit(InputWord(question), input);
  if (place.input.empty()) return std::nullopt;
  place.state = state_word(before, starts ? before.boot : link_before.boot);
  place.wish = wish_word(question.state);
  // An abort where there is no slot to go back to: the trial goes on, and the page has no row for it.
  const bool no_way_back = starts || link_before.default_is_bad || before.default_slot == before.target;  // a start: who knows
  if (before.phase == Phase::on_trial && place.wish == "aborted" && no_way_back) return std::nullopt;
  // A start knows of no connection; a welcome is what makes a node synced; for all else, the link is as the input found it.
  if (!starts) {
    const Link& link = place.input == "ReceivedHeard, welcome" ? link_after : link_before;
    place.link = link_word(question, link);
    place.window = window_word(question, link);
  }
  return place;
}

std::string happened(const std::vector<NodeEvent>& events, const std::vector<node::Message>& messages) {
  std::string text;
  const auto add = [&](const std::string& what) { text += (text.empty() ? "" : " + ") + what; };
  for (const auto& event : events) {
    if (std::holds_alternative<JournalForked>(event)) add("new journal");
    std::string name(name_of(event));
    if (const auto outcome = outcome_of(event); outcome.reason != Reason::none) name += "(" + std::string(to_string(outcome.reason)) + ")";
    if (const auto* began = std::get_if<RollbackBegan>(&event)) name += "(" + std::string(to_string(began->reason)) + ")";
    add(name);
  }
  for (const auto& message : messages) add(std::holds_alternative<node::SayHello>(message) ? "hello" : "omitted");
  return text.empty() ? "-" : text;
}

std::string asked_for(const std::vector<node::Effect>& effects) {
  static const std::array<const char*, std::variant_size_v<node::Effect>> names = {
      "ClearBootState", "ReturnToDefault", "Stage", "ArmOnce", "ClearOneShot", "Reboot", "CheckHealth", "ConfirmBoot", "GoBack"};
  std::string text;
  for (const auto& effect : effects) text += (text.empty() ? "" : ", ") + std::string(names[effect.index()]);
  return text.empty() ? "-" : text;
}

std::string next_state(const State& after) {
  return after.fresh ? "New journal" : std::string(to_string(after.phase));
}

}  // namespace abide::sim
