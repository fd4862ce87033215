// The two halves of the protocol against each other: the real machines of node and orchestrator, a broker that may do
// anything that MQTT allows, and faults drawn from a seed.
#include <gtest/gtest.h>

#include "tests/unit/protocol/world.hpp"

namespace abide::test {
namespace {

std::string tail(const World& world) {
  std::string text;
  const std::size_t from = world.log.size() > 120 ? world.log.size() - 120 : 0;
  for (std::size_t i = from; i < world.log.size(); ++i) text += world.log[i] + "\n";
  return text;
}
std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += word + "; ";
  return text;
}

bool heard(const World& world) {
  return !world.fleet().nodes.empty() && world.at_rest(0);
}

TEST(Protocol, BringsANodeFromItsLinkToTheNewImage) {
  World world(1);
  ASSERT_TRUE(world.run([&] { return heard(world); })) << tail(world);
  world.publish_image(good);
  ASSERT_TRUE(world.ask(fleet::LinkPolicy{world.host(), world.policy("")}));
  ASSERT_TRUE(world.run([&] { return world.seen().phase == Phase::staged; })) << tail(world);
  EXPECT_EQ(world.seen().status.text, "Download complete");
  world.open_window(0, 20, 600);
  std::vector<Phase> phases;
  ASSERT_TRUE(world.run([&] {
    if (phases.empty() || phases.back() != world.seen().phase) phases.push_back(world.seen().phase);
    return world.seen().run->outcome == OutcomeKind::succeeded && world.at_rest(0);
  })) << tail(world);
  EXPECT_EQ(world.seen().identity.os_image_id, good);
  EXPECT_EQ(world.seen().status.text, "Update completed");
  EXPECT_EQ(world.machines[0].default_slot, Slot::b);
  EXPECT_EQ(joined(world.wrong()), "") << tail(world);
}

TEST(Protocol, RollsBackAnImageThatIsNotHealthyAndTriesItNoSecondTime) {
  World world(2);
  ASSERT_TRUE(world.run([&] { return heard(world); }));
  world.publish_image(sick);
  ASSERT_TRUE(world.ask(fleet::LinkPolicy{world.host(), world.policy("")}));
  world.open_window(0, 0, 0);
  ASSERT_TRUE(world.run([&] { return world.seen().run->end_ms != 0 && world.at_rest(0); })) << tail(world);
  EXPECT_EQ(world.seen().run->outcome, OutcomeKind::rolled_back);
  EXPECT_EQ(world.seen().run->reason, Reason::unhealthy);
  EXPECT_EQ(world.seen().identity.os_image_id, base);
  const auto boots = world.machines[0].boots;
  world.run([] { return false; }, 2'000);
  EXPECT_EQ(world.machines[0].boots, boots);
  ASSERT_TRUE(world.run([&] { return world.at_rest(0); }));
  EXPECT_EQ(joined(world.wrong()), "") << tail(world);
}

TEST(Protocol, HoldsEverythingWhenARestoredOrchestratorMeetsADocumentThatItForgot) {
  World world(3);
  ASSERT_TRUE(world.run([&] { return heard(world); }));
  const auto before = world.backup();
  world.publish_image(good);
  ASSERT_TRUE(world.ask(fleet::LinkPolicy{world.host(), world.policy("")}));
  ASSERT_TRUE(world.run([&] { return world.seen().phase == Phase::staged; }));
  world.restore(before);
  ASSERT_TRUE(world.run([&] { return world.runs() && world.seen().held && world.seen().phase == Phase::staged; })) << tail(world);
  world.run([] { return false; }, 500);
  EXPECT_EQ(world.truth().phase, Phase::staged) << "it does not switch, and loses nothing";
  EXPECT_FALSE(node::synced(world.truth(), world.machines[0].agent->link()));
  ASSERT_TRUE(world.ask(fleet::ConfirmNode{world.host()}));
  ASSERT_TRUE(world.run([&] { return world.at_rest(0); })) << tail(world);
  EXPECT_EQ(world.truth().outcome.reason, Reason::unlinked);
  EXPECT_EQ(joined(world.wrong()), "") << tail(world);
}

TEST(Protocol, ShowsAClonedDiskAsAConflictUntilOneIsSwitchedOff) {
  World world(4);
  ASSERT_TRUE(world.run([&] { return heard(world); }));
  Machine& copy = world.clone(0);
  ASSERT_TRUE(world.run([&] { return world.seen().conflict; })) << tail(world);
  // The copy is the wrong one: it is switched off, the operator names the journal of the other.
  world.cut_power(copy);
  world.machines.pop_back();
  const auto right = world.truth().journal;
  ASSERT_TRUE(world.ask(fleet::ResolveConflict{world.host(), right})) << to_hex(right);
  ASSERT_TRUE(world.run([&] { return world.at_rest(0); })) << tail(world);
  EXPECT_EQ(joined(world.wrong()), "") << tail(world);
}

TEST(Protocol, EndsTheRunOfANodeThatLostItsDiskAndWaitsForANewLink) {
  World world(5);
  ASSERT_TRUE(world.run([&] { return heard(world); }));
  world.publish_image(good);
  const auto policy = world.policy("");
  ASSERT_TRUE(world.ask(fleet::LinkPolicy{world.host(), policy}));
  ASSERT_TRUE(world.run([&] { return world.seen().phase == Phase::staged; }));
  world.wipe(world.machines[0]);
  ASSERT_TRUE(world.run([&] { return world.at_rest(0) && world.seen().newest.link->aborted; })) << tail(world);
  EXPECT_EQ(world.seen().run->reason, Reason::re_imaged);
  world.open_window(0, 0, 0);
  ASSERT_TRUE(world.ask(fleet::LinkPolicy{world.host(), policy}));
  ASSERT_TRUE(world.run([&] { return world.seen().run->outcome == OutcomeKind::succeeded && world.at_rest(0); })) << tail(world);
  EXPECT_EQ(joined(world.wrong()), "") << tail(world);
}

// Faults and operators at random; then faults end, a window opens for good, and everything must come to rest: the picture
// is the truth, all is acknowledged, each offer has one outcome, each run one end, rows are the fold of their journal.
void walk(std::uint64_t seed, std::size_t machines, bool wipes, bool restores) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  World world(seed, machines);
  world.publish_image(good);
  world.publish_image(sick);
  world.policy("");
  world.policy(good);
  world.policy(sick);
  world.policy(base, true);
  std::optional<MemoryStore::Content> backup;
  for (int i = 0; i < 1'500; ++i) {
    const auto drawn = world.random.below(100);
    if (drawn < 3) {
      world.operator_does_something();
    } else if (drawn < 6) {
      world.something_breaks();
    } else if (drawn == 6 && world.random.below(8) == 0 && wipes) {
      world.wipe(world.machines[world.random.below(machines)]);
    } else if (drawn == 7 && restores && world.random.below(10) == 0) {
      if (!backup)
        backup = world.backup();
      else
        world.restore(*std::exchange(backup, std::nullopt));
    } else if (drawn < 12 || !world.step()) {
      world.pass_time();
    }
  }
  const auto each = [&](const auto& fine) {
    for (std::size_t i = 0; i < machines; ++i)
      if (!fine(i)) return false;
    return true;
  };
  ASSERT_TRUE(world.run([&] {
    return world.runs() && each([&](std::size_t i) { return world.fleet().nodes.contains(world.machines[i].id); });
  })) << tail(world);
  for (std::size_t i = 0; i < machines; ++i) {
    (void)world.ask(fleet::PauseUpdate{world.host(i), false});
    world.open_window(i, 1, 0);
  }
  world.run(
      [&] {
        for (std::size_t i = 0; i < machines; ++i)
          if (world.seen(i).held) (void)world.ask(fleet::ConfirmNode{world.host(i)});
        return each([&](std::size_t i) { return world.at_rest(i); });
      },
      6'000);
  EXPECT_EQ(joined(world.wrong()), "") << tail(world);
}

TEST(Protocol, ComesToRestInTheTruthAfterAnyFaultsOfProcessesAndBroker) {
  for (std::uint64_t seed = 1; seed <= 60 && !::testing::Test::HasFailure(); ++seed) walk(seed, 1, false, false);
}
TEST(Protocol, ComesToRestInTheTruthAlsoWhenNodesLoseTheirDisks) {
  for (std::uint64_t seed = 1001; seed <= 1040 && !::testing::Test::HasFailure(); ++seed) walk(seed, 1, true, false);
}
TEST(Protocol, ComesToRestInTheTruthAlsoWhenTheOrchestratorIsRestored) {
  for (std::uint64_t seed = 2001; seed <= 2040 && !::testing::Test::HasFailure(); ++seed) walk(seed, 1, true, true);
}
TEST(Protocol, ComesToRestInTheTruthWithThreeNodes) {
  for (std::uint64_t seed = 3001; seed <= 3020 && !::testing::Test::HasFailure(); ++seed) walk(seed, 3, true, false);
}

}  // namespace
}  // namespace abide::test
