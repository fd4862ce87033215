#pragma once
// The agent's settings, by flag, environment and file. Read once, at start.
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/bus/bus.hpp"
#include "common/core/ids.hpp"
#include "common/service/logging.hpp"
#include "edge-agent/health/health_runner.hpp"
#include "edge-agent/image/stager.hpp"
#include "edge-agent/update/machine.hpp"

namespace abide::agent {

struct Config {
  std::string state_dir;
  std::string broker_url;
  std::string project;
  NodeId uuid;
  std::string boot_folder;  // of image_file
  std::string ca_file, certificate_file, key_file;
  std::vector<HealthCheck> checks;
  std::int64_t check_again_every_ms = 5'000;
  node::Settings machine;
  StagerSettings stager;
  std::int64_t keep_alive_s = 60;
  std::int64_t reconnect_ms_max = 60'000;
  std::int64_t roll_call_warning_ms = 30'000;
  std::int64_t journal_keep = 1'024;
  std::optional<bool> clock_trusted;  // in place of what the kernel says
  LogLevel log_level = LogLevel::info;
};

// What to run with; or the exit code, where all was said already: --help, --version, or what is wrong.
std::variant<Config, int> parse_config(int argc, const char* const* argv);

// "name=command", "name@30s=command".
Result<HealthCheck> parse_health_check(std::string_view text, std::int64_t deadline_ms_default);

// `will` is told by the broker when this process is gone.
BusSettings bus_settings(const Config& config, BusMessage will);

}  // namespace abide::agent
