#pragma once
// The seam to durable bytes: ordered keys, atomic batches. RocksDB behind it in the product, memory in tests and in the
// simulator. Thread safety: get, scan, snapshot from any thread; commit from one thread, the owner.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/core/result.hpp"

namespace abide {

// Changes that become durable together or not at all. Later changes of a key win.
class Batch {
 public:
  void put(std::string key, std::string value) { changes_.push_back({std::move(key), std::move(value)}); }
  void erase(std::string key) { changes_.push_back({std::move(key), std::nullopt}); }
  [[nodiscard]] bool empty() const { return changes_.empty(); }
  [[nodiscard]] std::size_t size() const { return changes_.size(); }
  [[nodiscard]] std::size_t bytes() const;  // of keys and values
  void clear() { changes_.clear(); }

  struct Change {
    std::string key;
    std::optional<std::string> value;  // nothing: erased
  };
  [[nodiscard]] const std::vector<Change>& changes() const { return changes_; }
  [[nodiscard]] std::vector<Change> take() { return std::exchange(changes_, {}); }  // leaves none

 private:
  std::vector<Change> changes_;
};

// Sees rows until it returns false.
using Visit = std::function<bool(std::string_view key, std::string_view value)>;

struct KeyAndValue {
  std::string_view key, value;
};

// Rows one after the other, at the pace of whoever takes them. One thread at a time.
class Cursor {
 public:
  virtual ~Cursor() = default;
  // Nothing: there are no more. The views live until the next call. corrupt, unavailable: then it is at its end.
  [[nodiscard]] virtual Result<std::optional<KeyAndValue>> next() = 0;
};

class Reader {
 public:
  virtual ~Reader() = default;
  // corrupt, unavailable.
  [[nodiscard]] virtual Result<std::optional<std::string>> get(std::string_view key) const = 0;
  // Keys in [from, to) in byte order, as they were when the scan began; an empty `to` is no end. The views live until the
  // visit returns.
  [[nodiscard]] virtual Result<void> scan(std::string_view from, std::string_view to, const Visit& visit) const = 0;
  // The rows that a scan would see, of a reader that outlives the cursor and that nobody commits to before its end. For long ways: of what
  // is read nothing is kept for whoever reads next.
  [[nodiscard]] virtual std::unique_ptr<Cursor> cursor(std::string from, std::string to) const;
};

// A scan by a cursor, of so many rows that they would push all else out of a store's cache.
Result<void> scan_many(const Reader& reader, std::string from, std::string to, const Visit& visit);

class Store : public Reader {
 public:
  // Atomic; fsynced when it returns. An empty batch does nothing. On failure (unavailable: disk full, I/O error) the owner must stop: what
  // is in memory is ahead of what is on disk.
  [[nodiscard]] virtual Result<void> commit(const Batch& batch) = 0;
  // The rows as they are now, whatever is committed later.
  [[nodiscard]] virtual std::shared_ptr<const Reader> snapshot() const = 0;
};

// The first key after all keys that begin with `prefix`; empty, so without end, if no key is (an empty prefix, all 0xFF).
std::string after_prefix(std::string_view prefix);
// 8 bytes, big-endian: numbers in keys sort as numbers.
std::string big_endian(std::uint64_t number);
std::uint64_t from_big_endian(std::string_view eight_bytes);  // exactly 8

}  // namespace abide
