#include "simulators/node-fleet/recovery.hpp"

#include <algorithm>
#include <utility>

namespace abide::node_fleet {
namespace {

constexpr double breaking_s_max = 5;  // from the first broken connection to the loss of most of them

}  // namespace

void Recoveries::look(double at_s, const Tally& tally, const Traffic& traffic) {
  const std::size_t expected = tally.nodes - std::min(tally.nodes, tally.offline + tally.down);
  if (recovering_) return go_on(at_s, expected, tally, traffic);
  const bool whole = expected > 0 && tally.connected >= expected && tally.welcomed >= expected;
  if (whole) {
    breaking_ = false;
    before_ = count_of(traffic);
  } else if (whole_) {
    breaking_ = true;
    broke_at_s_ = at_s;
  }
  whole_ = whole;
  if (!breaking_) return;
  if (at_s > broke_at_s_ + breaking_s_max) {  // some flap: that is no restart of a broker
    breaking_ = false;
  } else if ((traffic.losses - before_.losses) * 2 > expected) {  // many that reboot have closed their connections themselves
    begin(at_s, traffic);
  }
}

void Recoveries::begin(double at_s, const Traffic& traffic) {
  breaking_ = false;
  recovering_ = true;
  present_ = {};
  present_.lost_at_s = broke_at_s_;
  counted_ = before_;
  go_on(at_s, SIZE_MAX, {}, traffic);
}

void Recoveries::go_on(double at_s, std::size_t expected, const Tally& tally, const Traffic& traffic) {
  const auto now = count_of(traffic);
  const double since = at_s - present_.lost_at_s;
  const auto slice = std::min(static_cast<std::size_t>(since / recovery_slice_s), recovery_slices_max - 1);
  if (present_.slices.size() <= slice) present_.slices.resize(slice + 1);
  present_.slices[slice] += now.out - counted_.out + now.in - counted_.in;
  if (present_.first_s == 0 && now.connects > before_.connects) present_.first_s = since;
  const bool connected = expected > 0 && tally.connected >= expected;
  if (connected && present_.connected_s == 0) present_.connected_s = since;
  if (!connected) present_.connected_s = 0;
  counted_ = now;
  if (!connected || tally.welcomed < expected) return;
  present_.welcomed_s = since;
  present_.messages_out = now.out - before_.out;
  present_.messages_in = now.in - before_.in;
  recovering_ = false;
  if (ended_.size() < recoveries_max) ended_.push_back(std::exchange(present_, {}));
}

}  // namespace abide::node_fleet
