#include "common/store/torn_log.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

#include "common/core/random.hpp"
#include "common/store/rocks_store.hpp"
#include "tests/unit/store/store_kinds.hpp"

namespace abide {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t sector_bytes = 512;

class TornLog : public testing::Test {
 protected:
  static std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  static void overwrite(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  fs::path log() const {
    fs::path found;
    for (const auto& entry : fs::directory_iterator(path_))
      if (entry.path().extension() == ".log" && entry.path() > found) found = entry.path();
    return found;
  }
  // Commits of these sizes; the log's size after each.
  std::vector<std::size_t> commit(const std::vector<std::size_t>& sizes) {
    auto store = RocksStore::open(path_);
    EXPECT_TRUE(store) << store.error().message;
    std::vector<std::size_t> ends;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      Batch batch;
      batch.put("row" + std::to_string(i), std::string(sizes[i], static_cast<char>('a' + i)));
      batch.put("newest", std::to_string(i));
      EXPECT_TRUE((*store)->commit(batch));
      ends.push_back(fs::file_size(log()));
    }
    return ends;
  }

  test::TemporaryDirectory directory_;
  std::string path_ = directory_.path() + "/state";
};

// Sectors of the last commit that did not reach the disk are zeros, or what stood there before, which is the same.
TEST_F(TornLog, LosesOnlyTheCommitThatThePowerFailedIn) {
  const auto ends = commit({300, 5'000, 90'000});
  const auto whole = content(log());
  const auto path = log();
  const auto before_last = ends[1];
  int lost = 0;
  fs::copy(path_, directory_.path() + "/kept", fs::copy_options::recursive);
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Random lots{seed};
    std::string torn = whole;
    const std::uint64_t odds = 1 + lots.below(20);
    for (std::size_t sector = before_last / sector_bytes; sector * sector_bytes < whole.size(); ++sector) {
      if (lots.below(odds) != 0) continue;
      const auto from = std::max(before_last, sector * sector_bytes);
      const auto to = std::min(whole.size(), (sector + 1) * sector_bytes);
      std::fill(torn.begin() + static_cast<std::ptrdiff_t>(from), torn.begin() + static_cast<std::ptrdiff_t>(to), '\0');
    }
    if (lots.below(2) == 0) torn.resize(before_last + lots.below(whole.size() - before_last + 1));
    fs::remove_all(path_);
    fs::copy(directory_.path() + "/kept", path_, fs::copy_options::recursive);
    overwrite(path, torn);
    {
      const auto reader = RocksStore::open_read_only(path_);
      ASSERT_TRUE(reader) << seed << ": " << reader.error().message;
      EXPECT_EQ(text(**reader, "row1"), std::string(5'000, 'b')) << seed;
    }
    auto store = RocksStore::open(path_);
    ASSERT_TRUE(store) << seed << ": " << store.error().message;
    const auto newest = text(**store, "newest");
    ASSERT_TRUE(newest == "1" || newest == "2") << seed << ": " << newest;
    EXPECT_EQ(text(**store, "row0"), std::string(300, 'a')) << seed;
    EXPECT_EQ(text(**store, "row2"), newest == "2" ? std::string(90'000, 'c') : "(none)") << seed;
    if (newest == "1") ++lost;
    // And it goes on.
    Batch batch;
    batch.put("after", "1");
    ASSERT_TRUE((*store)->commit(batch));
    store->reset();
    store = RocksStore::open(path_);
    ASSERT_TRUE(store) << seed << ": " << store.error().message;
    EXPECT_EQ(text(**store, "after"), "1") << seed;
    EXPECT_EQ(text(**store, "newest"), newest) << seed;
  }
  EXPECT_GT(lost, 50);
}

TEST_F(TornLog, IsNotWhatACommitIsThatHasAnotherBehindIt) {
  const auto ends = commit({300, 40'000, 200});
  const auto path = log();
  const auto whole = content(path);
  for (const std::size_t at : {ends[0] + 20, ends[0] + 20'000, ends[1] - 20}) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    overwrite(path, damaged);
    const auto opened = RocksStore::open(path_);
    ASSERT_FALSE(opened) << at;
    EXPECT_EQ(opened.error().code, Code::corrupt);
    EXPECT_EQ(content(path), damaged);
  }
}

TEST_F(TornLog, IsToldFromAWholeOneAndFromADamagedOne) {
  const auto ends = commit({300, 5'000, 90'000});
  const auto whole = content(log());
  EXPECT_EQ(end_of_log(whole), LogEnd::whole);
  EXPECT_EQ(end_of_log(""), LogEnd::whole);
  EXPECT_EQ(end_of_log(std::string(100, '\0')), LogEnd::torn);
  EXPECT_EQ(end_of_log(whole.substr(0, ends[1])), LogEnd::whole);
  std::string damaged = whole;
  damaged[ends[1] + 100] = static_cast<char>(~damaged[ends[1] + 100]);
  EXPECT_EQ(end_of_log(damaged), LogEnd::torn);
  damaged = whole;
  damaged[ends[0] + 100] = static_cast<char>(~damaged[ends[0] + 100]);
  EXPECT_EQ(end_of_log(damaged), LogEnd::damaged);
}

}  // namespace
}  // namespace abide
