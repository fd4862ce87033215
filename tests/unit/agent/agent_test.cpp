#include <algorithm>
#include <gtest/gtest.h>

#include "tests/unit/agent/agent_bench.hpp"

namespace abide::agent {
namespace {

TEST(Agent, TellsWhatItMeasuredBeforeAnythingElse) {
  Bench bench;
  ASSERT_FALSE(bench.start());
  const auto& state = bench.state();
  EXPECT_EQ(state.identity.os_image_id, "3.0.1");
  EXPECT_EQ(state.identity.digest, sha256(make_image("3.0.1")));
  EXPECT_FALSE(state.fresh) << "a new journal's first act is to clear one-shot and mark";
  auto first = decode_recorded<NodeEvent>(bench.store->get(journal_key(agent_scope, state.journal, 1)).value()->substr(8), 1, Chain{});
  ASSERT_TRUE(first);
  EXPECT_TRUE(std::holds_alternative<AgentStarted>(first->event));
  EXPECT_EQ(bench.differences(), std::vector<std::string>{});
}

TEST(Agent, SendsItsEventsOnlyAfterTheWelcomeAndThenAllInSequence) {
  Bench bench;
  bench.orchestrator.silent = true;
  ASSERT_FALSE(bench.start());
  bench.orchestrator.call(1);
  ASSERT_FALSE(bench.settle());
  EXPECT_EQ(bench.orchestrator.hellos, 1U);
  EXPECT_TRUE(
      std::none_of(bench.orchestrator.heard.begin(), bench.orchestrator.heard.end(), [](const auto& one) { return one.sequence != 0; }));
  bench.orchestrator.silent = false;
  bench.orchestrator.call(2);
  ASSERT_FALSE(bench.settle());
  EXPECT_EQ(bench.orchestrator.upto, bench.state().last);
  EXPECT_EQ(bench.orchestrator.chain, bench.state().chain);
  EXPECT_EQ(bench.agent->host().journal().head().acked, bench.state().last);
}

TEST(Agent, UpdatesThroughAllPhasesAndReportsEachOnce) {
  Bench bench;
  ASSERT_FALSE(bench.start());
  bench.orchestrator.call(1);
  ASSERT_FALSE(bench.settle());
  bench.orchestrator.link(make_release("3.0.2"), bench.window_for(600'000));
  ASSERT_FALSE(bench.settle());
  ASSERT_EQ(bench.state().phase, Phase::staging);
  ASSERT_TRUE(bench.staging);
  EXPECT_EQ(bench.staging->slot, Slot::b);
  bench.image_staged();
  ASSERT_FALSE(bench.settle());
  ASSERT_EQ(bench.state().phase, Phase::on_trial) << "armed, rebooted, and up in the new slot";
  EXPECT_EQ(bench.state().running, Slot::b);
  ASSERT_TRUE(bench.checking);
  EXPECT_EQ(bench.checking->os_image_id, "3.0.2");
  EXPECT_EQ(bench.checking->slot_path, bench.boot->path_of(Slot::b));
  bench.judge(true);
  ASSERT_FALSE(bench.settle());
  EXPECT_EQ(bench.state().phase, Phase::idle);
  EXPECT_EQ(bench.state().outcome.kind, OutcomeKind::succeeded);
  EXPECT_EQ(bench.boot->read()->default_slot, Slot::b);
  EXPECT_EQ(bench.orchestrator.upto, bench.state().last);
  ASSERT_NE(bench.orchestrator.find<Succeeded>(), nullptr);
  EXPECT_EQ(bench.orchestrator.find<Succeeded>()->from, "3.0.1");
  EXPECT_EQ(bench.differences(), std::vector<std::string>{});
  const auto progress = std::count_if(bench.orchestrator.heard.begin(), bench.orchestrator.heard.end(),
                                      [](const auto& one) { return std::holds_alternative<Progress>(one.payload); });
  EXPECT_GE(progress, 4) << "each change of phase is told at once";
}

TEST(Agent, RollsBackWhatIsUnhealthyAndTellsItOnTheTopicForIt) {
  Bench bench;
  ASSERT_FALSE(bench.start());
  bench.orchestrator.call(1);
  ASSERT_FALSE(bench.settle());
  bench.orchestrator.link(make_release("3.0.2"), bench.window_for(600'000));
  ASSERT_FALSE(bench.settle());
  bench.image_staged();
  ASSERT_FALSE(bench.settle());
  bench.judge(false);
  ASSERT_FALSE(bench.settle());
  EXPECT_EQ(bench.state().running, Slot::a);
  EXPECT_EQ(bench.state().outcome.kind, OutcomeKind::rolled_back);
  EXPECT_EQ(bench.state().outcome.reason, Reason::unhealthy);
  EXPECT_TRUE(bench.boot->read()->bad[1]);
  const auto topic = topics::from_node(project, node_id, topics::FromNode::rollback);
  const auto copies = std::count(bench.orchestrator.heard_topics.begin(), bench.orchestrator.heard_topics.end(), topic);
  EXPECT_EQ(copies, 1);
  ASSERT_NE(bench.orchestrator.find<RolledBack>(), nullptr);
  EXPECT_EQ(bench.orchestrator.find<RolledBack>()->evidence.output_tail, "connection refused");
  // The same offer is over; nothing of it begins again.
  bench.orchestrator.call(2);
  ASSERT_FALSE(bench.settle());
  EXPECT_EQ(bench.state().phase, Phase::idle);
  EXPECT_EQ(bench.stagings, 1);
  EXPECT_EQ(bench.differences(), std::vector<std::string>{});
}

TEST(Agent, StopsTheWriterOfAnOfferThatIsWithdrawn) {
  Bench bench;
  ASSERT_FALSE(bench.start());
  bench.orchestrator.call(1);
  ASSERT_FALSE(bench.settle());
  bench.orchestrator.link(make_release("3.0.2"), std::nullopt);
  ASSERT_FALSE(bench.settle());
  ASSERT_TRUE(bench.staging);
  const auto late = bench.staging_end;
  const auto order = *bench.staging;
  bench.orchestrator.unlink();
  ASSERT_FALSE(bench.settle());
  EXPECT_FALSE(bench.staging);
  EXPECT_EQ(bench.state().outcome.kind, OutcomeKind::cancelled);
  const auto last = bench.state().last;
  late({order.offer, order.boot, Reason::none, {}, order.slot, order.release.raw.sha256, 1, 1, false});
  ASSERT_FALSE(bench.settle());
  EXPECT_EQ(bench.state().last, last) << "its late end means nothing";
}

TEST(Agent, DoesNotSwitchOutsideAWindowAndDoesSoWhenItOpens) {
  Bench bench;
  ASSERT_FALSE(bench.start());
  bench.orchestrator.call(1);
  ASSERT_FALSE(bench.settle());
  const Window later{"singlesche-00000001", bench.wall_ms + 100'000, bench.wall_ms + 400'000};
  bench.orchestrator.link(make_release("3.0.2"), later);
  ASSERT_FALSE(bench.settle());
  bench.image_staged();
  ASSERT_FALSE(bench.settle());
  EXPECT_EQ(bench.state().phase, Phase::staged);
  ASSERT_FALSE(bench.pass(99'000));
  EXPECT_EQ(bench.state().phase, Phase::staged);
  EXPECT_FALSE(bench.boot->read()->one_shot);
  ASSERT_FALSE(bench.pass(1'500));
  EXPECT_EQ(bench.state().phase, Phase::on_trial);
}

TEST(Agent, SwitchesOnceItIsCutOffForLongEnoughWithinTheWindowThatItHolds) {
  Bench bench;
  ASSERT_FALSE(bench.start());
  bench.orchestrator.call(1);
  ASSERT_FALSE(bench.settle());
  const Window later{"singlesche-00000001", bench.wall_ms + 10'000, bench.wall_ms + 400'000};
  bench.orchestrator.link(make_release("3.0.2"), later);
  ASSERT_FALSE(bench.settle());
  bench.image_staged();
  ASSERT_FALSE(bench.settle());
  bench.broker.cut(*bench.bus);
  ASSERT_FALSE(bench.settle());
  ASSERT_FALSE(bench.pass(41'000));
  EXPECT_EQ(bench.state().phase, Phase::staged) << "neither synced, nor cut off yet";
  ASSERT_FALSE(bench.pass(20'000));
  EXPECT_EQ(bench.state().phase, Phase::on_trial);
}

TEST(Agent, IgnoresWhatIsWrongOnTheBusAndChangesNothing) {
  Bench bench;
  ASSERT_FALSE(bench.start());
  bench.orchestrator.call(1);
  ASSERT_FALSE(bench.settle());
  const auto last = bench.state().last;
  const auto to = [](const std::string& what) { return "abide/v1/demo/to/" + to_string(node_id) + "/" + what; };
  auto& orchestrator = bench.orchestrator;
  Envelope presence;
  presence.payload = Presence{true};
  Envelope life_less;
  life_less.payload = RollCall{};
  Envelope number_less;
  number_less.payload = Document{{}, {}, encode_body({})};
  Envelope bad_body;
  bad_body.payload = Document{{9, 9}, {}, "nonsense"};
  std::string cut = orchestrator.document_bytes();
  cut.resize(cut.size() / 2);
  for (const auto& [topic, bytes] :
       std::vector<std::pair<std::string, std::string>>{{to("policy-linked"), ""},
                                                        {to("policy-linked"), "garbage"},
                                                        {to("policy-linked"), cut},
                                                        {to("policy-linked"), encode(presence)},
                                                        {to("policy-linked"), encode(number_less)},
                                                        {to("window-opened"), encode(bad_body)},
                                                        {to("received"), encode(presence)},
                                                        {to("something-else"), encode(presence)},
                                                        {topics::roll_call(project), encode(life_less)},
                                                        {topics::roll_call(project), std::string(5'000, '\xff')}}) {
    orchestrator.publish(topic, bytes);
    ASSERT_FALSE(bench.settle()) << topic;
  }
  EXPECT_EQ(bench.state().last, last);
  EXPECT_TRUE(bench.agent->host().link().welcomed) << "and the connection is still in order";
  orchestrator.link(make_release("3.0.2"), std::nullopt);
  ASSERT_FALSE(bench.settle());
  EXPECT_EQ(bench.state().phase, Phase::staging) << "what is right is still heard";
}

TEST(Agent, FailsAnOfferWhoseManifestSaysSomethingElse) {
  Bench bench;
  ASSERT_FALSE(bench.start());
  bench.orchestrator.call(1);
  ASSERT_FALSE(bench.settle());
  auto release = make_release("3.0.2");
  release.manifest = sha256("another manifest");
  bench.orchestrator.link(release, std::nullopt, "appVersion: none");
  ASSERT_FALSE(bench.settle());
  EXPECT_EQ(bench.state().outcome.kind, OutcomeKind::failed);
  EXPECT_EQ(bench.state().outcome.reason, Reason::manifest_mismatch);
  EXPECT_EQ(bench.stagings, 0);
}

TEST(Agent, EndsWhenACommitFailsAndSaysNothingOfIt) {
  Bench bench;
  ASSERT_FALSE(bench.start());
  bench.orchestrator.call(1);
  ASSERT_FALSE(bench.settle());
  const auto upto = bench.orchestrator.upto;
  const auto durable = bench.store->content();
  bench.store->fail_commits(Error{Code::unavailable, "no space left on device"});
  bench.orchestrator.link(make_release("3.0.2"), std::nullopt);
  const auto ended = bench.settle();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code, ExitCode::commit_failed);
  EXPECT_NE(ended->message.find("no space left"), std::string::npos);
  bench.broker.pump();
  EXPECT_EQ(bench.orchestrator.upto, upto);
  EXPECT_EQ(bench.stagings, 0);
  EXPECT_EQ(bench.store->content(), durable);
  // The next process goes on from what is durable, and takes the retained document.
  bench.store->fail_commits(std::nullopt);
  ASSERT_FALSE(bench.start());
  EXPECT_EQ(bench.state().phase, Phase::staging);
}

TEST(Agent, SaysThatItIsOnlineAndSaysGoodbyeWhenItStops) {
  Bench bench;
  ASSERT_FALSE(bench.start());
  const auto topic = topics::from_node(project, node_id, topics::FromNode::presence);
  const auto retained = [&] {
    const auto all = bench.broker.retained();
    auto envelope = decode(all.at(topic));
    EXPECT_TRUE(envelope);
    return std::pair(std::get<Presence>(envelope->payload).online, envelope->session);
  };
  EXPECT_EQ(retained(), std::pair(true, SessionId{1}));
  bench.broker.cut(*bench.bus);
  ASSERT_FALSE(bench.settle());
  EXPECT_EQ(retained(), std::pair(false, SessionId{1})) << "the will";
  bench.broker.allow(*bench.bus);
  ASSERT_FALSE(bench.settle());
  EXPECT_EQ(retained(), std::pair(true, SessionId{1}));
  bench.agent->stop();
  const auto ended = bench.settle();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code, ExitCode::ok);
  EXPECT_EQ(retained(), std::pair(false, SessionId{1}));
}

TEST(Agent, DoesNotTellAnotherNodesStory) {
  Bench bench;
  ASSERT_FALSE(bench.start());
  bench.end_process();
  AgentSettings settings;
  settings.self = {"another", node_id};
  settings.session = SessionId{9};
  MemoryBus bus(bench.broker, {});
  Agent agent(settings, *bench.store, *bench.boot, bus, {}, [&] { return bench.now(); });
  const auto ended = agent.begin();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code, ExitCode::usage);
  EXPECT_NE(ended->message.find("project demo"), std::string::npos);
}

TEST(Agent, BeginsANewJournalWhenItsStateIsLostAndAnotherWhenItWasPutBack) {
  Bench bench;
  ASSERT_FALSE(bench.start());
  bench.orchestrator.call(1);
  ASSERT_FALSE(bench.settle());
  const auto old = bench.store->content();
  bench.orchestrator.link(make_release("3.0.2"), std::nullopt);
  ASSERT_FALSE(bench.settle());
  const auto journal = bench.state().journal;
  // The disk is put back to before the document: the orchestrator knows more of this journal than the node does.
  bench.end_process();
  bench.store = std::make_unique<MemoryStore>(old);
  ASSERT_FALSE(bench.start());
  EXPECT_NE(bench.state().journal, journal);
  EXPECT_EQ(bench.orchestrator.journal, bench.state().journal);
  EXPECT_EQ(bench.orchestrator.upto, bench.state().last);
  ASSERT_NE(bench.orchestrator.find<JournalForked>(), nullptr);
  EXPECT_EQ(bench.orchestrator.find<JournalForked>()->old_journal, journal);
  EXPECT_EQ(bench.differences(), std::vector<std::string>{});
  const auto forked = bench.state().journal;
  bench.end_process();
  bench.store = std::make_unique<MemoryStore>();
  ASSERT_FALSE(bench.start());
  EXPECT_NE(bench.state().journal, forked);
}

// A clone has spoken under this journal. The same order again, which the stager has brought to its end: it must not take it for done.
TEST(Agent, ReadsTheSlotAgainWhenItsJournalForksWhileTheImageIsStaged) {
  Bench bench;
  ASSERT_FALSE(bench.start());
  bench.orchestrator.call(1);
  ASSERT_FALSE(bench.settle());
  bench.orchestrator.link(make_release("3.0.2"), std::nullopt);
  ASSERT_FALSE(bench.settle());
  bench.image_staged();
  ASSERT_FALSE(bench.settle());
  ASSERT_EQ(bench.state().phase, Phase::staged);
  const auto stagings = bench.stagings;
  bench.orchestrator.upto += 1;
  bench.orchestrator.call(2);
  ASSERT_FALSE(bench.settle());
  ASSERT_NE(bench.orchestrator.find<JournalForked>(), nullptr);
  EXPECT_EQ(bench.state().phase, Phase::staging);
  EXPECT_EQ(bench.stagings, stagings + 1);
  bench.image_staged();
  ASSERT_FALSE(bench.settle());
  EXPECT_EQ(bench.state().phase, Phase::staged);
}

TEST(Agent, TrimsWhatIsAcknowledgedAndKeepsTheRest) {
  Bench bench;
  bench.journal_keep = 32;
  ASSERT_FALSE(bench.start());
  bench.orchestrator.call(1);
  ASSERT_FALSE(bench.settle());
  bench.orchestrator.link(make_release("3.0.1"), std::nullopt);
  for (int i = 0; i < 400; ++i) {
    bench.orchestrator.change([&](DocumentBody& body) { body.window = Window{"w", i, i + 1}; });
    ASSERT_FALSE(bench.settle());
  }
  const auto& head = bench.agent->host().journal().head();
  EXPECT_GT(head.last, 400U);
  EXPECT_GE(head.base, 256U);
  EXPECT_LE(head.base, head.last - 32);
  EXPECT_EQ(bench.differences(), std::vector<std::string>{});
  ASSERT_FALSE(bench.start());
  EXPECT_EQ(bench.orchestrator.upto, bench.state().last);
}

TEST(Agent, ResendsWhatTheOrchestratorLacksAfterAConnectionWasLost) {
  Bench bench;
  ASSERT_FALSE(bench.start());
  bench.orchestrator.call(1);
  ASSERT_FALSE(bench.settle());
  bench.broker.swallow("abide/v1/demo/from/+/status", 2);
  bench.orchestrator.link(make_release("3.0.2"), std::nullopt);
  ASSERT_FALSE(bench.settle());
  EXPECT_LT(bench.orchestrator.upto, bench.state().last);
  bench.broker.cut(*bench.bus);
  ASSERT_FALSE(bench.settle());
  bench.broker.allow(*bench.bus);
  ASSERT_FALSE(bench.settle());
  EXPECT_EQ(bench.orchestrator.upto, bench.state().last);
}

TEST(Agent, DoesNotWaitForAcknowledgementsOfAConnectionThatIsGone) {
  Bench bench;
  ASSERT_FALSE(bench.start());
  bench.orchestrator.call(1);
  ASSERT_FALSE(bench.settle());
  // As many events as may be under way go out, and the connection with them.
  bench.orchestrator.link(make_release("3.0.1"), std::nullopt);
  for (int i = 0; i < 20; ++i) {
    bench.orchestrator.change([&](DocumentBody& body) { body.window = Window{"w", i, i + 1}; });
  }
  (void)bench.broker.pump(42);  // the documents and their acknowledgements, and nothing of the answers
  ASSERT_FALSE(bench.agent->turn(std::chrono::steady_clock::now()));
  bench.broker.cut(*bench.bus);
  ASSERT_FALSE(bench.settle());
  bench.broker.allow(*bench.bus);
  ASSERT_FALSE(bench.settle());
  EXPECT_EQ(bench.orchestrator.upto, bench.state().last);
}

TEST(Agent, RemembersWhatWasAcknowledgedAndSwitchesAfterARestartThoughItIsCutOff) {
  Bench bench;
  ASSERT_FALSE(bench.start());
  bench.orchestrator.call(1);
  ASSERT_FALSE(bench.settle());
  bench.orchestrator.link(make_release("3.0.2"), Window{"singlesche-00000001", bench.wall_ms + 10'000, bench.wall_ms + 400'000});
  ASSERT_FALSE(bench.settle());
  bench.image_staged();
  ASSERT_FALSE(bench.settle());
  bench.broker.stop(true);
  ASSERT_FALSE(bench.start());
  ASSERT_FALSE(bench.pass(61'000));
  EXPECT_EQ(bench.state().phase, Phase::staging) << "what the slot held for an earlier process is not known to this one";
  bench.image_staged();
  ASSERT_FALSE(bench.settle());
  EXPECT_EQ(bench.state().phase, Phase::on_trial);
}

TEST(Agent, MakesGoodWhateverTheBrokerForgotWithTheNextHello) {
  Bench bench;
  ASSERT_FALSE(bench.start());
  bench.orchestrator.call(1);
  ASSERT_FALSE(bench.settle());
  bench.broker.swallow("abide/v1/demo/from/+/status", 1);
  bench.orchestrator.link(make_release("3.0.2"), std::nullopt);
  ASSERT_FALSE(bench.settle());
  EXPECT_LT(bench.orchestrator.upto, bench.state().last);
  ASSERT_FALSE(bench.pass(bench.machine.hello_every_ms * 3 / 2));
  EXPECT_EQ(bench.orchestrator.upto, bench.state().last);
}

TEST(Agent, GoesOnWhereItWasWhenItIsKilledInAnyPhase) {
  // The process is gone after every turn; the machine and the store stay.
  Bench bench;
  ASSERT_FALSE(bench.start());
  bench.orchestrator.call(1);
  bench.orchestrator.link(make_release("3.0.2"), bench.window_for(600'000));
  ASSERT_FALSE(bench.settle());
  ASSERT_FALSE(bench.start());
  ASSERT_TRUE(bench.staging) << "staging is asked for again";
  bench.reboots = false;
  bench.image_staged();
  ASSERT_FALSE(bench.settle());
  ASSERT_EQ(bench.state().phase, Phase::rebooting);
  ASSERT_TRUE(bench.rebooted);
  bench.reboots = true;
  ASSERT_FALSE(bench.start());
  ASSERT_EQ(bench.state().phase, Phase::on_trial);
  ASSERT_FALSE(bench.start());
  ASSERT_EQ(bench.state().phase, Phase::on_trial) << "the agent's restart is not a reboot";
  EXPECT_EQ(bench.state().attempt, 1U);
  bench.judge(true);
  ASSERT_FALSE(bench.settle());
  ASSERT_FALSE(bench.start());
  EXPECT_EQ(bench.state().outcome.kind, OutcomeKind::succeeded);
  EXPECT_EQ(bench.orchestrator.upto, bench.state().last);
  EXPECT_EQ(bench.differences(), std::vector<std::string>{});
}

TEST(Agent, TellsALoopThatServesManyWhenItsNextTurnIsDue) {
  Bench bench;
  ASSERT_FALSE(bench.start());
  EXPECT_FALSE(bench.agent->waiting());
  const auto due = bench.agent->next_turn();
  ASSERT_TRUE(due);
  // The same moment however often it is asked: else it would move away in front of a loop that waits for it.
  EXPECT_EQ(bench.agent->next_turn(), due);
  bench.agent->stop();
  EXPECT_TRUE(bench.agent->waiting());
}

TEST(Agent, TakesAMeasurementInPlaceOfTheSlotsBytes) {
  Bench bench;
  bench.measure = [](const BootState& state) -> Result<Identity> {
    return Identity{"demo", state.running == Slot::a ? "9.9.9" : "", "x86_64", sha256("9.9.9"), "test"};
  };
  ASSERT_FALSE(bench.start());
  EXPECT_EQ(bench.state().identity.os_image_id, "9.9.9");
}

TEST(Agent, TellsEachEventOnceItIsDurable) {
  Bench bench;
  std::vector<std::uint64_t> heard;
  bench.on_event = [&](const Recorded<NodeEvent>& recorded) {
    const auto head = Journal::read_head(*bench.store, agent_scope);
    ASSERT_TRUE(head);
    EXPECT_GE(head->last, recorded.sequence);
    heard.push_back(recorded.sequence);
  };
  ASSERT_FALSE(bench.start());
  ASSERT_FALSE(heard.empty());
  for (std::size_t i = 0; i < heard.size(); ++i) EXPECT_EQ(heard[i], i + 1);
  EXPECT_EQ(heard.back(), bench.state().last);
}

}  // namespace
}  // namespace abide::agent
