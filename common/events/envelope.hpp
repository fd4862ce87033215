#pragma once
// What every payload on the bus and every journal record is wrapped in.
#include <cstdint>
#include <string>
#include <variant>

#include "common/core/ids.hpp"
#include "common/core/machine.hpp"
#include "common/events/document.hpp"
#include "common/events/messages.hpp"
#include "common/events/node_events.hpp"
#include "common/events/orchestrator_events.hpp"

namespace abide {

using Payload = std::variant<NodeEvent, OrchestratorEvent, RollCall, Hello, Received, Document, Progress, Presence, ProfileDiscovered>;

struct Envelope {
  JournalId journal;           // of the node that speaks (also in hello, progress, presence); in a journal, its own
  LifeId life;                 // of the orchestrator that speaks
  std::uint64_t sequence = 0;  // 0: not an event
  Chain after;                 // chain of the journal before this event
  SessionId session;           // the speaker's process
  std::int64_t at_ms = 0;      // the speaker's wall clock
  bool clock_trusted = false;
  std::uint32_t omitted = 0;   // events that were counted instead of journaled since the one before (protocol 1.10)
  Cause cause;
  Payload payload;

  friend bool operator==(const Envelope&, const Envelope&) = default;
};

}  // namespace abide
