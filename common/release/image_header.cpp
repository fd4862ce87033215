#include "common/release/image_header.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace abide {
namespace {

constexpr std::size_t value_bytes_max = 500;
constexpr std::size_t lines_max = 64;

struct Key {
  std::string_view name;
  std::string ImageHeader::*value;
  bool required;
};
constexpr std::string_view size_key = "IMAGE_RAW_SIZE";
const std::array<Key, 5>& keys() {
  static const std::array<Key, 5> all = {{{"PROFILE_NAME", &ImageHeader::profile_name, true},
                                          {"IMAGE_ID", &ImageHeader::os_image_id, true},
                                          {"ARCHITECTURE", &ImageHeader::architecture, true},
                                          {"BUILD_NUMBER", &ImageHeader::build_number, false},
                                          {"IMAGE_BUILD_DATE", &ImageHeader::build_date, false}}};
  return all;
}

bool is_key_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}
bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

Unexpected wrong(std::size_t line, std::string_view what) {
  return fail(Code::corrupt, fmt::format("image header, line {}: {}", line, what));
}

// os-release allows quotes around a value; nothing inside them is special here.
Result<std::string> unquoted(std::string_view value, std::size_t line) {
  if (!value.empty() && (value.front() == '"' || value.front() == '\'')) {
    if (value.size() < 2 || value.back() != value.front()) return wrong(line, "an open quote");
    value = value.substr(1, value.size() - 2);
  }
  if (value.find_first_of("\"'\\") != std::string_view::npos) return wrong(line, "a quote or backslash inside a value");
  return std::string(value);
}

Result<void> take_line(std::string_view text, std::size_t line, ImageHeader& header, std::array<bool, 6>& seen) {
  if (text.empty() || text.front() == '#') return {};
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) return wrong(line, "is not KEY=VALUE");
  const std::string_view key = text.substr(0, equals);
  if (!std::all_of(key.begin(), key.end(), is_key_character)) return wrong(line, "is not KEY=VALUE");
  if (!is_printable(text)) return wrong(line, "has characters that are not printable ASCII");
  Result<std::string> value = unquoted(text.substr(equals + 1), line);
  if (!value) return fail(value.error());
  if (value->size() > value_bytes_max) return wrong(line, fmt::format("a value is longer than {} bytes", value_bytes_max));
  const auto take_once = [&](std::size_t index) {
    const bool first = !seen[index];
    seen[index] = true;
    return first;
  };
  for (std::size_t index = 0; index < keys().size(); ++index) {
    if (keys()[index].name != key) continue;
    if (!take_once(index)) return wrong(line, fmt::format("{} comes twice", key));
    header.*keys()[index].value = *std::move(value);
    return {};
  }
  if (key != size_key) return {};
  if (!take_once(keys().size())) return wrong(line, fmt::format("{} comes twice", key));
  const char* const end = value->data() + value->size();
  const auto [read_to, error] = std::from_chars(value->data(), end, header.raw_bytes);
  if (error != std::errc{} || read_to != end || header.raw_bytes < image_header_bytes) {
    return wrong(line, fmt::format("{} is not a number of bytes from {} on", key, image_header_bytes));
  }
  return {};
}

}  // namespace

Result<ImageHeader> parse_image_header(std::string_view bytes) {
  if (bytes.size() < image_header_bytes) {
    return fail(Code::corrupt, fmt::format("image header: {} bytes instead of {}", bytes.size(), image_header_bytes));
  }
  bytes = bytes.substr(0, image_header_bytes);
  const std::string_view text = bytes.substr(0, bytes.find('\0'));
  if (bytes.find_first_not_of('\0', text.size()) != std::string_view::npos) {
    return fail(Code::corrupt, "image header: bytes after the padding began");
  }
  if (text.empty()) return fail(Code::corrupt, "image header: is empty");

  ImageHeader header;
  std::array<bool, 6> seen{};
  std::size_t line = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (++line > lines_max) return wrong(line, fmt::format("more than {} lines", lines_max));
    if (Result<void> taken = take_line(text.substr(begin, end - begin), line, header, seen); !taken) return fail(taken.error());
    begin = end + 1;
  }
  for (const Key& key : keys()) {
    if (key.required && (header.*key.value).empty()) return fail(Code::corrupt, fmt::format("image header: {} is missing", key.name));
  }
  if (header.raw_bytes == 0) return fail(Code::corrupt, fmt::format("image header: {} is missing", size_key));
  return header;
}

Result<std::string> format_image_header(const ImageHeader& header) {
  std::string text;
  for (const Key& key : keys()) {
    const std::string& value = header.*key.value;
    if (!key.required && value.empty()) continue;
    text += fmt::format("{}={}\n", key.name, value);
  }
  text += fmt::format("{}={}\n", size_key, header.raw_bytes);
  if (text.size() > image_header_bytes) return fail(Code::invalid_input, "image header: does not fit in 4096 bytes");
  text.resize(image_header_bytes, '\0');
  // What the parser would not give back unchanged is refused here, with its words.
  const Result<ImageHeader> again = parse_image_header(text);
  if (!again) return fail(Code::invalid_input, again.error().message);
  if (*again != header) return fail(Code::invalid_input, "image header: a value has characters that it cannot carry");
  return text;
}

Result<ImageHeader> read_image_header(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    const Code code = errno == ENOENT ? Code::not_found : errno == EACCES ? Code::denied : Code::unavailable;
    return fail(code, fmt::format("open {}: {}", path, std::strerror(errno)));
  }
  std::string bytes(image_header_bytes, '\0');
  std::size_t size = 0;
  ssize_t got = 0;
  do {
    got = ::pread(file, bytes.data() + size, bytes.size() - size, static_cast<off_t>(size));
    if (got > 0) size += static_cast<std::size_t>(got);
  } while ((got > 0 && size < bytes.size()) || (got < 0 && errno == EINTR));
  const int error = got < 0 ? errno : 0;
  ::close(file);
  if (error != 0) return fail(Code::unavailable, fmt::format("read {}: {}", path, std::strerror(error)));
  bytes.resize(size);
  Result<ImageHeader> header = parse_image_header(bytes);
  if (!header) return fail(header.error().in(path));
  return header;
}

}  // namespace abide
