#pragma once
// Which nodes have a text, such as a name. Found by its hash: 24 bytes a node and no text, where a map of texts would take 100 and more.
// So what is found may have another text, and whoever looks compares. Pure.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "common/core/ids.hpp"

namespace abide::fleet {

class TextIndex {
 public:
  struct Entry {
    std::uint64_t hash = 0;
    NodeId id;
    Entry() = default;
    Entry(std::string_view text, const NodeId& of) : hash(std::hash<std::string_view>{}(text)), id(of) {}
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };

  void insert(std::string_view text, const NodeId& id) {
    const Entry entry(text, id);
    if (blocks_.empty()) blocks_.emplace_back();
    std::size_t index = block_of(entry);
    if (blocks_[index].size() == block_entries_max) {
      split(index);
      index = block_of(entry);
    }
    auto& block = blocks_[index];
    const auto place = std::lower_bound(block.begin(), block.end(), entry);
    if (place == block.end() || *place != entry) block.insert(place, entry);
  }
  void erase(std::string_view text, const NodeId& id) {
    if (blocks_.empty()) return;
    const Entry entry(text, id);
    const std::size_t index = block_of(entry);
    auto& block = blocks_[index];
    const auto place = std::lower_bound(block.begin(), block.end(), entry);
    if (place == block.end() || *place != entry) return;
    block.erase(place);
    if (block.empty()) blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(index));
  }
  // All at once, in any order, in the place of what is here.
  void assign(std::vector<Entry> entries) {
    std::sort(entries.begin(), entries.end());
    entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
    blocks_.clear();
    blocks_.reserve(entries.size() / block_entries_made + 1);
    for (std::size_t from = 0; from < entries.size(); from += block_entries_made) {
      const auto first = entries.begin() + static_cast<std::ptrdiff_t>(from);
      blocks_.emplace_back(first, first + static_cast<std::ptrdiff_t>(std::min(block_entries_made, entries.size() - from)));
    }
  }
  void clear() { blocks_.clear(); }

  // Nodes that may have the text, all that do among them, in the order of their ids, until `visit` returns false.
  template <class Visit>
  void each(std::string_view text, const Visit& visit) const {
    if (blocks_.empty()) return;
    const Entry from(text, NodeId{});
    for (std::size_t index = block_of(from); index < blocks_.size(); ++index) {
      const auto& block = blocks_[index];
      for (auto entry = std::lower_bound(block.begin(), block.end(), from); entry != block.end(); ++entry)
        if (entry->hash != from.hash || !visit(entry->id)) return;
    }
  }

  // Of the same entries, however they lie.
  friend bool operator==(const TextIndex& left, const TextIndex& right) { return left.all() == right.all(); }

 private:
  static constexpr std::size_t block_entries_max = 256;
  static constexpr std::size_t block_entries_made = 240;  // at once: the next few find room
  using Block = std::vector<Entry>;                       // in order, never empty

  // The block that an entry is in, or would be put into.
  [[nodiscard]] std::size_t block_of(const Entry& entry) const {
    const auto after = std::upper_bound(blocks_.begin() + 1, blocks_.end(), entry,
                                        [](const Entry& one, const Block& block) { return one < block.front(); });
    return static_cast<std::size_t>(after - blocks_.begin()) - 1;
  }
  void split(std::size_t index) {
    auto& full = blocks_[index];
    const auto middle = full.begin() + static_cast<std::ptrdiff_t>(block_entries_max / 2);
    Block upper(middle, full.end());
    full.erase(middle, full.end());
    blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::move(upper));
  }
  [[nodiscard]] std::vector<Entry> all() const {
    std::vector<Entry> entries;
    for (const auto& block : blocks_) entries.insert(entries.end(), block.begin(), block.end());
    return entries;
  }

  std::vector<Block> blocks_;  // in order
};

}  // namespace abide::fleet
