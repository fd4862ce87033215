#pragma once
// A state directory as an orchestrator leaves one behind, without the orchestrator.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "common/service/build_version.hpp"
#include "common/service/host.hpp"
#include "common/store/rocks_store.hpp"
#include "orchestrator/backup.hpp"
#include "orchestrator/fleet/machine.hpp"
#include "orchestrator/orchestrator.hpp"
#include "orchestrator/projects.hpp"
#include "orchestrator/rows.hpp"
#include "orchestrator/stamp.hpp"
#include "tests/support/child.hpp"

namespace abide::orchestrator {

namespace fs = std::filesystem;

class StateTest : public testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return directory_.path() + "/" + name; }
  [[nodiscard]] std::string state() const { return path("state"); }
  [[nodiscard]] std::string backups() const { return path("backups"); }

  static std::unique_ptr<RocksStore> open(const std::string& dir) {
    auto opened = RocksStore::open(dir);
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  // One start and one end of an orchestrator, which says why it thinks that its state is an old one.
  static std::string run(const std::string& dir) {
    const auto ready = check_restore_ended(dir);
    if (!ready) return "error: " + ready.error().message;
    auto store = open(dir);
    auto why = why_restored(*store, dir);
    if (!why) return "error: " + why.error().message;
    Settings settings;
    settings.projects = {"demo"};
    settings.restored = *why;
    auto made = Orchestrator::open(*store, settings, nullptr);
    EXPECT_TRUE(made) << made.error().message;
    EXPECT_TRUE(begin_store(*store, dir));
    EXPECT_TRUE(write_stamp(*store, dir));
    return *why;
  }
  static void put(Store& store, std::string key, std::string value) {
    Batch batch;
    batch.put(std::move(key), std::move(value));
    const auto done = store.commit(batch);
    ASSERT_TRUE(done) << done.error().message;
  }
  static std::uint64_t last_of(const std::string& dir) {
    const auto store = open(dir);
    return Journal::read_head(*store, scope_of_project("demo")).value().last;
  }
  static std::vector<std::string> names_in(const std::string& dir) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir)) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

  struct Told {
    int code = 0;
    std::string out, err;
  };
  template <class Command>
  static Told tell(Command command, const std::vector<std::string>& words) {
    std::vector<const char*> argv{"command"};
    for (const auto& word : words) argv.push_back(word.c_str());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Told told;
    told.code = command(static_cast<int>(argv.size()), argv.data());
    told.out = testing::internal::GetCapturedStdout();
    told.err = testing::internal::GetCapturedStderr();
    return told;
  }
  [[nodiscard]] Told back_up(std::vector<std::string> more = {}) const {
    std::vector<std::string> words{backups(), "--state", state()};
    words.insert(words.end(), more.begin(), more.end());
    return tell(run_backup, words);
  }
  [[nodiscard]] Told restore(const std::string& into, std::vector<std::string> more = {}) const {
    std::vector<std::string> words{backups(), "--state", into};
    words.insert(words.end(), more.begin(), more.end());
    return tell(run_restore, words);
  }

 private:
  test::TemporaryDirectory directory_;
};

}  // namespace abide::orchestrator
