// What a process has from its kernel and tells its starter: clocks, signals, seed, notify, exit codes.
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <set>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/service/clock.hpp"
#include "common/service/exit_codes.hpp"
#include "common/service/inbox.hpp"
#include "common/service/notify.hpp"
#include "common/service/random_seed.hpp"
#include "common/service/signals.hpp"
#include "common/store/rocks_store.hpp"
#include "tests/support/child.hpp"

namespace abide {
namespace {

TEST(ClockTest, NamesTheBootAndNeverStepsBack) {
  const Clock clock;
  Now before = clock.now();
  EXPECT_EQ(before.boot.text.size(), 36U);  // a UUID
  EXPECT_EQ(before.boot, kernel_boot_id());
  EXPECT_GT(before.wall_ms, 1'700'000'000'000);
  for (int i = 0; i < 1000; ++i) {
    const Now now = clock.now();
    EXPECT_GE(now.mono_ms, before.mono_ms);
    before = now;
  }
}

TEST(ClockTest, TakesABootAndATrustThatAreGiven) {
  const Now now = Clock(BootId{"boot-7"}, true).now();
  EXPECT_EQ(now.boot.text, "boot-7");
  EXPECT_TRUE(now.trusted);
  EXPECT_FALSE(Clock(BootId{}, false).now().trusted);
  EXPECT_EQ(Clock().now().trusted, kernel_clock_synchronised());
}

TEST(ClockTest, TellsThreadsWhenToWakeButNotLaterThanItMay) {
  using std::chrono::steady_clock;
  const auto past = steady_at(boottime_ms() - 5'000);
  EXPECT_LE(past, steady_clock::now());
  const auto before = steady_clock::now();
  const auto soon = steady_at(boottime_ms() + 5'000);
  EXPECT_GE(soon, before + std::chrono::milliseconds(4'900));
  EXPECT_LE(soon, steady_clock::now() + std::chrono::milliseconds(5'000));
  for (const std::int64_t never : {boottime_ms() + 86'400'000, std::numeric_limits<std::int64_t>::max()}) {
    const auto late = steady_at(never);
    EXPECT_LE(late, steady_clock::now() + wait_max);
    EXPECT_GE(late, before + wait_max);
  }
}

TEST(RandomSeed, IsAnotherOneEachTime) {
  std::set<std::uint64_t> seeds;
  for (int i = 0; i < 100; ++i) seeds.insert(random_seed());
  EXPECT_EQ(seeds.size(), 100U);
  EXPECT_EQ(seeds.count(0), 0U);
}

TEST(SignalsTest, AreToldAsTheyComeOnAThreadOfTheirOwn) {
  Inbox<int> told;
  const auto signals = Signals::catch_stop([&](int signal) { EXPECT_TRUE(told.try_post(signal)); });
  ASSERT_TRUE(signals);
  ASSERT_EQ(kill(getpid(), SIGTERM), 0);
  EXPECT_EQ(told.drain(1, std::nullopt), std::vector{SIGTERM});
  ASSERT_EQ(kill(getpid(), SIGINT), 0);
  EXPECT_EQ(told.drain(1, std::nullopt), std::vector{SIGINT});
}

TEST(SignalsTest, OfAClosedPipeKillNobody) {
  const auto signals = Signals::catch_stop([](int) {});
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  close(fds[0]);
  EXPECT_EQ(write(fds[1], "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  close(fds[1]);
}

TEST(SignalsTest, ArePutBackAtTheEndAndMayBeCaughtAgain) {
  for (int i = 0; i < 3; ++i) {
    auto signals = Signals::catch_stop([](int) {});
    ASSERT_TRUE(signals);
    raise(SIGTERM);
  }
  struct sigaction now {};
  ASSERT_EQ(sigaction(SIGTERM, nullptr, &now), 0);
  EXPECT_EQ(now.sa_handler, SIG_DFL);
}

// Health checks are such programs: stopped by SIGTERM, and ended by a closed pipe, as everywhere.
TEST(SignalsTest, AreNotInheritedByPrograms) {
  const auto signals = Signals::catch_stop([](int) {});
  auto child = test::Child::start({"/bin/sh", "-c", "kill -PIPE $$; exit 7"}, "", "");
  EXPECT_EQ(child.wait(std::chrono::seconds(10)), 128 + SIGPIPE);
  auto other = test::Child::start({"/bin/sh", "-c", "kill -TERM $$; exit 7"}, "", "");
  EXPECT_EQ(other.wait(std::chrono::seconds(10)), 128 + SIGTERM);
}

// Fork without exec, as between the two: the child's signal is its own affair.
TEST(SignalsTest, OfAForkedChildAreNotTakenForOurs) {
  Inbox<int> told;
  const auto signals = Signals::catch_stop([&](int signal) { EXPECT_TRUE(told.try_post(signal)); });
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    raise(SIGTERM);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(kill(getpid(), SIGINT), 0);
  EXPECT_EQ(told.drain(2, std::nullopt), std::vector{SIGINT});
}

// systemd's end of the socket.
class Notified {
 public:
  explicit Notified(const std::string& name) : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), length), 0);
  }
  ~Notified() { close(fd_); }
  Notified(const Notified&) = delete;
  Notified& operator=(const Notified&) = delete;
  std::string heard() const {
    char bytes[256];
    const ssize_t count = recv(fd_, bytes, sizeof bytes, MSG_DONTWAIT);
    return count < 0 ? "(nothing)" : std::string(bytes, static_cast<std::size_t>(count));
  }

 private:
  int fd_;
};

TEST(ServiceManagerTest, HearsOfReadinessLifeAndEnd) {
  const test::TemporaryDirectory directory;
  for (const auto& name : {directory / "notify", "@abide-test-" + std::to_string(getpid())}) {
    const Notified manager(name);
    const ServiceManager told(name);
    EXPECT_TRUE(told.ready());
    EXPECT_EQ(manager.heard(), "READY=1");
    EXPECT_TRUE(told.alive());
    EXPECT_EQ(manager.heard(), "WATCHDOG=1");
    EXPECT_TRUE(told.status("5 nodes\nREADY=1"));
    EXPECT_EQ(manager.heard(), "STATUS=5 nodes\\x0aREADY=1");
    EXPECT_TRUE(told.stopping());
    EXPECT_EQ(manager.heard(), "STOPPING=1");
  }
}

TEST(ServiceManagerTest, IsNotMissed) {
  EXPECT_TRUE(ServiceManager("").ready());
  EXPECT_FALSE(ServiceManager("/does/not/exist").ready());
  EXPECT_FALSE(ServiceManager(std::string(200, 'x')).ready());
}

TEST(ServiceManagerTest, IsFoundByTheEnvironment) {
  const test::TemporaryDirectory directory;
  const Notified manager(directory / "notify");
  setenv("NOTIFY_SOCKET", (directory / "notify").c_str(), 1);
  setenv("WATCHDOG_USEC", "30000000", 1);
  EXPECT_TRUE(ServiceManager::of_environment().ready());
  EXPECT_EQ(manager.heard(), "READY=1");
  EXPECT_EQ(ServiceManager::of_environment().watchdog_ms(), 30'000);
  setenv("WATCHDOG_PID", std::to_string(getpid() + 1).c_str(), 1);  // meant for another process
  EXPECT_EQ(ServiceManager::of_environment().watchdog_ms(), std::nullopt);
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(ServiceManager::of_environment().watchdog_ms(), 30'000);
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
  EXPECT_EQ(ServiceManager::of_environment().watchdog_ms(), std::nullopt);
}

TEST(ReadyLine, IsOneLineOfKeysAndValues) {
  EXPECT_EQ(ready_line({}), "ready");
  EXPECT_EQ(ready_line({{"api", "http://127.0.0.1:43121"}, {"node", "a\nb"}}), "ready api=http://127.0.0.1:43121 node=a\\x0ab");
  EXPECT_EQ(ready_line({{"a", ""}, {"b", "x y"}, {"c", "q\"\\"}}), "ready a=\"\" b=\"x y\" c=\"q\\\"\\\\\"");
  testing::internal::CaptureStdout();
  print_ready({{"a", "1"}});
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "ready a=1\n");
}

TEST(ExitCodes, SayWhatIsWrongWithAStateDirectory) {
  const test::TemporaryDirectory directory;
  {
    auto store = RocksStore::open(directory / "state");
    ASSERT_TRUE(store);
    EXPECT_EQ(exit_code_of_open(RocksStore::open(directory / "state").error()), ExitCode::state_in_use);
    Batch batch;
    batch.put("m/format", "99");
    ASSERT_TRUE((*store)->commit(batch));
  }
  EXPECT_EQ(exit_code_of_open(RocksStore::open(directory / "state").error().in("start")), ExitCode::state_newer);
  EXPECT_EQ(exit_code_of_open({Code::corrupt, ""}), ExitCode::state_corrupt);
  EXPECT_EQ(exit_code_of_open({Code::unavailable, ""}), ExitCode::commit_failed);
  EXPECT_EQ(exit_code_of_open({Code::denied, ""}), ExitCode::failed);
}

}  // namespace
}  // namespace abide
