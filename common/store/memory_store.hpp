#pragma once
// A store in memory, for tests, for the simulator and for folds. It can be told to fail and to forget what was not synced.
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/store/store.hpp"

namespace abide {

class MemoryStore final : public Store {
 public:
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override;
  [[nodiscard]] Result<void> scan(std::string_view from, std::string_view to, const Visit& visit) const override;
  [[nodiscard]] Result<void> commit(const Batch& batch) override;
  [[nodiscard]] std::shared_ptr<const Reader> snapshot() const override;

  // The next commits fail with this and change nothing, until called with nothing.
  void fail_commits(std::optional<Error> error) { failure_ = std::move(error); }
  [[nodiscard]] std::uint64_t commits() const { return commits_; }
  // What is durable now, to go on from after a "crash".
  [[nodiscard]] std::map<std::string, std::string, std::less<>> content() const;
  MemoryStore() = default;
  explicit MemoryStore(std::map<std::string, std::string, std::less<>> content) : content_(std::move(content)) {}

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> content_;
  std::optional<Error> failure_;
  std::uint64_t commits_ = 0;
};

// Keys below `prefix` whose values differ between the two, or that only one has; at most `most`.
Result<std::vector<std::string>> differing_rows(const Reader& left, const Reader& right, const std::string& prefix, std::size_t most);

}  // namespace abide
