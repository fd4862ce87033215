#pragma once
// The names and numbers of the protocol as types of their own, so that a journal is never passed where a life is meant.
#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/core/result.hpp"

namespace abide {

template <class Tag>
struct Id64 {
  std::uint64_t value = 0;  // 0: none

  explicit operator bool() const { return value != 0; }
  friend auto operator<=>(const Id64&, const Id64&) = default;
};

using JournalId = Id64<struct JournalTag>;  // one life of a journal; random
using LifeId = Id64<struct LifeTag>;        // one connection of the orchestrator to the bus; random, without order
using Nonce = Id64<struct NonceTag>;        // one hello; random
using SessionId = Id64<struct SessionTag>;  // one agent process; random
using Chain = Id64<struct ChainTag>;        // first 8 bytes, big-endian, of SHA-256 over all events so far

template <class Tag>
std::string to_hex(Id64<Tag> id);  // 16 lower-case hex digits; instantiated for the five above

// The number of a document. `offer` is one, too: the number of the document that first asked. Compared in this order.
struct Number {
  std::uint64_t epoch = 0;
  std::uint64_t revision = 0;

  explicit operator bool() const { return epoch != 0 || revision != 0; }
  friend auto operator<=>(const Number&, const Number&) = default;
};
std::string to_string(Number number);                     // "1764000000000.17"; "0.0" is none
Result<Number> parse_number(std::string_view text);

// One machine, by UUID. Text is the 36-character form in lower case; upper case is accepted when parsed.
struct NodeId {
  std::array<std::uint8_t, 16> bytes{};

  friend auto operator<=>(const NodeId&, const NodeId&) = default;
};
std::string to_string(const NodeId& node);
Result<NodeId> parse_node_id(std::string_view text);

// SHA-256. All zero: none.
struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  explicit operator bool() const { return *this != Digest{}; }
  friend auto operator<=>(const Digest&, const Digest&) = default;
};
std::string to_hex(const Digest& digest);  // 64 lower-case hex digits
Result<Digest> parse_digest(std::string_view hex);

// One boot of a machine: the kernel's boot id (a UUID), or what a boot backend makes of it. Empty: none.
struct BootId {
  std::string text;

  explicit operator bool() const { return !text.empty(); }
  friend auto operator<=>(const BootId&, const BootId&) = default;
};

inline constexpr std::size_t project_name_bytes_max = 100;
inline constexpr std::size_t profile_name_bytes_max = 128;
inline constexpr std::size_t boot_id_bytes_max = 64;

// 1 to 100 bytes of UTF-8 without control characters.
Result<void> check_project_name(std::string_view name);

enum class Slot : std::uint8_t { a = 0, b = 1 };
constexpr Slot other(Slot slot) { return slot == Slot::a ? Slot::b : Slot::a; }
constexpr std::string_view to_string(Slot slot) { return slot == Slot::a ? "a" : "b"; }

}  // namespace abide
