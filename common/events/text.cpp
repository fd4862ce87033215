#include "common/events/text.hpp"

#include <algorithm>
#include <cstdint>

namespace abide {
namespace {

// Length of the well-formed character that `bytes` begins with; 0: none does. Ranges are those of RFC 3629, section 4.
std::size_t character(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return i < bytes.size() ? static_cast<std::uint8_t>(bytes[i]) : std::uint8_t{0}; };
  const auto tail = [&](std::size_t i, std::uint8_t low = 0x80, std::uint8_t high = 0xBF) { return at(i) >= low && at(i) <= high; };
  const std::uint8_t first = at(0);
  if (bytes.empty()) return 0;
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const std::uint8_t low = first == 0xE0 ? 0xA0 : 0x80;
    const std::uint8_t high = first == 0xED ? 0x9F : 0xBF;
    return tail(1, low, high) && tail(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const std::uint8_t low = first == 0xF0 ? 0x90 : 0x80;
    const std::uint8_t high = first == 0xF4 ? 0x8F : 0xBF;
    return tail(1, low, high) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  // Nearly all texts are ASCII.
  bytes.remove_prefix(static_cast<std::size_t>(
      std::find_if(bytes.begin(), bytes.end(), [](char byte) { return static_cast<std::uint8_t>(byte) >= 0x80; }) - bytes.begin()));
  while (!bytes.empty()) {
    const std::size_t length = character(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::string clip_text(std::string_view bytes, std::size_t bytes_max) {
  std::string text;
  while (!bytes.empty()) {
    const std::size_t length = character(bytes);
    const std::size_t taken = length == 0 ? 1 : length;
    if (text.size() + taken > bytes_max) break;
    if (length == 0)
      text += '?';
    else
      text += bytes.substr(0, length);
    bytes.remove_prefix(taken);
  }
  return text;
}

}  // namespace abide
