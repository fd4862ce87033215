// The shell with a broker and a store in memory.
#include <chrono>
#include <future>
#include <gtest/gtest.h>

#include "common/bus/memory_bus.hpp"
#include "common/core/hash.hpp"
#include "common/events/codec.hpp"
#include "common/events/topics.hpp"
#include "common/service/logging.hpp"
#include "common/store/memory_store.hpp"
#include "orchestrator/check.hpp"
#include "orchestrator/orchestrator.hpp"
#include "tests/unit/orchestrator/written.hpp"

namespace abide::orchestrator {
namespace {

using namespace std::chrono_literals;

const NodeId node_id = parse_node_id("11111111-2222-3333-4444-555555555551").value();

// A store whose commits can be held up, so that the inbox fills behind one.
class GatedStore final : public Store {
 public:
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override { return memory.get(key); }
  [[nodiscard]] Result<void> scan(std::string_view from, std::string_view to, const Visit& visit) const override {
    return memory.scan(from, to, visit);
  }
  [[nodiscard]] std::shared_ptr<const Reader> snapshot() const override { return memory.snapshot(); }
  [[nodiscard]] Result<void> commit(const Batch& batch) override {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
    --waiting_;
    ++commits;
    return memory.commit(batch);
  }
  void shut() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void await_commit() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ > 0; });
  }
  MemoryStore memory;
  std::atomic<std::size_t> commits{0};

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int waiting_ = 0;
};

class Shell : public ::testing::Test {
 protected:
  Settings settings() {
    Settings given;
    given.projects = {"demo"};
    given.fleet.auto_register = true;
    given.fleet.ack_after_ms = 0;
    return given;
  }
  void start(Settings given) {
    auto opened = Orchestrator::open(store, std::move(given), [this](BusSettings bus) {
      bus.client_id = "orchestrator";
      return std::make_unique<MemoryBus>(broker, std::move(bus));
    });
    ASSERT_TRUE(opened) << opened.error().message;
    orchestrator = std::move(*opened);
    ASSERT_TRUE(orchestrator->start());
  }
  void TearDown() override {
    store.open();
    if (node) node->stop();
    orchestrator.reset();
  }

  // A node's end of the bus.
  void connect_node() {
    BusSettings bus;
    bus.client_id = "node";
    bus.filters = {topics::node_filter(project, node_id), topics::roll_call(project)};
    node = std::make_unique<MemoryBus>(broker, std::move(bus));
    ASSERT_TRUE(node->start([this](BusEvent event) {
      if (auto* message = std::get_if<BusReceived>(&event)) heard.push_back(decode(message->payload).value());
    }));
    broker.pump();
  }
  void say(const std::string& topic, const Payload& payload, std::uint64_t sequence = 0, Chain after = {}) {
    Envelope envelope;
    envelope.journal = JournalId{77};
    envelope.session = SessionId{88};
    envelope.sequence = sequence;
    envelope.after = after;
    envelope.at_ms = 1;
    envelope.payload = payload;
    const auto bytes = encode(envelope);
    if (sequence != 0) chain = chain_after(after, bytes);
    ASSERT_TRUE(node->publish({topic, bytes, 1, false}));
  }
  [[nodiscard]] std::string status_topic() const { return topics::from_node(project, node_id, topics::FromNode::status); }
  // So many events of the node, while the store is shut: the owner holds the first, the others wait in the inbox.
  void backlog(std::uint64_t events) {
    heard.clear();
    store.shut();
    say(status_topic(), NodeEvent{AgentStarted{}}, 1, chain_start(JournalId{77}));
    broker.pump();
    store.await_commit();
    auto after = chain;
    for (std::uint64_t sequence = 2; sequence <= events; ++sequence) {
      say(status_topic(), NodeEvent{ClockDistrusted{}}, sequence, after);
      after = chain;
    }
    broker.pump();
  }
  void say_hello(std::uint32_t ask = 1, std::uint64_t last = 0) {
    Hello hello;
    hello.life = roll_call().life;
    hello.ask = ask;
    hello.nonce = Nonce{++nonce};
    hello.base_chain = chain_start(JournalId{77});
    hello.last = last;
    hello.identity.profile_name = "demo";
    hello.identity.os_image_id = "1.0";
    say(status_topic(), hello);
  }
  template <class T>
  std::vector<T> all() const {
    std::vector<T> found;
    for (const auto& envelope : heard) {
      if (const auto* payload = std::get_if<T>(&envelope.payload)) found.push_back(*payload);
    }
    return found;
  }
  [[nodiscard]] RollCall roll_call() const {
    const auto calls = all<RollCall>();
    return calls.empty() ? RollCall{} : calls.back();
  }
  // Moves messages until it is so, within a generous time.
  template <class Condition>
  ::testing::AssertionResult comes_true(Condition condition) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (!condition()) {
      broker.pump();
      if (std::chrono::steady_clock::now() > until) return ::testing::AssertionFailure() << "not within 20 s";
      std::this_thread::yield();
    }
    return ::testing::AssertionSuccess();
  }
  [[nodiscard]] std::optional<fleet::Node> stored_node() const {
    return fleet::read_node(store, scope_of_project("demo"), node_id).value();
  }
  Result<fleet::Answer> ask(fleet::Operation operation) {
    std::promise<Result<fleet::Answer>> promise;
    EXPECT_TRUE(
        orchestrator->submit("demo", std::move(operation), [&](Result<fleet::Answer> answer) { promise.set_value(std::move(answer)); }));
    return promise.get_future().get();
  }

  std::string project = "demo";  // that the node is in
  GatedStore store;
  MemoryBroker broker;
  std::unique_ptr<Orchestrator> orchestrator;
  std::unique_ptr<MemoryBus> node;
  std::vector<Envelope> heard;
  std::uint64_t nonce = 0;
  Chain chain;
};

TEST_F(Shell, MakesAProjectOnceAndLeavesRowsThatItsJournalFoldsTo) {
  start(settings());
  EXPECT_EQ(orchestrator->projects(), std::vector<std::string>{"demo"});
  orchestrator.reset();
  const auto first = check_store(store).value();
  EXPECT_EQ(first.differences, 0U) << first.json;
  const auto key = fleet::Rows::load(store, scope_of_project("demo")).value().key;
  EXPECT_EQ(key.size(), 32U);
  start(settings());
  orchestrator.reset();
  EXPECT_EQ(fleet::Rows::load(store, scope_of_project("demo")).value().key, key);
  EXPECT_EQ(check_store(store).value().differences, 0U);
}

TEST_F(Shell, CallsTheRollAndWelcomesWhoAnswers) {
  start(settings());
  connect_node();
  ASSERT_TRUE(comes_true([&] { return static_cast<bool>(roll_call().life); }));
  say_hello();
  ASSERT_TRUE(comes_true([&] { return !all<Received>().empty() && all<Received>().back().welcome; }));
  EXPECT_EQ(all<Received>().back().welcome->nonce, Nonce{1});
  ASSERT_TRUE(stored_node());
  EXPECT_EQ(stored_node()->identity.os_image_id, "1.0");
}

TEST_F(Shell, AcknowledgesAnEventOnlyAfterItIsStored) {
  start(settings());
  connect_node();
  ASSERT_TRUE(comes_true([&] { return static_cast<bool>(roll_call().life); }));
  say_hello();
  ASSERT_TRUE(comes_true([&] { return !all<Received>().empty(); }));
  heard.clear();
  store.shut();
  say(status_topic(), NodeEvent{AgentStarted{}}, 1, chain_start(JournalId{77}));
  broker.pump();
  store.await_commit();
  for (int i = 0; i < 100; ++i) broker.pump();
  EXPECT_TRUE(all<Received>().empty()) << "the commit has not returned";
  store.open();
  ASSERT_TRUE(comes_true([&] { return !all<Received>().empty(); }));
  EXPECT_EQ(all<Received>().back().upto, 1U);
  EXPECT_EQ(all<Received>().back().chain, chain);
  EXPECT_EQ(stored_node()->upto, 1U);
}

class ShellLog : public Shell {
 protected:
  // What is logged while a node says two things: that it has started, and that an update has failed.
  std::string logged(LogLevel level) {
    start_logging(level);
    ::testing::internal::CaptureStderr();
    start(settings());
    connect_node();
    EXPECT_TRUE(comes_true([&] { return static_cast<bool>(roll_call().life); }));
    say_hello();
    EXPECT_TRUE(comes_true([&] { return !all<Received>().empty(); }));
    say(status_topic(), NodeEvent{AgentStarted{}}, 1, chain_start(JournalId{77}));
    EXPECT_TRUE(comes_true([&] { return all<Received>().back().upto == 1; }));
    say(status_topic(), NodeEvent{Failed{}}, 2, chain);
    EXPECT_TRUE(comes_true([&] { return all<Received>().back().upto == 2; }));
    orchestrator.reset();
    start_logging(LogLevel::info);
    return ::testing::internal::GetCapturedStderr();
  }
};

TEST_F(ShellLog, HasAtInfoHowAnUpdateEndedAndNotEachStep) {
  const auto lines = logged(LogLevel::info);
  EXPECT_NE(lines.find("NodeRegistered"), std::string::npos) << lines;
  EXPECT_EQ(lines.find("event=AgentStarted"), std::string::npos) << lines;
  EXPECT_NE(lines.find("event=Failed"), std::string::npos) << lines;
}

TEST_F(ShellLog, HasEachStepAtDebug) {
  EXPECT_NE(logged(LogLevel::debug).find("event=AgentStarted"), std::string::npos);
}

TEST_F(Shell, EndsWithItsOwnCodeWhenACommitFailsAndPublishesNothingOfIt) {
  start(settings());
  connect_node();
  ASSERT_TRUE(comes_true([&] { return static_cast<bool>(roll_call().life); }));
  store.memory.fail_commits(Error{Code::unavailable, "no space left on device"});
  say_hello();
  ASSERT_TRUE(
      comes_true([&] { return !orchestrator->submit("demo", fleet::DeletePolicy{"x"}, [](const auto&) {}); }));  // the inbox is closed
  const auto ended = orchestrator->wait();
  EXPECT_EQ(ended.code, ExitCode::commit_failed);
  EXPECT_NE(ended.line.find("no space left on device"), std::string::npos) << ended.line;
  broker.pump();
  EXPECT_TRUE(all<Received>().empty());
}

TEST_F(Shell, SlowsTheBusWhereItsInboxIsFullAndLosesNothing) {
  auto given = settings();
  given.inbox_capacity = 4;
  start(std::move(given));
  connect_node();
  ASSERT_TRUE(comes_true([&] { return static_cast<bool>(roll_call().life); }));
  say_hello();
  ASSERT_TRUE(comes_true([&] { return !all<Received>().empty(); }));
  backlog(12);  // more than the inbox takes: the rest stays in the broker
  EXPECT_EQ(orchestrator->health().inbox_items, 4U);
  store.open();
  ASSERT_TRUE(comes_true([&] { return !all<Received>().empty() && all<Received>().back().upto == 12; }));
  EXPECT_EQ(orchestrator->health().messages_dropped, 0U);
  EXPECT_EQ(all<Received>().back().ask, 1U) << "nobody was asked again";
}

TEST_F(Shell, DropsWhatANodeSaysBeyondItsShareOfTheInboxAndAsksItLater) {
  start(settings());
  connect_node();
  ASSERT_TRUE(comes_true([&] { return static_cast<bool>(roll_call().life); }));
  say_hello();
  ASSERT_TRUE(comes_true([&] { return !all<Received>().empty(); }));
  backlog(inbox_of_speaker_max + 11);
  EXPECT_EQ(orchestrator->health().inbox_items, inbox_of_speaker_max);
  EXPECT_EQ(orchestrator->health().messages_dropped, 10U) << "the owner has one";
  store.open();
  ASSERT_TRUE(comes_true([&] { return !all<Received>().empty() && all<Received>().back().ask > 1; }))
      << "asked to say hello, from where it is safe";
  ASSERT_TRUE(comes_true([&] { return all<Received>().back().upto == inbox_of_speaker_max + 1; })) << "what was taken is not lost";
}

TEST_F(Shell, RefusesRequestsWhileTheInboxIsFullAndAnswersThoseThatItTook) {
  auto given = settings();
  given.inbox_capacity = 3;
  start(std::move(given));
  store.shut();
  std::atomic<int> answered{0};
  int taken = 0;
  const auto submit = [&] { return orchestrator->submit("demo", fleet::RegisterHost{node_id, "edge"}, [&](const auto&) { ++answered; }); };
  ASSERT_TRUE(submit());
  store.await_commit();
  ++taken;
  while (submit()) ++taken;
  EXPECT_LE(taken, 4);
  store.open();
  ASSERT_TRUE(comes_true([&] { return answered == taken; }));
}

TEST_F(Shell, AnswersAnOperatorBeforeItHasTakenInABacklogOfMessages) {
  auto given = settings();
  given.inputs_per_commit = 4;
  start(std::move(given));
  connect_node();
  ASSERT_TRUE(comes_true([&] { return static_cast<bool>(roll_call().life); }));
  say_hello();
  ASSERT_TRUE(comes_true([&] { return !all<Received>().empty(); }));
  backlog(20);
  std::atomic<std::uint64_t> stored{0};
  const auto scope = *orchestrator->scope_of("demo");
  ASSERT_TRUE(orchestrator->submit("demo", fleet::RegisterHost{node_id, "edge"},
                                   [&](const auto&) { stored = fleet::read_node(store, scope, node_id).value().value().upto; }));
  store.open();
  ASSERT_TRUE(comes_true([&] { return !all<Received>().empty() && all<Received>().back().upto == 20; }));
  EXPECT_GT(stored, 0U);
  EXPECT_LT(stored, 10U) << "the messages that were there before it go on behind it";
}

TEST_F(Shell, CommitsWhatItHasWhereAnInputBringsManyEvents) {
  auto given = settings();
  given.events_per_commit = 1;
  start(std::move(given));
  connect_node();
  ASSERT_TRUE(comes_true([&] { return static_cast<bool>(roll_call().life); }));
  say_hello();
  ASSERT_TRUE(comes_true([&] { return !all<Received>().empty(); }));
  backlog(20);
  const auto before = store.commits.load();
  store.open();
  ASSERT_TRUE(comes_true([&] { return !all<Received>().empty() && all<Received>().back().upto == 20; }));
  EXPECT_GE(store.commits - before, 20U);
}

TEST_F(Shell, HearsAProjectThatIsMadeWhileItRuns) {
  start(settings());
  project = "late/one";
  connect_node();
  ASSERT_TRUE(comes_true([&] { return broker.retained().count(topics::roll_call("demo")) == 1; })) << "connected, without the new one";
  std::promise<Result<void>> made;
  ASSERT_TRUE(orchestrator->create_project(project, [&](Result<void> done) { made.set_value(std::move(done)); }));
  ASSERT_TRUE(made.get_future().get());
  EXPECT_TRUE(orchestrator->scope_of(project));
  EXPECT_EQ(read_projects(store).value(), (std::vector<std::string>{"demo", project}));
  ASSERT_TRUE(comes_true([&] { return static_cast<bool>(roll_call().life); })) << "its nodes are called";
  say_hello();
  ASSERT_TRUE(comes_true([&] { return !all<Received>().empty(); })) << "and heard";
}

TEST_F(Shell, TakesInAReleaseServiceThatIsMoreThanOneTurnsWork) {
  constexpr std::size_t profiles = 5'000;
  static_assert(profiles > 2 * fleet::events_per_turn);
  start(settings());
  auto pass = std::make_shared<discovery::Read>();
  for (std::size_t i = 0; i < profiles; ++i) {
    OsResource resource;
    resource.name = "Demo " + std::to_string(i);
    resource.architecture = "x86_64";
    resource.image_url = "images/demo.raw";
    resource.image_id = "1." + std::to_string(i);
    resource.artifact = {sha256(resource.name), 4096};
    resource.raw = resource.artifact;
    resource.profile_name = "demo-" + std::to_string(i % 50);
    resource.security_feature = "SECURITY_FEATURE_NONE";
    resource.os_type = "OS_TYPE_IMMUTABLE";
    resource.os_provider = "OS_PROVIDER_KIND_INFRA";
    pass->profiles.found.push_back({"entry " + std::to_string(i), std::move(resource)});
  }
  orchestrator->deliver()(std::move(pass), {});
  ASSERT_TRUE(comes_true([&] { return Journal::read_head(store, scope_of_project("demo")).value().last >= profiles; }));
  orchestrator.reset();
  std::size_t count = 0;
  (void)fleet::scan_os_resources(store, scope_of_project("demo"), [&](auto&&) { return ++count > 0; }).value();
  EXPECT_EQ(count, profiles);
}

TEST_F(Shell, KeepsProgressAndPresenceOutOfTheJournal) {
  start(settings());
  connect_node();
  ASSERT_TRUE(comes_true([&] { return static_cast<bool>(roll_call().life); }));
  const auto before = Journal::read_head(store, scope_of_project("demo")).value().last;
  Progress progress;
  progress.percent = 40;
  say(topics::from_node("demo", node_id, topics::FromNode::progress), progress);
  say(topics::from_node("demo", node_id, topics::FromNode::presence), Presence{true});
  ASSERT_TRUE(comes_true([&] { return orchestrator->live("demo", node_id).online.value_or(false); }));
  EXPECT_EQ(orchestrator->live("demo", node_id).progress->percent, 40U);
  EXPECT_EQ(Journal::read_head(store, scope_of_project("demo")).value().last, before);
}

TEST_F(Shell, GoesOnAfterMessagesThatMeanNothing) {
  start(settings());
  connect_node();
  ASSERT_TRUE(comes_true([&] { return static_cast<bool>(roll_call().life); }));
  ASSERT_TRUE(node->publish({status_topic(), "nonsense", 1, false}));
  ASSERT_TRUE(node->publish({status_topic(), std::string(100'000, '\0'), 1, false}));
  ASSERT_TRUE(node->publish({topics::from_node("demo", node_id, topics::FromNode::progress), "", 1, false}));
  say(status_topic(), Progress{});                    // neither hello nor event
  say(status_topic(), NodeEvent{AgentStarted{}}, 0);  // an event without a sequence
  say_hello();
  ASSERT_TRUE(comes_true([&] { return !all<Received>().empty(); }));
}

TEST_F(Shell, StopsWhenAnotherOrchestratorOfAGreaterEpochCallsTheRoll) {
  start(settings());
  connect_node();
  ASSERT_TRUE(comes_true([&] { return static_cast<bool>(roll_call().life); }));
  RollCall other{LifeId{4711}, 0, roll_call().epoch + 1};
  say(topics::roll_call("demo"), other);
  ASSERT_TRUE(comes_true([&] { return !orchestrator->submit("demo", fleet::DeletePolicy{"x"}, [](const auto&) {}); }));
  const auto ended = orchestrator->wait();
  EXPECT_EQ(ended.code, ExitCode::superseded);
  EXPECT_NE(ended.line.find("another orchestrator"), std::string::npos) << ended.line;
}

TEST_F(Shell, AnswersARequestAfterItsCommitWithWhatTheRowsThenSay) {
  start(settings());
  const auto answer = ask(fleet::RegisterHost{node_id, "edge-1"});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(stored_node()->host_id, answer->id);
  std::promise<Result<std::vector<Condition>>> explained;
  ASSERT_TRUE(orchestrator->explain("demo", node_id,
                                    [&](Result<std::vector<Condition>> conditions) { explained.set_value(std::move(conditions)); }));
  EXPECT_FALSE(explained.get_future().get().value().empty());
}

TEST_F(Shell, SaysWhichRowIsNotWhatTheJournalFoldsTo) {
  start(settings());
  (void)ask(fleet::RegisterHost{node_id, "edge-1"});
  orchestrator.reset();
  ASSERT_EQ(check_store(store).value().differences, 0U);
  Batch batch;
  auto content = store.memory.content();
  for (const auto& [key, value] : content) {
    if (key.rfind("demo/r/node", 0) == 0) batch.erase(key);
  }
  ASSERT_FALSE(batch.empty());
  ASSERT_TRUE(store.memory.commit(batch));
  EXPECT_EQ(check_store(store).value().differences, 1U);
}

TEST_F(Shell, DeletesOldEventsOfEachProjectInPiecesAndItsStoreStillHolds) {
  constexpr std::int64_t hour_ms = 3'600'000;
  const auto old_ms = Clock().now().wall_ms - 2 * hour_ms;
  std::map<std::string, std::uint64_t> old;
  for (const auto& [name, events] : {std::pair<std::string, std::uint64_t>{"demo", events_trimmed_max + events_trimmed_min},
                                     std::pair<std::string, std::uint64_t>{"other", events_trimmed_min},
                                     std::pair<std::string, std::uint64_t>{"short", events_trimmed_min - 1}}) {
    test::Written written(store, name);
    written.add(ProjectCreated{name, std::string(32, 'k')}, old_ms);
    if (name == "demo") test::write_a_life(written, old_ms);
    while (written.last() < events) written.add(EpochRaised{1, "greater epoch seen"}, old_ms + 1'000);
    written.flush();
    old[name] = events < events_trimmed_min ? 0 : events;
  }
  auto given = settings();
  given.projects = {"demo", "other", "short"};
  given.keep_events_ms = hour_ms;  // the next look but one would come after minutes
  start(given);
  const auto base = [&](const std::string& name) { return Journal::read_head(store, scope_of_project(name)).value().base; };
  ASSERT_TRUE(comes_true([&] { return base("demo") == old["demo"] && base("other") == old["other"]; })) << base("demo");
  EXPECT_EQ(base("short"), 0U);
  ASSERT_TRUE(ask(fleet::RegisterHost{node_id, "edge-1"}));
  orchestrator.reset();
  auto report = check_store(store).value();
  EXPECT_EQ(report.differences, 0U) << report.json;
  EXPECT_EQ(fleet::read_os_text(store, scope_of_project("demo"), "os-00000001", OsList::installed_packages).value(),
            R"([{"Name":"demo"}])");
  start(given);
  ASSERT_TRUE(ask(fleet::DeleteHost{"edge-1"}));
  orchestrator.reset();
  report = check_store(store).value();
  EXPECT_EQ(report.differences, 0U) << report.json;
  EXPECT_EQ(base("demo"), old["demo"]);
}

TEST_F(Shell, KeepsEventsForEverUnlessItIsToldOtherwise) {
  {
    test::Written written(store);
    written.add(ProjectCreated{"demo", std::string(32, 'k')}, 1'000);
    while (written.last() < 2 * events_trimmed_min) written.add(EpochRaised{1, "greater epoch seen"}, 1'000);
    written.flush();
  }
  start(settings());
  ASSERT_TRUE(ask(fleet::RegisterHost{node_id, "edge-1"}));
  orchestrator.reset();
  EXPECT_EQ(Journal::read_head(store, scope_of_project("demo")).value().base, 0U);
}

}  // namespace
}  // namespace abide::orchestrator
