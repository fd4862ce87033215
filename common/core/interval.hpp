#pragma once
// Sets of time: half-open intervals [begin, end) of unix seconds. Two that touch are one.
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace abide {

inline constexpr std::int64_t open_begin = 0;                                         // since ever: windows begin in 1970
inline constexpr std::int64_t open_end = std::numeric_limits<std::int64_t>::max();  // never ends

struct Interval {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  [[nodiscard]] bool contains(std::int64_t at) const { return begin <= at && at < end; }
  [[nodiscard]] bool empty() const { return end <= begin; }
  friend bool operator==(const Interval&, const Interval&) = default;
};

// In order, none empty, no two that overlap or touch. What the functions below give is so, whatever they are given.
using Intervals = std::vector<Interval>;

// A single schedule's window: an end of 0 is none.
inline Interval single_window(std::int64_t start_seconds, std::int64_t end_seconds) {
  return {start_seconds, end_seconds == 0 ? open_end : end_seconds};
}

Intervals united(Intervals intervals);  // any, in any order
Intervals united(const Intervals& left, const Intervals& right);
Intervals subtracted(const Intervals& from, const Intervals& what);
Intervals clipped(const Intervals& intervals, const Interval& to);

// The one that contains this moment, else the first behind it.
std::optional<Interval> current_or_next(const Intervals& intervals, std::int64_t at);

}  // namespace abide
