// A set in arrays: the same as a std::set, whatever is put in and taken out, and however its members lie.
#include "orchestrator/fleet/sorted_blocks.hpp"

#include <cstdint>
#include <gtest/gtest.h>
#include <set>
#include <vector>

#include "common/core/random.hpp"

namespace abide::fleet {
namespace {

using Blocks = SortedBlocks<std::uint64_t>;
using Model = std::set<std::uint64_t>;

void expect_same(const Blocks& blocks, const Model& model) {
  ASSERT_EQ(blocks.size(), model.size());
  EXPECT_EQ(blocks.empty(), model.empty());
  ASSERT_EQ(std::vector<std::uint64_t>(blocks.begin(), blocks.end()), std::vector<std::uint64_t>(model.begin(), model.end()));
}

TEST(SortedBlocks, AreASetWhateverIsPutInAndTakenOut) {
  Random random{5};
  Blocks blocks;
  Model model;
  expect_same(blocks, model);
  EXPECT_FALSE(blocks.contains(7));
  EXPECT_FALSE(blocks.erase(7));
  for (int round = 0; round < 6; ++round) {
    const std::uint64_t put_of_ten = round % 2 == 0 ? 8 : 1;  // it grows over many arrays, it shrinks
    for (int step = 0; step < 5'000; ++step) {
      const auto member = random.next() % 4'000;
      const bool puts = random.next() % 10 < put_of_ten;
      ASSERT_EQ(puts ? blocks.insert(member) : blocks.erase(member), puts ? model.insert(member).second : model.erase(member) == 1);
    }
    expect_same(blocks, model);
    for (std::uint64_t member = 0; member <= 4'000; ++member) {
      ASSERT_EQ(blocks.contains(member), model.contains(member));
      const auto found = blocks.lower_bound(member);
      const auto wanted = model.lower_bound(member);
      ASSERT_EQ(found == blocks.end(), wanted == model.end());
      if (wanted != model.end()) {
        ASSERT_EQ(*found, *wanted);
      }
    }
  }
  for (const auto member : Model(model)) ASSERT_TRUE(blocks.erase(member));
  expect_same(blocks, {});
  EXPECT_EQ(blocks, Blocks());
}

TEST(SortedBlocks, OfMembersInOrderFillTheirArrays) {
  Blocks up, at_once;
  std::vector<std::uint64_t> members;
  for (std::uint64_t member = 0; member < 3'000; ++member) {
    up.insert(member);
    members.push_back(2'999 - member);
    if (member % 7 == 0) members.push_back(member);  // twice
  }
  at_once.insert(77'777);  // goes
  at_once.assign(std::move(members));
  EXPECT_EQ(up, at_once) << "though they do not lie the same";
  expect_same(at_once, Model(up.begin(), up.end()));
  at_once.erase(1'500);
  EXPECT_FALSE(up == at_once);
  at_once.insert(1'500);
  EXPECT_EQ(up, at_once);
  at_once.clear();
  expect_same(at_once, {});
  at_once.assign({});
  EXPECT_TRUE(at_once.begin() == at_once.end());
}

}  // namespace
}  // namespace abide::fleet
