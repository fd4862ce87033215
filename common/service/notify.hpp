#pragma once
// What a daemon tells the one who started it: systemd by its notify protocol (a datagram to the socket that NOTIFY_SOCKET
// names; man sd_notify), scripts by one line on stdout. Without either nothing happens. Any thread.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace abide {

class ServiceManager {
 public:
  // By the environment of the process: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID.
  static ServiceManager of_environment();
  // socket: a path, or '@' and an abstract name; empty: nobody to tell.
  explicit ServiceManager(std::string socket, std::optional<std::int64_t> watchdog_ms = std::nullopt);

  // Each false where there is somebody to tell and it could not be told.
  bool ready() const { return send("READY=1"); }
  bool stopping() const { return send("STOPPING=1"); }
  bool alive() const { return send("WATCHDOG=1"); }
  bool status(std::string_view line) const;

  // Without `alive` for this long the service is killed: say it at half of that. None: no watchdog.
  [[nodiscard]] std::optional<std::int64_t> watchdog_ms() const { return watchdog_ms_; }

 private:
  [[nodiscard]] bool send(std::string_view message) const;

  std::string socket_;
  std::optional<std::int64_t> watchdog_ms_;
};

using ReadyFields = std::vector<std::pair<std::string, std::string>>;
// "ready api=http://127.0.0.1:43121": values with blanks or quotes are quoted.
std::string ready_line(const ReadyFields& fields);
// Writes it to stdout, at once.
void print_ready(const ReadyFields& fields);

}  // namespace abide
