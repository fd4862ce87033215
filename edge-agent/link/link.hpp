#pragma once
// The node's half of the protocol that lives and dies with a connection: roll call, hello, welcome, synced. Pure.
// Nothing of Link is stored, but for `acked`, which the shell reads back from the journal's head at start.
#include <cstdint>
#include <optional>

#include "common/core/ids.hpp"
#include "common/core/machine.hpp"
#include "common/core/random.hpp"
#include "common/events/messages.hpp"

namespace abide::node {

struct Link {
  // set by the shell at start
  Random random;
  std::uint64_t acked = 0;           // durable, in the journal's head

  // connection
  bool connected = false;
  std::optional<std::int64_t> disconnected_at_mono_ms;  // none: connected, or never was in this process (then: since start)
  std::int64_t started_at_mono_ms = 0;

  // roll call and hello
  LifeId life;                       // of the roll call answered (or about to be) in this connection
  std::uint32_t ask = 0;
  std::optional<std::int64_t> hello_at_mono_ms;   // when the next hello is due
  Nonce nonce;                       // of the last hello of this connection; none: no hello yet
  std::int64_t hello_said_mono_ms = 0;
  bool hello_answered = true;        // no event goes out while the last hello is unanswered

  // welcome
  bool welcomed = false;             // N5 in this connection and since the last new life
  Number head;                       // number of the newest document there is
  std::int64_t welcome_now_ms = 0;   // the orchestrator's clock when it answered
  std::int64_t welcome_mono_ms = 0;  // when that came here
  std::int64_t round_trip_ms = 0;    // of that hello
  std::uint64_t send_from = 0;       // events from here on are to be sent; raised by every welcome's upto
  std::uint64_t welcomes = 0;        // counts N5: the outbox begins anew at send_from when it changes

  // trust in the own clock (protocol 1.5): the moment, in this boot, at which it was within 30 s of a welcome's time
  std::optional<std::int64_t> clock_checked_mono_ms;

  // this process
  BootId boot;
  std::uint32_t arm_failures = 0;
  std::uint32_t confirm_failures = 0;
  std::optional<std::int64_t> retry_at_mono_ms;   // an effect failed: asked again then
  std::string effect_error;                       // of that failure, for waits_for
  bool booted = false;               // `Booted` was fed: before it, there is nothing to do

  friend bool operator==(const Link&, const Link&) = default;
};

}  // namespace abide::node
