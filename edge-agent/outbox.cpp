#include "edge-agent/outbox.hpp"

#include <algorithm>
#include <optional>

#include "common/core/rules.hpp"

namespace abide::agent {

Result<void> Outbox::pump(const node::Link& link, const Journal& journal, std::int64_t now_mono_ms, const Send& send) {
  look_mono_ms_.reset();
  if (link.welcomes != welcomes_) {
    welcomes_ = link.welcomes;
    next_ = rule(Rule::send_again) ? link.send_from : std::max(next_, link.send_from);
  }
  if (!node::may_send_events(link)) return {};
  const auto& head = journal.head();
  next_ = std::max(next_, head.base + 1);
  if (next_ > head.last || unacknowledged_.size() >= events_in_flight_max) return {};
  std::uint64_t room = events_in_flight_max - unacknowledged_.size();
  const auto allowed = static_cast<std::uint64_t>(pace_.available(now_mono_ms));
  if (allowed < room && allowed < head.last - next_ + 1) {
    // Not one by one: a batch is one look into the journal.
    look_mono_ms_ = pace_.available_at(now_mono_ms, events_in_flight_max);
    return {};
  }
  room = std::min(room, allowed);
  const std::uint64_t upto = std::min(head.last, next_ + room - 1);
  std::optional<Error> refused;
  auto read = journal.read(next_, upto, [&](std::uint64_t sequence, Chain, std::string_view bytes) {
    auto ticket = send(sequence, bytes);
    if (!ticket) {
      refused = ticket.error();
      return false;
    }
    unacknowledged_.insert(*ticket);
    pace_.take(now_mono_ms);
    next_ = sequence + 1;
    return true;
  });
  if (!read) return read;
  if (refused) return fail(*refused);
  return {};
}

}  // namespace abide::agent
