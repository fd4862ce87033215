// The simulated disk and the order of time.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "simulators/world/disk.hpp"
#include "simulators/world/heap.hpp"

namespace abide::sim {
namespace {

void put(Disk& disk, const std::string& key) {
  Batch batch;
  batch.put(key, "x");
  ASSERT_TRUE(disk.commit(batch));
}

std::string keys(const Disk& disk) {
  std::string list;
  for (const auto& [key, value] : disk.content()) list += key;
  return list;
}

TEST(SimulatedDisk, KeepsEveryCommitThroughAPowerCut) {
  Disk disk;
  put(disk, "a");
  EXPECT_FALSE(disk.cut());
  EXPECT_EQ(keys(disk), "a");
}

TEST(SimulatedDisk, ThatLiesLosesWhatItSaidWasFlushedAndThenIsHonest) {
  Disk disk;
  put(disk, "a");
  disk.lie();
  EXPECT_TRUE(disk.lies());
  EXPECT_FALSE(Disk(disk.content()).lies());
  put(disk, "b");
  put(disk, "c");
  disk.lie();  // it lies already
  put(disk, "d");
  EXPECT_EQ(keys(disk), "abcd") << "as long as power is on, nobody sees it";
  EXPECT_TRUE(disk.cut());
  EXPECT_EQ(keys(disk), "a");
  EXPECT_FALSE(disk.lies());
  put(disk, "e");
  EXPECT_FALSE(disk.cut());
  EXPECT_EQ(keys(disk), "ae");
  disk.lie();
  EXPECT_FALSE(disk.cut()) << "nothing was committed since";
}

TEST(SimulatedDisk, ThatIsFullTakesNothing) {
  Disk disk;
  put(disk, "a");
  disk.fill(true);
  Batch batch;
  EXPECT_TRUE(disk.commit(batch)) << "an empty batch needs no room";
  batch.put("b", "x");
  const auto committed = disk.commit(batch);
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, Code::unavailable);
  EXPECT_EQ(keys(disk), "a");
  disk.fill(false);
  EXPECT_TRUE(disk.commit(batch));
}

TEST(SimulatedDisk, PutBackIsAsItOnceWas) {
  Disk disk;
  put(disk, "a");
  const auto copy = disk.content();
  put(disk, "b");
  disk.lie();
  put(disk, "c");
  disk.replace(copy);
  EXPECT_EQ(keys(disk), "a");
  EXPECT_FALSE(disk.cut());
}

TEST(Heap, GivesActionsByTimeAndThenByTheOrderTheyCameIn) {
  Heap heap;
  std::string done;
  heap.at(20, [&] { done += 'c'; });
  heap.at(10, [&] { done += 'a'; });
  auto ticket = heap.at(10, [&] { done += 'x'; });
  heap.at(10, [&] { done += 'b'; });
  heap.cancel(ticket);
  heap.cancel(ticket);  // once is enough
  EXPECT_EQ(heap.next_ms(), 10);
  std::vector<std::int64_t> times;
  while (heap.next_ms()) {
    auto [at_ms, action] = heap.pop();
    times.push_back(at_ms);
    action();
  }
  EXPECT_EQ(done, "abc");
  EXPECT_EQ(times, (std::vector<std::int64_t>{10, 10, 20}));
}

}  // namespace
}  // namespace abide::sim
