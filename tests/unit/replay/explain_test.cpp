// Every reason why a node is where it is, as its orchestrator's history and its own journal have it.
#include "tools/replay/explain.hpp"

#include "tests/unit/replay/recorded.hpp"

namespace abide::replay {
namespace {

using test::World;

constexpr std::int64_t minute_ms = 60'000;

bool rests(const World& world) {
  return world.runs() && !world.fleet().nodes.empty() && world.at_rest(0);
}
// All that one has said, the other knows.
bool told(const World& world) {
  return world.seen().upto == world.truth().last && world.seen().taken == world.seen().newest.document.number &&
         node::synced(world.truth(), world.machines[0].agent->link()) && world.machines[0].agent->link().acked == world.truth().last;
}
std::string text_of(const Explanation& why) {
  std::string text;
  for (const auto& told : why.chain) text += "#" + std::to_string(told.sequence) + " " + told.event + ": " + told.text + "\n";
  return text + std::string(to_string(why.verdict)) + ": " + why.conclusion + "\n";
}
Explanation by_orchestrator(const World& world, std::int64_t later_ms = 0) {
  ExplainSettings settings;
  settings.now_ms = world.now_ms + later_ms;
  settings.switch_time_ms = 10'000;  // as this world's agents are set
  auto why = explain(recording_of(world), world.fleet(), world.machines[0].id, settings);
  EXPECT_TRUE(why);
  return *why;
}
Explanation by_agent(const World& world, std::int64_t later_ms = 0) {
  ExplainSettings settings;
  settings.now_ms = world.now_ms + later_ms;
  settings.switch_time_ms = 10'000;  // as this world's agents are set
  return explain(recording_of(world.machines[0]), world.truth(), world.machines[0].agent->journal().head().acked, settings);
}
// A node that runs 1.0 and is known.
World beginning(std::uint64_t seed = 1) {
  World world(seed);
  EXPECT_TRUE(world.run([&] { return rests(world); })) << tail_of(world);
  return world;
}
World staged(const std::string& version, const std::string& target = "") {
  World world = beginning();
  world.publish_image(version);
  EXPECT_TRUE(world.ask(fleet::LinkPolicy{world.host(), world.policy(target)}));
  EXPECT_TRUE(world.run([&] { return world.seen().phase == Phase::staged && told(world); })) << tail_of(world);
  return world;
}

#define EXPECT_SAYS(why, words) EXPECT_NE(text_of(why).find(words), std::string::npos) << "missing: " << (words) << "\n" << text_of(why)

TEST(Explain, NamesTheHealthCheckThatFailedOnARolledBackNode) {
  World world = beginning(2);
  world.publish_image(test::sick);
  ASSERT_TRUE(world.ask(fleet::LinkPolicy{world.host(), world.policy("")}));
  world.open_window(0, 0, 0);
  ASSERT_TRUE(world.run([&] { return world.seen().run->end_ms != 0 && world.at_rest(0); })) << tail_of(world);
  const auto& evidence = world.seen().run->evidence;
  ASSERT_FALSE(evidence.check.empty()) << "the world's sick image names a check";
  for (const auto& why : {by_orchestrator(world), by_agent(world)}) {
    EXPECT_EQ(why.verdict, Verdict::unhealthy);
    EXPECT_EQ(why.reason, Reason::unhealthy);
    EXPECT_EQ(why.evidence, evidence);
    EXPECT_NE(why.conclusion.find("\"" + evidence.check + "\""), std::string::npos) << why.conclusion;
    EXPECT_NE(why.conclusion.find("it runs 1.0 because 2.5 was rolled back"), std::string::npos) << why.conclusion;
    for (const char* event : {"DocumentTaken", "Accepted", "ImageStaged", "SwitchBegan", "TrialStarted", "RollbackBegan", "RolledBack"}) {
      const bool there = std::any_of(why.chain.begin(), why.chain.end(), [&](const Told& told) { return told.event == event; });
      EXPECT_TRUE(there) << event << "\n" << text_of(why);
    }
    EXPECT_TRUE(std::is_sorted(why.chain.begin(), why.chain.end(), [](const Told& a, const Told& b) { return a.sequence < b.sequence; }));
  }
  const auto why = by_orchestrator(world);
  for (const char* event : {"NodeRegistered", "OsResourceCreated", "PolicyCreated", "PolicyLinked", "DocumentIssued", "RunOpened",
                            "WindowOpened", "RunClosed"}) {
    const bool there = std::any_of(why.chain.begin(), why.chain.end(), [&](const Told& told) { return told.event == event; });
    EXPECT_TRUE(there) << event << "\n" << text_of(why);
  }
}

TEST(Explain, SaysThatNoPolicyIsLinked) {
  World world = beginning();
  EXPECT_EQ(by_orchestrator(world).verdict, Verdict::no_policy);
  EXPECT_EQ(by_agent(world).verdict, Verdict::unheard) << "no document has reached it";
  world.publish_image(test::good);
  ASSERT_TRUE(world.ask(fleet::LinkPolicy{world.host(), world.policy("")}));
  ASSERT_TRUE(world.run([&] { return world.seen().phase == Phase::staged && told(world); }));
  ASSERT_TRUE(world.ask(fleet::UnlinkPolicy{world.host()}));
  ASSERT_TRUE(world.run([&] { return world.at_rest(0); }));
  EXPECT_EQ(by_orchestrator(world).verdict, Verdict::no_policy);
  EXPECT_SAYS(by_orchestrator(world), "unlinked");
  EXPECT_EQ(by_agent(world).verdict, Verdict::no_policy);
}

TEST(Explain, SaysThatNoWindowIsScheduled) {
  const World world = staged(test::good);
  EXPECT_EQ(by_orchestrator(world).verdict, Verdict::no_window) << text_of(by_orchestrator(world));
  EXPECT_EQ(by_agent(world).verdict, Verdict::no_window) << text_of(by_agent(world));
}

TEST(Explain, ComparesTheTimeThatASwitchNeedsWithTheWindowsLength) {
  World world = staged(test::good);
  world.open_window(0, 600, 9);
  ASSERT_TRUE(world.run([&] { return told(world); }));
  for (const auto& why : {by_orchestrator(world), by_agent(world)}) {
    EXPECT_EQ(why.verdict, Verdict::window_too_short) << text_of(why);
    EXPECT_SAYS(why, "is 9 s long, and a switch needs 10 s, as no switch of it was measured yet");
  }
}

TEST(Explain, SaysWhatAWindowThatIsOverWasTooShortFor) {
  World world = staged(test::good);
  world.open_window(0, 10, 9);
  ASSERT_TRUE(world.run([&] { return world.seen().open_window.has_value(); }));
  ASSERT_TRUE(world.run([&] { return !world.seen().open_window && told(world) && !world.seen().newest.window; })) << tail_of(world);
  const auto why = by_orchestrator(world);
  EXPECT_EQ(why.verdict, Verdict::window_too_short) << text_of(why);
  EXPECT_SAYS(why, "no later one is scheduled");
}

TEST(Explain, SaysWhenTheWindowOpensThatItWaitsFor) {
  World world = staged(test::good);
  world.open_window(0, 600, 3'600);
  ASSERT_TRUE(world.run([&] { return told(world); }));
  for (const auto& why : {by_orchestrator(world), by_agent(world)}) {
    EXPECT_EQ(why.verdict, Verdict::waiting) << text_of(why);
    EXPECT_SAYS(why, "opens at 20");
    ASSERT_FALSE(why.waits_for.empty());
    EXPECT_EQ(why.waits_for[0].what, "window");
  }
}

TEST(Explain, SaysThatANodeIsPinnedToWhatItRuns) {
  World world = beginning();
  world.publish_image(test::good);
  ASSERT_TRUE(world.ask(fleet::LinkPolicy{world.host(), world.policy(test::base)}));
  ASSERT_TRUE(world.run([&] { return world.at_rest(0) && world.seen().run && world.seen().run->end_ms != 0; })) << tail_of(world);
  const auto why = by_orchestrator(world);
  EXPECT_EQ(why.verdict, Verdict::pinned) << text_of(why);
  EXPECT_SAYS(why, "policy 1.0 (TARGET) pins it to 1.0, which it runs; Microvisor 2.0 is newer");
}

TEST(Explain, SaysThatNothingIsNewer) {
  World world = beginning();
  ASSERT_TRUE(world.ask(fleet::LinkPolicy{world.host(), world.policy("")}));
  EXPECT_EQ(by_orchestrator(world).verdict, Verdict::no_newer_image);
  world.publish_image(test::good);
  world.open_window(0, 0, 0);
  ASSERT_TRUE(world.run([&] { return world.seen().run && world.seen().run->end_ms != 0 && world.at_rest(0); })) << tail_of(world);
  EXPECT_EQ(by_orchestrator(world).verdict, Verdict::no_newer_image);
  EXPECT_EQ(by_agent(world).verdict, Verdict::up_to_date);
}

TEST(Explain, SaysWhyAnOfferIsRefused) {
  World world = beginning();
  world.publish_image(test::good);
  world.open_window(0, 0, 0);
  ASSERT_TRUE(world.ask(fleet::LinkPolicy{world.host(), world.policy("")}));
  ASSERT_TRUE(world.run([&] { return world.seen().identity.os_image_id == test::good && world.at_rest(0); })) << tail_of(world);
  ASSERT_TRUE(world.ask(fleet::LinkPolicy{world.host(), world.policy(test::base)}));
  ASSERT_TRUE(world.run([&] { return world.at_rest(0); }));
  const auto why = by_orchestrator(world);
  EXPECT_EQ(why.verdict, Verdict::refused) << text_of(why);
  EXPECT_SAYS(why, "is older than 2.0, which runs, and it allows no downgrade");
}

TEST(Explain, SaysThatAnOperatorPausedOrAbortedIt) {
  World world = staged(test::good);
  ASSERT_TRUE(world.ask(fleet::PauseUpdate{world.host(), true}));
  ASSERT_TRUE(world.run([&] { return told(world); }));
  EXPECT_EQ(by_orchestrator(world).verdict, Verdict::paused);
  EXPECT_EQ(by_agent(world).verdict, Verdict::paused);
  ASSERT_TRUE(world.ask(fleet::AbortUpdate{world.host()}));
  ASSERT_TRUE(world.run([&] { return world.at_rest(0); }));
  EXPECT_EQ(by_orchestrator(world).verdict, Verdict::withdrawn) << text_of(by_orchestrator(world));
  EXPECT_EQ(by_agent(world).verdict, Verdict::withdrawn);
  EXPECT_SAYS(by_orchestrator(world), "an operator aborted");
}

TEST(Explain, SaysSinceWhenANodeIsAway) {
  World world = staged(test::good);
  world.cut_power(world.machines[0]);
  world.open_window(0, 60, 3'600);
  EXPECT_EQ(by_orchestrator(world).verdict, Verdict::waiting) << "it may only just have gone";
  const auto why = by_orchestrator(world, 26 * minute_ms);
  EXPECT_EQ(why.verdict, Verdict::away) << text_of(why);
  EXPECT_SAYS(why, "last heard of at " + to_rfc3339(*world.seen().heard_ms));
}

TEST(Explain, SaysThatTwoMachinesAnswerUnderOneName) {
  World world = beginning(4);
  world.clone(0);
  ASSERT_TRUE(world.run([&] { return world.seen().conflict; })) << tail_of(world);
  EXPECT_EQ(by_orchestrator(world).verdict, Verdict::conflict);
  EXPECT_SAYS(by_orchestrator(world), "two machines answered as this node");
}

TEST(Explain, SaysThatARestoredOrchestratorHoldsIt) {
  World world = beginning(3);
  const auto before = world.backup();
  world.publish_image(test::good);
  ASSERT_TRUE(world.ask(fleet::LinkPolicy{world.host(), world.policy("")}));
  ASSERT_TRUE(world.run([&] { return world.seen().phase == Phase::staged; }));
  world.restore(before);
  ASSERT_TRUE(world.run([&] { return world.runs() && world.seen().held && world.seen().phase == Phase::staged; })) << tail_of(world);
  EXPECT_EQ(by_orchestrator(world).verdict, Verdict::held);
}

TEST(Explain, SaysOfAnAgentThatItsAcceptanceIsNotAcknowledged) {
  const World world = staged(test::good);
  ExplainSettings settings;
  settings.now_ms = world.now_ms;
  const auto why = explain(recording_of(world.machines[0]), world.truth(), 1, settings);
  EXPECT_EQ(why.verdict, Verdict::waiting);
  EXPECT_SAYS(why, "has not acknowledged");
}

TEST(Explain, KnowsNoNodeThatTheHistoryDoesNot) {
  const World world = beginning();
  const auto why = explain(recording_of(world), world.fleet(), NodeId{}, {});
  ASSERT_FALSE(why);
  EXPECT_EQ(why.error().code, Code::not_found);
}

}  // namespace
}  // namespace abide::replay
