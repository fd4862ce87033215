#pragma once
// The snapshot at a journal's base, from which a fold begins, in one of two forms:
//   <scope>s/base        the state as one value: how a journal begins, and what a small one is trimmed to
//   <scope>s/r/...       the rows of the state, as they were under <scope>r/...: what a large journal is trimmed to piece by
//                        piece, since then only those rows are written that a piece has changed
// The value goes first where both are there. A state need not keep all of its rows; the snapshot has them all.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/core/result.hpp"
#include "common/store/memory_store.hpp"
#include "common/store/store.hpp"

namespace abide {

inline constexpr std::size_t base_batch_max = 8192;  // rows that are put into memory at once

inline std::string snapshot_key(std::string_view scope) {
  return std::string(scope) + "s/base";
}
// Its rows lie below this as those of the state lie below the scope.
inline std::string snapshot_scope(std::string_view scope) {
  return std::string(scope) + "s/";
}
// 8 bytes: the latest time, in ms since 1970, of an event that was deleted. Only where a journal was trimmed in pieces.
inline std::string newest_gone_key(std::string_view scope) {
  return std::string(scope) + "s/newest-gone";
}

inline Result<bool> has_snapshot_rows(const Reader& reader, const std::string& scope) {
  const std::string first = snapshot_scope(scope) + "r/";
  bool found = false;
  auto read = reader.scan(first, after_prefix(first), [&](std::string_view, std::string_view) {
    found = true;
    return false;
  });
  if (!read) return fail(read.error());
  return found;
}

// Nothing: there is no snapshot.
template <class State, class Rows>
Result<std::optional<State>> state_at_base(const Reader& reader, const std::string& scope) {
  auto bytes = reader.get(snapshot_key(scope));
  if (!bytes) return fail(bytes.error());
  if (!*bytes) {
    auto there = has_snapshot_rows(reader, scope);
    if (!there) return fail(there.error());
    if (!*there) return std::optional<State>{};
  }
  auto state = *bytes ? Rows::from_snapshot(**bytes) : Rows::load(reader, snapshot_scope(scope));
  if (!state) return fail(state.error());
  return std::optional<State>(std::move(*state));
}

// Puts every row of the snapshot into `rows`, under keys of the scope `to`. False: there is no snapshot.
template <class Rows>
Result<bool> rows_at_base(const Reader& reader, const std::string& scope, const std::string& to, Store& rows) {
  auto bytes = reader.get(snapshot_key(scope));
  if (!bytes) return fail(bytes.error());
  Batch batch;
  if (*bytes) {
    if (auto unpacked = Rows::unpack(**bytes, batch, to); !unpacked) return fail(unpacked.error());
    if (auto done = rows.commit(batch); !done) return fail(done.error());
    return true;
  }
  const std::string from = snapshot_scope(scope);
  const std::string first = from + "r/";
  bool found = false;
  std::optional<Error> broken;
  const auto flush = [&] {
    if (auto done = rows.commit(batch); !done) broken = done.error();
    batch.clear();
    return !broken;
  };
  auto read = reader.scan(first, after_prefix(first), [&](std::string_view key, std::string_view value) {
    found = true;
    batch.put(to + std::string(key.substr(from.size())), std::string(value));
    return batch.size() < base_batch_max || flush();
  });
  if (!read) return fail(read.error());
  if (broken || !flush()) return fail(*broken);
  return found;
}

}  // namespace abide
