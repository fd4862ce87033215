// A host is deleted: what becomes of its runs, of its node, and of what was kept for it on the bus. And what expires.
#include "tests/unit/fleet/fleet_bench.hpp"

namespace abide::fleet {
namespace {

TEST(DeletedHosts, TakeTheirSchedulesAlongAndTheirRunsAreClosed) {
  Fixture f;
  f.link();
  settle(f.bench, f.node);
  const auto window = f.open_window(100, 100);
  ASSERT_TRUE(f.seen().run);
  const auto run = f.seen().run->id;
  const auto instance = f.seen().instance_id;
  const auto host = f.bench.done(DeleteHost{"node-" + to_string(f.node.id).substr(0, 8)});
  EXPECT_FALSE(f.bench.state.nodes.contains(f.node.id));
  EXPECT_FALSE(f.bench.state.schedules.contains(window));
  EXPECT_FALSE(node_of_instance(f.bench.state, instance));
  const auto closed = f.bench.events<RunClosed>();
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_EQ(std::tie(closed[0].run_id, closed[0].outcome, closed[0].reason), std::tuple(run, OutcomeKind::cancelled, Reason::never_begun));
  EXPECT_EQ(f.bench.ask(PauseUpdate{host, true}).error().code, Code::not_found);
  f.bench.done(DeletePolicy{f.policy});  // nobody is linked to it any more
  f.bench.pass(1'000'000);               // the window that is gone opens nothing
  EXPECT_TRUE(f.bench.events<WindowOpened>().empty());
}

TEST(DeletedHosts, OfARunThatTheNodeWasAtNobodyKnowsHowItEnds) {
  Fixture f;
  f.link();
  f.accept();
  f.bench.done(DeleteHost{f.host()});
  const auto closed = f.bench.events<RunClosed>();
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_EQ(std::tie(closed[0].outcome, closed[0].reason), std::tuple(OutcomeKind::failed, Reason::lost));
  EXPECT_NE(closed[0].detail.find("was deleted"), std::string::npos);
}

TEST(DeletedHosts, AreClearedFromTheBusAgainWithEveryConnection) {
  Fixture f;
  f.link();
  settle(f.bench, f.node);
  f.bench.messages.clear();
  f.bench.done(DeleteHost{f.host()});
  const auto topics = [&] {
    std::set<DocumentTopic> found;
    for (const auto& clear : f.bench.said<ClearDocument>())
      if (clear.node == f.node.id) found.insert(clear.topic);
    f.bench.messages.clear();
    return found;
  };
  const std::set<DocumentTopic> all{DocumentTopic::policy_linked, DocumentTopic::window_scheduled, DocumentTopic::window_opened};
  EXPECT_EQ(topics(), all);
  f.bench.take(BusDown{});
  f.bench.take(BusUp{});
  EXPECT_EQ(topics(), all) << "whether the first word arrived is not known";
  f.bench.restart();
  EXPECT_EQ(topics(), all) << "nor what was said before a crash";
}

TEST(DeletedHosts, AreRefusedEvenWhereEveryHelloMakesAHost) {
  Fixture f;  // registers automatically
  f.bench.done(DeleteHost{f.host()});
  for (int i = 0; i < 3; ++i) f.node.say_hello();
  f.node.write(f.node.started());
  f.node.send(f.node.last());
  EXPECT_TRUE(f.bench.state.nodes.empty());
  const auto refused = f.bench.events<NodeRefused>();
  ASSERT_EQ(refused.size(), 1U) << "said once";
  EXPECT_NE(refused[0].why.find("was deleted"), std::string::npos);
  f.bench.restart();
  f.node.disconnect();
  settle(f.bench, f.node);
  EXPECT_TRUE(f.bench.state.nodes.empty()) << "also after a restart";
}

TEST(DeletedHosts, ComeBackAsNewOnesWhenTheyAreRegisteredAndNobodyIsHeld) {
  Fixture f;
  FakeNode other{f.bench, node_id(2), JournalId{0xB2}, "nonrt", "3.0.1"};
  settle(f.bench, other);
  f.link();
  settle(f.bench, f.node);
  const auto host = f.host();
  const auto held = f.node.held.number;
  ASSERT_TRUE(held) << "it holds a document with our key";
  f.bench.done(DeleteHost{host});
  settle(f.bench, f.node);
  const auto again = f.bench.done(RegisterHost{f.node.id, "back"});
  EXPECT_NE(again, host);
  EXPECT_TRUE(f.bench.state.deleted.empty());
  f.node.disconnect();
  settle(f.bench, f.node);
  EXPECT_TRUE(f.bench.events<NodeHeld>().empty()) << "a document of before is no state that was lost";
  EXPECT_GT(f.node.held.number, held);
  EXPECT_FALSE(f.node.link) << "what it was asked for before is taken back";
  EXPECT_FALSE(f.seen().held);
  EXPECT_TRUE(f.seen().journal) << "it is heard again";
  EXPECT_EQ(f.seen().upto, f.node.last());
  f.link();
  settle(f.bench, f.node);
  EXPECT_TRUE(f.node.link);
}

TEST(DeletedHosts, AreForgottenOldestFirst) {
  State state;
  Recorded<OrchestratorEvent> recorded;
  const auto id_of = [](std::size_t n) {
    NodeId id;
    id.bytes[14] = static_cast<std::uint8_t>(n >> 8U);
    id.bytes[15] = static_cast<std::uint8_t>(n);
    id.bytes[0] = 1;
    return id;
  };
  for (std::size_t i = 0; i <= deleted_max; ++i) {
    recorded.at_ms = static_cast<std::int64_t>(i);
    recorded.event = NodeRegistered{id_of(i), "host-" + std::to_string(i), "inst-" + std::to_string(i), "n", false};
    FleetMachine::apply(state, recorded);
    recorded.event = HostDeleted{id_of(i), "host-" + std::to_string(i), "inst-" + std::to_string(i), "n"};
    FleetMachine::apply(state, recorded);
  }
  EXPECT_EQ(state.deleted.size(), deleted_max);
  EXPECT_FALSE(state.deleted.contains(id_of(0)));
  EXPECT_TRUE(state.deleted.contains(id_of(1)));
}

TEST(ExpiredRuns, AreDeletedButThoseThatTheirHostsHold) {
  Fixture f;
  f.link();
  f.accept();
  const auto held = f.seen().run->id;
  f.bench.take(RunsExpired{{{f.node.id, held}, {f.node.id, "osupdaterun-00000001"}, {node_id(9), "osupdaterun-00000002"}}});
  const auto deleted = f.bench.events<RunDeleted>();
  ASSERT_EQ(deleted.size(), 2U);
  EXPECT_TRUE(deleted[0].expired && deleted[1].expired);
  EXPECT_EQ(deleted[0].run_id, "osupdaterun-00000001");
  EXPECT_EQ(deleted[1].run_id, "osupdaterun-00000002") << "also of a host that is gone";
  ASSERT_TRUE(f.seen().run);
  EXPECT_EQ(f.seen().run->id, held);
  EXPECT_EQ(f.bench.state.touched.runs_gone, (std::set<std::string>{"osupdaterun-00000001", "osupdaterun-00000002"}));
}

TEST(Seen, AnOperationIsNotDoneToWhatHasChangedMeanwhile) {
  Fixture f;
  const auto before = as_set(f.seen());
  const auto ask = [&](Operation operation, Seen seen) {
    f.bench.messages.clear();
    f.bench.take(Request{"r", std::move(operation), std::move(seen)});
    const auto replies = f.bench.said<Reply>();
    EXPECT_EQ(replies.size(), 1U);
    f.bench.messages.clear();
    return replies.at(0).answer;
  };
  EXPECT_FALSE(ask(RenameHost{f.host(), "one"}, before)->changed_meanwhile);
  const auto events = f.bench.journal.size();
  const auto refused = ask(RenameHost{f.host(), "two"}, before);
  EXPECT_TRUE(refused->changed_meanwhile);
  EXPECT_EQ(f.bench.journal.size(), events);
  EXPECT_EQ(f.seen().name, "one");
  const auto policy = f.bench.state.policies.at(f.policy).value;
  EXPECT_FALSE(ask(EditPolicy{f.policy, "a", {}}, policy)->changed_meanwhile);
  EXPECT_TRUE(ask(EditPolicy{f.policy, "b", {}}, policy)->changed_meanwhile);
  EXPECT_TRUE(ask(DeletePolicy{f.policy}, policy)->changed_meanwhile);
  Site site;
  site.id = "site-00000000";
  EXPECT_TRUE(ask(DeleteSite{site.id}, site)->changed_meanwhile) << "what is gone has changed, too";
}

}  // namespace
}  // namespace abide::fleet
