#pragma once
// Which nodes have a text, such as a name. Found by its hash: 24 bytes a node and no text, where a map of texts would take 100 and more.
// So what is found may have another text, and whoever looks compares. Pure.
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "common/core/ids.hpp"
#include "orchestrator/fleet/sorted_blocks.hpp"

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

  void insert(std::string_view text, const NodeId& id) { entries_.insert({text, id}); }
  void erase(std::string_view text, const NodeId& id) { entries_.erase({text, id}); }
  // All at once, in any order, in the place of what is here.
  void assign(std::vector<Entry> entries) { entries_.assign(std::move(entries)); }
  void clear() { entries_.clear(); }

  // Nodes that may have the text, all that do among them, in the order of their ids, until `visit` returns false.
  template <class Visit>
  void each(std::string_view text, const Visit& visit) const {
    const Entry from(text, NodeId{});
    for (auto entry = entries_.lower_bound(from); entry != entries_.end() && entry->hash == from.hash; ++entry)
      if (!visit(entry->id)) return;
  }

  friend bool operator==(const TextIndex&, const TextIndex&) = default;

 private:
  SortedBlocks<Entry> entries_;
};

}  // namespace abide::fleet
