#pragma once
// Runs many worlds on several threads, and gives their results in the order of the jobs, so that nothing of what is printed
// depends on how many threads there were.
#include <cstddef>
#include <functional>
#include <vector>

#include "simulators/fleet-sim/jobs.hpp"
#include "simulators/fleet-sim/run.hpp"

namespace abide::fleet_sim {

struct CrewSettings {
  std::size_t threads = 1;
  bool stop_at_first = false;  // nothing after the first job that fails is run, or told if it was
};

// `taken` is called under a lock, in the order of jobs.
void run_all(const std::vector<Job>& jobs, const CrewSettings& settings, const Runner& runner, const RunOptions& options,
             const std::function<void(std::size_t job, const sim::Plan&, RunResult)>& taken);

}  // namespace abide::fleet_sim
