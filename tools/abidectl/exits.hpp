#pragma once
// What abidectl's exit codes mean; `abidectl --help` lists them.
#include <string_view>

#include "common/core/result.hpp"

namespace abide::ctl {

inline constexpr int exit_done = 0;
inline constexpr int exit_refused = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_not_found = 3;
inline constexpr int exit_unreachable = 4;
inline constexpr int exit_conflict = 5;

// invalid_input is what this program finds wrong with its own arguments; what the server refuses is `denied`.
constexpr int exit_of(Code code) {
  switch (code) {
    case Code::invalid_input:
      return exit_usage;
    case Code::not_found:
      return exit_not_found;
    case Code::conflict:
      return exit_conflict;
    case Code::unavailable:
    case Code::timeout:
      return exit_unreachable;
    case Code::corrupt:
    case Code::denied:
      return exit_refused;
  }
  return exit_refused;
}

}  // namespace abide::ctl
