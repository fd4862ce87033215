#pragma once
// Which files this program has flushed: tests/node_io/flushes.cpp stands in for fsync, and flushes too.
#include <string>

namespace abide::test {

// How often fsync was called on the file at this path.
[[nodiscard]] std::size_t flushes_of(const std::string& path);

}  // namespace abide::test
