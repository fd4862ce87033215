#pragma once
// What every state machine here is: four functions over plain data, without clock, I/O, log or randomness of their own.
//
//   decide    what an input means here: emits events and messages through `Out`, changes Link; may emit nothing
//   apply     what a fact changes: total, never refuses history
//   todo      what the world should be doing in this state: safe to ask twice
//   waits_for what must happen before this can change, each with the moment to look again
//
// An event that decide emits is applied to the state at once, so decide reads on from the state that it has made; the
// result is the same as folding the emitted events afterwards, and costs no copy of a fleet. (docs/decisions)
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/ids.hpp"
#include "common/core/time.hpp"

namespace abide {

// What led to an event: another event, or a request of the API. Empty: the passing of time, or a start.
struct Cause {
  JournalId journal;
  std::uint64_t sequence = 0;
  std::string request;

  friend bool operator==(const Cause&, const Cause&) = default;
};

// An event with what the journal knows about it.
template <class Event>
struct Recorded {
  JournalId journal;
  std::uint64_t sequence = 0;  // 1, 2, ... within the journal
  Chain after;                 // chain of the journal before this event
  Chain chain;                 // and with it
  std::int64_t at_ms = 0;      // wall clock of who journaled it
  bool clock_trusted = false;
  SessionId session;
  Cause cause;
  Event event;
};

// Where decide puts what it decided. Everything given here becomes durable in one commit, before any of it is acted on
// or published.
template <class Event, class Message>
class Out {
 public:
  // Journaled; the state that decide was given has advanced when this returns.
  virtual void event(Event event) = 0;
  virtual void message(Message message) = 0;
  // The events that follow go into a new journal; the state carries over as its snapshot at base 0. Nodes only.
  virtual void new_journal(JournalId journal) = 0;
  // The other side has all events up to this one. Nodes only.
  virtual void acknowledged(std::uint64_t upto) = 0;
  // Bytes to keep beside the state under a fixed name; later bytes replace earlier ones.
  virtual void blob(std::string_view name, std::string bytes) = 0;

 protected:
  ~Out() = default;
};

template <class M>
concept Machine = requires(const M machine, typename M::State& state, const typename M::State& constant, typename M::Link& link,
                           const typename M::Link& constant_link, const typename M::Input& input, const Now& now,
                           const Recorded<typename M::Event>& recorded, Out<typename M::Event, typename M::Message>& out) {
  { machine.decide(constant, link, input, now, out) } -> std::same_as<void>;
  { M::apply(state, recorded) } -> std::same_as<void>;
  { machine.todo(constant, constant_link, now) } -> std::same_as<std::vector<typename M::Effect>>;
  // The next moment, by now.mono_ms, at which time alone can change something; none: only an input can.
  { machine.look_again(constant, constant_link, now) } -> std::same_as<std::optional<std::int64_t>>;
};

// One thing that a machine waits for, as a person reads it. `waits_for` gives these; every machine has its own
// signature for it (the fleet's takes a node).
struct Condition {
  std::string what;                           // stable word for programs: "window", "welcome", "acknowledgement", ...
  std::string text;                           // for people: "window night opens 2026-11-25T02:00:00Z"
  std::optional<std::int64_t> at_wall_ms;     // when it is expected, if that is known
  std::optional<std::int64_t> look_mono_ms;   // when time alone can change it

  friend bool operator==(const Condition&, const Condition&) = default;
};

}  // namespace abide
