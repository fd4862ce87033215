#pragma once
// Orders in plain words: a pattern is matched word by word, words in capitals catch one word each.
//
//   "link NODE to POLICY"  matches  "link n1 to latest"
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"

namespace abide::scenario {

using Caught = std::vector<std::string>;  // what the capitals stand for, in order

// Nothing: it does not match.
std::optional<Caught> match(std::string_view pattern, std::string_view words);

// "250ms", "10s", "5m", "2h", "3d" and sums like "1h30m". invalid_input.
Result<std::int64_t> parse_time_ms(std::string_view text);

}  // namespace abide::scenario
