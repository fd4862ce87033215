#include "common/store/rocks_store.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <map>
#include <rocksdb/db.h>
#include <rocksdb/table.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "common/core/hash.hpp"
#include "tests/unit/store/store_kinds.hpp"

namespace abide {
namespace {

namespace fs = std::filesystem;

// The writer of SurvivesAKillAtAnyMoment: this program again, in a process of its own (a fork of one with threads may not make
// threads), which commits and tells each number that was committed until it is killed.
constexpr const char* writer_variable = "ABIDE_TEST_WRITER_DIRECTORY";
constexpr int writer_fd = 100;  // none that the test has open

class Writer final : public testing::Environment {
 public:
  void SetUp() override {
    const char* const directory = std::getenv(writer_variable);
    if (directory == nullptr) return;
    const auto store = RocksStore::open(directory);
    if (!store) _exit(1);
    const std::string before = text(**store, "left");
    for (std::uint64_t i = before == "(none)" ? 1 : std::stoull(before) + 1;; ++i) {
      Batch batch;
      batch.put("left", std::to_string(i));
      batch.put("right", std::to_string(i));
      if (!(*store)->commit(batch) || write(writer_fd, &i, sizeof i) != static_cast<ssize_t>(sizeof i)) _exit(2);
    }
  }
};
const testing::Environment* const may_be_a_writer = testing::AddGlobalTestEnvironment(new Writer);

class RocksStoreTest : public testing::Test {
 protected:
  std::unique_ptr<RocksStore> open() {
    auto opened = RocksStore::open(path_);
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  void put(Store& store, std::string key, std::string value) {
    Batch batch;
    batch.put(std::move(key), std::move(value));
    const auto done = store.commit(batch);
    ASSERT_TRUE(done) << done.error().message;
  }
  // Every file with the digest of its content, but for the one that says who owns the directory.
  std::map<std::string, std::string> files() {
    std::map<std::string, std::string> found;
    for (const auto& entry : fs::directory_iterator(path_)) {
      if (entry.path().filename() != "OWNER") found[entry.path().filename()] = to_hex(sha256(content(entry.path())));
    }
    return found;
  }
  static std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  static void overwrite(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  // The newest file that ends so.
  fs::path file(const std::string& ending) {
    fs::path found;
    for (const auto& entry : fs::directory_iterator(path_))
      if (entry.path().filename().string().ends_with(ending) && entry.path() > found) found = entry.path();
    return found;
  }

  test::TemporaryDirectory directory_;
  std::string path_ = directory_.path() + "/not/yet/there";
};

TEST_F(RocksStoreTest, MakesItsDirectoryForItsOwnerAlone) {
  const auto store = open();
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms::owner_all);
  EXPECT_EQ(text(*store, "m/format"), "1");
}

TEST_F(RocksStoreTest, IsRefusedToASecondOwnerWithOneClearLine) {
  const auto store = open();
  const auto second = RocksStore::open(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::conflict);
  EXPECT_FALSE(is_newer_version(second.error()));
  EXPECT_EQ(second.error().message, "another process (pid " + std::to_string(getpid()) + ") uses the state directory " + path_);
  put(*store, "a", "1");  // and the first is not disturbed
}

TEST_F(RocksStoreTest, IsFreeAgainWhenItsOwnerIsGone) {
  open().reset();
  EXPECT_NE(open(), nullptr);
}

TEST_F(RocksStoreTest, FromANewerVersionIsLeftAsItIs) {
  {
    const auto store = open();
    put(*store, "a", "1");
    put(*store, "m/format", "2");
  }
  const auto before = files();
  for (const bool read_only : {false, true}) {
    const auto opened = read_only ? RocksStore::open_read_only(path_) : RocksStore::open(path_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Code::conflict);
    EXPECT_TRUE(is_newer_version(opened.error().in("start")));
    EXPECT_NE(opened.error().message.find("newer version"), std::string::npos);
    EXPECT_NE(opened.error().message.find("nothing was changed"), std::string::npos);
  }
  EXPECT_EQ(files(), before);
}

TEST_F(RocksStoreTest, IsNotTakenFromAnotherProgram) {
  fs::create_directories(path_);
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* db = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, path_, &db).ok());
  ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), "theirs", "1").ok());
  delete db;
  const auto before = files();
  const auto opened = RocksStore::open(path_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::corrupt);
  EXPECT_EQ(files(), before);
}

TEST_F(RocksStoreTest, IsFinishedWherePowerFailedBeforeItsFirstRow) {
  fs::create_directories(path_);
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* db = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, path_, &db).ok());
  delete db;
  EXPECT_EQ(RocksStore::open_read_only(path_).error().code, Code::not_found);
  EXPECT_EQ(text(*open(), "m/format"), "1");
}

TEST_F(RocksStoreTest, IsNotBegunAnewBesideTheRemainsOfAnother) {
  put(*open(), "a", "1");
  open().reset();  // moves the row from the log into a file
  ASSERT_NE(file(".sst"), fs::path());
  fs::remove(path_ + "/CURRENT");
  const auto before = files();
  const auto opened = RocksStore::open(path_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::corrupt);
  EXPECT_EQ(files(), before);
}

TEST_F(RocksStoreTest, SaysThatItIsDamagedInsteadOfDroppingCommits) {
  {
    const auto store = open();
    for (int i = 0; i < 50; ++i) put(*store, "k" + std::to_string(i), std::string(200, 'x'));
  }
  const auto log = file(".log");
  auto bytes = content(log);
  ASSERT_GT(bytes.size(), 5000U);
  bytes[bytes.size() / 2] ^= 0x55;  // in the middle, so that committed rows follow
  overwrite(log, bytes);
  const auto opened = RocksStore::open(path_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::corrupt) << opened.error().message;
}

TEST_F(RocksStoreTest, IsLeftAsItIsWhereAFileOfRowsIsGoneOrNoneAnyMore) {
  put(*open(), "a", "1");
  open().reset();  // moves the row from the log into a file
  const auto rows = file(".sst");
  const auto whole = content(rows);
  for (const bool gone : {false, true}) {
    SCOPED_TRACE(gone);
    auto bytes = whole;
    for (std::size_t i = bytes.size() - 50; i < bytes.size(); ++i) bytes[i] ^= 0x55;
    overwrite(rows, bytes);
    if (gone) fs::remove(rows);
    const auto before = files();
    const auto opened = RocksStore::open(path_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Code::corrupt) << opened.error().message;
    EXPECT_EQ(files(), before);
  }
  overwrite(rows, whole);
  EXPECT_EQ(text(*open(), "a"), "1");
}

// As it was written before: LZ4 and blocks of 16 KiB everywhere.
TEST_F(RocksStoreTest, OfAnEarlierVersionIsReadAndGoesOn) {
  open().reset();
  {
    rocksdb::Options options;
    rocksdb::BlockBasedTableOptions table;
    table.block_size = 16U << 10U;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    options.compression = rocksdb::kLZ4Compression;
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(options, path_, &db).ok());
    for (int i = 0; i < 2'000; ++i) ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), "old" + std::to_string(i), std::string(300, 'x')).ok());
    ASSERT_TRUE(db->CompactRange({}, nullptr, nullptr).ok());
    delete db;
  }
  const auto store = open();
  put(*store, "new", "1");
  EXPECT_EQ(text(*store, "old1999"), std::string(300, 'x'));
  ASSERT_TRUE(store->merge_all());
  EXPECT_EQ(text(*store, "old0"), std::string(300, 'x'));
  EXPECT_EQ(text(*store, "new"), "1");
}

TEST_F(RocksStoreTest, ForgetsOnlyWhatWasCutOffAtTheEndOfItsLog) {
  std::uintmax_t whole = 0;
  {
    const auto store = open();
    put(*store, "a", "1");
    const auto log = file(".log");
    whole = content(log).size();
    put(*store, "b", std::string(1000, 'x'));
  }
  fs::resize_file(file(".log"), whole + 500);  // power failed while b was being written: its commit never returned
  const auto store = open();
  EXPECT_EQ(text(*store, "a"), "1");
  EXPECT_EQ(text(*store, "b"), "(none)");
}

TEST_F(RocksStoreTest, SurvivesAKillAtAnyMoment) {
  ASSERT_NE(may_be_a_writer, nullptr);
  for (int round = 0; round < 5; ++round) {
    int acknowledged[2];
    ASSERT_EQ(pipe2(acknowledged, O_CLOEXEC), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
      dup2(acknowledged[1], writer_fd);
      setenv(writer_variable, path_.c_str(), 1);
      execl("/proc/self/exe", "writer", nullptr);
      _exit(3);
    }
    close(acknowledged[1]);
    std::uint64_t heard = 0;
    for (int i = 0; i < 20 + round; ++i) ASSERT_EQ(read(acknowledged[0], &heard, sizeof heard), static_cast<ssize_t>(sizeof heard));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    while (read(acknowledged[0], &heard, sizeof heard) == static_cast<ssize_t>(sizeof heard)) {
    }
    close(acknowledged[0]);
    const auto store = open();
    ASSERT_NE(store, nullptr);
    const std::string left = text(*store, "left");
    EXPECT_EQ(left, text(*store, "right"));  // a batch is all or nothing
    EXPECT_GE(std::stoull(left), heard);     // what was acknowledged is there
  }
}

TEST_F(RocksStoreTest, CanBeLookedAtWhileItsOwnerRuns) {
  const auto owner = open();
  put(*owner, "a", "1");
  const auto before = files();
  auto reader = RocksStore::open_read_only(path_);
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ(files(), before);
  EXPECT_EQ(text(**reader, "a"), "1");
  put(*owner, "a", "2");
  EXPECT_EQ(text(**reader, "a"), "1");
  Batch batch;
  batch.put("b", "1");
  EXPECT_EQ((*reader)->commit(batch).error().code, Code::denied);
  EXPECT_EQ(text(**RocksStore::open_read_only(path_), "a"), "2");
}

TEST_F(RocksStoreTest, IsWholeForAReaderHoweverBusyItsOwnerIs) {
  const auto owner = open();
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> committed = 0;
  std::thread writer([&] {
    for (std::uint64_t i = 1; !stop; ++i) {
      Batch batch;
      batch.put("left", std::to_string(i));
      batch.put("filler/" + std::to_string(i % 50),
                std::string(200'000, static_cast<char>('a' + i % 26)));  // fills buffers, so files come and go
      batch.put("right", std::to_string(i));
      if (!owner->commit(batch)) return;
      committed = i;
    }
  });
  while (committed < 60) std::this_thread::yield();
  for (int i = 0; i < 20; ++i) {
    const std::uint64_t at_least = committed;
    auto reader = RocksStore::open_read_only(path_);
    if (!reader) {
      EXPECT_EQ(reader.error().code, Code::unavailable) << reader.error().message;
      continue;
    }
    const auto left = text(**reader, "left");
    EXPECT_EQ(left, text(**reader, "right"));
    EXPECT_GE(std::stoull(left), at_least);
  }
  stop = true;
  writer.join();
}

TEST_F(RocksStoreTest, WritesTheLastChangeOfAKeyOnly) {
  const auto store = open();
  const auto before = fs::file_size(file(".log"));
  Batch batch;
  for (int i = 0; i < 1'000; ++i) batch.put("head", std::string(1'000, static_cast<char>('a' + i % 26)));
  batch.put("other", "1");
  ASSERT_TRUE(store->commit(batch));
  EXPECT_LT(fs::file_size(file(".log")) - before, 2'000U);
  EXPECT_EQ(text(*store, "head"), std::string(1'000, static_cast<char>('a' + 999 % 26)));
}

// Names and nice values of this process's threads.
std::multimap<std::string, int> nice_values() {
  std::multimap<std::string, int> found;
  for (const auto& task : fs::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "comm");
    std::string name;
    if (std::getline(file, name))
      found.emplace(name, getpriority(PRIO_PROCESS, static_cast<id_t>(std::stoul(task.path().filename().string()))));
  }
  return found;
}

TEST_F(RocksStoreTest, MergesFilesBehindWhoCommitsAndWhoReads) {
  const auto store = RocksStore::open(path_, {std::size_t{1} << 20U, std::size_t{64} << 10U}).value();
  const auto merges = [] {
    for (const auto& [name, nice] : nice_values())
      if (name == "rocksdb:low" && nice == std::min(getpriority(PRIO_PROCESS, 0) + 10, 19)) return true;
    return false;
  };
  for (std::uint64_t i = 0; i == 0 || !merges(); ++i) {  // the threads are those of all stores of a process
    ASSERT_LT(i, 10'000U) << "640 MiB are not merged by anybody";
    put(*store, "row/" + std::to_string(i * 7 % 64), std::string(64 << 10, static_cast<char>('a' + i % 26)));
  }
  for (const auto& [name, nice] : nice_values()) {
    if (name != "rocksdb:low") {
      EXPECT_EQ(nice, getpriority(PRIO_PROCESS, 0)) << name;
    }
  }
  while (!store->is_settled()) std::this_thread::yield();
  EXPECT_NE(text(*store, "row/0"), "(none)");
}

TEST_F(RocksStoreTest, MergesNothingBeforeItIsTold) {
  const auto files = [&] {
    return std::count_if(fs::directory_iterator(path_), fs::directory_iterator(),
                         [](const auto& entry) { return entry.path().extension() == ".sst"; });
  };
  constexpr int written = 16;  // more than RocksDB leaves unmerged by itself
  const auto store = RocksStore::open(path_, {std::size_t{1} << 20U, std::size_t{64} << 10U}, Merging::when_told).value();
  // More than fits into a buffer, so a file each; the test's own limit of time ends a wait in vain. The last may wait for the next.
  for (int i = 0; i < written; ++i) {
    put(*store, "row", std::string(128 << 10, static_cast<char>('a' + i)));
    while (files() < i) std::this_thread::yield();
  }
  const auto before = files();
  EXPECT_GE(before, written - 1);
  EXPECT_EQ(RocksStore::open_read_only(path_).value()->begin_merging().error().code, Code::denied);
  ASSERT_TRUE(store->begin_merging());
  while (files() >= before) std::this_thread::yield();  // the test's own limit ends it
  EXPECT_EQ(text(*store, "row"), std::string(128 << 10, static_cast<char>('a' + written - 1)));
}

TEST_F(RocksStoreTest, IsNotFoundForAReaderWhereThereIsNone) {
  EXPECT_EQ(RocksStore::open_read_only(path_).error().code, Code::not_found);
  fs::create_directories(path_);
  EXPECT_EQ(RocksStore::open_read_only(path_).error().code, Code::not_found);
  EXPECT_TRUE(fs::is_empty(path_));
}

TEST_F(RocksStoreTest, SaysWhichDirectoryItCannotMake) {
  overwrite(directory_.path() + "/file", "");
  const auto opened = RocksStore::open(directory_.path() + "/file/state");
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find(directory_.path() + "/file/state"), std::string::npos) << opened.error().message;
}

// A file system of 24 MiB, where this process may mount one (root); elsewhere the test says that it was skipped.
TEST_F(RocksStoreTest, SaysThatTheDiskIsFullAndKeepsWhatWasCommitted) {
  const std::string disk = directory_.path() + "/disk";
  fs::create_directories(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=24m") != 0) GTEST_SKIP() << "no right to mount a small file system";
  path_ = disk + "/state";
  std::uint64_t last = 0;
  std::optional<Error> refused;
  {
    const auto store = open();
    for (std::uint64_t i = 1; i < 1000 && !refused; ++i) {
      Batch batch;
      batch.put("last", std::to_string(i));
      std::string noise;  // does not compress
      while (noise.size() < 256'000) noise += to_hex(sha256(std::to_string(i) + "/" + std::to_string(noise.size())));
      batch.put("filler/" + std::to_string(i), noise);
      const auto done = store->commit(batch);
      if (done) {
        last = i;
      } else {
        refused = done.error();
      }
    }
    EXPECT_EQ(text(*store, "last"), std::to_string(last));
  }
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, Code::unavailable) << refused->message;
  EXPECT_NE(refused->message.find("disk is full"), std::string::npos) << refused->message;
  auto reader = RocksStore::open_read_only(path_);
  EXPECT_TRUE(reader) << reader.error().message;
  if (reader) {
    EXPECT_GE(std::stoull(text(**reader, "last")), last);
  }
  reader = fail(Code::unavailable, "closed");
  EXPECT_EQ(umount(disk.c_str()), 0);
}

}  // namespace
}  // namespace abide
