#include "simulators/world/heap.hpp"

#include <cassert>

namespace abide::sim {

Heap::Ticket Heap::at(std::int64_t at_ms, Action action) {
  const Ticket ticket{at_ms, next_++};
  actions_.emplace(std::pair{at_ms, ticket.number}, std::move(action));
  return ticket;
}

void Heap::cancel(Ticket& ticket) {
  if (ticket.number != 0) actions_.erase({ticket.at_ms, ticket.number});
  ticket = {};
}

std::optional<std::int64_t> Heap::next_ms() const {
  if (actions_.empty()) return std::nullopt;
  return actions_.begin()->first.first;
}

std::pair<std::int64_t, Heap::Action> Heap::pop() {
  assert(!actions_.empty());
  auto first = actions_.extract(actions_.begin());
  return {first.key().first, std::move(first.mapped())};
}

}  // namespace abide::sim
