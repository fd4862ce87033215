#include "edge-agent/health/child.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/events/node_events.hpp"

namespace abide::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t reads_after_end_max = 64;  // of what was still in the pipe; a forked-off child may never stop

class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  void reset(int value = -1) {
    if (value_ >= 0) ::close(value_);
    value_ = value;
  }
  [[nodiscard]] int get() const { return value_; }

 private:
  int value_;
};

// What a check prints goes into events and onto terminals.
std::string printable(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) text += (c >= ' ' && c <= '~') || c == '\n' || c == '\t' ? c : '?';
  return text;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

// errno of posix_spawn; 0: it runs.
int spawn(const std::vector<std::string>& command, const std::vector<std::string>& environment, int output, pid_t& child) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawn_file_actions_addchdir_np(&actions, "/");
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int error =
      ::posix_spawn(&child, command.front().c_str(), &actions, &attributes, pointers(command).data(), pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

class Run {
 public:
  Run(std::int64_t deadline_ms, int stop) : deadline_(Clock::now() + std::chrono::milliseconds(deadline_ms)), stop_(stop) {}

  ChildResult run(const std::vector<std::string>& command, const std::vector<std::string>& environment, std::int64_t deadline_ms) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return failed(fmt::format("pipe: {}", std::strerror(errno)));
    output_.reset(ends[0]);
    Descriptor write_end(ends[1]);
    ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);
    if (const int error = spawn(command, environment, write_end.get(), child_); error != 0) {
      return failed(fmt::format("cannot be started: {}", std::strerror(error)));
    }
    write_end.reset();
    // Readable once the child is a zombie; the number stays its own until it is waited for, so that no other is killed.
    const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, child_, 0)));
    const ChildResult::End why = process.get() < 0 ? ChildResult::End::failed : watch(process.get());
    ::kill(-child_, SIGKILL);
    int status = 0;
    while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    for (std::size_t count = 0; count < reads_after_end_max && read_some(); ++count) {
    }
    ChildResult result;
    result.output_tail = printable(tail_);
    result.end = why;
    if (why == ChildResult::End::timed_out) result.how = fmt::format("no answer in {} ms", deadline_ms);
    if (why == ChildResult::End::stopped) result.how = "stopped";
    if (why != ChildResult::End::passed) return process.get() < 0 ? failed("cannot be watched") : result;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return result;
    result.end = ChildResult::End::failed;
    result.how = WIFEXITED(status) ? fmt::format("exit {}", WEXITSTATUS(status)) : fmt::format("signal {}", WTERMSIG(status));
    return result;
  }

 private:
  static ChildResult failed(std::string how) { return {ChildResult::End::failed, std::move(how), {}}; }

  // passed: it has ended, however.
  ChildResult::End watch(int process) {
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
      if (left <= 0) return ChildResult::End::timed_out;
      pollfd watched[3] = {{process, POLLIN, 0}, {stop_, POLLIN, 0}, {output_.get(), POLLIN, 0}};
      const int ready = ::poll(watched, 3, static_cast<int>(std::min<std::int64_t>(left + 1, 60'000)));
      if (ready < 0 && errno != EINTR) return ChildResult::End::timed_out;
      if (ready <= 0) continue;
      if (watched[1].revents != 0) return ChildResult::End::stopped;
      if (watched[2].revents != 0 && !read_some()) output_.reset();
      if (watched[0].revents != 0) return ChildResult::End::passed;
    }
  }

  // False: nothing more for now, or for ever.
  bool read_some() {
    if (output_.get() < 0) return false;
    char bytes[4096];
    const ssize_t got = ::read(output_.get(), bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) return true;
    if (got <= 0) return false;
    tail_.append(bytes, static_cast<std::size_t>(got));
    if (tail_.size() > output_tail_bytes_max) tail_.erase(0, tail_.size() - output_tail_bytes_max);
    return true;
  }

  Clock::time_point deadline_;
  int stop_;
  pid_t child_ = -1;
  Descriptor output_;
  std::string tail_;
};

}  // namespace

ChildResult run_child(const std::vector<std::string>& command, const std::vector<std::string>& environment, std::int64_t deadline_ms,
                      int stop_descriptor) {
  return Run(deadline_ms, stop_descriptor).run(command, environment, deadline_ms);
}

}  // namespace abide::agent
