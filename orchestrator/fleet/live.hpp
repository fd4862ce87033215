#pragma once
// What is known of nodes at the moment and is not history: the newest progress and presence. In memory only, replaced by
// every message, lost with the process. Any thread.
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "common/core/ids.hpp"
#include "common/events/messages.hpp"

namespace abide::fleet {

struct LiveNode {
  std::optional<Progress> progress;
  std::int64_t progress_at_ms = 0;
  std::optional<bool> online;
  std::int64_t online_at_ms = 0;
  SessionId session;  // of the last hello; `offline` of another is ignored
};

class Live {
 public:
  void progress(const std::string& project, const NodeId& node, const Progress& progress, std::int64_t at_ms) {
    const std::lock_guard lock(mutex_);
    auto& live = nodes_[{project, node}];
    live.progress = progress;
    live.progress_at_ms = at_ms;
  }
  void presence(const std::string& project, const NodeId& node, SessionId session, bool online, std::int64_t at_ms) {
    const std::lock_guard lock(mutex_);
    auto& live = nodes_[{project, node}];
    if (!online && live.session && session != live.session) return;
    live.online = online;
    live.online_at_ms = at_ms;
    if (online) live.session = session;
  }
  [[nodiscard]] LiveNode get(const std::string& project, const NodeId& node) const {
    const std::lock_guard lock(mutex_);
    const auto found = nodes_.find({project, node});
    return found == nodes_.end() ? LiveNode{} : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, NodeId>, LiveNode> nodes_;
};

}  // namespace abide::fleet
