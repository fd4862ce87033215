#pragma once
// abide-fleet-sim from its words to its exit code.
#include <string>
#include <vector>

#include "simulators/fleet-sim/options.hpp"
#include "simulators/fleet-sim/progress.hpp"
#include "simulators/fleet-sim/run.hpp"

namespace abide::fleet_sim {

// `runner`: run_world, or what a test has in its place. It is called by several threads at once.
int run_program(const std::vector<std::string>& words, const Surroundings& around, const Runner& runner);

}  // namespace abide::fleet_sim
