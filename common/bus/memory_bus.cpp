#include "common/bus/memory_bus.hpp"

#include <algorithm>
#include <utility>

namespace abide {

bool topic_matches(std::string_view filter, std::string_view topic) {
  if (!topic.empty() && topic.front() == '$' && !filter.empty() && (filter.front() == '+' || filter.front() == '#')) return false;
  while (true) {
    const auto filter_end = filter.find('/');
    const auto topic_end = topic.find('/');
    const auto level = filter.substr(0, filter_end);
    if (level == "#") return true;
    if (level != "+" && level != topic.substr(0, topic_end)) return false;
    if (filter_end == std::string_view::npos) return topic_end == std::string_view::npos;
    filter.remove_prefix(filter_end + 1);
    if (topic_end == std::string_view::npos) return filter == "#";  // "a/#" includes "a"
    topic.remove_prefix(topic_end + 1);
  }
}

bool MemoryBroker::swallowed_locked(const std::string& topic) {
  for (auto& [filter, count] : swallow_) {
    if (count > 0 && topic_matches(filter, topic)) {
      --count;
      return true;
    }
  }
  return false;
}

void MemoryBroker::publish_locked(const std::string& client_id, const BusMessage& message) {
  seen_.push_back({client_id, message});
  if (swallowed_locked(message.topic)) return;
  if (message.retain) {
    if (message.payload.empty()) {
      retained_.erase(message.topic);
    } else {
      retained_[message.topic] = message;
    }
  }
  for (auto* client : clients_) {
    if (!client->connected_) continue;
    for (const auto& filter : client->settings_.filters) {
      if (!topic_matches(filter, message.topic)) continue;
      deliveries_.push_back({client, client->generation_, BusReceived{message.topic, message.payload, false}});
      break;  // once a client, as Mosquitto does where filters overlap
    }
  }
}

void MemoryBroker::connect_locked(MemoryBus& client) {
  client.connected_ = true;
  ++client.generation_;
  client.unacknowledged_ = 0;
  deliveries_.push_back({&client, client.generation_, BusConnected{}});
  for (const auto& filter : client.settings_.filters)
    for (const auto& [topic, message] : retained_)
      if (topic_matches(filter, topic)) deliveries_.push_back({&client, client.generation_, BusReceived{topic, message.payload, true}});
}

void MemoryBroker::disconnect_locked(MemoryBus& client, const std::string& reason, bool with_will) {
  if (!client.connected_) return;
  client.connected_ = false;
  ++client.generation_;
  deliveries_.push_back({&client, client.generation_, BusDisconnected{reason}});
  if (with_will && client.settings_.will) publish_locked(client.settings_.client_id, *client.settings_.will);
}

std::size_t MemoryBroker::pump(std::size_t most) {
  std::size_t done = 0;
  while (done < most) {
    Delivery delivery;
    BusHandler handler;
    {
      const std::lock_guard lock(mutex_);
      if (running_) {
        for (auto* client : clients_)
          if (!client->connected_ && client->allowed_) connect_locked(*client);
      }
      if (deliveries_.empty()) break;
      const auto& next = deliveries_.front();
      const bool known = std::find(clients_.begin(), clients_.end(), next.client) != clients_.end();
      if (known && std::holds_alternative<BusReceived>(next.event) && next.client->settings_.room &&
          !next.client->settings_.room(std::chrono::milliseconds(0)))
        break;
      delivery = std::move(deliveries_.front());
      deliveries_.pop_front();
      if (!known) continue;
      const bool of_connection =
          std::holds_alternative<BusReceived>(delivery.event) || std::holds_alternative<BusPublished>(delivery.event);
      if (of_connection && delivery.generation != delivery.client->generation_) continue;
      if (std::holds_alternative<BusPublished>(delivery.event)) --delivery.client->unacknowledged_;
      handler = delivery.client->handler_;
    }
    ++done;
    if (handler) handler(std::move(delivery.event));
  }
  return done;
}

void MemoryBroker::stop(bool forget_retained) {
  const std::lock_guard lock(mutex_);
  running_ = false;
  for (auto* client : clients_) disconnect_locked(*client, "broker stopped", false);
  if (forget_retained) retained_.clear();
}

void MemoryBroker::start() {
  const std::lock_guard lock(mutex_);
  running_ = true;
}

void MemoryBroker::cut(const MemoryBus& client) {
  const std::lock_guard lock(mutex_);
  for (auto* known : clients_) {
    if (known != &client) continue;
    known->allowed_ = false;
    disconnect_locked(*known, "connection lost", true);
  }
}

void MemoryBroker::allow(const MemoryBus& client) {
  const std::lock_guard lock(mutex_);
  for (auto* known : clients_)
    if (known == &client) known->allowed_ = true;
}

std::vector<MemoryBroker::Seen> MemoryBroker::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

void MemoryBroker::forget_seen() {
  const std::lock_guard lock(mutex_);
  seen_.clear();
}

std::map<std::string, std::string> MemoryBroker::retained() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::string> content;
  for (const auto& [topic, message] : retained_) content[topic] = message.payload;
  return content;
}

Result<void> MemoryBus::start(BusHandler handler) {
  const std::lock_guard lock(broker_.mutex_);
  if (handler_) return fail(Code::conflict, "bus: started already");
  handler_ = std::move(handler);
  broker_.clients_.push_back(this);
  return {};
}

void MemoryBus::stop() {
  const std::lock_guard lock(broker_.mutex_);
  broker_.disconnect_locked(*this, "stopped", false);
  std::erase(broker_.clients_, this);
  // Another client may live at this address later.
  std::erase_if(broker_.deliveries_, [this](const auto& delivery) { return delivery.client == this; });
}

Result<std::uint64_t> MemoryBus::publish(BusMessage message) {
  const std::lock_guard lock(broker_.mutex_);
  if (!connected_) return fail(Code::unavailable, "publish: not connected");
  if (unacknowledged_ >= settings_.in_flight_max + settings_.queue_max) return fail(Code::unavailable, "publish: the queue is full");
  const std::uint64_t ticket = next_ticket_++;
  broker_.publish_locked(settings_.client_id, message);
  if (message.qos == 0) return 0;
  ++unacknowledged_;
  broker_.deliveries_.push_back({this, generation_, BusPublished{ticket}});
  return ticket;
}

}  // namespace abide
