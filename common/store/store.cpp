#include "common/store/store.hpp"

#include <cassert>
#include <utility>

namespace abide {
namespace {

constexpr std::size_t cursor_rows_max = 256;                     // that a cursor over scans reads at once
constexpr std::size_t cursor_bytes_max = std::size_t{1} << 20U;  // of them; the row that passes it is still read

// For readers that have nothing better: a scan of some rows, and the next one from behind them.
class CursorOverScans final : public Cursor {
 public:
  CursorOverScans(const Reader& reader, std::string from, std::string to) : reader_(reader), from_(std::move(from)), to_(std::move(to)) {}
  [[nodiscard]] Result<std::optional<KeyAndValue>> next() override {
    if (taken_ == rows_.size() && !at_end_) read_some();
    if (taken_ < rows_.size()) {
      const auto& [key, value] = rows_[taken_++];
      return std::optional(KeyAndValue{key, value});
    }
    if (error_) return fail(*std::exchange(error_, std::nullopt));
    return std::optional<KeyAndValue>{};
  }

 private:
  void read_some() {
    rows_.clear();
    taken_ = 0;
    std::size_t bytes = 0;
    at_end_ = true;
    auto read = reader_.scan(from_, to_, [&](std::string_view key, std::string_view value) {
      rows_.emplace_back(key, value);
      bytes += key.size() + value.size();
      at_end_ = rows_.size() < cursor_rows_max && bytes < cursor_bytes_max;
      return at_end_;
    });
    if (!read) {  // what it had seen before is given first
      error_ = read.error();
      at_end_ = true;
    }
    if (!rows_.empty()) from_ = rows_.back().first + '\0';
  }

  const Reader& reader_;
  std::string from_, to_;
  std::vector<std::pair<std::string, std::string>> rows_;
  std::size_t taken_ = 0;
  bool at_end_ = false;  // the last rows are read
  std::optional<Error> error_;
};

}  // namespace

std::unique_ptr<Cursor> Reader::cursor(std::string from, std::string to) const {
  return std::make_unique<CursorOverScans>(*this, std::move(from), std::move(to));
}

Result<void> scan_many(const Reader& reader, std::string from, std::string to, const Visit& visit) {
  const auto cursor = reader.cursor(std::move(from), std::move(to));
  for (;;) {
    const auto row = cursor->next();
    if (!row) return fail(row.error());
    if (!*row || !visit((*row)->key, (*row)->value)) return {};
  }
}

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
