#pragma once
// Calls abidectl as a shell would, in this process.
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tools/abidectl/grammar.hpp"

namespace abide::ctl {

struct Called {
  int code = 0;
  std::string out, err;
};

inline constexpr std::int64_t now_ms = 1'780'538'400'000;  // 2026-06-04T02:00:00Z

inline Called call(const std::vector<std::string>& words, const std::map<std::string, std::string>& environment = {},
                   const std::string& input = {}, bool terminal = false, int waits_max = 0, bool person = false) {
  std::ostringstream out, err;
  std::istringstream in(input);
  Surroundings around;
  around.out = &out;
  around.err = &err;
  around.in = &in;
  around.environment = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    if (found == environment.end()) return std::nullopt;
    return found->second;
  };
  around.now_ms = [] { return now_ms; };
  // A watch never ends by itself; the reader goes away after so many looks.
  int waits = 0;
  around.wait = [&](std::int64_t) {
    if (++waits > waits_max) out.setstate(std::ios::badbit);
  };
  around.out_is_terminal = terminal;
  around.in_is_terminal = person;
  around.columns = [] { return std::size_t{120}; };
  around.silence_seconds = 1;  // the least that curl counts
  Called called;
  called.code = run(words, around);
  called.out = out.str();
  called.err = err.str();
  return called;
}

}  // namespace abide::ctl
