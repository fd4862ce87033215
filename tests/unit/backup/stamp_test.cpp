// Whatever is put in the place of a state directory is noticed, and nothing else is.
#include "tests/unit/backup/state.hpp"

namespace abide::orchestrator {
namespace {

using Stamp = StateTest;

void copy(const std::string& from, const std::string& to) {
  fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
}

TEST_F(Stamp, FitsTheStateThatWasLeftHoweverOftenItIsStarted) {
  for (int i = 0; i < 4; ++i) EXPECT_EQ(run(state()), "");
}

TEST_F(Stamp, FitsADirectoryThatWasMovedOnItsFileSystem) {
  run(state());
  fs::rename(state(), path("moved"));
  EXPECT_EQ(run(path("moved")), "");
}

TEST_F(Stamp, DoesNotFitACopyOfTheDirectory) {
  run(state());
  copy(state(), path("copy"));
  run(state());
  fs::remove_all(state());
  copy(path("copy"), state());
  EXPECT_NE(run(state()).find("another directory"), std::string::npos);
  EXPECT_EQ(run(state()), "") << "said once";
}

TEST_F(Stamp, DoesNotFitAnOlderStateThatWasWrittenIntoTheSameDirectory) {
  run(state());
  copy(state(), path("copy"));
  run(state());
  for (const auto& name : names_in(state())) fs::remove_all(state() + "/" + name);
  copy(path("copy"), state());
  EXPECT_NE(run(state()).find("its stamp is a copy"), std::string::npos);
}

TEST_F(Stamp, DoesNotFitAnOlderStateUnderANewerStamp) {
  run(state());
  copy(state(), path("copy"));
  run(state());
  const auto was = last_of(state());
  for (const auto& name : names_in(state()))
    if (name != stamp_file) fs::remove_all(state() + "/" + name);
  fs::remove(path("copy") + "/" + stamp_file);
  copy(path("copy"), state());
  EXPECT_LT(last_of(state()), was);
  EXPECT_NE(run(state()).find("had " + std::to_string(was) + " events"), std::string::npos);
}

TEST_F(Stamp, IsMissedWhereItIsMissingOrCannotBeRead) {
  run(state());
  fs::remove(state() + "/" + stamp_file);
  EXPECT_NE(run(state()).find("its stamp is missing"), std::string::npos);
  for (const char* text : {"", "{", "[]", "null", "{}", R"({"store":1,"projects":7})"}) {
    std::ofstream(state() + "/" + stamp_file) << text;
    EXPECT_NE(run(state()), "") << text;
    EXPECT_EQ(run(state()), "") << text;
  }
}

TEST_F(Stamp, IsGivenToAStateOfAVersionThatHadNone) {
  {
    auto store = open(state());
    Settings settings;
    settings.projects = {"demo"};
    ASSERT_TRUE(Orchestrator::open(*store, settings, nullptr));
  }
  EXPECT_EQ(run(state()), "");
  EXPECT_TRUE(fs::exists(state() + "/" + stamp_file));
}

TEST_F(Stamp, IsRenewedAsTheJournalGrows) {
  run(state());
  std::string last;
  auto store = open(state());
  ASSERT_TRUE(stamp_progress(*store, state(), last));
  const auto written = fs::last_write_time(state() + "/" + stamp_file);
  ASSERT_TRUE(stamp_progress(*store, state(), last));
  EXPECT_EQ(fs::last_write_time(state() + "/" + stamp_file), written) << "nothing has come";
  Settings settings;
  ASSERT_TRUE(Orchestrator::open(*store, settings, nullptr));  // a start is an event
  const auto before = last;
  ASSERT_TRUE(stamp_progress(*store, state(), last));
  EXPECT_NE(last, before);
}

}  // namespace
}  // namespace abide::orchestrator
