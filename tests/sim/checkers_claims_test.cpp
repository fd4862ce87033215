// Checkers of what is claimed, and of what counts.
#include "tests/sim/checkers_bench.hpp"

namespace abide::sim {
namespace {

using testing::HasSubstr;

constexpr Number number{1000, 1}, next{1000, 2}, older{999, 9};

// ---- true-reports

TEST(TrueReportsChecker, FindsANodeThatTellsWhatItDoesNotRun) {
  Bench bench("true-reports");
  const auto before = bench.found();  // the bench's own AgentStarted says nothing at all
  EXPECT_EQ(before, 1U);
  const auto& base = bench.world().image(bench.world().machine(0).slot(Slot::a).version);
  AgentStarted started;
  started.identity = {base.profile, base.version, base.architecture, base.raw(), "0.1"};
  bench.journal(started);
  EXPECT_EQ(bench.found(), before);
  started.identity.os_image_id = "9.9";
  bench.journal(started);
  EXPECT_THAT(bench.checkers().findings().back().what, HasSubstr("9.9; in truth it runs"));
  Succeeded succeeded;
  succeeded.offer = number;
  succeeded.digest = sha256("another image");
  bench.journal(succeeded);
  EXPECT_THAT(bench.checkers().findings().back().what, HasSubstr("succeeded; what runs is"));
  Hello hello;
  hello.slot = Slot::b;
  hello.identity = started.identity;
  bench.said(topics::from_node(project, bench.node(), topics::FromNode::status), hello, 0);
  EXPECT_THAT(bench.checkers().findings().back().what, HasSubstr("says hello with slot b"));
}

// ---- true-picture

TEST(TruePictureChecker, FindsAnImageThatNoMachineHasRun) {
  Ran seen({"true-picture"});
  EXPECT_EQ(seen.found(), 0U) << seen.what();
  Ran ran;
  ran.watch({"true-picture"});  // has seen no boot
  ran.machine().kill_agent("for the test");
  EXPECT_TRUE(ran.world().run_until([&] { return ran.found() > 0; }, 600'000));
  EXPECT_THAT(ran.what(), HasSubstr("which it never did"));
}

TEST(TruePictureChecker, FindsAnOutcomeThatNoMachineHasJournaled) {
  Bench bench("true-picture");
  RunClosed closed{bench.node(), "run", number, OutcomeKind::failed, Reason::re_imaged, ""};
  bench.fleet({closed});
  EXPECT_EQ(bench.found(), 0U) << "the orchestrator finds that itself";
  closed.outcome = OutcomeKind::succeeded;
  closed.reason = Reason::none;
  bench.fleet({closed});
  EXPECT_THAT(bench.what(), HasSubstr("is shown as Succeeded, which no machine has journaled"));
  Succeeded succeeded;
  succeeded.offer = number;
  bench.journal(succeeded);
  bench.fleet({closed});
  EXPECT_EQ(bench.found(), 1U);
}

// ---- growing-numbers

TEST(GrowingNumbersChecker, FindsANumberThatIsUsedTwiceOrFallsBack) {
  Bench bench("growing-numbers");
  bench.issue(bench.document(number, number));
  bench.issue(bench.document(next, number));
  EXPECT_EQ(bench.found(), 0U) << bench.what();
  auto again = bench.document(next, next);
  again.document.body = "another body";
  bench.issue(again);
  EXPECT_THAT(bench.what(), HasSubstr("is issued to a node that has"));
  EXPECT_THAT(bench.checkers().findings().back().what, HasSubstr("is used for another one"));
}

TEST(GrowingNumbersChecker, FindsANodeThatTakesWhatIsOlderOrWasNeverIssued) {
  Bench bench("growing-numbers");
  const auto first = bench.document(older, older);
  const auto second = bench.document(number, number);
  bench.issue(first);
  bench.issue(second);
  bench.take(second);
  EXPECT_EQ(bench.found(), 0U) << bench.what();
  bench.take(first);
  EXPECT_THAT(bench.what(), HasSubstr("takes document 999.9 over 1000.1"));
  bench.take(bench.document(next, next));
  EXPECT_THAT(bench.checkers().findings().back().what, HasSubstr("was never issued to it"));
}

TEST(GrowingNumbersChecker, FindsAnAcceptanceByADocumentThatIsOldOrDoesNotAsk) {
  Bench bench("growing-numbers");
  bench.offer(bench.document(number, number));
  EXPECT_EQ(bench.found(), 0U) << bench.what();
  bench.issue(bench.document(next, next));
  bench.world().pass(5'000);
  bench.answered();
  bench.accept(number);
  EXPECT_THAT(bench.what(), HasSubstr("was there when it was last answered"));
  bench.accept(next);
  EXPECT_THAT(bench.checkers().findings()[1].what, HasSubstr("which does not ask for it"));
  bench.input(node::Disconnected{});
  bench.accept(number);
  const auto findings = bench.checkers().findings();
  EXPECT_TRUE(std::any_of(findings.begin(), findings.end(),
                          [](const Finding& f) { return f.what.find("without a connection") != std::string::npos; }));
}

// ---- one-outcome

TEST(OneOutcomeChecker, FindsASecondAcceptanceASecondOutcomeAndOneWithoutAReason) {
  Bench bench("one-outcome");
  bench.accept(number);
  bench.journal(Failed{number, Reason::download, "", "", {}});
  EXPECT_EQ(bench.found(), 0U) << bench.what();
  bench.journal(Succeeded{number, "", "", {}});
  EXPECT_THAT(bench.what(), HasSubstr("after Failed"));
  bench.accept(number);
  EXPECT_THAT(bench.checkers().findings()[1].what, HasSubstr("a second time"));
  Bench another("one-outcome");
  another.accept(number);
  another.journal(Cancelled{number, Reason::none, "", ""});
  EXPECT_THAT(another.what(), HasSubstr("does not say why"));
  another.journal(Failed{next, Reason::download, "", "", {}});
  EXPECT_THAT(another.checkers().findings().back().what, HasSubstr("which it has not accepted"));
}

TEST(OneOutcomeChecker, FindsAFourthTrialAndOneOfWhatFellBack) {
  Bench bench("one-outcome");
  bench.accept(number);
  TrialStarted trial;
  trial.offer = number;
  trial.attempt = 3;
  bench.journal(trial);
  EXPECT_EQ(bench.found(), 0U) << bench.what();
  trial.attempt = 4;
  bench.journal(trial);
  EXPECT_THAT(bench.what(), HasSubstr("for the 4th time"));
  NodeEventStored stored;
  stored.node = bench.node();
  stored.event = RolledBack{number, Reason::unhealthy, "", "", {}};
  bench.arm(number);
  EXPECT_EQ(bench.found(), 1U);
  bench.fleet({stored});
  bench.arm(number);
  EXPECT_THAT(bench.checkers().findings().back().what, HasSubstr("of which is stored that it fell back"));
}

TEST(OneOutcomeChecker, LetsAForkGoOnWithItsOffer) {
  Bench bench("one-outcome");
  bench.accept(number);
  bench.new_journal(JournalId{8});
  JournalForked forked;
  forked.offer = number;
  bench.journal(forked);
  bench.journal(RolledBack{number, Reason::unhealthy, "", "", {}});
  EXPECT_EQ(bench.found(), 0U) << bench.what();
}

// ---- silent-after-restore

TEST(SilentAfterRestoreChecker, FindsWhatIsToldOrDoneBeforeAPersonHasConfirmed) {
  Ran ran({"silent-after-restore"});
  World& world = ran.world();
  world.control().back_up();
  world.control().restore(0);
  ASSERT_TRUE(world.run_until([&] { return world.control().connected(); }, 3'600'000));
  const NodeId id = ran.machine().id();
  ASSERT_TRUE(ran.checkers().facts().node(id).held_by_restore);
  world.pass(120'000);
  EXPECT_EQ(ran.found(), 0U) << ran.what();
  Envelope envelope;
  envelope.payload = Document{number, {}, encode_body({})};
  const auto say = [&] {
    ran.checkers().published(world, std::nullopt, {topics::document(project, id, DocumentTopic::policy_linked), encode(envelope), 1, true});
  };
  say();
  EXPECT_THAT(ran.what(), HasSubstr("which nobody has confirmed"));
  const node::Effect arm = node::ArmOnce{number, Slot::b, 1};
  HardwareDid did;
  did.kind = HardwareDid::Kind::one_shot_armed;
  did.effect = &arm;
  ran.checkers().hardware(world, did);
  EXPECT_EQ(ran.found(), 2U) << "it has heard the roll call of the restored orchestrator";
  ASSERT_TRUE(world.people().confirm(0));
  world.pass(5'000);
  say();
  ran.checkers().hardware(world, did);
  EXPECT_EQ(ran.found(), 2U) << ran.checkers().findings().back().what;
}

// ---- real-conflicts

TEST(RealConflictsChecker, FindsAConflictOfOneMachineAndNotOfTwo) {
  Bench bench("real-conflicts");
  const IdentityConflict conflict{bench.node(), JournalId{7}, JournalId{8}};
  bench.fleet({conflict});
  EXPECT_THAT(bench.what(), HasSubstr("one machine has that name"));
  World& world = bench.world();
  world.add_machine(world.machine(0).clone(1));
  HardwareDid booted;
  booted.kind = HardwareDid::Kind::booted;
  booted.machine = 1;
  bench.checkers().hardware(world, booted);
  bench.fleet({conflict});
  EXPECT_EQ(bench.found(), 1U);
}

}  // namespace
}  // namespace abide::sim
