#pragma once
// The fields of the agent's state row, in the order of schemas/rows_node.fbs (see common/events/fields.hpp).
#include "common/events/fields.hpp"
#include "edge-agent/update/machine.hpp"

namespace abide::node {

inline constexpr Text row_text{64 * 1024};  // what the contract's limits have let in fits, and what is made of it
inline constexpr Items row_items{1024};

void fields(auto& v, Is<State> auto& e) {
  v("journal", e.journal);
  v("last", e.last);
  v("chain", e.chain);
  v("held", e.held);
  v("link", e.link);
  v("window", e.window);
  v("fault", e.fault);
  v("fault_detail", e.fault_detail, row_text);
  v("running", e.running);
  v("default_slot", e.default_slot);
  v("boot", e.boot);
  v("identity", e.identity);
  v("fresh", e.fresh);
  v("returning", e.returning);
  v("phase", e.phase);
  v("offer", e.offer);
  v("release", e.release);
  v("from", e.from, row_text);
  v("accepted_sequence", e.accepted_sequence);
  v("target", e.target);
  v("staged", e.staged);
  v("reboot_boot", e.reboot_boot);
  v("attempt", e.attempt);
  v("interruptions", e.interruptions);
  v("trial_boot", e.trial_boot);
  v("trial_mono_ms", e.trial_mono_ms);
  v("outside_window", e.outside_window);
  v("undo", e.undo);
  v("undo_evidence", e.undo_evidence);
  v("clock_distrusted", e.clock_distrusted);
  v("outcome", e.outcome);
  v("switch_times_ms", e.switch_times_ms, row_items);
  v("switch_began_ms", e.switch_began_ms);
}

}  // namespace abide::node
