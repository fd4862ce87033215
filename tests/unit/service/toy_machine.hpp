#pragma once
// The smallest machine that a Host can be tried with: it counts what was accepted, by offer.
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "common/core/machine.hpp"
#include "common/events/node_events.hpp"
#include "common/store/journal.hpp"
#include "common/store/store.hpp"

namespace abide {

struct ToyInput {
  enum class Kind { accept, cancel, fork, acknowledge, note, keep, none };
  Kind kind = Kind::none;
  std::uint64_t number = 0;  // of the offer, the journal, or the last event that is acknowledged
  std::uint64_t times = 1;
  std::string text;
};

struct ToyState {
  std::map<std::uint64_t, std::uint64_t> accepted;  // by revision of the offer; cancelled ones are gone
  std::string note;
  std::string newest;               // what apply was told about the newest event
  std::set<std::uint64_t> touched;  // since the last save; no part of what the state is

  friend bool operator==(const ToyState& left, const ToyState& right) {
    return left.accepted == right.accepted && left.note == right.note && left.newest == right.newest;
  }
};

struct ToyMachine {
  using State = ToyState;
  using Event = NodeEvent;
  using Message = std::string;
  using Input = ToyInput;
  using Effect = std::string;
  struct Link {
    std::uint64_t inputs = 0;
  };

  static std::uint64_t count(const State& state, std::uint64_t offer) {
    const auto found = state.accepted.find(offer);
    return found == state.accepted.end() ? 0 : found->second;
  }

  void decide(const State& state, Link& link, const Input& input, const Now&, Out<Event, Message>& out) const {
    ++link.inputs;
    switch (input.kind) {
      case ToyInput::Kind::accept:
        for (std::uint64_t i = 0; i < input.times; ++i) {
          Accepted accepted;
          accepted.offer = {1, input.number};
          out.event(accepted);
        }
        out.message("now " + std::to_string(count(state, input.number)));  // reads on from the state that it has made
        break;
      case ToyInput::Kind::cancel: {
        Cancelled cancelled;
        cancelled.offer = {1, input.number};
        out.event(cancelled);
        break;
      }
      case ToyInput::Kind::fork: {
        out.new_journal(JournalId{input.number});
        out.event(JournalForked{});
        break;
      }
      case ToyInput::Kind::acknowledge:
        out.acknowledged(input.number);
        break;
      case ToyInput::Kind::note: {
        SwitchCleared cleared;
        cleared.offer = {1, 1};
        cleared.why = input.text;
        out.event(cleared);
        break;
      }
      case ToyInput::Kind::keep:
        out.blob("kept", input.text);
        break;
      case ToyInput::Kind::none:
        break;
    }
  }

  static void apply(State& state, const Recorded<Event>& recorded) {
    state.newest = to_hex(recorded.journal) + " " + std::to_string(recorded.sequence) + " " + to_hex(recorded.chain) + " " +
                   std::to_string(recorded.at_ms) + (recorded.clock_trusted ? " trusted " : " ") + to_hex(recorded.session) + " " +
                   (recorded.cause.request.empty() ? "-" : recorded.cause.request);
    if (const auto* accepted = std::get_if<Accepted>(&recorded.event)) {
      ++state.accepted[accepted->offer.revision];
      state.touched.insert(accepted->offer.revision);
    } else if (const auto* cancelled = std::get_if<Cancelled>(&recorded.event)) {
      state.accepted.erase(cancelled->offer.revision);
      state.touched.insert(cancelled->offer.revision);
    } else if (const auto* cleared = std::get_if<SwitchCleared>(&recorded.event)) {
      state.note = cleared->why;
    }
  }

  std::vector<Effect> todo(const State& state, const Link&, const Now&) const {
    std::vector<Effect> effects;
    for (const auto& [offer, times] : state.accepted) effects.push_back("stage " + std::to_string(offer));
    return effects;
  }
  std::optional<std::int64_t> look_again(const State& state, const Link&, const Now& now) const {
    return state.accepted.empty() ? std::nullopt : std::optional(now.mono_ms + 1000);
  }
};

struct ToyRows {
  static void put(const ToyState& state, std::uint64_t offer, Batch& batch, const std::string& scope) {
    const auto key = row_key(scope, "offer", big_endian(offer));
    const auto found = state.accepted.find(offer);
    if (found == state.accepted.end()) {
      batch.erase(key);
    } else {
      batch.put(key, std::to_string(found->second));
    }
  }
  static void save(ToyState& state, Batch& batch, const std::string& scope) {
    for (const auto offer : state.touched) put(state, offer, batch, scope);
    state.touched.clear();
    batch.put(row_key(scope, "one", "note"), state.note);
    batch.put(row_key(scope, "one", "newest"), state.newest);
  }
  static void save_all(ToyState& state, Batch& batch, const std::string& scope) {
    for (const auto& [offer, times] : state.accepted) put(state, offer, batch, scope);
    save(state, batch, scope);
  }
  static Result<ToyState> load(const Reader& reader, const std::string& scope) {
    ToyState state;
    const auto first = row_key(scope, "offer", "");
    auto read = reader.scan(first, after_prefix(first), [&](std::string_view key, std::string_view value) {
      state.accepted[from_big_endian(key.substr(first.size()))] = std::stoull(std::string(value));
      return true;
    });
    if (!read) return fail(read.error());
    for (auto [name, field] : {std::pair{"note", &state.note}, std::pair{"newest", &state.newest}}) {
      auto value = reader.get(row_key(scope, "one", name));
      if (!value) return fail(value.error());
      *field = value->value_or("");
    }
    return state;
  }
  static std::string snapshot(const ToyState& state) {
    std::string bytes = state.newest + "\n" + state.note + "\n";
    for (const auto& [offer, times] : state.accepted) bytes += std::to_string(offer) + " " + std::to_string(times) + "\n";
    return bytes;
  }
  static Result<ToyState> from_snapshot(std::string_view bytes) {
    ToyState state;
    std::istringstream lines{std::string(bytes)};
    std::getline(lines, state.newest);
    std::getline(lines, state.note);
    for (std::uint64_t offer = 0, times = 0; lines >> offer >> times;) state.accepted[offer] = times;
    return state;
  }
  static Result<void> unpack(std::string_view bytes, Batch& batch, const std::string& scope) {
    auto state = from_snapshot(bytes);
    save_all(*state, batch, scope);
    return {};
  }
};

}  // namespace abide
