#pragma once
// One run of a command: a process group of its own, its output's end kept, killed at its deadline.
#include <cstdint>
#include <string>
#include <vector>

namespace abide::agent {

struct ChildResult {
  enum class End { passed, failed, timed_out, stopped };
  End end = End::failed;
  std::string how;          // for people: "exit 3", "signal 11", "no answer in 500 ms"
  std::string output_tail;  // printable, at most output_tail_bytes_max
};

// Blocks until the command's end, its deadline, or `stop_descriptor` becomes readable. Nothing of the group is left.
ChildResult run_child(const std::vector<std::string>& command, const std::vector<std::string>& environment, std::int64_t deadline_ms,
                      int stop_descriptor);

}  // namespace abide::agent
