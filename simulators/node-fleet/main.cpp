// abide-node-fleet: wiring only.
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <unistd.h>

#include "simulators/node-fleet/program.hpp"

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

int main(int count, char** words) {
  std::signal(SIGPIPE, SIG_IGN);
  abide::node_fleet::Console console;
  console.out = &std::cout;
  console.err = &std::cerr;
  console.err_is_terminal = isatty(STDERR_FILENO) == 1 && environment("TERM") != "dumb";
  console.colours = console.err_is_terminal && environment("NO_COLOR").empty();
  return abide::node_fleet::run_program({words + 1, words + count}, console);
}
