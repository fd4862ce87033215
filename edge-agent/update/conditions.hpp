#pragma once
// What the files of the machine share, and nobody else needs.
#include <cstdint>
#include <optional>
#include <string>

#include "edge-agent/update/machine.hpp"

namespace abide::node {

// Of two document numbers.
[[nodiscard]] bool newer(Number left, Number right);
// The kernel says so, or a welcome's time agreed with it not long ago.
[[nodiscard]] bool own_clock_trusted(const Settings& settings, const Link& link, const Now& now);
// What is missing for `synced`, of a node that is not.
[[nodiscard]] Condition not_synced(const Settings& settings, const State& state, const Link& link, const Now& now);

// The document asks for an offer that has no outcome in this journal.
[[nodiscard]] bool asks_for_offer(const State& state);
// The running system is the one that boots by default: before that, nothing new is begun.
[[nodiscard]] bool running_is_confirmed(const State& state);
// There is another slot to go back to, and it is not known to be bad.
[[nodiscard]] bool can_go_back(const State& state, const Link& link);
// Before `Booted` this process knows nothing of the machine; before BootCleared a new journal knows nothing of the loader.
[[nodiscard]] bool knows_boot(const Link& link);
[[nodiscard]] bool must_clear_boot_state(const State& state);
// The new journal's one reboot to the default slot is ordered for this boot.
[[nodiscard]] bool returning_now(const State& state, const BootId& boot);
// The boot of this process.
[[nodiscard]] const BootId& boot_of(const Link& link, const Now& now);
// The order to reboot belongs to this boot.
[[nodiscard]] bool ordered_in_this_boot(const State& state, const BootId& boot);
[[nodiscard]] std::int64_t trial_deadline_mono_ms(const Settings& settings, const State& state);
[[nodiscard]] bool retry_pending(const Link& link, const Now& now);

[[nodiscard]] std::string seconds(std::int64_t ms);  // "90 s", "1.5 s"

}  // namespace abide::node
