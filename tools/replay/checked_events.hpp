#pragma once
// The events of a scope in their order, each with what can be said of it without those before it: does it follow by the chain, what is
// it, does what it holds of a node follow by the chain that it names. Read, hashed and decoded on all cores.
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "common/core/hash.hpp"
#include "common/core/machine.hpp"
#include "common/core/result.hpp"
#include "common/events/codec.hpp"
#include "common/service/host.hpp"
#include "common/store/in_order.hpp"
#include "tools/replay/history.hpp"

namespace abide::replay {

// Of an event of a node: what its bytes say, and whether their chain is the one that was stored. Or why they cannot be read.
struct ToldPlace {
  Result<EnvelopePlace> place;
  bool chain_holds = false;
};

template <class Event>
struct CheckedEvent {
  CheckedEvent(std::uint64_t number, Chain with, bool holds, Result<Recorded<Event>>&& decoded)
      : sequence(number), chain(with), chain_holds(holds), recorded(std::move(decoded)) {}
  std::uint64_t sequence;
  Chain chain;
  bool chain_holds;
  Result<Recorded<Event>> recorded;
  std::optional<ToldPlace> told;  // of NodeEventStored
};

// Rooms of pieces that were taken, for the next ones: a new one of its size is memory that the kernel has to clear first.
template <class Event>
class Rooms {
 public:
  std::vector<CheckedEvent<Event>> get() {
    const std::lock_guard lock(mutex_);
    if (rooms_.empty()) return {};
    auto room = std::move(rooms_.back());
    rooms_.pop_back();
    return room;
  }
  void put(std::vector<CheckedEvent<Event>> room) {
    room.clear();
    const std::lock_guard lock(mutex_);
    rooms_.push_back(std::move(room));
  }

 private:
  std::mutex mutex_;
  std::vector<std::vector<CheckedEvent<Event>>> rooms_;
};

inline constexpr std::uint64_t piece_events_max = 256;                 // that are read at once
inline constexpr std::size_t piece_bytes_max = std::size_t{4} << 20U;  // of them; the event that passes it is still read

template <class Event>
struct CheckedPiece {
  std::vector<CheckedEvent<Event>> events;
  std::uint64_t last = 0;      // of those that it was to have; without an error the rest is to be read still
  std::optional<Error> error;  // what ended it
};

template <class Event>
std::optional<ToldPlace> told_place(const Event& event) {
  if constexpr (std::is_same_v<Event, OrchestratorEvent>) {
    if (const auto* stored = std::get_if<NodeEventStored>(&event)) {
      ToldPlace told{decode_place(stored->envelope), false};
      told.chain_holds = told.place && chain_after(told.place->after, stored->envelope) == stored->chain;
      return told;
    }
  }
  return std::nullopt;
}

template <class Event>
CheckedPiece<Event> read_piece(const History& history, const Scope& scope, std::uint64_t first, std::uint64_t last, Rooms<Event>& rooms) {
  CheckedPiece<Event> piece;
  piece.events = rooms.get();
  piece.last = last;
  piece.events.reserve(last - first + 1);
  const bool begins = first == scope.head.base + 1;  // else the chain of the event before is read, too
  std::optional<Chain> before;
  if (begins) before = scope.head.base_chain;
  std::size_t bytes_read = 0;
  auto read = Journal::read(history.reader(), scope.prefix, scope.head.id, begins ? first : first - 1, last,
                            [&](std::uint64_t sequence, Chain chain, std::string_view bytes) {
                              if (before) {
                                const bool holds = chain_after(*before, bytes) == chain || scope.without_secret.contains(sequence);
                                auto& event =
                                    piece.events.emplace_back(sequence, chain, holds, decode_recorded<Event>(bytes, sequence, chain));
                                if (event.recorded) event.told = told_place(event.recorded->event);
                              }
                              before = chain;
                              bytes_read += bytes.size();
                              return bytes_read < piece_bytes_max || piece.events.empty();
                            });
  if (!read) piece.error = read.error();
  return piece;
}

// Ends when `take` returns false, or with what cannot be read: corrupt, unavailable. A store reads ahead, so that may also be something
// behind the last event, after which it was taken.
template <class Event>
Result<void> checked_events(const History& history, const Scope& scope, const std::function<bool(CheckedEvent<Event>&)>& take) {
  const std::uint64_t base = scope.head.base, last = scope.head.last;
  if (!scope.head.id || last <= base) return {};
  std::uint64_t unread = base + 1;  // where the next piece begins
  std::uint64_t next = base + 1;
  std::optional<Error> error;
  Rooms<Event> rooms;
  const auto take_piece = [&](CheckedPiece<Event>& piece) {
    for (auto& event : piece.events) {
      ++next;
      if (!take(event)) return false;
    }
    rooms.put(std::move(piece.events));
    error = std::move(piece.error);
    return !error;
  };
  in_order(
      [&]() -> std::optional<std::uint64_t> {
        if (unread > last) return std::nullopt;
        return std::exchange(unread, unread + piece_events_max);
      },
      [&](std::uint64_t first) { return read_piece<Event>(history, scope, first, std::min(first + piece_events_max - 1, last), rooms); },
      [&](CheckedPiece<Event> piece) {
        if (!take_piece(piece)) return false;
        while (next <= piece.last) {
          auto rest = read_piece<Event>(history, scope, next, piece.last, rooms);
          if (!take_piece(rest)) return false;
        }
        return true;
      });
  if (error) return fail(std::move(*error));
  return {};
}

}  // namespace abide::replay
