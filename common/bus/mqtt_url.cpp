#include "common/bus/mqtt_url.hpp"

#include <algorithm>
#include <charconv>

namespace abide {

namespace {

constexpr std::uint16_t plain_port = 1883;
constexpr std::uint16_t tls_port = 8883;
constexpr std::size_t host_bytes_max = 253;

bool is_host_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == ':';
}

}  // namespace

Result<BrokerAddress> parse_broker_url(std::string_view url) {
  const auto wrong = [&](std::string_view why) {
    return fail(Code::invalid_input, "broker URL '" + std::string(url) + "': " + std::string(why));
  };
  BrokerAddress address;
  std::string_view rest = url;
  if (rest.starts_with("mqtts://")) {
    address.tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("mqtt://")) {
    rest.remove_prefix(7);
  } else {
    return wrong("it must begin with mqtt:// or mqtts://");
  }
  if (rest.find('@') != std::string_view::npos) return wrong("credentials do not belong into it");
  if (rest.find_first_of("/?#") != std::string_view::npos) return wrong("nothing may follow host and port");

  std::string_view port;
  if (rest.starts_with('[')) {
    const auto end = rest.find(']');
    if (end == std::string_view::npos) return wrong("']' is missing");
    address.host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    if (!rest.empty() && !rest.starts_with(':')) return wrong("only a port may follow ']'");
    port = rest;
  } else {
    const auto colon = rest.find(':');
    address.host = rest.substr(0, colon);
    port = colon == std::string_view::npos ? std::string_view{} : rest.substr(colon);
  }
  if (address.host.empty()) return wrong("the host is missing");
  if (address.host.size() > host_bytes_max || !std::all_of(address.host.begin(), address.host.end(), is_host_byte))
    return wrong("that is no host");

  address.port = address.tls ? tls_port : plain_port;
  if (!port.empty()) {
    port.remove_prefix(1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (error != std::errc{} || end != port.data() + port.size() || address.port == 0) return wrong("the port must be 1 to 65535");
  }
  return address;
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  // Only the dotted form: 127.0.0.1.example.org begins alike.
  return host.starts_with("127.") && std::all_of(host.begin(), host.end(), [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

Result<void> check_plain_text(const BrokerAddress& address) {
  if (address.tls || is_loopback(address.host)) return {};
  return fail(Code::denied, "mqtt:// to " + address.host + " would be plain text over a network: use mqtts://");
}

}  // namespace abide
