#include "common/service/notify.hpp"

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/service/logging.hpp"

namespace abide {
namespace {

std::optional<std::int64_t> whole_number(const char* text) {
  if (text == nullptr) return std::nullopt;
  std::int64_t number = 0;
  const char* const end = text + std::strlen(text);
  const auto [stopped, error] = std::from_chars(text, end, number);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return number;
}

}  // namespace

ServiceManager ServiceManager::of_environment() {
  const char* const socket = std::getenv("NOTIFY_SOCKET");
  const auto watchdog_us = whole_number(std::getenv("WATCHDOG_USEC"));
  const auto watched = whole_number(std::getenv("WATCHDOG_PID"));
  const bool meant = watchdog_us && *watchdog_us > 0 && (!watched || *watched == ::getpid());
  return ServiceManager(socket == nullptr ? "" : socket, meant ? std::optional(*watchdog_us / 1000) : std::nullopt);
}

ServiceManager::ServiceManager(std::string socket, std::optional<std::int64_t> watchdog_ms)
    : socket_(std::move(socket)), watchdog_ms_(watchdog_ms) {}

bool ServiceManager::status(std::string_view line) const {
  return send("STATUS=" + one_line(line));
}

bool ServiceManager::send(std::string_view message) const {
  if (socket_.empty()) return true;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_.front() == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  const ssize_t sent = ::sendto(fd, message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), length);
  ::close(fd);
  return sent == static_cast<ssize_t>(message.size());
}

std::string ready_line(const ReadyFields& fields) {
  std::string line = "ready";
  for (const auto& [key, value] : fields) {
    line += " " + key + "=";
    if (!value.empty() && value.find_first_of(" \t\"\\") == std::string::npos) {
      line += one_line(value);
      continue;
    }
    line += '"';
    for (const char c : one_line(value)) {
      if (c == '"' || c == '\\') line += '\\';
      line += c;
    }
    line += '"';
  }
  return line;
}

void print_ready(const ReadyFields& fields) {
  const std::string line = ready_line(fields) + "\n";
  std::size_t written = 0;
  while (written < line.size()) {
    const ssize_t count = ::write(STDOUT_FILENO, line.data() + written, line.size() - written);
    if (count < 0 && errno != EINTR) return;  // nobody listens
    if (count > 0) written += static_cast<std::size_t>(count);
  }
}

}  // namespace abide
