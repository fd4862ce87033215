#pragma once
// abide-node-fleet from its words to its exit code.
#include <iosfwd>
#include <string>
#include <vector>

namespace abide::node_fleet {

struct Console {
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
  bool err_is_terminal = false;
  bool colours = false;  // of that terminal
};

int run_program(const std::vector<std::string>& words, const Console& console);

}  // namespace abide::node_fleet
