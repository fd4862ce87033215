// How many requests of one client are answered in a second, by a clock of the test's own.
#include "orchestrator/api/request_rate.hpp"

#include <gtest/gtest.h>

namespace abide::api {
namespace {

int admitted(RequestRate& rate, const std::string& client, int requests, std::int64_t mono_ms) {
  int count = 0;
  for (int i = 0; i < requests; ++i) count += rate.admit(client, mono_ms) ? 1 : 0;
  return count;
}

TEST(RequestRate, LetsAsManyThroughAsCanComeInASecond) {
  RequestRate rate(200);
  EXPECT_EQ(admitted(rate, "127.0.0.1", 1'000, 5'000), 200) << "in one burst";
  EXPECT_EQ(admitted(rate, "127.0.0.1", 1'000, 5'100), 20) << "a tenth of a second later";
  EXPECT_EQ(admitted(rate, "127.0.0.1", 1'000, 65'000), 200) << "silence saves no more than a second's worth";
  int steady = 0;
  for (std::int64_t ms = 66'000; ms < 76'000; ++ms) steady += admitted(rate, "127.0.0.1", 1, ms);
  EXPECT_EQ(steady, 2'199) << "ten seconds at 1,000 a second, after a second of rest";
}

TEST(RequestRate, CountsEachClientForItself) {
  RequestRate rate(3);
  EXPECT_EQ(admitted(rate, "127.0.0.1", 10, 0), 3);
  EXPECT_EQ(admitted(rate, "127.0.0.2", 10, 0), 3);
}

TEST(RequestRate, LetsEverythingThroughWhereThereIsNoLimit) {
  RequestRate rate(0);
  EXPECT_EQ(admitted(rate, "127.0.0.1", 10'000, 0), 10'000);
  EXPECT_EQ(rate.clients(), 0U);
}

TEST(RequestRate, RemembersNoMoreClientsThanItMay) {
  RequestRate rate(2);
  for (std::size_t i = 0; i < RequestRate::clients_max; ++i) ASSERT_TRUE(rate.admit(std::to_string(i), 0));
  EXPECT_FALSE(rate.admit("one more", 0)) << "all of them asked just now";
  EXPECT_TRUE(rate.admit("7", 0)) << "who is known is not held up by those who are not";
  EXPECT_TRUE(rate.admit("one more", 1'000));
  EXPECT_LE(rate.clients(), 2U) << "who had been silent is forgotten";
}

}  // namespace
}  // namespace abide::api
