// Numbers, epochs, held nodes, and two orchestrators at once.
#include "tests/unit/fleet/fleet_bench.hpp"

namespace abide::fleet {
namespace {

void show(FakeNode& node, Number number, std::string_view key) {
  node.held.number = number;
  node.held.digest = digest_of("a document from elsewhere");
  node.held.tag = document_tag(key, node.id, number, node.held.digest);
}

TEST(Epoch, IsRaisedByEveryStartAndNeverBelowTheWallClock) {
  Bench bench;
  const auto wall = static_cast<std::uint64_t>(bench.now.wall_ms);
  const auto first = bench.state.epoch;
  EXPECT_GE(first, wall);
  bench.restart();
  EXPECT_EQ(bench.state.epoch, first + 1);
  bench.now.wall_ms += 1000;
  bench.restart();
  EXPECT_EQ(bench.state.epoch, wall + 1000);
  bench.now.wall_ms = 5;
  bench.restart();
  EXPECT_EQ(bench.state.epoch, wall + 1001) << "a clock that went back changes nothing";
}

TEST(TwoOrchestrators, TheOneWithTheLowerEpochStopsAndSaysSo) {
  struct Case {
    std::int64_t above;
    bool retained;
    bool stops;
    bool raises;
  };
  for (const auto& one : {Case{1, false, true, false}, Case{0, false, true, false}, Case{-1, false, false, false},
                          Case{1, true, false, true}, Case{0, true, false, true}, Case{-1, true, false, false}}) {
    SCOPED_TRACE(std::to_string(one.above) + (one.retained ? " retained" : " live"));
    Bench bench;
    const auto epoch = bench.state.epoch;
    bench.take(RollCallHeard{RollCall{LifeId{42}, 0, epoch + static_cast<std::uint64_t>(one.above)}, one.retained});
    EXPECT_EQ(bench.link.stopped, one.stops);
    EXPECT_EQ(bench.state.epoch, one.raises ? epoch + static_cast<std::uint64_t>(one.above) + 1 : epoch);
    const auto effects = bench.machine.todo(bench.state, bench.link, bench.now);
    EXPECT_EQ(effects.size(), one.stops ? 1U : 0U);
    if (one.stops) {
      EXPECT_EQ(bench.ask(UnlinkPolicy{"x"}).error().code, Code::unavailable) << "every request is answered still";
    }
  }
}

TEST(TwoOrchestrators, OwnRollCallsAreNobodyElses) {
  Bench bench;
  const auto first = make_roll_call(bench.machine.settings, bench.state, bench.link);
  bench.take(BusDown{});
  bench.take(BusUp{});
  bench.take(RollCallHeard{first, false});
  bench.take(RollCallHeard{make_roll_call(bench.machine.settings, bench.state, bench.link), false});
  EXPECT_FALSE(bench.link.stopped);
}

TEST(Held, EveryNodeIsWhenOneShowsADocumentUnderMyKeyThatIDoNotKnow) {
  Fixture f;
  FakeNode other(f.bench, node_id(2), JournalId{2}, "nonrt", "3.0.1");
  settle(f.bench, other);
  f.link();
  settle(f.bench, f.node);
  const Number shown{f.bench.state.epoch + 3, 9};
  show(f.node, shown, f.bench.state.key);
  f.node.say_hello();
  EXPECT_TRUE(f.seen().held);
  EXPECT_TRUE(f.bench.node(other.id).held);
  EXPECT_EQ(f.bench.state.epoch, shown.epoch + 1);
  settle(f.bench, std::vector<FakeNode*>{&f.node, &other});
  EXPECT_EQ(f.node.head, (Number{f.bench.state.epoch, 0}));
  EXPECT_FALSE(f.node.synced()) << "it holds nothing that counts";
  other.say_hello();
  settle(f.bench, other);
  EXPECT_FALSE(other.synced());

  const auto documents = f.bench.events<DocumentIssued>().size();
  EXPECT_NE(f.bench.ask(LinkPolicy{f.bench.node(other.id).host_id, f.policy})->note.find("held"), std::string::npos);
  f.open_window(0, 1000);
  EXPECT_EQ(f.bench.ask(AbortUpdate{f.host()}).error().code, Code::conflict);
  f.bench.pass(10'000);
  EXPECT_EQ(f.bench.events<DocumentIssued>().size(), documents) << "nothing is told, the calendar opens nothing";
  EXPECT_EQ(f.bench.explain(f.node.id).at(0), "confirmation");
  f.node.write(ClockDistrusted{});
  settle(f.bench, f.node);
  EXPECT_EQ(f.seen().upto, f.node.last()) << "events still flow";

  const auto before = f.seen().newest.link->offer;
  f.bench.done(ConfirmNode{f.host()});
  EXPECT_NE(f.bench.ask(ConfirmNode{f.host()})->note.find("nothing to change"), std::string::npos);
  settle(f.bench, f.node);
  EXPECT_FALSE(f.seen().held);
  EXPECT_GT(f.node.held.number, shown);
  EXPECT_NE(f.node.link->offer, before) << "asked for anew";
  EXPECT_TRUE(f.node.window);
  EXPECT_TRUE(f.seen().open_window);
  f.node.say_hello();
  settle(f.bench, f.node);
  EXPECT_TRUE(f.node.synced());
  EXPECT_TRUE(f.bench.node(other.id).held) << "each is confirmed by itself";
  f.bench.done(ConfirmNode{f.bench.node(other.id).host_id});
  settle(f.bench, other);
  EXPECT_EQ(other.link->release.os_image_id, "3.0.2") << "what was linked while it was held";
}

TEST(Held, EveryNodeIsAfterADeclaredRestoreUntilItIsConfirmed) {
  Fixture f;
  FakeNode other(f.bench, node_id(2), JournalId{2}, "nonrt", "3.0.1");
  settle(f.bench, other);
  f.link();
  settle(f.bench, f.node);
  f.open_window(10, 0);
  const auto epoch = f.bench.state.epoch;
  const auto documents = f.bench.events<DocumentIssued>().size();
  f.bench.take(BusDown{});
  f.bench.take(Started{.restored = true});
  f.bench.take(BusUp{});
  for (const auto& id : {f.node.id, other.id}) {
    EXPECT_TRUE(f.bench.node(id).held);
    EXPECT_NE(f.bench.node(id).held_why.find("restored from a backup"), std::string::npos);
  }
  EXPECT_EQ(f.bench.events<NodeHeld>().size(), 1U) << "one event for the fleet";
  EXPECT_GT(f.bench.state.epoch, epoch);
  settle(f.bench, std::vector<FakeNode*>{&f.node, &other});
  EXPECT_EQ(f.node.head, (Number{f.bench.state.epoch, 0}));
  EXPECT_FALSE(f.node.synced());
  f.bench.pass(60'000);
  EXPECT_EQ(f.bench.events<DocumentIssued>().size(), documents) << "the window has opened meanwhile, and nothing is told";

  f.bench.restart();
  EXPECT_TRUE(f.seen().held) << "another start confirms nothing";
  f.bench.take(Started{.restored = true});
  EXPECT_EQ(f.bench.events<NodeHeld>().size(), 1U) << "all are held already";
  f.bench.done(ConfirmNode{f.host()});
  settle(f.bench, f.node);
  EXPECT_FALSE(f.seen().held);
  EXPECT_TRUE(f.bench.node(other.id).held);
  EXPECT_TRUE(f.node.window);
}

// Found by the simulated fleet, 50 nodes: restored by a clock that was behind, so that the epoch was below what had been said.
TEST(Held, AHeldNodeThatShowsAGreaterNumberThanTheEpochIsNotSynced) {
  struct Case {
    const char* what;
    Number shown;
    std::string_view key;
    bool raises;
  };
  const auto epoch = Fixture().bench.state.epoch + 1;  // after the restore
  for (const auto& one :
       {Case{"mine, later", {epoch + 3, 9}, "", true}, Case{"mine, of this epoch", {epoch, 9}, "", true},
        Case{"another's", {epoch + 3, 9}, "another key", true}, Case{"beyond reason", {UINT64_MAX - 1, 1}, "another key", false},
        Case{"the last there is", {UINT64_MAX, 1}, "", false}, Case{"mine, earlier", {epoch - 1, UINT64_MAX}, "", false}}) {
    SCOPED_TRACE(one.what);
    Fixture f;
    f.bench.take(BusDown{});
    f.bench.take(Started{.restored = true});
    f.bench.take(BusUp{});
    ASSERT_EQ(f.bench.state.epoch, epoch);
    f.node.write(ClockDistrusted{});  // not stored yet, so the picture is of before
    show(f.node, one.shown, one.key.empty() ? f.bench.state.key : one.key);
    f.node.say_hello();
    settle(f.bench, f.node);
    ASSERT_TRUE(f.node.head);
    EXPECT_GT(f.node.head, one.shown);
    EXPECT_EQ(f.bench.state.epoch, one.raises ? one.shown.epoch + 1 : epoch);
    EXPECT_EQ(f.bench.events<NodeHeld>().size(), 1U) << "said once";
    if (one.shown.epoch >= UINT64_MAX - 1) continue;
    f.bench.done(ConfirmNode{f.host()});
    EXPECT_GT(f.seen().newest.document.number, one.shown) << "so the node takes it";
  }
}

TEST(Held, ByAForeignKeyTheNodeIsAlone) {
  Fixture f;
  FakeNode other(f.bench, node_id(2), JournalId{2}, "nonrt", "3.0.1");
  settle(f.bench, other);
  show(f.node, {f.bench.state.epoch + 3, 9}, "another key");
  f.node.say_hello();
  EXPECT_TRUE(f.seen().held);
  EXPECT_FALSE(f.bench.node(other.id).held);
  EXPECT_EQ(f.bench.events<NodeHeld>().size(), 1U);
  f.node.say_hello();
  EXPECT_EQ(f.bench.events<NodeHeld>().size(), 1U) << "said once";
}

TEST(Held, TheSameNumberWithAnotherDigestIsUnknownToo) {
  Fixture f;
  f.link();
  settle(f.bench, f.node);
  f.node.say_hello();
  EXPECT_FALSE(f.seen().held);
  show(f.node, f.seen().newest.document.number, f.bench.state.key);
  f.node.say_hello();
  EXPECT_TRUE(f.seen().held);
}

TEST(Held, ANumberBeyondReasonDoesNotUseUpTheNumbers) {
  Fixture f;
  const auto epoch = f.bench.state.epoch;
  show(f.node, {UINT64_MAX - 1, 1}, "another key");
  f.node.say_hello();
  settle(f.bench, f.node);
  EXPECT_TRUE(f.seen().held);
  EXPECT_EQ(f.bench.state.epoch, epoch);
  f.node.say_hello();
  settle(f.bench, f.node);
  EXPECT_FALSE(f.node.synced());
}

TEST(Held, AWipedOrchestratorHoldsItsOldAgentsUntilTheyAreConfirmed) {
  Fixture old;
  old.link();
  old.accept();
  Fixture wiped;
  wiped.bench.state.key = std::string(32, 'w');
  FakeNode node = old.node;
  FakeNode agent(wiped.bench, node_id(8), JournalId{8}, "nonrt", "3.0.1");
  agent.held = node.held;
  agent.offer = node.offer;
  agent.phase = node.phase;
  agent.acked = agent.last();
  agent.trim();
  settle(wiped.bench, agent);
  const auto& seen = wiped.bench.node(agent.id);
  EXPECT_TRUE(seen.held);
  EXPECT_FALSE(wiped.seen().held);
  EXPECT_EQ(seen.phase, Phase::staging);
  ASSERT_TRUE(seen.run) << "what it was doing is history here, too";
  wiped.bench.done(ConfirmNode{seen.host_id});
  settle(wiped.bench, agent);
  EXPECT_FALSE(agent.link) << "nothing is linked here, so the node is told to end it";
  agent.write(Cancelled{agent.offer, Reason::unlinked, "", ""});
  settle(wiped.bench, agent);
  EXPECT_EQ(seen.run->outcome, OutcomeKind::cancelled);
  wiped.bench.state.key = std::string(32, 'k');
}

TEST(Held, ConfirmingDoesNotBringBackWhatWasAborted) {
  Fixture f;
  f.link();
  f.bench.done(AbortUpdate{f.host()});
  settle(f.bench, f.node);
  show(f.node, {f.bench.state.epoch + 3, 9}, f.bench.state.key);
  f.node.say_hello();
  settle(f.bench, f.node);
  const auto runs = f.bench.events<RunOpened>().size();
  f.bench.done(ConfirmNode{f.host()});
  EXPECT_TRUE(f.seen().newest.link->aborted);
  EXPECT_EQ(f.bench.events<RunOpened>().size(), runs);
  f.bench.restart();
  EXPECT_TRUE(f.seen().newest.link->aborted);
  f.link();
  EXPECT_FALSE(f.seen().newest.link->aborted);
}

// What the person sees before confirming.
std::string differences(const Bench& bench, const NodeId& id) {
  const auto told = bench.machine.confirmation(bench.state, bench.link, bench.now, id);
  std::string all;
  for (const auto& difference : told.value().differences) all += difference + "\n";
  return all;
}

TEST(Confirmation, SaysWhereTheNodeAndTheStateDiffer) {
  Fixture f;
  f.link();
  settle(f.bench, f.node);
  const auto told = [&] { return f.bench.machine.confirmation(f.bench.state, f.bench.link, f.bench.now, f.node.id).value(); };
  EXPECT_FALSE(told().held);
  show(f.node, {f.bench.state.epoch + 3, 9}, f.bench.state.key);
  f.node.say_hello();
  settle(f.bench, f.node);
  EXPECT_TRUE(told().held);
  EXPECT_EQ(told().holds, f.node.held.number);
  EXPECT_FALSE(told().known);
  EXPECT_EQ(told().image, "3.0.2");
  EXPECT_NE(differences(f.bench, f.node.id).find("which is not known here"), std::string::npos);
  EXPECT_NE(differences(f.bench, f.node.id).find("it runs image 3.0.1, and is asked for 3.0.2"), std::string::npos)
      << differences(f.bench, f.node.id);
  EXPECT_EQ(differences(f.bench, f.node.id).find("its window is open"), std::string::npos);
  f.open_window(0, 1000);
  EXPECT_TRUE(told().open_now);
  EXPECT_NE(differences(f.bench, f.node.id).find("its window is open"), std::string::npos);
  f.bench.done(UnlinkPolicy{f.host()});
  EXPECT_TRUE(told().image.empty());
  EXPECT_NE(told().nothing, "");
  const auto documents = f.bench.events<DocumentIssued>().size();
  f.bench.done(ConfirmNode{f.host()});
  EXPECT_EQ(f.bench.events<DocumentIssued>().size(), documents + 1);
  EXPECT_FALSE(f.seen().newest.link) << "as it was said to be";
  settle(f.bench, f.node);
  EXPECT_EQ(differences(f.bench, f.node.id), "");
}

// The answer to `what would be confirmed` and the confirming itself are two requests: what comes between them is seen by the second.
TEST(Confirmation, IsNotDoneWhenItWouldBeOfSomethingElseThanWasShown) {
  Fixture f;
  f.link();
  settle(f.bench, f.node);
  const ConfirmationShown shown{f.node.id, f.bench.machine.confirmation(f.bench.state, f.bench.link, f.bench.now, f.node.id).value()};
  const auto confirm = [&](const ConfirmationShown& seen) {
    f.bench.messages.clear();
    f.bench.take(Request{"r", ConfirmNode{f.host()}, seen});
    return f.bench.said<Reply>().at(0).answer.value().changed_meanwhile;
  };
  f.open_window(0, 1000);
  const auto documents = f.bench.events<DocumentIssued>().size();
  EXPECT_TRUE(confirm(shown)) << "its window has opened: it might switch at once";
  EXPECT_EQ(f.bench.events<DocumentIssued>().size(), documents);
  EXPECT_FALSE(confirm({f.node.id, f.bench.machine.confirmation(f.bench.state, f.bench.link, f.bench.now, f.node.id).value()}));
  EXPECT_TRUE(confirm({node_id(77), shown.shown})) << "who is not there";
}

TEST(Confirmation, SaysWhatIsUnderWayOnTheNode) {
  Fixture f;
  f.link();
  f.accept();
  f.bench.take(BusDown{});
  f.bench.take(Started{.restored = true, .why = "was restored from backup 3"});
  f.bench.take(BusUp{});
  EXPECT_EQ(f.seen().held_why, "was restored from backup 3");
  const auto text = differences(f.bench, f.node.id);
  EXPECT_NE(text.find("with update " + to_string(f.seen().offer) + " (image 3.0.2), and is asked anew"), std::string::npos) << text;
}

TEST(Confirmation, OfNobodyIsNotFound) {
  Bench bench;
  EXPECT_EQ(bench.machine.confirmation(bench.state, bench.link, bench.now, node_id(77)).error().code, Code::not_found);
}

}  // namespace
}  // namespace abide::fleet
