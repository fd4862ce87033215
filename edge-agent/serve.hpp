#pragma once
// The daemon, put together from its parts. main() hands in the real ones; a test may hand in the same with something around
// them, and then runs all the rest of the program as it ships. Called once, on the main thread.
#include <functional>
#include <memory>
#include <string>

#include "common/bus/bus.hpp"
#include "common/core/result.hpp"
#include "common/store/store.hpp"
#include "edge-agent/agent.hpp"
#include "edge-agent/boot/boot_control.hpp"
#include "edge-agent/config.hpp"

namespace abide::agent {

struct RunningWorkers {
  Workers orders;
  std::function<void()> end;  // stops them and waits: no callback comes afterwards
};

struct Parts {
  std::function<Result<std::unique_ptr<Store>>(const std::string& dir)> open_store;
  std::function<Result<std::unique_ptr<BootControl>>(const std::string& folder)> open_boot;
  std::function<std::unique_ptr<Bus>(BusSettings settings)> make_bus;
  // The boot loader and the configuration outlive them.
  std::function<RunningWorkers(BootControl& boot, const Config& config)> start_workers;
};

// RocksDB, image files, MQTT, and the workers that download and check.
Parts product_parts();

// abide-agent with these arguments, until it ends: its exit code.
int run_agent(int argc, const char* const* argv, const Parts& parts);

}  // namespace abide::agent
