#include "simulators/node-fleet/mqtt_packets.hpp"

#include <cassert>

namespace abide::node_fleet::mqtt {
namespace {

enum class Kind : std::uint8_t {
  connect = 1,
  connack = 2,
  publish = 3,
  puback = 4,
  subscribe = 8,
  suback = 9,
  pingreq = 12,
  pingresp = 13,
  disconnect = 14
};

constexpr std::size_t length_bytes_max = 4;  // of the remaining length
constexpr std::uint8_t bad_subscription = 0x80;

char byte(std::size_t value) {
  return static_cast<char>(static_cast<unsigned char>(value & 0xFFU));
}

void append_header(std::string& out, Kind kind, unsigned flags, std::size_t length) {
  out += byte(static_cast<unsigned>(kind) << 4U | flags);
  do {
    const std::size_t low = length & 0x7FU;
    length >>= 7U;
    out += byte(low | (length > 0 ? 0x80U : 0U));
  } while (length > 0);
}

void append_number(std::string& out, std::size_t value) {
  out += byte(value >> 8U);
  out += byte(value);
}

void append_text(std::string& out, std::string_view text) {
  assert(text.size() <= text_bytes_max);
  append_number(out, text.size());
  out += text;
}

std::uint8_t at(std::string_view bytes, std::size_t index) {
  return static_cast<std::uint8_t>(bytes[index]);
}

std::uint16_t number_at(std::string_view bytes, std::size_t index) {
  return static_cast<std::uint16_t>(at(bytes, index) << 8U | at(bytes, index + 1));
}

Unexpected broken(const std::string& what) {
  return fail(Code::corrupt, "MQTT: " + what);
}

Result<Packet> publish_of(unsigned flags, std::string_view body) {
  Publish publish;
  publish.qos = static_cast<int>(flags >> 1U & 3U);
  publish.retained = (flags & 1U) != 0;
  if (publish.qos > 1) return broken("a PUBLISH of QoS " + std::to_string(publish.qos));
  if (body.size() < 2) return broken("a PUBLISH without topic");
  const std::size_t topic = number_at(body, 0);
  body.remove_prefix(2);
  const std::size_t id = publish.qos == 1 ? 2 : 0;
  if (topic == 0 || body.size() < topic + id) return broken("a PUBLISH that is cut off");
  publish.topic = body.substr(0, topic);
  body.remove_prefix(topic);
  if (publish.qos == 1) publish.id = number_at(body, 0);
  if (publish.qos == 1 && publish.id == 0) return broken("a PUBLISH of QoS 1 without id");
  publish.payload = body.substr(id);
  return Packet{publish};
}

Result<Packet> packet_of(std::uint8_t first, std::string_view body) {
  const unsigned flags = first & 0x0FU;
  const auto kind = static_cast<Kind>(first >> 4U);
  if (kind == Kind::publish) return publish_of(flags, body);
  if (flags != 0) return broken("a packet with wrong flags");
  switch (kind) {
    case Kind::connack:
      if (body.size() == 2) return Packet{Connack{at(body, 1)}};
      break;
    case Kind::puback:
      if (body.size() == 2) return Packet{Puback{number_at(body, 0)}};
      break;
    case Kind::suback: {
      if (body.size() < 3) break;
      Suback suback{number_at(body, 0), true};
      for (std::size_t i = 2; i < body.size(); ++i) suback.granted = suback.granted && at(body, i) < bad_subscription;
      return Packet{suback};
    }
    case Kind::pingresp:
      if (body.empty()) return Packet{Pingresp{}};
      break;
    default:
      break;
  }
  return broken("a packet of kind " + std::to_string(first >> 4U) + " with " + std::to_string(body.size()) + " bytes");
}

}  // namespace

void append_connect(std::string& out, std::string_view client_id, std::string_view user_name, const std::optional<BusMessage>& will,
                    int keep_alive_s) {
  unsigned flags = 2;  // clean session
  std::size_t length = 10 + 2 + client_id.size();
  if (will) {
    flags |= 4U | static_cast<unsigned>(will->qos) << 3U | (will->retain ? 0x20U : 0U);
    length += 4 + will->topic.size() + will->payload.size();
  }
  if (!user_name.empty()) {
    flags |= 0x80U;
    length += 2 + user_name.size();
  }
  append_header(out, Kind::connect, 0, length);
  append_text(out, "MQTT");
  out += byte(4);
  out += byte(flags);
  append_number(out, static_cast<std::size_t>(keep_alive_s));
  append_text(out, client_id);
  if (will) {
    append_text(out, will->topic);
    append_text(out, will->payload);
  }
  if (!user_name.empty()) append_text(out, user_name);
}

void append_subscribe(std::string& out, std::uint16_t id, const std::vector<std::string>& filters) {
  std::size_t length = 2;
  for (const auto& filter : filters) length += 3 + filter.size();
  append_header(out, Kind::subscribe, 2, length);
  append_number(out, id);
  for (const auto& filter : filters) {
    append_text(out, filter);
    out += byte(1);
  }
}

std::size_t append_publish(std::string& out, std::uint16_t id, std::string_view topic, std::string_view payload, int qos, bool retain) {
  const auto before = out.size();
  append_header(out, Kind::publish, static_cast<unsigned>(qos) << 1U | (retain ? 1U : 0U),
                2 + topic.size() + (qos > 0 ? 2 : 0) + payload.size());
  append_text(out, topic);
  if (qos > 0) append_number(out, id);
  out += payload;
  return out.size() - before;
}

void append_puback(std::string& out, std::uint16_t id) {
  append_header(out, Kind::puback, 0, 2);
  append_number(out, id);
}

void append_pingreq(std::string& out) {
  append_header(out, Kind::pingreq, 0, 0);
}

void append_disconnect(std::string& out) {
  append_header(out, Kind::disconnect, 0, 0);
}

Result<std::optional<Taken>> next_packet(std::string_view bytes) {
  std::size_t length = 0;
  std::size_t at_byte = 1;
  for (unsigned shift = 0;; shift += 7) {
    if (at_byte > length_bytes_max) return broken("a length of more than four bytes");
    if (at_byte >= bytes.size()) return std::optional<Taken>{};
    const auto part = at(bytes, at_byte++);
    length |= static_cast<std::size_t>(part & 0x7FU) << shift;
    if ((part & 0x80U) == 0) break;
  }
  if (length > packet_bytes_max) return broken("a packet of " + std::to_string(length) + " bytes");
  if (bytes.size() - at_byte < length) return std::optional<Taken>{};
  auto packet = packet_of(at(bytes, 0), bytes.substr(at_byte, length));
  if (!packet) return fail(packet.error());
  return std::optional(Taken{*packet, at_byte + length});
}

std::string refusal_text(std::uint8_t code) {
  switch (code) {
    case 1:
      return "the broker refuses this version of MQTT";
    case 2:
      return "the broker refuses the client id";
    case 3:
      return "the broker is unavailable";
    case 4:
      return "the broker refuses user name or password";
    case 5:
      return "the broker does not authorise this client";
    default:
      return "the broker refuses the connection, code " + std::to_string(code);
  }
}

}  // namespace abide::node_fleet::mqtt
