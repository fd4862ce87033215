#pragma once
// One order of the Stager, from the first look at the slot to the digest read back. Runs on the worker thread.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "edge-agent/image/fetch.hpp"
#include "edge-agent/image/slot_writer.hpp"
#include "edge-agent/image/stager.hpp"
#include "edge-agent/image/staging_note.hpp"

namespace abide::agent {

// Told once, heard everywhere: by loops that look, and by a wait. Any thread.
class StopSignal {
 public:
  void stop() {
    const std::lock_guard lock(mutex_);
    flag_ = true;
    changed_.notify_all();
  }
  [[nodiscard]] bool stopped() const { return flag_; }
  [[nodiscard]] const std::atomic<bool>& flag() const { return flag_; }
  void wait_for(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, time, [this] { return flag_.load(); });
  }

 private:
  std::atomic<bool> flag_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
};

class Staging final : private FetchSink {
 public:
  Staging(const StageOrder& order, BootControl& boot, const StagerSettings& settings, Random& random, Fetcher& fetcher, StopSignal& stop,
          Stager::OnProgress on_progress);

  // Nothing: it was stopped.
  std::optional<node::StagingEnded> run();

 private:
  using Clock = std::chrono::steady_clock;

  // What a round through the URLs came to.
  struct Round {
    std::size_t refused = 0, missing = 0;
    bool gained = false;  // bytes that no attempt had brought before
  };

  [[nodiscard]] MaybeFailure check_order() const;
  [[nodiscard]] MaybeFailure ask_boot(std::string_view doing, const std::function<Result<void>()>& call);
  [[nodiscard]] MaybeFailure check_slot();
  [[nodiscard]] MaybeFailure prepare(bool& there_already);
  [[nodiscard]] MaybeFailure download();
  [[nodiscard]] MaybeFailure try_url(std::size_t index, Round& round);
  [[nodiscard]] MaybeFailure after_round(const Round& round);
  [[nodiscard]] MaybeFailure wrong_content(std::string detail);
  [[nodiscard]] MaybeFailure finish(bool there_already);
  [[nodiscard]] MaybeFailure read_back();
  void begin_anew();
  [[nodiscard]] MaybeFailure flush_and_note();
  void back_off();
  void report();
  [[nodiscard]] std::uint64_t flush_every() const;
  [[nodiscard]] bool all_there() const { return size_ && writer_.position() == *size_; }

  [[nodiscard]] bool head(const FetchHead& head) override;
  [[nodiscard]] bool bytes(std::span<const std::byte> bytes) override;
  void idle() override { report(); }

  const StageOrder& order_;
  BootControl& boot_;
  const StagerSettings& settings_;
  Random& random_;
  Fetcher& fetcher_;
  StopSignal& stop_;
  Stager::OnProgress on_progress_;

  SlotWriter writer_;
  std::optional<std::uint64_t> size_;  // of the image, once it is known
  std::string url_;                    // that the bytes so far came from ...
  std::string validator_;              // ... and of which file there
  std::string asked_url_;              // of the fetch under way
  std::string asked_validator_;

  MaybeFailure sink_failure_;  // why the sink said stop
  std::string sink_wrong_;     // the server has another file
  bool head_taken_ = false;    // the fetch under way has a head that was taken
  bool total_told_ = false;    // and it said how long the file is

  std::uint32_t attempts_ = 0;
  std::uint32_t doublings_ = 0;
  std::uint32_t missing_rounds_ = 0;
  std::uint32_t wrong_contents_ = 0;
  std::uint32_t restarts_ = 0;
  std::uint64_t farthest_ = 0;  // position that any attempt has reached
  Clock::time_point gained_at_;
  std::string last_problem_;

  std::optional<Clock::time_point> reported_at_;
  std::uint64_t reported_position_ = 0;
};

}  // namespace abide::agent
