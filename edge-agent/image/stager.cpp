#include "edge-agent/image/stager.hpp"

#include "edge-agent/image/fetch.hpp"
#include "edge-agent/image/staging.hpp"

namespace abide::agent {

struct Stager::Job {
  StageOrder order;
  OnProgress on_progress;
  OnEnd on_end;
  StopSignal stop;
  Fetcher fetcher;

  Job(StageOrder ordered, OnProgress progress, OnEnd end, FetchLimits limits)
      : order(std::move(ordered)), on_progress(std::move(progress)), on_end(std::move(end)), fetcher(std::move(limits)) {}
  void cancel() {
    stop.stop();
    fetcher.cancel();
  }
};

Stager::Stager(BootControl& boot, StagerSettings settings, Random random)
    : boot_(boot), settings_(std::move(settings)), random_(random), worker_([this] { work(); }) {}

Stager::~Stager() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    waiting_.reset();
    if (running_) running_->cancel();
    changed_.notify_all();
  }
  worker_.join();
}

void Stager::start(StageOrder order, OnProgress on_progress, OnEnd on_end) {
  const std::lock_guard lock(mutex_);
  const std::shared_ptr<Job>& present = waiting_ ? waiting_ : running_;
  if (present && !present->stop.stopped() && present->order == order) return;
  if (!present && ended_ == order) return;
  ended_.reset();
  if (running_) running_->cancel();
  FetchLimits limits;
  limits.ca_file = settings_.ca_file;
  limits.user_agent = settings_.user_agent;
  limits.connect_timeout_ms = settings_.connect_timeout_ms;
  limits.low_speed_ms = settings_.low_speed_ms;
  limits.low_speed_bytes_per_second = settings_.low_speed_bytes_per_second;
  waiting_ = std::make_shared<Job>(std::move(order), std::move(on_progress), std::move(on_end), std::move(limits));
  changed_.notify_all();
}

void Stager::stop() {
  const std::lock_guard lock(mutex_);
  waiting_.reset();
  ended_.reset();
  if (running_) running_->cancel();
}

bool Stager::busy() const {
  const std::lock_guard lock(mutex_);
  return waiting_ || (running_ && !running_->stop.stopped());
}

void Stager::work() {
  for (;;) {
    std::shared_ptr<Job> job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return closing_ || waiting_; });
      if (closing_) return;
      job = running_ = std::move(waiting_);
      waiting_.reset();
    }
    std::optional<node::StagingEnded> ended;
    {
      // Closes the slot and gives its lock back before the end is told.
      Staging staging(job->order, boot_, settings_, random_, job->fetcher, job->stop,
                      [&](const Progress& progress) { job->on_progress(progress); });
      ended = staging.run();
    }
    bool tell = false;
    {
      const std::lock_guard lock(mutex_);
      running_.reset();
      tell = ended && !job->stop.stopped();
      if (tell) ended_ = job->order;
    }
    if (tell) job->on_end(*std::move(ended));
  }
}

}  // namespace abide::agent
