#pragma once
// The events of a journal in their order, each with what can be said of it without those before it: does it follow by the chain, what is
// it, does what it holds of a node follow by the chain that it names. Read, hashed and decoded on all cores, in pieces; whoever folds a
// long journal takes them from here.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "common/core/hash.hpp"
#include "common/core/machine.hpp"
#include "common/core/result.hpp"
#include "common/events/codec.hpp"
#include "common/store/in_order.hpp"
#include "common/store/journal.hpp"

namespace abide {

// A record of a journal into an event that may have been used before. corrupt, unavailable; then `into` has no meaning.
template <class Event>
std::optional<Error> decode_recorded(std::string_view bytes, std::uint64_t sequence, Chain chain, Recorded<Event>& into,
                                     EnvelopePlace& inner) {
  auto decoded = decode_event(bytes, into, inner);
  if (!decoded) return decoded.error();
  if (!*decoded) return Error{Code::corrupt, "journal record " + std::to_string(sequence) + " is no event of this journal"};
  if (into.sequence != sequence)
    return Error{Code::corrupt, "journal record " + std::to_string(sequence) + " says sequence " + std::to_string(into.sequence)};
  into.chain = chain;
  return std::nullopt;
}
template <class Event>
Result<Recorded<Event>> decode_recorded(std::string_view bytes, std::uint64_t sequence, Chain chain) {
  Recorded<Event> recorded;
  EnvelopePlace inner;
  if (auto wrong = decode_recorded(bytes, sequence, chain, recorded, inner)) return fail(std::move(*wrong));
  return recorded;
}

template <class Event>
struct CheckedEvent {
  std::uint64_t sequence = 0;
  Chain chain;
  bool chain_holds = false;
  std::optional<Error> error;  // why it cannot be read; then the rest has no meaning
  Recorded<Event> recorded;
  EnvelopePlace inner;       // of NodeEventStored: where its own bytes say that it stands
  bool inner_holds = false;  // and whether their chain is the one that was stored with them; looked at where that is asked
};

// What is read: all events of a journal behind its base.
struct JournalToCheck {
  const Reader& reader;
  const std::string& scope;
  const JournalHead& head;
  const std::set<std::uint64_t>* on_trust = nullptr;  // events whose chain cannot be computed, and is taken as it is told
  bool inner_chains = false;
};

inline constexpr std::uint64_t piece_events_max = 128;                 // that are read at once
inline constexpr std::size_t piece_bytes_max = std::size_t{4} << 20U;  // of them; the event that passes it is still read
inline constexpr std::size_t room_bytes_max = std::size_t{16} << 20U;  // that went through a room before its memory is given back
inline constexpr std::size_t expected_ahead = 8;                       // events that `expect` is told of before they are taken

// The events of a piece. Its room is used again for a later one: a new one is memory that the kernel has to clear first, and that one
// thread allocates and another frees.
template <class Event>
struct CheckedPiece {
  std::vector<CheckedEvent<Event>> events;  // as many as have ever been used; of this piece the first `count`
  std::size_t count = 0;
  std::uint64_t last = 0;         // of those that it was to have; without an error the rest is to be read still
  std::optional<Error> error;     // what ended it
  std::size_t bytes_through = 0;  // this room

  CheckedEvent<Event>& next() {
    if (count == events.size()) events.emplace_back();
    return events[count++];
  }
};

template <class Event>
class PieceRooms {
 public:
  using Piece = std::unique_ptr<CheckedPiece<Event>>;
  Piece get() {
    {
      const std::lock_guard lock(mutex_);
      if (!rooms_.empty()) {
        Piece room = std::move(rooms_.back());
        rooms_.pop_back();
        return room;
      }
    }
    auto room = std::make_unique<CheckedPiece<Event>>();
    room->events.reserve(piece_events_max);
    return room;
  }
  void put(Piece room) {
    if (room->bytes_through > room_bytes_max) return;
    room->count = 0;
    room->error.reset();
    const std::lock_guard lock(mutex_);
    rooms_.push_back(std::move(room));
  }

 private:
  std::mutex mutex_;
  std::vector<Piece> rooms_;
};

template <class Event>
std::unique_ptr<CheckedPiece<Event>> read_piece(const JournalToCheck& journal, std::uint64_t first, std::uint64_t last,
                                                PieceRooms<Event>& rooms) {
  auto piece = rooms.get();
  piece->last = last;
  const bool begins = first == journal.head.base + 1;  // else the chain of the event before is read, too
  std::optional<Chain> before;
  if (begins) before = journal.head.base_chain;
  std::size_t bytes_read = 0;
  auto read = Journal::read(
      journal.reader, journal.scope, journal.head.id, begins ? first : first - 1, last,
      [&](std::uint64_t sequence, Chain chain, std::string_view bytes) {
        if (before) {
          auto& event = piece->next();
          event.sequence = sequence;
          event.chain = chain;
          event.chain_holds = chain_after(*before, bytes) == chain || (journal.on_trust != nullptr && journal.on_trust->contains(sequence));
          event.error = decode_recorded(bytes, sequence, chain, event.recorded, event.inner);
          if constexpr (std::is_same_v<Event, OrchestratorEvent>) {
            const auto* stored = journal.inner_chains && !event.error ? std::get_if<NodeEventStored>(&event.recorded.event) : nullptr;
            event.inner_holds = stored != nullptr && chain_after(event.inner.after, stored->envelope) == stored->chain;
          }
        }
        before = chain;
        bytes_read += bytes.size();
        return bytes_read < piece_bytes_max || piece->count == 0;
      });
  if (!read) piece->error = read.error();
  piece->bytes_through += bytes_read;
  return piece;
}

// `take(event)` has them in their order, on the caller's thread; `expect(event)` is told of each some events before, on the same. Ends
// when `take` returns false, or with what cannot be read: corrupt, unavailable. A store reads ahead, so that may also be something behind
// the last event, after which it was taken.
template <class Event, class Expect, class Take>
Result<void> checked_events(const JournalToCheck& journal, const Expect& expect, const Take& take) {
  const std::uint64_t base = journal.head.base, last = journal.head.last;
  if (!journal.head.id || last <= base) return {};
  using Piece = std::unique_ptr<CheckedPiece<Event>>;
  std::uint64_t unread = base + 1;  // where the next piece begins
  std::uint64_t next = base + 1;
  std::optional<Error> error;
  PieceRooms<Event> rooms;
  const auto take_piece = [&](Piece piece) {
    auto& events = piece->events;
    const auto expect_one = [&](std::size_t index) {
      if (index < piece->count && !events[index].error) expect(std::as_const(events[index].recorded.event));
    };
    for (std::size_t index = 0; index < expected_ahead; ++index) expect_one(index);
    for (std::size_t index = 0; index < piece->count; ++index) {
      expect_one(index + expected_ahead);
      ++next;
      if (!take(events[index])) return false;
    }
    error = std::move(piece->error);
    rooms.put(std::move(piece));
    return !error;
  };
  in_order(
      [&]() -> std::optional<std::uint64_t> {
        if (unread > last) return std::nullopt;
        return std::exchange(unread, unread + piece_events_max);
      },
      [&](std::uint64_t first) { return read_piece<Event>(journal, first, std::min(first + piece_events_max - 1, last), rooms); },
      [&](Piece piece) {
        const std::uint64_t wanted = piece->last;
        if (!take_piece(std::move(piece))) return false;
        while (next <= wanted)
          if (!take_piece(read_piece<Event>(journal, next, wanted, rooms))) return false;
        return true;
      });
  if (error) return fail(std::move(*error));
  return {};
}

// Tells a machine that has something to fetch from memory which event it will have to apply soon.
template <class M>
void expect_event(const typename M::State& state, const typename M::Event& event) {
  if constexpr (requires { M::expect(state, event); }) M::expect(state, event);
}

}  // namespace abide
