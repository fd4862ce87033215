#pragma once
// A broker in memory and its clients, for tests: retained messages, + and #, wills, several clients, QoS 0 and 1. Nothing
// moves but in pump(), message after message in the order of publishing, so a test sees the same every time.
//
// One thread, or several with the broker's own lock; handlers are called from pump() and may call the bus.
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "common/bus/bus.hpp"

namespace abide {

// MQTT's rule: + is one level, # the rest. A filter that begins with a wildcard does not match $SYS.
bool topic_matches(std::string_view filter, std::string_view topic);

class MemoryBus;

class MemoryBroker {
 public:
  // Delivers until nothing is left, or the next message finds no room at its client; at most `most` messages: connects those who wait, then
  // moves every message. Returns how many it delivered.
  std::size_t pump(std::size_t most = 100'000);

  // The broker goes away: all connections end (no wills: nobody is there to send them), retained messages are lost if it
  // "restarts without its memory". Until it is back nobody connects.
  void stop(bool forget_retained);
  void start();
  // The connection of one client breaks: its will is published. It stays away until allowed back.
  void cut(const MemoryBus& client);
  void allow(const MemoryBus& client);
  // The next `count` messages whose topic matches the filter are swallowed, as if a queue had been full: acknowledged, and
  // given to no one.
  void swallow(std::string filter, std::size_t count) { swallow_[std::move(filter)] += count; }

  struct Seen {
    std::string client_id;
    BusMessage message;
  };
  // Everything published, in order, wills included.
  [[nodiscard]] std::vector<Seen> seen() const;
  void forget_seen();  // else it grows without end
  [[nodiscard]] std::map<std::string, std::string> retained() const;

 private:
  friend class MemoryBus;
  struct Delivery {
    MemoryBus* client = nullptr;
    std::uint64_t generation = 0;
    BusEvent event;
  };
  void publish_locked(const std::string& client_id, const BusMessage& message);
  void disconnect_locked(MemoryBus& client, const std::string& reason, bool with_will);
  void connect_locked(MemoryBus& client);
  bool swallowed_locked(const std::string& topic);

  mutable std::recursive_mutex mutex_;
  bool running_ = true;
  std::vector<MemoryBus*> clients_;
  std::map<std::string, BusMessage> retained_;
  std::map<std::string, std::size_t> swallow_;
  std::deque<Delivery> deliveries_;
  std::vector<Seen> seen_;
};

class MemoryBus final : public Bus {
 public:
  MemoryBus(MemoryBroker& broker, BusSettings settings) : broker_(broker), settings_(std::move(settings)) {}
  ~MemoryBus() override { stop(); }
  MemoryBus(const MemoryBus&) = delete;
  MemoryBus& operator=(const MemoryBus&) = delete;

  [[nodiscard]] Result<void> start(BusHandler handler) override;
  void stop() override;
  // unavailable: not connected, or in_flight_max + queue_max messages are not acknowledged yet.
  [[nodiscard]] Result<std::uint64_t> publish(BusMessage message) override;

 private:
  friend class MemoryBroker;
  MemoryBroker& broker_;
  BusSettings settings_;
  BusHandler handler_;
  bool connected_ = false;
  bool allowed_ = true;
  std::uint64_t generation_ = 0;  // of the connection: what was under way in an older one is lost
  std::uint64_t next_ticket_ = 1;
  std::size_t unacknowledged_ = 0;
};

}  // namespace abide
