#pragma once
// A real Mosquitto with our configuration and ACL, on a free port of its own.
#include <cstdint>
#include <string>

#include "tests/support/child.hpp"

namespace abide::test {

class Broker {
 public:
  // The loopback configuration. Throws where it does not come up: a test cannot go on without.
  Broker() : Broker("mosquitto.conf", "") {}
  // A configuration of broker-config/, with a directory for @CERTIFICATES@, and more lines.
  Broker(std::string configuration, std::string certificates, std::string more = {});
  [[nodiscard]] std::string url() const {
    return (certificates_.empty() ? "mqtt://127.0.0.1:" : "mqtts://127.0.0.1:") + std::to_string(port_);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  void stop();           // SIGTERM: connections end, retained messages are forgotten
  void start();          // on the same port
  void suspend() const;  // SIGSTOP: it is there and says nothing
  void resume() const;
  [[nodiscard]] std::string log() const;

 private:
  bool come_up();
  TemporaryDirectory directory_;
  std::string configuration_;
  std::string certificates_;
  std::string more_;
  std::uint16_t port_ = 0;
  Child process_;
};

// A port that was free a moment ago.
std::uint16_t free_port();

}  // namespace abide::test
