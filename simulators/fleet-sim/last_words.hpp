#pragma once
// An assertion of the product that fails ends this process, and is a finding like any other: so its last line on stderr is
// the command that brings it about again.
#include <string>

namespace abide::fleet_sim {

void install_last_words();  // catches SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL

// What the calling thread does while this lives.
class Announced {
 public:
  explicit Announced(const std::string& command);
  ~Announced();
  Announced(const Announced&) = delete;
  Announced& operator=(const Announced&) = delete;
};

}  // namespace abide::fleet_sim
