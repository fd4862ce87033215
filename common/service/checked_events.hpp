#pragma once
// The events of a journal in their order, each with what can be said of it without those before it: does it follow by the chain, what is
// it, does what it holds of a node follow by the chain that it names. Read, hashed and decoded on all cores, in pieces; whoever folds a
// long journal takes them from here.
#include <cstdint>
#include <memory>
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
#include "common/store/raw_rows.hpp"

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

// The events of a piece, and the records that they are made of.
template <class Event>
struct CheckedPiece {
  Chain before;  // of the event before the first
  std::uint64_t first = 0;
  RawRows records;                          // as the journal has them: events without their chains
  std::vector<Chain> chains;                // of each record
  std::optional<Error> error;               // what came in the place of the next record
  std::vector<CheckedEvent<Event>> events;  // as many as have ever been used; of this piece as many as there are records
  std::size_t bytes_through = 0;            // this room
};

// Reads records into a room until it is full or there are no more.
template <class Event>
void read_piece(JournalCursor& journal, CheckedPiece<Event>& piece) {
  piece.records.clear();
  piece.chains.clear();
  piece.error.reset();
  while (piece.records.size() < piece_events_max && piece.records.bytes() < piece_bytes_max) {
    auto record = journal.next();
    if (!record) piece.error = record.error();
    if (!record || !*record) break;
    if (piece.chains.empty()) piece.first = (*record)->sequence;
    piece.records.add("", (*record)->bytes);
    piece.chains.push_back((*record)->chain);
  }
  piece.bytes_through += piece.records.bytes();
}

template <class Event>
void check_piece(const JournalToCheck& journal, CheckedPiece<Event>& piece) {
  if (piece.events.size() < piece.records.size()) piece.events.resize(piece.records.size());
  Chain before = piece.before;
  for (std::size_t index = 0; index < piece.records.size(); ++index) {
    auto& event = piece.events[index];
    const auto bytes = piece.records.value(index);
    event.sequence = piece.first + index;
    event.chain = piece.chains[index];
    event.chain_holds =
        chain_after(before, bytes) == event.chain || (journal.on_trust != nullptr && journal.on_trust->contains(event.sequence));
    event.error = decode_recorded(bytes, event.sequence, event.chain, event.recorded, event.inner);
    if constexpr (std::is_same_v<Event, OrchestratorEvent>) {
      const auto* stored = journal.inner_chains && !event.error ? std::get_if<NodeEventStored>(&event.recorded.event) : nullptr;
      event.inner_holds = stored != nullptr && chain_after(event.inner.after, stored->envelope) == stored->chain;
    }
    before = event.chain;
  }
}

// `take(event)` has them in their order, on the caller's thread; `expect(event)` is told of each some events before, on the same. Ends
// when `take` returns false, or with what cannot be read: corrupt, unavailable. A store reads ahead, so that may also be something behind
// the last event, after which it was taken.
template <class Event, class Expect, class Take>
Result<void> checked_events(const JournalToCheck& journal, const Expect& expect, const Take& take) {
  const auto& head = journal.head;
  if (!head.id || head.last <= head.base) return {};
  using Piece = std::unique_ptr<CheckedPiece<Event>>;
  JournalCursor cursor(journal.reader, journal.scope, head.id, head.base + 1, head.last);
  Chain before = head.base_chain;  // of what is read next
  bool read_all = false;
  std::optional<Error> error;
  Rooms<CheckedPiece<Event>> rooms;
  in_order(
      [&]() -> std::optional<Piece> {
        if (read_all) return std::nullopt;
        auto piece = rooms.get();
        read_piece(cursor, *piece);
        piece->before = before;
        if (!piece->chains.empty()) before = piece->chains.back();
        read_all = piece->error.has_value() || piece->chains.empty();
        return piece;
      },
      [&](Piece piece) {
        check_piece(journal, *piece);
        return piece;
      },
      [&](Piece piece) {
        auto& events = piece->events;
        const std::size_t count = piece->records.size();
        const auto expect_one = [&](std::size_t index) {
          if (index < count && !events[index].error) expect(std::as_const(events[index].recorded.event));
        };
        for (std::size_t index = 0; index < expected_ahead; ++index) expect_one(index);
        for (std::size_t index = 0; index < count; ++index) {
          expect_one(index + expected_ahead);
          if (!take(std::as_const(events[index]))) return false;
        }
        error = std::move(piece->error);
        if (piece->bytes_through <= room_bytes_max) rooms.put(std::move(piece));
        return !error;
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
