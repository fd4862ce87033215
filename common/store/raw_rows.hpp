#pragma once
// Rows as they were read, one behind the other in memory that is used again: what one thread reads, another decodes.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace abide {

// Values begin where numbers of 8 bytes may be read from.
class RawRows {
 public:
  void add(std::string_view key, std::string_view value) {
    rows_.push_back({keys_.size(), key.size(), words_.size(), value.size()});
    keys_ += key;
    words_.resize(words_.size() + (value.size() + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t));
    value.copy(reinterpret_cast<char*>(words_.data() + rows_.back().word), value.size());
  }
  void clear() {
    rows_.clear();
    keys_.clear();
    words_.clear();
  }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] std::size_t bytes() const { return words_.size() * sizeof(std::uint64_t); }  // of values
  [[nodiscard]] std::string_view key(std::size_t row) const { return std::string_view(keys_).substr(rows_[row].key, rows_[row].key_bytes); }
  [[nodiscard]] std::string_view value(std::size_t row) const {
    return {reinterpret_cast<const char*>(words_.data() + rows_[row].word), rows_[row].value_bytes};
  }

 private:
  struct Row {
    std::size_t key, key_bytes, word, value_bytes;
  };
  std::vector<Row> rows_;
  std::string keys_;
  std::vector<std::uint64_t> words_;
};

// Rooms for pieces of work, used again and again: a new one is memory that the kernel has to clear first, and that one thread allocates
// and another frees. What is put back is as it was left.
template <class Room>
class Rooms {
 public:
  std::unique_ptr<Room> get() {
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        auto room = std::move(free_.back());
        free_.pop_back();
        return room;
      }
    }
    return std::make_unique<Room>();
  }
  void put(std::unique_ptr<Room> room) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(room));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Room>> free_;
};

}  // namespace abide
