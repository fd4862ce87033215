#include "edge-agent/health/health_runner.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "edge-agent/health/child.hpp"

namespace abide::agent {
namespace {

std::int64_t mono_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

// What became of one check in this trial.
struct Judgement {
  HealthCheckResult result;
  bool said_no = false;  // at least one run ended with a no, rather than with no answer
  std::uint32_t runs = 0;
  std::string how;  // its last run ended
};

}  // namespace

struct HealthRunner::Job {
  HealthOrder order;
  OnEnd on_end;
  std::atomic<bool> stopped{false};
  int stop_descriptor;  // readable once it is stopped

  Job(HealthOrder ordered, OnEnd end)
      : order(std::move(ordered)), on_end(std::move(end)), stop_descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    assert(stop_descriptor >= 0);
  }
  ~Job() { ::close(stop_descriptor); }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  void stop() {
    stopped = true;
    static_cast<void>(::eventfd_write(stop_descriptor, 1));
  }
  void wait_ms(std::int64_t time) const {
    pollfd watched{stop_descriptor, POLLIN, 0};
    static_cast<void>(::poll(&watched, 1, static_cast<int>(std::clamp<std::int64_t>(time, 0, 3'600'000))));
  }

  [[nodiscard]] Judgement judge(const HealthCheck& check, std::int64_t again_every_ms) const;
  [[nodiscard]] node::HealthJudged judge_all(const std::vector<HealthCheck>& checks, std::int64_t again_every_ms) const;
};

Judgement HealthRunner::Job::judge(const HealthCheck& check, std::int64_t again_every_ms) const {
  const std::vector<std::string> environment = {fmt::format("PATH={}", health_path), fmt::format("ABIDE_SLOT_PATH={}", order.slot_path),
                                                fmt::format("ABIDE_SLOT={}", to_string(order.slot)),
                                                fmt::format("ABIDE_OS_IMAGE_ID={}", order.os_image_id)};
  const std::int64_t begin = mono_ms();
  const std::int64_t deadline = std::min(begin + check.deadline_ms, order.deadline_mono_ms);
  Judgement judgement;
  judgement.result.name = check.name;
  judgement.how = "the trial's deadline was over before it could run";
  while (!stopped) {
    const std::int64_t left = deadline - mono_ms();
    if (left <= 0) break;
    const ChildResult run = run_child(check.command, environment, left, stop_descriptor);
    judgement.runs += 1;
    judgement.result.passed = run.end == ChildResult::End::passed;
    // A no is better evidence than a later run that the deadline cut off.
    if (run.end != ChildResult::End::timed_out || !judgement.said_no) {
      judgement.how = run.how;
      judgement.result.output_tail = run.output_tail;
    }
    if (run.end == ChildResult::End::failed) judgement.said_no = true;
    if (run.end != ChildResult::End::failed) break;
    // No run is begun that could not end before the deadline anyway.
    const std::int64_t pause = std::min(again_every_ms, deadline - mono_ms());
    if (pause > 0) wait_ms(pause);
  }
  judgement.result.took_ms = mono_ms() - begin;
  return judgement;
}

node::HealthJudged HealthRunner::Job::judge_all(const std::vector<HealthCheck>& checks, std::int64_t again_every_ms) const {
  node::HealthJudged judged;
  judged.offer = order.offer;
  judged.boot = order.boot;
  judged.healthy = true;
  for (const HealthCheck& check : checks) {
    if (stopped) break;
    Judgement judgement = judge(check, again_every_ms);
    judged.checks.push_back(judgement.result);
    if (judgement.result.passed) continue;
    judged.healthy = false;
    judged.reason = judgement.said_no ? Reason::unhealthy : Reason::deadline;
    judged.evidence.check = check.name;
    judged.evidence.output_tail = judgement.result.output_tail;
    judged.evidence.attempts = judgement.runs;
    judged.evidence.detail = fmt::format("{} in {} runs within {} ms", judgement.how, judgement.runs, judgement.result.took_ms);
    break;
  }
  return judged;
}

HealthRunner::HealthRunner(std::vector<HealthCheck> checks, std::int64_t again_every_ms)
    : checks_(std::move(checks)), again_every_ms_(std::max<std::int64_t>(1, again_every_ms)), worker_([this] { work(); }) {
  assert(checks_.size() <= health_checks_max);
}

HealthRunner::~HealthRunner() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    waiting_.reset();
    if (running_) running_->stop();
    changed_.notify_all();
  }
  worker_.join();
}

void HealthRunner::start(HealthOrder order, OnEnd on_end) {
  const std::lock_guard lock(mutex_);
  const std::shared_ptr<Job>& present = waiting_ ? waiting_ : running_;
  if (present && !present->stopped && present->order == order) return;
  if (!present && ended_ == order) return;
  ended_.reset();
  if (running_) running_->stop();
  waiting_ = std::make_shared<Job>(std::move(order), std::move(on_end));
  changed_.notify_all();
}

void HealthRunner::stop() {
  const std::lock_guard lock(mutex_);
  waiting_.reset();
  ended_.reset();
  if (running_) running_->stop();
}

bool HealthRunner::busy() const {
  const std::lock_guard lock(mutex_);
  return waiting_ || (running_ && !running_->stopped);
}

void HealthRunner::work() {
  for (;;) {
    std::shared_ptr<Job> job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return closing_ || waiting_; });
      if (closing_) return;
      job = running_ = std::move(waiting_);
      waiting_.reset();
    }
    node::HealthJudged judged = job->judge_all(checks_, again_every_ms_);
    bool tell = false;
    {
      const std::lock_guard lock(mutex_);
      running_.reset();
      tell = !job->stopped;
      if (tell) ended_ = job->order;
    }
    if (tell) job->on_end(std::move(judged));
  }
}

}  // namespace abide::agent
