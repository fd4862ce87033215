#include "common/core/ids.hpp"

#include <array>
#include <charconv>

namespace abide {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

void append_hex(std::string& text, std::uint8_t byte) {
  const char digits[] = {hex_digits[byte >> 4U], hex_digits[byte & 0x0FU]};
  text.append(digits, sizeof digits);
}

// The value of a digit, or one that is larger than any: events are full of ids, so digits are looked up, and looked at once for all.
constexpr std::uint8_t no_digit = 0xFF;
constexpr auto hex_values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(no_digit);
  for (unsigned value = 0; value < hex_digits.size(); ++value) {
    const auto digit = static_cast<unsigned char>(hex_digits[value]);
    values[digit] = static_cast<std::uint8_t>(value);
    if (digit >= 'a') values[static_cast<std::size_t>(digit - 'a' + 'A')] = static_cast<std::uint8_t>(value);
  }
  return values;
}();

// Two digits for each of the bytes; false: not all are.
bool read_hex(const char* digits, std::uint8_t* bytes, std::size_t count) {
  unsigned seen = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned high = hex_values[static_cast<unsigned char>(digits[2 * i])];
    const unsigned low = hex_values[static_cast<unsigned char>(digits[2 * i + 1])];
    seen |= high | low;
    bytes[i] = static_cast<std::uint8_t>(high << 4U | low);
  }
  return seen < 16;
}

// What a message may quote of somebody else's text: short, and on one line.
std::string quoted(std::string_view text) {
  constexpr std::size_t quoted_bytes_max = 60;
  std::string out = "\"";
  for (const char c : text.substr(0, quoted_bytes_max)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  return out + (text.size() > quoted_bytes_max ? "...\"" : "\"");
}

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return value;
}

// Bytes of the UTF-8 character that begins at `at`; 0: none does (Unicode 15, table 3-7: no surrogates, no overlong forms).
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t offset) { return at + offset < text.size() ? static_cast<unsigned char>(text[at + offset]) : 0U; };
  const auto follows = [&](std::size_t offset, unsigned low = 0x80, unsigned high = 0xBF) {
    return byte(offset) >= low && byte(offset) <= high;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return follows(1) ? 2 : 0;
  if (lead == 0xE0) return follows(1, 0xA0) && follows(2) ? 3 : 0;
  if (lead == 0xED) return follows(1, 0x80, 0x9F) && follows(2) ? 3 : 0;
  if (lead >= 0xE1 && lead <= 0xEF) return follows(1) && follows(2) ? 3 : 0;
  if (lead == 0xF0) return follows(1, 0x90) && follows(2) && follows(3) ? 4 : 0;
  if (lead >= 0xF1 && lead <= 0xF3) return follows(1) && follows(2) && follows(3) ? 4 : 0;
  if (lead == 0xF4) return follows(1, 0x80, 0x8F) && follows(2) && follows(3) ? 4 : 0;
  return 0;
}

}  // namespace

template <class Tag>
std::string to_hex(Id64<Tag> id) {
  std::string text;
  text.reserve(16);
  for (unsigned shift = 64; shift > 0; shift -= 8) append_hex(text, static_cast<std::uint8_t>(id.value >> (shift - 8)));
  return text;
}
template std::string to_hex(JournalId);
template std::string to_hex(LifeId);
template std::string to_hex(Nonce);
template std::string to_hex(SessionId);
template std::string to_hex(Chain);

std::string to_string(Number number) {
  return std::to_string(number.epoch) + "." + std::to_string(number.revision);
}

Result<Number> parse_number(std::string_view text) {
  const auto dot = text.find('.');
  if (dot != std::string_view::npos) {
    const auto epoch = parse_decimal(text.substr(0, dot));
    const auto revision = parse_decimal(text.substr(dot + 1));
    if (epoch && revision) return Number{*epoch, *revision};
  }
  return fail(Code::invalid_input, quoted(text) + " is no document number (epoch.revision)");
}

std::string to_string(const NodeId& node) {
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < node.bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    append_hex(text, node.bytes[i]);
  }
  return text;
}

Result<NodeId> parse_node_id(std::string_view text) {
  const auto wrong = [&] { return fail(Code::invalid_input, quoted(text) + " is no UUID (8-4-4-4-12 hex digits)"); };
  if (text.size() != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return wrong();
  NodeId node;
  std::uint8_t* const bytes = node.bytes.data();
  const char* const digits = text.data();
  if (!read_hex(digits, bytes, 4) || !read_hex(digits + 9, bytes + 4, 2) || !read_hex(digits + 14, bytes + 6, 2) ||
      !read_hex(digits + 19, bytes + 8, 2) || !read_hex(digits + 24, bytes + 10, 6))
    return wrong();
  return node;
}

std::string to_hex(const Digest& digest) {
  std::string text;
  text.reserve(2 * digest.bytes.size());
  for (const auto byte : digest.bytes) append_hex(text, byte);
  return text;
}

Result<Digest> parse_digest(std::string_view hex) {
  const auto wrong = [&] { return fail(Code::invalid_input, quoted(hex) + " is no SHA-256 (64 hex digits)"); };
  Digest digest;
  if (hex.size() != 2 * digest.bytes.size() || !read_hex(hex.data(), digest.bytes.data(), digest.bytes.size())) return wrong();
  return digest;
}

Result<void> check_project_name(std::string_view name) {
  if (name.empty()) return fail(Code::invalid_input, "a project's name is empty");
  if (name.size() > project_name_bytes_max)
    return fail(Code::invalid_input, "project name " + quoted(name) + " has " + std::to_string(name.size()) + " bytes, more than " +
                                         std::to_string(project_name_bytes_max));
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t length = utf8_length(name, at);
    const auto first = static_cast<unsigned char>(name[at]);
    if (length == 0) return fail(Code::invalid_input, "project name " + quoted(name) + " is not UTF-8");
    // C0, DEL, and C1 (U+0080 to U+009F, in UTF-8 C2 80 to C2 9F).
    const bool control = first < 0x20 || first == 0x7F || (first == 0xC2 && static_cast<unsigned char>(name[at + 1]) < 0xA0);
    if (control) return fail(Code::invalid_input, "project name " + quoted(name) + " contains a control character");
    at += length;
  }
  return {};
}

}  // namespace abide
