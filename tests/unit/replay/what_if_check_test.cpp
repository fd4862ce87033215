// The claim under what-if: the fleet's decide, run over inputs that were put together again from a journal, makes that
// journal.
#include <set>

#include "tests/unit/replay/recorded.hpp"

namespace abide::replay {
namespace {

using test::World;

bool rests(const World& world) {
  return world.runs() && !world.fleet().nodes.empty() && world.at_rest(0);
}
Check check_of(const World& world) {
  return check(recording_of(world), fleet::State{});
}

TEST(WhatIfCheck, DrawsAnyNumberByTheStateThatGivesIt) {
  Random random{99};
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t wanted = i < 500 ? random.next() : static_cast<std::uint64_t>(i);
    Random primed{state_that_draws(wanted)};
    EXPECT_EQ(primed.next(), wanted);
  }
}

TEST(WhatIfCheck, MakesAnUpdatesWholeJournalAgain) {
  World world(1, 2);
  ASSERT_TRUE(world.run([&] { return rests(world) && world.at_rest(1); }));
  world.publish_image(test::good);
  const auto latest = world.policy("");
  ASSERT_TRUE(world.ask(fleet::LinkPolicy{world.host(0), latest}));
  ASSERT_TRUE(world.ask(fleet::LinkPolicy{world.host(1), latest}));
  world.open_window(0, 20, 600);
  world.open_window(1, 40, 600);
  ASSERT_TRUE(world.run([&] { return world.seen(0).run->end_ms != 0 && world.seen(1).run->end_ms != 0 && world.at_rest(0); }))
      << tail_of(world);
  const auto result = check_of(world);
  EXPECT_GT(result.events, 40U);
  EXPECT_EQ(result.reproduced, result.events) << told(result);
}

TEST(WhatIfCheck, MakesTheJournalAgainOfARollbackAndARestoreAndAReImage) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    World world(seed);
    ASSERT_TRUE(world.run([&] { return rests(world); }));
    world.publish_image(test::sick);
    const auto latest = world.policy("");
    ASSERT_TRUE(world.ask(fleet::LinkPolicy{world.host(), latest}));
    world.open_window(0, 0, 0);
    if (seed % 3 == 1) {
      ASSERT_TRUE(world.run([&] { return world.seen().phase == Phase::staged; }));
      world.wipe(world.machines[0]);
    }
    if (seed % 3 == 2) world.kill_orchestrator();
    ASSERT_TRUE(world.run([&] { return rests(world) && world.seen().run->end_ms != 0; })) << tail_of(world);
    const auto result = check_of(world);
    EXPECT_EQ(result.reproduced, result.events) << told(result);
  }
}

// Whatever breaks, and whatever the operator does: connections, processes, power, disks; restores, and hands on every knob.
void walk(World& world, bool confirms) {
  world.publish_image(test::good);
  world.publish_image(test::sick);
  world.policy("");
  world.policy(test::good);
  world.policy(test::sick);
  world.policy(test::base, true);
  std::optional<MemoryStore::Content> backup;
  for (int i = 0; i < 1'500; ++i) {
    const auto drawn = world.random.below(100);
    if (drawn < 3) {
      world.operator_does_something();
    } else if (drawn < 6) {
      world.something_breaks();
    } else if (drawn == 6 && world.random.below(8) == 0) {
      world.wipe(world.machines[world.random.below(2)]);
    } else if (drawn == 7 && world.random.below(10) == 0) {
      if (!backup)
        backup = world.backup();
      else
        world.restore(*std::exchange(backup, std::nullopt));
    } else if (drawn < 12 || !world.step()) {
      world.pass_time();
    }
    if (!confirms || !world.runs()) continue;
    for (std::size_t machine = 0; machine < 2; ++machine) {
      const auto seen = world.fleet().nodes.find(world.machines[machine].id);
      if (seen == world.fleet().nodes.end()) continue;
      if (seen->second.held) (void)world.ask(fleet::ConfirmNode{seen->second.host_id});
      if (seen->second.conflict) (void)world.ask(fleet::ResolveConflict{seen->second.host_id, seen->second.journal});
    }
  }
}

TEST(WhatIfCheck, MakesEveryEventAgainOfRandomWalksThroughFaults) {
  std::size_t events = 0;
  std::size_t reproduced = 0;
  std::string differences;
  std::set<std::string> kinds;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    World world(seed, 2);
    walk(world, seed % 2 == 0);
    const auto recording = recording_of(world);
    for (const auto& recorded : recording) kinds.insert(std::string(name_of(recorded.event)));
    const auto result = check(recording, fleet::State{});
    events += result.events;
    reproduced += result.reproduced;
    if (result.reproduced != result.events) differences += "seed " + std::to_string(seed) + ": " + told(result);
  }
  EXPECT_GT(events, 5000U);
  for (const char* kind : {"JournalRetired", "NodeHeld", "NodeConfirmed", "RunClosed", "WindowClosed", "UpdateAborted"})
    EXPECT_TRUE(kinds.contains(kind)) << kind << " never happened: the walks show less than they should";
  EXPECT_EQ(reproduced, events) << differences;
}

// It can fail: an event that decide would not have made is told as such.
TEST(WhatIfCheck, TellsAnEventThatDecideDoesNotMake) {
  World world(1);
  ASSERT_TRUE(world.run([&] { return rests(world); }));
  world.publish_image(test::good);
  ASSERT_TRUE(world.ask(fleet::LinkPolicy{world.host(), world.policy("")}));
  auto recording = recording_of(world);
  std::size_t place = 0;
  for (std::size_t i = 0; i < recording.size(); ++i) {
    auto* issued = std::get_if<DocumentIssued>(&recording[i].event);
    if (issued == nullptr) continue;
    issued->link->paused = true;  // nobody has paused it
    place = i;
  }
  ASSERT_NE(place, 0U);
  const auto result = check(recording, fleet::State{});
  EXPECT_EQ(result.reproduced, result.events - 2) << "the document, and the run that is opened with it";
  ASSERT_EQ(result.differences.size(), 2U);
  EXPECT_EQ(result.differences[0].sequence, recording[place].sequence);
  EXPECT_NE(result.differences[0].made, result.differences[0].recorded);
}

}  // namespace
}  // namespace abide::replay
