#include "common/service/inbox.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <thread>

namespace abide {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto no_wait = Clock::time_point::min();

TEST(Inbox, GivesItemsInTheOrderOfPosting) {
  Inbox<int> inbox;
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(inbox.try_post(i));
  EXPECT_EQ(inbox.drain(3, no_wait), (std::vector{0, 1, 2}));
  EXPECT_EQ(inbox.drain(3, no_wait), (std::vector{3, 4}));
  EXPECT_TRUE(inbox.drain(3, no_wait).empty());
}

TEST(Inbox, RefusesMoreThanItHolds) {
  Inbox<int> inbox(2);
  EXPECT_TRUE(inbox.try_post(1));
  EXPECT_TRUE(inbox.try_post(2));
  EXPECT_FALSE(inbox.try_post(3));
  EXPECT_EQ(inbox.drain(10, no_wait), (std::vector{1, 2}));  // what was refused is not there
  EXPECT_TRUE(inbox.try_post(4));
}

TEST(Inbox, IsFullWhereItHoldsSoManyBytes) {
  Inbox<int> inbox(100, 1'000);
  EXPECT_TRUE(inbox.try_post(1, 600));
  EXPECT_TRUE(inbox.try_post(2, 600));
  EXPECT_FALSE(inbox.try_post(3, 1));
  EXPECT_FALSE(inbox.wait_for_room(std::chrono::milliseconds(0)));
  EXPECT_EQ(inbox.drain(1, no_wait), (std::vector{1}));
  EXPECT_TRUE(inbox.wait_for_room(std::chrono::milliseconds(0)));
  EXPECT_TRUE(inbox.try_post(4, 1));
  EXPECT_EQ(inbox.drain(10, no_wait), (std::vector{2, 4}));
}

TEST(Inbox, TellsWhoWaitsForRoomWhenThereIsSomeOrNeverWillBe) {
  Inbox<int> inbox(1);
  EXPECT_TRUE(inbox.wait_for_room(std::chrono::milliseconds(0)));
  EXPECT_TRUE(inbox.try_post(1));
  EXPECT_FALSE(inbox.wait_for_room(std::chrono::milliseconds(1)));
  std::thread owner([&] { EXPECT_EQ(inbox.drain(1, no_wait), (std::vector{1})); });
  EXPECT_TRUE(inbox.wait_for_room(std::chrono::hours(1)));
  owner.join();
  EXPECT_TRUE(inbox.try_post(2));
  std::thread closer([&] { inbox.close(); });
  EXPECT_TRUE(inbox.wait_for_room(std::chrono::hours(1)));
  closer.join();
  EXPECT_FALSE(inbox.try_post(3));
}

TEST(Inbox, LetsNoSpeakerStarveTheOthersAndKeepsTheOrderOfEach) {
  Inbox<int> inbox;
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(inbox.try_post_of(1, i, 0), Posted::taken);
  EXPECT_EQ(inbox.try_post_of(2, 5'000, 0), Posted::taken);
  EXPECT_EQ(inbox.size(), 1'001U);
  auto batch = inbox.drain(500, no_wait);
  EXPECT_EQ(batch.size(), inbox_in_line_max + 1);
  EXPECT_EQ(batch.back(), 5'000) << "behind its places in line, before the rest of what it said";
  EXPECT_EQ(inbox.try_post_of(2, 5'001, 0), Posted::taken);
  std::vector<int> first(batch.begin(), batch.end() - 1);
  for (bool other = false; first.size() < 1'000;) {
    batch = inbox.drain(10, no_wait);
    ASSERT_FALSE(batch.empty());
    for (const int item : batch) {
      if (item >= 5'000) {
        EXPECT_FALSE(other);
        EXPECT_EQ(item, 5'001);
        EXPECT_LE(first.size(), 2 * inbox_in_line_max);
        other = true;
      } else {
        first.push_back(item);
      }
    }
  }
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(first[static_cast<std::size_t>(i)], i);
  EXPECT_EQ(inbox.size(), 0U);
}

TEST(Inbox, RefusesWhatASpeakerSaysBeyondItsShare) {
  Inbox<int> inbox;
  for (std::size_t i = 0; i < inbox_of_speaker_max; ++i) EXPECT_EQ(inbox.try_post_of(1, 0, 1), Posted::taken);
  EXPECT_EQ(inbox.try_post_of(1, 0, 1), Posted::share_used);
  EXPECT_EQ(inbox.try_post_of(2, 0, 1), Posted::taken);
  EXPECT_EQ(inbox.drain(1, no_wait).size(), 1U);
  EXPECT_EQ(inbox.try_post_of(1, 0, 1), Posted::taken);
  Inbox<int> small(40);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(small.try_post_of(1, i, 0), Posted::taken);
  EXPECT_EQ(small.try_post_of(2, 0, 0), Posted::full) << "what waits behind counts, too";
  small.close();
  EXPECT_EQ(Inbox<int>(1).try_post_of(1, 0, 0), Posted::taken);
}

TEST(Inbox, GivesWhatSomebodyWaitsForBeforeABacklogButNotAlone) {
  Inbox<int> inbox;
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(inbox.try_post(i));
  for (int i = 100; i < 103; ++i) EXPECT_TRUE(inbox.try_ask(i));
  EXPECT_EQ(inbox.size(), 9U);
  EXPECT_EQ(inbox.drain(4, no_wait), (std::vector{100, 101, 0, 1}));
  EXPECT_EQ(inbox.drain(4, no_wait), (std::vector{102, 2, 3, 4}));
  EXPECT_EQ(inbox.drain(4, no_wait), (std::vector{5}));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(inbox.try_ask(i));
  EXPECT_EQ(inbox.drain(4, no_wait), (std::vector{0, 1, 2}));
}

TEST(Inbox, HasRoomForWhatSomebodyWaitsForWhereItIsFull) {
  Inbox<int> inbox(2);
  EXPECT_TRUE(inbox.try_post(1));
  EXPECT_TRUE(inbox.try_post(2));
  EXPECT_FALSE(inbox.try_post(3));
  EXPECT_TRUE(inbox.try_ask(4));
  EXPECT_TRUE(inbox.try_ask(5));
  EXPECT_FALSE(inbox.try_ask(6));
  inbox.close();
  EXPECT_FALSE(inbox.try_ask(7));
}

TEST(Inbox, HoldsItemsThatCanOnlyBeMoved) {
  Inbox<std::unique_ptr<int>> inbox;
  EXPECT_TRUE(inbox.try_post(std::make_unique<int>(7)));
  const auto items = inbox.drain(1, no_wait);
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(*items[0], 7);
}

TEST(Inbox, MakesAWorkerWaitForRoomSoThatItsWordArrives) {
  Inbox<int> inbox(1);
  EXPECT_TRUE(inbox.post(0));
  std::thread worker([&] {
    for (int i = 1; i <= 1000; ++i) EXPECT_TRUE(inbox.post(i));
  });
  std::vector<int> all;
  while (all.size() < 1001) {
    const auto items = inbox.drain(10, std::nullopt);
    EXPECT_LE(items.size(), 1U);
    all.insert(all.end(), items.begin(), items.end());
  }
  worker.join();
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], static_cast<int>(i));
}

TEST(Inbox, WakesItsOwnerWhenAnItemComes) {
  Inbox<std::string> inbox;
  std::thread other([&] { EXPECT_TRUE(inbox.try_post("now")); });
  EXPECT_EQ(inbox.drain(10, std::nullopt), std::vector<std::string>{"now"});
  other.join();
}

TEST(Inbox, LetsItsOwnerGoAtTheGivenTime) {
  Inbox<int> inbox;
  const auto until = Clock::now() + std::chrono::milliseconds(10);
  EXPECT_TRUE(inbox.drain(10, until).empty());
  EXPECT_GE(Clock::now(), until);
}

TEST(Inbox, GivesWhatItHoldsAfterItWasClosedAndTakesNoMore) {
  Inbox<int> inbox;
  EXPECT_TRUE(inbox.try_post(1));
  inbox.close();
  EXPECT_TRUE(inbox.closed());
  EXPECT_FALSE(inbox.try_post(2));
  EXPECT_FALSE(inbox.post(3));
  EXPECT_EQ(inbox.drain(10, std::nullopt), std::vector{1});
  EXPECT_TRUE(inbox.drain(10, std::nullopt).empty());
}

TEST(Inbox, FreesThoseWhoWaitWhenItIsClosed) {
  Inbox<int> full(1);
  EXPECT_TRUE(full.post(0));
  std::atomic<bool> refused = false;
  std::thread worker([&] { refused = !full.post(1); });
  Inbox<int> empty;
  std::thread owner([&] { EXPECT_TRUE(empty.drain(1, std::nullopt).empty()); });
  full.close();
  empty.close();
  worker.join();
  owner.join();
  EXPECT_TRUE(refused);
}

TEST(Inbox, LosesAndDoublesNothingOfManyWriters) {
  constexpr int writers = 4;
  constexpr int each = 2000;
  Inbox<std::pair<int, int>> inbox(16);
  std::vector<std::thread> threads;
  for (int writer = 0; writer < writers; ++writer) {
    threads.emplace_back([&inbox, writer] {
      for (int i = 0; i < each; ++i) {
        const bool posted = i % 2 == 1 && inbox.try_post({writer, i});
        EXPECT_TRUE(posted || inbox.post({writer, i}));
      }
    });
  }
  std::vector<int> next(writers, 0);
  for (int seen = 0; seen < writers * each;) {
    for (const auto& [writer, i] : inbox.drain(7, std::nullopt)) {
      EXPECT_EQ(next[static_cast<std::size_t>(writer)]++, i);  // each writer's in its order
      ++seen;
    }
  }
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(inbox.drain(1, no_wait).empty());
}

}  // namespace
}  // namespace abide
