#pragma once
// Looks for closed runs and for events whose time is over, each on a thread of its own and on snapshots, and hands them in.
// It decides nothing.
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "common/core/result.hpp"
#include "common/service/clock.hpp"
#include "common/store/store.hpp"
#include "orchestrator/fleet/machine.hpp"

namespace abide::orchestrator {

inline constexpr std::size_t expired_runs_per_input_max = 500;
inline constexpr std::int64_t retention_look_ms_min = 1'000, retention_look_ms_max = 3'600'000;  // a tenth of the time kept, within
// Of a project's events: so many go at once, and never fewer, since each time the state at the base is read.
inline constexpr std::uint64_t events_trimmed_max = 100'000, events_trimmed_min = 1'000;
inline constexpr std::int64_t keep_events_ms_min = 1'000;

// Whether to go on: no, once the process ends.
using GoOn = std::function<bool()>;

// Closed runs that ended before `before_ms`, but those that their hosts hold, in pieces. `deliver` says whether to go on.
using DeliverExpired = std::function<bool(fleet::RunsExpired)>;
Result<void> find_expired_runs(const Reader& reader, const std::string& scope, std::int64_t before_ms, const DeliverExpired& deliver);

struct OldEvents {
  std::uint64_t upto = 0;      // this one and all before it
  std::int64_t newest_ms = 0;  // the latest time of these, and of those that went before
};
// The oldest events of a project that are older than `keep_ms`, from events_trimmed_min to events_trimmed_max of them. Nothing:
// there are not so many, or it was told to stop. By the events' own times: the present is that of the newest event, where the
// wall clock is ahead of it; the first event that is not old enough ends it; and one that says to be older than another before
// it, as after a clock was set back, goes only with a later one that does not.
Result<std::optional<OldEvents>> find_old_events(const Reader& reader, const std::string& scope, std::int64_t now_ms, std::int64_t keep_ms,
                                                 const GoOn& go_on);

class Retention {
 public:
  // One look at all projects; on the thread. True: what it found is under way, and `answered` comes when that is done or is not
  // to be. Until then there is no other look.
  using Look = std::function<bool(const Now& now, const GoOn& go_on)>;
  Retention(std::int64_t keep_ms, Look look) : keep_ms_(keep_ms), look_(std::move(look)) {}
  ~Retention() { stop(); }
  Retention(const Retention&) = delete;
  Retention& operator=(const Retention&) = delete;

  void start();
  void stop();
  // Any thread. `again`: there may be more, so it looks again at once.
  void answered(bool again);

 private:
  void run();

  std::int64_t keep_ms_;
  Look look_;
  Clock clock_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> stopping_{false};  // set under the mutex
  bool answered_ = false;
  bool again_ = false;
  std::thread thread_;
};

}  // namespace abide::orchestrator
