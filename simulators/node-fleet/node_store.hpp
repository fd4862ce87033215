#pragma once
// The stores of thousands of nodes: each node's rows in memory, and, if they shall survive the process, in one RocksDB with a
// prefix for each node.
//
// A commit of a node returns before its bytes are on disk. That is right here, and only here, because nothing of a node leaves
// the process in between: the loop calls sync() before it flushes any bus, and the simulated hardware is written in the same batch
// as the rows that it followed from. One fsync serves all nodes of a round. The loop's thread alone.
#include <cstdint>
#include <memory>
#include <string>

#include "common/core/ids.hpp"
#include "common/store/memory_store.hpp"
#include "common/store/rocks_store.hpp"

namespace abide::node_fleet {

class Journals {
 public:
  // conflict: another process uses the directory; else as RocksStore::open.
  static Result<std::unique_ptr<Journals>> open(const std::string& directory);

  void add(const std::string& prefix, const Batch& batch);
  // Makes durable what was added since. After a failure nothing of it may be said to anybody.
  Result<void> sync();
  // The rows of one node as they were left, without their prefix.
  Result<MemoryStore::Content> load(const std::string& prefix) const;

  [[nodiscard]] std::uint64_t syncs() const { return syncs_; }
  [[nodiscard]] std::uint64_t commits() const { return commits_; }

 private:
  explicit Journals(std::unique_ptr<RocksStore> store) : store_(std::move(store)) {}
  std::unique_ptr<RocksStore> store_;
  Batch pending_;
  std::uint64_t syncs_ = 0, commits_ = 0;
};

class NodeStore final : public Store {
 public:
  // In memory alone.
  NodeStore() = default;
  NodeStore(Journals& journals, std::string prefix, MemoryStore::Content content)
      : memory_(std::move(content)), journals_(&journals), prefix_(std::move(prefix)) {}

  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override { return memory_.get(key); }
  [[nodiscard]] Result<void> scan(std::string_view from, std::string_view to, const Visit& visit) const override {
    return memory_.scan(from, to, visit);
  }
  [[nodiscard]] Result<void> commit(const Batch& batch) override;
  [[nodiscard]] std::shared_ptr<const Reader> snapshot() const override { return memory_.snapshot(); }
  [[nodiscard]] bool survives() const { return journals_ != nullptr; }

 private:
  MemoryStore memory_;
  Journals* journals_ = nullptr;
  std::string prefix_;
};

// "n/<project>/<UUID>/": below it are the node's rows as in a store of its own.
std::string store_prefix(const std::string& project, const NodeId& node);

}  // namespace abide::node_fleet
