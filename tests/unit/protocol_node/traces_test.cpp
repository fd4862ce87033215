// The counterexamples that the protocol's rules come from, as far as one node shows them (docs/wire.md lists them). Each
// trace is played twice: with all rules it must hold, and with its own rule switched off it must be seen to break.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <initializer_list>

#include "common/core/rules.hpp"
#include "tests/support/node_walk.hpp"
#include "tests/support/node_world.hpp"

namespace abide::test {
namespace {

using namespace node;  // NOLINT(google-build-using-namespace)
using testing::HasSubstr;

constexpr std::int64_t minute_ms = 60'000;

// Plays with the rules off, and puts them on again whatever happens.
class WithoutRules {
 public:
  WithoutRules(std::initializer_list<Rule> off) {
    for (const Rule one : off) rules::switch_off(one);
  }
  ~WithoutRules() { rules::all_on(); }
  WithoutRules(const WithoutRules&) = delete;
  WithoutRules& operator=(const WithoutRules&) = delete;
};

// `play` gives what went wrong, or nothing.
template <class Play>
void holds_and_breaks(Play&& play, std::initializer_list<Rule> off, const std::string& how) {
  rules::all_on();
  EXPECT_EQ(play(), "") << "with all rules";
  const WithoutRules without(off);
  EXPECT_THAT(play(), HasSubstr(how)) << "without the rule";
}

// All that was broken, in one line.
std::string what_broke(const NodeWorld& world) {
  std::string all;
  for (const auto& one : world.broken()) all += (all.empty() ? "" : "; ") + one;
  return all;
}

// What moves by itself, but only what the node does: inputs that wait and effects.
void let_node_act(NodeWorld& world) {
  for (int i = 0; i < 50; ++i) {
    Move chosen;
    bool found = false;
    for (const auto& move : world.moves()) {
      if (move.kind != Move::Kind::feed && move.kind != Move::Kind::effect) continue;
      chosen = move;
      found = true;
      break;
    }
    if (!found || !world.agent_runs()) return;
    world.make(chosen);
  }
}

// Staged, acknowledged, at rest; a window of ten minutes opens in `opens_in_ms`.
NodeWorld staged(std::int64_t opens_in_ms) {
  NodeWorld world;
  world.link(good_image);
  world.run();
  world.open_window(opens_in_ms, 10 * minute_ms);
  world.run_until([&](const NodeWorld& w) { return w.inbox_size() == 0 && w.state().held.number == w.newest_document(); });
  return world;
}

bool in_phase(const NodeWorld& world, Phase phase) {
  return world.state().phase == phase;
}

// Linked, with an open window, up to the step that brings the phase.
NodeWorld up_to(Phase phase, const Image& image = good_image) {
  NodeWorld world;
  world.open_window(0, 0);
  world.link(image);
  world.run_until([&](const NodeWorld& w) { return in_phase(w, phase); });
  return world;
}

// The document of now, before anything else that waits.
void take_document_first(NodeWorld& world) {
  world.drop_documents();
  world.inbox().push_front(world.document_heard());
  world.make({Move::Kind::feed});
}

// ---- delivery --------------------------------------------------------------------------------------------------------

std::string acknowledgement_of_a_lost_journal() {
  NodeWorld world;
  world.start_agent();
  world.connect();
  world.feed(RollCallHeard{{world.life(), 0, 1}});
  Received late = world.received(1);
  late.journal = JournalId{4711};
  late.chain = Chain{4712};
  world.hear(late);
  if (world.node_link().acked != 0) return "an event was acknowledged that nobody has";
  return world.broken().empty() ? "" : what_broke(world);
}

TEST(Trace1, AnAcknowledgementOfALostJournalCountsForNothing) {
  holds_and_breaks(acknowledgement_of_a_lost_journal, {Rule::journal_id, Rule::chain}, "acknowledged that nobody has");
}

std::string acknowledgement_of_a_clone() {
  NodeWorld world;
  world.start_agent();
  world.connect();
  world.feed(RollCallHeard{{world.life(), 0, 1}});
  Received of_the_other = world.received(1);
  of_the_other.chain = Chain{4712};
  world.hear(of_the_other);
  return world.node_link().acked != 0 ? "an event was acknowledged that nobody has" : "";
}

TEST(Trace2, AnAcknowledgementOfAnotherHistoryBeginsANewJournal) {
  holds_and_breaks(acknowledgement_of_a_clone, {Rule::chain}, "acknowledged that nobody has");
}

TEST(Trace2, ADiskPutBackBeginsANewJournalAndTheRunGoesOn) {
  NodeWorld world;
  world.link(good_image);
  world.run();  // staged
  const auto copy = world.copy_disk();
  world.open_window(minute_ms, 10 * minute_ms);
  world.run_until(
      [](const NodeWorld& w) { return w.node_link().acked > 5 && w.inbox_size() == 0 && w.not_at_rest() == "a window is to come"; });
  const auto old_journal = world.state().journal;
  world.put_back(copy);
  world.run();
  EXPECT_NE(world.state().journal, old_journal);
  EXPECT_THAT(world.event_names(), testing::Contains("JournalForked"));
  EXPECT_EQ(world.newest_outcome(), "Succeeded");
  EXPECT_EQ(world.not_at_rest(), "");
  EXPECT_THAT(world.broken(), testing::IsEmpty());
}

std::string orchestrator_comes_back() {
  NodeWorld world;
  world.start_agent();
  world.connect();
  for (int i = 0; i < 20; ++i) {  // the orchestrator is away: what the node says is given to no one
    world.drop_upward();
    world.step();
  }
  world.drop_upward();
  world.restart_orchestrator();
  const auto began_ms = world.now().mono_ms;
  const bool told = world.run_until([&](const NodeWorld& w) {
    return w.node_link().acked > 0 || w.now().mono_ms > began_ms + minute_ms;
  }) && world.node_link().acked > 0;
  return told ? "" : "nobody asks again";
}

TEST(Trace3, AnOrchestratorThatComesBackAsks) {
  holds_and_breaks(orchestrator_comes_back, {Rule::roll_call}, "nobody asks again");
}

std::string acknowledgement_from_before_the_restore() {
  NodeWorld world;
  world.start_agent();
  world.connect();
  world.feed(RollCallHeard{{world.life(), 0, 1}});
  const Received late = world.received(1);
  world.restart_orchestrator();  // from a backup that lacks event 1
  world.feed(RollCallHeard{{world.life(), 0, 1}});
  world.hear(late);
  return world.node_link().acked != 0 ? "an event was acknowledged that the restored orchestrator lacks" : "";
}

TEST(Trace5, AnAcknowledgementFromBeforeARestoreCountsForNothing) {
  holds_and_breaks(acknowledgement_from_before_the_restore, {Rule::life_in_received}, "the restored orchestrator lacks");
}

std::string welcome_lost_while_the_connection_stays() {
  NodeWorld world;
  world.link(good_image);
  world.run_until([](const NodeWorld& w) { return w.node_link().nonce && !w.node_link().hello_answered; });
  world.lose_messages();
  world.run(400);
  return world.not_at_rest();
}

TEST(Trace22, AMessageLostWhileTheConnectionStaysIsMadeGoodByTheNextHello) {
  holds_and_breaks(welcome_lost_while_the_connection_stays, {Rule::hello_again}, "not synced");
}

std::string events_before_the_welcome() {
  NodeWorld world;
  world.start_agent();
  world.connect();
  if (may_send_events(world.node_link())) return "events go out before anybody asked";
  world.feed(RollCallHeard{{world.life(), 0, 1}});  // says hello
  return may_send_events(world.node_link()) ? "events go out before the hello was answered" : "";
}

TEST(Trace3, NoEventGoesOutBeforeTheWelcome) {
  holds_and_breaks(events_before_the_welcome, {Rule::hello_before_events}, "events go out");
}

std::string larger_ask_with_a_welcome() {
  NodeWorld world;
  world.start_agent();
  world.connect();
  world.feed(RollCallHeard{{world.life(), 0, 1}});
  Received asking = world.welcome(world.node_link().nonce);
  asking.ask = 2;
  world.hear(asking);
  return world.node_link().welcomes != 0 ? "a larger ask was answered by more than a hello" : "";
}

TEST(Trace27, ALargerAskIsAnsweredByAHelloAndNothingElse) {
  holds_and_breaks(larger_ask_with_a_welcome, {Rule::larger_ask_stops}, "more than a hello");
}

// ---- documents -------------------------------------------------------------------------------------------------------

// Un-linked while the node was away for less than the time after which it would go by its own clock.
std::string back_before_the_unlink_reaches_it() {
  NodeWorld world = staged(minute_ms);
  world.lose_connection();
  world.unlink();
  world.pass(50'000);
  world.connect();
  world.pass(20'000);  // the window is open, nothing has come yet
  world.feed(Tick{});
  let_node_act(world);
  return what_broke(world);
}

TEST(Trace7, ANodeThatComesBackDoesNotSwitchBeforeItIsWelcomed) {
  holds_and_breaks(back_before_the_unlink_reaches_it, {Rule::barrier}, "older than the one in force");
}

std::string welcome_overtakes_the_unlink() {
  NodeWorld world = staged(minute_ms);
  world.lose_connection();
  world.unlink();
  world.pass(50'000);
  world.connect();
  world.drop_documents();
  world.feed(RollCallHeard{{world.life(), 0, 1}});
  world.hear(world.welcome(world.node_link().nonce));
  world.pass(20'000);
  world.feed(Tick{});
  let_node_act(world);
  return what_broke(world);
}

TEST(Trace7, AWelcomeThatOvertookTheDocumentDoesNotMakeItSynced) {
  holds_and_breaks(welcome_overtakes_the_unlink, {Rule::head}, "older than the one in force");
}

std::string answer_to_an_earlier_hello() {
  NodeWorld world = staged(minute_ms);
  world.lose_connection();
  world.connect();
  world.feed(RollCallHeard{{world.life(), 0, 1}});
  const Received first = world.welcome(world.node_link().nonce);
  world.lose_connection();
  world.unlink();
  world.connect();
  world.drop_documents();
  world.feed(RollCallHeard{{world.life(), 0, 1}});
  world.hear(first);
  world.pass(70'000);
  world.feed(Tick{});
  let_node_act(world);
  return what_broke(world);
}

TEST(Trace8, AWelcomeAnswersOneHello) {
  holds_and_breaks(answer_to_an_earlier_hello, {Rule::nonce}, "older than the one in force");
}

std::string restored_orchestrator_counts_anew() {
  NodeWorld world;
  world.start_agent();
  world.feed(DocumentHeard{{1'000, 5}, {}, {}, "", std::nullopt, std::nullopt, Reason::none, ""});
  world.feed(DocumentHeard{{2'000, 1}, {}, {}, "", std::nullopt, std::nullopt, Reason::none, ""});
  return world.state().held.number == Number{2'000, 1} ? "" : "the newer document was ignored";
}

TEST(Trace10, ALaterEpochIsNewerWhateverItsRevision) {
  holds_and_breaks(restored_orchestrator_counts_anew, {Rule::epoch}, "was ignored");
}

std::string falls_back_once() {
  NodeWorld world;
  world.open_window(0, 0);
  world.link(sick_image);
  world.run(600);
  return what_broke(world);
}

TEST(Trace12, AnOutcomeIsFinalForItsOffer) {
  holds_and_breaks(falls_back_once, {Rule::sticky_outcome}, "a second time");
}

std::string the_same_release_again() {
  NodeWorld world;
  world.open_window(0, 0);
  world.link(sick_image);
  world.run();
  world.link(sick_image);
  world.run(600);
  return world.outcomes_of(world.newest_offer()) == 1 ? "" : "the second link was not tried";
}

TEST(Trace13, TheSameReleaseLinkedAgainIsTriedAgain) {
  holds_and_breaks(the_same_release_again, {Rule::offer_id}, "not tried");
}

std::string accepted_before_the_close_came() {
  NodeWorld world;
  world.start_agent();
  world.run_until([](const NodeWorld& w) { return !w.state().fresh; });
  world.link(good_image);
  world.feed(world.document_heard());  // retained; what closed it is still on its way
  return world.state().offer ? "accepted though nobody said that this is the newest document" : "";
}

TEST(Trace21, AnOfferIsAcceptedOnlyByASyncedNode) {
  holds_and_breaks(accepted_before_the_close_came, {Rule::synced_accept}, "nobody said that this is the newest");
}

std::string switches_before_anybody_knows() {
  NodeWorld world;
  world.open_window(0, 0);
  world.run();
  world.link(good_image);
  for (int i = 0; i < 60 && !in_phase(world, Phase::staged); ++i) {
    if (world.state().offer) world.drop_upward();
    world.step();
  }
  world.drop_upward();
  let_node_act(world);
  world.feed(Tick{});
  let_node_act(world);
  return what_broke(world);
}

TEST(Trace21, ASwitchWaitsUntilTheAcceptanceIsAcknowledged) {
  holds_and_breaks(switches_before_anybody_knows, {Rule::acked}, "before the orchestrator knew");
}

// A restored orchestrator is held: the head it tells is above all that a backup can hold.
std::string held_orchestrator() {
  NodeWorld world = staged(minute_ms);
  world.lose_connection();
  world.connect();
  world.drop_documents();
  world.feed(RollCallHeard{{world.life(), 0, 1}});
  Received held = world.welcome(world.node_link().nonce);
  held.welcome->head = {2'000, 0};
  world.hear(held);
  world.pass(70'000);
  world.feed(Tick{});
  return in_phase(world, Phase::staged) ? "" : "switched on the word of an orchestrator that nobody has confirmed";
}

TEST(Trace26, AHeldOrchestratorsHeadKeepsANodeFromSwitching) {
  holds_and_breaks(held_orchestrator, {Rule::head}, "nobody has confirmed");
}

TEST(Trace28, AnAbortReachesANodeThatWasAwayWithTheNextDocument) {
  NodeWorld world = staged(30 * minute_ms);
  world.lose_connection();
  world.abort();
  world.pause(true);  // and what came after it has the abort in it
  world.run();
  EXPECT_EQ(world.newest_outcome(), "Cancelled aborted");
}

TEST(Trace29, CutOffMeansNoConnectionWhateverTheOrchestratorDoes) {
  NodeWorld world = staged(minute_ms);
  world.lose_connection();
  world.connect();
  world.lose_messages();  // the orchestrator is away, the broker lives
  world.pass(5 * minute_ms);
  world.feed(Tick{});
  EXPECT_TRUE(in_phase(world, Phase::staged));
  EXPECT_FALSE(cut_off(world.node_link(), world.now(), world.machine.settings.cut_off_after_ms));
  world.wedge_network(true);
  world.pass(61'000);
  world.feed(Tick{});
  EXPECT_TRUE(in_phase(world, Phase::switching));  // alone now: by its own clock, which the kernel vouches for
}

// ---- update machine --------------------------------------------------------------------------------------------------

std::string agent_restarts_after_the_order() {
  NodeWorld world = up_to(Phase::rebooting);
  world.kill_agent();
  world.run();
  return what_broke(world);
}

TEST(Trace14, AnAgentsRestartIsNotAReboot) {
  holds_and_breaks(agent_restarts_after_the_order, {Rule::boot_id}, "this attempt never booted");
}

std::string withdrawn_while_armed(void (*withdraw)(NodeWorld&)) {
  NodeWorld world = up_to(Phase::switching);
  world.run_until([](const NodeWorld& w) { return w.one_shot().has_value(); });
  withdraw(world);
  take_document_first(world);
  for (int i = 0; i < 4 && !in_phase(world, Phase::idle); ++i) let_node_act(world);
  world.cut_power();
  world.run(600);
  return what_broke(world);
}

TEST(Trace15, AWithdrawnOfferIsDisarmedBeforeItIsCancelled) {
  const std::string how = "though the offer was concluded";
  holds_and_breaks([] { return withdrawn_while_armed([](NodeWorld& w) { w.unlink(); }); }, {Rule::disarm_first}, how);
  holds_and_breaks([] { return withdrawn_while_armed([](NodeWorld& w) { w.abort(); }); }, {Rule::disarm_first}, how);
  holds_and_breaks([] { return withdrawn_while_armed([](NodeWorld& w) { w.close_window(); }); }, {Rule::disarm_first}, how);
}

std::string close_arrives_after_the_order() {
  NodeWorld world = up_to(Phase::rebooting);
  world.close_window();
  take_document_first(world);
  let_node_act(world);
  return what_broke(world);
}

TEST(Trace16, TheRebootAsksAgainWhetherItMay) {
  holds_and_breaks(close_arrives_after_the_order, {Rule::recheck}, "outside a window");
}

std::string window_ends_between_order_and_reboot() {
  NodeWorld world;
  world.open_window(0, 10 * minute_ms);
  world.link(good_image);
  world.run_until([](const NodeWorld& w) { return in_phase(w, Phase::rebooting); });
  world.pass(10 * minute_ms);
  let_node_act(world);
  return what_broke(world);
}

TEST(Trace16, AWindowThatEndsBeforeTheRebootWithdrawsIt) {
  holds_and_breaks(window_ends_between_order_and_reboot, {Rule::recheck}, "outside a window");
}

std::string late_end_of_a_cancelled_download(const Image& image) {
  NodeWorld world = up_to(Phase::staging, image);
  world.run_until([](const NodeWorld& w) { return !w.inbox().empty() && std::holds_alternative<StagingEnded>(w.inbox().front()); });
  world.link(newer_image);
  take_document_first(world);
  world.run(600);
  return what_broke(world);
}

TEST(Trace17, TheLateEndOfACancelledDownloadIsDropped) {
  const std::string how = "another offer's download";
  holds_and_breaks([] { return late_end_of_a_cancelled_download(good_image); }, {Rule::tagged_inputs}, how);
  holds_and_breaks([] { return late_end_of_a_cancelled_download(unreachable_image); }, {Rule::tagged_inputs}, how);
}

std::string journal_lost_while_armed() {
  NodeWorld world = up_to(Phase::switching);
  world.run_until([](const NodeWorld& w) { return w.one_shot().has_value(); });
  world.lose_journal();
  world.start_agent();
  let_node_act(world);
  world.cut_power();
  world.boot_now();
  return world.running() != world.default_slot() ? "a slot runs of which the new journal knows nothing" : "";
}

TEST(Trace18, ANewJournalClearsTheOneShotFirst) {
  holds_and_breaks(journal_lost_while_armed, {Rule::fresh_clear}, "knows nothing");
}

TEST(Trace18, ANewJournalOnAnUnconfirmedSystemGoesBackToTheDefaultOnce) {
  NodeWorld world = up_to(Phase::on_trial);
  ASSERT_NE(world.running(), world.default_slot());
  world.lose_journal();
  world.run();
  EXPECT_EQ(world.running(), world.default_slot());
  EXPECT_EQ(world.not_at_rest(), "");
  EXPECT_THAT(world.broken(), testing::IsEmpty());
}

std::string cut_off_with_a_clock_ahead(std::int64_t ahead_ms, bool trusted) {
  NodeWorld world = staged(15 * minute_ms);
  world.kill_agent();  // or the clock was found right by the last welcome
  world.start_agent();
  world.wedge_network(true);
  world.set_clock(ahead_ms, trusted);
  world.pass(15 * minute_ms - 15'000);
  world.feed(Tick{});
  let_node_act(world);
  return what_broke(world);
}

TEST(Trace20, ACutOffNodeAllowsForItsClockOrDistrustsIt) {
  holds_and_breaks([] { return cut_off_with_a_clock_ahead(20'000, true); }, {Rule::clock}, "outside a window");
  holds_and_breaks([] { return cut_off_with_a_clock_ahead(5 * minute_ms, false); }, {Rule::clock}, "outside a window");
}

std::string power_cut_on_trial() {
  NodeWorld world = up_to(Phase::on_trial);
  world.cut_power();
  world.run();
  return what_broke(world);
}

TEST(Trace23, APowerCutOnTrialIsNoFailedBoot) {
  holds_and_breaks(power_cut_on_trial, {Rule::interrupted}, "only interrupted");
}

std::string power_cut_before_the_new_agent_starts() {
  NodeWorld world = up_to(Phase::rebooting);
  world.run_until([](const NodeWorld& w) { return w.running() != w.default_slot(); });
  world.cut_power();
  world.run();
  return what_broke(world);
}

TEST(Trace23, TheMarkTellsThatTheNewSlotHadComeUp) {
  holds_and_breaks(power_cut_before_the_new_agent_starts, {Rule::came_up}, "only interrupted");
}

TEST(Trace24, TheWatchdogsResetIsAVerdict) {
  auto play = [] {
    NodeWorld world = up_to(Phase::rebooting, hung_image);
    world.run(200);
    return what_broke(world);
  };
  holds_and_breaks(play, {Rule::cause}, "though the watchdog had ended the trial");
}

TEST(Trace24, ASlotIsReadAgainAfterAnInterruptedTrial) {
  auto play = [] {
    NodeWorld world = up_to(Phase::on_trial);
    world.cut_power(true);
    world.run(300);
    return what_broke(world);
  };
  holds_and_breaks(play, {Rule::reread}, "not verified");
}

TEST(Trace24, AnImageThatRestartsByItselfIsTriedThreeTimes) {
  auto play = [] {
    NodeWorld world = up_to(Phase::rebooting, restless_image);
    world.run(1'500);
    return world.not_at_rest();
  };
  holds_and_breaks(play, {Rule::trial_limit}, "");  // what it is doing then differs; that it goes on is the point
  const WithoutRules without({Rule::trial_limit});
  EXPECT_NE(play(), "");
}

std::string power_cut_before_the_confirmation() {
  NodeWorld world = up_to(Phase::confirming);
  world.cut_power();
  world.run(300);
  return what_broke(world);
}

TEST(Trace25, OnlyTheSlotThatRunsIsConfirmed) {
  holds_and_breaks(power_cut_before_the_confirmation, {Rule::confirm_guard}, "made default that does not run");
}

std::string todo_is_asked_before_booted() {
  NodeWorld world = up_to(Phase::confirming);
  world.cut_power();
  world.boot_now();
  world.start_agent(false);
  for (const auto& effect : world.todo()) world.perform(effect);
  return what_broke(world);
}

TEST(Trace25, NothingIsDoneBeforeBooted) {
  holds_and_breaks(todo_is_asked_before_booted, {Rule::booted_first}, "made default that does not run");
}

std::string power_cut_after_disarming() {
  NodeWorld world = up_to(Phase::rebooting);
  world.close_window();
  take_document_first(world);
  world.run_until([](const NodeWorld& w) { return !w.one_shot(); }, 20);
  world.cut_power();  // the end of the clearing is not journaled yet
  world.run(300);
  return what_broke(world);
}

TEST(Trace30, RebootingWithTheOldSlotRunningMeansThatTheLoaderTried) {
  holds_and_breaks(power_cut_after_disarming, {Rule::back_to_switching}, "this attempt never booted");
}

// ---- and without a script: random walks find what each rule of the machine prevents -----------------------------------

class WalkWithout : public testing::TestWithParam<std::pair<const char*, Rule>> {};

TEST_P(WalkWithout, ARandomWalkFindsWhatTheRulePrevents) {
  const WithoutRules without({GetParam().second});
  constexpr std::uint64_t walks_max = 20'000;
  for (std::uint64_t seed = 1; seed <= walks_max; ++seed) {
    NodeWorld world(seed);
    if (const auto wrong = walk(world, seed); !wrong.empty()) {
      RecordProperty("found", wrong);
      RecordProperty("seed", static_cast<int>(seed));
      return;
    }
  }
  ADD_FAILURE() << "not one of " << walks_max << " walks shows it";
}

INSTANTIATE_TEST_SUITE_P(Rules, WalkWithout,
                         testing::Values(std::pair("confirm_guard", Rule::confirm_guard), std::pair("disarm_first", Rule::disarm_first),
                                         std::pair("recheck", Rule::recheck), std::pair("boot_id", Rule::boot_id),
                                         std::pair("sticky_outcome", Rule::sticky_outcome), std::pair("offer_id", Rule::offer_id),
                                         std::pair("clock", Rule::clock), std::pair("tagged_inputs", Rule::tagged_inputs),
                                         std::pair("interrupted", Rule::interrupted), std::pair("came_up", Rule::came_up),
                                         std::pair("cause", Rule::cause), std::pair("reread", Rule::reread),
                                         std::pair("trial_limit", Rule::trial_limit),
                                         std::pair("back_to_switching", Rule::back_to_switching), std::pair("barrier", Rule::barrier),
                                         std::pair("acked", Rule::acked), std::pair("hello_again", Rule::hello_again)),
                         [](const auto& param) { return std::string(param.param.first); });

}  // namespace
}  // namespace abide::test
