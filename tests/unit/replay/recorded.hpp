#pragma once
// Histories as both real machines make them (tests/unit/protocol/world.hpp), read out of the store.
#include <gtest/gtest.h>
#include <string>

#include "common/events/print.hpp"
#include "tests/unit/protocol/world.hpp"
#include "tools/replay/rerun.hpp"

namespace abide::replay {

inline Recording recording_of(const test::World& world) {
  const MemoryStore store(world.backup());
  Recording recording;
  const auto head = Journal::read_head(store, test::plant_scope);
  EXPECT_TRUE(head);
  const auto read = Journal::read(store, test::plant_scope, head->id, head->base + 1, head->last,
                                  [&](std::uint64_t sequence, Chain chain, std::string_view bytes) {
                                    auto recorded = decode_recorded<OrchestratorEvent>(bytes, sequence, chain);
                                    EXPECT_TRUE(recorded);
                                    recording.push_back(std::move(*recorded));
                                    return true;
                                  });
  EXPECT_TRUE(read);
  return recording;
}

inline std::vector<Recorded<NodeEvent>> recording_of(const test::Machine& machine) {
  std::vector<Recorded<NodeEvent>> recording;
  const auto head = Journal::read_head(*machine.store, test::machine_scope);
  EXPECT_TRUE(head);
  const auto read = Journal::read(*machine.store, test::machine_scope, head->id, head->base + 1, head->last,
                                  [&](std::uint64_t sequence, Chain chain, std::string_view bytes) {
                                    auto recorded = decode_recorded<NodeEvent>(bytes, sequence, chain);
                                    EXPECT_TRUE(recorded);
                                    recording.push_back(std::move(*recorded));
                                    return true;
                                  });
  EXPECT_TRUE(read);
  return recording;
}

inline std::string tail_of(const test::World& world) {
  std::string text;
  const std::size_t from = world.log.size() > 80 ? world.log.size() - 80 : 0;
  for (std::size_t i = from; i < world.log.size(); ++i) text += world.log[i] + "\n";
  return text;
}

// As told by every differing event of a check.
inline std::string told(const Check& check) {
  std::string text = std::to_string(check.reproduced) + " of " + std::to_string(check.events) + "\n";
  for (const auto& difference : check.differences)
    text += "#" + std::to_string(difference.sequence) + " recorded " + difference.recorded + "\n    made     " + difference.made + "\n";
  return text;
}

}  // namespace abide::replay
