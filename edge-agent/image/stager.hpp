#pragma once
// Brings a release's image into the spare slot: is it there already? else download, write, flush, read back. One worker
// thread, so there is never more than one writer. Start and stop are called by the owner thread and return at once; the
// callbacks run on the worker and should only post.
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "common/core/random.hpp"
#include "common/events/messages.hpp"
#include "edge-agent/boot/boot_control.hpp"
#include "edge-agent/update/machine.hpp"

namespace abide::agent {

struct StageOrder {
  Number offer;
  BootId boot;
  Release release;
  Slot slot = Slot::b;

  friend bool operator==(const StageOrder&, const StageOrder&) = default;
};

struct StagerSettings {
  std::string work_folder;  // keeps the note of how far a download has come
  std::string ca_file;      // certificates to trust for https; empty: the system's
  std::string user_agent = "abide-agent";
  std::int64_t progress_every_ms = 5'000;
  std::int64_t connect_timeout_ms = 30'000;
  std::int64_t low_speed_ms = 30'000;  // a connection slower than this for so long is cut and tried again
  std::int64_t low_speed_bytes_per_second = 1'024;
  std::int64_t backoff_first_ms = 1'000;       // full jitter in [0, this], doubled with every round of URLs ...
  std::int64_t backoff_max_ms = 5 * 60'000;    // ... up to this; from the first again as soon as a byte came
  std::int64_t quiet_ms_max = 24 * 3'600'000;  // without one new byte: Failed(download)
  std::uint32_t missing_rounds_max = 8;        // in a row in which every URL answered with 4xx: Failed(download)
  std::uint32_t boot_attempts_max = 5;         // for a boot loader that is unavailable
  std::uint64_t flush_bytes_max = 16u << 20;   // written between two flushes, at most; a crash costs no more
};

class Stager {
 public:
  using OnProgress = std::function<void(const Progress&)>;
  using OnEnd = std::function<void(node::StagingEnded)>;

  // `boot` outlives it. `random` spreads the retries.
  Stager(BootControl& boot, StagerSettings settings, Random random);
  ~Stager();  // stops and waits
  Stager(const Stager&) = delete;
  Stager& operator=(const Stager&) = delete;

  // The order that is under way, or that has ended and was not stopped since: nothing, so `todo` may be asked as often as
  // one likes. Another one: the present one is stopped, then this begins. An order that is not stopped ends in one call
  // of `on_end`.
  void start(StageOrder order, OnProgress on_progress, OnEnd on_end);
  // A callback that had begun may still come (its tags tell the machine), and the last write may still be under way; the
  // next order waits for it.
  void stop();
  [[nodiscard]] bool busy() const;

 private:
  struct Job;

  void work();

  BootControl& boot_;
  const StagerSettings settings_;
  Random random_;  // worker only

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Job> waiting_;
  std::shared_ptr<Job> running_;
  std::optional<StageOrder> ended_;  // the last one, if it came to its end
  bool closing_ = false;
  std::thread worker_;
};

}  // namespace abide::agent
