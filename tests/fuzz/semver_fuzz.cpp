// A semantic version: what is taken is equal to itself, and a range that begins with it holds it.
#include <cstddef>
#include <cstdint>
#include <string>

#include "common/core/semver.hpp"
#include "tests/fuzz/require.hpp"

using namespace abide;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto cut = text.find('\n');
  const auto left = parse_semver(text.substr(0, cut));
  if (!left) return 0;
  require(compare(*left, *left) == 0, "equal to itself");
  const auto range = parse_tilde_range("~" + text.substr(0, cut));
  require(range && contains(*range, *left), "in the range that it begins");
  if (cut == std::string::npos) return 0;
  const auto right = parse_semver(text.substr(cut + 1));
  if (!right) return 0;
  const auto order = compare(*left, *right);
  require((order < 0) == (compare(*right, *left) > 0) && (order == 0) == (compare(*right, *left) == 0), "one order, from both sides");
  if (contains(*range, *right)) require(order <= 0 && right->major == left->major && right->minor == left->minor, "in range");
  return 0;
}
