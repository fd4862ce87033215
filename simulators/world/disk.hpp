#pragma once
// A Store as a disk has it: a commit is durable when it returns, unless the disk lies. A crash of the process loses nothing
// of it; a power cut may lose the last batches of a disk that lied.
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/store/memory_store.hpp"
#include "common/store/store.hpp"

namespace abide::sim {

class Disk final : public Store {
 public:
  using Content = MemoryStore::Content;
  Disk() = default;
  explicit Disk(Content content) : store_(std::make_unique<MemoryStore>(std::move(content))) {}

  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override { return store_->get(key); }
  [[nodiscard]] Result<void> scan(std::string_view from, std::string_view to, const Visit& visit) const override {
    return store_->scan(from, to, visit);
  }
  [[nodiscard]] Result<void> commit(const Batch& batch) override;
  [[nodiscard]] std::shared_ptr<const Reader> snapshot() const override { return store_->snapshot(); }

  void fill(bool full) { full_ = full; }  // commits fail: unavailable
  // From here on, until power is cut, what is committed is not flushed.
  void lie();
  [[nodiscard]] bool lies() const { return before_.has_value(); }
  void flush();  // what was said to be flushed is
  // The disk without power: what it has not flushed is gone. True: something was.
  bool cut();
  [[nodiscard]] Content content() const { return store_->content(); }
  void replace(Content content);  // another disk, or an older copy put back

 private:
  std::unique_ptr<MemoryStore> store_ = std::make_unique<MemoryStore>();
  std::optional<Content> before_;  // as it was when it began to lie
  bool full_ = false;
  bool unflushed_ = false;
};

}  // namespace abide::sim
