#pragma once
// Where a broker is, and whether it may be spoken to without TLS.
#include <cstdint>
#include <string>
#include <string_view>

#include "common/core/result.hpp"

namespace abide {

struct BrokerAddress {
  std::string host;  // without the brackets of an IPv6 address
  std::uint16_t port = 0;
  bool tls = false;
  friend bool operator==(const BrokerAddress&, const BrokerAddress&) = default;
};

// mqtt://host[:port] (1883) or mqtts://host[:port] (8883). invalid_input: anything else, also a path, a query or
// credentials; those have settings of their own.
Result<BrokerAddress> parse_broker_url(std::string_view url);

// localhost, 127.0.0.0/8, ::1, by name alone: nothing is resolved.
bool is_loopback(std::string_view host);

// denied: plain text to another machine. Credentials and documents never leave this one without TLS.
Result<void> check_plain_text(const BrokerAddress& address);

}  // namespace abide
