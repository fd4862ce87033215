// abidectl: the operator's command line.
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <sys/ioctl.h>
#include <thread>
#include <unistd.h>

#include "tools/abidectl/grammar.hpp"

int main(int count, char** words) {
  using namespace abide::ctl;
  std::signal(SIGPIPE, SIG_IGN);  // `abidectl watch hosts | head` ends by a failed write
  Surroundings around;
  around.out = &std::cout;
  around.err = &std::cerr;
  around.in = &std::cin;
  around.environment = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
  around.now_ms = [] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  };
  around.wait = [](std::int64_t milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); };
  around.out_is_terminal = isatty(STDOUT_FILENO) == 1;
  around.in_is_terminal = isatty(STDIN_FILENO) == 1;
  around.columns = []() -> std::size_t {
    winsize size{};
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
  };
  return run({words + 1, words + count}, around);
}
