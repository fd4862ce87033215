#pragma once
// The part of MQTT 3.1.1 that a node needs, as bytes: what it sends, and what a broker sends to it. Pure; any thread.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/bus/bus.hpp"
#include "common/core/result.hpp"

namespace abide::node_fleet::mqtt {

// The largest that is taken from a broker: an envelope of 1 MiB, with topic and header.
inline constexpr std::size_t packet_bytes_max = (1U << 20U) + (64U << 10U);
inline constexpr std::size_t text_bytes_max = 65'535;  // client id, user name, topic

// ---- what is sent: appended to `out`. Texts and ids are within their limits -----------------------------------------

// A clean session. An empty user name: none.
void append_connect(std::string& out, std::string_view client_id, std::string_view user_name, const std::optional<BusMessage>& will,
                    int keep_alive_s);
void append_subscribe(std::string& out, std::uint16_t id, const std::vector<std::string>& filters);  // each at QoS 1
// `id` counts for QoS 1 only. How many bytes that were.
std::size_t append_publish(std::string& out, std::uint16_t id, std::string_view topic, std::string_view payload, int qos, bool retain);
void append_puback(std::string& out, std::uint16_t id);
void append_pingreq(std::string& out);
void append_disconnect(std::string& out);

// ---- what comes -----------------------------------------------------------------------------------------------------

struct Connack {
  std::uint8_t code = 0;  // 0: connected
};
struct Suback {
  std::uint16_t id = 0;
  bool granted = false;  // every filter
};
struct Publish {
  std::string_view topic, payload;  // into the bytes that were given
  std::uint16_t id = 0;
  int qos = 0;
  bool retained = false;
};
struct Puback {
  std::uint16_t id = 0;
};
struct Pingresp {};
using Packet = std::variant<Connack, Suback, Publish, Puback, Pingresp>;

struct Taken {
  Packet packet;
  std::size_t bytes = 0;  // of the packet, with its header
};

// The packet that `bytes` begin with. Nothing: more bytes are needed. corrupt: this is no packet for a client at QoS 0 and 1,
// and nothing behind it can be read.
Result<std::optional<Taken>> next_packet(std::string_view bytes);

// Why a broker said no, by the code of its CONNACK.
std::string refusal_text(std::uint8_t code);

}  // namespace abide::node_fleet::mqtt
