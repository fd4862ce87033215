// What other processes need: found by the port that they listen on, and followed when they are killed and started again.
#include "simulators/node-fleet/processes.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <ctime>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace abide::node_fleet {
namespace {

constexpr double worked_s = 0.03;  // some ticks of the kernel's clock of CPU

// A process that listens, and works all the time if it is told to; on a free port at first.
class Listener {
 public:
  explicit Listener(std::uint16_t port = 0, bool works = false) {
    const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    ::setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listening, 1), 0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // also where the test is ended by its limit of time
      while (works) std::clock();
      while (true) ::pause();
    }
    ::close(listening);
  }
  ~Listener() { kill(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    EXPECT_EQ(::waitpid(pid_, nullptr, 0), pid_);
    pid_ = 0;
  }
  [[nodiscard]] std::int64_t pid() const { return pid_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  pid_t pid_ = 0;
  std::uint16_t port_ = 0;
};

TEST(WatchedProcess, IsFollowedByWhoListensInItsPlace) {
  Listener first(0, true);
  ASSERT_EQ(listener_on(first.port()), first.pid());
  WatchedProcess watched(first.pid(), first.port());
  while (watched.look().cpu_s < worked_s) {
  }
  EXPECT_EQ(watched.name(), name_of_process(own_pid()));  // of a fork
  const auto there = watched.look();
  EXPECT_GT(there.resident, 0U);
  first.kill();
  EXPECT_EQ(listener_on(first.port()), std::nullopt);
  const auto gone = watched.look();
  EXPECT_EQ(gone.resident, 0U);
  EXPECT_EQ(gone.resident_max, there.resident_max);
  EXPECT_GE(gone.cpu_s, worked_s);
  EXPECT_DOUBLE_EQ(gone.cpu_s, watched.look().cpu_s);
  Listener second(first.port());
  const auto back = watched.look();
  EXPECT_EQ(watched.pid(), second.pid());
  EXPECT_GT(back.resident, 0U);
  EXPECT_GE(back.cpu_s, gone.cpu_s) << "what the first one has used is forgotten";
  EXPECT_EQ(watched.last().resident, back.resident);
}

TEST(WatchedProcess, ThatWasNamedIsFollowedByNone) {
  Listener first;
  WatchedProcess watched(first.pid());
  EXPECT_GT(watched.look().resident, 0U);
  first.kill();
  const Listener second(first.port());
  EXPECT_EQ(watched.look().resident, 0U);
  EXPECT_NE(watched.pid(), second.pid());
}

TEST(WatchedProcess, CountsItsWorkFromWhereItIsTold) {
  WatchedProcess own(own_pid());
  const auto work = [&](double until) {
    while (own.look().cpu_s < until) {
    }
  };
  work(worked_s);
  EXPECT_GE(own.last().cpu_s, worked_s);
  own.begin();
  EXPECT_DOUBLE_EQ(own.last().cpu_s, 0);
  EXPECT_LT(own.look().cpu_s, worked_s);
  work(worked_s);
  EXPECT_GE(own.last().cpu_s, worked_s);
}

}  // namespace
}  // namespace abide::node_fleet
