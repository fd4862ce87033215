#pragma once
// How many messages of each node wait for the owner, so that one that floods the bus gets its share of the inbox and no more. Any thread.
#include <cstddef>
#include <map>
#include <mutex>
#include <vector>

#include "common/core/ids.hpp"

namespace abide::orchestrator {

// More than a node has to say at once: it keeps 1,024 events that are not acknowledged before it thins them out.
inline constexpr std::size_t waiting_of_a_node_max = 1'280;

class Waiting {
 public:
  // One more. False: so many wait already, and this one does not count.
  [[nodiscard]] bool add(const NodeId& node) {
    const std::lock_guard lock(mutex_);
    auto& count = nodes_[node];
    if (count >= waiting_of_a_node_max) return false;
    ++count;
    return true;
  }
  // These wait no more, each as often as it is named.
  void taken(const std::vector<NodeId>& nodes) {
    const std::lock_guard lock(mutex_);
    for (const auto& node : nodes) {
      const auto found = nodes_.find(node);
      if (found != nodes_.end() && --found->second == 0) nodes_.erase(found);
    }
  }

 private:
  std::mutex mutex_;
  std::map<NodeId, std::size_t> nodes_;  // those of which some wait
};

}  // namespace abide::orchestrator
