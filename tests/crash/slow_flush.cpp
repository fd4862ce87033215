// Preloaded into a daemon: each flush of a file takes so many milliseconds more as stand in the file that ABIDE_SLOW_FLUSH names.
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "tests/crash/real_flush.hpp"

namespace {

constexpr long milliseconds_max = 10'000;

long asked_for() {
  const char* path = std::getenv("ABIDE_SLOW_FLUSH");
  if (path == nullptr) return 0;
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[16] = {};
  const ssize_t count = ::read(file, text, sizeof text - 1);
  ::close(file);
  const long asked = count > 0 ? std::strtol(text, nullptr, 10) : 0;
  return asked < 0 ? 0 : asked > milliseconds_max ? milliseconds_max : asked;
}

int flush(const char* name, int file) {
  if (const long more = asked_for(); more > 0) (void)::poll(nullptr, 0, static_cast<int>(more));
  return real_flush(name, file);
}

}  // namespace

extern "C" int fsync(int file) {
  return flush("fsync", file);
}
extern "C" int fdatasync(int file) {
  return flush("fdatasync", file);
}
