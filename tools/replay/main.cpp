// abide-replay: reads the history of an orchestrator or an agent.
#include <chrono>
#include <csignal>
#include <iostream>
#include <sys/ioctl.h>
#include <thread>
#include <unistd.h>

#include "common/store/large_pages.hpp"
#include "tools/replay/commands.hpp"

int main(int count, char** words) {
  abide::prefer_large_pages();
  std::signal(SIGPIPE, SIG_IGN);  // `abide-replay show DIR | head` ends by a failed write
  abide::replay::Surroundings around;
  around.out = &std::cout;
  around.err = &std::cerr;
  around.out_is_terminal = isatty(STDOUT_FILENO) == 1;
  around.err_is_terminal = isatty(STDERR_FILENO) == 1;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) around.columns = size.ws_col;
  around.now_ms = [] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  };
  around.wait = [](std::int64_t milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); };
  return abide::replay::run(count, words, around);
}
