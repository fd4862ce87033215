#pragma once
// What people see of a node and of a run: texts, indicators and the detail JSON of the model product. Pure.
#include <string>
#include <string_view>

#include "orchestrator/fleet/state.hpp"

namespace abide::fleet {

inline constexpr std::string_view text_nothing_heard = "No Current Update";
inline constexpr std::string_view text_up_to_date = "No new updates available";
// Ours: of a node that does nothing, because its policy and what it runs do not fit; why is beside it.
inline constexpr std::string_view text_policy_fault = "Update policy cannot be applied";
inline constexpr std::string_view text_offered = "Update offered";  // of a run, until the node accepts it

// A status without its time.
struct StatusWords {
  std::string_view text;
  Indicator indicator = Indicator::unspecified;
};
// The update status that a machine in this phase has; in Idle, the one that its newest outcome left.
StatusWords status_of(Phase phase, const Outcome& outcome);
// Of a node whose policy asks nothing of it, which is wrong.
StatusWords status_of_policy_fault();
// Of a run that ended so.
StatusWords status_of(OutcomeKind kind);

// The word for those who parse status details: "bootloader", "criticalservices", ..., "nofailure" for Reason::none.
std::string_view failure_reason(OutcomeKind kind, Reason reason);
// {"update_log":[{...}]}, one line; empty for runs that are open or were cancelled. `package` is what was updated.
std::string status_details(const Run& run, std::string_view package);

// `text` as a JSON string with its quotes; bytes that are no UTF-8 become U+FFFD.
std::string json_string(std::string_view text);
// The longest beginning of at most `bytes` bytes that ends between two characters.
std::string_view utf8_prefix(std::string_view text, std::size_t bytes);

}  // namespace abide::fleet
