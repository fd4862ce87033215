#include "common/core/version.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace abide {
namespace {

constexpr std::size_t parts_max = 8;

struct Parts {
  std::array<std::string_view, parts_max> digits;  // without leading zeros, so that the longer one is the greater
  std::size_t count = 0;
};

std::optional<Parts> split(std::string_view text) {
  Parts parts;
  while (true) {
    const auto dot = text.find('.');
    std::string_view part = text.substr(0, dot);
    if (part.empty() || parts.count == parts_max) return std::nullopt;
    if (!std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
    part.remove_prefix(std::min(part.find_first_not_of('0'), part.size()));
    parts.digits[parts.count++] = part;
    if (dot == std::string_view::npos) return parts;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace

bool is_version(std::string_view text) {
  return split(text).has_value();
}

std::optional<std::strong_ordering> compare_versions(std::string_view left, std::string_view right) {
  const auto a = split(left);
  const auto b = split(right);
  if (!a || !b) return std::nullopt;
  for (std::size_t i = 0; i < std::min(a->count, b->count); ++i) {
    if (const auto order = a->digits[i].size() <=> b->digits[i].size(); order != 0) return order;
    if (const int order = a->digits[i].compare(b->digits[i]); order != 0) return order <=> 0;
  }
  return a->count <=> b->count;
}

}  // namespace abide
