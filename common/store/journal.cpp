#include "common/store/journal.hpp"

#include <cassert>
#include <utility>

#include "common/core/hash.hpp"

namespace abide {
namespace {

constexpr std::size_t chain_bytes = 8;
constexpr std::size_t head_bytes = 6 * 8;  // the fields of JournalHead in their order, big-endian

std::optional<JournalHead> decode_head(std::string_view bytes) {
  if (bytes.size() != head_bytes) return std::nullopt;
  const auto field = [&](std::size_t index) { return from_big_endian(bytes.substr(index * 8, 8)); };
  JournalHead head;
  head.id.value = field(0);
  head.last = field(1);
  head.chain.value = field(2);
  head.base = field(3);
  head.base_chain.value = field(4);
  head.acked = field(5);
  if (!head.id || head.base > head.last || head.acked > head.last) return std::nullopt;
  if (head.base == head.last && head.base_chain != head.chain) return std::nullopt;
  return head;
}

// The journal as an operator finds it in a message: "journal 0123456789abcdef of node/".
std::string named(std::string_view scope, JournalId id) {
  return "journal " + to_hex(id) + " of " + std::string(scope);
}

// The least key after that of an event.
std::string end_of(std::string_view scope, JournalId id, std::uint64_t sequence) {
  return journal_key(scope, id, sequence) + '\0';
}
bool is_record(std::string_view key, std::string_view value, std::size_t key_bytes, std::uint64_t sequence) {
  return key.size() == key_bytes && from_big_endian(key.substr(key.size() - 8)) == sequence && value.size() >= chain_bytes;
}
Chain chain_of(std::string_view record) {
  return Chain{from_big_endian(record.substr(0, chain_bytes))};
}

Error unread(const Error& error, std::string_view scope, JournalId id, std::uint64_t from) {
  return error.in("read " + named(scope, id) + " from event " + std::to_string(from));
}
Error missing(std::string_view scope, JournalId id, std::uint64_t sequence) {
  return {Code::corrupt, "event " + std::to_string(sequence) + " of " + named(scope, id) + " is missing or cut off; the last good one is " +
                             std::to_string(sequence - 1)};
}

}  // namespace

std::string head_key(std::string_view scope) {
  return std::string(scope) + "m/head";
}

std::string head_row(const JournalHead& head) {
  return big_endian(head.id.value) + big_endian(head.last) + big_endian(head.chain.value) + big_endian(head.base) +
         big_endian(head.base_chain.value) + big_endian(head.acked);
}

std::string journal_key(std::string_view scope, JournalId id, std::uint64_t sequence) {
  return std::string(scope) + "j/" + big_endian(id.value) + big_endian(sequence);
}

std::string row_key(std::string_view scope, std::string_view kind, std::string_view id) {
  return std::string(scope) + "r/" + std::string(kind) + "/" + std::string(id);
}

Result<JournalHead> Journal::read_head(const Reader& reader, std::string_view scope) {
  auto bytes = reader.get(head_key(scope));
  if (!bytes) return fail(bytes.error().in("read the head of the journal of " + std::string(scope)));
  if (!*bytes) return JournalHead{};
  const auto head = decode_head(**bytes);
  if (!head) return fail(Code::corrupt, "the head of the journal of " + std::string(scope) + " cannot be read");
  if (head->last == head->base) return *head;
  auto newest = reader.get(journal_key(scope, head->id, head->last));
  if (!newest) return fail(newest.error().in("read the newest event of " + named(scope, head->id)));
  if (!*newest)
    return fail(Code::corrupt,
                named(scope, head->id) + " says that it ends with event " + std::to_string(head->last) + ", which is not there");
  if ((*newest)->size() < chain_bytes || from_big_endian(std::string_view(**newest).substr(0, chain_bytes)) != head->chain.value)
    return fail(Code::corrupt, named(scope, head->id) + ": event " + std::to_string(head->last) + " is not the one that its head names");
  return *head;
}

Result<std::optional<JournalHead>> Journal::told_head(const Reader& reader, std::string_view scope) {
  auto bytes = reader.get(head_key(scope));
  if (!bytes) return fail(bytes.error().in("read the head of the journal of " + std::string(scope)));
  return *bytes ? decode_head(**bytes) : std::nullopt;
}

Result<Journal> Journal::open(const Store& store, std::string scope) {
  auto head = read_head(store, scope);
  if (!head) return fail(head.error());
  return Journal(store, std::move(scope), *head);
}

void Journal::put_head(Batch& batch) const {
  batch.put(head_key(scope_), head_row(head_));
}

void Journal::begin(Batch& batch, JournalId id) {
  assert(id);
  head_ = JournalHead{};
  head_.id = id;
  head_.chain = chain_start(id);
  head_.base_chain = head_.chain;
  recent_.clear();
  put_head(batch);
}

void Journal::append(Batch& batch, std::string_view event_bytes) {
  assert(head_.id);
  head_.last += 1;
  head_.chain = chain_after(head_.chain, event_bytes);
  recent_.push_back(head_.chain);
  if (recent_.size() > recent_chains_max) recent_.pop_front();
  std::string record = big_endian(head_.chain.value);
  record += event_bytes;
  batch.put(journal_key(scope_, head_.id, head_.last), std::move(record));
  put_head(batch);
}

void Journal::set_acked(Batch& batch, std::uint64_t acked) {
  assert(acked <= head_.last);
  if (acked <= head_.acked) return;  // an acknowledgement that comes late takes nothing back
  head_.acked = acked;
  put_head(batch);
}

void Journal::trim(Batch& batch, std::uint64_t base) {
  assert(base <= head_.last);
  if (base <= head_.base) return;
  const auto chain = chain_at(base);
  assert(chain && *chain);  // the caller has read the events up to here a moment ago
  for (std::uint64_t sequence = head_.base + 1; sequence <= base; ++sequence) batch.erase(journal_key(scope_, head_.id, sequence));
  head_.base = base;
  head_.base_chain = **chain;
  put_head(batch);
}

Result<std::optional<Chain>> Journal::chain_at(std::uint64_t sequence) const {
  if (sequence < head_.base || sequence > head_.last) return std::optional<Chain>{};
  if (sequence == head_.last) return std::optional(head_.chain);
  if (sequence == head_.base) return std::optional(head_.base_chain);
  if (const std::uint64_t back = head_.last - sequence; back < recent_.size()) return std::optional(recent_[recent_.size() - 1 - back]);
  auto record = store_->get(journal_key(scope_, head_.id, sequence));
  if (!record) return fail(record.error().in("read event " + std::to_string(sequence) + " of " + named(scope_, head_.id)));
  if (*record && (*record)->size() >= chain_bytes)
    return std::optional(Chain{from_big_endian(std::string_view(**record).substr(0, chain_bytes))});
  if (!*record) {
    const auto durable = read_head(*store_, scope_);
    if (!durable) return fail(durable.error());
    if (durable->id != head_.id || durable->last < sequence) return std::optional<Chain>{};
  }
  return fail(Code::corrupt, "event " + std::to_string(sequence) + " of " + named(scope_, head_.id) + " is missing or cut off");
}

Result<void> Journal::read(std::uint64_t from, std::uint64_t to, const VisitEvent& visit) const {
  return read(*store_, scope_, head_.id, from, to, visit);
}

Result<void> Journal::read(const Reader& reader, std::string_view scope, JournalId id, std::uint64_t from, std::uint64_t to,
                           const VisitEvent& visit) {
  if (from > to) return {};
  const std::string first = journal_key(scope, id, from);
  std::uint64_t expected = from;
  bool stopped = false;
  bool broken = false;
  auto read = reader.scan(first, end_of(scope, id, to), [&](std::string_view key, std::string_view value) {
    broken = !is_record(key, value, first.size(), expected);
    if (broken) return false;
    stopped = !visit(expected, chain_of(value), value.substr(chain_bytes));
    ++expected;
    return !stopped;
  });
  if (!read) return fail(unread(read.error(), scope, id, from));
  if (broken || (!stopped && expected != to + 1)) return fail(missing(scope, id, expected));
  return {};
}

JournalCursor::JournalCursor(const Reader& reader, std::string_view scope, JournalId id, std::uint64_t from, std::uint64_t to)
    : scope_(scope), id_(id), from_(from), to_(to), expected_(from) {
  auto first = journal_key(scope, id, from);
  key_bytes_ = first.size();
  if (from <= to) rows_ = reader.cursor(std::move(first), end_of(scope, id, to));
}

Result<std::optional<JournalCursor::Event>> JournalCursor::next() {
  if (!rows_) return std::optional<Event>{};
  auto row = rows_->next();
  const bool whole = row && *row && is_record((*row)->key, (*row)->value, key_bytes_, expected_);
  if (whole) {
    const auto value = (*row)->value;
    return std::optional(Event{expected_++, chain_of(value), value.substr(chain_bytes)});
  }
  const bool ended = row && !*row && expected_ == to_ + 1;
  rows_.reset();
  if (ended) return std::optional<Event>{};
  return fail(row ? missing(scope_, id_, expected_) : unread(row.error(), scope_, id_, from_));
}

}  // namespace abide
