#include "common/service/signals.hpp"

#include <array>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <fcntl.h>
#include <signal.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "common/service/thread_name.hpp"

namespace abide {
namespace {

// What the handler may touch: it may run on any thread, at any instruction.
std::atomic<int> pipe_fd{-1};
std::atomic<pid_t> owner_pid{0};
static_assert(std::atomic<int>::is_always_lock_free);

constexpr unsigned char ended = 0;  // in the pipe: no signal, the thread may go

void on_signal(int signal) {
  const int errno_before = errno;
  // A child between fork and exec has this handler and this pipe, too; what it is sent is not meant for us.
  if (const int fd = pipe_fd.load(std::memory_order_acquire); fd >= 0 && ::getpid() == owner_pid.load(std::memory_order_relaxed)) {
    const auto byte = static_cast<unsigned char>(signal);
    // The pipe does not block. It is full only if many signals have been there already.
    if (::write(fd, &byte, 1) < 0) errno = 0;
  }
  errno = errno_before;
}

void nothing(int) {}  // unlike SIG_IGN it is not inherited through exec

struct sigaction action_of(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  return action;
}

}  // namespace

struct Signals::Before {
  struct sigaction term {};
  struct sigaction interrupt {};
  struct sigaction pipe {};
};

Result<std::unique_ptr<Signals>> Signals::catch_stop(std::function<void(int)> stop) {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0)
    return fail(Code::unavailable, "make a pipe for signals: " + std::generic_category().message(errno));
  const int flags = ::fcntl(fds[1], F_GETFL);
  if (flags < 0 || ::fcntl(fds[1], F_SETFL, flags | O_NONBLOCK) != 0) {
    const int failure = errno;
    ::close(fds[0]);
    ::close(fds[1]);
    return fail(Code::unavailable, "make a pipe for signals: " + std::generic_category().message(failure));
  }
  return std::unique_ptr<Signals>(new Signals(fds[0], fds[1], std::move(stop)));
}

Signals::Signals(int read_fd, int write_fd, std::function<void(int)> stop)
    : read_fd_(read_fd), write_fd_(write_fd), before_(std::make_unique<Before>()) {
  int none = -1;
  owner_pid.store(::getpid(), std::memory_order_relaxed);
  const bool alone = pipe_fd.compare_exchange_strong(none, write_fd);
  assert(alone);
  static_cast<void>(alone);
  thread_ = std::thread([read_fd, stop = std::move(stop)] {
    name_this_thread("signals");
    unsigned char byte = ended;
    while (true) {
      const ssize_t count = ::read(read_fd, &byte, 1);
      if (count < 0 && errno == EINTR) continue;
      if (count != 1 || byte == ended) return;
      stop(byte);
    }
  });
  const struct sigaction handler = action_of(on_signal);
  const struct sigaction ignore = action_of(nothing);
  sigaction(SIGTERM, &handler, &before_->term);
  sigaction(SIGINT, &handler, &before_->interrupt);
  sigaction(SIGPIPE, &ignore, &before_->pipe);
}

Signals::~Signals() {
  sigaction(SIGTERM, &before_->term, nullptr);
  sigaction(SIGINT, &before_->interrupt, nullptr);
  sigaction(SIGPIPE, &before_->pipe, nullptr);
  pipe_fd.store(-1);
  // The pipe may be full of signals that the thread is still at: then wait for room.
  const int flags = ::fcntl(write_fd_, F_GETFL);
  ::fcntl(write_fd_, F_SETFL, flags & ~O_NONBLOCK);
  while (::write(write_fd_, &ended, 1) < 0 && errno == EINTR) {
  }
  thread_.join();
  ::close(read_fd_);
  ::close(write_fd_);
}

}  // namespace abide
