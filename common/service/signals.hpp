#pragma once
// SIGTERM and SIGINT as a call, and no death by SIGPIPE. Nothing of it is inherited by programs that this one starts.
#include <functional>
#include <memory>
#include <thread>

#include "common/core/result.hpp"

namespace abide {

// At most one at a time in a process.
class Signals {
 public:
  // `stop` is called once for each signal, with its number, on a thread of its own; it must not block for long.
  // unavailable: no pipe.
  static Result<std::unique_ptr<Signals>> catch_stop(std::function<void(int signal)> stop);

  // Puts back what was before. No call of `stop` runs or comes after it. Not from within `stop`.
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  struct Before;
  Signals(int read_fd, int write_fd, std::function<void(int)> stop);

  int read_fd_;
  int write_fd_;
  std::unique_ptr<Before> before_;
  std::thread thread_;
};

}  // namespace abide
