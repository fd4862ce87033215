// How far nodes' journals are stored: the same as a std::map, whatever is put in.
#include "tools/replay/told_journals.hpp"

#include <gtest/gtest.h>
#include <map>
#include <utility>

#include "common/core/random.hpp"

namespace abide::replay {
namespace {

TEST(ToldJournals, AreAMapByNodeAndJournal) {
  ToldJournals made;
  std::map<std::pair<NodeId, JournalId>, std::uint64_t> model;
  Random random{3};
  EXPECT_EQ(made.find({}, {}), nullptr);
  made.expect({}, {});
  for (std::uint64_t step = 1; step <= 60'000; ++step) {
    NodeId node;
    node.bytes[random.next() % 16] = static_cast<std::uint8_t>(random.next());
    node.bytes[15] = static_cast<std::uint8_t>(random.next() % 8);
    const JournalId journal{random.next() % 4};  // none, too
    made.expect(node, journal);
    auto& told = made.of(node, journal);
    const auto [known, added] = model.try_emplace({node, journal}, 0);
    ASSERT_EQ(told.known, !added);
    ASSERT_EQ(told.upto, known->second);
    told.known = true;
    told.upto = known->second = step;
  }
  ASSERT_EQ(made.size(), model.size());
  ASSERT_GT(model.size(), 10'000U);
  for (const auto& [key, upto] : model) {
    const auto* const found = made.find(key.first, key.second);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->node, key.first);
    EXPECT_EQ(found->journal, key.second);
    EXPECT_EQ(found->upto, upto);
    EXPECT_EQ(made.find(key.first, JournalId{9}), nullptr);
  }
}

}  // namespace
}  // namespace abide::replay
