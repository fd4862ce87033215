#include "common/store/torn_log.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <system_error>

namespace abide {
namespace {

namespace fs = std::filesystem;

// The format of the log, which RocksDB has promised to keep readable: blocks of 32 KiB, none of whose records crosses its end. A
// record is {masked CRC-32C of type and payload, length of the payload, type, payload}, numbers little-endian.
constexpr std::size_t block_bytes = 32'768;
constexpr std::size_t header_bytes = 7;
enum RecordType : unsigned { full = 1, first = 2, middle = 3, last = 4 };
constexpr std::uint32_t mask_delta = 0xA282EAD8U;
// Behind a damage every byte may begin a record. A longer rest than this is no commit of ours.
constexpr std::size_t torn_bytes_max = 16U << 20U;

constexpr std::array<std::uint32_t, 256> crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) != 0 ? 0x82F63B78U : 0U);  // Castagnoli, reflected
    table[byte] = value;
  }
  return table;
}();

std::uint32_t masked_crc(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : bytes) crc = (crc >> 8U) ^ crc_table[(crc ^ static_cast<unsigned char>(c)) & 0xFFU];
  crc ^= 0xFFFFFFFFU;
  return ((crc >> 15U) | (crc << 17U)) + mask_delta;
}

std::uint32_t little_endian(std::string_view bytes) {
  std::uint32_t number = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) number = (number << 8U) | static_cast<unsigned char>(bytes[i]);
  return number;
}

struct LogRecord {
  unsigned type = 0;
  std::size_t bytes = 0;  // with its header
};

// The record that stands at this place, if a whole one does.
std::optional<LogRecord> record_at(std::string_view log, std::size_t at) {
  const std::size_t room = std::min(block_bytes - at % block_bytes, log.size() - at);
  if (room < header_bytes) return std::nullopt;
  const unsigned type = static_cast<unsigned char>(log[at + 6]);
  const std::size_t length = little_endian(log.substr(at + 4, 2));
  if (type < full || type > last || length > room - header_bytes) return std::nullopt;
  if (little_endian(log.substr(at, 4)) != masked_crc(log.substr(at + 6, 1 + length))) return std::nullopt;
  return LogRecord{type, header_bytes + length};
}

bool begins_a_commit(std::string_view log, std::size_t at) {
  const unsigned type = static_cast<unsigned char>(log[at + 6]);  // before the costly check
  return (type == full || type == first) && record_at(log, at);
}

// Where the first thing stands that does not belong there; the end, if nothing does.
std::size_t first_damage(std::string_view log) {
  bool within = false;  // a commit that takes several records
  std::size_t at = 0;
  while (at < log.size()) {
    const std::size_t left = block_bytes - at % block_bytes;
    if (left < header_bytes) {  // no record fits
      at += left;
      continue;
    }
    const auto record = record_at(log, at);
    if (!record) return at;
    const bool begins = record->type == full || record->type == first;
    if (begins == within) return at;
    within = record->type == first || record->type == middle;
    at += record->bytes;
  }
  return log.size();
}

std::optional<std::string> content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return std::nullopt;
  return bytes;
}

}  // namespace

LogEnd end_of_log(std::string_view bytes) {
  const std::size_t damage = first_damage(bytes);
  if (damage == bytes.size()) return LogEnd::whole;
  if (bytes.size() - damage > torn_bytes_max) return LogEnd::damaged;
  for (std::size_t at = damage; at + header_bytes <= bytes.size(); ++at) {
    if (begins_a_commit(bytes, at)) return LogEnd::damaged;
  }
  return LogEnd::torn;
}

bool ends_in_a_torn_commit(const std::string& dir) {
  std::map<std::string, LogEnd> logs;  // their names have one length, and are in the order of their making
  std::error_code failure;
  for (fs::directory_iterator entry(dir, failure), end; !failure && entry != end; entry.increment(failure)) {
    if (entry->path().extension() != ".log") continue;
    const auto bytes = content_of(entry->path());
    if (!bytes) return false;
    if (!bytes->empty()) logs[entry->path().filename().string()] = end_of_log(*bytes);
  }
  if (failure || logs.empty() || logs.rbegin()->second != LogEnd::torn) return false;
  logs.erase(std::prev(logs.end()));
  for (const auto& [name, log_end] : logs) {
    if (log_end != LogEnd::whole) return false;
  }
  return true;
}

}  // namespace abide
