#include "simulators/world/broker.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "common/bus/memory_bus.hpp"
#include "simulators/world/heap.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

constexpr std::int64_t travel_ms_min = 2, travel_ms_max = 40;
constexpr std::int64_t attempt_ms_max = 3'000;       // until a client knows that nobody answers
constexpr std::int64_t noticed_ms_max = 90'000;      // 1.5 times keep alive: a client that said no goodbye is gone
constexpr std::int64_t delay_ms_min = 2'000;         // a delayed message takes so long at least,
constexpr std::int64_t delay_ms_usual = 20'000;      // mostly no longer than this,
constexpr std::int64_t delay_ms_max = 15 * 60'000;   // and sometimes as long as this
constexpr std::int64_t late_ms_max = 6 * 3'600'000;  // a message of a connection that has ended
constexpr std::int64_t broker_away_ms_max = 2 * 60'000;

// Once in so many messages.
constexpr std::uint64_t delay_one_in = 60, duplicate_one_in = 40, reorder_one_in = 25, lose_one_in = 120, late_one_in = 3;

// A filter has at most one '+', in the last level or the one before. So a topic has three that may match it.
std::array<std::string, 3> filters_of(std::string_view topic) {
  const auto last = topic.rfind('/');
  if (last == std::string_view::npos) return {std::string(topic), "", ""};
  const auto before = last == 0 ? std::string_view::npos : topic.rfind('/', last - 1);
  std::array<std::string, 3> filters = {std::string(topic), std::string(topic.substr(0, last + 1)) + "+", ""};
  if (before != std::string_view::npos) filters[2] = std::string(topic.substr(0, before + 1)) + "+" + std::string(topic.substr(last));
  return filters;
}

bool is_indexed(std::string_view filter) {
  std::string example(filter);
  std::replace(example.begin(), example.end(), '+', 'x');
  const auto filters = filters_of(example);
  return std::find(filters.begin(), filters.end(), filter) != filters.end();
}

}  // namespace

std::int64_t Broker::draw_ms(std::int64_t from_ms, std::int64_t to_ms) {
  return from_ms + static_cast<std::int64_t>(world_.random(World::Stream::network).below(static_cast<std::uint64_t>(to_ms - from_ms + 1)));
}

bool Broker::is_current(ClientIndex client, std::uint64_t number) const {
  const auto found = connections_.find(client);
  return found != connections_.end() && number != 0 && found->second.number == number;
}

bool Broker::connected(ClientIndex client) const {
  const auto found = connections_.find(client);
  return found != connections_.end() && found->second.number != 0 && found->second.heard;
}

// ---- how long it takes -------------------------------------------------------------------------------------------------

std::int64_t Broker::arrival_ms(Way& way, std::string_view topic, std::optional<MachineIndex> whose) {
  const std::int64_t now = world_.now_ms();
  std::int64_t takes = draw_ms(travel_ms_min, travel_ms_max);
  auto& draws = world_.random(World::Stream::faults);
  const auto long_while = [&] {
    const std::int64_t most = draws.below(4) == 0 ? delay_ms_max : delay_ms_usual;
    return delay_ms_min + static_cast<std::int64_t>(draws.below(static_cast<std::uint64_t>(most - delay_ms_min)));
  };
  if (world_.strikes(Fault::delay, delay_one_in, whose)) takes += long_while();
  const std::int64_t in_turn = std::max(now + takes, way.free_ms);
  const bool overtaken = world_.strikes(Fault::reorder, reorder_one_in, whose);
  if (!overtaken) way.free_ms = in_turn;
  std::int64_t arrival = overtaken ? in_turn + long_while() : in_turn;
  if (const auto held_up = way.held_up.find(topic); held_up != way.held_up.end()) {
    arrival = std::max(arrival, held_up->second);
    if (held_up->second <= now) way.held_up.erase(held_up);
  }
  if (overtaken) way.held_up.insert_or_assign(std::string(topic), arrival);
  return arrival;
}

// ---- connections -------------------------------------------------------------------------------------------------------

void Broker::connect(ClientIndex client, std::vector<std::string> filters, std::optional<BusMessage> will, Handler handler) {
  end(client, "connecting anew", 0, false);
  for (const auto& filter : filters) assert(is_indexed(filter));
  auto& connection = connections_[client];
  const auto number = next_number_++;
  connection.number = number;
  connection.subscribed = connection.heard = false;
  connection.filters = std::move(filters);
  connection.will = std::move(will);
  connection.handler = std::move(handler);
  connection.up = connection.down = {};
  // CONNECT and CONNACK, SUBSCRIBE and SUBACK.
  world_.heap().at(world_.now_ms() + draw_ms(3 * travel_ms_min, 3 * travel_ms_max), [this, client, number] { subscribe(client, number); });
}

void Broker::subscribe(ClientIndex client, std::uint64_t number) {
  if (!is_current(client, number)) return;
  auto& connection = connections_[client];
  if (away_ || connection.wedged) {
    world_.heap().at(world_.now_ms() + draw_ms(1, attempt_ms_max), [this, client, number] {
      if (is_current(client, number)) end(client, "no answer from the broker", -1, true);
    });
    return;
  }
  connection.subscribed = true;
  for (const auto& filter : connection.filters) subscribed_[filter].insert(client);
  connection.down.free_ms = world_.now_ms() + draw_ms(travel_ms_min, travel_ms_max);
  hand_over(client, number, BusConnected{}, connection.down.free_ms);
  for (const auto& filter : connection.filters) {
    if (filter.find('+') == std::string::npos) {
      if (const auto found = retained_.find(filter); found != retained_.end()) deliver(client, found->second, true);
      continue;
    }
    const std::string beginning = filter.substr(0, filter.find('+'));
    for (auto found = retained_.lower_bound(beginning); found != retained_.end() && found->first.starts_with(beginning); ++found)
      if (topic_matches(filter, found->first)) deliver(client, found->second, true);
  }
}

// `will_in_ms` < 0: nobody is there to publish a will.
void Broker::end(ClientIndex client, const std::string& why, std::int64_t will_in_ms, bool tell) {
  const auto found = connections_.find(client);
  if (found == connections_.end() || found->second.number == 0) return;
  auto& connection = found->second;
  connection.number = 0;
  for (const auto& filter : connection.filters) {
    const auto subscribers = subscribed_.find(filter);
    if (subscribers == subscribed_.end()) continue;
    subscribers->second.erase(client);
    if (subscribers->second.empty()) subscribed_.erase(subscribers);
  }
  const bool known = connection.subscribed;
  connection.subscribed = connection.heard = false;
  const Handler handler = std::exchange(connection.handler, {});
  if (known && will_in_ms >= 0 && connection.will) {
    world_.heap().at(world_.now_ms() + will_in_ms, [this, will = *connection.will] {
      if (!away_) arrive(std::nullopt, 0, will, 0);
    });
  }
  if (tell && handler) handler(BusDisconnected{why});
}

void Broker::vanish(ClientIndex client) {
  end(client, {}, draw_ms(0, noticed_ms_max), false);
}

void Broker::lose_connection(ClientIndex client) {
  end(client, "connection lost", draw_ms(0, noticed_ms_max), true);
}

void Broker::wedge(ClientIndex client, bool wedged) {
  auto& connection = connections_[client];
  connection.wedged = wedged;
  if (wedged) lose_connection(client);
}

void Broker::restart(bool forget_retained) {
  world_.say("broker", forget_retained ? "restarts without its memory" : "restarts");
  away_ = true;
  if (forget_retained) retained_.clear();
  std::vector<ClientIndex> clients;
  for (const auto& [client, connection] : connections_)
    if (connection.subscribed) clients.push_back(client);
  for (const auto& client : clients) end(client, "the broker stopped", -1, true);
  world_.heap().at(world_.now_ms() + draw_ms(500, broker_away_ms_max), [this] {
    away_ = false;
    world_.say("broker", "is back");
  });
}

// ---- messages ----------------------------------------------------------------------------------------------------------

bool Broker::publish(ClientIndex client, BusMessage message, std::uint64_t ticket) {
  if (!connected(client)) return false;
  world_.tell([&](Observer& observer) { observer.published(world_, client, message); });
  auto& connection = connections_[client];
  const auto number = connection.number;
  const auto at = arrival_ms(connection.up, message.topic, client);
  const bool twice = message.qos == 1 && world_.strikes(Fault::duplicate, duplicate_one_in, client);
  const auto again = twice ? arrival_ms(connection.up, message.topic, client) : at;
  world_.heap().at(at, [this, client, number, message, ticket] { arrive(client, number, message, ticket); });
  if (twice) world_.heap().at(again, [this, client, number, message = std::move(message)] { arrive(client, number, message, 0); });
  return true;
}

// At the broker. `number` 0: in no connection, which is a will or late.
void Broker::arrive(ClientIndex from, std::uint64_t number, const BusMessage& message, std::uint64_t ticket) {
  if (number != 0 && !is_current(from, number)) {
    if (!world_.strikes(Fault::late_message, late_one_in, from)) return;
    const auto later = static_cast<std::int64_t>(world_.random(World::Stream::faults).below(late_ms_max));
    world_.heap().at(world_.now_ms() + later, [this, from, message] {
      if (!away_) arrive(from, 0, message, 0);
    });
    return;
  }
  if (message.retain) {
    if (message.payload.empty())
      retained_.erase(message.topic);
    else
      retained_.insert_or_assign(message.topic, message);
  }
  spread(message);
  if (number != 0 && message.qos == 1 && ticket != 0)
    hand_over(from, number, BusPublished{ticket}, arrival_ms(connections_[from].down, {}, from));
}

std::vector<ClientIndex> Broker::subscribers(const std::string& topic) const {
  std::set<ClientIndex> clients;
  for (const auto& filter : filters_of(topic)) {
    const auto found = subscribed_.find(filter);
    if (found != subscribed_.end()) clients.insert(found->second.begin(), found->second.end());
  }
  return {clients.begin(), clients.end()};
}

void Broker::spread(const BusMessage& message) {
  for (const auto& client : subscribers(message.topic)) {
    if (message.qos == 1 && world_.strikes(Fault::lose_message, lose_one_in, client)) continue;
    deliver(client, message, false);
    if (message.qos == 1 && world_.strikes(Fault::duplicate, duplicate_one_in, client)) deliver(client, message, false);
  }
}

void Broker::deliver(ClientIndex to, const BusMessage& message, bool retained) {
  auto& connection = connections_[to];
  const auto at = arrival_ms(connection.down, message.topic, to);
  hand_over(to, connection.number, BusReceived{message.topic, message.payload, retained}, at);
}

void Broker::hand_over(ClientIndex to, std::uint64_t number, BusEvent event, std::int64_t at_ms) {
  world_.heap().at(at_ms, [this, to, number, event = std::move(event)]() mutable {
    if (!is_current(to, number)) return;
    auto& connection = connections_[to];
    if (std::holds_alternative<BusConnected>(event)) connection.heard = true;
    if (const auto* received = std::get_if<BusReceived>(&event))
      world_.tell([&](Observer& observer) { observer.delivered(world_, to, *received); });
    const Handler handler = connection.handler;  // which may connect anew
    handler(std::move(event));
  });
}

}  // namespace abide::sim
