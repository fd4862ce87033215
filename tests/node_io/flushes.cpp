#include "tests/node_io/flushes.hpp"

#include <filesystem>
#include <map>
#include <mutex>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

namespace abide::test {
namespace {

struct Flushes {
  std::mutex mutex;
  std::map<std::string, std::size_t> by_path;
};
Flushes& flushes() {
  static Flushes all;
  return all;
}

}  // namespace

std::size_t flushes_of(const std::string& path) {
  const std::lock_guard lock(flushes().mutex);
  const auto found = flushes().by_path.find(std::filesystem::canonical(path));
  return found == flushes().by_path.end() ? 0 : found->second;
}

}  // namespace abide::test

extern "C" int fsync(int file) {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file), error);
  if (!error) {
    const std::lock_guard lock(abide::test::flushes().mutex);
    ++abide::test::flushes().by_path[path];
  }
  return static_cast<int>(::syscall(SYS_fsync, file));
}
