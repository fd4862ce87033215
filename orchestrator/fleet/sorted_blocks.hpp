#pragma once
// A set whose members lie in order in arrays of some hundred: a std::set of 16 bytes takes 64 and a step to memory for each level of its
// tree. For small things that are compared at little cost. Pure.
#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

namespace abide::fleet {

template <class T>
class SortedBlocks {
  using Block = std::vector<T>;  // in order, never empty

 public:
  // Valid until the next change of the set.
  class const_iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = const T*;
    using reference = const T&;
    const_iterator() = default;
    reference operator*() const { return (*blocks_)[block_][place_]; }
    pointer operator->() const { return &**this; }
    const_iterator& operator++() {
      if (++place_ == (*blocks_)[block_].size()) {
        ++block_;
        place_ = 0;
      }
      return *this;
    }
    const_iterator operator++(int) {
      auto before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const const_iterator&, const const_iterator&) = default;

   private:
    friend class SortedBlocks;
    const_iterator(const std::vector<Block>& blocks, std::size_t block, std::size_t place)
        : blocks_(&blocks), block_(block), place_(place) {}
    const std::vector<Block>* blocks_ = nullptr;
    std::size_t block_ = 0, place_ = 0;
  };
  using value_type = T;

  [[nodiscard]] const_iterator begin() const { return {blocks_, 0, 0}; }
  [[nodiscard]] const_iterator end() const { return {blocks_, blocks_.size(), 0}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  // The first that is not less.
  [[nodiscard]] const_iterator lower_bound(const T& member) const {
    if (blocks_.empty()) return end();
    const std::size_t index = block_of(member);
    const auto& block = blocks_[index];
    const auto place = std::lower_bound(block.begin(), block.end(), member);
    if (place == block.end()) return {blocks_, index + 1, 0};
    return {blocks_, index, static_cast<std::size_t>(place - block.begin())};
  }
  [[nodiscard]] bool contains(const T& member) const {
    const auto found = lower_bound(member);
    return found != end() && *found == member;
  }

  // False: it was there.
  bool insert(const T& member) {
    if (blocks_.empty()) blocks_.emplace_back();
    std::size_t index = block_of(member);
    if (blocks_[index].size() == block_members_max) {
      split(index, member);
      index = block_of(member);
    }
    auto& block = blocks_[index];
    const auto place = std::lower_bound(block.begin(), block.end(), member);
    if (place != block.end() && *place == member) return false;
    block.insert(place, member);
    ++size_;
    return true;
  }
  // False: it was not there.
  bool erase(const T& member) {
    if (blocks_.empty()) return false;
    const std::size_t index = block_of(member);
    auto& block = blocks_[index];
    const auto place = std::lower_bound(block.begin(), block.end(), member);
    if (place == block.end() || *place != member) return false;
    block.erase(place);
    if (block.empty()) blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(index));
    --size_;
    return true;
  }
  // All at once, in any order and more than once, in the place of what is here.
  void assign(std::vector<T> members) {
    if (!std::is_sorted(members.begin(), members.end())) std::sort(members.begin(), members.end());
    members.erase(std::unique(members.begin(), members.end()), members.end());
    blocks_.clear();
    blocks_.reserve(members.size() / block_members_made + 1);
    for (std::size_t from = 0; from < members.size(); from += block_members_made) {
      const auto first = members.begin() + static_cast<std::ptrdiff_t>(from);
      blocks_.emplace_back(first, first + static_cast<std::ptrdiff_t>(std::min(block_members_made, members.size() - from)));
    }
    size_ = members.size();
  }
  void clear() {
    blocks_.clear();
    size_ = 0;
  }

  // Of the same members, however they lie.
  friend bool operator==(const SortedBlocks& left, const SortedBlocks& right) {
    return left.size_ == right.size_ && std::equal(left.begin(), left.end(), right.begin());
  }

 private:
  static constexpr std::size_t block_members_max = 256;
  static constexpr std::size_t block_members_made = 240;  // at once: the next few find room

  // The block that a member is in, or would be put into.
  [[nodiscard]] std::size_t block_of(const T& member) const {
    const auto after =
        std::upper_bound(blocks_.begin() + 1, blocks_.end(), member, [](const T& one, const Block& block) { return one < block.front(); });
    return static_cast<std::size_t>(after - blocks_.begin()) - 1;
  }
  // In the midst; where the next one goes to the end, before it, so that what comes in order fills its blocks.
  void split(std::size_t index, const T& next) {
    auto& full = blocks_[index];
    const bool to_the_end = index + 1 == blocks_.size() && full.back() < next;
    const auto middle = full.begin() + static_cast<std::ptrdiff_t>(to_the_end ? block_members_max - 1 : block_members_max / 2);
    Block upper(middle, full.end());
    full.erase(middle, full.end());
    blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::move(upper));
  }

  std::vector<Block> blocks_;  // in order
  std::size_t size_ = 0;
};

}  // namespace abide::fleet
