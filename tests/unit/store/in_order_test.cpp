// Work on all cores whose results come in order.
#include "common/store/in_order.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <vector>

namespace abide {
namespace {

// What is taken of `count` pieces until `last`, each a square.
std::vector<int> squares(int count, int last, std::atomic<int>& in_memory, int& most) {
  std::vector<int> taken;
  int next = 0;
  in_order(
      [&]() -> std::optional<int> {
        if (next == count) return std::nullopt;
        most = std::max(most, ++in_memory);
        return next++;
      },
      [](int number) {
        int sum = 0;  // the first ones take longest
        for (int i = 0; i < (number % 7 == 0 ? 20'000 : 10); ++i) sum += i & 1;
        return number * number + (sum < 0 ? 1 : 0);
      },
      [&](int square) {
        --in_memory;
        taken.push_back(square);
        return static_cast<int>(taken.size()) <= last;
      });
  return taken;
}

TEST(InOrder, TakesAllPiecesInTheirOrderAndHoldsFew) {
  for (const int count : {0, 1, 2, 3, 17, 1'000}) {
    std::atomic<int> in_memory = 0;
    int most = 0;
    const auto taken = squares(count, count, in_memory, most);
    ASSERT_EQ(static_cast<int>(taken.size()), count);
    for (int i = 0; i < count; ++i) ASSERT_EQ(taken[static_cast<std::size_t>(i)], i * i);
    EXPECT_LE(most, static_cast<int>(in_order_threads_max * in_order_ahead_per_thread) + 1);
    EXPECT_EQ(in_memory, 0);
  }
}

TEST(InOrder, EndsWhenNoMoreIsWanted) {
  std::atomic<int> in_memory = 0;
  int most = 0;
  const auto taken = squares(100'000, 40, in_memory, most);
  ASSERT_EQ(taken.size(), 41U);
  EXPECT_EQ(taken.back(), 1'600);
}

TEST(InOrder, DoesBothOfTwoThings) {
  int one = 0, other = 0;
  both([&] { one = 1; }, [&] { other = 2; });
  EXPECT_EQ(one, 1);
  EXPECT_EQ(other, 2);
}

}  // namespace
}  // namespace abide
