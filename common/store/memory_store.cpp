#include "common/store/memory_store.hpp"

#include <atomic>
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
  [[nodiscard]] const Content& rows() const { return content_->rows; }
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
  return commit(Batch(batch));
}

Result<void> MemoryStore::commit(Batch&& batch) {
  auto changes = batch.take();
  const std::lock_guard lock(mutex_);
  if (failure_) return fail(*failure_);
  if (changes.empty()) return {};
  if (content_->pins.load(std::memory_order_acquire) > 0) {
    auto copy = std::make_shared<Pinned>();
    copy->rows = content_->rows;
    content_ = std::move(copy);
  }
  for (auto& change : changes) {
    if (change.value) {
      content_->rows.insert_or_assign(std::move(change.key), std::move(*change.value));
    } else {
      content_->rows.erase(change.key);
    }
  }
  ++commits_;
  return {};
}

Result<void> MemoryStore::beside(const Reader& other, const std::string& prefix, const VisitBoth& visit) const {
  const auto pin = [&] {
    const std::lock_guard lock(mutex_);
    return std::make_unique<const Pin>(content_);
  }();
  const auto& rows = pin->rows();
  const auto end = after_prefix(prefix);
  auto mine = rows.lower_bound(prefix);
  const auto mine_end = end.empty() ? rows.end() : rows.lower_bound(end);
  const auto only_mine = [&] {
    visit(mine->first, &mine->second, nullptr);
    ++mine;
  };
  auto read = other.scan(prefix, end, [&](std::string_view key, std::string_view value) {
    while (mine != mine_end && mine->first < key) only_mine();
    const bool both = mine != mine_end && mine->first == key;
    visit(key, both ? &mine->second : nullptr, &value);
    if (both) ++mine;
    return true;
  });
  while (read && mine != mine_end) only_mine();
  return read;
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

Result<std::vector<std::string>> differing_rows(const MemoryStore& left, const Reader& right, const std::string& prefix, std::size_t most) {
  std::vector<std::string> keys;
  auto read = left.beside(right, prefix, [&](std::string_view key, const std::string* mine, const std::string_view* others) {
    const bool same = mine != nullptr && others != nullptr && *mine == *others;
    if (!same && keys.size() < most) keys.emplace_back(key);
  });
  if (!read) return fail(read.error());
  return keys;
}

}  // namespace abide
