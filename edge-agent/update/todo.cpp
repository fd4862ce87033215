// What the world should be doing in this state. Safe to ask twice, and nothing before `Booted`.
#include "common/core/rules.hpp"
#include "edge-agent/update/conditions.hpp"
#include "edge-agent/update/machine.hpp"

namespace abide::node {

std::vector<Effect> UpdateMachine::todo(const State& state, const Link& link, const Now& now) const {
  if (!knows_boot(link) || retry_pending(link, now)) return {};
  const BootId& boot = boot_of(link, now);
  if (must_clear_boot_state(state)) return {ClearBootState{}};
  if (returning_now(state, boot) && !running_is_confirmed(state)) return {ReturnToDefault{boot}};
  switch (state.phase) {
    case Phase::idle:
      return {};
    case Phase::staging:
      // Only the slot that neither runs nor would be booted.
      if (rule(Rule::spare_slot) && (state.target == state.running || state.target == state.default_slot)) return {};
      return {Stage{state.offer, state.release, state.target}};
    case Phase::staged:
      return {};
    case Phase::switching:
      if (link.loader_order == LoaderOrder::clear) return {ClearOneShot{state.offer, link.order}};
      // Time has passed since the order was decided; where it no longer holds, the next input turns it into clearing.
      if (link.loader_order == LoaderOrder::arm && (may_switch(settings, state, link, now).empty() || !rule(Rule::recheck))) {
        return {ArmOnce{state.offer, state.target, link.order}};
      }
      return {};
    case Phase::rebooting:
      if (!ordered_in_this_boot(state, boot)) return {};
      if (link.loader_order == LoaderOrder::clear) return {ClearOneShot{state.offer, link.order}};
      if (rule(Rule::recheck) && !may_switch(settings, state, link, now).empty()) return {};
      return {Reboot{state.offer, boot}};
    case Phase::on_trial:
      if (state.running != state.target) return {};
      return {CheckHealth{state.offer, state.target, trial_deadline_mono_ms(settings, state)}};
    case Phase::confirming:
      if (rule(Rule::confirm_guard) && (state.running != state.target || state.identity.digest != state.release.raw.sha256)) return {};
      return {ConfirmBoot{state.offer, state.target, state.release}};
    case Phase::rolling_back:
      if (state.running != state.target || !can_go_back(state, link)) return {};
      return {GoBack{state.offer, state.target, state.undo != Reason::aborted, boot}};
  }
  return {};
}

}  // namespace abide::node
