#pragma once
// The seam to MQTT: at most once (QoS 0) and at least once (QoS 1), clean sessions. Nothing relies on the broker's memory.
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/core/result.hpp"

namespace abide {

struct BusMessage {
  std::string topic;
  std::string payload;
  int qos = 1;
  bool retain = false;
};

struct BusConnected {};  // CONNACK, and SUBACK for every filter of the settings
struct BusDisconnected {
  std::string reason;
};
struct BusReceived {
  std::string topic;
  std::string payload;
  bool retained = false;  // the broker had kept it: it may be old
};
struct BusPublished {  // PUBACK: the broker has it, nothing more. QoS 1 only
  std::uint64_t ticket = 0;
};
using BusEvent = std::variant<BusConnected, BusDisconnected, BusReceived, BusPublished>;

// Called from the bus's own threads, one at a time; must return at once (post to an inbox) and never call the bus.
using BusHandler = std::function<void(BusEvent)>;

// Is there room for one more message where the handler puts it? May wait for so long; never calls the bus.
using BusRoom = std::function<bool(std::chrono::milliseconds at_most)>;

struct BusSettings {
  std::string url;  // mqtt://host:port or mqtts://host:port
  std::string client_id;
  std::string user_name;             // empty: none
  std::vector<std::string> filters;  // subscribed at QoS 1 after every CONNACK
  std::optional<BusMessage> will;
  int keep_alive_s = 60;
  std::int64_t reconnect_ms_max = 60'000;  // full jitter in [0, min(this, 2^k s))
  std::size_t in_flight_max = 100;         // PUBLISHes without PUBACK
  std::size_t queue_max = 10'000;          // messages that wait for room in that window; above: unavailable
  // Asked before each message, by the bus's own thread. Without room nothing more is read from the broker, for a time that the bus
  // bounds; then the handler gets the message all the same. Empty: there always is.
  BusRoom room;
  // For the log: why an attempt to connect failed. Called like the handler.
  std::function<void(const std::string& reason)> on_attempt_failed;
  // TLS: used with mqtts://
  std::string ca_file, certificate_file, key_file;
};

class Bus {
 public:
  virtual ~Bus() = default;
  // Connects and stays connected until stop; every change comes to the handler. invalid_input: the settings.
  [[nodiscard]] virtual Result<void> start(BusHandler handler) = 0;
  virtual void stop() = 0;
  // Queued in order, sent with at most in_flight_max without PUBACK. unavailable: not connected (nothing is kept), or the
  // bounded queue is full. Returns the ticket that BusPublished will name (QoS 1), or 0 (QoS 0). Any thread.
  [[nodiscard]] virtual Result<std::uint64_t> publish(BusMessage message) = 0;
};

}  // namespace abide
