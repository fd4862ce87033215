#pragma once
// Scenario files from beginning to end: each order's lines are compared with the file, or written into it.
#include <string>
#include <vector>

#include "simulators/scenario/script.hpp"

namespace abide::scenario {

struct Outcome {
  std::string file;
  std::vector<std::string> wrong;  // what differs, a few lines each, or what checkers found; empty: as the file says
  bool rewritten = false;          // the file was another, and is now what happened
};

// What this script brings about, put in place of what it expects. What checkers found is in `findings`. invalid_input: an
// order that is not one; timeout: an `until` that did not come.
Result<Script> play_script(const Script& script, std::vector<std::string>& findings);

// `rewrite`: never where a checker found something, or an order failed.
Outcome run_scenario(const std::string& file, bool rewrite);

}  // namespace abide::scenario
