// May the node switch now? Asked before it begins, before the one-shot is armed, before the reboot (protocol 1.5).
#include <algorithm>
#include <cstdlib>
#include <string>

#include "common/core/rules.hpp"
#include "edge-agent/update/conditions.hpp"
#include "edge-agent/update/machine.hpp"

namespace abide::node {

bool newer(Number left, Number right) {
  return rule(Rule::epoch) ? left > right : left.revision > right.revision;
}

bool synced(const State& state, const Link& link) {
  if (!link.connected || !link.welcomed) return false;
  return !rule(Rule::head) || !newer(link.head, state.held.number);
}

Reason withdrawal(const State& state) {
  if (!state.link) return Reason::unlinked;
  if (state.link->offer != state.offer) return Reason::superseded;
  return state.link->aborted ? Reason::aborted : Reason::none;
}

std::int64_t switch_time_needed_ms(const Settings& settings, const State& state) {
  if (state.switch_times_ms.empty()) return settings.switch_time_ms;
  return *std::max_element(state.switch_times_ms.begin(), state.switch_times_ms.end());
}

bool own_clock_trusted(const Settings& settings, const Link& link, const Now& now) {
  if (now.trusted) return true;
  return link.clock_checked_mono_ms && now.mono_ms - *link.clock_checked_mono_ms <= settings.clock_check_lasts_ms;
}

namespace {

Condition clock_condition(std::string text, std::optional<std::int64_t> look_mono_ms) {
  return {"clock", std::move(text), std::nullopt, look_mono_ms};
}

void judge_window(const Settings& settings, const State& state, const Link& link, const Now& now, std::vector<Condition>& missing) {
  if (!rule(Rule::window)) return;
  if (!state.window) {
    missing.push_back({"window", "no maintenance window is scheduled", std::nullopt, std::nullopt});
    return;
  }
  // The orchestrator's clock where the node is synced, else its own, with what is known of how wrong they may be.
  std::int64_t time_ms = now.wall_ms;
  std::int64_t epsilon_ms = 0;
  std::int64_t look_at_most_ms = settings.own_clock_look_ms;
  if (synced(state, link)) {
    time_ms = link.welcome_now_ms + (now.mono_ms - link.welcome_mono_ms);
    look_at_most_ms = 0;
    if (rule(Rule::clock)) {
      epsilon_ms = link.round_trip_ms;
      if (epsilon_ms > settings.round_trip_ms_max) {
        missing.push_back(
            clock_condition("the orchestrator's answer took " + seconds(epsilon_ms) + ": the node asks again before it judges the window",
                            link.hello_at_mono_ms));
      }
    }
  } else if (cut_off(link, now, settings.cut_off_after_ms) && rule(Rule::clock)) {
    epsilon_ms = settings.clock_epsilon_ms;
    if (!own_clock_trusted(settings, link, now)) {
      missing.push_back(
          clock_condition("cut off, and this node's own clock is not known to be right", now.mono_ms + settings.own_clock_look_ms));
    }
  }
  const Window& window = *state.window;
  const std::string name = "maintenance window " + window.id;
  const std::int64_t opens_in_ms = window.opens_at_ms + epsilon_ms - time_ms;
  if (opens_in_ms > 0) {
    const std::int64_t look_in_ms = look_at_most_ms > 0 ? std::min(opens_in_ms, look_at_most_ms) : opens_in_ms;
    missing.push_back({"window", name + " opens " + to_rfc3339(window.opens_at_ms), window.opens_at_ms, now.mono_ms + look_in_ms});
    return;
  }
  if (window.closes_at_ms == 0) return;
  const std::int64_t needed_ms = switch_time_needed_ms(settings, state);
  const std::int64_t left_ms = window.closes_at_ms - epsilon_ms - time_ms;
  if (needed_ms < left_ms) return;
  const std::optional<std::int64_t> look =
      look_at_most_ms > 0 ? std::optional(now.mono_ms + look_at_most_ms) : std::nullopt;  // the own clock may be set back
  if (left_ms <= 0) {
    missing.push_back({"window", name + " closed " + to_rfc3339(window.closes_at_ms) + "; no later one is known", std::nullopt, look});
  } else {
    missing.push_back({"window",
                       name + " closes " + to_rfc3339(window.closes_at_ms) + ": a switch needs " + seconds(needed_ms) + ", " +
                           seconds(left_ms) + " are left",
                       std::nullopt, look});
  }
}

}  // namespace

std::vector<Condition> may_switch(const Settings& settings, const State& state, const Link& link, const Now& now) {
  std::vector<Condition> missing;
  if (const Reason why = withdrawal(state); why != Reason::none) {
    missing.push_back({"link", "the offer was withdrawn: " + std::string(to_string(why)), std::nullopt, std::nullopt});
  } else if (state.link->paused) {
    missing.push_back({"pause", "the update is paused by the operator", std::nullopt, std::nullopt});
  }
  if (rule(Rule::acked) && link.acked < state.accepted_sequence) {
    missing.push_back({"acknowledgement", "the orchestrator has not acknowledged that this node accepted offer " + to_string(state.offer),
                       std::nullopt, std::nullopt});
  }
  if (rule(Rule::barrier) && !synced(state, link) && !cut_off(link, now, settings.cut_off_after_ms)) {
    missing.push_back(not_synced(settings, state, link, now));
  }
  judge_window(settings, state, link, now, missing);
  return missing;
}

}  // namespace abide::node
