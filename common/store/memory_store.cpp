#include "common/store/memory_store.hpp"

#include <atomic>
#include <set>
#include <utility>

namespace abide {

struct MemoryStore::Pinned {
  Content rows;
  std::atomic<int> pins{0};  // raised under the store's mutex only; at 0 a commit may change the rows in place
};

// Keeps the rows as they are now. Needs the store's mutex when it is made, not when it is destroyed.
class MemoryStore::Pin final : public Reader {
 public:
  explicit Pin(std::shared_ptr<Pinned> content) : content_(std::move(content)) { content_->pins.fetch_add(1, std::memory_order_relaxed); }
  ~Pin() override { content_->pins.fetch_sub(1, std::memory_order_release); }
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;

  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override { return find(content_->rows, key); }
  [[nodiscard]] Result<void> scan(std::string_view from, std::string_view to, const Visit& visit) const override {
    const auto& rows = content_->rows;
    const auto end = to.empty() ? rows.end() : rows.lower_bound(to);
    if (!to.empty() && to < from) return {};
    for (auto row = rows.lower_bound(from); row != end; ++row)
      if (!visit(row->first, row->second)) break;
    return {};
  }
  static std::optional<std::string> find(const Content& rows, std::string_view key) {
    const auto row = rows.find(key);
    return row == rows.end() ? std::nullopt : std::optional(row->second);
  }

 private:
  std::shared_ptr<Pinned> content_;
};

MemoryStore::MemoryStore() : MemoryStore(Content{}) {}
MemoryStore::MemoryStore(Content content) : content_(std::make_shared<Pinned>()) {
  content_->rows = std::move(content);
}

Result<std::optional<std::string>> MemoryStore::get(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  return Pin::find(content_->rows, key);
}

Result<void> MemoryStore::scan(std::string_view from, std::string_view to, const Visit& visit) const {
  return snapshot()->scan(from, to, visit);
}

Result<void> MemoryStore::commit(const Batch& batch) {
  const std::lock_guard lock(mutex_);
  if (failure_) return fail(*failure_);
  if (batch.empty()) return {};
  if (content_->pins.load(std::memory_order_acquire) > 0) {
    auto copy = std::make_shared<Pinned>();
    copy->rows = content_->rows;
    content_ = std::move(copy);
  }
  for (const auto& change : batch.changes()) {
    if (change.value) {
      content_->rows.insert_or_assign(change.key, *change.value);
    } else {
      content_->rows.erase(change.key);
    }
  }
  ++commits_;
  return {};
}

std::shared_ptr<const Reader> MemoryStore::snapshot() const {
  const std::lock_guard lock(mutex_);
  return std::make_shared<const Pin>(content_);
}

void MemoryStore::fail_commits(std::optional<Error> error) {
  const std::lock_guard lock(mutex_);
  failure_ = std::move(error);
}

std::uint64_t MemoryStore::commits() const {
  const std::lock_guard lock(mutex_);
  return commits_;
}

MemoryStore::Content MemoryStore::content() const {
  const std::lock_guard lock(mutex_);
  return content_->rows;
}

Result<std::vector<std::string>> differing_rows(const Reader& left, const Reader& right, const std::string& prefix, std::size_t most) {
  MemoryStore::Content rows;
  const auto end = after_prefix(prefix);
  auto read = left.scan(prefix, end, [&](std::string_view key, std::string_view value) {
    rows.emplace(key, value);
    return true;
  });
  if (!read) return fail(read.error());
  std::set<std::string, std::less<>> differing;
  read = right.scan(prefix, end, [&](std::string_view key, std::string_view value) {
    const auto row = rows.find(key);
    if (row == rows.end() || row->second != value) differing.emplace(key);
    if (row != rows.end() && row->second == value) rows.erase(row);
    return true;
  });
  if (!read) return fail(read.error());
  for (const auto& [key, value] : rows) differing.emplace(key);
  std::vector<std::string> keys;
  for (const auto& key : differing) {
    if (keys.size() == most) break;
    keys.push_back(key);
  }
  return keys;
}

}  // namespace abide
