// For what a state waits, for people and for the shell's timer. Every state has an answer: one that is not final, has
// nothing to do and waits for nothing would be a bug.
#include <algorithm>
#include <cstdlib>

#include "common/core/rules.hpp"
#include "edge-agent/update/conditions.hpp"
#include "edge-agent/update/machine.hpp"

namespace abide::node {
namespace {

Condition condition(std::string what, std::string text, std::optional<std::int64_t> look_mono_ms = std::nullopt) {
  return {std::move(what), std::move(text), std::nullopt, look_mono_ms};
}

std::string slot_name(Slot slot) {
  return "slot " + std::string(to_string(slot));
}

void append(std::vector<Condition>& to, std::vector<Condition> more) {
  for (auto& one : more) to.push_back(std::move(one));
}

// How an offer that ended is begun again.
Condition over(const State& state) {
  const Outcome& outcome = state.outcome;
  std::string text = "offer " + to_string(outcome.offer) + " ended: " + std::string(to_string(outcome.kind));
  if (outcome.reason != Reason::none) text += " (" + std::string(to_string(outcome.reason)) + ")";
  text += outcome.kind == OutcomeKind::succeeded ? "; a newer image or a new link begins the next"
                                                 : "; that is final: the operator links again, or a newer image comes";
  return condition("outcome", std::move(text));
}

std::vector<Condition> waits_in_idle(const Settings& settings, const State& state, const Link& link, const Now& now) {
  std::vector<Condition> waits;
  if (!rule(Rule::says_why)) return waits;
  if (!running_is_confirmed(state)) {
    waits.push_back(condition("slot", link.default_is_bad
                                          ? "both slots are spent: " + slot_name(state.running) + " runs unconfirmed, and " +
                                                slot_name(state.default_slot) +
                                                ", the default, is marked bad; the node stays up until a person has looked"
                                          : slot_name(state.running) + " runs, but " + slot_name(state.default_slot) +
                                                " is the default: nothing new is begun before the running system is the confirmed one"));
  }
  if (!synced(state, link)) waits.push_back(not_synced(settings, state, link, now));
  if (!state.held.number) {
    waits.push_back(condition("document", "the orchestrator has asked nothing of this node yet"));
  } else if (!state.link) {
    waits.push_back(condition("link", "no update policy is linked"));
  } else if (state.link->aborted) {
    waits.push_back(
        condition("link", "offer " + to_string(state.link->offer) + " is aborted: the operator links again, or a newer image comes"));
  } else if (!asks_for_offer(state)) {
    waits.push_back(over(state));
  } else if (waits.empty()) {  // accepted by the next input
    waits.push_back(condition("input", "offer " + to_string(state.link->offer) + " is about to be accepted", now.mono_ms));
  }
  return waits;
}

std::vector<Condition> waits_in_phase(const Settings& settings, const State& state, const Link& link, const Now& now) {
  std::vector<Condition> waits;
  switch (state.phase) {
    case Phase::idle:
      return waits_in_idle(settings, state, link, now);
    case Phase::staging:
      if (state.target == state.running || state.target == state.default_slot) {
        return {condition("slot", slot_name(state.target) + " is not free: " + slot_name(state.running) + " runs, and " +
                                      slot_name(state.default_slot) + " is the default; a person must look")};
      }
      return {condition("staging", "the image is being brought to " + slot_name(state.target))};
    case Phase::staged:
      waits = may_switch(settings, state, link, now);
      if (waits.empty()) waits.push_back(condition("input", "the switch is about to begin", now.mono_ms));
      return waits;
    case Phase::switching:
      waits = may_switch(settings, state, link, now);
      if (link.loader_order == LoaderOrder::clear) {
        waits.push_back(condition("boot_loader", "the one-shot is being cleared"));
      } else {
        // Time turned the order while nobody looked: the next input turns it into clearing.
        const bool overtaken = !waits.empty();
        waits.push_back(condition("boot_loader", "the one-shot is being armed for " + slot_name(state.target),
                                  overtaken ? std::optional(now.mono_ms) : std::nullopt));
      }
      return waits;
    case Phase::rebooting: {
      const bool overtaken = ordered_in_this_boot(state, boot_of(link, now)) && !may_switch(settings, state, link, now).empty();
      return {condition("reboot", "the machine reboots into " + slot_name(state.target),
                        overtaken ? std::optional(now.mono_ms) : std::nullopt)};
    }
    case Phase::on_trial:
      waits.push_back(condition("health", "health checks of " + slot_name(state.target) + ", attempt " + std::to_string(state.attempt),
                                trial_deadline_mono_ms(settings, state) + settings.trial_grace_ms));
      if (withdrawal(state) == Reason::aborted) {
        waits.push_back(condition("slot", "aborted, but there is no slot to go back to: the trial goes on"));
      }
      return waits;
    case Phase::confirming:
      return {condition("boot_loader", slot_name(state.target) + " is being made the default")};
    case Phase::rolling_back:
      return {condition("reboot", "the machine reboots into " + slot_name(state.default_slot) + ": " + std::string(to_string(state.undo)))};
  }
  return waits;
}

}  // namespace

std::string seconds(std::int64_t ms) {
  const std::int64_t tenths = (std::max<std::int64_t>(ms, 0) + 99) / 100;
  std::string text = std::to_string(tenths / 10);
  if (tenths % 10 != 0) text += "." + std::to_string(tenths % 10);
  return text + " s";
}

Condition not_synced(const Settings& settings, const State& state, const Link& link, const Now& now) {
  if (cut_off(link, now, settings.cut_off_after_ms)) {
    return condition("connection", "there is no connection to the broker: the node goes by its own clock, and accepts nothing new");
  }
  if (!link.connected) {
    return condition(
        "connection",
        "there is no connection to the broker; after " + seconds(settings.cut_off_after_ms) + " without one the node goes by its own clock",
        link.disconnected_at_mono_ms.value_or(link.started_at_mono_ms) + settings.cut_off_after_ms);
  }
  if (!link.life) return condition("roll_call", "connected, but no orchestrator has called in this project yet");
  if (!link.welcomed) return condition("welcome", "the orchestrator has not answered this node's hello yet");
  return condition("document", "document " + to_string(link.head) + " is the newest, this node holds " + to_string(state.held.number));
}

std::vector<Condition> UpdateMachine::waits_for(const State& state, const Link& link, const Now& now) const {
  if (!knows_boot(link)) return {condition("boot", "the agent has not told yet which system runs")};
  std::vector<Condition> waits;
  if (must_clear_boot_state(state)) {
    waits.push_back(condition("boot_loader", "what an earlier life of this node left in the boot loader is being cleared"));
  } else if (returning_now(state, boot_of(link, now)) && !running_is_confirmed(state)) {
    waits.push_back(
        condition("reboot", "a new journal on an unconfirmed system: the machine reboots into " + slot_name(state.default_slot)));
  } else {
    append(waits, waits_in_phase(settings, state, link, now));
  }
  if (retry_pending(link, now)) {
    waits.push_back(condition("retry", "tried again in " + seconds(*link.retry_at_mono_ms - now.mono_ms) + ", after: " + link.effect_error,
                              link.retry_at_mono_ms));
  }
  return waits;
}

std::optional<std::int64_t> UpdateMachine::look_again(const State& state, const Link& link, const Now& now) const {
  std::optional<std::int64_t> earliest;
  auto look_at = [&](std::optional<std::int64_t> mono_ms) {
    if (mono_ms && (!earliest || *mono_ms < *earliest)) earliest = mono_ms;
  };
  auto look_later = [&](std::optional<std::int64_t> mono_ms) {  // a moment that is over has had its input
    if (mono_ms && *mono_ms > now.mono_ms) look_at(mono_ms);
  };
  if (!knows_boot(link)) return std::nullopt;
  for (const auto& wait : waits_for(state, link, now)) look_at(wait.look_mono_ms);
  look_later(link.retry_at_mono_ms);
  if (link.connected) {
    look_at(link.hello_at_mono_ms);
  } else {
    look_later(link.disconnected_at_mono_ms.value_or(link.started_at_mono_ms) + settings.cut_off_after_ms);
  }
  return earliest;
}

}  // namespace abide::node
