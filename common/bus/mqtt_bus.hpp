#pragma once
// The bus over MQTT 3.1.1 with Eclipse Paho C++: clean sessions, a reconnect of its own with full jitter, a bounded window.
//
// Threads: start and stop on the owner's; publish from any; the handler is called from Paho's threads and from the bus's own, one at a
// time.
#include <memory>
#include <thread>

#include "common/bus/bus.hpp"
#include "common/core/random.hpp"

namespace abide {

// The wait before connection attempt number `attempt` (0, 1, ...) after a loss: uniform in [0, min(max_ms, 2^attempt s)).
std::int64_t reconnect_delay_ms(Random& random, unsigned attempt, std::int64_t max_ms);

// 22 random characters of [0-9A-Za-z]: two copies of a machine must both be heard, not throw each other off the broker.
std::string random_client_id();

// How long things may take. The defaults are the product's; tests shorten them.
struct BusDeadlines {
  std::int64_t connect_ms = 10'000;      // CONNACK
  std::int64_t subscribe_ms = 10'000;    // SUBACK for all filters
  std::int64_t acknowledge_ms = 60'000;  // no PUBACK at all for this long with messages in flight: the connection is taken for dead
  std::int64_t hold_ms = 5'000;          // a message waits for room at the receiver; Paho sends nothing meanwhile
  std::int64_t flush_ms = 500;           // stop: for what is queued
  std::int64_t stop_ms = 5'000;          // stop: for everything
};

class MqttBus final : public Bus {
 public:
  explicit MqttBus(BusSettings settings, BusDeadlines deadlines = {});
  ~MqttBus() override;
  MqttBus(const MqttBus&) = delete;
  MqttBus& operator=(const MqttBus&) = delete;

  // invalid_input, denied (plain text to another machine), conflict (started already). Does not wait for the broker.
  [[nodiscard]] Result<void> start(BusHandler handler) override;
  // Sends what is queued for a short time, disconnects without the will, and returns in bounded time; the handler is not
  // called again. A bus does not start twice.
  void stop() override;
  [[nodiscard]] Result<std::uint64_t> publish(BusMessage message) override;

 private:
  class Connection;
  BusSettings settings_;
  BusDeadlines deadlines_;
  bool stopped_ = false;
  std::thread thread_;
  std::shared_ptr<Connection> connection_;  // shared with its thread, which outlives stop() should Paho hang
};

}  // namespace abide
