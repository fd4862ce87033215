#pragma once
// The journal as outbox: after a welcome, all events above what the orchestrator has, in sequence, a bounded number
// without PUBACK and a second; begun anew by the next welcome. Owner thread only.
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "common/bus/bus.hpp"
#include "common/core/token_bucket.hpp"
#include "common/store/journal.hpp"
#include "edge-agent/link/link.hpp"

namespace abide::agent {

inline constexpr std::size_t events_in_flight_max = 16;
// A node that has been away for long leaves room for the rest of its fleet; the broker holds back who says twice as much.
inline constexpr Pace events_pace{.per_second = 500, .at_once = 256};

class Outbox {
 public:
  // Gives the bytes of one event to the bus; the ticket of its PUBLISH, or why the bus did not take it.
  using Send = std::function<Result<std::uint64_t>(std::uint64_t sequence, std::string_view bytes)>;

  // Sends what may go out now. unavailable: the bus took no more, which the next call tries again; else the journal
  // cannot be read.
  Result<void> pump(const node::Link& link, const Journal& journal, std::int64_t now_mono_ms, const Send& send);
  // When to call pump() again where it has held events back for their pace.
  [[nodiscard]] std::optional<std::int64_t> look_mono_ms() const { return look_mono_ms_; }
  void published(std::uint64_t ticket) { unacknowledged_.erase(ticket); }
  // Nothing of the old connection is acknowledged any more.
  void disconnected() { unacknowledged_.clear(); }
  [[nodiscard]] std::size_t unacknowledged() const { return unacknowledged_.size(); }

 private:
  std::uint64_t welcomes_ = 0;
  std::uint64_t next_ = 1;
  std::set<std::uint64_t> unacknowledged_;
  TokenBucket pace_{events_pace};
  std::optional<std::int64_t> look_mono_ms_;
};

}  // namespace abide::agent
