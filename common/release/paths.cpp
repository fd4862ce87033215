#include "common/release/paths.hpp"

#include <algorithm>

namespace abide {

namespace {

constexpr std::size_t path_bytes_max = 1024;

}  // namespace

bool is_absolute_url(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

std::string absolute_url(std::string_view root, std::string_view path) {
  if (is_absolute_url(path)) return std::string(path);
  static constexpr std::string_view plain = "-._~/:@!$&'()*+,;=";
  static constexpr std::string_view digits = "0123456789ABCDEF";
  while (root.ends_with('/')) root.remove_suffix(1);
  std::string url(root);
  url += '/';
  for (const char c : path) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || plain.find(c) != std::string_view::npos) {
      url += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      url += '%';
      url += digits[byte >> 4];
      url += digits[byte & 15];
    }
  }
  return url;
}

bool is_safe_relative_path(std::string_view path) {
  if (path.empty() || path.size() > path_bytes_max || path.front() == '/' || path.find("://") != std::string_view::npos) return false;
  for (const char c : path) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\') return false;
  }
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (path.substr(begin, end - begin) == "..") return false;
    begin = end + 1;
  }
  return true;
}

}  // namespace abide
