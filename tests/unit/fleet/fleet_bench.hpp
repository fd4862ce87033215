#pragma once
// A fleet machine without store and bus, and nodes that speak the protocol with it: small, truthful and in one thread.
#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "common/core/hash.hpp"
#include "orchestrator/fleet/machine.hpp"

namespace abide::fleet {

inline NodeId node_id(std::uint8_t n) {
  NodeId id;
  id.bytes.fill(0x11);
  id.bytes[15] = n;
  return id;
}
inline Digest digest_of(std::string_view text) {
  return sha256(text);
}

inline OsResource image(const std::string& profile, const std::string& version) {
  OsResource resource;
  resource.name = "Microvisor " + profile + " " + version;
  resource.architecture = "x86_64";
  resource.image_url = "images/" + profile + "-" + version + ".raw";
  resource.image_id = version;
  resource.artifact = {digest_of(profile + version), 1000};
  resource.raw = resource.artifact;
  resource.profile_name = profile;
  resource.os_type = "OS_TYPE_IMMUTABLE";
  resource.os_provider = "OS_PROVIDER_KIND_INFRA";
  resource.manifest = "profile: " + profile + "\nversion: " + version + "\n";
  resource.urls = {"http://releases/" + resource.image_url};
  return resource;
}

// decide, apply, and what came of them, as the product's shell does it: an input is one commit.
class Bench final : public Out<OrchestratorEvent, Message> {
 public:
  static constexpr std::int64_t wall_start_ms = 1'764'000'000'000;

  FleetMachine machine;
  State state;
  Link link;
  Now now{wall_start_ms, 1'000'000, {"orchestrator-boot"}, true};
  std::vector<Recorded<OrchestratorEvent>> journal;
  std::vector<Message> messages;  // not delivered yet

  explicit Bench(Settings settings = {.auto_register = true}) : machine{settings} {
    link.random.state = 7;
    take(CreateProject{"plant", std::string(32, 'k')});
    take(Started{});
    take(BusUp{});
  }

  void take(const Input& input) { machine.decide(state, link, input, now, *this); }
  Result<Answer> ask(Operation operation) {
    const std::string id = "request-" + std::to_string(++requests_);
    const auto before = messages.size();
    take(Request{id, std::move(operation)});
    std::vector<Reply> replies;
    for (auto i = before; i < messages.size(); ++i)
      if (const auto* reply = std::get_if<Reply>(&messages[i])) replies.push_back(*reply);
    EXPECT_EQ(replies.size(), 1U) << "a request is answered exactly once";
    std::erase_if(messages, [](const Message& m) { return std::holds_alternative<Reply>(m); });
    if (replies.empty()) return fail(Code::unavailable, "no reply");
    EXPECT_EQ(replies[0].request, id);
    return replies[0].answer;
  }
  // What a request must give: its resource's id.
  std::string done(Operation operation) {
    auto answer = ask(std::move(operation));
    EXPECT_TRUE(answer) << (answer ? "" : answer.error().message);
    return answer ? answer->id : std::string();
  }
  void read_profiles(const std::vector<OsResource>& resources) {
    ProfilesRead read;
    for (const auto& resource : resources) read.found.push_back({"releases#" + resource.profile_name + "/" + resource.image_id, resource});
    take(read);
  }
  // Time passes; the machine is looked at whenever it asked for it.
  void pass(std::int64_t ms) {
    const std::int64_t end = now.mono_ms + ms;
    for (int looks = 0; looks < 100'000; ++looks) {
      const auto look = machine.look_again(state, link, now);
      if (!look || *look > end) break;
      const std::int64_t step = std::max<std::int64_t>(*look - now.mono_ms, 0);
      now.mono_ms += step;
      now.wall_ms += step;
      take(Tick{});
    }
    now.wall_ms += end - now.mono_ms;
    now.mono_ms = end;
  }
  // The process ends and starts again: what was not journaled is gone.
  void restart() {
    link = Link{};
    link.random.state = now.wall_ms;
    messages.clear();
    State folded;
    for (const auto& recorded : journal) FleetMachine::apply(folded, recorded);
    state = std::move(folded);
    take(Started{});
    take(BusUp{});
  }

  template <class E>
  std::vector<E> events() const {
    std::vector<E> found;
    for (const auto& recorded : journal)
      if (const auto* event = std::get_if<E>(&recorded.event)) found.push_back(*event);
    return found;
  }
  template <class M>
  std::vector<M> said() const {
    std::vector<M> found;
    for (const auto& message : messages)
      if (const auto* one = std::get_if<M>(&message)) found.push_back(*one);
    return found;
  }
  const Node& node(const NodeId& id) const { return state.nodes.at(id); }
  const IssuedDocument& newest(const NodeId& id) const { return state.nodes.at(id).newest; }
  std::vector<std::string> explain(const NodeId& id) const {
    std::vector<std::string> words;
    for (const auto& condition : machine.waits_for(state, link, now, id)) words.push_back(condition.what);
    return words;
  }

  // The fold of the journal is the state, and its indexes are what rebuild_indexes makes.
  void expect_fold() const {
    State folded;
    for (const auto& recorded : journal) FleetMachine::apply(folded, recorded);
    EXPECT_EQ(folded.nodes == state.nodes, true);
    EXPECT_EQ(folded.os_resources == state.os_resources && folded.policies == state.policies && folded.schedules == state.schedules, true);
    EXPECT_EQ(folded.sources == state.sources && folded.os_lists == state.os_lists && folded.refused == state.refused &&
                  folded.deleted == state.deleted,
              true);
    EXPECT_EQ(std::tie(folded.epoch, folded.revision, folded.last), std::tie(state.epoch, state.revision, state.last));
    rebuild_indexes(folded);
    EXPECT_EQ(folded.by_host == state.by_host && folded.by_instance == state.by_instance && folded.by_name == state.by_name, true);
    EXPECT_EQ(folded.by_policy == state.by_policy && folded.by_profile == state.by_profile, true);
    EXPECT_EQ(folded.by_os_resource == state.by_os_resource && folded.os_by_image == state.os_by_image, true);
    EXPECT_EQ(folded.os_by_name == state.os_by_name && folded.policies_by_name == state.policies_by_name, true);
    EXPECT_EQ(folded.policies_by_target == state.policies_by_target && folded.schedules_by_target == state.schedules_by_target, true);
    EXPECT_EQ(folded.versions == state.versions, true);
  }

  void event(OrchestratorEvent event) override {
    Recorded<OrchestratorEvent> recorded;
    recorded.journal = JournalId{99};
    recorded.sequence = journal.size() + 1;
    recorded.at_ms = now.wall_ms;
    recorded.event = std::move(event);
    FleetMachine::apply(state, recorded);
    journal.push_back(std::move(recorded));
  }
  void message(Message message) override { messages.push_back(std::move(message)); }
  void new_journal(JournalId) override { FAIL() << "the orchestrator has one journal"; }
  void acknowledged(std::uint64_t) override { FAIL() << "nobody acknowledges the orchestrator's journal"; }
  void blob(std::string_view, std::string) override { FAIL() << "the orchestrator keeps no blobs"; }

 private:
  int requests_ = 0;
};

// The node's half of protocol 1.4 and 1.5 with a journal in memory. What its machine would do, the test tells it.
class FakeNode {
 public:
  struct Entry {
    Chain after, chain;
    std::string bytes;
    NodeEvent event;
  };

  NodeId id;
  JournalId journal;
  std::uint64_t base = 0;
  Chain base_chain;
  std::vector<Entry> entries;  // from base + 1
  std::uint64_t acked = 0;
  Held held;
  std::optional<LinkedRelease> link;
  std::optional<Window> window;
  Number offer;
  Phase phase = Phase::idle;
  Outcome outcome;
  Identity identity;
  BootId boot{"boot-1"};
  SessionId session{1};
  // of the connection
  LifeId life;
  std::uint32_t ask = 0;
  Nonce nonce;
  std::optional<Number> head;
  std::uint64_t next_to_send = 0;
  bool reachable = true;

  FakeNode(Bench& bench, NodeId node, JournalId first_journal, const std::string& profile, const std::string& version)
      : id(node), journal(first_journal), base_chain(chain_start(first_journal)), bench_(&bench) {
    identity = {profile, version, "x86_64", digest_of(profile + version), "0.1"};
    write(started());
  }

  [[nodiscard]] AgentStarted started() const {
    AgentStarted event;
    event.boot = boot;
    event.identity = identity;
    return event;
  }
  [[nodiscard]] std::uint64_t last() const { return base + entries.size(); }
  [[nodiscard]] Chain chain() const { return entries.empty() ? base_chain : entries.back().chain; }
  [[nodiscard]] bool synced() const { return head && held.number >= *head; }

  void write(NodeEvent event) {
    Entry entry;
    entry.after = chain();
    entry.bytes = "event " + std::to_string(last() + 1) + " of session " + std::to_string(session.value) + " " + boot.text;
    entry.chain = chain_after(entry.after, entry.bytes);
    if (const auto* accepted = std::get_if<Accepted>(&event)) {
      offer = accepted->offer;
      phase = Phase::staging;
    }
    if (const auto ended = outcome_of(event); ended.kind != OutcomeKind::none) {
      outcome = ended;
      offer = {};
      phase = Phase::idle;
    }
    if (std::holds_alternative<ImageStaged>(event)) phase = Phase::staged;
    if (std::holds_alternative<SwitchBegan>(event)) phase = Phase::switching;
    if (std::holds_alternative<RebootOrdered>(event)) phase = Phase::rebooting;
    if (std::holds_alternative<TrialStarted>(event)) phase = Phase::on_trial;
    if (std::holds_alternative<TrialPassed>(event)) phase = Phase::confirming;
    if (std::holds_alternative<RollbackBegan>(event)) phase = Phase::rolling_back;
    entry.event = std::move(event);
    entries.push_back(std::move(entry));
  }
  // Deletes what is acknowledged.
  void trim() {
    while (base < acked) {
      base_chain = entries.front().chain;
      entries.erase(entries.begin());
      ++base;
    }
  }
  [[nodiscard]] Hello hello() const {
    Hello hello;
    hello.life = life;
    hello.ask = ask;
    hello.nonce = nonce;
    hello.base = base;
    hello.base_chain = base_chain;
    hello.last = last();
    hello.held = held;
    hello.offer = offer;
    hello.phase = phase;
    hello.outcome = outcome;
    hello.boot = boot;
    hello.identity = identity;
    return hello;
  }
  void say_hello() {
    nonce = Nonce{++nonces_};
    head.reset();
    bench_->take(HelloHeard{id, journal, session, hello()});
  }
  void send(std::uint64_t sequence) {
    const auto& entry = entries.at(sequence - base - 1);
    bench_->take(
        NodeEventHeard{id, journal, sequence, entry.after, entry.chain, session, bench_->now.wall_ms, true, entry.bytes, entry.event});
  }
  void hear(const RollCall& call) {
    if (call.life == life) return;
    life = call.life;
    ask = 1;
    say_hello();
  }
  void hear(const Received& received) {
    if (received.life != life || received.ask < ask) return;
    if (received.ask > ask) {
      ask = received.ask;
      say_hello();
      return;
    }
    if (received.journal != journal && heeds_journal) return;
    if (forks && (received.upto > last() || (received.upto >= base && chain_at(received.upto) != received.chain))) {
      fork();
      return;
    }
    acked = std::max(acked, std::min(received.upto, last()));
    if (received.welcome && received.welcome->nonce == nonce) {
      head = received.welcome->head;
      next_to_send = std::max(received.upto, base) + 1;
    }
  }
  void hear(const IssuedDocument& issued) {
    if (issued.document.number <= held.number) return;
    held = {issued.document.number, issued.digest, issued.document.tag};
    link = issued.link;
    window = issued.window;
    DocumentTaken taken;
    taken.number = held.number;
    taken.digest = held.digest;
    taken.tag = held.tag;
    taken.link = link;
    taken.window = window;
    write(taken);
  }
  // Sends what it may send; false: there was nothing.
  bool send_more() {
    if (!head || next_to_send > last()) return false;
    while (head && next_to_send <= last()) send(next_to_send++);
    return true;
  }
  void fork() {
    JournalForked forked;
    forked.old_journal = journal;
    forked.last = last();
    forked.offer = offer;
    forked.phase = phase;
    forked.outcome = outcome;
    begin_journal(JournalId{journal.value + 1000});
    write(forked);
    say_hello();
  }
  // The disk is lost: another journal, nothing known.
  void re_image(JournalId fresh, const std::string& version) {
    begin_journal(fresh);
    held = {};
    link.reset();
    window.reset();
    offer = {};
    phase = Phase::idle;
    outcome = {};
    session = SessionId{session.value + 1};
    identity.os_image_id = version;
    identity.digest = digest_of(identity.profile_name + version);
    disconnect();
    write(started());
  }
  void disconnect() {
    life = {};
    ask = 0;
    head.reset();
  }

  bool forks = true;          // tells by the chain that its journal was written elsewhere, too
  bool heeds_journal = true;  // takes no acknowledgement of another journal

 private:
  void begin_journal(JournalId fresh) {
    journal = fresh;
    base = 0;
    base_chain = chain_start(fresh);
    entries.clear();
    acked = 0;
    next_to_send = 0;
    head.reset();
  }
  [[nodiscard]] Chain chain_at(std::uint64_t sequence) const {
    if (sequence == base) return base_chain;
    return entries.at(sequence - base - 1).chain;
  }

  Bench* bench_;
  std::uint64_t nonces_ = 0;
};

// Delivers all that is said until nobody has more to say.
inline void settle(Bench& bench, const std::vector<FakeNode*>& nodes) {
  for (auto* node : nodes)
    if (node->reachable && !node->life && bench.link.life) node->hear(make_roll_call(bench.machine.settings, bench.state, bench.link));
  for (int round = 0; round < 1000 && bench.messages.size() < 10'000; ++round) {
    bool moved = !bench.messages.empty();
    const auto messages = std::exchange(bench.messages, {});
    for (const auto& message : messages) {
      for (auto* node : nodes) {
        if (!node->reachable) continue;
        if (std::holds_alternative<CallRoll>(message)) node->hear(make_roll_call(bench.machine.settings, bench.state, bench.link));
        if (const auto* received = std::get_if<SendReceived>(&message); received != nullptr && received->node == node->id)
          node->hear(make_received(bench.state, bench.link, node->id, received->welcome, bench.now));
        if (const auto* document = std::get_if<PublishDocument>(&message); document != nullptr && document->node == node->id)
          node->hear(bench.newest(node->id));
      }
    }
    for (auto* node : nodes)
      if (node->reachable) moved = node->send_more() || moved;
    if (!moved) return;
  }
  FAIL() << "a storm: they never stop talking";
}
inline void settle(Bench& bench, FakeNode& node) {
  settle(bench, std::vector<FakeNode*>{&node});
}

inline std::string target_policy(Bench& bench, const std::string& os, bool allow_downgrade = false) {
  Policy policy;
  policy.name = "target " + os + (allow_downgrade ? " down" : "");
  policy.update_policy = UpdatePolicy::target;
  policy.target_os_id = os;
  policy.allow_downgrade = allow_downgrade;
  return bench.done(CreatePolicy{policy});
}

// A node with an offer in a phase, everything told and stored.
struct Fixture {
  Bench bench;
  FakeNode node{bench, node_id(1), JournalId{0xA1}, "nonrt", "3.0.1"};
  std::string policy;

  explicit Fixture(Settings settings = {.auto_register = true}) : bench(settings) {
    settle(bench, node);
    bench.read_profiles({image("nonrt", "3.0.1"), image("nonrt", "3.0.2")});
    Policy latest;
    latest.name = "latest";
    policy = bench.done(CreatePolicy{latest});
  }
  ~Fixture() { bench.expect_fold(); }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;
  [[nodiscard]] std::string host() const { return bench.node(node.id).host_id; }
  [[nodiscard]] const Node& seen() const { return bench.node(node.id); }
  Answer link() { return bench.ask(LinkPolicy{host(), policy}).value_or(Answer{"", "refused"}); }
  void accept() {
    settle(bench, node);
    ASSERT_TRUE(node.link);
    ASSERT_TRUE(node.synced());
    node.write(Accepted{node.link->offer, node.link->release});
    settle(bench, node);
  }
  void stage() {
    ImageStaged staged;
    staged.offer = node.offer;
    node.write(staged);
    settle(bench, node);
  }
  // Through the window and the trial.
  void switch_and_try() {
    const Number offer = node.offer;
    node.write(SwitchBegan{offer});
    node.write(RebootOrdered{offer, node.boot});
    node.boot = {"boot-" + std::to_string(node.last())};
    TrialStarted trial;
    trial.offer = offer;
    node.write(trial);
    settle(bench, node);
  }
  void succeed() {
    const Number offer = node.offer;
    const auto release = node.link->release;
    switch_and_try();
    node.identity.os_image_id = release.os_image_id;
    node.identity.digest = release.raw.sha256;
    node.write(node.started());
    node.write(TrialPassed{offer, {}});
    node.write(Succeeded{offer, "3.0.1", release.os_image_id, release.raw.sha256});
    settle(bench, node);
  }
  void roll_back(Evidence evidence = {}) {
    const Number offer = node.offer;
    switch_and_try();
    node.write(RollbackBegan{offer, Reason::unhealthy, evidence});
    node.write(RolledBack{offer, Reason::unhealthy, "3.0.2", "3.0.1", std::move(evidence)});
    settle(bench, node);
  }
  // The update falls back, and the orchestrator has seen to it.
  void fall_back() {
    roll_back();
    bench.pass(2'000);
    settle(bench, node);
    ASSERT_EQ(seen().run->outcome, OutcomeKind::rolled_back);
  }
  // Another machine of this UUID speaks, too; the operator says that it is the right one, and it says hello.
  void name_instead(FakeNode& other) {
    answer_too(other);
    ASSERT_TRUE(seen().conflict);
    other.write(other.started());
    bench.done(ResolveConflict{host(), other.journal});
    other.ask = bench.link.nodes[node.id].ask;
    other.say_hello();
  }
  // Another machine of this UUID hears the newest ask and answers it.
  void answer_too(FakeNode& other) {
    other.life = bench.link.life;
    other.ask = bench.link.nodes[node.id].ask + 1;
    bench.take(MessageDropped{node.id});
    bench.messages.clear();
    other.say_hello();
  }
  std::string open_window(std::int64_t in_seconds, std::int64_t for_seconds) {
    Schedule schedule;
    schedule.name = "night";
    schedule.host_id = host();
    schedule.start_seconds = bench.now.wall_ms / 1000 + in_seconds;
    schedule.end_seconds = for_seconds == 0 ? 0 : schedule.start_seconds + for_seconds;
    return bench.done(CreateSchedule{schedule});
  }
};

}  // namespace abide::fleet
