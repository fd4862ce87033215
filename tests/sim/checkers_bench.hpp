#pragma once
// A checker before hand-made observations: a hand tells the checkers what they would have seen in a world. For what needs disks and
// processes, Ran is a small world that has really run.
#include <cstdint>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/core/hash.hpp"
#include "common/events/codec.hpp"
#include "common/events/topics.hpp"
#include "simulators/checkers/checkers.hpp"
#include "simulators/world/control.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/operator.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {

inline constexpr const char* newer_version = "3.0.20260201.0000";  // than the base image

inline Plan still_plan() {
  Plan plan;
  plan.nodes = 1;
  plan.hours = 24;
  plan.quiet_hours = 0;
  plan.operator_works = false;
  return plan;
}

class Bench {
 public:
  explicit Bench(std::string_view checker)
      : world_(still_plan()), watched_(still_plan()), checkers_(watched_), node_(world_.machine(0).id()) {
    EXPECT_TRUE(checkers_.only({std::string(checker)}));
    did(HardwareDid::Kind::booted, Slot::a);
    did(HardwareDid::Kind::agent_started, Slot::a);
    input(node::Booted{});
    journal(AgentStarted{});
  }

  [[nodiscard]] World& world() { return world_; }
  [[nodiscard]] Checkers& checkers() { return checkers_; }
  [[nodiscard]] const NodeId& node() const { return node_; }
  [[nodiscard]] std::int64_t now_ms() const { return world_.now_ms(); }
  [[nodiscard]] std::size_t found() const { return checkers_.findings().size(); }
  [[nodiscard]] std::string what() const { return checkers_.findings().empty() ? "" : checkers_.findings().front().what; }

  // ---- the node: `journal` and what was decided before it become durable together
  void decide(const node::Input& input, std::vector<NodeEvent> events = {}) {
    std::vector<Journaled<NodeEvent>> journaled;
    for (auto& event : events) {
      Recorded<NodeEvent> recorded;
      recorded.journal = journal_;
      recorded.sequence = ++last_;
      recorded.after = Chain{last_};
      recorded.chain = Chain{last_ + 1};
      recorded.at_ms = world_.machine(0).now().wall_ms;
      recorded.event = std::move(event);
      journaled.push_back({std::move(recorded), {}});
    }
    const node::State state;
    const node::Link link;
    const Now now = world_.machine(0).now();
    const std::vector<node::Message> messages;
    checkers_.decided(world_, NodeDecided{0, state, link, input, now, journaled, messages, state, link});
  }
  void input(const node::Input& input) { decide(input); }
  void journal(NodeEvent event) {
    decide(node::Tick{}, {std::move(event)});
    checkers_.node_committed(world_, 0);
  }
  void new_journal(JournalId id) {
    journal_ = id;
    last_ = 0;
  }
  [[nodiscard]] Chain chain() const { return Chain{last_ + 1}; }
  [[nodiscard]] JournalId journal_id() const { return journal_; }
  [[nodiscard]] std::uint64_t last() const { return last_; }

  // ---- hardware
  void did(HardwareDid::Kind kind, Slot slot, const node::Effect* effect = nullptr, bool healthy = false) {
    HardwareDid what;
    what.kind = kind;
    what.slot = slot;
    what.healthy = healthy;
    what.effect = effect;
    checkers_.hardware(world_, what);
  }
  void arm(Number offer, Slot slot = Slot::b) {
    const node::Effect effect = node::ArmOnce{offer, slot, 1};
    did(HardwareDid::Kind::one_shot_armed, slot, &effect);
  }

  // ---- the orchestrator
  void fleet(std::vector<OrchestratorEvent> events, const fleet::Input& input = fleet::Tick{}) {
    std::vector<Journaled<OrchestratorEvent>> journaled;
    for (auto& event : events) {
      Recorded<OrchestratorEvent> recorded;
      recorded.event = std::move(event);
      journaled.push_back({std::move(recorded), {}});
    }
    const fleet::State state;
    const Now now{world_.now_ms(), 0, {}, true};
    checkers_.decided(world_, FleetDecided{input, now, journaled, state});
    checkers_.fleet_committed(world_);
  }
  void said(std::string topic, Payload payload, std::optional<MachineIndex> machine = std::nullopt, std::uint64_t sequence = 0) {
    Envelope envelope;
    envelope.journal = machine ? journal_ : JournalId{};
    envelope.sequence = sequence;
    envelope.payload = std::move(payload);
    checkers_.published(world_, machine, {std::move(topic), encode(envelope), 1, false});
  }
  void hello(Nonce nonce) {
    Hello hello;
    hello.nonce = nonce;
    said(topics::from_node(project, node_, topics::FromNode::status), hello, 0);
  }
  void welcome(Nonce nonce, std::int64_t now_ms) {
    Received received;
    received.welcome = Welcome{nonce, {}, now_ms};
    said(topics::received(project, node_), received);
    input(node::ReceivedHeard{received, {}});
  }
  // Connected, answered, and the time told.
  void answered() {
    input(node::Connected{});
    input(node::RollCallHeard{RollCall{LifeId{1}, 0, 1}});
    hello(Nonce{++nonces_});
    welcome(Nonce{nonces_}, now_ms());
  }

  // A document that asks for an offer, in a window that is open for `left_ms` still; none: no window.
  [[nodiscard]] DocumentIssued document(Number number, Number offer, std::optional<std::int64_t> left_ms = 3'600'000) const {
    DocumentIssued issued;
    issued.node = node_;
    issued.document.number = number;
    LinkedRelease link;
    link.offer = offer;
    link.release.os_image_id = newer_version;
    if (const Image* image = world_.find_image(newer_version)) link.release.raw = {image->promised(), image->bytes};
    issued.link = link;
    if (left_ms) issued.window = Window{"w", now_ms() - 600'000, *left_ms == 0 ? 0 : now_ms() + *left_ms};
    issued.document.body = encode_body({issued.link, issued.window, "manifest of " + to_string(number), ""});
    return issued;
  }
  void take(const DocumentIssued& issued) {
    DocumentTaken taken;
    taken.number = issued.document.number;
    taken.digest = sha256(issued.document.body);
    taken.link = issued.link;
    taken.window = issued.window;
    journal(taken);
  }
  void issue(const DocumentIssued& issued) {
    world_.pass(1);
    fleet({issued});
  }
  // Issued, taken, accepted; and that is stored.
  void offer(const DocumentIssued& issued) {
    issue(issued);
    answered();
    take(issued);
    accept(issued.link->offer);
    store();
  }
  void accept(Number offer) {
    Accepted accepted;
    accepted.offer = offer;
    journal(accepted);
  }
  // The node's newest event is stored.
  void store() {
    NodeEventStored stored;
    stored.node = node_;
    stored.journal = journal_;
    stored.sequence = last_;
    stored.chain = chain();
    fleet({stored});
  }

 private:
  World world_;
  World watched_;  // never steps: the checkers see what the hand shows them, and ask `world_`
  Checkers checkers_;
  NodeId node_;
  JournalId journal_{7};
  std::uint64_t last_ = 0;
  std::uint64_t nonces_ = 0;
};

// A world with one machine that is known to the orchestrator, and a policy for it.
class Ran {
 public:
  explicit Ran(std::vector<std::string> checkers_from_the_start = {}) : world_(still_plan()) {
    if (!checkers_from_the_start.empty()) watch(checkers_from_the_start);
    EXPECT_TRUE(world_.run_until([&] { return is_known(); }, 3'600'000));
    EXPECT_TRUE(world_.people().create_policy("latest", "", false));
  }
  // Checkers that see only what comes from now on.
  void watch(const std::vector<std::string>& names) {
    checkers_.emplace(world_);
    EXPECT_TRUE(checkers_->only(names));
  }
  // A newer image, linked, in an open window.
  void offer(const std::string& version) {
    Image image;
    image.version = version;
    image.bytes = 100'000'000;
    world_.people().publish(image);
    world_.pass(2'000);
    EXPECT_TRUE(world_.people().link(0, "latest"));
    EXPECT_TRUE(world_.people().open_window(0, 1'000, 0));
  }
  [[nodiscard]] bool is_known() const {
    const auto* node = world_.control().node(world_.machine(0).id());
    return node != nullptr && node->upto > 0 && world_.machine(0).agent_runs() &&
           world_.machine(0).head().acked == world_.machine(0).head().last;
  }

  [[nodiscard]] World& world() { return world_; }
  [[nodiscard]] Machine& machine() { return world_.machine(0); }
  [[nodiscard]] Checkers& checkers() { return *checkers_; }
  [[nodiscard]] std::size_t found() const { return checkers_->findings().size(); }
  [[nodiscard]] std::string what() const { return checkers_->findings().empty() ? "" : checkers_->findings().front().what; }

 private:
  World world_;
  std::optional<Checkers> checkers_;
};

}  // namespace abide::sim
