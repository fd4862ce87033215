#include "orchestrator/discovery/worker.hpp"

#include <algorithm>
#include <chrono>

namespace abide::discovery {

namespace {

bool same(const fleet::ProfilesRead& left, const fleet::ProfilesRead& right) {
  const auto same_found = [](const auto& a, const auto& b) { return a.source == b.source && a.resource == b.resource; };
  const auto same_failure = [](const auto& a, const auto& b) { return a.source == b.source && a.error == b.error; };
  return std::equal(left.found.begin(), left.found.end(), right.found.begin(), right.found.end(), same_found) &&
         std::equal(left.failures.begin(), left.failures.end(), right.failures.begin(), right.failures.end(), same_failure);
}

}  // namespace

Worker::Worker(std::unique_ptr<Source> source, WorkerSettings settings, Random random, Deliver deliver)
    : source_(std::move(source)), settings_(settings), random_(random), deliver_(std::move(deliver)) {}

Worker::~Worker() {
  stop();
}

void Worker::start() {
  thread_ = std::thread([this] { run(); });
}

void Worker::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  source_->cancel();
  if (thread_.joinable()) thread_.join();
}

bool Worker::refresh(Refreshed done) {
  const std::lock_guard lock(mutex_);
  if (stopping_ || asked_.size() >= refreshes_waiting_max) return false;
  asked_.push_back(std::move(done));
  wake_.notify_all();
  return true;
}

PassSummary Worker::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

void Worker::run() {
  Pass previous;
  while (true) {
    std::vector<Refreshed> asked_for;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      asked_for.swap(asked_);
    }
    auto pass = std::make_shared<const fleet::ProfilesRead>(source_->read());
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      const auto now = std::chrono::system_clock::now().time_since_epoch();
      last_ = {std::chrono::duration_cast<std::chrono::milliseconds>(now).count(), pass->found.size(), pass->failures};
    }
    if (!asked_for.empty() || !previous || !same(*previous, *pass)) deliver_(pass, std::move(asked_for));
    previous = std::move(pass);
    const auto jitter = static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(settings_.poll_ms / 10 + 1)));
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, std::chrono::milliseconds(settings_.poll_ms + jitter), [&] { return stopping_ || !asked_.empty(); });
  }
}

}  // namespace abide::discovery
