#pragma once
// A store in memory, for tests, for the simulator and for folds. It can be told to fail. A "crash" is a new store made of
// the content of the old one: what was committed, nothing else.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/store/store.hpp"

namespace abide {

class MemoryStore final : public Store {
 public:
  using Content = std::map<std::string, std::string, std::less<>>;

  MemoryStore();
  explicit MemoryStore(Content content);

  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override;
  [[nodiscard]] Result<void> scan(std::string_view from, std::string_view to, const Visit& visit) const override;
  [[nodiscard]] Result<void> commit(const Batch& batch) override;
  [[nodiscard]] std::shared_ptr<const Reader> snapshot() const override;

  // The same; what the batch holds is moved, and it is empty then.
  [[nodiscard]] Result<void> commit(Batch&& batch);
  // Every key with the prefix that this or the other has, in their order, with both values; null: it has none.
  using VisitBoth = std::function<void(std::string_view key, const std::string* mine, const std::string_view* others)>;
  [[nodiscard]] Result<void> beside(const Reader& other, const std::string& prefix, const VisitBoth& visit) const;

  // The next commits fail with this and change nothing, until called with nothing.
  void fail_commits(std::optional<Error> error);
  // How many batches became durable; empty ones are none.
  [[nodiscard]] std::uint64_t commits() const;
  // What is durable now, to go on from after a "crash".
  [[nodiscard]] Content content() const;

 private:
  struct Pinned;
  class Pin;

  mutable std::mutex mutex_;
  std::shared_ptr<Pinned> content_;  // copied by the next commit if a snapshot or a scan still reads it
  std::optional<Error> failure_;
  std::uint64_t commits_ = 0;
};

// Keys below `prefix` whose values differ between the two, or that only one has; in byte order, at most `most`.
Result<std::vector<std::string>> differing_rows(const MemoryStore& left, const Reader& right, const std::string& prefix, std::size_t most);

}  // namespace abide
