#include "common/core/token_bucket.hpp"

#include <gtest/gtest.h>

namespace abide {
namespace {

TEST(TokenBucket, GivesSoManyAtOnceAndThenSoManyASecond) {
  TokenBucket bucket({.per_second = 10, .at_once = 3});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.take(1'000));
  EXPECT_FALSE(bucket.take(1'000));
  EXPECT_FALSE(bucket.take(1'099));
  EXPECT_TRUE(bucket.take(1'100));
  EXPECT_FALSE(bucket.take(1'100));
  EXPECT_EQ(bucket.available(1'300), 2);
  EXPECT_EQ(bucket.available(9'000), 3);
}

TEST(TokenBucket, KeepsFractionsHoweverOftenOneIsTaken) {
  TokenBucket bucket({.per_second = 7, .at_once = 100});
  ASSERT_TRUE(bucket.take(0, 100));
  std::int64_t taken = 0;
  for (std::int64_t ms = 1; ms <= 10'000; ++ms) taken += bucket.take(ms) ? 1 : 0;
  EXPECT_EQ(taken, 70);
}

TEST(TokenBucket, TakesNothingWhereTooFewAreThere) {
  TokenBucket bucket({.per_second = 1, .at_once = 10});
  EXPECT_FALSE(bucket.take(0, 11));
  EXPECT_TRUE(bucket.take(0, 10));
}

TEST(TokenBucket, SaysWhenEnoughWillBeThere) {
  TokenBucket bucket({.per_second = 500, .at_once = 1'000});
  EXPECT_EQ(bucket.available_at(5, 16), 5);
  ASSERT_TRUE(bucket.take(5, 1'000));
  const auto at = bucket.available_at(5, 16);
  EXPECT_EQ(at, 5 + 32);
  EXPECT_LT(bucket.available(at - 1), 16);
  EXPECT_EQ(bucket.available(at), 16);
  // Never more than it holds.
  EXPECT_EQ(bucket.available_at(at, 100'000), at + 2 * 984);
}

TEST(TokenBucket, SurvivesAClockThatStepsBackAndPausesOfYears) {
  TokenBucket bucket({.per_second = 1'000, .at_once = 5});
  ASSERT_TRUE(bucket.take(50'000, 5));
  EXPECT_EQ(bucket.available(10'000), 0);
  EXPECT_EQ(bucket.available(50'001), 1);
  EXPECT_EQ(bucket.available(INT64_MAX), 5);
}

}  // namespace
}  // namespace abide
