#pragma once
// What may change while a fleet runs: by option at the start, by scenario later. Plain data.
#include <cstdint>

#include "simulators/node-fleet/node_bus.hpp"

namespace abide::node_fleet {

struct Weather {
  BusWeather bus;
  double failure_rate = 0;         // share of updates whose staging fails
  double rollback_rate = 0;        // share of those staged that come to nothing on trial
  double offline = 0;              // share of the nodes that have no connection
  double flaps_per_hour = 0;       // broken connections a node and hour
  double speed = 1;                // how much faster staging, boots and health checks go; 0: at once (max)
  std::int64_t stage_ms = 60'000;  // of one image, +- 50 %, before --speed; the same for those below
  std::int64_t boot_ms = 45'000;
  std::int64_t health_ms = 10'000;
  std::int64_t progress_every_ms = 5'000;  // real time, like the agent's
  std::int64_t ramp = 500;                 // connections a second at the start
};

}  // namespace abide::node_fleet
