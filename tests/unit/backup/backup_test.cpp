// Backups of a state directory that nobody runs on, and restores; what does not look right changes nothing.
#include "common/store/backup.hpp"

#include <nlohmann/json.hpp>

#include "tests/unit/backup/state.hpp"

namespace abide::orchestrator {
namespace {

using Json = nlohmann::json;
using Backups = StateTest;

void expect_line(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
}

TEST_F(Backups, AreRestoredAsTheyWereAndHeld) {
  run(state());
  const auto last = last_of(state());
  const auto made = back_up();
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(Json::parse(made.out)["projects"]["demo"], last);
  run(state());
  const auto restored = restore(path("other"));
  ASSERT_EQ(restored.code, 0) << restored.err;
  EXPECT_EQ(last_of(path("other")), last);
  EXPECT_NE(run(path("other")).find("restored from backup 1 of "), std::string::npos);
  EXPECT_EQ(run(path("other")), "") << "said once; the nodes stay held";
}

TEST_F(Backups, AfterTheFirstOnlyWhatIsNewIsCopied) {
  run(state());
  {
    auto store = open(state());
    std::string noise;  // that no compression makes smaller
    std::uint64_t draw = 1;
    for (int byte = 0; byte < 500'000; ++byte) noise += static_cast<char>((draw = draw * 6364136223846793005U + 1) >> 56U);
    put(*store, "x", noise);
  }
  const auto first = back_up();
  ASSERT_EQ(first.code, 0) << first.err;
  const auto bytes = Json::parse(first.out)["bytesAdded"].get<std::uint64_t>();
  EXPECT_GT(bytes, 400'000U);
  run(state());
  const auto second = back_up();
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_LT(Json::parse(second.out)["bytesAdded"].get<std::uint64_t>(), bytes / 5) << second.out;
}

TEST_F(Backups, KeepTheNewestAndAnyOfThemCanBeRestored) {
  std::vector<std::uint64_t> lasts;
  for (int i = 0; i < 4; ++i) {
    run(state());
    lasts.push_back(last_of(state()));
    ASSERT_EQ(back_up({"--keep", "3"}).code, 0);
  }
  const auto list = tell(run_restore, {backups(), "--list"});
  const auto told = Json::parse(list.out);
  ASSERT_EQ(told.size(), 3U) << list.out;
  for (const auto& one : told) {
    const auto number = one["backup"].get<std::size_t>();
    const auto into = path("into-" + std::to_string(number));
    ASSERT_EQ(restore(into, {"--backup", std::to_string(number)}).code, 0);
    EXPECT_EQ(last_of(into), lasts.at(number - 1));
  }
  const auto gone = restore(path("none"), {"--backup", "1"});
  EXPECT_EQ(gone.code, 1);
  expect_line(gone.err, "no complete backup 1");
  EXPECT_FALSE(fs::exists(path("none")));
}

TEST_F(Backups, ThatWereInterruptedAreNotThere) {
  run(state());
  ASSERT_EQ(back_up().code, 0);
  // As a process that was killed in the midst of the second leaves it: files, and no list of them.
  fs::create_directories(backups() + "/private/2");
  std::ofstream(backups() + "/private/2/MANIFEST-000004") << "half";
  std::ofstream(backups() + "/meta/.2.tmp") << "17";
  EXPECT_EQ(Json::parse(tell(run_restore, {backups(), "--list"}).out).size(), 1U);
  ASSERT_EQ(restore(path("into")).code, 0);
  EXPECT_EQ(last_of(path("into")), last_of(state()));
  ASSERT_EQ(back_up().code, 0) << "what is left of it is in nobody's way";
  EXPECT_EQ(restore(path("again")).code, 0);
  // One that never came as far as its first.
  fs::remove_all(backups());
  fs::create_directories(backups() + "/meta");
  fs::create_directories(backups() + "/private/1");
  std::ofstream(backups() + "/" + backup_mark_file) << "backups of an abide-orchestrator, format 1\nstore 00000000000000aa\n";
  const auto none = restore(path("empty"));
  EXPECT_EQ(none.code, 1);
  expect_line(none.err, "no backup in " + backups() + " is complete");
}

TEST_F(Backups, ThatAreDamagedAreRefusedAndNothingChanges) {
  run(state());
  ASSERT_EQ(back_up().code, 0);
  run(state());
  const auto last = last_of(state());
  for (const auto& entry : fs::recursive_directory_iterator(backups())) {
    if (!entry.path().string().ends_with(".sst")) continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(fs::file_size(entry.path()) / 2));
    file << "?????";
  }
  const auto refused = restore(state(), {"--force"});
  EXPECT_EQ(refused.code, 5) << refused.err;
  expect_line(refused.err, "nothing was changed");
  EXPECT_EQ(last_of(state()), last);
  EXPECT_EQ(run(state()), "");
  // A file that is gone.
  for (const auto& entry : fs::recursive_directory_iterator(backups()))
    if (entry.path().string().ends_with(".sst")) fs::remove(entry.path());
  const auto torn = restore(path("into"));
  EXPECT_EQ(torn.code, 5) << torn.err;
  expect_line(torn.err, "is damaged");
  EXPECT_EQ(Json::parse(tell(run_restore, {backups(), "--list"}).out)[0]["damaged"], true);
}

TEST_F(Backups, AreNotPutOverAStateUnlessForced) {
  run(state());
  ASSERT_EQ(back_up().code, 0);
  run(state());
  const auto last = last_of(state());
  const auto refused = restore(state());
  EXPECT_EQ(refused.code, 1);
  expect_line(refused.err, "--force");
  EXPECT_EQ(last_of(state()), last);
  {
    const auto owner = open(state());
    const auto busy = restore(state(), {"--force"});
    EXPECT_EQ(busy.code, 3) << busy.err;
    expect_line(busy.err, "another process");
  }
  ASSERT_EQ(restore(state(), {"--force"}).code, 0);
  EXPECT_LT(last_of(state()), last);
  EXPECT_NE(run(state()), "");
}

TEST_F(Backups, AreNotPutWhereSomethingElseIs) {
  run(state());
  ASSERT_EQ(back_up().code, 0);
  fs::create_directories(path("home"));
  std::ofstream(path("home") + "/letter.txt") << "dear";
  const auto refused = restore(path("home"), {"--force"});
  EXPECT_EQ(refused.code, 2);
  expect_line(refused.err, "letter.txt");
  EXPECT_EQ(names_in(path("home")), std::vector<std::string>{"letter.txt"});
  const auto within = restore(backups() + "/state");
  EXPECT_EQ(within.code, 2);
  expect_line(within.err, "must not lie in each other");
}

TEST_F(Backups, GoOnlyWhereThereAreNoneOrThoseOfThisStore) {
  run(state());
  for (const auto& [what, code, part] : std::vector<std::tuple<std::string, int, std::string>>{
           {"something", 2, "is not empty"}, {"other", 2, "another orchestrator's store"}, {"newer", 2, "another kind or version"}}) {
    SCOPED_TRACE(what);
    fs::remove_all(backups());
    fs::create_directories(backups());
    if (what == "something") std::ofstream(backups() + "/photo") << "x";
    if (what == "other")
      std::ofstream(backups() + "/" + backup_mark_file) << "backups of an abide-orchestrator, format 1\nstore 00000000000000aa\n";
    if (what == "newer") std::ofstream(backups() + "/" + backup_mark_file) << "backups of an abide-orchestrator, format 2\n";
    const auto before = names_in(backups());
    const auto refused = back_up();
    EXPECT_EQ(refused.code, code);
    expect_line(refused.err, part);
    EXPECT_EQ(names_in(backups()), before);
    EXPECT_NE(restore(path("into")).code, 0);
    EXPECT_FALSE(fs::exists(path("into")));
  }
  EXPECT_EQ(tell(run_backup, {state() + "/backups", "--state", state()}).code, 2);
  fs::remove_all(backups());
  EXPECT_EQ(restore(path("into")).code, 1);
  const auto nothing = tell(run_backup, {backups(), "--state", path("nothing")});
  EXPECT_EQ(nothing.code, 1) << nothing.err;
  EXPECT_FALSE(fs::exists(path("nothing")));
}

TEST_F(Backups, OfANodesStoreAreRefused) {
  put(*open(state()), "node/m/head", "x");
  const auto refused = back_up();
  EXPECT_EQ(refused.code, 2);
  expect_line(refused.err, "no orchestrator of this version has run on");
  EXPECT_FALSE(fs::exists(backups() + "/" + backup_mark_file));
}

TEST_F(Backups, OfANewerVersionAreNotRestored) {
  run(state());
  {  // as that version would have made it
    const auto store = open(state());
    put(*store, "m/format", std::to_string(store_format + 1));
    ASSERT_TRUE(store->checkpoint(path("checkpoint")));
    ASSERT_TRUE(add_backup(backups(), path("checkpoint"), "", 0));
    std::ofstream(backups() + "/" + backup_mark_file) << "backups of an abide-orchestrator, format 1\nstore " + **store_id(*store) + "\n";
  }
  const auto refused = restore(path("into"));
  EXPECT_EQ(refused.code, 4) << refused.err;
  expect_line(refused.err, "newer version");
  EXPECT_FALSE(fs::exists(path("into") + "/CURRENT"));
  EXPECT_FALSE(fs::exists(path("into") + "/restoring"));
}

TEST_F(Backups, RestoresThatDidNotEndKeepTheOrchestratorFromStarting) {
  run(state());
  ASSERT_EQ(back_up().code, 0);
  std::ofstream(state() + "/" + restoring_file) << "backup 1";
  fs::remove(state() + "/CURRENT");
  EXPECT_NE(run(state()).find("has not ended"), std::string::npos);
  EXPECT_EQ(back_up().code, 5) << "what is there is half of a state";
  ASSERT_EQ(restore(state(), {"--force"}).code, 0);
  EXPECT_NE(run(state()).find("restored from backup 1"), std::string::npos);
}

TEST_F(Backups, AreForTheirOwnerOnly) {
  run(state());
  ASSERT_EQ(back_up().code, 0);
  for (const auto& entry : fs::recursive_directory_iterator(backups()))
    EXPECT_EQ(entry.status().permissions() & (fs::perms::group_all | fs::perms::others_all), fs::perms::none) << entry.path();
}

TEST_F(Backups, CommandsSayWhatIsMissing) {
  EXPECT_EQ(tell(run_backup, {"--state", state()}).code, 2);
  EXPECT_EQ(tell(run_restore, {"--state", state()}).code, 2);
  EXPECT_EQ(tell(run_backup, {backups()}).code, 2);
  EXPECT_EQ(tell(run_restore, {backups()}).code, 2);
  EXPECT_EQ(tell(run_backup, {"--help"}).code, 0);
  EXPECT_EQ(tell(run_restore, {"--help"}).code, 0);
}

}  // namespace
}  // namespace abide::orchestrator
