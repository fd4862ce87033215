#include "simulators/world/disk.hpp"

namespace abide::sim {

Result<void> Disk::commit(const Batch& batch) {
  if (batch.empty()) return {};
  if (full_) return fail(Code::unavailable, "no space left on device");
  if (before_) unflushed_ = true;
  return store_->commit(batch);
}

void Disk::lie() {
  if (!before_) before_ = store_->content();
}

void Disk::flush() {
  before_.reset();
  unflushed_ = false;
}

bool Disk::cut() {
  const bool lost = before_ && unflushed_;
  if (lost) store_ = std::make_unique<MemoryStore>(std::move(*before_));
  before_.reset();
  unflushed_ = false;
  return lost;
}

void Disk::replace(Content content) {
  store_ = std::make_unique<MemoryStore>(std::move(content));
  before_.reset();
  unflushed_ = false;
}

}  // namespace abide::sim
