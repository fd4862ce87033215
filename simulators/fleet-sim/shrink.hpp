#pragma once
// From a run that fails to a small one that fails by the same checker. A change is kept only if the run with it still fails:
// another count of nodes draws another world, so that is luck, and tried anew after each other success.
#include <cstddef>
#include <functional>
#include <string>

#include "simulators/fleet-sim/run.hpp"

namespace abide::fleet_sim {

inline constexpr std::size_t shrink_runs_default = 400;

struct Shrunk {
  sim::Plan plan;
  std::string checker;
  RunResult result;  // of the plan, up to its finding, with its faults
  std::size_t runs = 0;
  bool limit_reached = false;  // runs_max ended it; a smaller one may exist
  bool repeated = true;        // false: the run did not fail when it was repeated, which no world should do
};

struct ShrinkOptions {
  std::size_t runs_max = shrink_runs_default;
  RunOptions run;  // checks, and nothing else, are taken from it
  std::function<void(std::size_t runs, const sim::Plan& smallest, std::size_t faults)> progress;
};

// `checker` is that of the finding which is to be kept.
Shrunk shrink(const sim::Plan& failing, const std::string& checker, const Runner& runner, const ShrinkOptions& options);

}  // namespace abide::fleet_sim
