#pragma once
// The daemon, put together from its parts. main() hands in the real ones; a test may hand in the same with something around
// them, and then runs all the rest of the program as it ships. Called once, on the main thread.
#include <functional>
#include <memory>
#include <string>

#include "common/bus/bus.hpp"
#include "common/core/result.hpp"
#include "common/store/store.hpp"

namespace abide::orchestrator {

struct OpenedStore {
  std::unique_ptr<Store> store;
  std::function<Result<void>(const std::string& dir)> checkpoint;  // of it; any thread, while it lives
  std::function<Result<void>()> loaded;                            // all that is needed at first has been read from it
};

struct Parts {
  std::function<Result<OpenedStore>(const std::string& dir)> open_store;
  std::function<std::unique_ptr<Bus>(BusSettings settings)> make_bus;
};

// RocksDB and MQTT.
Parts product_parts();

// abide-orchestrator with these arguments, until it ends: its exit code.
int run_orchestrator(int argc, const char* const* argv, const Parts& parts);

}  // namespace abide::orchestrator
