#pragma once
// How the daemons end, for scripts and for systemd (RestartPreventExitStatus=2 4 5). abidectl has codes of its own.
#include "common/core/result.hpp"

namespace abide {

enum class ExitCode : int {
  ok = 0,             // asked to stop, and did
  failed = 1,         // anything without a code of its own; the last line on stderr says what
  usage = 2,          // a flag, a variable or a line of the config file is wrong; nothing was started
  state_in_use = 3,   // another process uses the state directory
  state_newer = 4,    // the state directory is from a newer version; nothing was changed
  state_corrupt = 5,  // what is in the state directory is damaged; nothing was changed
  commit_failed = 6,  // disk full or I/O error at a commit: nothing after it was acted on or published, a restart goes on from there
  superseded = 7,     // another orchestrator serves this project, with an epoch that is not lower
  listen_failed = 8,  // the address to listen on is taken or not ours
};

constexpr int to_int(ExitCode code) {
  return static_cast<int>(code);
}

// For a state directory that did not open.
ExitCode exit_code_of_open(const Error& error);

}  // namespace abide
