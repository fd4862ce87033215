#pragma once
// The shell around one machine, the same for agent, orchestrator, simulator and tests: decide, journal and state rows in
// one batch, and only after its commit messages and effects. No thread of its own: the owner calls it.
//
//   Batch batch;
//   for (input : drained) host.take(input, now, cause, batch);
//   host.save(batch);                       // rows of what changed
//   store.commit(batch)                     // one fsync; on failure the process ends
//   auto done = host.committed();           // now: log and publish done.events, publish done.messages
//   for (effect : host.todo(now)) ...       // now: act
//
// Several hosts (an orchestrator's projects) may share one batch.
#include <algorithm>
#include <cassert>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/core/hash.hpp"
#include "common/core/machine.hpp"
#include "common/core/rules.hpp"
#include "common/events/codec.hpp"
#include "common/events/envelope.hpp"
#include "common/service/checked_events.hpp"
#include "common/store/base.hpp"
#include "common/store/journal.hpp"
#include "common/store/memory_store.hpp"
#include "common/store/store.hpp"

namespace abide {

// What a component says about its state's rows. `Rows` for a machine M has
//   static Result<typename M::State> load(const Reader&, const std::string& scope);      // a default state where there are none
//   static void save(typename M::State&, Batch&, const std::string& scope);              // what apply touched since the last save
//   static void save_all(typename M::State&, Batch&, const std::string& scope);          // everything
//   static std::string snapshot(const typename M::State&);                               // the whole state as one value
//   static Result<typename M::State> from_snapshot(std::string_view);
//   static Result<void> unpack(std::string_view snapshot, Batch&, const std::string& scope);    // all its rows, into a scope
// Rows lie under <scope>r/ and are a pure function of the fold.

inline constexpr std::size_t events_per_input_max = 4096;
inline constexpr std::size_t trim_batch_max = 8192;     // changes that a trim keeps before it puts them to the others
inline constexpr std::uint64_t trim_stop_events = 256;  // a trim that is made looks so often whether it is still wanted

// A journaled event with its bytes as they are sent.
template <class Event>
struct Journaled {
  Recorded<Event> recorded;
  std::string bytes;
};

template <Machine M, class Rows>
class Host {
 public:
  using State = typename M::State;
  using Link = typename M::Link;
  using Event = typename M::Event;
  using Message = typename M::Message;
  using Input = typename M::Input;
  using Effect = typename M::Effect;

  struct Done {
    std::vector<Journaled<Event>> events;
    std::vector<Message> messages;
  };

  // Loads head and rows. The journal is empty in an empty store: call begin() before the first input then.
  static Result<Host> open(M machine, const Store& store, std::string scope, Link link, SessionId session) {
    auto journal = Journal::open(store, scope);
    if (!journal) return fail(journal.error());
    auto state = Rows::load(store, scope);
    if (!state) return fail(state.error());
    return Host(std::move(machine), store, std::move(*journal), std::move(*state), std::move(link), session);
  }

  [[nodiscard]] bool empty() const { return !journal_.head().id; }
  // A first journal, with the present state as its snapshot at base 0.
  void begin(JournalId id, Batch& batch) {
    journal_.begin(batch, id);
    batch.put(snapshot_key(journal_.scope()), Rows::snapshot(state_));
    unsaved_ = true;
  }

  void take(const Input& input, const Now& now, const Cause& cause, Batch& batch) {
    Sink sink(*this, now, cause, batch);
    machine_.decide(state_, link_, input, now, sink);
  }

  // Rows of what the events since the last save have changed; nothing where there were none.
  void save(Batch& batch) {
    if (std::exchange(unsaved_, false) && rule(Rule::rows_with_events)) Rows::save(state_, batch, journal_.scope());
  }
  [[nodiscard]] Done committed() { return std::exchange(done_, Done{}); }

  // Deletes acknowledged events beyond the newest `keep`, and moves the snapshot up, so that the fold still gives the rows. It
  // reads all that are kept: nothing is done for fewer than `step` events.
  Result<void> trim(std::uint64_t keep, Batch& batch, std::uint64_t step = 1) {
    const auto& head = journal_.head();
    const std::uint64_t newest = head.last > keep ? head.last - keep : 0;
    const std::uint64_t base = rule(Rule::trim_acked) ? std::min(newest, head.acked) : newest;
    if (base < head.base + step) return {};
    auto folded = fold(*store_, journal_.scope(), base);
    if (!folded) return fail(folded.error().in("trim journal"));
    batch.put(snapshot_key(journal_.scope()), Rows::snapshot(*folded));
    journal_.trim(batch, base);
    return {};
  }

  // What takes the place of the events from `from` + 1 to `base`. Made by any thread, from a reader; put in place by the owner.
  struct Trim {
    JournalId journal;
    std::uint64_t from = 0;
    std::uint64_t base = 0;
    Chain chain;     // chain(base)
    Batch snapshot;  // what changes in its rows, each key once
  };
  // For a journal that no other side has to be given. Nothing: `go_on` said no. not_found: no such event. corrupt: what cannot be
  // folded, or does not follow by its chain, is not trimmed.
  static Result<std::optional<Trim>> make_trim(const Reader& reader, const std::string& scope, std::uint64_t base,
                                               const std::function<bool()>& go_on) {
    auto head = Journal::read_head(reader, scope);
    if (!head) return fail(head.error());
    if (base <= head->base || base > head->last)
      return fail(Code::not_found, "there is no event " + std::to_string(base) + " to trim up to");
    auto state = at_base(reader, scope, *head);
    if (!state) return fail(state.error());
    std::map<std::string, std::optional<std::string>> changed;
    Batch batch;
    const std::string rows = snapshot_scope(scope);
    const auto keep_changes = [&] {
      for (const auto& change : batch.changes()) changed.insert_or_assign(change.key, change.value);
      batch.clear();
    };
    auto value = reader.get(snapshot_key(scope));
    if (!value) return fail(value.error());
    if (*value) {  // from now on as rows, in the place of any that a value had replaced
      auto old = reader.scan(rows, after_prefix(rows), [&](std::string_view key, std::string_view) {
        batch.erase(std::string(key));
        return true;
      });
      if (!old) return fail(old.error());
      if (auto unpacked = Rows::unpack(**value, batch, rows); !unpacked) return fail(unpacked.error());
      keep_changes();
    }
    bool wanted = true;
    std::optional<Error> broken;
    Chain before = head->base_chain;
    auto read =
        Journal::read(reader, scope, head->id, head->base + 1, base, [&](std::uint64_t sequence, Chain chain, std::string_view bytes) {
          wanted = sequence % trim_stop_events != 0 || go_on();
          auto recorded = decode_recorded<Event>(bytes, sequence, chain);
          if (!recorded)
            broken = recorded.error();
          else if (chain_after(before, bytes) != chain)
            broken = Error{Code::corrupt, "the chain breaks at sequence " + std::to_string(sequence)};
          if (broken || !wanted) return false;
          before = chain;
          M::apply(*state, *recorded);
          Rows::save(*state, batch, rows);
          if (batch.size() >= trim_batch_max) keep_changes();
          return true;
        });
    if (!read) return fail(read.error());
    if (broken) return fail(*broken);
    if (!wanted) return std::optional<Trim>{};
    keep_changes();
    Trim trim{head->id, head->base, base, before, {}};
    for (auto& [key, bytes] : changed) {
      if (bytes)
        trim.snapshot.put(key, std::move(*bytes));
      else
        trim.snapshot.erase(key);
    }
    return std::optional(std::move(trim));
  }
  // False, and nothing is changed: it is not of this journal as it is now, or would leave no event.
  [[nodiscard]] bool trim(const Trim& made, Batch& batch) {
    const auto& head = journal_.head();
    if (made.journal != head.id || made.from != head.base || made.base <= head.base || made.base >= head.last) return false;
    const auto chain = journal_.chain_at(made.base);
    if (!chain || *chain != made.chain) return false;
    for (const auto& change : made.snapshot.changes()) {
      if (change.value)
        batch.put(change.key, *change.value);
      else
        batch.erase(change.key);
    }
    journal_.trim(batch, made.base);
    return true;
  }

  [[nodiscard]] const M& machine() const { return machine_; }
  [[nodiscard]] const State& state() const { return state_; }
  [[nodiscard]] Link& link() { return link_; }
  [[nodiscard]] const Link& link() const { return link_; }
  [[nodiscard]] Journal& journal() { return journal_; }
  [[nodiscard]] const Journal& journal() const { return journal_; }
  [[nodiscard]] SessionId session() const { return session_; }
  [[nodiscard]] std::vector<Effect> todo(const Now& now) const { return machine_.todo(state_, link_, now); }
  [[nodiscard]] std::optional<std::int64_t> look_again(const Now& now) const { return machine_.look_again(state_, link_, now); }
  // Counted instead of journaled (protocol 1.10); told in the next event.
  void omit() { ++omitted_; }

  // The state at `upto`: the snapshot at base, and apply over the events after it. not_found: `upto` is before base.
  static Result<State> fold(const Reader& reader, const std::string& scope, std::uint64_t upto) {
    auto head = Journal::read_head(reader, scope);
    if (!head) return fail(head.error());
    if (upto < head->base)
      return fail(Code::not_found, "events up to " + std::to_string(head->base) + " are trimmed: no state at " + std::to_string(upto));
    auto state = at_base(reader, scope, *head);
    if (!state) return fail(state.error());
    std::optional<Error> broken;
    auto read =
        Journal::read(reader, scope, head->id, head->base + 1, upto, [&](std::uint64_t sequence, Chain chain, std::string_view bytes) {
          auto recorded = decode_recorded<Event>(bytes, sequence, chain);
          if (!recorded) {
            broken = recorded.error();
            return false;
          }
          M::apply(*state, *recorded);
          return true;
        });
    if (!read) return fail(read.error());
    if (broken) return fail(*broken);
    return state;
  }

  // fold(journal) == rows? Gives the keys that differ, at most `most`, none where all is well. Also checks every chain.
  static Result<std::vector<std::string>> verify(const Reader& reader, const std::string& scope, std::size_t most = 16) {
    auto head = Journal::read_head(reader, scope);
    if (!head) return fail(head.error());
    if (!head->id) return std::vector<std::string>{};
    auto state = at_base(reader, scope, *head);
    if (!state) return fail(state.error());
    MemoryStore rows;
    // Not what the state makes of it: that need not keep all rows.
    if (auto put = rows_at_base<Rows>(reader, scope, scope, rows); !put) return fail(put.error());
    std::optional<Error> broken;
    auto read = checked_events<Event>(
        {reader, scope, *head}, [&](const Event& event) { expect_event<M>(*state, event); },
        [&](const CheckedEvent<Event>& event) {
          if (!event.chain_holds)
            broken = Error{Code::corrupt, "the chain breaks at sequence " + std::to_string(event.sequence)};
          else if (event.error)
            broken = event.error;
          else
            M::apply(*state, event.recorded);
          return !broken;
        });
    if (broken) return fail(*broken);
    if (!read) return fail(read.error());
    Batch batch;  // once: what says much in all these events is written as it is after the last of them
    Rows::save(*state, batch, scope);
    if (auto done = rows.commit(std::move(batch)); !done) return fail(done.error());
    return differing_rows(rows, reader, scope + "r/", most);
  }

 private:
  Host(M machine, const Store& store, Journal journal, State state, Link link, SessionId session)
      : machine_(std::move(machine)),
        store_(&store),
        journal_(std::move(journal)),
        state_(std::move(state)),
        link_(std::move(link)),
        session_(session) {}

  static Result<State> at_base(const Reader& reader, const std::string& scope, const JournalHead& head) {
    if (!head.id) return State{};
    auto state = state_at_base<State, Rows>(reader, scope);
    if (!state) return fail(state.error());
    if (!*state) return fail(Code::corrupt, "the snapshot at base " + std::to_string(head.base) + " is missing");
    return std::move(**state);
  }

  class Sink final : public Out<Event, Message> {
   public:
    Sink(Host& host, const Now& now, const Cause& cause, Batch& batch) : host_(host), now_(now), cause_(cause), batch_(batch) {}
    void event(Event event) override {
      ++events_;
      assert(events_ <= events_per_input_max);
      const auto& head = host_.journal_.head();
      assert(head.id);
      Envelope envelope;
      envelope.journal = head.id;
      envelope.sequence = head.last + 1;
      envelope.after = head.chain;
      envelope.session = host_.session_;
      envelope.at_ms = now_.wall_ms;
      envelope.clock_trusted = now_.trusted;
      envelope.omitted = std::exchange(host_.omitted_, 0);
      envelope.cause = cause_;
      envelope.payload = std::move(event);
      fit(envelope);  // what is applied now is what a fold will read
      std::string bytes = encode(envelope);
      host_.journal_.append(batch_, bytes);
      Recorded<Event> recorded{envelope.journal,
                               envelope.sequence,
                               envelope.after,
                               host_.journal_.head().chain,
                               envelope.at_ms,
                               envelope.clock_trusted,
                               envelope.session,
                               std::move(envelope.cause),
                               std::get<Event>(std::move(envelope.payload))};
      M::apply(host_.state_, recorded);
      host_.unsaved_ = true;
      host_.done_.events.push_back({std::move(recorded), std::move(bytes)});
    }
    void message(Message message) override { host_.done_.messages.push_back(std::move(message)); }
    void new_journal(JournalId journal) override { host_.begin(journal, batch_); }
    void acknowledged(std::uint64_t upto) override { host_.journal_.set_acked(batch_, upto); }
    void blob(std::string_view name, std::string bytes) override {
      batch_.put(host_.journal_.scope() + "b/" + std::string(name), std::move(bytes));
    }

   private:
    Host& host_;
    const Now& now_;
    const Cause& cause_;
    Batch& batch_;
    std::size_t events_ = 0;
  };

  M machine_;
  const Store* store_;
  Journal journal_;
  State state_;
  Link link_;
  SessionId session_;
  Done done_;
  std::uint32_t omitted_ = 0;
  bool unsaved_ = false;  // the state is ahead of its rows
};

}  // namespace abide
