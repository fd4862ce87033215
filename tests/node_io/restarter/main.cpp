// A process on an image-file node that reboots until the third boot, with a signal blocked and a file open on the way.
#include <csignal>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <string>

#include "edge-agent/boot/image_file.hpp"

namespace {

int open_descriptors() {
  int count = 0;
  DIR* folder = ::opendir("/proc/self/fd");
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) return 2;
  sigset_t blocked;
  ::sigemptyset(&blocked);
  sigset_t inherited;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &inherited);
  const int descriptors = open_descriptors();
  const auto boot = abide::agent::ImageFileBoot::open(words[1]);
  if (!boot) {
    std::fprintf(stderr, "%s\n", boot.error().message.c_str());
    return 1;
  }
  const auto state = (*boot)->read();
  if (!state) return 1;
  std::printf("%s argument=%s descriptors=%d term_blocked=%d\n", state->boot.text.substr(state->boot.text.rfind('-')).c_str(), words[2],
              descriptors, ::sigismember(&inherited, SIGTERM));
  std::fflush(stdout);
  if (state->boot.text.substr(state->boot.text.rfind('-')) == "-3") return 0;
  static_cast<void>(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  static_cast<void>((*boot)->reboot());
  return 1;
}
