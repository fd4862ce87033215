#pragma once
// The node's machine: one offer at a time through the phases of transitions.txt, and the link that it depends on. Pure.
//
//   machine.cpp     decide: what each input means
//   settle.cpp      decide, second half: what the level of things means, after every input
//   apply.cpp       the fold
//   todo.cpp        what the world should be doing
//   may_switch.cpp  protocol 1.5
//   waits_for.cpp   for what a state waits, and when to look again
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/core/ids.hpp"
#include "common/core/machine.hpp"
#include "common/core/time.hpp"
#include "common/events/document.hpp"
#include "common/events/messages.hpp"
#include "common/events/node_events.hpp"
#include "edge-agent/link/link.hpp"

namespace abide::node {

// What the fold of a node's journal is. Durable as one row.
struct State {
  JournalId journal;
  std::uint64_t last = 0;            // sequence of the newest event
  Chain chain;                       // chain(last)

  // the document held
  Held held;
  std::optional<LinkedRelease> link;
  std::optional<Window> window;
  Reason fault = Reason::none;       // of its manifest, by the node's own reading
  std::string fault_detail;

  // what runs, as last measured
  Slot running = Slot::a;
  Slot default_slot = Slot::a;
  BootId boot;
  Identity identity;
  bool fresh = true;                 // one-shot and mark are not known to be clear yet: first thing of a new journal
  std::optional<BootId> returning;   // the boot in which a new journal ordered its one reboot to the default

  // the open offer
  Phase phase = Phase::idle;
  Number offer;                      // none in Idle
  Release release;                   // in Idle: of the newest outcome
  std::string from;                  // os_image_id that ran when it was accepted
  std::uint64_t accepted_sequence = 0;  // of its Accepted (or of JournalForked, which stands for it)
  Slot target = Slot::b;             // the slot that it goes to: never the running one before the switch
  Digest staged;                     // digest read back from the target; none until Staged
  BootId reboot_boot;                // of RebootOrdered
  std::uint32_t attempt = 0;         // trials begun
  std::uint32_t interruptions = 0;   // trials without verdict; in RollingBack also boots that came back to the same slot
  BootId trial_boot;
  std::int64_t trial_mono_ms = 0;    // start of the attempt, in trial_boot
  bool outside_window = false;
  Reason undo = Reason::none;        // RollingBack: what the outcome will say
  Evidence undo_evidence;
  bool clock_distrusted = false;     // ClockDistrusted was said for this offer

  Outcome outcome;                   // the newest
  // measured times from SwitchBegan to the first input of the new boot, newest last, at most three
  std::vector<std::int64_t> switch_times_ms;
  std::int64_t switch_began_ms = 0;  // wall clock of SwitchBegan

  friend bool operator==(const State&, const State&) = default;
};

struct Settings {
  std::int64_t hello_every_ms = 15 * 60'000;       // +- 50 %
  std::int64_t cut_off_after_ms = 60'000;
  std::int64_t clock_epsilon_ms = 30'000;          // cut off
  std::int64_t clock_check_lasts_ms = 24 * 3'600'000;
  std::int64_t round_trip_ms_max = 5'000;          // above: say hello again before judging a window
  std::int64_t switch_time_ms = 120'000;           // until it was measured
  std::int64_t trial_deadline_ms = 10 * 60'000;
  std::uint32_t trials_max = 3;
  std::uint32_t boot_loader_failures_max = 5;
  std::int64_t effect_retry_ms = 5'000;
  std::int64_t trial_grace_ms = 5'000;             // after the deadline, for a verdict that is on its way
  std::int64_t round_trip_again_ms = 10'000;       // after a hello whose answer took too long: the next one
  std::int64_t own_clock_look_ms = 60'000;         // cut off: a clock may be set right, or wrong, at any time
};

// A switch that seems to have taken longer was none: a clock stepped, or power was away. Else one such figure would keep
// the node out of every window.
inline constexpr std::int64_t switch_time_ms_max = 30 * 60'000;
inline constexpr std::size_t switch_times_max = 3;
// Above so many events that the orchestrator lacks, a start that changes nothing is counted instead of journaled.
inline constexpr std::uint64_t unacknowledged_events_max = 1'024;

// ---- inputs ----------------------------------------------------------------------------------------------------------

struct Booted {  // the first input of every start of the agent, with what was measured
  BootId boot;
  Slot running = Slot::a;
  Slot default_slot = Slot::a;
  bool came_up = false;
  BootCause cause = BootCause::other;
  bool default_is_bad = false;
  Identity identity;
};
struct Connected {};
struct Disconnected {};
struct RollCallHeard { RollCall roll_call; };
struct ReceivedHeard {
  Received received;
  std::optional<Chain> own_chain;  // the journal's own chain(received.upto), looked up by the shell
};
struct DocumentHeard {
  Number number;
  Digest digest;             // of the body's bytes
  Digest tag;
  std::string body;          // the bytes
  std::optional<LinkedRelease> link;
  std::optional<Window> window;
  Reason fault = Reason::none;  // what the shell's reading of the manifest found
  std::string fault_detail;
};
// Ends of effects, tagged with the offer and the boot that they were ordered in. `error` empty: done.
struct StagingEnded {
  Number offer;
  BootId boot;
  Reason failure = Reason::none;
  Evidence evidence;
  Slot slot = Slot::b;
  Digest digest;
  std::uint64_t bytes = 0;
  std::int64_t took_ms = 0;
  bool reused = false;
};
// `order` is that of the effect: an end that a later order has overtaken does not count.
struct OneShotArmed { Number offer; BootId boot; std::string error; std::uint64_t order = 0; };
struct OneShotCleared { Number offer; BootId boot; std::string error; std::uint64_t order = 0; };
struct HealthJudged {
  Number offer;
  BootId boot;
  bool healthy = false;
  Reason reason = Reason::none;   // unhealthy, deadline
  std::vector<HealthCheckResult> checks;
  Evidence evidence;
};
struct BootConfirmed {  // read back after the confirmation, not what was asked for
  Number offer;
  BootId boot;
  Slot running = Slot::a;
  Slot default_slot = Slot::a;
  Digest digest;
  std::string error;
};
struct BootStateCleared { BootId boot; std::string error; };
struct RebootRefused { BootId boot; std::string error; };  // the order was given and came back
struct Tick {};

using Input = std::variant<Booted, Connected, Disconnected, RollCallHeard, ReceivedHeard, DocumentHeard, StagingEnded,
                           OneShotArmed, OneShotCleared, HealthJudged, BootConfirmed, BootStateCleared, RebootRefused, Tick>;

// ---- messages and effects --------------------------------------------------------------------------------------------

struct SayHello {};  // the shell makes it from state, link and journal head as they are after the commit: make_hello
struct EventOmitted {};  // an AgentStarted that is only counted: the shell tells its host (Host::omit)
using Message = std::variant<SayHello, EventOmitted>;

struct ClearBootState {};                                     // one-shot and came-up mark; ends in BootStateCleared
struct ReturnToDefault { BootId boot; };                      // a reboot; RebootRefused if it fails
// Clear the mark; is the slot this image already? else write, flush, read back. Runs while todo asks for it, and is
// stopped when todo no longer does. Ends in StagingEnded.
struct Stage { Number offer; Release release; Slot slot = Slot::b; };
struct ArmOnce { Number offer; Slot slot = Slot::b; std::uint64_t order = 0; };  // on the owner thread, at once; ends in OneShotArmed
struct ClearOneShot { Number offer; std::uint64_t order = 0; };                  // as well; ends in OneShotCleared
struct Reboot { Number offer; BootId boot; };                 // on the owner thread, at once; RebootRefused if it fails
struct CheckHealth { Number offer; Slot slot = Slot::b; std::int64_t deadline_mono_ms = 0; };  // ends in HealthJudged
struct ConfirmBoot { Number offer; Slot slot = Slot::b; Release release; };  // and read back; ends in BootConfirmed
struct GoBack { Number offer; Slot bad = Slot::b; bool mark_bad = true; BootId boot; };  // mark the slot bad, reboot to the default
using Effect = std::variant<ClearBootState, ReturnToDefault, Stage, ArmOnce, ClearOneShot, Reboot, CheckHealth, ConfirmBoot, GoBack>;

// ---- the machine -----------------------------------------------------------------------------------------------------

struct UpdateMachine {
  using State = node::State;
  using Link = node::Link;
  using Event = NodeEvent;
  using Message = node::Message;
  using Input = node::Input;
  using Effect = node::Effect;

  Settings settings;

  void decide(const State& state, Link& link, const Input& input, const Now& now, Out<Event, Message>& out) const;
  static void apply(State& state, const Recorded<Event>& recorded);
  [[nodiscard]] std::vector<Effect> todo(const State& state, const Link& link, const Now& now) const;
  [[nodiscard]] std::vector<Condition> waits_for(const State& state, const Link& link, const Now& now) const;
  [[nodiscard]] std::optional<std::int64_t> look_again(const State& state, const Link& link, const Now& now) const;
};
static_assert(Machine<UpdateMachine>);

// Protocol 1.4: this node has been answered in this connection, and holds the newest document there is.
[[nodiscard]] bool synced(const State& state, const Link& link);
// Why the open offer is no longer asked for by the document held: superseded, unlinked, aborted; none: it still is.
[[nodiscard]] Reason withdrawal(const State& state);
[[nodiscard]] std::int64_t switch_time_needed_ms(const Settings& settings, const State& state);
// Protocol 1.5: nothing if the node may switch now, else every condition that is missing.
[[nodiscard]] std::vector<Condition> may_switch(const Settings& settings, const State& state, const Link& link, const Now& now);

// `base` and `base_chain` are the journal's.
[[nodiscard]] Hello make_hello(const State& state, const Link& link, std::uint64_t base, Chain base_chain);

}  // namespace abide::node
