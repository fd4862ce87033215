#pragma once
// The bus of one simulated node: MQTT over a socket that an event loop drives, in place of the threads of MqttBus. It behaves as
// that one does: clean sessions, subscribed before it says "connected", reconnects with full jitter.
//
// Nothing leaves before flush(): the loop calls it once what the nodes have decided is durable. The loop's thread alone.
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "common/bus/bus.hpp"
#include "common/core/random.hpp"
#include "simulators/node-fleet/mqtt_packets.hpp"
#include "simulators/node-fleet/network.hpp"

namespace abide::node_fleet {

// Of all nodes; may change while they run.
struct BusWeather {
  std::int64_t latency_ms = 0;  // added to each message, either way
  int keep_alive_s = 60;
  std::int64_t reconnect_ms_max = 60'000;
};

struct BusIdentity {
  std::string uuid;  // user name, and name of the certificate
  std::vector<std::string> filters;
  BusMessage will;
};

inline constexpr std::size_t in_flight_max = 100;  // PUBLISHes without PUBACK; above: unavailable

class NodeBus final : public Bus {
 public:
  // `tag` comes back with what the network says of the socket. Network and weather outlive the bus.
  NodeBus(Network& network, const BusWeather& weather, std::size_t tag, Random random);
  ~NodeBus() override;
  NodeBus(const NodeBus&) = delete;
  NodeBus& operator=(const NodeBus&) = delete;

  // Before each start: who connects.
  void introduce(BusIdentity identity) { identity_ = std::move(identity); }
  [[nodiscard]] Result<void> start(BusHandler handler) override;
  void stop() override;
  [[nodiscard]] Result<std::uint64_t> publish(BusMessage message) override;

  // ---- for the loop
  void ready(bool readable, bool writable);
  void flush();
  // What time alone brings: the next attempt, a ping, a delayed message, a deadline.
  void advance(SteadyTime now);
  [[nodiscard]] SteadyTime next_moment() const;  // far away where there is none

  // ---- for faults
  // The connection breaks, as if the network had; another attempt follows as usual.
  void cut(const std::string& why);
  // As long as it is so, no attempt is made, and a connection is cut.
  void hold(bool held);

  [[nodiscard]] bool connected() const { return phase_ == Phase::up; }
  [[nodiscard]] bool closing() const { return phase_ == Phase::closing; }
  [[nodiscard]] bool held() const { return held_; }
  [[nodiscard]] std::size_t bytes_held() const;  // of buffers and queues, about

 private:
  enum class Phase : std::uint8_t { off, waiting, connecting, handshake, connack, suback, up, closing };

  void attempt();
  void lose(const std::string& why);
  void drop_socket();
  void shake_hands();
  void read_all();
  // False: the connection is gone.
  bool take_all(std::string_view bytes, std::size_t& taken);
  bool take(const mqtt::Packet& packet);
  void came_up();
  void deliver(BusEvent event);
  void send(std::uint64_t ticket, const BusMessage& message);
  void packet_begins();
  std::ptrdiff_t receive(char* into, std::size_t most);
  std::ptrdiff_t write_some(const char* from, std::size_t bytes);

  Network& network_;
  const BusWeather& weather_;
  const std::size_t tag_;
  Random random_;
  BusIdentity identity_;
  BusHandler handler_;

  Phase phase_ = Phase::off;
  bool held_ = false;
  bool write_watched_ = false;
  bool ping_open_ = false;
  int fd_ = -1;
  ssl_st* tls_ = nullptr;
  unsigned attempt_ = 0;
  std::string in_;                  // the beginning of a packet
  std::string out_;                 // not yet sent
  std::vector<BusReceived> early_;  // between SUBSCRIBE and SUBACK: retained ones
  std::uint64_t next_ticket_ = 1;
  std::uint64_t first_ticket_ = 1;  // of this connection
  std::size_t in_flight_ = 0;
  SteadyTime moment_{};  // waiting: the next attempt; else the deadline of the phase, or the next ping
  struct Delayed {
    SteadyTime at;
    BusEvent event;                     // for the handler
    std::optional<BusMessage> message;  // else for the broker
    std::uint64_t ticket = 0;
  };
  std::deque<Delayed> delayed_;
};

}  // namespace abide::node_fleet
