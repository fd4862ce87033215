#include "simulators/node-fleet/node_store.hpp"

#include <utility>

#include "common/events/topics.hpp"

namespace abide::node_fleet {

std::string store_prefix(const std::string& project, const NodeId& node) {
  return "n/" + topics::escape(project) + "/" + to_string(node) + "/";
}

Result<std::unique_ptr<Journals>> Journals::open(const std::string& directory) {
  auto store = RocksStore::open(directory);
  if (!store) return fail(store.error().in("--journals"));
  return std::unique_ptr<Journals>(new Journals(*std::move(store)));
}

void Journals::add(const std::string& prefix, const Batch& batch) {
  ++commits_;
  for (const auto& change : batch.changes()) {
    if (change.value) {
      pending_.put(prefix + change.key, *change.value);
    } else {
      pending_.erase(prefix + change.key);
    }
  }
}

Result<void> Journals::sync() {
  if (pending_.empty()) return {};
  auto committed = store_->commit(pending_);
  if (!committed) return committed;
  pending_.clear();
  ++syncs_;
  return {};
}

Result<MemoryStore::Content> Journals::load(const std::string& prefix) const {
  MemoryStore::Content content;
  auto read = store_->scan(prefix, after_prefix(prefix), [&](std::string_view key, std::string_view value) {
    content.emplace(key.substr(prefix.size()), value);
    return true;
  });
  if (!read) return fail(read.error());
  return content;
}

Result<void> NodeStore::commit(const Batch& batch) {
  if (batch.empty()) return {};
  if (journals_ != nullptr) journals_->add(prefix_, batch);
  return memory_.commit(batch);
}

}  // namespace abide::node_fleet
