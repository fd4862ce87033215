// Preloaded into a daemon by power_test.py, to show that the test notices: flushing a file whose path contains the text of
// ABIDE_NO_FLUSH does nothing and says that it went well.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

#include "tests/crash/real_flush.hpp"

namespace {

constexpr std::size_t path_bytes_max = 4096;

bool is_left_out(int file) {
  const char* part = std::getenv("ABIDE_NO_FLUSH");
  if (part == nullptr) return false;
  char link[32];
  char path[path_bytes_max];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t count = ::readlink(link, path, sizeof path - 1);
  if (count < 0) return false;
  path[count] = '\0';
  return std::strstr(path, part) != nullptr;
}

int flush(const char* name, int file) {
  if (is_left_out(file)) return 0;
  return real_flush(name, file);
}

}  // namespace

extern "C" int fsync(int file) {
  return flush("fsync", file);
}
extern "C" int fdatasync(int file) {
  return flush("fdatasync", file);
}
