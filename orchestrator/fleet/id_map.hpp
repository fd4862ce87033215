#pragma once
// Things by the id of their node, in its order. A std::map in all but one respect: what is looked for is found by a search in
// arrays, since each step down a tree of 100,000 large things waits for memory. And ids that are noted. Pure.
#include <algorithm>
#include <cassert>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "common/core/ids.hpp"

namespace abide::fleet {

template <class T>
class IdMap {
  using Map = std::map<NodeId, T>;

 public:
  using iterator = typename Map::iterator;
  using const_iterator = typename Map::const_iterator;
  using value_type = typename Map::value_type;
  using mapped_type = T;
  using Made = typename Map::node_type;

  IdMap() = default;
  IdMap(const IdMap& other) : map_(other.map_) { place_all(); }
  IdMap(IdMap&&) noexcept = default;
  IdMap& operator=(const IdMap& other) {
    if (this != &other) *this = IdMap(other);
    return *this;
  }
  IdMap& operator=(IdMap&&) noexcept = default;
  ~IdMap() = default;
  friend bool operator==(const IdMap& left, const IdMap& right) { return left.map_ == right.map_; }

  [[nodiscard]] iterator begin() { return map_.begin(); }
  [[nodiscard]] iterator end() { return map_.end(); }
  [[nodiscard]] const_iterator begin() const { return map_.begin(); }
  [[nodiscard]] const_iterator end() const { return map_.end(); }
  [[nodiscard]] auto rbegin() const { return map_.rbegin(); }
  [[nodiscard]] auto rend() const { return map_.rend(); }
  [[nodiscard]] std::size_t size() const { return map_.size(); }
  [[nodiscard]] bool empty() const { return map_.empty(); }

  [[nodiscard]] iterator find(const NodeId& id) {
    const iterator* const place = place_of(id);
    return place == nullptr ? map_.end() : *place;
  }
  [[nodiscard]] const_iterator find(const NodeId& id) const {
    const iterator* const place = place_of(id);
    return place == nullptr ? map_.end() : const_iterator(*place);
  }
  [[nodiscard]] bool contains(const NodeId& id) const { return place_of(id) != nullptr; }
  // It must be there.
  [[nodiscard]] T& at(const NodeId& id) {
    const auto found = find(id);
    assert(found != map_.end());
    return found->second;
  }
  [[nodiscard]] const T& at(const NodeId& id) const {
    const auto found = find(id);
    assert(found != map_.end());
    return found->second;
  }

  template <class... Arguments>
  std::pair<iterator, bool> try_emplace(const NodeId& id, Arguments&&... arguments) {
    if (const auto found = find(id); found != map_.end()) return {found, false};
    // Rows are read in their order: then the place is known.
    const bool last = map_.empty() || map_.rbegin()->first < id;
    const auto made = last ? map_.try_emplace(map_.end(), id, std::forward<Arguments>(arguments)...)
                           : map_.try_emplace(id, std::forward<Arguments>(arguments)...).first;
    put(made);
    return {made, true};
  }
  T& operator[](const NodeId& id) { return try_emplace(id).first->second; }
  std::pair<iterator, bool> emplace(const NodeId& id, T value) { return try_emplace(id, std::move(value)); }
  // A thing that lies where it will stay, to be filled and then inserted: large things are not moved. Of any thread.
  static Made make() {
    Map one;
    return one.extract(one.try_emplace(NodeId{}).first);
  }
  // Under its present id. False: dropped, since there is one already.
  bool insert(const NodeId& id, Made made) {
    if (!map_.empty() && !(map_.rbegin()->first < id) && contains(id)) return false;
    made.key() = id;
    put(map_.insert(map_.end(), std::move(made)));
    return true;
  }
  iterator erase(iterator place) {
    const Key key = key_of(place->first);
    auto& block = blocks_[block_of(key)];
    const auto at = std::lower_bound(block.keys.begin(), block.keys.end(), key) - block.keys.begin();
    block.keys.erase(block.keys.begin() + at);
    block.places.erase(block.places.begin() + at);
    if (block.keys.empty())
      blocks_.erase(blocks_.begin() + (&block - blocks_.data()));
    else
      block.first = block.keys.front();
    return map_.erase(place);
  }

 private:
  using Key = std::pair<std::uint64_t, std::uint64_t>;  // an id, as numbers of the same order
  static constexpr std::size_t block_entries_max = 256;
  struct Block {  // never empty
    Key first;    // of the keys
    std::vector<Key> keys;
    std::vector<iterator> places;
  };

  static std::uint64_t number_of(const std::uint8_t* bytes) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < 8; ++i) number = number << 8U | bytes[i];
    return number;
  }
  static Key key_of(const NodeId& id) { return {number_of(id.bytes.data()), number_of(id.bytes.data() + 8)}; }

  // The block that a key is in, or would be put into; 0 where there is none.
  [[nodiscard]] std::size_t block_of(const Key& key) const {
    const auto after =
        std::upper_bound(blocks_.begin(), blocks_.end(), key, [](const Key& left, const Block& right) { return left < right.first; });
    return after == blocks_.begin() ? 0 : static_cast<std::size_t>(after - blocks_.begin()) - 1;
  }
  [[nodiscard]] const iterator* place_of(const NodeId& id) const {
    if (blocks_.empty()) return nullptr;
    const Key key = key_of(id);
    const auto& block = blocks_[block_of(key)];
    const auto found = std::lower_bound(block.keys.begin(), block.keys.end(), key);
    if (found == block.keys.end() || *found != key) return nullptr;
    return &block.places[static_cast<std::size_t>(found - block.keys.begin())];
  }
  void put(iterator place) {
    const Key key = key_of(place->first);
    if (blocks_.empty()) blocks_.push_back({key, {}, {}});
    if (auto& last = blocks_.back(); !last.keys.empty() && last.keys.back() < key && last.keys.size() < block_entries_max) {
      last.keys.push_back(key);
      last.places.push_back(place);
      return;
    }
    std::size_t index = block_of(key);
    if (blocks_[index].keys.size() == block_entries_max) {
      split(index, key);
      index = block_of(key);
    }
    auto& block = blocks_[index];
    const auto at = std::lower_bound(block.keys.begin(), block.keys.end(), key) - block.keys.begin();
    block.keys.insert(block.keys.begin() + at, key);
    block.places.insert(block.places.begin() + at, place);
    block.first = block.keys.front();
  }
  // In the midst; where the next one goes to the end, before it, so that what comes in order fills its blocks.
  void split(std::size_t index, const Key& next) {
    auto& full = blocks_[index];
    const bool to_the_end = index + 1 == blocks_.size() && full.keys.back() < next;
    const auto middle = static_cast<std::ptrdiff_t>(to_the_end ? block_entries_max - 1 : block_entries_max / 2);
    Block upper;
    upper.keys.assign(full.keys.begin() + middle, full.keys.end());
    upper.places.assign(full.places.begin() + middle, full.places.end());
    full.keys.erase(full.keys.begin() + middle, full.keys.end());
    full.places.erase(full.places.begin() + middle, full.places.end());
    upper.first = upper.keys.front();
    blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::move(upper));
  }
  void place_all() {
    for (auto place = map_.begin(); place != map_.end(); ++place) put(place);
  }

  Map map_;
  std::vector<Block> blocks_;  // in order; all places of the map
};

// Every bit of a number moves half of the bits of this. (The last steps of MurmurHash3.)
inline std::uint64_t mixed(std::uint64_t number) {
  number = (number ^ (number >> 33U)) * 0xFF51AFD7ED558CCDULL;
  number = (number ^ (number >> 33U)) * 0xC4CEB9FE1A85EC53ULL;
  return number ^ (number >> 33U);
}
// Spreads ids that differ in any byte over all places of a table.
inline std::uint64_t hash_of(const NodeId& id) {
  std::uint64_t first = 0, second = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    first = first << 8U | id.bytes[i];
    second = second << 8U | id.bytes[8 + i];
  }
  return mixed(mixed(first) ^ second);
}

// Ids that are noted many times over and read once: cheaper to note than in a set. Few are noted as they come; of many it is looked up
// whether they are there, by a search from where a hash points.
class NotedIds {
 public:
  void insert(const NodeId& id) {
    if (!ids_.empty() && ids_.back() == id) return;
    if (ids_.size() == listed_max && places_.empty()) {
      tidy();
      place_all();
    }
    if (!places_.empty()) {
      if (2 * (ids_.size() + 1) > places_.size()) place_all();
      auto& place = place_of(id);
      if (place != 0) return;
      place = static_cast<std::uint32_t>(ids_.size()) + 1;
    }
    ids_.push_back(id);
  }
  // In their order, each once.
  [[nodiscard]] std::vector<NodeId> all() const {
    NotedIds tidied = *this;
    tidied.tidy();
    return std::move(tidied.ids_);
  }

 private:
  static constexpr std::size_t listed_max = 4096;
  void tidy() {
    std::sort(ids_.begin(), ids_.end());
    ids_.erase(std::unique(ids_.begin(), ids_.end()), ids_.end());
  }
  // Four times as many as there are ids, and a power of two: so they are searched with few steps, and not made anew often.
  void place_all() {
    std::size_t count = 4 * listed_max;
    while (count < 4 * ids_.size()) count *= 2;
    places_.assign(count, 0);
    for (std::size_t index = 0; index < ids_.size(); ++index) place_of(ids_[index]) = static_cast<std::uint32_t>(index) + 1;
  }
  // Of an id, or where it would be.
  [[nodiscard]] std::uint32_t& place_of(const NodeId& id) {
    const std::size_t mask = places_.size() - 1;
    std::size_t at = static_cast<std::size_t>(hash_of(id)) & mask;
    while (places_[at] != 0 && ids_[places_[at] - 1] != id) at = (at + 1) & mask;
    return places_[at];
  }
  std::vector<NodeId> ids_;
  std::vector<std::uint32_t> places_;  // indexes of ids_, and one more; 0: free. Empty: of few
};

}  // namespace abide::fleet
