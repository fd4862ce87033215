// abide-fleet-sim: wiring only.
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <sys/ioctl.h>
#include <thread>
#include <unistd.h>

#include "simulators/fleet-sim/last_words.hpp"
#include "simulators/fleet-sim/program.hpp"

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

int main(int count, char** words) {
  using namespace abide::fleet_sim;
  std::signal(SIGPIPE, SIG_IGN);  // `abide-fleet-sim --transcript - | head` ends by a failed write
  install_last_words();
  Surroundings around;
  around.out = &std::cout;
  around.err = &std::cerr;
  around.err_is_terminal = isatty(STDERR_FILENO) == 1 && environment("TERM") != "dumb";
  around.colours = around.err_is_terminal && environment("NO_COLOR").empty();
  around.columns = []() -> std::size_t {
    winsize size{};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
  };
  around.now_ms = [] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  };
  around.cores = std::thread::hardware_concurrency();
  return run_program({words + 1, words + count}, around, run_world);
}
