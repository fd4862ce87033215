// Any bytes as the command line of a health check.
#include <string>

#include "edge-agent/health/health_runner.hpp"
#include "tests/fuzz/require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace abide;
  const auto words = agent::split_command({reinterpret_cast<const char*>(data), size});
  if (!words) return 0;
  std::string quoted;
  for (const std::string& word : *words) {
    quoted += " '";
    for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    quoted += "'";
  }
  const auto again = agent::split_command(quoted);
  fuzz::require(quoted.size() > agent::command_bytes_max || (again && *again == *words), "quoted words are the same words");
  return 0;
}
