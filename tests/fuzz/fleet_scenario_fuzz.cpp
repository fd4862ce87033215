// Any bytes as a scenario of abide-node-fleet.
#include "simulators/node-fleet/settings.hpp"
#include "tests/fuzz/require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace abide;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto changes = node_fleet::parse_scenario(text);
  if (!changes) {
    fuzz::require(changes.error().code == Code::invalid_input && !changes.error().message.empty(), "what is wrong is said");
    return 0;
  }
  std::int64_t before = 0;
  node_fleet::Weather weather;
  for (const auto& change : *changes) {
    fuzz::require(change.at_ms >= before, "time does not go back");
    before = change.at_ms;
    fuzz::require((change.name == "end") == (&change == &changes->back() && change.value.empty()), "the end is the last, and has no value");
    if (change.name != "end") fuzz::require(set_weather(weather, change.name, change.value).has_value(), "each change can be made");
  }
  fuzz::require(weather.offline >= 0 && weather.offline <= 1 && weather.speed >= 0, "the weather stays within its limits");
  return 0;
}
