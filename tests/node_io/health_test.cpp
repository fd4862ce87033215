#include <condition_variable>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <time.h>

#include "edge-agent/health/health_runner.hpp"
#include "tests/support/child.hpp"

namespace abide::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::int64_t mono_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

class Verdicts {
 public:
  HealthRunner::OnEnd on_end() {
    return [this](node::HealthJudged judged) {
      const std::lock_guard lock(mutex_);
      all_.push_back(std::move(judged));
      changed_.notify_all();
    };
  }
  node::HealthJudged wait(std::size_t count = 1) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return all_.size() >= count; });
    return all_.back();
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return all_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<node::HealthJudged> all_;
};

class Health : public ::testing::Test {
 protected:
  Health() {
    order.offer = {7, 12};
    order.boot = BootId{"boot-2"};
    order.slot = Slot::b;
    order.slot_path = "/slots/slot-b";
    order.os_image_id = "3.0.1";
    order.deadline_mono_ms = mono_ms() + 30'000;
  }

  HealthCheck check(const std::string& name, const std::string& script, std::int64_t deadline_ms = 10'000) {
    return {name, {"/bin/sh", "-c", script}, deadline_ms};
  }
  node::HealthJudged judge(std::vector<HealthCheck> checks) {
    HealthRunner runner(std::move(checks), 5);
    runner.start(order, verdicts.on_end());
    return verdicts.wait();
  }
  void wait_for_file(const std::string& path) {
    struct stat found {};
    while (::stat(path.c_str(), &found) != 0) std::this_thread::yield();
  }

  test::TemporaryDirectory folder;
  HealthOrder order;
  Verdicts verdicts;
};

TEST_F(Health, IsGoodWhenEveryCheckPasses) {
  const node::HealthJudged judged = judge({check("one", "echo fine"), check("two", "exit 0")});
  EXPECT_TRUE(judged.healthy);
  EXPECT_EQ(judged.reason, Reason::none);
  EXPECT_EQ(judged.offer, order.offer);
  EXPECT_EQ(judged.boot, order.boot);
  ASSERT_EQ(judged.checks.size(), 2u);
  EXPECT_EQ(judged.checks[0].name, "one");
  EXPECT_TRUE(judged.checks[0].passed);
  EXPECT_EQ(judged.checks[0].output_tail, "fine\n");
}

TEST_F(Health, IsGoodWithoutChecks) {
  EXPECT_TRUE(judge({}).healthy);
}

TEST_F(Health, RunsACheckThatFailsAgainUntilItPasses) {
  const node::HealthJudged judged =
      judge({check("slow", "echo x >> " + folder / "runs" + "; test $(wc -l < " + folder / "runs" + ") -ge 4")});
  EXPECT_TRUE(judged.healthy) << judged.evidence.detail;
  EXPECT_EQ(test::read_file(folder / "runs"), "x\nx\nx\nx\n");
}

TEST_F(Health, IsBadWhenACheckSaysNoUntilItsDeadlineAndRunsNoFurtherOnes) {
  const node::HealthJudged judged =
      judge({check("one", "true"), check("disk", "echo no disk; echo here >&2; exit 3", 100), check("three", "touch " + folder / "three")});
  EXPECT_FALSE(judged.healthy);
  EXPECT_EQ(judged.reason, Reason::unhealthy);
  EXPECT_EQ(judged.evidence.check, "disk");
  EXPECT_EQ(judged.evidence.output_tail, "no disk\nhere\n");
  EXPECT_GT(judged.evidence.attempts, 1u);
  EXPECT_THAT(judged.evidence.detail, HasSubstr("exit 3"));
  ASSERT_EQ(judged.checks.size(), 2u);
  EXPECT_TRUE(judged.checks[0].passed);
  EXPECT_FALSE(judged.checks[1].passed);
  struct stat found {};
  EXPECT_NE(::stat((folder / "three").c_str(), &found), 0);
}

TEST_F(Health, SaysDeadlineWhenACheckGivesNoAnswer) {
  const node::HealthJudged judged = judge({check("hangs", "echo begun; sleep 100", 100)});
  EXPECT_FALSE(judged.healthy);
  EXPECT_EQ(judged.reason, Reason::deadline);
  EXPECT_EQ(judged.evidence.attempts, 1u);
  EXPECT_THAT(judged.evidence.detail, HasSubstr("no answer in"));
  EXPECT_EQ(judged.evidence.output_tail, "begun\n");
}

TEST_F(Health, StaysUnhealthyWhereACheckSaidNoBeforeItHung) {
  const node::HealthJudged judged =
      judge({check("both", "test -e " + folder / "once && sleep 100; touch " + folder / "once; exit 1", 200)});
  EXPECT_EQ(judged.reason, Reason::unhealthy);
  EXPECT_THAT(judged.evidence.detail, HasSubstr("exit 1 in 2 runs"));
}

TEST_F(Health, TheTrialsDeadlineBoundsEveryCheck) {
  order.deadline_mono_ms = mono_ms() + 200;
  const node::HealthJudged judged = judge({check("hangs", "sleep 100", 3'600'000)});
  EXPECT_EQ(judged.reason, Reason::deadline);
  EXPECT_LT(mono_ms(), order.deadline_mono_ms + 5'000);
}

TEST_F(Health, ATrialThatIsOverAlreadyIsNotBegun) {
  order.deadline_mono_ms = mono_ms() - 1;
  const node::HealthJudged judged = judge({check("any", "touch " + folder / "ran")});
  EXPECT_EQ(judged.reason, Reason::deadline);
  EXPECT_EQ(judged.evidence.attempts, 0u);
  struct stat found {};
  EXPECT_NE(::stat((folder / "ran").c_str(), &found), 0);
}

TEST_F(Health, NothingOfACheckOutlivesItsDeadline) {
  judge({check("forks", "sleep 1000 & echo $! > " + folder / "pid" + "; sleep 1000", 200)});
  const pid_t grandchild = std::stoi(test::read_file(folder / "pid"));
  // It is killed together with its parent; who collects it is not us, so it may be a zombie for a moment.
  const std::int64_t limit = mono_ms() + 10'000;
  const auto state = [&] {
    const std::string stat = test::read_file("/proc/" + std::to_string(grandchild) + "/stat");
    return stat.empty() ? 'X' : stat[stat.rfind(')') + 2];
  };
  while (state() != 'X' && state() != 'Z' && mono_ms() < limit) std::this_thread::yield();
  EXPECT_TRUE(state() == 'X' || state() == 'Z') << state();
}

TEST_F(Health, NothingOfACheckOutlivesItsSuccess) {
  EXPECT_TRUE(judge({check("forks", "sleep 1000 & echo $! > " + folder / "pid")}).healthy);
  const pid_t grandchild = std::stoi(test::read_file(folder / "pid"));
  const std::int64_t limit = mono_ms() + 10'000;
  const auto gone = [&] {
    const std::string stat = test::read_file("/proc/" + std::to_string(grandchild) + "/stat");
    return stat.empty() || stat[stat.rfind(')') + 2] == 'Z';
  };
  while (!gone() && mono_ms() < limit) std::this_thread::yield();
  EXPECT_TRUE(gone());
}

TEST_F(Health, ACheckSeesTheSlotAndNothingElseOfTheAgent) {
  ::setenv("ABIDE_SECRET", "x", 1);
  const node::HealthJudged judged = judge({{"environment", {"/usr/bin/env"}, 10'000}});
  EXPECT_EQ(judged.checks[0].output_tail,
            "PATH=" + std::string(health_path) + "\nABIDE_SLOT_PATH=/slots/slot-b\nABIDE_SLOT=b\nABIDE_OS_IMAGE_ID=3.0.1\n");
  ::unsetenv("ABIDE_SECRET");
}

TEST_F(Health, ACheckInheritsNoDescriptorsAndNoBlockedSignals) {
  sigset_t term;
  sigset_t before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &term, &before);
  std::ifstream open_file("/etc/passwd");
  // Not by a shell, which might unblock them itself.
  const node::HealthJudged judged = judge({{"signals", {"/bin/grep", "SigBlk", "/proc/self/status"}, 10'000},
                                           {"descriptors", {"/bin/ls", "/proc/self/fd"}, 10'000},
                                           check("input and folder", "cat; pwd")});
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ASSERT_EQ(judged.checks.size(), 3u);
  EXPECT_EQ(judged.checks[0].output_tail, "SigBlk:\t0000000000000000\n");
  EXPECT_EQ(judged.checks[1].output_tail, "0\n1\n2\n3\n");  // the last one is ls's own
  EXPECT_EQ(judged.checks[2].output_tail, "/\n");
}

TEST_F(Health, ACheckThatDiesBySignalSaysWhich) {
  EXPECT_THAT(judge({check("dies", "kill -SEGV $$", 100)}).evidence.detail, HasSubstr("signal 11"));
}

TEST_F(Health, KeepsTheEndOfALongOutputInPrintableForm) {
  const node::HealthJudged judged = judge({check("loud", "seq 100000; printf 'a\\033[31m\\377b'")});
  const std::string& tail = judged.checks[0].output_tail;
  EXPECT_EQ(tail.size(), output_tail_bytes_max);
  EXPECT_THAT(tail, HasSubstr("99999\n100000\na?[31m?b"));
}

TEST_F(Health, SaysThatAProgramCannotBeStarted) {
  const node::HealthJudged judged = judge({{"gone", {"/nowhere/program"}, 50}});
  EXPECT_EQ(judged.reason, Reason::unhealthy);
  EXPECT_THAT(judged.evidence.detail, HasSubstr("No such file"));
}

TEST_F(Health, AStopKillsWhatRunsAndSaysNothing) {
  HealthRunner runner({check("hangs", "touch " + folder / "begun; sleep 1000")}, 5);
  runner.start(order, verdicts.on_end());
  wait_for_file(folder / "begun");
  EXPECT_TRUE(runner.busy());
  runner.stop();
  EXPECT_FALSE(runner.busy());
  order.offer = {7, 13};
  ::unlink((folder / "begun").c_str());
  runner.start(order, verdicts.on_end());
  wait_for_file(folder / "begun");
  EXPECT_EQ(verdicts.count(), 0u);
}

TEST_F(Health, AStopEndsThePauseBetweenTwoRuns) {
  const std::int64_t begin = mono_ms();
  {
    HealthRunner runner({check("no", "touch " + folder / "begun; exit 1", 3'600'000)}, 3'600'000);
    order.deadline_mono_ms = mono_ms() + 3'600'000;
    runner.start(order, verdicts.on_end());
    wait_for_file(folder / "begun");
  }
  EXPECT_LT(mono_ms(), begin + 20'000);
  EXPECT_EQ(verdicts.count(), 0u);
}

TEST_F(Health, TheSameOrderTwiceIsOne) {
  HealthRunner runner({check("counts", "echo x >> " + folder / "runs")}, 5);
  runner.start(order, verdicts.on_end());
  runner.start(order, verdicts.on_end());
  verdicts.wait();
  runner.start(order, verdicts.on_end());
  EXPECT_FALSE(runner.busy());
  EXPECT_EQ(test::read_file(folder / "runs"), "x\n");
  order.boot = BootId{"boot-3"};
  runner.start(order, verdicts.on_end());
  EXPECT_EQ(verdicts.wait(2).boot.text, "boot-3");
}

TEST(HealthCommand, IsSplitAsAShellWould) {
  EXPECT_THAT(split_command("  a  b\tc ").value(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(split_command(R"(sh -c 'grep "x y" $F' "d \"e\" \n" f\ g '' h"i"'j')").value(),
              ElementsAre("sh", "-c", "grep \"x y\" $F", "d \"e\" \\n", "f g", "", "hij"));
  EXPECT_THAT(split_command("a $HOME * ; b | c > d").value(), ElementsAre("a", "$HOME", "*", ";", "b", "|", "c", ">", "d"));
}

TEST(HealthCommand, IsRefusedWhereItMakesNoSense) {
  for (const std::string& wrong : {std::string(), std::string("  "), std::string("a 'b"), std::string("a \"b"), std::string("a \\"),
                                   std::string("''"), std::string(5000, 'x'), std::string("a\0b", 3)}) {
    EXPECT_FALSE(split_command(wrong)) << wrong.substr(0, 20);
  }
}

TEST(HealthCommand, ItsProgramIsLookedUpAtTheStart) {
  const Result<HealthCheck> check = make_health_check("shell", "sh -c true", 1'000);
  ASSERT_TRUE(check) << check.error().message;
  EXPECT_THAT(check->command, ElementsAre(testing::EndsWith("/sh"), "-c", "true"));
  EXPECT_EQ(check->command[0].front(), '/');
  EXPECT_THAT(make_health_check("gone", "no-such-program", 1'000).error().message,
              HasSubstr("health check gone: \"no-such-program\" is no program"));
  EXPECT_FALSE(make_health_check("relative", "bin/sh", 1'000));
  EXPECT_FALSE(make_health_check("folder", "/usr/bin", 1'000));
  EXPECT_FALSE(make_health_check("data", "/etc/passwd", 1'000));
  EXPECT_FALSE(make_health_check("", "sh", 1'000));
  EXPECT_FALSE(make_health_check("late", "sh", 0));
}

}  // namespace
}  // namespace abide::agent
