#include "orchestrator/api/request_rate.hpp"

#include <algorithm>

namespace abide::api {

void RequestRate::refill(Bucket& bucket, std::int64_t mono_ms) const {
  const auto limit = static_cast<double>(per_second_);
  bucket.tokens = std::min(limit, bucket.tokens + static_cast<double>(mono_ms - bucket.at_ms) * limit / 1'000);
  bucket.at_ms = mono_ms;
}

// Of who could ask for a whole second's worth again nothing needs to be known.
void RequestRate::forget_full(std::int64_t mono_ms) {
  for (auto each = buckets_.begin(); each != buckets_.end();) {
    refill(each->second, mono_ms);
    each = each->second.tokens >= static_cast<double>(per_second_) ? buckets_.erase(each) : std::next(each);
  }
}

bool RequestRate::admit(const std::string& client, std::int64_t mono_ms) {
  if (per_second_ == 0) return true;
  if (buckets_.size() >= clients_max && buckets_.find(client) == buckets_.end()) {
    forget_full(mono_ms);
    if (buckets_.size() >= clients_max) return false;
  }
  Bucket& bucket = buckets_.try_emplace(client, Bucket{static_cast<double>(per_second_), mono_ms}).first->second;
  refill(bucket, mono_ms);
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

}  // namespace abide::api
