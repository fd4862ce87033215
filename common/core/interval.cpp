#include "common/core/interval.hpp"

#include <algorithm>

namespace abide {

Intervals united(Intervals intervals) {
  std::erase_if(intervals, [](const Interval& one) { return one.empty(); });
  std::sort(intervals.begin(), intervals.end(), [](const Interval& left, const Interval& right) { return left.begin < right.begin; });
  Intervals result;
  for (const auto& one : intervals) {
    if (!result.empty() && one.begin <= result.back().end) {
      result.back().end = std::max(result.back().end, one.end);
    } else {
      result.push_back(one);
    }
  }
  return result;
}

Intervals united(const Intervals& left, const Intervals& right) {
  Intervals all = left;
  all.insert(all.end(), right.begin(), right.end());
  return united(std::move(all));
}

Intervals subtracted(const Intervals& from, const Intervals& what) {
  const Intervals holes = united(what);
  Intervals result;
  auto hole = holes.begin();
  for (auto rest : united(from)) {
    while (hole != holes.end() && hole->end <= rest.begin) ++hole;
    for (auto next = hole; next != holes.end() && next->begin < rest.end; ++next) {
      if (next->begin > rest.begin) result.push_back({rest.begin, next->begin});
      rest.begin = std::max(rest.begin, next->end);
    }
    if (!rest.empty()) result.push_back(rest);
  }
  return result;
}

Intervals clipped(const Intervals& intervals, const Interval& to) {
  Intervals result;
  for (auto one : united(intervals)) {
    one = {std::max(one.begin, to.begin), std::min(one.end, to.end)};
    if (!one.empty()) result.push_back(one);
  }
  return result;
}

std::optional<Interval> current_or_next(const Intervals& intervals, std::int64_t at) {
  for (const auto& one : united(intervals)) {
    if (one.end > at) return one;
  }
  return std::nullopt;
}

}  // namespace abide
