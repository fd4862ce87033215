#include "simulators/fleet-sim/crew.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

namespace abide::fleet_sim {

namespace {

class Crew {
 public:
  Crew(const std::vector<Job>& jobs, const CrewSettings& settings, const Runner& runner, const RunOptions& options,
       const std::function<void(std::size_t, const sim::Plan&, RunResult)>& taken)
      : jobs_(jobs), settings_(settings), runner_(runner), options_(options), taken_(taken), end_(jobs.size()) {}

  void work() {
    while (const auto job = next()) {
      const auto plan = plan_of(jobs_[*job]);
      hand_in(*job, {plan, runner_(plan, options_)});
    }
  }

 private:
  struct Done {
    sim::Plan plan;
    RunResult result;
  };

  std::optional<std::size_t> next() {
    const std::lock_guard lock(mutex_);
    if (next_ >= end_) return std::nullopt;
    return next_++;
  }

  void hand_in(std::size_t job, Done done) {
    const std::lock_guard lock(mutex_);
    if (settings_.stop_at_first && !done.result.findings.empty()) end_ = std::min(end_, job + 1);
    waiting_.emplace(job, std::move(done));
    // At most one job a thread is out of order beside those that wait for a slow one.
    while (!waiting_.empty() && waiting_.begin()->first == due_) {
      auto first = waiting_.extract(waiting_.begin());
      if (due_ < end_) taken_(due_, first.mapped().plan, std::move(first.mapped().result));
      ++due_;
    }
  }

  const std::vector<Job>& jobs_;
  const CrewSettings& settings_;
  const Runner& runner_;
  const RunOptions& options_;
  const std::function<void(std::size_t, const sim::Plan&, RunResult)>& taken_;
  std::mutex mutex_;
  std::size_t next_ = 0, due_ = 0, end_;
  std::map<std::size_t, Done> waiting_;
};

}  // namespace

void run_all(const std::vector<Job>& jobs, const CrewSettings& settings, const Runner& runner, const RunOptions& options,
             const std::function<void(std::size_t job, const sim::Plan&, RunResult)>& taken) {
  Crew crew(jobs, settings, runner, options, taken);
  std::vector<std::jthread> threads;
  const auto more = std::min(settings.threads, jobs.size());
  for (std::size_t i = 1; i < more; ++i) threads.emplace_back([&crew] { crew.work(); });
  crew.work();
}

}  // namespace abide::fleet_sim
