#pragma once
// One journal in a store: bytes under a growing sequence, each with the chain over all before it. Events are journaled,
// state rows put and published only from what a commit has made durable, so the journal is the outbox.
//
// Keys, below the scope's prefix ("node/" or the escaped project and "/"):
//   <scope>m/head                         JournalHead
//   <scope>j/<journal, 8 bytes><sequence, 8 bytes>   chain (8 bytes), then the event's bytes
// Other rows of a scope: <scope>r/... state rows, <scope>s/... snapshot at base (base.hpp), <scope>b/... blobs.
// One thread, the owner; `read` also from others, on a Reader of their own.
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/ids.hpp"
#include "common/core/result.hpp"
#include "common/store/store.hpp"

namespace abide {

struct JournalHead {
  JournalId id;  // none: the store is empty
  std::uint64_t last = 0;
  Chain chain;              // chain(last)
  std::uint64_t base = 0;   // last sequence that was deleted
  Chain base_chain;         // chain(base)
  std::uint64_t acked = 0;  // up to here the other side has it (node only)
  friend bool operator==(const JournalHead&, const JournalHead&) = default;
};

class Journal {
 public:
  // corrupt: the head cannot be read, or names events that are not there.
  static Result<Journal> open(const Store& store, std::string scope);

  [[nodiscard]] const JournalHead& head() const { return head_; }
  [[nodiscard]] const std::string& scope() const { return scope_; }

  // A new life of the journal, in the same batch as its first event. Events of the old one stay behind under its id.
  void begin(Batch& batch, JournalId id);
  // The bytes must carry sequence head().last + 1 and after = head().chain. Durable with the batch.
  void append(Batch& batch, std::string_view event_bytes);
  void set_acked(Batch& batch, std::uint64_t acked);
  // Deletes events up to `base`, which must be <= acked where the journal has a reader, and <= last.
  void trim(Batch& batch, std::uint64_t base);

  // chain(sequence), for base <= sequence <= last, committed or not; nothing outside. Nothing, too, for an event whose batch
  // is not committed yet and that is not among the last `recent_chains_max`.
  [[nodiscard]] Result<std::optional<Chain>> chain_at(std::uint64_t sequence) const;

  using VisitEvent = std::function<bool(std::uint64_t sequence, Chain chain, std::string_view event_bytes)>;
  // Events in [from, to], in order. corrupt: a hole, or a record that is too short; it says the last good sequence. What was
  // trimmed is a hole, too: ask from base + 1.
  [[nodiscard]] Result<void> read(std::uint64_t from, std::uint64_t to, const VisitEvent& visit) const;
  // The same over any reader and journal.
  static Result<void> read(const Reader& reader, std::string_view scope, JournalId id, std::uint64_t from, std::uint64_t to,
                           const VisitEvent& visit);
  // A head without id where there is none. corrupt: it cannot be read, or the record of `last` is not there or another.
  static Result<JournalHead> read_head(const Reader& reader, std::string_view scope);
  // What the head's row says, right or wrong: for looking at what is damaged. Nothing: it says nothing.
  static Result<std::optional<JournalHead>> told_head(const Reader& reader, std::string_view scope);

 private:
  Journal(const Store& store, std::string scope, JournalHead head) : store_(&store), scope_(std::move(scope)), head_(head) {}
  void put_head(Batch& batch) const;

  // Of the newest events, whether or not they are in the store yet. More than one turn of a host journals.
  static constexpr std::size_t recent_chains_max = 1024;

  const Store* store_;
  std::string scope_;
  JournalHead head_;
  std::deque<Chain> recent_;  // the newest is last, and is head_.chain
};

// The events of a journal in [from, to], in order, at the pace of whoever takes them; of a reader as its cursor wants it.
class JournalCursor {
 public:
  struct Event {
    std::uint64_t sequence = 0;
    Chain chain;
    std::string_view bytes;  // until the next call
  };
  JournalCursor(const Reader& reader, std::string_view scope, JournalId id, std::uint64_t from, std::uint64_t to);
  // Nothing: `to` was the last. corrupt, as Journal::read says it; unavailable. It is at its end then.
  [[nodiscard]] Result<std::optional<Event>> next();

 private:
  std::string scope_;
  JournalId id_;
  std::uint64_t from_, to_, expected_;
  std::size_t key_bytes_;
  std::unique_ptr<Cursor> rows_;
};

std::string journal_key(std::string_view scope, JournalId id, std::uint64_t sequence);
std::string head_key(std::string_view scope);
std::string head_row(const JournalHead& head);                                            // its bytes
std::string row_key(std::string_view scope, std::string_view kind, std::string_view id);  // <scope>r/<kind>/<id>

}  // namespace abide
