#pragma once
// Calls abide-fleet-sim as a shell would, in this process, over worlds that only pretend.
#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "common/core/hash.hpp"
#include "simulators/fleet-sim/jobs.hpp"
#include "simulators/fleet-sim/program.hpp"

namespace abide::fleet_sim {

// A world of which everything is known beforehand: of each kind of fault that its plan has, so many happen, an hour apart.
// `is_wrong` says whether a run fails, by its plan and the faults that happened.
struct PretendedWorlds {
  std::function<bool(const sim::Plan&, const std::vector<Struck>&)> is_wrong = [](const sim::Plan&, const std::vector<Struck>&) {
    return false;
  };
  std::uint64_t faults_of_a_kind = 4;
  std::string checker = "pretended";
  std::map<std::string, std::uint64_t> reached = {{"first", 3}, {"second", 1}};
  std::atomic<int> runs = 0;

  Runner runner() {
    return [this](const sim::Plan& plan, const RunOptions& how) { return run(plan, how); };
  }

  RunResult run(const sim::Plan& plan, const RunOptions& how) {
    ++runs;
    std::vector<Struck> struck;
    std::uint64_t number = 0;
    for (const auto kind : kinds_of(plan.faults)) {
      for (std::uint64_t i = 0; i < faults_of_a_kind; ++i, ++number) {
        if (std::find(plan.left_out.begin(), plan.left_out.end(), number) != plan.left_out.end()) continue;
        struck.push_back({number, kind, "n1", static_cast<std::int64_t>(number) * 3'600'000});
      }
    }
    RunResult result;
    std::string transcript;
    const auto say = [&](const std::string& line) {
      transcript += line + "\n";
      ++result.figures.lines;
      if (how.line) how.line(line);
      result.last_lines.push_back(line);
    };
    say("seed " + std::to_string(plan.seed) + " begins with " + std::to_string(plan.nodes) + " nodes");
    for (const auto& one : struck) say("fault " + std::to_string(one.number) + " " + std::string(sim::to_string(one.fault)));
    result.figures.runs = 1;
    result.figures.events = 10 * plan.nodes;
    result.figures.faults = struck.size();
    result.figures.outcomes[static_cast<std::size_t>(OutcomeKind::succeeded)] = plan.nodes;
    result.figures.virtual_ms = (plan.hours + plan.quiet_hours) * 3'600'000;
    const bool asked = !how.checks || std::find(how.checks->begin(), how.checks->end(), checker) != how.checks->end();
    if (asked && is_wrong(plan, struck)) {
      result.findings.push_back({checker, 3'600'000, "two and two are five"});
      result.figures.findings = 1;
    } else {
      result.last_lines.clear();
    }
    if (how.count_situations) result.reached = reached;
    if (how.list_faults) result.faults = std::move(struck);
    if (how.progress) how.progress(0.5);
    if (how.lines) result.hash = sha256(transcript);
    if (!how.lines) result.last_lines.clear();
    return result;
  }
};

struct Called {
  int code = 0;
  std::string out, err;
};

inline Called call(const std::vector<std::string>& words, const Runner& runner, bool terminal = false, bool colours = false) {
  std::ostringstream out, err;
  Surroundings around;
  around.out = &out;
  around.err = &err;
  around.err_is_terminal = terminal;
  around.colours = colours;
  around.columns = [] { return std::size_t{120}; };
  // A second from look to look.
  around.now_ms = [now_ms = std::int64_t{0}]() mutable { return now_ms += 1'000; };
  around.cores = 2;
  Called called;
  called.code = run_program(words, around, runner);
  called.out = out.str();
  called.err = err.str();
  return called;
}

inline Called call(const std::vector<std::string>& words) {
  PretendedWorlds worlds;
  return call(words, worlds.runner());
}

}  // namespace abide::fleet_sim
