#include "simulators/fleet-sim/last_words.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <unistd.h>

namespace abide::fleet_sim {

namespace {

// Fixed memory: a handler must not allocate.
thread_local std::array<char, 4'096> words{};

void speak(int signal) {
  constexpr char lead[] = "\nabide-fleet-sim: the program itself failed, and does so again with:\n  ";
  constexpr char none[] = "(no run was under way in this thread)";
  const bool any = words[0] != '\0';
  // What cannot be said is not said; there is nobody to tell.
  (void)!write(STDERR_FILENO, lead, sizeof lead - 1);
  (void)!write(STDERR_FILENO, any ? words.data() : none, any ? strnlen(words.data(), words.size()) : sizeof none - 1);
  (void)!write(STDERR_FILENO, "\n", 1);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

void install_last_words() {
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, speak);
}

Announced::Announced(const std::string& command) {
  const auto size = std::min(command.size(), words.size() - 1);
  std::copy_n(command.begin(), size, words.begin());
  words[size] = '\0';
}
Announced::~Announced() {
  words[0] = '\0';
}

}  // namespace abide::fleet_sim
