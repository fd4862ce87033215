// The orchestrator's half of the handshake: every row of its table.
#include "tests/unit/fleet/fleet_bench.hpp"

namespace abide::fleet {
namespace {

Received answer_to(Bench& bench, const SendReceived& sent) {
  return make_received(bench.state, bench.link, sent.node, sent.welcome, bench.now);
}

TEST(Delivery, WelcomesEachHelloWithTheNewestDocumentsNumber) {
  Fixture f;
  f.link();
  settle(f.bench, f.node);
  f.node.say_hello();
  const auto sent = f.bench.said<SendReceived>();
  ASSERT_EQ(sent.size(), 1U);
  const auto received = answer_to(f.bench, sent[0]);
  EXPECT_EQ(received.life, f.bench.link.life);
  EXPECT_EQ(received.journal, f.node.journal);
  EXPECT_EQ(received.upto, f.node.last());
  EXPECT_EQ(received.chain, f.node.chain());
  ASSERT_TRUE(received.welcome);
  EXPECT_EQ(received.welcome->nonce, f.node.nonce);
  EXPECT_EQ(received.welcome->head, f.seen().newest.document.number);
  EXPECT_EQ(received.welcome->now_ms, f.bench.now.wall_ms);
  EXPECT_TRUE(f.bench.said<PublishDocument>().empty()) << "it holds the newest";
}

TEST(Delivery, PublishesTheDocumentAgainOnlyToANodeThatHoldsAnOlderOne) {
  Fixture f;
  f.node.reachable = false;
  f.link();
  EXPECT_EQ(f.bench.said<PublishDocument>().size(), 1U) << "once it is issued";
  f.bench.messages.clear();
  f.bench.restart();
  EXPECT_TRUE(f.bench.said<PublishDocument>().empty()) << "nothing is published at a start";
  f.node.reachable = true;
  f.node.disconnect();
  f.node.hear(make_roll_call(f.bench.machine.settings, f.bench.state, f.bench.link));
  EXPECT_EQ(f.bench.said<PublishDocument>().size(), 1U);
  settle(f.bench, f.node);
  EXPECT_TRUE(f.node.synced());
  f.node.say_hello();
  EXPECT_TRUE(f.bench.said<PublishDocument>().empty());
}

TEST(Delivery, StoresAnEventOnceAndInSequence) {
  Fixture f;
  const auto before = f.bench.events<NodeEventStored>().size();
  f.node.write(ClockDistrusted{});
  f.node.write(ClockDistrusted{});
  const auto last = f.node.last();
  f.node.send(last);  // a gap
  EXPECT_EQ(f.bench.events<NodeEventStored>().size(), before);
  f.node.send(last - 1);
  f.node.send(last - 1);
  f.node.send(last);
  EXPECT_EQ(f.bench.events<NodeEventStored>().size(), before + 2);
  EXPECT_EQ(f.seen().upto, last);
  EXPECT_EQ(f.seen().chain, f.node.chain());
}

TEST(Delivery, AsksOnceForAGapUntilTheNodeHasSaidHello) {
  Fixture f;
  for (int i = 0; i < 3; ++i) f.node.write(ClockDistrusted{});
  f.bench.messages.clear();
  const auto ask = f.bench.link.nodes[f.node.id].ask;
  f.node.send(f.node.last());
  f.node.send(f.node.last());
  EXPECT_EQ(f.bench.link.nodes[f.node.id].ask, ask + 1);
  EXPECT_EQ(f.bench.said<SendReceived>().size(), 1U);
  settle(f.bench, f.node);  // it hears the ask, says hello, and sends all from where it is asked
  EXPECT_EQ(f.seen().upto, f.node.last());
}

TEST(Delivery, AcknowledgesTogetherAfterEightEventsOrTwoSeconds) {
  Fixture f;
  f.bench.pass(2'000);
  f.bench.messages.clear();
  for (int i = 0; i < 7; ++i) {
    f.node.write(ClockDistrusted{});
    f.node.send(f.node.last());
  }
  EXPECT_TRUE(f.bench.said<SendReceived>().empty());
  f.bench.pass(1'999);
  EXPECT_TRUE(f.bench.said<SendReceived>().empty());
  f.bench.pass(1);
  EXPECT_EQ(f.bench.said<SendReceived>().size(), 1U);
  f.bench.messages.clear();
  for (int i = 0; i < 8; ++i) {
    f.node.write(ClockDistrusted{});
    f.node.send(f.node.last());
  }
  EXPECT_EQ(f.bench.said<SendReceived>().size(), 1U);
  f.bench.pass(10'000);
  EXPECT_EQ(f.bench.said<SendReceived>().size(), 1U) << "all is told already";
}

TEST(Delivery, AcknowledgesAcceptedAndOutcomesAtOnce) {
  Fixture f;
  f.link();
  settle(f.bench, f.node);
  f.bench.pass(3'000);
  f.bench.messages.clear();
  f.node.write(Accepted{f.node.link->offer, f.node.link->release});
  f.node.send(f.node.last());
  EXPECT_EQ(f.bench.said<SendReceived>().size(), 1U);
  f.node.write(Failed{f.node.offer, Reason::download, "3.0.1", "3.0.2", {}});
  f.node.send(f.node.last());
  EXPECT_EQ(f.bench.said<SendReceived>().size(), 2U);
}

TEST(Delivery, NotesAGapThatTheNodeCannotFillAndTakesItsWord) {
  Fixture f;
  f.link();
  f.accept();
  const auto upto = f.seen().upto;
  // It was acknowledged by a life that is forgotten here: the events are gone on both sides.
  ImageStaged staged;
  staged.offer = f.node.offer;
  f.node.write(staged);
  f.node.acked = f.node.last();
  f.node.trim();
  f.node.say_hello();
  settle(f.bench, f.node);
  const auto gaps = f.bench.events<GapNoted>();
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].from, upto + 1);
  EXPECT_EQ(gaps[0].upto, f.node.last());
  EXPECT_EQ(f.seen().phase, Phase::staged);
  EXPECT_EQ(f.seen().status.text, "Download complete");
  EXPECT_EQ(f.bench.events<PictureCorrected>().size(), 1U);
  f.node.say_hello();
  EXPECT_EQ(f.bench.events<PictureCorrected>().size(), 1U) << "once is enough";
}

TEST(Delivery, CorrectsThePictureWhenTheLastEventThatHelloSpeaksOfIsStored) {
  Fixture f;
  f.link();
  f.accept();
  const Number offer = f.node.offer;
  f.node.write(Succeeded{offer, "3.0.1", "3.0.2", {}});
  f.node.acked = f.node.last();
  f.node.trim();                    // the outcome is in the gap
  f.node.write(ClockDistrusted{});  // and this is not
  f.node.say_hello();
  settle(f.bench, f.node);
  EXPECT_EQ(f.seen().outcome, (Outcome{offer, OutcomeKind::succeeded, Reason::none}));
  EXPECT_EQ(f.seen().run->outcome, OutcomeKind::succeeded);
  EXPECT_EQ(f.bench.events<RunClosed>().size(), 1U);
}

TEST(Delivery, ClosesARunAsLostWhoseEndLiesInAGapAndIsNoLongerTold) {
  Fixture f;
  f.link();
  f.accept();
  const Number first = f.node.offer;
  f.node.outcome = {Number{1, 1}, OutcomeKind::succeeded, Reason::none};  // a later offer's
  f.node.offer = {};
  f.node.phase = Phase::idle;
  f.node.say_hello();
  ASSERT_TRUE(f.seen().run);
  EXPECT_EQ(f.seen().run->offer, first);
  EXPECT_EQ(f.seen().run->outcome, OutcomeKind::failed);
  EXPECT_EQ(f.seen().run->reason, Reason::lost);
}

TEST(Delivery, CallsTheRollAgainAtMostOnceInTenSeconds) {
  Fixture f;
  f.bench.pass(20'000);
  f.bench.messages.clear();
  f.node.life = LifeId{12345};
  f.node.say_hello();
  f.node.say_hello();
  EXPECT_EQ(f.bench.said<CallRoll>().size(), 1U);
  f.bench.pass(9'999);
  EXPECT_EQ(f.bench.said<CallRoll>().size(), 1U);
  f.bench.pass(1);
  EXPECT_EQ(f.bench.said<CallRoll>().size(), 2U) << "the second hello has still to be answered by a roll call";
  f.bench.pass(60'000);
  EXPECT_EQ(f.bench.said<CallRoll>().size(), 2U);
}

TEST(Delivery, AdoptsAJournalNeverSeenOnlyWhenItAnswersAFreshAsk) {
  Fixture f;
  const JournalId old = f.node.journal;
  f.node.re_image(JournalId{0xB2}, "3.0.1");
  const auto call = make_roll_call(f.bench.machine.settings, f.bench.state, f.bench.link);
  f.node.life = call.life;
  f.node.ask = f.bench.link.nodes[f.node.id].ask;  // it repeats the ask of before: a late word could do that, too
  f.node.say_hello();
  EXPECT_EQ(f.seen().journal, old);
  f.node.say_hello();
  EXPECT_EQ(f.seen().journal, old) << "still not the ask that was given out since";
  settle(f.bench, f.node);
  EXPECT_EQ(f.seen().journal, JournalId{0xB2});
  ASSERT_EQ(f.seen().retired.size(), 1U);
  EXPECT_EQ(f.seen().retired[0].journal, old);
  EXPECT_EQ(f.seen().upto, f.node.last());
  EXPECT_FALSE(f.seen().conflict);
}

TEST(Delivery, TakesALateWordOfARetiredJournalForNoConflict) {
  Fixture f;
  FakeNode late = f.node;
  f.node.re_image(JournalId{0xB2}, "3.0.1");
  settle(f.bench, f.node);
  late.say_hello();
  EXPECT_FALSE(f.seen().conflict);
  late.write(ClockDistrusted{});
  late.send(late.last());
  EXPECT_EQ(f.seen().journal, JournalId{0xB2});
}

// Found by the simulated fleet, 50 nodes: a journal brought up an older offer after the newest had fallen back.
TEST(Delivery, ARunOfAnOlderOfferDoesNotTakeThePlaceOfTheNewest) {
  Fixture f;
  f.link();
  f.accept();
  f.stage();
  f.roll_back();
  settle(f.bench, f.node);
  const auto newest = f.seen().run->id;
  RunOpened late;
  late.node = f.node.id;
  late.run_id = "osupdaterun-00000001";
  late.offer = {1, 1};
  f.bench.event(late);
  EXPECT_EQ(f.seen().run->id, newest);
  ASSERT_EQ(f.seen().superseded.size(), 1U);
  EXPECT_EQ(f.seen().superseded[0].id, late.run_id);
  f.bench.event(RunClosed{f.node.id, late.run_id, late.offer, OutcomeKind::cancelled, Reason::superseded, {}});
  EXPECT_TRUE(f.seen().superseded.empty());
}

// Found by the simulated fleet, 50 nodes: a gap hid where the history of a disk that was put back split.
TEST(Delivery, ANodeThatGoesOnSayingAnOlderOutcomeIsBelieved) {
  Fixture f;
  f.link();
  f.accept();
  f.stage();
  f.fall_back();
  ASSERT_EQ(f.seen().outcome.kind, OutcomeKind::rolled_back);
  Hello hello;
  hello.life = f.bench.link.life;
  hello.ask = f.bench.link.nodes[f.node.id].ask;
  hello.last = f.seen().upto;
  hello.boot = f.node.boot;
  hello.identity = f.node.identity;
  const auto say = [&](std::uint64_t nonce) {
    hello.nonce = Nonce{nonce};
    f.bench.take(HelloHeard{f.node.id, f.node.journal, f.node.session, hello});
    return f.seen().outcome.kind;
  };
  for (std::uint64_t i = 1; i <= doubted_max; ++i)
    EXPECT_EQ(say(i), OutcomeKind::rolled_back) << "it may be of another history, and finds that out by the answer";
  for (int copies = 0; copies < 5; ++copies) EXPECT_EQ(say(doubted_max), OutcomeKind::rolled_back) << "the same message once more";
  f.node.write(ClockDistrusted{});
  settle(f.bench, f.node);
  hello.last = f.seen().upto;
  for (std::uint64_t i = 1; i <= doubted_max; ++i) EXPECT_EQ(say(100 + i), OutcomeKind::rolled_back) << "after what came since, anew";
  f.node.fork();
  while (f.node.last() < hello.last) f.node.write(ClockDistrusted{});
  settle(f.bench, f.node);
  ASSERT_EQ(std::tie(f.seen().journal, f.seen().upto), std::make_tuple(f.node.journal, hello.last));
  hello.ask = f.bench.link.nodes[f.node.id].ask;
  for (std::uint64_t i = 1; i <= doubted_max; ++i) EXPECT_EQ(say(200 + i), OutcomeKind::rolled_back) << "in another journal, anew";
  EXPECT_EQ(say(300), OutcomeKind::none);
}

TEST(Delivery, NoticesADiskThatWasPutBackByItsChain) {
  Fixture f;
  FakeNode copy = f.node;
  f.node.write(ClockDistrusted{});
  settle(f.bench, f.node);
  f.bench.pass(2'000);
  f.bench.messages.clear();
  copy.session = SessionId{77};
  copy.write(ClockDistrusted{});  // the same sequence, another event
  copy.disconnect();
  settle(f.bench, copy);
  EXPECT_NE(copy.journal, f.node.journal) << "the node finds out and begins anew";
  EXPECT_EQ(f.seen().journal, copy.journal);
  const auto stored = f.bench.events<NodeEventStored>();
  EXPECT_TRUE(std::holds_alternative<JournalForked>(stored.back().event));
  EXPECT_FALSE(f.seen().conflict);
}

TEST(Delivery, GoesOnWithTheRunOfAForkedJournal) {
  Fixture f;
  f.link();
  f.accept();
  const auto run = f.seen().run->id;
  f.node.fork();
  settle(f.bench, f.node);
  EXPECT_EQ(f.seen().run->id, run);
  EXPECT_EQ(f.seen().run->end_ms, 0);
  EXPECT_EQ(f.seen().run->journal, f.node.journal);
  EXPECT_FALSE(f.seen().newest.link->aborted);
  f.stage();
  f.succeed();
  EXPECT_EQ(f.seen().run->id, run);
  EXPECT_EQ(f.seen().run->outcome, OutcomeKind::succeeded);
  EXPECT_EQ(f.bench.events<RunOpened>().size(), 1U);
}

TEST(Delivery, APutBackDiskThatHasAnEndedOfferOpenAgainIsToldToAbortIt) {
  Fixture f;
  f.link();
  f.accept();
  f.stage();
  settle(f.bench, f.node);
  FakeNode copy = f.node;  // of the disk, before the trial
  f.fall_back();
  copy.session = SessionId{77};
  copy.write(ClockDistrusted{});
  copy.disconnect();
  settle(f.bench, copy);
  ASSERT_EQ(f.seen().journal, copy.journal);
  EXPECT_TRUE(f.seen().newest.link->aborted) << "an image that fell back is not tried again unasked";
  EXPECT_TRUE(copy.link->aborted);
}

// As many events as were stored, but others: only the answer shows it to the node, which then begins anew.
TEST(Delivery, AHelloOfAnotherHistoryThatIsAsLongDoesNotOpenAnEndedOfferAgain) {
  Fixture f;
  f.link();
  f.accept();
  f.stage();
  settle(f.bench, f.node);
  FakeNode copy = f.node;
  f.fall_back();
  copy.session = SessionId{77};
  while (copy.last() < f.node.last()) copy.write(ClockDistrusted{});
  copy.disconnect();
  settle(f.bench, copy);
  EXPECT_TRUE(f.seen().newest.link->aborted);
  EXPECT_EQ(f.bench.events<RunClosed>().front().outcome, OutcomeKind::rolled_back);
}

TEST(Delivery, ReImagedNodesWaitForANewLinkUnlessTheyHadSucceeded) {
  struct Case {
    const char* what;
    void (*before)(Fixture&);
    bool aborted;
  };
  const Case cases[] = {
      {"not accepted", [](Fixture& f) { settle(f.bench, f.node); }, false},
      {"open", [](Fixture& f) { f.accept(); }, true},
      {"rolled back",
       [](Fixture& f) {
         f.accept();
         f.stage();
         f.roll_back();
       },
       true},
      {"succeeded",
       [](Fixture& f) {
         f.accept();
         f.stage();
         f.succeed();
       },
       false},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.what);
    Fixture f;
    f.link();
    one.before(f);
    const auto offer = f.seen().newest.link->offer;
    f.node.re_image(JournalId{0xB2}, "3.0.1");
    settle(f.bench, f.node);
    EXPECT_EQ(f.seen().newest.link->aborted, one.aborted);
    EXPECT_EQ(f.seen().newest.link->offer, offer);
    EXPECT_EQ(f.node.held.number, f.seen().newest.document.number);
    if (one.aborted) {
      EXPECT_NE(f.seen().run->end_ms, 0);
      EXPECT_EQ(f.bench.events<RunClosed>().size(), 1U) << "exactly once";
      EXPECT_EQ(f.bench.explain(f.node.id), std::vector<std::string>{"retry"});
      f.link();
      EXPECT_NE(f.seen().newest.link->offer, offer);
    }
    f.accept();
    f.stage();
    f.succeed();
    EXPECT_EQ(f.seen().run->outcome, OutcomeKind::succeeded);
    EXPECT_EQ(f.seen().run->journal, JournalId{0xB2});
  }
}

TEST(Delivery, AsksANodeWhoseMessageWasDropped) {
  Fixture f;
  f.bench.messages.clear();
  f.bench.take(MessageDropped{f.node.id});
  f.bench.take(MessageDropped{node_id(9)});
  EXPECT_EQ(f.bench.said<SendReceived>().size(), 1U);
  f.node.write(ClockDistrusted{});
  settle(f.bench, f.node);
  EXPECT_EQ(f.seen().upto, f.node.last());
}

TEST(Delivery, SaysNothingWhileThereIsNoBus) {
  Fixture f;
  f.bench.take(BusDown{});
  f.bench.messages.clear();
  f.link();
  EXPECT_TRUE(f.bench.messages.empty());
  EXPECT_FALSE(f.bench.machine.look_again(f.bench.state, f.bench.link, f.bench.now));
  f.bench.take(BusUp{});
  EXPECT_EQ(f.bench.said<CallRoll>().size(), 1U);
  f.node.disconnect();
  settle(f.bench, f.node);
  EXPECT_EQ(f.node.held.number, f.seen().newest.document.number);
}

TEST(Registration, MakesAHostAndAnInstanceOrRefusesOnce) {
  Bench open({.auto_register = true});
  FakeNode first(open, node_id(1), JournalId{1}, "nonrt", "1");
  settle(open, first);
  EXPECT_EQ(open.node(first.id).host_id.substr(0, 5), "host-");
  EXPECT_EQ(open.node(first.id).host_id.size(), 13U);
  EXPECT_EQ(open.node(first.id).instance_id.substr(0, 5), "inst-");
  EXPECT_EQ(open.node(first.id).name, "node-11111111");

  Bench closed({.auto_register = false});
  FakeNode stranger(closed, node_id(2), JournalId{1}, "nonrt", "1");
  settle(closed, stranger);
  stranger.say_hello();
  EXPECT_EQ(closed.events<NodeRefused>().size(), 1U);
  EXPECT_TRUE(closed.state.nodes.empty());
  const auto host = closed.done(RegisterHost{stranger.id, "edge-2"});
  EXPECT_EQ(closed.ask(RegisterHost{stranger.id, "again"}).error().code, Code::conflict);
  settle(closed, stranger);
  EXPECT_EQ(closed.node(stranger.id).journal, stranger.journal) << "it was asked at once";
  EXPECT_TRUE(closed.state.refused.empty());
  closed.done(RenameHost{host, "edge-two"});
  EXPECT_EQ(closed.node(stranger.id).name, "edge-two");
  EXPECT_EQ(closed.ask(LinkPolicy{"edge-2", "none"}).error().code, Code::not_found);
  closed.expect_fold();
}

TEST(Registration, RemembersABoundedNumberOfStrangers) {
  Bench closed({.auto_register = false});
  for (std::uint32_t i = 0; i < refused_max + 10; ++i) {
    NodeId id = node_id(1);
    id.bytes[0] = static_cast<std::uint8_t>(i);
    id.bytes[1] = static_cast<std::uint8_t>(i >> 8U);
    closed.take(HelloHeard{id, JournalId{5}, SessionId{1}, Hello{}});
  }
  EXPECT_EQ(closed.events<NodeRefused>().size(), refused_max);
}

}  // namespace
}  // namespace abide::fleet
