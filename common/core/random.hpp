#pragma once
// Random draws for pure code: the generator is a value in the machine's Link, seeded by the shell, so that a run is
// repeated by its seed with every compiler. Draw once per statement: two draws in one argument list have no order.
#include <cstdint>

namespace abide {

// SplitMix64 (Steele, Lea, Flood 2014): 64 bits of state, full period, good enough to spread load and to name things;
// never for secrets.
struct Random {
  std::uint64_t state = 0;

  std::uint64_t next() {
    state += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  // Never 0, which means "none" in every Id64.
  std::uint64_t next_id() {
    std::uint64_t id = next();
    while (id == 0) id = next();
    return id;
  }
  // In [0, limit), 0 if limit is 0. The bias of the remainder is below 2^-32 for the limits used here.
  std::uint64_t below(std::uint64_t limit) { return limit == 0 ? 0 : next() % limit; }

  friend bool operator==(const Random&, const Random&) = default;
};

}  // namespace abide
