#pragma once
// CPU and memory of other processes of this machine, and of this one, from /proc. Any thread.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace abide::node_fleet {

struct ProcessUse {
  double cpu_s = 0;                // user and system, since it was started
  std::uint64_t resident = 0;      // bytes
  std::uint64_t resident_max = 0;  // the most there ever were
};

// Nothing: there is no such process any more.
std::optional<ProcessUse> use_of(std::int64_t pid);
std::int64_t own_pid();
// "mosquitto"; empty: none.
std::string name_of_process(std::int64_t pid);
// Which other process listens on this port here. Nothing: none, or this one may not look.
std::optional<std::int64_t> listener_on(std::uint16_t port);

// What a process needs, and where it was killed and started again, all that came after it.
class WatchedProcess {
 public:
  // With a port it is followed by whoever listens there once it has gone.
  explicit WatchedProcess(std::int64_t pid, std::uint16_t port = 0);
  void begin();  // to count its CPU from here on
  // As it is now: CPU since `begin` of all of them, and memory, which is 0 while there is none. The most is that of any of them.
  ProcessUse look();
  [[nodiscard]] const ProcessUse& last() const { return last_; }  // as `look` gave it
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::int64_t pid() const { return pid_; }  // the newest

 private:
  std::string name_;
  std::int64_t pid_;
  std::uint16_t port_;
  double cpu_before_s_ = 0;  // of those that have gone, less what the first had before `begin`
  double cpu_s_ = 0;         // of this one, when it was last there
  ProcessUse last_;
};

}  // namespace abide::node_fleet
