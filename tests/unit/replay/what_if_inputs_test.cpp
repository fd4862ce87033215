// Inputs that the random walks meet seldom, each put together again from what it made.
#include "tests/unit/fleet/fleet_bench.hpp"
#include "tests/unit/replay/recorded.hpp"

namespace abide::replay {
namespace {

template <class E>
std::size_t count_of(const Recording& recording) {
  std::size_t count = 0;
  for (const auto& recorded : recording) count += std::holds_alternative<E>(recorded.event) ? 1 : 0;
  return count;
}
void expect_all(const Recording& recording) {
  const auto result = check(recording, fleet::State{});
  EXPECT_EQ(result.reproduced, result.events) << told(result);
}

TEST(WhatIfInputs, AreAHelloBehindAGapAndOneThatCorrectsThePicture) {
  fleet::Fixture fixture;
  fixture.link();
  fixture.accept();
  fixture.stage();
  // What it does while it is away, and deletes before anybody has it.
  fixture.node.disconnect();
  fixture.node.write(SwitchBegan{fixture.node.offer});
  fixture.node.acked = fixture.node.last();
  fixture.node.trim();
  fixture.bench.restart();
  fleet::settle(fixture.bench, fixture.node);
  EXPECT_EQ(count_of<GapNoted>(fixture.bench.journal), 1U);
  EXPECT_EQ(count_of<PictureCorrected>(fixture.bench.journal), 1U);
  expect_all(fixture.bench.journal);
}

TEST(WhatIfInputs, AreOfTwoMachinesUnderOneNameAndOfTheOperatorWhoNamesTheRightOne) {
  test::World world(4);
  ASSERT_TRUE(world.run([&] { return !world.fleet().nodes.empty() && world.at_rest(0); }));
  auto& copy = world.clone(0);
  ASSERT_TRUE(world.run([&] { return world.seen().conflict; })) << tail_of(world);
  world.cut_power(copy);
  world.machines.pop_back();
  ASSERT_TRUE(world.ask(fleet::ResolveConflict{world.host(), world.truth().journal}));
  ASSERT_TRUE(world.run([&] { return world.at_rest(0); })) << tail_of(world);
  EXPECT_EQ(count_of<IdentityConflict>(recording_of(world)), 1U);
  expect_all(recording_of(world));
}

TEST(WhatIfInputs, AreOfReleaseServicesThatFailAndRecover) {
  fleet::Bench bench;
  bench.read_profiles({fleet::image("nonrt", "3.0.1")});
  fleet::ProfilesRead failing;
  failing.found.push_back({"releases#nonrt/3.0.1", fleet::image("nonrt", "3.0.1")});
  failing.found.push_back({"releases#nonrt/3.0.2", fleet::image("nonrt", "3.0.2")});
  failing.failures = {{"releases#a", "not YAML"}, {"releases#b", "no such file"}};
  bench.take(failing);
  bench.pass(60'000);
  failing.failures = {{"releases#b", "no such file"}};
  bench.take(failing);
  EXPECT_EQ(count_of<ProfileSourceFailed>(bench.journal), 2U);
  EXPECT_EQ(count_of<ProfileSourceRecovered>(bench.journal), 1U);
  bench.pass(60'000);
  const auto list = [](const std::string& text) {
    return std::make_shared<const fleet::ReleaseList>(fleet::ReleaseList{text, sha256(text)});
  };
  failing.found.push_back({"releases#nonrt/3.0.3", fleet::image("nonrt", "3.0.3")});
  failing.failures.clear();
  failing.lists[{"nonrt", "3.0.2"}] = {list("{}"), list("[1]"), list("[2]")};
  failing.lists[{"nonrt", "3.0.3"}].fixed_cves = list("[3]");
  bench.take(failing);
  bench.pass(60'000);
  failing.lists[{"nonrt", "3.0.2"}].existing_cves = list("[4]");
  bench.take(failing);
  EXPECT_EQ(count_of<OsResourceListed>(bench.journal), 5U);
  bench.pass(60'000);
  failing.found[0].resource.urls = {"http://elsewhere/3.0.1.raw"};
  failing.failures = {{"releases#c", "not YAML"}};
  bench.take(failing);
  failing.failures.clear();
  failing.reach.fine = {"releases#c"};
  bench.pass(60'000);
  bench.take(failing);
  EXPECT_EQ(count_of<OsResourceMoved>(bench.journal), 1U);
  EXPECT_EQ(count_of<ProfileSourceRecovered>(bench.journal), 3U);
  expect_all(bench.journal);
}

TEST(WhatIfInputs, AreOfWindowsOfMaintenanceWhereASettingHasThemUpdate) {
  fleet::Bench bench({.auto_register = true, .maintenance_updates = true});
  fleet::FakeNode node(bench, fleet::node_id(1), JournalId{0xA1}, "nonrt", "3.0.1");
  fleet::settle(bench, node);
  Schedule schedule;
  schedule.status = ScheduleStatus::maintenance;
  schedule.host_id = bench.node(node.id).host_id;
  schedule.start_seconds = bench.now.wall_ms / 1000 + 100;
  schedule.end_seconds = schedule.start_seconds + 100;
  bench.done(fleet::CreateSchedule{schedule});
  bench.pass(400'000);
  EXPECT_EQ(count_of<WindowOpened>(bench.journal), 1U);
  EXPECT_EQ(count_of<WindowClosed>(bench.journal), 1U);
  expect_all(bench.journal);
}

TEST(WhatIfInputs, AreOfOperatorsWhoRegisterRenameDeleteAndAreRefusedNodes) {
  fleet::Bench bench(fleet::Settings{});
  fleet::FakeNode node(bench, fleet::node_id(1), JournalId{0xA1}, "nonrt", "3.0.1");
  fleet::settle(bench, node);
  EXPECT_EQ(count_of<NodeRefused>(bench.journal), 1U);
  const auto host = bench.done(fleet::RegisterHost{node.id, "edge-1"});
  bench.done(fleet::RenameHost{host, "edge-one"});
  fleet::settle(bench, node);
  Policy policy;
  policy.name = "latest";
  const auto id = bench.done(fleet::CreatePolicy{policy});
  bench.done(fleet::DeletePolicy{id});
  EXPECT_EQ(count_of<PolicyDeleted>(bench.journal), 1U);
  expect_all(bench.journal);
}

}  // namespace
}  // namespace abide::replay
