#pragma once
// The legs of an update, as far as a fleet can measure them: how long each takes, over all nodes. In microseconds. The loop's thread
// alone, but for `visible`, which is given over by who asked the API.
#include <array>
#include <string_view>

#include "simulators/node-fleet/histogram.hpp"

namespace abide::node_fleet {

enum class Leg : std::uint8_t {
  policy,   // link asked for -> the node has journaled the document
  window,   // window open, and the node staged -> its first status that only a window brings: SwitchBegan
  durable,  // an event journaled by a node that may speak -> acknowledged by `received`
  visible,  // an event journaled -> the API shows it (sampled)
  whole,    // Accepted -> outcome
};
inline constexpr std::size_t legs_count = 5;

struct LegWords {
  std::string_view name, title;
};
inline constexpr std::array<LegWords, legs_count> leg_words{{
    {"link_to_policy_received", "link → policy received"},
    {"window_to_first_status", "window → first status"},
    {"status_to_durable", "status → durable"},
    {"status_to_visible", "status → visible in API"},
    {"whole_update", "whole update"},
}};

struct Legs {
  std::array<Histogram, legs_count> histograms;
  Histogram& of(Leg leg) { return histograms[static_cast<std::size_t>(leg)]; }
  [[nodiscard]] const Histogram& of(Leg leg) const { return histograms[static_cast<std::size_t>(leg)]; }
};

}  // namespace abide::node_fleet
