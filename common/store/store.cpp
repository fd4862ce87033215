#include "common/store/store.hpp"

#include <cassert>

namespace abide {

std::size_t Batch::bytes() const {
  std::size_t bytes = 0;
  for (const auto& change : changes_) bytes += change.key.size() + (change.value ? change.value->size() : 0);
  return bytes;
}

std::string after_prefix(std::string_view prefix) {
  std::string key(prefix);
  while (!key.empty() && static_cast<unsigned char>(key.back()) == 0xFF) key.pop_back();
  if (!key.empty()) key.back() = static_cast<char>(static_cast<unsigned char>(key.back()) + 1);
  return key;
}

std::string big_endian(std::uint64_t number) {
  std::string bytes(8, '\0');
  for (std::size_t i = 8; i > 0; --i, number >>= 8U) bytes[i - 1] = static_cast<char>(static_cast<unsigned char>(number));
  return bytes;
}

std::uint64_t from_big_endian(std::string_view eight_bytes) {
  assert(eight_bytes.size() == 8);
  std::uint64_t number = 0;
  for (const char byte : eight_bytes) number = number << 8U | static_cast<unsigned char>(byte);
  return number;
}

}  // namespace abide
