#pragma once
// The node's half of the protocol that lives and dies with a connection: roll call, hello, welcome, synced. Pure.
// Nothing of Link is stored, but for `acked`, which the shell reads back from the journal's head at start.
#include <cstdint>
#include <optional>
#include <string>

#include "common/core/ids.hpp"
#include "common/core/machine.hpp"
#include "common/core/random.hpp"
#include "common/events/messages.hpp"

namespace abide::node {

// What the boot loader's one-shot should be told now. Only the phase Switching gives such orders.
enum class LoaderOrder : std::uint8_t { none = 0, arm, clear };

struct Link {
  // set by the shell at start
  Random random;
  std::uint64_t acked = 0;  // durable, in the journal's head

  // connection
  bool connected = false;
  std::optional<std::int64_t> disconnected_at_mono_ms;  // none: connected, or never was in this process (then: since start)
  std::int64_t started_at_mono_ms = 0;                  // set by `Booted`

  // roll call and hello
  LifeId life;                                   // of the roll call answered (or about to be) in this connection
  std::uint32_t ask = 0;                         // the newest asking heard in that life
  std::optional<std::int64_t> hello_at_mono_ms;  // when the next hello is due
  Nonce nonce;                                   // of the last hello of this connection; none: no hello yet
  std::int64_t hello_said_mono_ms = 0;
  bool hello_answered = true;  // no event goes out while the last hello is unanswered

  // welcome
  bool welcomed = false;             // N5 in this connection and since the last new life
  Number head;                       // number of the newest document there is
  std::int64_t welcome_now_ms = 0;   // the orchestrator's clock when it answered
  std::int64_t welcome_mono_ms = 0;  // when that came here
  std::int64_t round_trip_ms = 0;    // of that hello
  std::uint64_t send_from = 0;       // events from here on are to be sent, but never below the journal's base + 1; set by a welcome
  std::uint64_t welcomes = 0;        // counts N5: the outbox begins anew at send_from when it changes

  // trust in the own clock (protocol 1.5): the moment, in this boot, at which it was within 30 s of a welcome's time
  std::optional<std::int64_t> clock_checked_mono_ms;

  // this process
  BootId boot;                  // of `Booted`
  bool booted = false;          // `Booted` was fed: before it, there is nothing to do
  bool default_is_bad = false;  // of `Booted`: there is no slot to go back to

  // Orders to the boot loader. Each change of mind takes a new number, and the end of an order counts only under the
  // present one: an order to clear that was overtaken by an order to arm says nothing about the one-shot.
  LoaderOrder loader_order = LoaderOrder::none;
  std::uint64_t order = 0;

  // effects that failed
  std::uint32_t arm_failures = 0;                // arming and the reboot after it, since the phase was entered from Staged
  std::uint32_t confirm_failures = 0;            // since Confirming was entered
  std::optional<std::int64_t> retry_at_mono_ms;  // an effect failed: asked again then
  std::string effect_error;                      // of the last failure, for waits_for and evidence

  friend bool operator==(const Link&, const Link&) = default;
};

// ---- connection ------------------------------------------------------------------------------------------------------

// Subscribed, and the broker said so. Nothing of an earlier connection counts from here on.
void connected(Link& link, const Now& now, std::int64_t hello_every_ms);
void disconnected(Link& link, const Now& now);
// No connection for so long that the node goes by its own clock.
[[nodiscard]] bool cut_off(const Link& link, const Now& now, std::int64_t after_ms);

// ---- handshake -------------------------------------------------------------------------------------------------------

void hear_roll_call(Link& link, const RollCall& roll_call, const Now& now);

[[nodiscard]] bool hello_due(const Link& link, const Now& now);
// Draws the nonce and the moment of the next one.
void say_hello(Link& link, const Now& now, std::int64_t hello_every_ms);
// At that moment at the latest.
void hello_not_after(Link& link, std::int64_t mono_ms);

// The node's own journal, as `received` is judged against it.
struct OwnJournal {
  JournalId id;
  std::uint64_t last = 0;
  std::optional<Chain> chain;  // chain(received.upto), if base <= upto <= last
};

// What remains to be done about a `received`; the link has already changed.
enum class Verdict : std::uint8_t {
  nothing,       // ignored, or answered by a hello
  forked,        // N3: the journal was written elsewhere too
  acknowledged,  // N4: everything up to `upto` is safe; new_journal or events may follow
};
// N1 to N5, in this order. A welcome's time checks the own clock, if it came within `round_trip_ms_max`.
[[nodiscard]] Verdict hear_received(Link& link, const Received& received, const OwnJournal& own, const Now& now,
                                    std::int64_t clock_epsilon_ms, std::int64_t round_trip_ms_max);
// A new journal has begun: nothing of it is acknowledged, and what was welcomed was the old one.
void forget_journal(Link& link, const Now& now);

// Whether journaled events may go out now (from max(send_from, base + 1)).
[[nodiscard]] bool may_send_events(const Link& link);

}  // namespace abide::node
