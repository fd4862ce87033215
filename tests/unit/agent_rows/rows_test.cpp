#include "edge-agent/rows.hpp"

#include <boost/pfr.hpp>
#include <gtest/gtest.h>

#include "common/store/journal.hpp"
#include "common/store/memory_store.hpp"
#include "edge-agent/row_fields.hpp"
#include "tests/support/filled.hpp"
#include "tests/unit/events/listed.hpp"
#include "tests/unit/events/schema.hpp"

namespace abide::node {
namespace {

State filled_state(std::uint64_t start = 0) {
  auto state = test::filled_from<State>(start);
  state.fresh = !State{}.fresh;
  return state;
}

TEST(AgentRows, ListEveryMemberOfTheState) {
  EXPECT_EQ(test::listed_of<State>().size(), boost::pfr::tuple_size_v<State>)
      << "node::State has a new member: add it at the end of edge-agent/row_fields.hpp and of NodeState in schemas/rows_node.fbs";
}

TEST(AgentRows, HaveTheNamesTypesAndOrderOfTheSchema) {
  const auto schema = test::parse_schema(test::joined_schemas("rows_node.fbs"), "NodeState", "ABDN");
  const auto* table = schema->LookupStruct("abide.wire.NodeState");
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(test::listed_of<State>(), test::listed_in_schema(*table));
}

TEST(AgentRows, KeepEveryFieldOfTheState) {
  const auto state = filled_state();
  const auto back = Rows::from_snapshot(Rows::snapshot(state));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, state);
  EXPECT_NE(Rows::snapshot(filled_state(100)), Rows::snapshot(state));
}

TEST(AgentRows, KeepAStateThatIsStillEmpty) {
  const auto back = Rows::from_snapshot(Rows::snapshot(State{}));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, State{});
}

TEST(AgentRows, LieInOneRowOfTheirScope) {
  MemoryStore store;
  Batch batch;
  auto state = filled_state();
  Rows::save(state, batch, "node/");
  ASSERT_EQ(batch.size(), 1U);
  EXPECT_EQ(batch.changes()[0].key, "node/r/state/");
  ASSERT_TRUE(store.commit(batch));
  const auto loaded = Rows::load(store, "node/");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(*loaded, state);
  EXPECT_EQ(*Rows::load(store, "other/"), State{});
}

TEST(AgentRows, ADamagedRowIsCorruptAndNamed) {
  const auto good = Rows::snapshot(filled_state());
  for (const auto& bytes :
       {std::string(), std::string("x"), good.substr(0, 20), std::string(good.size(), '\0'), good.substr(0, good.size() / 2)}) {
    MemoryStore store;
    Batch batch;
    batch.put(row_key("node/", "state", ""), bytes);
    ASSERT_TRUE(store.commit(batch));
    const auto loaded = Rows::load(store, "node/");
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, Code::corrupt);
    EXPECT_EQ(loaded.error().message.find("state of the agent"), 0U) << loaded.error().message;
  }
}

TEST(AgentRows, AnyByteChangedIsReadOrRefused) {
  const auto good = Rows::snapshot(filled_state());
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] = static_cast<char>(changed[i] ^ 0x55);
    if (const auto state = Rows::from_snapshot(changed)) {
      EXPECT_EQ(*Rows::from_snapshot(Rows::snapshot(*state)), *state);
    }
  }
}

}  // namespace
}  // namespace abide::node
