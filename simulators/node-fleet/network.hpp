#pragma once
// What all connections of the process share: where the broker is, the addresses that they come from, TLS, and the one epoll
// that tells which of them have something to say. The loop's thread alone.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/bus/mqtt_url.hpp"
#include "common/core/result.hpp"

// OpenSSL's own declarations, so that this header needs none of its.
struct ssl_ctx_st;
struct ssl_st;

namespace abide::node_fleet {

using SteadyTime = std::chrono::steady_clock::time_point;

struct NetworkSettings {
  std::string broker_url;
  std::size_t source_addresses = 1;  // 1: the kernel chooses; more: 127.0.0.2 and those after it
  std::string ca_file;               // with mqtts://; empty: the system's
  std::string certificates;          // a folder with UUID.crt and UUID.key of each node; empty: nodes have none
};

inline constexpr std::size_t source_addresses_max = 1'000;

struct Traffic {
  std::uint64_t messages_out = 0, messages_in = 0;  // PUBLISH packets
  std::uint64_t payload_out = 0, payload_in = 0;    // bytes of their payloads alone
  std::uint64_t bytes_out = 0, bytes_in = 0;        // of all packets, without TLS and TCP
  std::uint64_t packets_out = 0, packets_in = 0;    // of all kinds
  std::uint64_t connects = 0;                       // connections that came up
  std::uint64_t losses = 0;                         // connections that ended and were not closed by the node
  std::uint64_t attempts_failed = 0;
  std::string last_failure;  // of an attempt
};

class Network {
 public:
  // invalid_input, denied (plain text to another machine), not_found (no such host, no such file), unavailable.
  static Result<std::unique_ptr<Network>> open(const NetworkSettings& settings);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // A socket that is connecting, watched under this tag. unavailable: no descriptor or no port is left, no route.
  Result<int> connect(std::size_t tag);
  void want_write(int fd, std::size_t tag, bool wanted);
  void close(int fd);
  // With the node's own certificate, if there is a folder of such. nullptr where the URL is without TLS.
  Result<ssl_st*> new_tls(int fd, const std::string& uuid);

  struct Ready {
    std::size_t tag = 0;
    bool readable = false, writable = false;  // errors and hang-ups are both
  };
  // Waits until there is something or the time has come; at most ready_max at once.
  const std::vector<Ready>& wait(SteadyTime until);
  // Any thread: the present or next wait returns at once.
  void wake();

  Traffic traffic;
  std::vector<char> scratch;  // what was just read

 private:
  struct Inside;
  explicit Network(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

// How many descriptors a run of so many nodes needs: sockets, and the files of the stores.
std::uint64_t descriptors_for(std::size_t nodes);
// Raises the process's limit as far as needed. denied: the text says how far it may go, and what to do about it.
Result<void> raise_descriptor_limit(std::uint64_t needed);

}  // namespace abide::node_fleet
