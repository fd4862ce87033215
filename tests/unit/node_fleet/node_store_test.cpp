#include "simulators/node-fleet/node_store.hpp"

#include <gtest/gtest.h>

#include "tests/support/child.hpp"

namespace abide::node_fleet {
namespace {

Batch put(const std::string& key, const std::string& value) {
  Batch batch;
  batch.put(key, value);
  return batch;
}

TEST(FleetStores, KeepNodesApartAndSurviveWhatWasSynced) {
  const test::TemporaryDirectory directory;
  const NodeId first{{1}}, second{{2}};
  {
    auto journals = Journals::open(directory / "j");
    ASSERT_TRUE(journals) << journals.error().message;
    NodeStore one(**journals, store_prefix("demo", first), {});
    NodeStore two(**journals, store_prefix("demo", second), {});
    ASSERT_TRUE(one.commit(put("node/a", "1")));
    ASSERT_TRUE(two.commit(put("node/a", "2")));
    EXPECT_EQ(*one.get("node/a"), "1");  // at once, for the node itself
    ASSERT_TRUE((*journals)->sync());
    EXPECT_EQ((*journals)->syncs(), 1u);
    EXPECT_EQ((*journals)->commits(), 2u);
    ASSERT_TRUE(one.commit(put("node/b", "never said to anybody")));
  }
  auto journals = Journals::open(directory / "j");
  ASSERT_TRUE(journals);
  EXPECT_EQ(*(*journals)->load(store_prefix("demo", first)), (MemoryStore::Content{{"node/a", "1"}}));
  EXPECT_EQ(*(*journals)->load(store_prefix("demo", second)), (MemoryStore::Content{{"node/a", "2"}}));
  EXPECT_TRUE((*journals)->load(store_prefix("demo-2", first))->empty());
}

TEST(FleetStores, AreOfOneProcessAtATime) {
  const test::TemporaryDirectory directory;
  const auto journals = Journals::open(directory / "j");
  ASSERT_TRUE(journals);
  const auto second = Journals::open(directory / "j");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::conflict);
}

}  // namespace
}  // namespace abide::node_fleet
