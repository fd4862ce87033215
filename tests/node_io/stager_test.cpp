#include "edge-agent/image/stager.hpp"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <sys/mount.h>
#include <sys/resource.h>

#include "common/core/hash.hpp"
#include "tests/node_io/fake_boot.hpp"
#include "tests/node_io/file_server.hpp"
#include "tests/node_io/flushes.hpp"
#include "tests/support/child.hpp"

namespace abide::agent {
namespace {

using test::answers;
using test::cut_after;
using test::FileServer;
using test::Served;
using test::stalls_after;
using ::testing::HasSubstr;

constexpr std::uint64_t image_bytes = 5'000'003;  // no multiple of anything
constexpr std::uint64_t slot_bytes = 6'000'000;

std::string random_text(std::uint64_t seed, std::uint64_t bytes = image_bytes) {
  Random random{seed};
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random.next() & 0xFF);
  return text;
}
const std::string& good() {
  static const std::string text = random_text(1);
  return text;
}
const std::string& stale() {
  static const std::string text = random_text(2);
  return text;
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}
void fill(const std::string& path, const std::string& bytes) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file << bytes;
}

// What the callbacks told.
class Ear {
 public:
  Stager::OnProgress on_progress() {
    return [this](const Progress& progress) {
      const std::lock_guard lock(mutex_);
      progress_.push_back(progress);
    };
  }
  Stager::OnEnd on_end() {
    return [this](node::StagingEnded end) {
      const std::lock_guard lock(mutex_);
      ends_.push_back(std::move(end));
      changed_.notify_all();
    };
  }
  node::StagingEnded wait(std::size_t count = 1) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ends_.size() >= count; });
    return ends_.back();
  }
  std::size_t ends() {
    const std::lock_guard lock(mutex_);
    return ends_.size();
  }
  std::vector<Progress> progress() {
    const std::lock_guard lock(mutex_);
    return progress_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<node::StagingEnded> ends_;
  std::vector<Progress> progress_;
};

class StagerTest : public ::testing::Test {
 protected:
  StagerTest() {
    settings.work_folder = work.path();
    settings.progress_every_ms = 0;
    settings.backoff_first_ms = 1;
    settings.backoff_max_ms = 5;
    settings.missing_rounds_max = 3;
    settings.quiet_ms_max = 20'000;
    order.offer = {7, 12};
    order.boot = BootId{"boot-1"};
    order.slot = Slot::b;
    order.release = release_of(good());
    order.release.urls = {server.url()};
  }

  static Release release_of(const std::string& text) {
    Release release;
    release.artifact = release.raw = {sha256(text), text.size()};
    return release;
  }

  node::StagingEnded stage() {
    Stager stager(boot, settings, Random{1});
    const std::size_t before = ear.ends();
    stager.start(order, ear.on_progress(), ear.on_end());
    return ear.wait(before + 1);
  }
  std::string slot_b() { return bytes_of(boot.path_of(Slot::b)); }
  std::string staged_image() { return slot_b().substr(0, image_bytes); }

  test::TemporaryDirectory work;
  test::FakeBoot boot{slot_bytes};
  FileServer server{test::served_text(good())};
  StagerSettings settings;
  StageOrder order;
  Ear ear;
};

TEST_F(StagerTest, WritesTheImageIntoTheSpareSlotAndSaysWhatItReadBack) {
  fill(boot.path_of(Slot::b), std::string(slot_bytes, 'x'));
  const node::StagingEnded end = stage();
  EXPECT_EQ(end.failure, Reason::none) << end.evidence.detail;
  EXPECT_EQ(end.offer, order.offer);
  EXPECT_EQ(end.boot, order.boot);
  EXPECT_EQ(end.slot, Slot::b);
  EXPECT_EQ(end.digest, sha256(good()));
  EXPECT_EQ(end.bytes, image_bytes);
  EXPECT_FALSE(end.reused);
  EXPECT_EQ(staged_image(), good());
  EXPECT_EQ(slot_b().substr(image_bytes), std::string(slot_bytes - image_bytes, 'x'));
}

TEST_F(StagerTest, ClearsTheCameUpMarkAndTheSlotsBadMark) {
  BootState state = boot.state();
  state.bad[1] = true;
  boot.set_state(state);
  EXPECT_EQ(stage().failure, Reason::none);
  EXPECT_FALSE(boot.state().came_up);
  EXPECT_FALSE(boot.state().bad[1]);
}

TEST_F(StagerTest, TakesASlotThatHoldsTheImageAlreadyWithoutAskingTheServer) {
  fill(boot.path_of(Slot::b), good());
  const node::StagingEnded end = stage();
  EXPECT_EQ(end.failure, Reason::none);
  EXPECT_TRUE(end.reused);
  EXPECT_EQ(end.digest, sha256(good()));
  EXPECT_TRUE(server.requests().empty());
}

// Found by the simulated fleet: an agent that was killed between the last write and the flush left an image that the next one took,
// and a power cut then took it away.
TEST_F(StagerTest, FlushesASlotThatHoldsTheImageAlready) {
  fill(boot.path_of(Slot::b), good());
  const std::size_t before = test::flushes_of(boot.path_of(Slot::b));
  ASSERT_TRUE(stage().reused);
  EXPECT_EQ(test::flushes_of(boot.path_of(Slot::b)), before + 1);
}

TEST_F(StagerTest, DownloadsAgainOverASlotThatWasDamaged) {
  std::string damaged = good();
  damaged[image_bytes - 1] = static_cast<char>(damaged[image_bytes - 1] ^ 1);
  fill(boot.path_of(Slot::b), damaged);
  const node::StagingEnded end = stage();
  EXPECT_FALSE(end.reused);
  EXPECT_EQ(staged_image(), good());
}

TEST_F(StagerTest, ResumesAtTheVeryByteWhereAConnectionWasCut) {
  server.next({cut_after(image_bytes / 2), cut_after(1'000'000)});
  const node::StagingEnded end = stage();
  EXPECT_EQ(end.failure, Reason::none) << end.evidence.detail;
  EXPECT_EQ(server.body_bytes(), image_bytes);
  ASSERT_EQ(server.requests().size(), 3u);
  EXPECT_EQ(server.requests()[1].range, "bytes=2500001-");
  EXPECT_EQ(server.requests()[1].if_range, "\"one\"");
  EXPECT_EQ(server.requests()[2].range, "bytes=3500001-");
  EXPECT_EQ(staged_image(), good());
}

TEST_F(StagerTest, ResumesAfterARestartOfTheAgent) {
  settings.flush_bytes_max = 1 << 20;
  server.next({stalls_after(3'000'000)});
  {
    Stager stager(boot, settings, Random{1});
    stager.start(order, ear.on_progress(), ear.on_end());
    server.wait_until_stalled();
    // The stall is in the server; what it sent must have arrived and been written, too.
    while (ear.progress().empty() || ear.progress().back().bytes_done < 3'000'000) std::this_thread::yield();
  }
  EXPECT_EQ(ear.ends(), 0u);
  const node::StagingEnded end = stage();
  EXPECT_EQ(end.failure, Reason::none) << end.evidence.detail;
  ASSERT_EQ(server.requests().size(), 2u);
  EXPECT_EQ(server.requests()[1].if_range, "\"one\"");
  EXPECT_LT(server.body_bytes(), image_bytes + 1'100'000);
  EXPECT_EQ(staged_image(), good());
}

TEST_F(StagerTest, DoesNotTrustItsNoteOverTheSlot) {
  server.next({stalls_after(3'000'000)});
  {
    Stager stager(boot, settings, Random{1});
    stager.start(order, ear.on_progress(), ear.on_end());
    server.wait_until_stalled();
    while (ear.progress().empty() || ear.progress().back().bytes_done < 3'000'000) std::this_thread::yield();
  }
  fill(boot.path_of(Slot::b), stale().substr(0, 100));  // somebody wrote the slot meanwhile
  const node::StagingEnded end = stage();
  EXPECT_EQ(end.failure, Reason::none) << end.evidence.detail;
  EXPECT_EQ(staged_image(), good());
}

TEST_F(StagerTest, BeginsAnewWhenTheFileWasReplacedMeanwhile) {
  server.serve(test::served_text(stale()));
  server.next({cut_after(image_bytes / 2)});
  server.after_each([&, first = true]() mutable {
    if (!std::exchange(first, false)) return;
    Served fresh = test::served_text(good());
    fresh.etag = "\"two\"";
    server.serve(fresh);
  });
  const node::StagingEnded end = stage();
  EXPECT_EQ(end.failure, Reason::none) << end.evidence.detail;
  EXPECT_EQ(staged_image(), good());
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST_F(StagerTest, BeginsAnewWhenAServerIgnoresThatItsFileWasReplaced) {
  server.serve(test::served_text(stale()));
  server.next({cut_after(image_bytes / 2)});
  server.after_each([&, first = true]() mutable {
    if (!std::exchange(first, false)) return;
    Served fresh = test::served_text(good());
    fresh.etag = "\"two\"";
    fresh.checks_if_range = false;
    server.serve(fresh);
  });
  const node::StagingEnded end = stage();
  EXPECT_EQ(end.failure, Reason::none) << end.evidence.detail;
  EXPECT_EQ(end.evidence.attempts, 0u);
  EXPECT_EQ(staged_image(), good());
}

TEST_F(StagerTest, BeginsAnewOnAServerWithoutRanges) {
  Served served = test::served_text(good());
  served.ranges = false;
  server.serve(served);
  server.next({cut_after(3'000'000)});
  EXPECT_EQ(stage().failure, Reason::none);
  EXPECT_EQ(staged_image(), good());
}

TEST_F(StagerTest, AsksOnWhereAServerGivesLessThanTheRange) {
  Served served = test::served_text(good());
  served.range_bytes_max = 1'000'000;
  server.serve(served);
  server.next({cut_after(1'000'000)});
  EXPECT_EQ(stage().failure, Reason::none);
  EXPECT_EQ(server.body_bytes(), image_bytes);
  EXPECT_EQ(staged_image(), good());
}

TEST_F(StagerTest, DoesNotTakeARangeThatItDidNotAskFor) {
  Served served = test::served_text(good());
  served.range_shift = 10;
  server.serve(served);
  server.next({cut_after(1'000'000)});
  const node::StagingEnded end = stage();
  EXPECT_EQ(end.failure, Reason::download);
  EXPECT_THAT(end.evidence.detail, HasSubstr("answers with the range \"bytes 999990-5000002/5000003\" when asked for byte 1000000 on"));
}

TEST_F(StagerTest, WaitsNoLongerFromCutToCutAsLongAsSomethingComes) {
  settings.backoff_max_ms = 3'600'000;
  server.next(std::vector<test::Manner>(24, cut_after(200'000)));
  EXPECT_EQ(stage().failure, Reason::none);
  EXPECT_EQ(server.requests().size(), 25u);
}

TEST_F(StagerTest, FollowsARedirect) {
  server.always("/old", answers(302, server.url("/new")));
  order.release.urls = {server.url("/old")};
  EXPECT_EQ(stage().failure, Reason::none);
  EXPECT_EQ(staged_image(), good());
}

TEST_F(StagerTest, FailsOnAWrongDigestAfterOneMoreDownload) {
  server.serve(test::served_text(stale()));
  const node::StagingEnded end = stage();
  EXPECT_EQ(end.failure, Reason::wrong_digest);
  EXPECT_THAT(end.evidence.detail, HasSubstr(to_hex(sha256(stale()))));
  EXPECT_THAT(end.evidence.detail, HasSubstr(to_hex(sha256(good()))));
  EXPECT_EQ(server.requests().size(), 2u);
  EXPECT_EQ(end.evidence.attempts, 2u);
}

TEST_F(StagerTest, SurvivesAWrongFileThatIsPutRight) {
  server.serve(test::served_text(stale()));
  server.after_each([&] { server.serve(test::served_text(good())); });
  EXPECT_EQ(stage().failure, Reason::none);
  EXPECT_EQ(staged_image(), good());
}

TEST_F(StagerTest, FailsOnATruncatedFileAndSaysHowLongItIs) {
  server.serve(test::served_text(good().substr(0, 4'000'000)));
  const node::StagingEnded end = stage();
  EXPECT_EQ(end.failure, Reason::wrong_digest);
  EXPECT_THAT(end.evidence.detail, HasSubstr("has 4000000 bytes, the release says 5000003"));
}

TEST_F(StagerTest, FailsOnATruncatedFileOfUnknownLength) {
  Served served = test::served_text(good().substr(0, 4'000'000));
  served.tells_length = false;
  server.serve(served);
  const node::StagingEnded end = stage();
  EXPECT_EQ(end.failure, Reason::wrong_digest);
  EXPECT_THAT(end.evidence.detail, HasSubstr("ends after 4000000 bytes"));
}

TEST_F(StagerTest, NeverWritesPastTheImagesSize) {
  fill(boot.path_of(Slot::b), std::string(slot_bytes, 'x'));
  Served served = test::served_text(good() + std::string(500'000, 'y'));
  served.tells_length = false;
  server.serve(served);
  const node::StagingEnded end = stage();
  EXPECT_EQ(end.failure, Reason::wrong_digest);
  EXPECT_THAT(end.evidence.detail, HasSubstr("is longer than the 5000003 bytes"));
  EXPECT_EQ(slot_b().substr(image_bytes), std::string(slot_bytes - image_bytes, 'x'));
}

TEST_F(StagerTest, IsRefusedByTheReleaseServiceAtOnce) {
  for (const int status : {401, 403}) {
    server.next({answers(status)});
    const std::size_t before = server.requests().size();
    const node::StagingEnded end = stage();
    EXPECT_EQ(end.failure, Reason::refused_by_release_service);
    EXPECT_THAT(end.evidence.detail, HasSubstr("answers " + std::to_string(status)));
    EXPECT_EQ(server.requests().size(), before + 1);
  }
}

TEST_F(StagerTest, TriesEachUrlInOrder) {
  server.always("/1", answers(403));
  server.always("/2", answers(404));
  order.release.urls = {server.url("/1"), server.url("/2"), server.url("/3")};
  EXPECT_EQ(stage().failure, Reason::none);
  ASSERT_EQ(server.requests().size(), 3u);
  EXPECT_EQ(server.requests()[0].path, "/1");
  EXPECT_EQ(server.requests()[1].path, "/2");
  EXPECT_EQ(server.requests()[2].path, "/3");
}

TEST_F(StagerTest, GoesOnWithAnotherUrlWhereTheFirstStopsAnswering) {
  order.release.urls = {server.url("/1"), server.url("/2")};
  server.next({cut_after(2'000'000), answers(503)});
  EXPECT_EQ(stage().failure, Reason::none);
  ASSERT_EQ(server.requests().size(), 3u);
  EXPECT_EQ(server.requests()[2].path, "/2");
  EXPECT_EQ(server.requests()[2].range, "bytes=2000000-");
  EXPECT_EQ(server.requests()[2].if_range, "");  // that was another server's file
  EXPECT_EQ(server.body_bytes(), image_bytes);
}

TEST_F(StagerTest, GivesUpOnAMissingFileAfterSomeRounds) {
  server.always("/image.raw", answers(404));
  const node::StagingEnded end = stage();
  EXPECT_EQ(end.failure, Reason::download);
  EXPECT_THAT(end.evidence.detail, HasSubstr("answers 404"));
  EXPECT_EQ(server.requests().size(), settings.missing_rounds_max);
}

TEST_F(StagerTest, WaitsOutAServerThatIsBusyOrMissesTheFileForAWhile) {
  server.next({answers(503), answers(404), answers(429), answers(404), answers(500), answers(404), answers(503)});
  EXPECT_EQ(stage().failure, Reason::none);
  EXPECT_EQ(server.requests().size(), 8u);
}

TEST_F(StagerTest, GivesUpWhenNothingCameForTooLong) {
  settings.quiet_ms_max = 30;
  server.always("/image.raw", answers(503));
  const node::StagingEnded end = stage();
  EXPECT_EQ(end.failure, Reason::download);
  EXPECT_THAT(end.evidence.detail, HasSubstr("nothing came"));
}

TEST_F(StagerTest, DoesNotDownloadForEverFromAServerThatNeverGetsToTheEnd) {
  Served served = test::served_text(good());
  served.ranges = false;
  server.serve(served);
  server.always("/image.raw", cut_after(100'000));
  const node::StagingEnded end = stage();
  EXPECT_EQ(end.failure, Reason::download);
  EXPECT_THAT(end.evidence.detail, HasSubstr("begun from the first byte"));
}

TEST_F(StagerTest, CutsAConnectionOnWhichNothingComesAndResumes) {
  settings.low_speed_ms = 200;
  server.next({stalls_after(3'000'000)});
  EXPECT_EQ(stage().failure, Reason::none);
  EXPECT_EQ(server.body_bytes(), image_bytes);
}

TEST_F(StagerTest, RefusesAnImageThatIsLargerThanTheSlotBeforeAnythingIsFetched) {
  order.release.artifact.size = order.release.raw.size = slot_bytes + 1;
  const node::StagingEnded end = stage();
  EXPECT_EQ(end.failure, Reason::too_large);
  EXPECT_THAT(end.evidence.detail, HasSubstr("6000001 bytes, slot b has 6000000"));
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(StagerTest, LearnsTheSizeFromTheServerWhereTheReleaseDoesNotTellIt) {
  order.release.artifact.size = order.release.raw.size = 0;
  const node::StagingEnded end = stage();
  EXPECT_EQ(end.failure, Reason::none) << end.evidence.detail;
  EXPECT_EQ(end.bytes, image_bytes);

  server.serve(test::served_text(std::string(slot_bytes + 1, 'z')));
  order.offer.revision += 1;
  fill(boot.path_of(Slot::b), "damage");
  EXPECT_EQ(stage().failure, Reason::too_large);
}

TEST_F(StagerTest, RefusesCompressedImages) {
  order.release.urls = {server.url("/image.raw.gz")};
  EXPECT_EQ(stage().failure, Reason::unsupported_image);
  order.release.urls = {server.url()};
  order.release.raw.sha256 = sha256("something else");
  EXPECT_EQ(stage().failure, Reason::unsupported_image);
  order.release.raw.sha256 = {};
  EXPECT_EQ(stage().failure, Reason::unsupported_image);
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(StagerTest, NeverWritesTheRunningTheDefaultOrTheArmedSlot) {
  const std::string before = slot_b();
  const auto detail_with = [&](auto change) {
    BootState state;
    state.boot = order.boot;
    change(state);
    boot.set_state(state);
    const node::StagingEnded end = stage();
    EXPECT_EQ(end.failure, Reason::write_failed);
    return end.evidence.detail;
  };
  EXPECT_THAT(detail_with([](BootState& state) { state.running = Slot::b; }), HasSubstr("slot b is the running one"));
  EXPECT_THAT(detail_with([](BootState& state) { state.default_slot = Slot::b; }), HasSubstr("slot b is the default"));
  EXPECT_THAT(detail_with([](BootState& state) { state.one_shot = Slot::b; }), HasSubstr("slot b is armed"));
  EXPECT_EQ(slot_b(), before);
}

TEST_F(StagerTest, AsksTheBootLoaderAgainRightBeforeTheFirstWrite) {
  const std::string before = slot_b();
  boot.change_default_at_read(2);
  const node::StagingEnded end = stage();
  EXPECT_EQ(end.failure, Reason::write_failed);
  EXPECT_THAT(end.evidence.detail, HasSubstr("slot b is the default"));
  EXPECT_EQ(server.requests().size(), 1u);
  EXPECT_EQ(slot_b(), before);
}

TEST_F(StagerTest, AsksABootLoaderAgainThatIsUnavailableAndGivesUpOnACorruptOne) {
  boot.fail_next(3, Code::unavailable);
  EXPECT_EQ(stage().failure, Reason::none);
  boot.fail_next(1, Code::corrupt);
  EXPECT_EQ(stage().failure, Reason::boot_loader);
  boot.fail_next(100, Code::unavailable);
  EXPECT_EQ(stage().failure, Reason::boot_loader);
}

TEST_F(StagerTest, FailsWhereTheSlotReadsBackOtherThanItWasWritten) {
  fill(boot.path_of(Slot::b), "");
  {
    std::ofstream elsewhere(boot.folder() / "elsewhere", std::ios::binary);
    elsewhere << stale();
  }
  boot.lie();
  const node::StagingEnded end = stage();
  EXPECT_EQ(end.failure, Reason::read_back_failed);
  EXPECT_THAT(end.evidence.detail, HasSubstr("reads back as " + to_hex(sha256(stale()))));
}

TEST_F(StagerTest, FailsForWantOfASlot) {
  boot.place_slot_b(boot.folder() / "not-there");
  const node::StagingEnded end = stage();
  EXPECT_EQ(end.failure, Reason::write_failed);
  EXPECT_THAT(end.evidence.detail, HasSubstr("No such file"));
}

TEST_F(StagerTest, SaysNoSpaceWhereTheFileMayNotGrow) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit limited{2'000'000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &limited);
  const node::StagingEnded end = stage();
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, SIG_DFL);
  EXPECT_EQ(end.failure, Reason::no_space) << end.evidence.detail;
}

TEST_F(StagerTest, SaysNoSpaceOnAFullDisk) {
  const std::string disk = boot.folder() / "disk";
  ::mkdir(disk.c_str(), 0700);
  if (::mount("none", disk.c_str(), "tmpfs", 0, "size=2M") != 0) GTEST_SKIP() << "may not mount a small disk here";
  { std::ofstream slot(disk + "/slot-b"); }
  ::truncate((disk + "/slot-b").c_str(), static_cast<off_t>(slot_bytes));
  boot.place_slot_b(disk + "/slot-b");
  const node::StagingEnded end = stage();
  ::umount2(disk.c_str(), MNT_DETACH);
  EXPECT_EQ(end.failure, Reason::no_space) << end.evidence.detail;
  EXPECT_THAT(end.evidence.detail, HasSubstr("No space left"));
}

TEST_F(StagerTest, EndsWithoutAWordWhenStoppedAndTakesTheNextOrder) {
  server.next({stalls_after(2'000'000)});
  Stager stager(boot, settings, Random{1});
  stager.start(order, ear.on_progress(), ear.on_end());
  server.wait_until_stalled();
  EXPECT_TRUE(stager.busy());
  stager.stop();
  EXPECT_FALSE(stager.busy());
  order.offer = {7, 13};
  stager.start(order, ear.on_progress(), ear.on_end());
  const node::StagingEnded end = ear.wait();
  EXPECT_EQ(end.offer, (Number{7, 13}));
  EXPECT_EQ(end.failure, Reason::none) << end.evidence.detail;
  EXPECT_EQ(ear.ends(), 1u);
}

TEST_F(StagerTest, AnotherOrderStopsThePresentOne) {
  server.next({stalls_after(2'000'000)});
  Stager stager(boot, settings, Random{1});
  stager.start(order, ear.on_progress(), ear.on_end());
  server.wait_until_stalled();
  server.serve(test::served_text(stale()));
  order.offer = {7, 13};
  order.release = release_of(stale());
  order.release.urls = {server.url()};
  stager.start(order, ear.on_progress(), ear.on_end());
  const node::StagingEnded end = ear.wait();
  EXPECT_EQ(end.offer, (Number{7, 13}));
  EXPECT_EQ(end.failure, Reason::none) << end.evidence.detail;
  EXPECT_EQ(staged_image(), stale());
}

TEST_F(StagerTest, TheSameOrderTwiceIsOneUntilItIsStopped) {
  server.next({stalls_after(2'000'000)});
  Stager stager(boot, settings, Random{1});
  stager.start(order, ear.on_progress(), ear.on_end());
  server.wait_until_stalled();
  stager.start(order, ear.on_progress(), ear.on_end());
  EXPECT_EQ(server.requests().size(), 1u);
  stager.stop();
  stager.start(order, ear.on_progress(), ear.on_end());
  EXPECT_EQ(ear.wait().failure, Reason::none);
  const std::size_t requests = server.requests().size();
  stager.start(order, ear.on_progress(), ear.on_end());
  EXPECT_FALSE(stager.busy());
  stager.stop();
  stager.start(order, ear.on_progress(), ear.on_end());
  EXPECT_TRUE(ear.wait(2).reused);
  EXPECT_EQ(server.requests().size(), requests);
}

TEST_F(StagerTest, ReportsProgressThatOnlyGrows) {
  EXPECT_EQ(stage().failure, Reason::none);
  const std::vector<Progress> progress = ear.progress();
  ASSERT_GT(progress.size(), 3u);
  for (std::size_t i = 1; i < progress.size(); ++i) EXPECT_GE(progress[i].bytes_done, progress[i - 1].bytes_done);
  EXPECT_EQ(progress.back().bytes_done, image_bytes);
  EXPECT_EQ(progress.back().percent, 100u);
  EXPECT_EQ(progress.back().bytes_total, image_bytes);
  EXPECT_EQ(progress.back().phase, Phase::staging);
  EXPECT_EQ(progress.back().offer, order.offer);
  EXPECT_TRUE(std::any_of(progress.begin(), progress.end(), [](const Progress& one) { return one.bytes_per_second > 0; }));
}

TEST_F(StagerTest, KeepsProgressReportsApart) {
  settings.progress_every_ms = 3'600'000;
  EXPECT_EQ(stage().failure, Reason::none);
  EXPECT_EQ(ear.progress().size(), 1u);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
std::uint64_t status_kib(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(key, 0) == 0) return std::stoull(line.substr(key.size() + 1));
  }
  return 0;
}

TEST_F(StagerTest, NeedsNoMoreMemoryForALargeImage) {
  constexpr std::uint64_t large = std::uint64_t{192} << 20;
  Served served;
  served.size = large;
  served.read = [](std::uint64_t offset, char* into, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) into[i] = static_cast<char>((offset + i) >> 12);
  };
  Sha256 hash;
  std::string piece(1 << 20, '\0');
  for (std::uint64_t at = 0; at < large; at += piece.size()) {
    served.read(at, piece.data(), piece.size());
    hash.update(std::as_bytes(std::span(piece.data(), piece.size())));
  }
  order.release.artifact = order.release.raw = {hash.finish(), large};
  server.serve(served);
  ASSERT_EQ(::truncate(boot.path_of(Slot::b).c_str(), static_cast<off_t>(large)), 0);
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins anew
  const std::uint64_t before = status_kib("VmRSS:");
  EXPECT_EQ(stage().failure, Reason::none);
  EXPECT_LT(status_kib("VmHWM:"), before + 16 * 1024);
}
#endif

}  // namespace
}  // namespace abide::agent
