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
// Who listens on this port here. Nothing: nobody, or this process may not look.
std::optional<std::int64_t> listener_on(std::uint16_t port);

}  // namespace abide::node_fleet
