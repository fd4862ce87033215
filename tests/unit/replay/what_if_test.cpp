// Another policy or window in place of the recorded one: where each node's futures part, and what is told of it then.
#include "tools/replay/what_if.hpp"

#include "tests/unit/replay/recorded.hpp"

namespace abide::replay {
namespace {

using test::World;

bool rests(const World& world, std::size_t machines = 1) {
  if (!world.runs() || world.fleet().nodes.size() < machines) return false;
  for (std::size_t i = 0; i < machines; ++i)
    if (!world.at_rest(i)) return false;
  return true;
}

WhatIf future_of(const Recording& recording, const Alternative& alternative) {
  const auto checked = check(recording, fleet::State{});
  EXPECT_EQ(checked.reproduced, checked.events) << told(checked);
  auto future = what_if(recording, checked, fleet::State{}, alternative);
  EXPECT_TRUE(future) << future.error().message;
  return future ? std::move(*future) : WhatIf{};
}
std::string text_of(const WhatIf& future) {
  std::string text = future.put_in + "; the same: " + std::to_string(future.same) + "\n";
  for (const auto& node : future.nodes) {
    text += to_string(node.node) + " asked " + node.asked + "\n";
    if (node.recorded) text += "  recorded #" + std::to_string(node.recorded->sequence) + " " + node.recorded->text + "\n";
    if (node.instead) text += "  instead  " + node.instead->text + "\n";
    if (node.left)
      text += "  left #" + std::to_string(node.left->sequence) + " " + to_rfc3339(node.left->at_ms) + " " + node.left->text + "\n";
    for (const auto& then : node.then) text += "  then " + to_rfc3339(then.at_ms) + " " + then.text + "\n";
  }
  for (const auto& note : future.notes) text += "note: " + note + "\n";
  return text;
}
Alternative policy_of(UpdatePolicy kind, const std::string& target = "", std::optional<std::uint64_t> from = std::nullopt) {
  Alternative alternative;
  alternative.policy.emplace();
  alternative.policy->name = "latest";
  alternative.policy->update_policy = kind;
  alternative.policy->target_os_id = target;
  alternative.from = from;
  alternative.switch_time_ms = 10'000;
  return alternative;
}
template <class E>
std::uint64_t sequence_of(const Recording& recording) {
  for (const auto& recorded : recording)
    if (std::holds_alternative<E>(recorded.event)) return recorded.sequence;
  return 0;
}

// Two nodes; image 2.0 by a policy LATEST; each in a window of its own name "night"; then 2.5, which is sick, for the first.
struct Night {
  World world{7, 2};
  std::int64_t planned_ms = 0;
  Recording recording;

  Night() {
    EXPECT_TRUE(world.run([&] { return rests(world, 2); })) << tail_of(world);
    world.publish_image(test::good);
    const auto latest = world.policy("");
    EXPECT_TRUE(world.ask(fleet::LinkPolicy{world.host(0), latest}));
    EXPECT_TRUE(world.ask(fleet::LinkPolicy{world.host(1), latest}));
    EXPECT_TRUE(world.run([&] { return staged(0) && staged(1); })) << tail_of(world);
    planned_ms = world.now_ms;
    plan(0);
    plan(1);
    EXPECT_TRUE(world.run([&] { return rests(world, 2) && runs(0, test::good) && runs(1, test::good); })) << tail_of(world);
    world.publish_image(test::sick);
    EXPECT_TRUE(world.run([&] {
      return world.seen(0).run->outcome == OutcomeKind::rolled_back && world.seen(1).run->outcome == OutcomeKind::rolled_back &&
             rests(world, 2);
    })) << tail_of(world);
    recording = recording_of(world);
  }
  [[nodiscard]] bool staged(std::size_t machine) const { return world.seen(machine).phase == Phase::staged; }
  [[nodiscard]] bool runs(std::size_t machine, const char* version) const { return world.seen(machine).identity.os_image_id == version; }
  void plan(std::size_t machine) {
    Schedule night;
    night.name = "night";
    night.host_id = world.host(machine);
    night.start_seconds = world.now_ms / 1000 + 600;
    EXPECT_TRUE(world.ask(fleet::CreateSchedule{night}));
  }
  [[nodiscard]] Alternative window_in(std::int64_t seconds) const {
    Alternative alternative;
    alternative.schedule.emplace();
    alternative.schedule->name = "night";
    alternative.schedule->start_seconds = planned_ms / 1000 + seconds;
    alternative.switch_time_ms = 10'000;
    return alternative;
  }
};

TEST(WhatIf, ChangesNothingWhereTheAlternativeIsWhatWas) {
  const Night night;
  const auto future = future_of(night.recording, policy_of(UpdatePolicy::latest));
  EXPECT_EQ(future.same, 2U) << text_of(future);
  EXPECT_TRUE(future.nodes.empty()) << text_of(future);
  EXPECT_TRUE(future.notes.empty());
  EXPECT_NE(future.put_in.find("in place of the one created at #" + std::to_string(sequence_of<PolicyCreated>(night.recording))),
            std::string::npos)
      << future.put_in;
  const auto same_window = future_of(night.recording, night.window_in(600));
  EXPECT_EQ(same_window.same, 2U) << text_of(same_window);
  EXPECT_NE(same_window.put_in.find("and 1 more of that name"), std::string::npos) << same_window.put_in;
}

TEST(WhatIf, SparesANodeTheBadImageWhereAPolicyPinsItToTheGoodOne) {
  const Night night;
  const auto future = future_of(night.recording, policy_of(UpdatePolicy::target, "Microvisor 2.0"));
  ASSERT_EQ(future.nodes.size(), 2U) << text_of(future);
  for (const auto& node : future.nodes) {
    ASSERT_TRUE(node.recorded) << text_of(future);
    EXPECT_NE(node.recorded->text.find("image 2.5 is asked for"), std::string::npos) << text_of(future);
    EXPECT_FALSE(node.instead) << "nothing is asked instead";
    EXPECT_EQ(node.asked, "2.0");
    ASSERT_TRUE(node.left) << text_of(future);
    EXPECT_NE(node.left->text.find("recorded: it accepted image 2.5"), std::string::npos) << text_of(future);
  }
}

TEST(WhatIf, FollowsANodeUntilTheWindowThatComesEarlierAndSaysThatItWouldSwitch) {
  const Night night;
  const auto future = future_of(night.recording, night.window_in(300));
  ASSERT_EQ(future.nodes.size(), 2U) << text_of(future);
  for (const auto& node : future.nodes) {
    ASSERT_TRUE(node.recorded && node.instead && node.left) << text_of(future);
    EXPECT_NE(node.instead->text.find("window "), std::string::npos);
    EXPECT_EQ(node.phase, Phase::staged) << "followed through the download";
    EXPECT_NE(node.left->text.find("it would switch here"), std::string::npos) << text_of(future);
    const auto opens_ms = (night.planned_ms / 1000 + 300) * 1000;
    EXPECT_EQ(node.left->at_ms, opens_ms) << text_of(future);
    const bool opened = std::any_of(node.then.begin(), node.then.end(), [&](const Decision& d) { return d.at_ms == opens_ms; });
    EXPECT_TRUE(opened) << text_of(future);
  }
}

TEST(WhatIf, LeavesANodeWhereItSwitchedAndNoWindowIsOpen) {
  const Night night;
  const auto future = future_of(night.recording, night.window_in(100'000'000));
  ASSERT_EQ(future.nodes.size(), 2U) << text_of(future);
  for (const auto& node : future.nodes) {
    ASSERT_TRUE(node.left) << text_of(future);
    EXPECT_NE(node.left->text.find("recorded: it began to switch. Here no window is open then"), std::string::npos) << text_of(future);
    ASSERT_FALSE(node.waits_for.empty());
    EXPECT_EQ(node.asked, "2.5") << "the newest is asked of it once it is there, and the node says nothing any more";
  }
}

TEST(WhatIf, PutsANewPolicyInWhereItIsTold) {
  const Night night;
  auto alternative = policy_of(UpdatePolicy::target, "Microvisor 1.0", sequence_of<PolicyLinked>(night.recording));
  alternative.policy->name = "stay";
  const auto future = future_of(night.recording, alternative);
  EXPECT_NE(future.put_in.find("linked to 2 nodes"), std::string::npos) << future.put_in;
  ASSERT_EQ(future.nodes.size(), 2U) << text_of(future);
  EXPECT_NE(future.nodes[0].instead->text.find("image 1.0 is asked for"), std::string::npos) << text_of(future);
  // One node alone: the other goes on as it was.
  alternative.nodes = {night.world.machines[0].id};
  const auto one = future_of(night.recording, alternative);
  ASSERT_EQ(one.nodes.size(), 1U) << text_of(one);
  EXPECT_EQ(one.same, 1U);
}

TEST(WhatIf, TakesTheOperatorsLaterLinksToThePolicyThatStandsInItsPlace) {
  const Night night;
  const auto future =
      future_of(night.recording, policy_of(UpdatePolicy::target, "Microvisor 1.0", sequence_of<PolicyCreated>(night.recording) + 1));
  ASSERT_EQ(future.nodes.size(), 2U) << text_of(future);
  EXPECT_EQ(future.nodes[0].asked, "1.0") << text_of(future);
}

TEST(WhatIf, SaysWhatDecideAnswersToTheAlternativeItself) {
  const Night night;
  const auto checked = check(night.recording, fleet::State{});
  const auto past = what_if(night.recording, checked, fleet::State{}, night.window_in(-600));
  ASSERT_FALSE(past);
  EXPECT_NE(past.error().message.find("cannot be in the past"), std::string::npos) << past.error().message;
  const auto unknown = what_if(night.recording, checked, fleet::State{}, policy_of(UpdatePolicy::target, "Microvisor 9"));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::not_found);
  auto nobody = policy_of(UpdatePolicy::latest);
  nobody.policy->name = "nobody";
  const auto absent = what_if(night.recording, checked, fleet::State{}, nobody);
  ASSERT_FALSE(absent);
  EXPECT_NE(absent.error().message.find("--from"), std::string::npos) << absent.error().message;
}

// Whatever the walk did: an alternative that is the record changes nothing, node by node.
TEST(WhatIf, ChangesNothingInRandomWalksEither) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    World world(seed, 2);
    world.publish_image(test::good);
    world.policy("");
    world.policy(test::good);
    for (int i = 0; i < 800; ++i) {
      const auto drawn = world.random.below(100);
      if (drawn < 4)
        world.operator_does_something();
      else if (drawn < 6)
        world.something_breaks();
      else if (drawn < 12 || !world.step())
        world.pass_time();
    }
    const auto recording = recording_of(world);
    const auto future = future_of(recording, policy_of(UpdatePolicy::latest));
    EXPECT_TRUE(future.nodes.empty()) << text_of(future);
  }
}

// ---- files -----------------------------------------------------------------------------------------------------------------

TEST(WhatIfFile, ReadsAPolicyAsYamlAndAsJson) {
  const auto yaml =
      read_policy("spec:\n  name: stay\n  updatePolicy: UPDATE_POLICY_TARGET\n  targetOs: Microvisor 1.0\n  allowDowngrade: true\n");
  ASSERT_TRUE(yaml) << yaml.error().message;
  EXPECT_EQ(yaml->name, "stay");
  EXPECT_EQ(yaml->update_policy, UpdatePolicy::target);
  EXPECT_EQ(yaml->target_os_id, "Microvisor 1.0");
  EXPECT_TRUE(yaml->allow_downgrade);
  const auto json = read_policy(R"({"name": "newest", "updatePolicy": "UPDATE_POLICY_LATEST"})");
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ(json->update_policy, UpdatePolicy::latest);
}

TEST(WhatIfFile, ReadsAScheduleInSecondsAndInTimes) {
  const auto seconds =
      read_schedule(R"({"name": "night", "startSeconds": 1764000000, "endSeconds": 1764003600, "targetHostId": "host-1a2b3c4d"})");
  ASSERT_TRUE(seconds) << seconds.error().message;
  EXPECT_EQ(seconds->start_seconds, 1'764'000'000);
  EXPECT_EQ(seconds->end_seconds, 1'764'003'600);
  EXPECT_EQ(seconds->host_id, "host-1a2b3c4d");
  const auto times = read_schedule("name: night\nstart: 2025-11-24T16:00:00Z\n");
  ASSERT_TRUE(times) << times.error().message;
  EXPECT_EQ(times->start_seconds, 1'764'000'000);
  EXPECT_EQ(times->end_seconds, 0);
}

TEST(WhatIfFile, NamesTheMemberThatIsWrong) {
  const auto expect = [](const auto& read, const char* words) {
    ASSERT_FALSE(read) << words;
    EXPECT_EQ(read.error().code, Code::invalid_input);
    EXPECT_NE(read.error().message.find(words), std::string::npos) << read.error().message;
  };
  expect(read_policy("name: a\n"), "updatePolicy");
  expect(read_policy("updatePolicy: UPDATE_POLICY_LATEST\n"), "name: is missing");
  expect(read_policy("name: a\nupdatePolicy: UPDATE_POLICY_LATEST\nupdatepolicy: x\n"), "updatepolicy: no such member");
  expect(read_policy("name: [a]\nupdatePolicy: UPDATE_POLICY_LATEST\n"), "name");
  expect(read_policy("- a\n"), "no map");
  expect(read_policy("{"), "");
  expect(read_schedule("name: a\n"), "startSeconds");
  expect(read_schedule("name: a\nstartSeconds: soon\n"), "\"soon\"");
  expect(read_schedule("name: a\nstart: yesterday\n"), "\"yesterday\"");
  expect(read_schedule("name: a\nstartSeconds: 1\nscheduleStatus: x\n"), "scheduleStatus");
}

}  // namespace
}  // namespace abide::replay
