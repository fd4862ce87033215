#pragma once
// A scenario file: prose, and blocks of an order and what it must bring about.
//
//   # A window that ends while the image is on its way
//   #
//   # The node goes on staging, and waits for the next window.
//
//   publish 2.0
//   ----
//   +00:00:00 orchestrator  OsResourceCreated ...
//
//   wait 10m
//   ----
//
// Lines that begin with # are prose and stay where they are. An order is one line, or several that stand right under each
// other; below it `----` and then the lines that it must bring about, up to the next empty line.
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"

namespace abide::scenario {

inline constexpr std::size_t script_bytes_max = 1'000'000;
inline constexpr std::string_view mark = "----";

struct Order {
  std::size_t line = 0;  // in the file, from 1
  std::string words;
};

struct Block {
  std::vector<std::string> prose;  // as it stands, empty lines too
  std::vector<Order> orders;       // none: prose alone, at the end of the file
  std::vector<std::string> expected;
};

struct Script {
  std::vector<Block> blocks;
};

// invalid_input names the line: no mark below an order, a mark without order, too long.
Result<Script> parse_script(std::string_view text);
// The file again; parse_script of it gives the same.
std::string format_script(const Script& script);

}  // namespace abide::scenario
