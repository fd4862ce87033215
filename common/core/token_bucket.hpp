#pragma once
// How often something may be done: so many at once, and so many a second. Times are milliseconds of one monotonic clock.
#include <algorithm>
#include <cstdint>

namespace abide {

struct Pace {
  std::int64_t per_second = 0;
  std::int64_t at_once = 0;
};

class TokenBucket {
 public:
  // Full at the first. Both numbers of the pace are at least 1 and at most 2^40.
  explicit TokenBucket(Pace pace) : pace_(pace), thousandths_(pace.at_once * 1'000) {}

  // How many may be done now.
  [[nodiscard]] std::int64_t available(std::int64_t now_ms) const { return thousandths_at(now_ms) / 1'000; }
  // Takes `count` where there are as many; else takes nothing.
  bool take(std::int64_t now_ms, std::int64_t count = 1) {
    const std::int64_t there = thousandths_at(now_ms);
    if (there / 1'000 < count) return false;
    thousandths_ = there - count * 1'000;
    filled_at_ms_ = std::max(filled_at_ms_, now_ms);
    return true;
  }
  // When `count` are there, if nobody takes any until then. At most `at_once` can be.
  [[nodiscard]] std::int64_t available_at(std::int64_t now_ms, std::int64_t count) const {
    const std::int64_t missing = std::min(count, pace_.at_once) * 1'000 - thousandths_at(now_ms);
    return missing <= 0 ? now_ms : now_ms + (missing + pace_.per_second - 1) / pace_.per_second;
  }
  [[nodiscard]] bool is_full(std::int64_t now_ms) const { return available(now_ms) == pace_.at_once; }

 private:
  // A clock that stands or steps back fills nothing. Compared before it is multiplied, so that no pause is too long.
  [[nodiscard]] std::int64_t thousandths_at(std::int64_t now_ms) const {
    if (filled_at_ms_ == never || now_ms <= filled_at_ms_) return thousandths_;
    const std::int64_t missing = pace_.at_once * 1'000 - thousandths_;
    const std::int64_t passed_ms = now_ms - filled_at_ms_;
    return thousandths_ + (passed_ms > missing / pace_.per_second ? missing : passed_ms * pace_.per_second);
  }

  static constexpr std::int64_t never = INT64_MIN;
  Pace pace_;
  std::int64_t thousandths_;
  std::int64_t filled_at_ms_ = never;
};

}  // namespace abide
