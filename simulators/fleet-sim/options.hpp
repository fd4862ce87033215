#pragma once
// What a call of abide-fleet-sim asks for.
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "simulators/fleet-sim/jobs.hpp"

namespace abide::fleet_sim {

// How the program ends, for scripts.
enum class Exit : int {
  clean = 0,
  finding = 1,      // a checker found something, or a scenario went otherwise
  usage = 2,        // nothing was run
  not_reached = 3,  // nothing was found, and a situation that had to be reached was not
  failed = 4,       // a file could not be written
};
constexpr int to_int(Exit code) {
  return static_cast<int>(code);
}

enum class List { faults, checkers, situations, rules };

struct Options {
  std::vector<Job> jobs;
  std::size_t threads = 1;
  std::optional<std::vector<std::string>> checks;  // none given: every checker
  std::string transcript;                          // file, "-", or empty: none
  bool hash = true;
  bool reached = false, require_reached = false;
  bool json = false;
  bool stop_at_first = false;
  std::size_t shrink_runs = 0;
  std::vector<std::string> without;  // rules that are switched off; the mutable variant alone
  std::optional<List> list;
  std::string from, project;           // an exported history that every world goes on from
  std::vector<std::string> scenarios;  // files; given: nothing else is run
  bool rewrite = false;
};

struct Said {  // --help, --version, or what is wrong
  int code = 0;
  std::string text;
};

// `cores`: default of --jobs.
std::variant<Options, Said> parse_options(const std::vector<std::string>& words, std::size_t cores);

}  // namespace abide::fleet_sim
