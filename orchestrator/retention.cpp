#include "orchestrator/retention.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "orchestrator/rows.hpp"

namespace abide::orchestrator {

Result<void> find_expired_runs(const Reader& reader, const std::string& scope, std::int64_t before_ms, const DeliverExpired& deliver) {
  std::set<std::string> held;
  auto read = fleet::scan_nodes(reader, scope, [&](fleet::Node&& node) {
    if (node.run) held.insert(node.run->id);
    return true;
  });
  if (!read) return read;
  fleet::RunsExpired expired;
  bool wanted = true;
  read = fleet::scan_runs(reader, scope, [&](fleet::Run&& run) {
    if (run.end_ms == 0 || run.end_ms >= before_ms || held.contains(run.id)) return true;
    expired.runs.push_back({run.node, std::move(run.id)});
    if (expired.runs.size() < expired_runs_per_input_max) return true;
    wanted = deliver(std::exchange(expired, {}));
    return wanted;
  });
  if (!read) return read;
  if (wanted && !expired.runs.empty()) (void)deliver(std::move(expired));
  return {};
}

void Retention::start() {
  thread_ = std::thread([this] { run(); });
}

void Retention::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Retention::run() {
  const std::chrono::milliseconds pause(std::clamp(keep_ms_ / 10, retention_look_ms_min, retention_look_ms_max));
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    look_(clock_.now().wall_ms - keep_ms_);
    lock.lock();
    wake_.wait_for(lock, pause, [&] { return stopping_; });
  }
}

}  // namespace abide::orchestrator
