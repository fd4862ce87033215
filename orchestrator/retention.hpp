#pragma once
// Looks for closed runs whose time is over, on a thread of its own and on snapshots, and hands them in. It decides nothing.
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "common/core/result.hpp"
#include "common/service/clock.hpp"
#include "common/store/store.hpp"
#include "orchestrator/fleet/machine.hpp"

namespace abide::orchestrator {

inline constexpr std::size_t expired_runs_per_input_max = 500;
inline constexpr std::int64_t retention_look_ms_min = 1'000, retention_look_ms_max = 3'600'000;  // a tenth of the time kept, within

// Closed runs that ended before `before_ms`, but those that their hosts hold, in pieces. `deliver` says whether to go on.
using DeliverExpired = std::function<bool(fleet::RunsExpired)>;
Result<void> find_expired_runs(const Reader& reader, const std::string& scope, std::int64_t before_ms, const DeliverExpired& deliver);

class Retention {
 public:
  // One look at all projects; on the thread.
  using Look = std::function<void(std::int64_t before_ms)>;
  Retention(std::int64_t keep_ms, Look look) : keep_ms_(keep_ms), look_(std::move(look)) {}
  ~Retention() { stop(); }
  Retention(const Retention&) = delete;
  Retention& operator=(const Retention&) = delete;

  void start();
  void stop();

 private:
  void run();

  std::int64_t keep_ms_;
  Look look_;
  Clock clock_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace abide::orchestrator
