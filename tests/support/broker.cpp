#include "tests/support/broker.hpp"

#include <arpa/inet.h>
#include <fstream>
#include <netinet/in.h>
#include <signal.h>
#include <stdexcept>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace abide::test {

namespace {

constexpr int attempts_max = 5;
constexpr std::chrono::seconds come_up_max{10};
constexpr std::chrono::milliseconds poll_every{5};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool answers(std::uint16_t port) {
  const int socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = loopback(port);
  const bool connected = connect(socket_fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(socket_fd);
  return connected;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) text.replace(at, what.size(), by);
  return text;
}

}  // namespace

std::uint16_t free_port() {
  const int socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(socket_fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      getsockname(socket_fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no free port");
  close(socket_fd);
  return ntohs(address.sin_port);
}

Broker::Broker(std::string configuration, std::string certificates, std::string more)
    : configuration_(std::move(configuration)), certificates_(std::move(certificates)), more_(std::move(more)) {
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    port_ = free_port();
    if (come_up()) return;
  }
  throw std::runtime_error("mosquitto does not start: " + log());
}

bool Broker::come_up() {
  const std::string source = ABIDE_SOURCE_DIR;
  auto text = replaced(read_file(source + "/broker-config/" + configuration_) + more_, "@PORT@", std::to_string(port_));
  text = replaced(text, "@ACL@", source + "/broker-config/acl");
  text = replaced(text, "@CERTIFICATES@", certificates_);
  text = replaced(text, "@LIMITS@", ABIDE_BINARY_DIR "/bin/abide-broker-limits.so");
  if (geteuid() == 0) text += "\nuser root\n";  // else it gives up its rights before it reads the key
  std::ofstream(directory_ / "mosquitto.conf") << text;
  process_ = Child::start({"mosquitto", "-c", directory_ / "mosquitto.conf"}, directory_ / "log", directory_ / "log");
  const auto until = std::chrono::steady_clock::now() + come_up_max;
  while (std::chrono::steady_clock::now() < until) {
    if (process_.ended()) return false;
    if (answers(port_)) return true;
    std::this_thread::sleep_for(poll_every);
  }
  return false;
}

void Broker::stop() {
  // Again and again: Mosquitto forgets a SIGTERM that comes before its loop has begun.
  const auto until = std::chrono::steady_clock::now() + come_up_max;
  do {
    process_.signal(SIGTERM);
    if (process_.wait(std::chrono::milliseconds{200})) return;
  } while (std::chrono::steady_clock::now() < until);
  throw std::runtime_error("mosquitto does not stop");
}

void Broker::start() {
  if (!come_up()) throw std::runtime_error("mosquitto does not come back: " + log());
}

void Broker::suspend() const {
  process_.signal(SIGSTOP);
}
void Broker::resume() const {
  process_.signal(SIGCONT);
}
std::string Broker::log() const {
  return read_file(directory_ / "log");
}

}  // namespace abide::test
