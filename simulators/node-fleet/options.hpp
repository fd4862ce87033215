#pragma once
// What a call of abide-node-fleet asks for.
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/core/ids.hpp"
#include "common/service/logging.hpp"
#include "simulators/node-fleet/network.hpp"
#include "simulators/node-fleet/recovery.hpp"
#include "simulators/node-fleet/settings.hpp"

namespace abide::node_fleet {

// How the program ends, for scripts.
enum class Exit : int {
  clean = 0,       // what was to end has ended, and nothing is lost
  finding = 1,     // something is lost, or did not end before the deadline
  usage = 2,       // nothing was run
  impossible = 3,  // no broker, no API, no journals, too few open files
  failed = 4,      // the run is over, and a file of its report could not be written
};
constexpr int to_int(Exit code) {
  return static_cast<int>(code);
}

inline constexpr std::int64_t nodes_max = 1'000'000;
inline constexpr std::int64_t projects_max = 1'000;

struct Options {
  NetworkSettings network;
  std::string project;
  std::size_t projects = 1;
  std::size_t nodes = 0;
  std::uint64_t seed = 1;
  Weather weather;
  std::int64_t status_every_ms = 15 * 60'000;
  std::int64_t journal_keep = 1'024;
  std::vector<Change> scenario;
  std::string journals;  // directory; empty: in memory
  std::string api;       // URL of the orchestrator; empty: it is not asked
  bool drive = false;
  std::string profile, image, digest;  // what new nodes run; empty: by the API, or a default
  std::int64_t window_ms = 4 * 3'600'000;
  std::int64_t for_ms = 0;  // 0: until all have ended
  std::int64_t deadline_ms = 60 * 60'000;
  std::size_t recoveries = 0;  // 0: they end nothing
  std::vector<std::int64_t> watch_pids;
  std::vector<std::uint16_t> watch_ports;         // no option: of --broker and --api, where no process is named
  std::string report, html, histograms, compare;  // files; a folder; a file
  bool json = false;
  LogLevel log_level = LogLevel::error;
  bool list_nodes = false;
};

struct Said {  // --help, --version, or what is wrong
  int code = 0;
  std::string text;
};

std::variant<Options, Said> parse_options(const std::vector<std::string>& words);

// Names of node number `index`, from 0: the same in every run with the same seed and projects.
std::string project_of(const Options& options, std::size_t index);
NodeId node_id_of(const Options& options, std::size_t index);

}  // namespace abide::node_fleet
