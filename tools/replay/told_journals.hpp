#pragma once
// How far each journal of each node is stored, by what the events themselves say. Every event of a node is looked up here, in any order:
// so it is one array that is searched from where a hash points, and what is looked for soon can be fetched from memory before.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/core/ids.hpp"
#include "orchestrator/fleet/id_map.hpp"

namespace abide::replay {

class ToldJournals {
 public:
  struct alignas(64) Told {  // one line of a cache
    NodeId node;
    JournalId journal;
    std::uint64_t upto = 0;
    Chain chain;
    bool known = false;  // begun by JournalAdopted, or by its first event
    bool used = false;
  };

  // A new one where there is none. Valid until the next call.
  Told& of(const NodeId& node, JournalId journal) {
    if (2 * (count_ + 1) > places_.size()) grow();
    auto& place = places_[place_of(node, journal)];
    if (!place.used) {
      place = {node, journal, 0, {}, false, true};
      ++count_;
    }
    return place;
  }
  // Null: there is none.
  [[nodiscard]] const Told* find(const NodeId& node, JournalId journal) const {
    if (places_.empty()) return nullptr;
    const auto& place = places_[place_of(node, journal)];
    return place.used ? &place : nullptr;
  }
  void expect(const NodeId& node, JournalId journal) const {
    if (!places_.empty()) __builtin_prefetch(&places_[hash_of(node, journal) & (places_.size() - 1)], 1);
  }
  [[nodiscard]] std::size_t size() const { return count_; }

 private:
  static constexpr std::size_t places_at_first = 1024;  // a power of two, as all that follow

  static std::size_t hash_of(const NodeId& node, JournalId journal) {
    return static_cast<std::size_t>(fleet::mixed(fleet::hash_of(node) ^ journal.value));
  }
  // Where it is, or would be. Half of the places are free, so this ends.
  [[nodiscard]] std::size_t place_of(const NodeId& node, JournalId journal) const {
    const std::size_t mask = places_.size() - 1;
    std::size_t at = hash_of(node, journal) & mask;
    while (places_[at].used && (places_[at].journal != journal || places_[at].node != node)) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    std::vector<Told> old(places_.empty() ? places_at_first : 2 * places_.size());
    old.swap(places_);
    for (const auto& told : old)
      if (told.used) places_[place_of(told.node, told.journal)] = told;
  }

  std::vector<Told> places_;
  std::size_t count_ = 0;
};

}  // namespace abide::replay
