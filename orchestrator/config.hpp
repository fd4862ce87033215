#pragma once
// The orchestrator's settings. Each by flag, environment and TOML file; `abide-orchestrator --help` lists them.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/core/result.hpp"
#include "common/service/config.hpp"

namespace abide::orchestrator {

struct Config {
  std::string state;  // directory
  std::string broker = "mqtt://127.0.0.1:1883";
  std::string ca_file, certificate_file, key_file;  // with mqtts://
  std::string listen = "127.0.0.1:8080";
  std::vector<std::string> releases;
  std::string files;
  std::vector<std::string> enabled_profiles;  // empty: all
  std::string profile_revision;               // with oci://
  std::string releases_credentials;           // a file
  std::vector<std::string> projects;
  std::string registration;  // empty: auto where the broker is on loopback, else required
  std::string log_level = "info";
  std::int64_t releases_poll_ms = 0;  // 0: 10 s for a directory, 15 min for a URL
  std::int64_t ack_after_ms = 2'000;
  std::int64_t ack_after_events = 8;
  std::int64_t spread_ms_per_node = 5;
  std::int64_t roll_call_again_ms = 10'000;
  std::int64_t lost_after_ms = std::int64_t{7} * 86'400'000;
  std::int64_t keep_runs_ms = 0;
  std::int64_t keep_events_ms = 0;
  bool maintenance_updates = false;
  std::int64_t keep_alive_s = 60;
  std::int64_t reconnect_ms_max = 60'000;
  std::int64_t inbox_capacity = 65'536;
  std::int64_t connections_max = 2'048;
  std::int64_t streams_max = 1'024;
  std::int64_t requests_per_second = 0;
  std::int64_t answer_timeout_ms = 15'000;
  std::int64_t stream_keep_alive_ms = 15'000;

  // derived
  std::string listen_host;
  std::uint16_t listen_port = 0;
  bool auto_register = false;
};

// HOST:PORT or [V6]:PORT into host and port. invalid_input.
Result<std::pair<std::string, std::uint16_t>> parse_listen(const std::string& text);

// Reads the settings, says what is wrong with them, or what --help and --version ask for. A code: end with it.
std::optional<int> settle_config(Config& config, int argc, const char* const* argv);

}  // namespace abide::orchestrator
