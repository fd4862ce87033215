// Nodes by their ids: the same as a std::map, whatever is done to it.
#include "orchestrator/fleet/id_map.hpp"

#include <gtest/gtest.h>
#include <set>
#include <string>

#include "common/core/random.hpp"

namespace abide::fleet {
namespace {

// Ids that lie in both halves of the bytes, so that no half alone tells them apart.
NodeId id_of(std::uint64_t number) {
  NodeId id;
  for (std::size_t i = 0; i < 8; ++i) id.bytes[(i * 7 + 3) % 16] = static_cast<std::uint8_t>(number >> (8 * i));
  return id;
}

void expect_same(const IdMap<int>& made, const std::map<NodeId, int>& model, std::uint64_t ids) {
  ASSERT_EQ(made.size(), model.size());
  ASSERT_TRUE(std::equal(made.begin(), made.end(), model.begin(), model.end()));
  for (std::uint64_t number = 0; number < ids; ++number) {
    const auto id = id_of(number);
    const auto found = made.find(id);
    const auto wanted = model.find(id);
    ASSERT_EQ(found != made.end(), wanted != model.end()) << number;
    ASSERT_EQ(made.contains(id), wanted != model.end());
    if (wanted == model.end()) continue;
    ASSERT_EQ(found->first, id);
    ASSERT_EQ(made.at(id), wanted->second);
  }
}

TEST(IdMap, IsAMapWhateverIsPutInAndTakenOut) {
  constexpr std::uint64_t ids = 3'000;
  Random random{5};
  IdMap<int> made;
  std::map<NodeId, int> model;
  for (int round = 0; round < 6; ++round) {
    const std::uint64_t put_of_ten = round % 2 == 0 ? 9 : 2;  // it grows, it shrinks
    for (int step = 0; step < 6'000; ++step) {
      const auto id = id_of(random.next() % ids);
      if (random.next() % 10 < put_of_ten) {
        const auto [place, added] = made.try_emplace(id, step);
        const auto [wanted, is_new] = model.try_emplace(id, step);
        ASSERT_EQ(added, is_new);
        ASSERT_EQ(place->second, wanted->second);
      } else if (const auto found = made.find(id); found != made.end()) {
        made.erase(found);
        model.erase(id);
      }
    }
    expect_same(made, model, ids);
  }
  while (!made.empty()) made.erase(made.begin());
  expect_same(made, {}, ids);
  made[id_of(1)] = 4;
  EXPECT_EQ(made.find(id_of(1))->second, 4);
}

TEST(IdMap, TakesWhatComesInOrderFromTheFrontOrTheBack) {
  for (const bool forward : {true, false}) {
    IdMap<int> made;
    std::map<NodeId, int> model;
    for (std::uint64_t i = 0; i < 2'000; ++i) {
      NodeId id;
      const auto number = forward ? i : 2'000 - i;
      id.bytes[14] = static_cast<std::uint8_t>(number >> 8U);
      id.bytes[15] = static_cast<std::uint8_t>(number);
      made.emplace(id, static_cast<int>(i));
      model.emplace(id, static_cast<int>(i));
    }
    ASSERT_TRUE(std::equal(made.begin(), made.end(), model.begin(), model.end()));
    for (const auto& [id, value] : model) ASSERT_EQ(made.at(id), value);
  }
}

TEST(IdMap, IsCopiedMovedAndTakesWhatWasMade) {
  IdMap<int> first, copy;
  NodeId id;
  for (int i = 0; i < 1'000; ++i) {
    id.bytes[0] = static_cast<std::uint8_t>(i >> 8U);
    id.bytes[1] = static_cast<std::uint8_t>(i);
    if (i == 400) copy = first;
    if (i < 400) {
      first.emplace(id, i);
    } else {
      auto made = IdMap<int>::make();
      made.mapped() = i;
      copy.insert(id, std::move(made));
    }
  }
  EXPECT_EQ(copy.size(), 1'000U);
  EXPECT_EQ(copy.at(id), 999);
  EXPECT_EQ(first.size(), 400U);
  EXPECT_FALSE(first.contains(id)) << "a copy has its own things";
  copy.at(first.begin()->first) = 77;
  EXPECT_EQ(first.begin()->second, 0);
  IdMap<int> moved = std::move(copy);
  EXPECT_EQ(moved.at(id), 999);
  first = moved;
  EXPECT_EQ(first, moved);
  moved.erase(moved.find(id));
  EXPECT_TRUE(first.contains(id));
  EXPECT_FALSE(first == moved);
}

TEST(IdMap, TakesWhatWasMadeInAnyOrderAndDropsWhatIsThereAlready) {
  Random random{3};
  IdMap<int> map;
  std::map<NodeId, int> model;
  for (int step = 0; step < 4'000; ++step) {
    const auto id = id_of(step % 2 == 0 ? 10'000 + static_cast<std::uint64_t>(step) : random.next() % 3'000);
    auto made = IdMap<int>::make();
    made.mapped() = step;
    map.insert(id, std::move(made));
    model.try_emplace(id, step);
  }
  expect_same(map, model, 15'000);
}

TEST(NotedIds, AreSpreadWhicheverByteTellsThemApart) {
  for (std::size_t byte = 0; byte < 16; ++byte) {
    std::set<std::uint64_t> low;
    for (unsigned value = 0; value < 256; ++value) {
      NodeId id;
      id.bytes[byte] = static_cast<std::uint8_t>(value);
      low.insert(hash_of(id) % 1024);
    }
    EXPECT_GT(low.size(), 200U) << "byte " << byte;  // by chance some 226
  }
}

TEST(NotedIds, AreAllOnceInTheirOrder) {
  NotedIds noted;
  std::set<NodeId> model;
  Random random{9};
  EXPECT_TRUE(noted.all().empty());
  for (int step = 0; step < 40'000; ++step) {
    const auto id = id_of(random.next() % (step < 20'000 ? 50 : 20'000));
    noted.insert(id);
    noted.insert(id);
    model.insert(id);
  }
  EXPECT_EQ(noted.all(), std::vector<NodeId>(model.begin(), model.end()));
}

}  // namespace
}  // namespace abide::fleet
