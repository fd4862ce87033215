#pragma once
// A property that a fuzz target holds to: abort, so that the fuzzer keeps the input.
#include <cstdio>
#include <cstdlib>

namespace abide::fuzz {

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace abide::fuzz
