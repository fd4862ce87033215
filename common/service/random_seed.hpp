#pragma once
// The one place where randomness enters a process: everything else is drawn from a Random that was seeded with it.
#include <cstdint>

namespace abide {

// 64 bits from the kernel, never 0. Waits early in boot until the kernel has collected enough. Any thread.
std::uint64_t random_seed();

}  // namespace abide
