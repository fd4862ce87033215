// Two machines that answer to one UUID, and the journal that the operator names.
#include "tests/unit/fleet/fleet_bench.hpp"

namespace abide::fleet {
namespace {

TEST(Conflict, CallsItAConflictWhenBothJournalsAnswerTheSameAsk) {
  Fixture f;
  FakeNode old = f.node;
  f.node.re_image(JournalId{0xB2}, "3.0.1");
  settle(f.bench, std::vector<FakeNode*>{&f.node, &old});
  ASSERT_TRUE(f.seen().conflict);
  const auto stored = f.bench.events<NodeEventStored>().size();
  f.node.write(ClockDistrusted{});
  f.node.send(f.node.last());
  f.node.say_hello();
  EXPECT_EQ(f.bench.events<NodeEventStored>().size(), stored) << "nothing of it is stored";
  EXPECT_TRUE(f.bench.said<SendReceived>().empty()) << "or answered";
  EXPECT_EQ(f.bench.explain(f.node.id).at(0), "conflict");
}

// Found by the simulated fleet: with one note for all of them, copies that took turns were asked, and all of them answered, for
// ever. Here they speak one after the other, each time round.
TEST(Conflict, CallsItAConflictWhenManyCopiesSpeakInTurn) {
  for (const std::size_t copies : {3U, 5U, 40U}) {
    SCOPED_TRACE(copies);
    Fixture f;
    std::vector<FakeNode> machines(copies, f.node);
    std::vector<FakeNode*> all;
    for (std::size_t i = 0; i < copies; ++i) {
      machines[i].re_image(JournalId{0xB000 + i}, "3.0.1");
      all.push_back(&machines[i]);
    }
    settle(f.bench, all);
    EXPECT_TRUE(f.seen().conflict);
    EXPECT_LE(f.bench.link.nodes[f.node.id].ask, 4 * pending_max) << "and it did not take many questions";
  }
}

TEST(Conflict, GoesOnWithTheJournalThatTheOperatorNames) {
  for (const bool the_older : {false, true}) {
    SCOPED_TRACE(the_older);
    Fixture f;
    FakeNode old = f.node;
    f.node.re_image(JournalId{0xB2}, "3.0.1");
    settle(f.bench, std::vector<FakeNode*>{&f.node, &old});
    ASSERT_TRUE(f.seen().conflict);
    FakeNode& right = the_older ? old : f.node;
    EXPECT_EQ(f.bench.ask(ResolveConflict{f.host(), JournalId{7}}).error().code, Code::invalid_input);
    f.bench.done(ResolveConflict{f.host(), right.journal});
    settle(f.bench, right);
    EXPECT_FALSE(f.seen().conflict);
    right.write(ClockDistrusted{});
    settle(f.bench, right);
    EXPECT_EQ(f.seen().journal, right.journal);
    EXPECT_EQ(f.seen().upto, right.last());
    EXPECT_TRUE(f.bench.events<GapNoted>().empty()) << "what was stored of it before counts";
    FakeNode& wrong = the_older ? f.node : old;
    settle(f.bench, std::vector<FakeNode*>{&right, &wrong});
    right.say_hello();
    wrong.ask = f.bench.link.nodes[f.node.id].ask;
    wrong.life = f.bench.link.life;
    wrong.say_hello();
    EXPECT_TRUE(f.seen().conflict) << "the other machine still lives";
  }
}

TEST(Conflict, EndsTheRunThatOnlyTheAbandonedJournalKnew) {
  Fixture f;
  FakeNode old = f.node;
  f.link();
  settle(f.bench, f.node);
  f.node.re_image(JournalId{0xB2}, "3.0.1");
  settle(f.bench, f.node);
  f.accept();
  f.answer_too(old);
  ASSERT_TRUE(f.seen().conflict);
  f.bench.done(ResolveConflict{f.host(), old.journal});
  settle(f.bench, old);
  f.bench.pass(2'000);
  settle(f.bench, old);
  EXPECT_EQ(f.seen().run->reason, Reason::re_imaged);
  EXPECT_TRUE(f.seen().newest.link->aborted);
}

// Found by the simulated fleet: the copy that the operator named is synced by its welcome, before its events are stored.
TEST(Conflict, AJournalThatTheOperatorNamesDoesNotTryWhatFellBackOnTheOtherMachine) {
  Fixture f;
  f.link();
  f.accept();
  f.stage();
  settle(f.bench, f.node);
  FakeNode copy = f.node;
  f.node.fork();
  settle(f.bench, f.node);
  f.fall_back();
  f.name_instead(copy);
  EXPECT_TRUE(f.seen().newest.link->aborted) << "before it is welcomed";
}

// Found by the simulated fleet: the machine that was named had not even accepted what fell back on the other one.
TEST(Conflict, AJournalThatTheOperatorNamesDoesNotBeginWhatFellBackOnTheOtherMachine) {
  Fixture f;
  FakeNode copy = f.node;
  f.node.fork();
  settle(f.bench, f.node);
  f.link();
  f.accept();
  f.stage();
  settle(f.bench, f.node);
  f.fall_back();
  f.name_instead(copy);
  EXPECT_TRUE(f.seen().newest.link->aborted) << "before it is welcomed";
}

}  // namespace
}  // namespace abide::fleet
