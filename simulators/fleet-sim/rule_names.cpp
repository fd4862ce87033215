#include "simulators/fleet-sim/rule_names.hpp"

#include <array>
#include <cassert>
#include <string_view>
#include <utility>

#include "common/core/rules.hpp"

namespace abide::fleet_sim {

namespace {

constexpr std::array<std::pair<std::string_view, Rule>, 64> rules_by_name{{
    {"journal-id", Rule::journal_id},
    {"chain", Rule::chain},
    {"roll-call", Rule::roll_call},
    {"base-wins", Rule::base_wins},
    {"proof-of-life", Rule::proof_of_life},
    {"life-in-received", Rule::life_in_received},
    {"hello-again", Rule::hello_again},
    {"recall", Rule::recall},
    {"larger-ask-stops", Rule::larger_ask_stops},
    {"hello-before-events", Rule::hello_before_events},
    {"epoch", Rule::epoch},
    {"head", Rule::head},
    {"barrier", Rule::barrier},
    {"nonce", Rule::nonce},
    {"tombstone", Rule::tombstone},
    {"synced-accept", Rule::synced_accept},
    {"acked", Rule::acked},
    {"offer-id", Rule::offer_id},
    {"close-re-imaged", Rule::close_re_imaged},
    {"detect-unknown", Rule::detect_unknown},
    {"held-head", Rule::held_head},
    {"booted-first", Rule::booted_first},
    {"confirm-guard", Rule::confirm_guard},
    {"disarm-first", Rule::disarm_first},
    {"recheck", Rule::recheck},
    {"boot-id", Rule::boot_id},
    {"sticky-outcome", Rule::sticky_outcome},
    {"clock", Rule::clock},
    {"tagged-inputs", Rule::tagged_inputs},
    {"fresh-clear", Rule::fresh_clear},
    {"interrupted", Rule::interrupted},
    {"came-up", Rule::came_up},
    {"cause", Rule::cause},
    {"reread", Rule::reread},
    {"trial-limit", Rule::trial_limit},
    {"back-to-switching", Rule::back_to_switching},
    {"hold-restored", Rule::hold_restored},
    {"health", Rule::health},
    {"window", Rule::window},
    {"confirm-read-back", Rule::confirm_read_back},
    {"spare-slot", Rule::spare_slot},
    {"confirmed-first", Rule::confirmed_first},
    {"newest-document", Rule::newest_document},
    {"outcome-reason", Rule::outcome_reason},
    {"one-outcome", Rule::one_outcome},
    {"deadline", Rule::deadline},
    {"says-why", Rule::says_why},
    {"send-again", Rule::send_again},
    {"trim-acked", Rule::trim_acked},
    {"rows-with-events", Rule::rows_with_events},
    {"duplicate-check", Rule::duplicate_check},
    {"no-gaps", Rule::no_gaps},
    {"upto-stored", Rule::upto_stored},
    {"next-revision", Rule::next_revision},
    {"held-silent", Rule::held_silent},
    {"run-closed-once", Rule::run_closed_once},
    {"hello-wins", Rule::hello_wins},
    {"document-again", Rule::document_again},
    {"picture-as-told", Rule::picture_as_told},
    {"flush", Rule::flush},
    {"read-back", Rule::read_back},
    {"commit-first", Rule::commit_first},
    {"answer-committed", Rule::answer_committed},
    {"measured", Rule::measured},
}};
static_assert(rules_by_name.back().second == Rule::measured && static_cast<std::size_t>(Rule::measured) + 1 == rules_by_name.size());

}  // namespace

bool rules_are_switchable() {
#ifdef ABIDE_SWITCHABLE_RULES
  return true;
#else
  return false;
#endif
}

std::vector<std::string> rule_names() {
  std::vector<std::string> names;
  for (const auto& [name, which] : rules_by_name) names.emplace_back(name);
  return names;
}

void switch_off(const std::vector<std::string>& names) {
  for (const auto& name : names) {
    for (const auto& [known, which] : rules_by_name) {
      if (known != name) continue;
#ifdef ABIDE_SWITCHABLE_RULES
      rules::switch_off(which);
#else
      (void)which;
#endif
    }
  }
}

}  // namespace abide::fleet_sim
