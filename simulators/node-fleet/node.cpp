#include "simulators/node-fleet/node.hpp"

#include <algorithm>
#include <utility>

#include "common/events/topics.hpp"
#include "common/service/build_version.hpp"
#include "common/service/clock.hpp"

namespace abide::node_fleet {
namespace {

using std::chrono::milliseconds;

constexpr const char* hardware_key = "machine/hardware";  // outside of the agent's scope
constexpr std::size_t unacknowledged_watched_max = 64;
constexpr int turns_per_step_max = 8;  // then it is another node's turn

std::uint64_t micros(SteadyTime from, SteadyTime to) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::microseconds>(to - from).count()));
}

std::int64_t wall_ms() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

SteadyTime steady_of(std::int64_t wall) {
  return std::chrono::steady_clock::now() + milliseconds(wall - wall_ms());
}

Random random_of(std::uint64_t seed, std::size_t index, std::uint64_t purpose) {
  Random random{seed};
  random.state = random.next() ^ index;
  random.state = random.next() ^ purpose;
  return random;
}

void count(std::size_t& counter, bool& before, bool now) {
  if (before == now) return;
  before = now;
  counter += now ? 1 : std::size_t(-1);
}

}  // namespace

Node::Node(std::size_t index, NodeName name, const Asked& asked, Surroundings& around)
    : index_(index),
      name_(std::move(name)),
      asked_(asked),
      around_(around),
      machine_(around.seed, name_.node, around.weather, around.factory),
      bus_(around.network, around.weather.bus, index, random_of(around.seed, index, 1)) {}

Node::~Node() = default;

Result<void> Node::start() {
  started_ = true;
  ++around_.tally.nodes;
  ++around_.tally.phases[0];
  if (around_.journals == nullptr) {
    store_ = std::make_unique<NodeStore>();
  } else {
    const auto prefix = store_prefix(name_.project, name_.node);
    auto content = around_.journals->load(prefix);
    if (!content) return fail(content.error());
    store_ = std::make_unique<NodeStore>(*around_.journals, prefix, *std::move(content));
    auto hardware = store_->get(hardware_key);
    if (!hardware) return fail(hardware.error());
    if (*hardware)
      if (auto restored = machine_.restore(**hardware); !restored) return fail(restored.error().in(to_string(name_.node)));
  }
  return power_on();
}

Now Node::now() const {
  return {wall_ms(), boottime_ms(), machine_.boot(), true};
}

Result<void> Node::power_on() {
  boots_at_.reset();
  machine_.power_on();
  agent::AgentSettings settings;
  settings.self = {name_.project, name_.node};
  settings.machine = around_.machine;
  auto random = random_of(around_.seed, index_, static_cast<std::uint64_t>(wall_ms()) ^ ++sessions_);
  settings.session = SessionId{random.next_id()};
  settings.seed = random.next();
  settings.roll_call_warning_ms = 10 * 60'000;
  settings.journal_keep = around_.journal_keep;
  settings.agent_version = build_version();
  settings.measure = [this](const agent::BootState& state) { return machine_.measure(state, build_version()); };
  settings.on_event = [this](const Recorded<NodeEvent>& recorded) { hear(recorded); };
  BusIdentity identity;
  identity.uuid = to_string(name_.node);
  identity.filters = {topics::node_filter(name_.project, name_.node), topics::roll_call(name_.project)};
  identity.will = agent::presence_message(settings.self, settings.session, false, now());
  bus_.introduce(std::move(identity));
  agent_ = std::make_unique<agent::Agent>(std::move(settings), *store_, machine_, bus_, machine_.workers(), [this] { return now(); });
  const auto ended = agent_->begin();
  if (ended) return fail(Code::conflict, to_string(name_.node) + ": " + ended->message);
  bus_.hold(shown_.offline);
  look();
  return keep_hardware();
}

// As an ordered reboot ends an agent: it says goodbye, and is gone.
void Node::power_off() {
  agent_->stop();
  (void)agent_->turn(std::chrono::steady_clock::now());
  machine_.stop_workers();
  look();
  agent_.reset();
  unacknowledged_.clear();
  ++around_.tally.boots;
  boots_at_ = std::chrono::steady_clock::now() + milliseconds(machine_.boot_takes_ms());
  count(around_.tally.connected, shown_.connected, false);
  count(around_.tally.welcomed, shown_.welcomed, false);
  count(around_.tally.down, shown_.down, true);
}

Result<void> Node::keep_hardware() {
  if (!store_->survives() || !machine_.changed()) return {};
  Batch batch;
  batch.put(hardware_key, machine_.hardware());
  machine_.saved();
  return store_->commit(batch);
}

Result<void> Node::step(SteadyTime now) {
  if (!started_) return {};
  bus_.advance(now);
  if (boots_at_ && *boots_at_ <= now) {
    count(around_.tally.down, shown_.down, false);
    if (auto on = power_on(); !on) return on;
  }
  if (!agent_) return {};
  machine_.advance(now);
  for (int turns = 0; turns < turns_per_step_max; ++turns) {
    const auto due = agent_->next_turn();
    if (!agent_->waiting() && (!due || *due > now)) break;
    if (auto ended = agent_->turn(now)) return fail(Code::unavailable, to_string(name_.node) + ": " + ended->message);
    if (machine_.reboot_ordered()) break;
    machine_.advance(now);  // at --speed max what was just ordered has ended
  }
  if (machine_.reboot_ordered()) {
    power_off();
  } else {
    look();
  }
  return keep_hardware();
}

void Node::flush() {
  bus_.flush();
}

SteadyTime Node::next_moment() const {
  auto next = bus_.next_moment();
  if (boots_at_) next = std::min(next, *boots_at_);
  if (!agent_) return next;
  if (agent_->waiting()) return SteadyTime::min();
  next = std::min(next, machine_.next_moment());
  if (const auto due = agent_->next_turn()) next = std::min(next, *due);
  return next;
}

void Node::hold(bool held) {
  count(around_.tally.offline, shown_.offline, held);
  bus_.hold(held);
}

// Durable as far as the agent goes, and on its way to the bus.
void Node::hear(const Recorded<NodeEvent>& recorded) {
  const auto at = std::chrono::steady_clock::now();
  auto& tally = around_.tally;
  ++tally.events;
  const auto& host = agent_->host();
  const auto& link = host.link();
  if (link.welcomed && link.hello_answered) {
    if (unacknowledged_.size() < unacknowledged_watched_max) unacknowledged_.push_back({recorded.sequence, at});
    if (around_.sighted) around_.sighted({name_.project, name_.node, recorded.journal, recorded.sequence, at});
  }
  const auto& event = recorded.event;
  if (const auto* taken = std::get_if<DocumentTaken>(&event); taken != nullptr && taken->link && taken->link->offer != measured_link_) {
    measured_link_ = taken->link->offer;
    // One link brings many offers, by and by; only the first of them is its answer.
    if (asked_.link && *asked_.link <= at && asked_.link != answered_link_) {
      answered_link_ = asked_.link;
      around_.legs.of(Leg::policy).record(micros(*asked_.link, at));
    }
  }
  if (std::holds_alternative<Accepted>(event)) accepted_at_ = at;
  if (std::holds_alternative<ImageStaged>(event)) staged_at_ = at;
  if (std::holds_alternative<SwitchBegan>(event)) {
    std::optional<SteadyTime> open = asked_.window;
    if (const auto& window = host.state().window; !open && window) open = steady_of(window->opens_at_ms);
    if (open && staged_at_) around_.legs.of(Leg::window).record(micros(std::max(*open, *staged_at_), at));
  }
  if (std::holds_alternative<JournalForked>(event)) ++tally.forks;
  const auto outcome = outcome_of(event);
  if (outcome.kind == OutcomeKind::none) return;
  ++tally.outcomes[static_cast<std::size_t>(outcome.kind)];
  std::string reason(to_string(outcome.kind));
  if (outcome.reason != Reason::none) reason += " " + std::string(to_string(outcome.reason));
  ++tally.reasons[reason];
  if (accepted_at_) around_.legs.of(Leg::whole).record(micros(*accepted_at_, at));
  accepted_at_.reset();
  staged_at_.reset();
}

void Node::look() {
  auto& tally = around_.tally;
  const auto& host = agent_->host();
  const auto& state = host.state();
  const auto& head = host.journal().head();
  if (state.phase != shown_.phase) {
    --tally.phases[static_cast<std::size_t>(shown_.phase)];
    shown_.phase = state.phase;
    ++tally.phases[static_cast<std::size_t>(shown_.phase)];
  }
  if (head.id != std::exchange(journal_, head.id)) unacknowledged_.clear();
  if (!unacknowledged_.empty() && unacknowledged_.front().sequence <= head.acked) {
    const auto at = std::chrono::steady_clock::now();
    while (!unacknowledged_.empty() && unacknowledged_.front().sequence <= head.acked) {
      around_.legs.of(Leg::durable).record(micros(unacknowledged_.front().at, at));
      unacknowledged_.pop_front();
    }
  }
  count(tally.connected, shown_.connected, bus_.connected());
  count(tally.welcomed, shown_.welcomed, bus_.connected() && host.link().welcomed);
  const bool outcome = state.phase == Phase::idle && state.outcome.kind != OutcomeKind::none;
  count(tally.ended, shown_.ended, outcome && head.acked == head.last && state.held.number >= state.outcome.offer);
  count(tally.behind, shown_.behind, head.acked < head.last);
  count(tally.settled, shown_.settled, outcome || state.phase == Phase::staged);
}

void Node::say_goodbye() {
  if (!agent_) return;
  agent_->stop();
  (void)agent_->turn(std::chrono::steady_clock::now());
  machine_.stop_workers();
  (void)keep_hardware();
}

Node::Account Node::account() const {
  if (agent_) {
    const auto& host = agent_->host();
    const auto& head = host.journal().head();
    const auto waits = host.machine().waits_for(host.state(), host.link(), now());
    return {head.id, head.last, head.acked, host.state().phase, host.state().outcome, waits.empty() ? "" : waits.front().text};
  }
  Account account;
  if (!store_) return account;
  if (const auto head = Journal::read_head(*store_, agent::agent_scope)) account = {head->id, head->last, head->acked, {}, {}, ""};
  if (const auto state = node::Rows::load(*store_, std::string(agent::agent_scope))) {
    account.phase = state->phase;
    account.outcome = state->outcome;
  }
  return account;
}

}  // namespace abide::node_fleet
