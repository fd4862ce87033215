#pragma once
// A history said once more on a bus, for looking at it with the tools that read the bus: nodes' events on their status topics
// (a rollback on its own, too), documents and newest images retained, with the times between them as they were. Nothing in
// it asks for an answer: no roll call, no acknowledgement.
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/bus/bus.hpp"
#include "common/core/machine.hpp"
#include "common/events/orchestrator_events.hpp"

namespace abide::replay {

inline constexpr std::size_t in_flight_max = 64;  // PUBLISHes without PUBACK
inline constexpr std::int64_t connect_within_ms = 15'000;
inline constexpr std::int64_t acknowledged_within_ms = 60'000;
inline constexpr std::int64_t heard_within_ms = 5'000;          // the first of our own words, by ourselves
inline constexpr std::int64_t pause_ms_max = 24LL * 3'600'000;  // a longer one in the record is cut to this, before the speed

// "1x", "2.5x", "max" (0).
Result<double> parse_speed(std::string_view text);

// What the bus must be subscribed to, so that it shows that what is said is given to anybody: a broker acknowledges also what
// its ACL denies.
std::string own_words_filter(const std::string& project);

// Of a project's event; none: it was never on the bus.
std::vector<BusMessage> messages_of(const std::string& project, const Recorded<OrchestratorEvent>& recorded);
// Of a node's own, with its bytes.
std::vector<BusMessage> messages_of(const std::string& project, const NodeId& node, const Recorded<NodeEvent>& recorded,
                                    std::string_view bytes);

// Speaks with a bus at the pace of a record. One thread; the bus's threads only count.
class Publisher {
 public:
  // `stop` may be set by anybody: it ends soon after.
  Publisher(Bus& bus, double speed, const std::atomic<bool>& stop);
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // timeout, or what the bus says of its settings.
  Result<void> connect();
  // Waits for the moment of `at_ms`, then for room in the window, then publishes. False: it was stopped. unavailable: the
  // connection is lost; what was in flight may have been heard or not.
  Result<bool> say(std::int64_t at_ms, std::vector<BusMessage> messages);
  // Until all is acknowledged. timeout; denied: the broker takes it, and gives it to nobody.
  Result<void> finish();
  [[nodiscard]] std::uint64_t published() const { return published_; }

 private:
  struct Shared;
  Bus& bus_;
  double speed_;
  const std::atomic<bool>& stop_;
  std::shared_ptr<Shared> shared_;
  std::uint64_t published_ = 0;
  std::optional<std::int64_t> before_ms_;
  bool started_ = false;
  bool said_status_ = false;
};

}  // namespace abide::replay
