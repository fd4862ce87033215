#pragma once
#include <string>

#include "common/core/result.hpp"

namespace abide::discovery {

// A whole file. not_found; unavailable; invalid_input: larger than that.
Result<std::string> read_file(const std::string& path, std::size_t bytes_max);

}  // namespace abide::discovery
