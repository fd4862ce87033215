#pragma once
// Between the loop that runs the nodes and the threads that speak to the API: what the nodes have come to, and what the
// operator's part has asked for. Any thread.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "simulators/node-fleet/node.hpp"

namespace abide::node_fleet {

class Board {
 public:
  // ---- the loop
  void show(const Tally& tally) {
    const std::lock_guard lock(mutex_);
    tally_ = tally;
    changed_.notify_all();
  }
  struct Asking {
    std::string project;
    std::optional<SteadyTime> link, window;
  };
  std::vector<Asking> take_askings() {
    const std::lock_guard lock(mutex_);
    return std::exchange(askings_, {});
  }
  std::vector<std::uint64_t> take_visible() {
    const std::lock_guard lock(mutex_);
    return std::exchange(visible_us_, {});
  }
  // Kept if nobody is being watched yet.
  void offer(const Sighting& sighting) {
    if (watching_.load(std::memory_order_relaxed)) return;
    const std::lock_guard lock(mutex_);
    if (watching_) return;
    watching_ = true;
    sighting_ = sighting;
    changed_.notify_all();
  }

  // ---- the others
  [[nodiscard]] Tally tally() const {
    const std::lock_guard lock(mutex_);
    return tally_;
  }
  void ask(Asking asking) {
    const std::lock_guard lock(mutex_);
    askings_.push_back(std::move(asking));
  }
  std::optional<Sighting> wait_for_sighting() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopping_ || sighting_; });
    if (stopping_) return std::nullopt;
    return std::exchange(sighting_, std::nullopt);
  }
  void seen(std::optional<std::uint64_t> us) {
    const std::lock_guard lock(mutex_);
    if (us) visible_us_.push_back(*us);
    watching_ = false;
  }
  // False: the run is being ended.
  bool pause(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return !ended_.wait_for(lock, time, [&] { return stopping_; });
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    ended_.notify_all();
  }
  [[nodiscard]] bool stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_, ended_;
  Tally tally_;
  std::vector<Asking> askings_;
  std::vector<std::uint64_t> visible_us_;
  std::optional<Sighting> sighting_;
  std::atomic<bool> watching_ = false;
  bool stopping_ = false;
};

}  // namespace abide::node_fleet
