#pragma once
// One random walk through the small world: operator, faults, time and every interleaving of what moves by itself; then the
// faults end, and the node must come to rest. The same seed always walks the same way.
#include <cstdint>
#include <string>

#include "tests/support/node_world.hpp"

namespace abide::test {

// Empty: nothing that must never happen did, and it ended. Else what went wrong first.
std::string walk(NodeWorld& world, std::uint64_t seed, int steps = 300);
// The end of its log.
std::string transcript(const NodeWorld& world);

}  // namespace abide::test
