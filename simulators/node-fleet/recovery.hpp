#pragma once
// How a fleet comes back once most of it has lost its connections at once, as after a restart of the broker: how long it takes, and what
// it costs in messages, so that a storm would show. Pure.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "simulators/node-fleet/network.hpp"
#include "simulators/node-fleet/tally.hpp"

namespace abide::node_fleet {

inline constexpr double recovery_slice_s = 0.1;
inline constexpr std::size_t recovery_slices_max = 6'000;  // the last one has all that comes later
inline constexpr std::size_t recoveries_max = 100;         // later ones are not kept

struct Recovery {
  double lost_at_s = 0;    // in the run: the first connection breaks
  double first_s = 0;      // since then: the first node is subscribed again
  double connected_s = 0;  // all are
  double welcomed_s = 0;   // and the orchestrator has answered each
  std::uint64_t messages_out = 0, messages_in = 0;
  std::vector<std::uint64_t> slices;  // messages of both ways in each recovery_slice_s since lost_at_s
};

class Recoveries {
 public:
  // Often: what is seen late is told late.
  void look(double at_s, const Tally& tally, const Traffic& traffic);
  [[nodiscard]] const std::vector<Recovery>& ended() const { return ended_; }

 private:
  void begin(double at_s, const Traffic& traffic);
  void go_on(double at_s, std::size_t expected, const Tally& tally, const Traffic& traffic);

  struct Count {
    std::uint64_t connects = 0, losses = 0, out = 0, in = 0;
  };
  static Count count_of(const Traffic& traffic) { return {traffic.connects, traffic.losses, traffic.messages_out, traffic.messages_in}; }

  std::vector<Recovery> ended_;
  Recovery present_;
  bool whole_ = false;       // all that may be connected were, when last looked at
  bool breaking_ = false;    // no longer, and perhaps the beginning of a recovery
  bool recovering_ = false;  // most were gone, and not all are back
  double broke_at_s_ = 0;
  Count before_, counted_;
};

}  // namespace abide::node_fleet
