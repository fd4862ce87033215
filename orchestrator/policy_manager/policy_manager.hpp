#pragma once
// OS update policies: which are well-formed, what one asks of a node, and what linking means. Pure; the fleet passes what
// is needed and journals what comes of it.
#include <cstddef>
#include <string>

#include "common/core/result.hpp"
#include "common/events/node_events.hpp"
#include "common/events/orchestrator_events.hpp"

namespace abide::policy_manager {

// `target` is the resource that policy.target_os_id names; null: there is none. invalid_input, not_found.
[[nodiscard]] Result<void> check_new(const Policy& policy, const OsResource* target);
// conflict while instances, sites or regions are linked to it.
[[nodiscard]] Result<void> check_delete(const Policy& policy, std::size_t instances, std::size_t places);

// What a policy asks of one node. Exactly one of the three is set.
struct Resolution {
  const OsResource* resource = nullptr;  // this image
  std::string fault;                     // nothing, because the policy and the node do not fit: says why
  std::string nothing;                   // nothing, and that is right: says why
};
// `running` is what the node measured, without a profile if it has told nothing yet. `target` as above, for TARGET;
// `newest` the newest immutable image of the node's profile and architecture, for LATEST, null if there is none.
[[nodiscard]] Resolution resolve(const Policy& policy, const Identity& running, const OsResource* target, const OsResource* newest);

// What the newest document asks of the node.
struct Present {
  bool asked = false;
  bool aborted = false;
  bool ended = false;  // its offer has an outcome
  std::string os_image_id;
  bool moved = false;  // the same image is to be had elsewhere now, and the node may not have fetched it yet
};

struct LinkDecision {
  bool ask = false;       // a new offer
  bool withdraw = false;  // the present link is taken back, nothing new is asked
  std::string note;       // for the operator: why nothing is asked
};
// An operator links the policy. `same`: it is linked already, so this is a retry, if there is something to try again.
[[nodiscard]] LinkDecision link(bool same, const Present& present, const Resolution& resolution);
// Nobody asks, but images or what the node runs have changed: is this a new offer? Never a retry of what has ended.
[[nodiscard]] bool ask_by_itself(const Policy& policy, const Present& present, const Resolution& resolution);

}  // namespace abide::policy_manager
