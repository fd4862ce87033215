#include "common/core/interval.hpp"

#include <gtest/gtest.h>

#include "common/core/random.hpp"

namespace abide {
namespace {

constexpr std::int64_t never = open_end;

TEST(Intervals, AreUnitedWhereTheyOverlapOrTouch) {
  const std::pair<Intervals, Intervals> rows[] = {
      {{}, {}},
      {{{5, 5}, {7, 3}}, {}},  // empty ones are none
      {{{1, 2}}, {{1, 2}}},
      {{{3, 4}, {1, 2}}, {{1, 2}, {3, 4}}},  // any order
      {{{1, 2}, {2, 3}}, {{1, 3}}},          // touch
      {{{1, 5}, {2, 3}}, {{1, 5}}},          // within
      {{{1, 3}, {2, 5}, {4, 6}}, {{1, 6}}},  // one after the other
      {{{1, 2}, {1, 9}, {1, 4}}, {{1, 9}}},
      {{{10, never}, {1, 2}, {20, 30}}, {{1, 2}, {10, never}}},  // open end
      {{{10, never}, {5, 10}, {20, never}}, {{5, never}}},
      {{{1, 3}, {2, 2}, {4, 5}}, {{1, 3}, {4, 5}}},
  };
  for (const auto& [given, expected] : rows) EXPECT_EQ(united(given), expected);
  EXPECT_EQ(united({{1, 2}}, {{2, 4}, {6, 7}}), (Intervals{{1, 4}, {6, 7}}));
}

TEST(Intervals, LoseWhatIsTakenAway) {
  const struct {
    Intervals from, what, left;
  } rows[] = {
      {{{1, 9}}, {}, {{1, 9}}},
      {{}, {{1, 9}}, {}},
      {{{1, 9}}, {{1, 9}}, {}},
      {{{1, 9}}, {{0, 99}}, {}},
      {{{1, 9}}, {{3, 5}}, {{1, 3}, {5, 9}}},
      {{{1, 9}}, {{0, 3}}, {{3, 9}}},
      {{{1, 9}}, {{8, 20}}, {{1, 8}}},
      {{{1, 9}}, {{9, 20}, {0, 1}}, {{1, 9}}},              // only touch
      {{{1, 9}, {20, 30}}, {{5, 25}}, {{1, 5}, {25, 30}}},  // one over two
      {{{1, 30}}, {{2, 3}, {5, 6}, {29, 40}}, {{1, 2}, {3, 5}, {6, 29}}},
      {{{1, never}}, {{10, 20}}, {{1, 10}, {20, never}}},
      {{{1, never}}, {{10, never}}, {{1, 10}}},
      {{{1, 9}}, {{4, 4}, {7, 6}}, {{1, 9}}},  // nothing is taken away
      {{{1, 5}, {4, 9}}, {{3, 4}}, {{1, 3}, {4, 9}}},
  };
  for (const auto& row : rows) EXPECT_EQ(subtracted(row.from, row.what), row.left);
}

TEST(Intervals, AreClippedAndAskedForAMoment) {
  const Intervals all{{1, 5}, {7, 9}, {20, never}};
  EXPECT_EQ(clipped(all, {3, 8}), (Intervals{{3, 5}, {7, 8}}));
  EXPECT_EQ(clipped(all, {5, 7}), Intervals{});
  EXPECT_EQ(clipped(all, {0, 100}), (Intervals{{1, 5}, {7, 9}, {20, 100}}));
  const std::pair<std::int64_t, Interval> rows[] = {{-3, {1, 5}}, {1, {1, 5}},      {4, {1, 5}},
                                                    {5, {7, 9}},  {9, {20, never}}, {1'000, {20, never}}};
  for (const auto& [at, expected] : rows) EXPECT_EQ(current_or_next(all, at), expected) << at;
  EXPECT_EQ(current_or_next({{1, 5}}, 5), std::nullopt);
  EXPECT_EQ(single_window(7, 0), (Interval{7, never}));
  EXPECT_EQ(single_window(7, 8), (Interval{7, 8}));
}

TEST(Intervals, AreAsSetsOfMomentsAre) {
  constexpr std::int64_t moments = 40;
  Random random{7};
  const auto draw = [&] {
    Intervals drawn;
    for (auto count = random.below(5); count > 0; --count) {
      const auto begin = static_cast<std::int64_t>(random.below(moments));
      drawn.push_back({begin, begin + static_cast<std::int64_t>(random.below(12))});
    }
    return drawn;
  };
  const auto holds = [](const Intervals& intervals, std::int64_t at) {
    for (const auto& one : intervals) {
      if (one.contains(at)) return true;
    }
    return false;
  };
  for (int i = 0; i < 5'000; ++i) {
    const Intervals left = draw();
    const Intervals right = draw();
    const Intervals both = united(left, right);
    const Intervals rest = subtracted(left, right);
    for (std::int64_t at = 0; at < moments + 12; ++at) {
      ASSERT_EQ(holds(both, at), holds(left, at) || holds(right, at));
      ASSERT_EQ(holds(rest, at), holds(left, at) && !holds(right, at));
    }
    for (const auto& set : {both, rest}) {
      for (std::size_t at = 0; at < set.size(); ++at) {
        ASSERT_FALSE(set[at].empty());
        if (at > 0) {
          ASSERT_LT(set[at - 1].end, set[at].begin);
        }
      }
    }
  }
}

}  // namespace
}  // namespace abide
