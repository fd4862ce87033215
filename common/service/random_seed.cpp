#include "common/service/random_seed.hpp"

#include <cassert>
#include <cerrno>
#include <sys/random.h>

namespace abide {

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  while (seed == 0) {
    const ssize_t count = getrandom(&seed, sizeof seed, 0);  // up to 256 bytes come whole, or not at all if a signal came first
    assert(count == static_cast<ssize_t>(sizeof seed) || errno == EINTR);
    if (count != static_cast<ssize_t>(sizeof seed)) seed = 0;
  }
  return seed;
}

}  // namespace abide
