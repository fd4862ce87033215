#pragma once
// The thread that looks at the release service again and again, and at once when asked.
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/core/random.hpp"
#include "orchestrator/discovery/source.hpp"

namespace abide::discovery {

inline constexpr std::size_t refreshes_waiting_max = 256;

struct WorkerSettings {
  std::int64_t poll_ms = 15 * 60'000;  // between passes; a tenth of it more at random, so that orchestrators spread
};

struct PassSummary {
  std::int64_t read_at_wall_ms = 0;  // 0: no pass has ended yet
  std::size_t found = 0;
  std::vector<fleet::ProfilesRead::Failure> failures;
};

class Worker {
 public:
  using Pass = std::shared_ptr<const fleet::ProfilesRead>;
  // Called on the worker's thread after each pass that differs from the one before, and after each that was asked for
  // (then with what was given to refresh). Must take the pass over and return at once.
  using Refreshed = std::function<void()>;
  using Deliver = std::function<void(Pass pass, std::vector<Refreshed> asked_for)>;

  Worker(std::unique_ptr<Source> source, WorkerSettings settings, Random random, Deliver deliver);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();  // the first pass begins at once
  void stop();   // ends a running pass; the thread is joined when this returns
  // A pass that begins after this call; `done` travels with it. False: too many wait already, or stopped. Any thread.
  bool refresh(Refreshed done);
  [[nodiscard]] PassSummary last() const;
  [[nodiscard]] const std::string& source_name() const { return source_->name(); }

 private:
  void run();

  std::unique_ptr<Source> source_;
  WorkerSettings settings_;
  Random random_;
  Deliver deliver_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::vector<Refreshed> asked_;
  PassSummary last_;
  std::thread thread_;
};

}  // namespace abide::discovery
