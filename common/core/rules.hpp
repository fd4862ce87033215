#pragma once
// The rules of the protocol by name, so that a test can switch one off and see its counterexample. In the product rule()
// is `true` at compile time; only tests build the pure parts with ABIDE_SWITCHABLE_RULES.
#include <cstdint>

namespace abide {

enum class Rule : std::uint32_t {
  // delivery
  journal_id,          // a journal has an identity
  chain,               // and each event a hash of all before it
  roll_call,           // the orchestrator calls on every connection
  base_wins,           // base > upto: a gap is noted; what hello says wins
  proof_of_life,       // an unknown journal is adopted when it repeats a fresh ask
  life_in_received,    // an acknowledgement of another life is ignored
  hello_again,         // every 15 minutes
  recall,              // a hello of another life brings the roll call again
  larger_ask_stops,    // a larger ask is answered by hello and nothing else
  hello_before_events, // no event before the welcome
  // documents
  epoch,               // numbers begin with one
  head,                // synced only with the newest document
  barrier,             // switch only when synced, or cut off
  nonce,               // a welcome answers one hello
  tombstone,           // closing is a document
  synced_accept,       // accept only when synced
  acked,               // switch only when Accepted is acknowledged
  offer_id,            // an offer is a number, not a release
  close_re_imaged,     // a re-image ends its offer
  detect_unknown,      // a document that was never issued, or another under its number, holds the node
  held_head,           // held: head = (own epoch, 0)
  // update machine
  booted_first,
  confirm_guard,       // confirm only the slot that runs
  disarm_first,        // clear the one-shot, then Cancelled or Staged
  recheck,             // may_switch at each effect
  boot_id,             // an agent's restart is not a reboot
  sticky_outcome,      // every outcome is final for its offer
  clock,               // epsilon and trust
  tagged_inputs,       // the end of another offer's effect is dropped
  fresh_clear,         // a new journal clears the one-shot first
  interrupted,         // an interrupted trial is not a failed boot
  came_up,
  cause,               // the watchdog's reset is a verdict
  reread,              // back to Staging, which reads the slot
  trial_limit,
  back_to_switching,   // the one-shot is cleared in Switching only
  // documents, too
  hold_restored,       // a declared restore holds every node

  // Not of the protocol, but what any of this rests on. A test switches these off to see that somebody notices.
  health,              // a trial passes by its health checks
  window,              // a switch needs a window
  confirm_read_back,   // a confirmation counts as it is read back
  spare_slot,          // an image goes to the slot that neither runs nor is the default
  confirmed_first,     // nothing new is begun before the running system is the confirmed one
  newest_document,     // a document counts if its number is greater
  outcome_reason,      // an outcome has a reason
  one_outcome,         // and an offer one outcome
  deadline,            // a trial without a verdict ends
  says_why,            // what waits says for what
  send_again,          // a welcome begins the outbox anew
  trim_acked,          // only what is acknowledged is deleted
  rows_with_events,    // state rows are saved with the events that changed them
  duplicate_check,     // an event that was stored is not stored again
  no_gaps,             // nor one before those between have come
  upto_stored,         // `received` says what is stored, and no more
  next_revision,       // each document has a number of its own
  held_silent,         // nothing is published to a node that is held
  run_closed_once,
  hello_wins,          // what a hello says corrects the picture
  document_again,      // a hello that shows an older document is answered with the newest
  picture_as_told,     // an outcome is shown when the node has told it
  // the shells
  flush,               // a slot is flushed before it is called staged
  read_back,           // and read back
  commit_first,        // a node publishes and acts after its commit
  answer_committed,    // an orchestrator as well
  measured,            // what runs is measured in the slot that runs
};
static_assert(static_cast<std::uint32_t>(Rule::measured) < 64, "rules::off has a bit for each");

#ifdef ABIDE_SWITCHABLE_RULES
namespace rules {
inline std::uint64_t off = 0;  // a bit for each rule that is switched off; tests only
inline void switch_off(Rule rule) { off |= std::uint64_t{1} << static_cast<std::uint32_t>(rule); }
inline void all_on() { off = 0; }
}  // namespace rules
inline bool rule(Rule which) { return (rules::off >> static_cast<std::uint32_t>(which) & 1) == 0; }
#else
constexpr bool rule(Rule) { return true; }
#endif

}  // namespace abide
