// Single decisions of the machine: given a world at some step, when this happens, then these events.
#include "edge-agent/update/machine.hpp"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/events/print.hpp"
#include "tests/support/node_walk.hpp"
#include "tests/support/node_world.hpp"

namespace abide::test {
namespace {

using namespace node;  // NOLINT(google-build-using-namespace)
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t minute_ms = 60'000;

static_assert(std::equality_comparable<State>);
static_assert(std::equality_comparable<Link>);

bool in_phase(const NodeWorld& world, Phase phase) {
  return world.state().phase == phase;
}

NodeWorld up_to(Phase phase, const Image& image = good_image) {
  NodeWorld world;
  world.open_window(0, 0);
  world.link(image);
  world.run_until([&](const NodeWorld& w) { return in_phase(w, phase); });
  EXPECT_EQ(to_string(world.state().phase), to_string(phase));
  return world;
}

NodeWorld staged_world() {
  NodeWorld world;
  world.link(good_image);
  world.run();
  EXPECT_TRUE(in_phase(world, Phase::staged));
  return world;
}

// Connected and welcomed, nothing asked.
NodeWorld synced_world() {
  NodeWorld world;
  world.run();
  EXPECT_TRUE(synced(world.state(), world.node_link()));
  return world;
}

template <class Event>
const Event* newest(const NodeWorld& world) {
  for (auto one = world.journal().rbegin(); one != world.journal().rend(); ++one)
    if (const auto* event = std::get_if<Event>(&one->event)) return event;
  return nullptr;
}

std::size_t count(const NodeWorld& world, std::string_view name) {
  const auto names = world.event_names();
  return static_cast<std::size_t>(std::count(names.begin(), names.end(), name));
}

std::vector<std::string> words(const std::vector<Condition>& conditions) {
  std::vector<std::string> all;
  for (const auto& one : conditions) all.push_back(one.what);
  return all;
}

std::string texts(const std::vector<Condition>& conditions) {
  std::string all;
  for (const auto& one : conditions) all += one.text + "\n";
  return all;
}

// The operator's document, changed by hand before it comes.
void offer(NodeWorld& world, const std::function<void(DocumentHeard&)>& change) {
  world.link(newer_image);
  world.drop_documents();
  auto heard = world.document_heard();
  change(heard);
  world.hear(world.welcome_of_now());
  world.feed(heard);
}

// ---- accepting -------------------------------------------------------------------------------------------------------

struct Refusal {
  const char* name;
  std::function<void(DocumentHeard&)> change;
  const char* outcome;
  const char* detail;
};

class Refuses : public testing::TestWithParam<Refusal> {};

TEST_P(Refuses, AnOfferThatThisNodeMustNotTakeBeforeAnythingIsWritten) {
  NodeWorld world = synced_world();
  offer(world, GetParam().change);
  EXPECT_EQ(world.newest_outcome(), GetParam().outcome);
  ASSERT_NE(newest<Failed>(world), nullptr);
  EXPECT_THAT(newest<Failed>(world)->evidence.detail, HasSubstr(GetParam().detail));
  EXPECT_THAT(world.todo(), IsEmpty());
  EXPECT_EQ(count(world, "Accepted"), 1U);
}

INSTANTIATE_TEST_SUITE_P(Offers, Refuses,
                         testing::Values(Refusal{"OlderRelease", [](DocumentHeard& d) { d.link->release.os_image_id = "0.9"; },
                                                 "Failed older_release", "0.9 is older than 1.0"},
                                         Refusal{"VersionThatCannotBeCompared",
                                                 [](DocumentHeard& d) { d.link->release.os_image_id = "nightly"; }, "Failed older_release",
                                                 "cannot be compared"},
                                         Refusal{"OtherProfile", [](DocumentHeard& d) { d.link->release.profile_name = "desktop"; },
                                                 "Failed other_profile", "desktop"},
                                         Refusal{"OtherProfileOfAnotherArchitecture",
                                                 [](DocumentHeard& d) {
                                                   d.link->release.profile_name = "desktop";
                                                   d.link->release.architecture = "arm64";
                                                   d.link->allow_profile_change = true;
                                                 },
                                                 "Failed other_architecture", "arm64"},
                                         Refusal{"OlderReleaseWhereAnotherProfileIsAllowed",
                                                 [](DocumentHeard& d) {
                                                   d.link->release.os_image_id = "0.9";
                                                   d.link->allow_profile_change = true;
                                                 },
                                                 "Failed older_release", "0.9 is older than 1.0"},
                                         Refusal{"OtherArchitecture", [](DocumentHeard& d) { d.link->release.architecture = "arm64"; },
                                                 "Failed other_architecture", "arm64"},
                                         Refusal{"NoDigestOfTheRawImage", [](DocumentHeard& d) { d.link->release.raw.sha256 = {}; },
                                                 "Failed unsupported_image", "digest"},
                                         Refusal{"ManifestThatDisagrees",
                                                 [](DocumentHeard& d) {
                                                   d.fault = Reason::manifest_mismatch;
                                                   d.fault_detail = "osImageVersion is 3.1";
                                                 },
                                                 "Failed manifest_mismatch", "osImageVersion is 3.1"}),
                         [](const auto& refusal) { return std::string(refusal.param.name); });

TEST(UpdateMachine, TakesADowngradeThatThePolicyAllows) {
  NodeWorld world = synced_world();
  offer(world, [](DocumentHeard& d) {
    d.link->release.os_image_id = "0.9";
    d.link->allow_downgrade = true;
  });
  EXPECT_TRUE(in_phase(world, Phase::staging));
}

// Versions of two profiles say nothing of each other.
TEST(UpdateMachine, TakesAnotherProfileThatThePolicyAllowsWhateverItsVersion) {
  for (const char* version : {"9.9", "0.9", "nightly"}) {
    NodeWorld world = synced_world();
    offer(world, [&](DocumentHeard& d) {
      d.link->release.profile_name = "desktop";
      d.link->release.os_image_id = version;
      d.link->allow_profile_change = true;
    });
    EXPECT_TRUE(in_phase(world, Phase::staging)) << version;
  }
}

TEST(UpdateMachine, KeepsTheDocumentsBytesWithItsNumber) {
  NodeWorld world = synced_world();
  world.link(good_image);
  EXPECT_TRUE(world.run_until([&](const NodeWorld& w) { return w.state().held.number == w.newest_document(); }));
  EXPECT_EQ(world.blobs(), 1U);
}

TEST(UpdateMachine, IgnoresADocumentThatIsNotNewer) {
  NodeWorld world = synced_world();
  world.link(good_image);
  world.run_until([](const NodeWorld& w) { return in_phase(w, Phase::staging); });
  auto older = world.document_heard();
  older.number.revision = 0;
  older.link.reset();
  world.feed(older);
  EXPECT_TRUE(in_phase(world, Phase::staging));
  EXPECT_EQ(count(world, "DocumentTaken"), 1U);
}

TEST(UpdateMachine, BeginsNothingNewWhileTheRunningSystemIsNotTheConfirmedOne) {
  NodeWorld world = up_to(Phase::on_trial, sick_image);
  world.default_is_bad = true;  // found when the agent starts
  world.kill_agent();
  world.run_until([](const NodeWorld& w) { return in_phase(w, Phase::idle); });
  EXPECT_EQ(world.newest_outcome(), "Failed no_slot_left");
  EXPECT_NE(world.running(), world.default_slot());
  EXPECT_THAT(newest<Failed>(world)->evidence.detail, HasSubstr("slot a is marked bad, too"));
  world.link(newer_image);
  for (int i = 0; i < 100; ++i) world.step();
  EXPECT_TRUE(in_phase(world, Phase::idle));
  EXPECT_TRUE(world.powered());
  EXPECT_THAT(world.todo(), IsEmpty());
  EXPECT_THAT(texts(world.waits_for()), HasSubstr("both slots are spent"));
}

// ---- windows and pause -----------------------------------------------------------------------------------------------

TEST(UpdateMachine, StagesWhilePausedAndSwitchesWhenResumed) {
  NodeWorld world;
  world.open_window(0, 0);
  world.link(good_image);
  world.pause(true);
  world.run();
  EXPECT_TRUE(in_phase(world, Phase::staged));
  EXPECT_THAT(words(world.waits_for()), ElementsAre("pause"));
  world.pause(false);
  world.run();
  EXPECT_EQ(world.newest_outcome(), "Succeeded");
}

TEST(UpdateMachine, SaysHowMuchTimeASwitchNeedsAndHowMuchIsLeft) {
  NodeWorld world;
  world.link(good_image);
  world.run();
  world.open_window(-10 * minute_ms, 11 * minute_ms);
  world.run();
  EXPECT_TRUE(in_phase(world, Phase::staged));
  const auto waits = world.waits_for();
  EXPECT_THAT(words(waits), ElementsAre("window"));
  EXPECT_THAT(texts(waits), HasSubstr("a switch needs 120 s, 60 s are left"));
}

TEST(UpdateMachine, SwitchesWhenTheWindowOpensAndNotBefore) {
  NodeWorld world;
  world.link(good_image);
  world.run();
  const auto opens_ms = world.now().wall_ms + 3 * minute_ms;
  world.open_window(3 * minute_ms, 30 * minute_ms);
  world.run();
  EXPECT_EQ(world.newest_outcome(), "Succeeded");
  for (const auto& recorded : world.journal()) {
    if (std::holds_alternative<SwitchBegan>(recorded.event)) {
      EXPECT_GE(recorded.at_ms, opens_ms);
      EXPECT_LT(recorded.at_ms, opens_ms + 5'000);
    }
  }
  EXPECT_FALSE(newest<TrialStarted>(world)->outside_window);
}

TEST(UpdateMachine, MeasuresHowLongASwitchTakes) {
  State state;
  auto apply = [&](NodeEvent event, std::int64_t at_ms) {
    Recorded<NodeEvent> recorded{};
    recorded.sequence = state.last + 1;
    recorded.at_ms = at_ms;
    recorded.event = std::move(event);
    UpdateMachine::apply(state, recorded);
  };
  const Settings settings;
  EXPECT_EQ(switch_time_needed_ms(settings, state), settings.switch_time_ms);
  auto switch_in = [&](std::int64_t took_ms) {
    apply(SwitchBegan{}, 1'000);
    apply(RebootOrdered{}, 1'100);
    apply(TrialStarted{}, 1'000 + took_ms);
    apply(Succeeded{}, 1'000 + took_ms);
  };
  switch_in(50'000);
  EXPECT_EQ(switch_time_needed_ms(settings, state), 50'000);
  switch_in(90'000);
  switch_in(40'000);
  EXPECT_EQ(switch_time_needed_ms(settings, state), 90'000);
  switch_in(10 * 3'600'000);  // power was away: no measure
  switch_in(-5'000);          // a clock stepped
  EXPECT_EQ(switch_time_needed_ms(settings, state), 90'000);
  switch_in(30'000);
  switch_in(30'000);
  EXPECT_EQ(switch_time_needed_ms(settings, state), 40'000) << "only the last three count";
}

TEST(UpdateMachine, ReportsATrialThatBeganOutsideItsWindow) {
  NodeWorld world;
  world.open_window(0, 10 * minute_ms);
  world.link(good_image);
  world.run_until([](const NodeWorld& w) { return w.one_shot().has_value(); });
  world.cut_power();
  world.pass(3 * 60 * minute_ms);
  world.run();
  EXPECT_EQ(world.newest_outcome(), "Succeeded");
  EXPECT_TRUE(newest<TrialStarted>(world)->outside_window);
}

TEST(UpdateMachine, DistrustsItsClockOnceAndGoesOnWhenItIsSetRight) {
  NodeWorld world;
  world.link(good_image);
  world.run();
  world.open_window(2 * minute_ms, 60 * minute_ms);
  world.run_until([](const NodeWorld& w) { return w.state().window.has_value() && w.node_link().acked == w.journal().size(); });
  world.kill_agent();
  world.start_agent();
  world.wedge_network(true);
  world.set_clock(0, false);
  for (int i = 0; i < 20; ++i) world.step();
  EXPECT_EQ(count(world, "ClockDistrusted"), 1U);
  EXPECT_THAT(words(world.waits_for()), Contains("clock"));
  EXPECT_TRUE(in_phase(world, Phase::staged));
  world.set_clock(0, true);
  EXPECT_TRUE(world.run_until([](const NodeWorld& w) { return in_phase(w, Phase::on_trial); }));
  EXPECT_EQ(count(world, "ClockDistrusted"), 1U);
  EXPECT_THAT(world.broken(), IsEmpty());
}

TEST(UpdateMachine, AsksAgainForTheTimeWhenAnAnswerTookTooLong) {
  NodeWorld world;
  world.link(good_image);
  world.run();
  world.lose_connection();
  world.connect();
  world.feed(RollCallHeard{{world.life(), 0, 1}});
  const auto late = world.welcome(world.node_link().nonce);
  world.pass(8'000);
  world.drop_upward();
  world.hear(late);
  world.open_window(-minute_ms, 60 * minute_ms);
  world.feed(world.document_heard());
  EXPECT_TRUE(in_phase(world, Phase::staged));
  EXPECT_THAT(words(world.waits_for()), ElementsAre("clock"));
  EXPECT_THAT(texts(world.waits_for()), HasSubstr("took 8 s"));
  const auto nonce = world.node_link().nonce;
  world.run_until([&](const NodeWorld& w) { return w.node_link().nonce != nonce; });
  world.run();
  EXPECT_EQ(world.newest_outcome(), "Succeeded");
}

// ---- boot loader -----------------------------------------------------------------------------------------------------

TEST(UpdateMachine, GivesUpAndClearsTheOneShotWhenTheLoaderWillNotBeArmed) {
  NodeWorld world = up_to(Phase::switching);
  world.arm_errors = 100;
  world.set_one_shot(Slot::b);  // an arming that failed half-way
  world.run();
  EXPECT_EQ(world.newest_outcome(), "Failed boot_loader");
  EXPECT_EQ(world.arm_errors, 95);
  EXPECT_EQ(world.one_shot(), std::nullopt);
  EXPECT_THAT(newest<Failed>(world)->evidence.detail, HasSubstr("busy"));
  EXPECT_EQ(newest<Failed>(world)->evidence.attempts, 5U);
}

TEST(UpdateMachine, ArmsAgainAfterAFailureThatPasses) {
  NodeWorld world = up_to(Phase::switching);
  world.arm_errors = 3;
  world.reboot_errors = 1;
  world.run();
  EXPECT_EQ(world.newest_outcome(), "Succeeded");
}

TEST(UpdateMachine, WaitsWithTheReasonBetweenTwoTries) {
  NodeWorld world = up_to(Phase::switching);
  world.arm_errors = 1;
  world.run_until([](const NodeWorld& w) { return w.node_link().arm_failures == 1; });
  EXPECT_THAT(world.todo(), IsEmpty());
  EXPECT_THAT(words(world.waits_for()), Contains("retry"));
  EXPECT_THAT(texts(world.waits_for()), HasSubstr("tried again in 5 s, after: the loader is busy"));
}

TEST(UpdateMachine, GoesBackWhenTheBootCannotBeConfirmed) {
  NodeWorld world = up_to(Phase::confirming);
  world.confirm_errors = 100;
  world.run();
  EXPECT_EQ(world.newest_outcome(), "RolledBack confirm_failed");
  EXPECT_EQ(world.confirm_errors, 95);
  EXPECT_EQ(world.running(), Slot::a);
}

TEST(UpdateMachine, StaysUpWhenAConfirmedBootCannotBeReadBack) {
  NodeWorld world = up_to(Phase::confirming);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(in_phase(world, Phase::confirming));
    world.feed(BootConfirmed{world.state().offer, world.node_link().boot, Slot::b, Slot::b, digest_of(99), ""});
  }
  EXPECT_EQ(world.newest_outcome(), "Failed confirm_failed");
  EXPECT_THAT(world.todo(), IsEmpty());
}

TEST(UpdateMachine, StopsRebootingWhenEveryRebootComesBackToTheSameSlot) {
  NodeWorld world = up_to(Phase::rolling_back, sick_image);
  for (int i = 0; i < 20 && in_phase(world, Phase::rolling_back); ++i) {
    world.kill_agent();
    Booted booted{BootId{"odd-" + std::to_string(i)}, Slot::b, Slot::a, true, BootCause::other, false, world.state().identity};
    world.start_agent(false);
    world.feed(booted);
  }
  EXPECT_EQ(world.newest_outcome(), "Failed no_slot_left");
  EXPECT_THAT(newest<Failed>(world)->evidence.detail, HasSubstr("every reboot came back"));
}

// The end of an order that a later one has overtaken. The clearing was ordered and done, then the operator resumed and the
// one-shot was armed; were the end of the clearing believed, the offer could be cancelled with the one-shot armed.
TEST(UpdateMachine, DoesNotBelieveTheEndOfAnOrderThatWasOvertaken) {
  NodeWorld world = up_to(Phase::switching);
  world.pause(true);
  world.drop_documents();
  world.feed(world.document_heard());
  for (const auto& effect : world.todo()) world.perform(effect);  // clears
  ASSERT_EQ(world.inbox_size(), 1U);
  world.pause(false);
  world.drop_documents();
  world.feed(world.document_heard());
  for (const auto& effect : world.todo()) world.perform(effect);  // arms
  ASSERT_TRUE(world.one_shot().has_value());
  world.close_window();
  world.drop_documents();
  world.feed(world.document_heard());
  world.make({Move::Kind::feed});  // OneShotCleared, of the first order
  EXPECT_TRUE(in_phase(world, Phase::switching)) << "the one-shot is armed";
  world.run();
  EXPECT_TRUE(in_phase(world, Phase::staged));
  EXPECT_EQ(world.one_shot(), std::nullopt);
}

// ---- trial -----------------------------------------------------------------------------------------------------------

TEST(UpdateMachine, EndsATrialAtItsDeadlineThoughTheHealthChecksSayNothing) {
  NodeWorld world = up_to(Phase::on_trial);
  world.pass(world.machine.settings.trial_deadline_ms);
  world.feed(Tick{});
  EXPECT_TRUE(in_phase(world, Phase::on_trial)) << "a verdict may be on its way";
  world.pass(world.machine.settings.trial_grace_ms);
  world.feed(Tick{});
  ASSERT_TRUE(in_phase(world, Phase::rolling_back));
  world.run();
  EXPECT_EQ(world.newest_outcome(), "RolledBack deadline");
  EXPECT_THAT(newest<RolledBack>(world)->evidence.detail, HasSubstr("600 s"));
}

TEST(UpdateMachine, CountsTheDeadlineFromTheAttemptsStartThoughTheAgentRestarts) {
  NodeWorld world = up_to(Phase::on_trial);
  const auto deadline = world.state().trial_mono_ms + world.machine.settings.trial_deadline_ms;
  world.pass(minute_ms);
  world.kill_agent();
  world.start_agent();
  ASSERT_EQ(world.todo().size(), 1U);
  EXPECT_EQ(std::get<CheckHealth>(world.todo().front()).deadline_mono_ms, deadline);
}

TEST(UpdateMachine, SaysInTheEvidenceWhichCheckFailedAndAtWhichAttempt) {
  NodeWorld world = up_to(Phase::on_trial, sick_image);
  world.run();
  const auto* rolled_back = newest<RolledBack>(world);
  ASSERT_NE(rolled_back, nullptr);
  EXPECT_EQ(rolled_back->evidence.check, "app");
  EXPECT_EQ(rolled_back->evidence.attempts, 1U);
  EXPECT_EQ(rolled_back->from, "2.5");
  EXPECT_EQ(rolled_back->to, "1.0");
}

TEST(UpdateMachine, CountsTrialsThatPowerCutsEndAndGivesUpAfterTheThird) {
  NodeWorld world;
  world.open_window(0, 0);
  world.link(good_image);
  for (std::uint32_t attempt = 1; attempt <= 3; ++attempt) {
    ASSERT_TRUE(world.run_until([](const NodeWorld& w) { return in_phase(w, Phase::on_trial); }));
    EXPECT_EQ(world.state().attempt, attempt);
    world.cut_power();
    world.step();
    world.step();
  }
  world.run();
  EXPECT_EQ(world.newest_outcome(), "RolledBack trial_interrupted");
  EXPECT_EQ(count(world, "TrialInterrupted"), 2U);
  EXPECT_EQ(newest<RolledBack>(world)->evidence.attempts, 3U);
  EXPECT_THAT(world.broken(), IsEmpty());
}

TEST(UpdateMachine, TakesTheBytesThatAreThereAfterAnInterruptedTrial) {
  NodeWorld world = up_to(Phase::on_trial);
  world.cut_power();
  world.run();
  EXPECT_EQ(world.newest_outcome(), "Succeeded");
  EXPECT_TRUE(newest<ImageStaged>(world)->reused);
}

TEST(UpdateMachine, DoesNotTryASlotThatRunsSomethingElseThanWhatWasStaged) {
  NodeWorld world = up_to(Phase::rebooting);
  world.run_until([](const NodeWorld& w) { return w.running() == Slot::b; });
  Booted booted{BootId{"boot-9"}, Slot::b, Slot::a, true, BootCause::other, false, {}};
  world.start_agent(false);
  world.feed(booted);
  EXPECT_TRUE(in_phase(world, Phase::rolling_back));
  EXPECT_EQ(world.state().undo, Reason::wrong_digest);
}

TEST(UpdateMachine, DoesNotMarkASlotBadThatTheOperatorAborted) {
  NodeWorld world = up_to(Phase::on_trial);
  world.abort();
  world.run_until([](const NodeWorld& w) { return in_phase(w, Phase::rolling_back); });
  ASSERT_EQ(world.todo().size(), 1U);
  EXPECT_FALSE(std::get<GoBack>(world.todo().front()).mark_bad);
  world.run();
  EXPECT_EQ(world.newest_outcome(), "Cancelled aborted");
}

TEST(UpdateMachine, FinishesAConfirmationThatAnAbortComesTooLateFor) {
  NodeWorld world = up_to(Phase::confirming);
  world.abort();
  world.run();
  EXPECT_EQ(world.newest_outcome(), "Succeeded");
}

// A disk that was put back says that an image has passed its trial; another one was armed since, and runs.
TEST(UpdateMachine, ConfirmsNoImageButTheOneThatPassedItsTrial) {
  NodeWorld world = up_to(Phase::confirming);
  world.kill_agent();
  Booted booted{BootId{"boot-9"}, Slot::b, Slot::a, true, BootCause::other, false, world.state().identity};
  booted.identity.digest = digest_of(99);
  world.start_agent(false);
  world.feed(booted);
  EXPECT_TRUE(in_phase(world, Phase::rolling_back));
  EXPECT_EQ(world.state().undo, Reason::wrong_digest);
  for (const auto& effect : world.todo()) EXPECT_FALSE(std::holds_alternative<ConfirmBoot>(effect));
}

// The mark that a new slot came up is of an earlier boot, which this journal knows nothing of.
TEST(UpdateMachine, ReadsNoTrialIntoARestartOfTheAgentWhileItSwitches) {
  NodeWorld world = up_to(Phase::switching);
  const BootId boot = world.state().boot;
  world.kill_agent();
  Booted booted{boot, Slot::a, Slot::a, true, BootCause::watchdog, false, world.state().identity};
  world.start_agent(false);
  world.feed(booted);
  EXPECT_TRUE(in_phase(world, Phase::switching)) << world.newest_outcome();
}

// ---- slots -----------------------------------------------------------------------------------------------------------

TEST(UpdateMachine, EndsAnOfferForWhichThereIsNoSlotToWriteTo) {
  NodeWorld world = staged_world();
  world.kill_agent();
  Booted booted{BootId{"boot-9"}, Slot::b, Slot::a, true, BootCause::other, false, world.state().identity};
  world.start_agent(false);
  world.feed(booted);
  EXPECT_EQ(world.newest_outcome(), "Failed no_slot_left");
  EXPECT_THAT(newest<Failed>(world)->evidence.detail, HasSubstr("slot b runs unconfirmed"));
  EXPECT_THAT(words(world.waits_for()), Contains("slot"));
}

TEST(UpdateMachine, NeverStagesIntoTheSlotThatSomebodyBooted) {
  NodeWorld world = staged_world();
  EXPECT_EQ(world.state().target, Slot::b);
  world.kill_agent();
  Booted booted{BootId{"boot-9"}, Slot::b, Slot::b, true, BootCause::other, false, world.state().identity};
  world.start_agent(false);
  world.feed(booted);
  EXPECT_TRUE(in_phase(world, Phase::staging));
  EXPECT_EQ(world.state().target, Slot::a);
  EXPECT_EQ(world.state().staged, Digest{});
}

// ---- link and journal ------------------------------------------------------------------------------------------------

TEST(UpdateMachine, SaysNothingAndDoesNothingBeforeBooted) {
  NodeWorld world;
  world.start_agent(false);
  world.feed(Connected{});
  world.feed(RollCallHeard{{world.life(), 0, 1}});
  world.link(good_image);
  world.feed(world.document_heard());
  world.feed(Tick{});
  EXPECT_THAT(world.journal(), IsEmpty());
  EXPECT_THAT(world.todo(), IsEmpty());
  EXPECT_THAT(words(world.waits_for()), ElementsAre("boot"));
  EXPECT_FALSE(world.node_link().nonce);
}

TEST(UpdateMachine, BeginsItsFirstJournalByClearingWhatAnEarlierLifeLeftBehind) {
  NodeWorld world;
  world.set_one_shot(Slot::b);
  world.clear_errors = 2;
  world.run();
  EXPECT_EQ(world.one_shot(), std::nullopt);
  EXPECT_THAT(world.event_names(), ElementsAre("AgentStarted", "BootCleared"));
}

TEST(UpdateMachine, CountsStartsInsteadOfJournalingThemOnceTooMuchIsUnacknowledged) {
  NodeWorld world;
  world.wedge_network(true);
  for (std::uint64_t i = 0; i < unacknowledged_events_max + 50; ++i) {
    world.start_agent();
    for (int k = 0; k < 3; ++k) world.step();
    world.kill_agent();
  }
  EXPECT_EQ(world.journal().size(), unacknowledged_events_max + 1);
  EXPECT_GT(world.omitted(), 40U);
  world.wedge_network(false);
  world.run(20'000);
  EXPECT_EQ(world.not_at_rest(), "");
}

TEST(UpdateMachine, ForksTheJournalWithItsOpenOfferAndTakesNoSecondOutcomeAlong) {
  NodeWorld world = up_to(Phase::staging);
  const auto before = world.state();
  auto foreign = world.received(1);
  foreign.chain = Chain{12345};
  world.hear(foreign);
  EXPECT_NE(world.state().journal, before.journal);
  ASSERT_EQ(world.journal().size(), 1U);
  const auto& forked = std::get<JournalForked>(world.journal().front().event);
  EXPECT_EQ(forked.old_journal, before.journal);
  EXPECT_EQ(forked.last, before.last);
  EXPECT_EQ(forked.offer, before.offer);
  EXPECT_EQ(forked.phase, Phase::staging);
  EXPECT_EQ(world.state().accepted_sequence, 1U) << "the fork stands for Accepted";
  EXPECT_EQ(world.node_link().acked, 0U);
  EXPECT_FALSE(may_send_events(world.node_link()));
  world.run();
  EXPECT_EQ(world.newest_outcome(), "Succeeded");
}

TEST(UpdateMachine, TellsItsStateInHello) {
  NodeWorld world = staged_world();
  const auto hello = make_hello(world.state(), world.node_link(), 3, Chain{5});
  EXPECT_EQ(hello.base, 3U);
  EXPECT_EQ(hello.base_chain, Chain{5});
  EXPECT_EQ(hello.last, world.state().last);
  EXPECT_EQ(hello.held, world.state().held);
  EXPECT_EQ(hello.offer, world.newest_offer());
  EXPECT_EQ(hello.phase, Phase::staged);
  EXPECT_EQ(hello.life, world.life());
  EXPECT_EQ(hello.ask, 1U);
  EXPECT_EQ(hello.nonce, world.node_link().nonce);
  EXPECT_EQ(hello.identity.os_image_id, "1.0");
}

// ---- waits_for -------------------------------------------------------------------------------------------------------

TEST(WaitsFor, TellsAnIdleNodesReasonNearestFirst) {
  NodeWorld world;
  world.start_agent();
  world.run_until([](const NodeWorld& w) { return !w.state().fresh; });
  world.wedge_network(true);
  EXPECT_THAT(words(world.waits_for()), ElementsAre("connection", "document"));
  world.wedge_network(false);
  world.connect();
  EXPECT_THAT(words(world.waits_for()), ElementsAre("roll_call", "document"));
  world.feed(RollCallHeard{{world.life(), 0, 1}});
  EXPECT_THAT(words(world.waits_for()), ElementsAre("welcome", "document"));
  world.run();
  EXPECT_THAT(words(world.waits_for()), ElementsAre("document"));
  world.link(base_image);
  world.run();
  EXPECT_THAT(words(world.waits_for()), ElementsAre("outcome"));
  EXPECT_THAT(texts(world.waits_for()), HasSubstr("Succeeded"));
  world.unlink();
  world.run();
  EXPECT_THAT(words(world.waits_for()), ElementsAre("link"));
  world.link(sick_image);
  world.open_window(0, 0);
  world.run();
  EXPECT_THAT(texts(world.waits_for()), HasSubstr("that is final: the operator links again"));
}

TEST(WaitsFor, TellsAStagedNodesWindowWithItsOpening) {
  NodeWorld world;
  world.link(good_image);
  world.run();
  EXPECT_THAT(texts(world.waits_for()), HasSubstr("no maintenance window is scheduled"));
  world.open_window(60 * minute_ms, 10 * minute_ms);
  world.run_until([](const NodeWorld& w) { return w.state().window && w.inbox_size() == 0; });
  const auto waits = world.waits_for();
  ASSERT_EQ(waits.size(), 1U);
  EXPECT_EQ(waits.front().at_wall_ms, world.state().window->opens_at_ms);
  EXPECT_THAT(waits.front().text, HasSubstr("opens 20"));
  const auto look = world.machine.look_again(world.state(), world.node_link(), world.now());
  ASSERT_TRUE(look.has_value());
  EXPECT_GT(*look, world.now().mono_ms);
}

// ---- purity ----------------------------------------------------------------------------------------------------------

TEST(UpdateMachine, DecidesTheSameFromTheSameInputs) {
  for (const std::uint64_t seed : {11ULL, 12ULL, 13ULL}) {
    NodeWorld one(seed), other(seed);
    (void)walk(one, seed);
    (void)walk(other, seed);
    EXPECT_EQ(one.state(), other.state());
    EXPECT_EQ(one.node_link(), other.node_link());
    EXPECT_EQ(one.event_names(), other.event_names());
  }
}

TEST(UpdateMachine, FoldsItsJournalToItsState) {
  for (std::uint64_t seed = 100; seed < 120; ++seed) {
    NodeWorld world(seed);
    (void)walk(world, seed);
    EXPECT_EQ(world.folded(), world.state()) << seed;
  }
}

}  // namespace
}  // namespace abide::test
