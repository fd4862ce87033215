// The agent's process: edge-agent/agent.cpp and publish.cpp, turn for turn. A death ends the turn at once, and with it all that
// is not on the disk.
#include <algorithm>
#include <cassert>
#include <utility>

#include "common/core/rules.hpp"
#include "common/events/codec.hpp"
#include "common/events/print.hpp"
#include "edge-agent/translate.hpp"
#include "simulators/world/machine.hpp"

namespace abide::sim {
namespace {

constexpr std::size_t items_per_turn_max = 128;
constexpr int orders_per_turn_max = 16;
constexpr std::int64_t tick_pause_min_ms = 5;
// Much less than the product keeps, so that trimming happens in every run.
constexpr std::uint64_t journal_keep = 40, trim_step = 16;
constexpr std::int64_t reconnect_ms_max = 60'000, reconnect_first_ms = 1'000;
constexpr std::uint32_t reconnect_doublings_max = 6;
constexpr std::uint64_t stalled_one_in = 80;
constexpr std::int64_t stalled_ms_min = 20, stalled_ms_max = 8'000;
constexpr std::int64_t crash_ms_max = 2'000;
constexpr std::int64_t restless_ms_min = 1'000, restless_ms_max = 15'000;  // after the agent's start: before any verdict
// How often a process dies at a point where it may.
constexpr std::uint64_t killed_one_in = 150, killed_at_effect_one_in = 60, cut_one_in = 400, cut_at_effect_one_in = 60;

agent::Addressed addressed(const NodeId& id) {
  return {project, id};
}

}  // namespace

// ---- start and end of the process ---------------------------------------------------------------------------------------

void Machine::start_agent() {
  if (!powered_ || host_) return;
  ++process_;
  node::Link link;
  link.random = Random{random_.next()};
  const SessionId session{random_.next_id()};
  auto host = AgentHost::open(node::UpdateMachine{}, disk_, node_scope, std::move(link), session);
  assert(host);
  host_.emplace(std::move(*host));
  host_->link().acked = host_->journal().head().acked;
  Batch batch;
  if (host_->empty()) {
    host_->begin(JournalId{host_->link().random.next_id()}, batch);
    greet_new_journal();
  }
  phase_told_.begin(host_->state());
  entered_ = {};
  world_.say(name_, "agent starts");
  tell(HardwareDid::Kind::agent_started, running_);
  const auto& image = world_.image(slots_[index_of(running_)].version);
  if (image.nature == Image::Nature::restless) in(draw_ms(restless_ms_min, restless_ms_max), &Machine::restart_by_itself);

  node::Booted booted;
  booted.boot = boot_id();
  booted.running = running_;
  booted.default_slot = default_slot_;
  booted.came_up = came_up_;
  booted.cause = cause_;
  booted.default_is_bad = default_is_bad || bad_[index_of(default_slot_)];
  booted.identity = measure();
  if (!rule(Rule::booted_first)) {
    const std::uint64_t process = process_;
    (void)perform_one();
    if (process != process_ || going_down_) return;
  }
  take(booted, {}, batch);
  if (!commit(batch)) return;
  connect();
  if (settle(batch)) schedule(false);
  if (host_ && world_.now_ms() < crash_loop_until_ms_) {
    in(draw_ms(1, crash_ms_max), &Machine::crash);
  }
}

// What only this process knew is gone; its connection is noticed by the broker in time.
void Machine::forget_process() {
  if (!host_) return;
  host_.reset();
  ++process_;
  inbox_.clear();
  done_ = {};
  outbox_ = {};
  staging_.reset();
  health_.reset();
  judged_.reset();
  look_mono_ms_.reset();
  reconnect_doublings_ = 0;
  going_down_ = false;
  busy_until_ms_ = 0;
  world_.heap().cancel(wake_);
  world_.broker().vanish(index_);
}

// ---- the bus ----------------------------------------------------------------------------------------------------------

void Machine::connect() {
  Envelope will;
  will.session = host_->session();
  will.at_ms = now().wall_ms;
  will.clock_trusted = now().trusted;
  will.payload = Presence{false};
  BusMessage message{topics::from_node(project, id_, topics::FromNode::presence), encode(will), 1, true};
  world_.broker().connect(index_, {topics::node_filter(project, id_), topics::roll_call(project)}, std::move(message),
                          [this, process = process_](BusEvent event) {
                            if (host_ && process == process_) hear_bus(std::move(event));
                          });
}

// The bus's own part: connects again by itself, with full jitter.
void Machine::hear_bus(BusEvent event) {
  if (std::holds_alternative<BusConnected>(event)) reconnect_doublings_ = 0;
  if (std::holds_alternative<BusDisconnected>(event)) {
    const std::int64_t limit = std::min(reconnect_ms_max, reconnect_first_ms << reconnect_doublings_);
    if (reconnect_doublings_ < reconnect_doublings_max) ++reconnect_doublings_;
    world_.heap().at(world_.now_ms() + draw_ms(1, limit + 1), [this, process = process_] {
      if (host_ && process == process_ && !world_.broker().connected(index_)) connect();
    });
  }
  inbox_.emplace_back(std::move(event));
  stall(stalled_one_in, stalled_ms_min, stalled_ms_max);
  wake_at(world_.now_ms());
}

void Machine::post(node::Input input) {
  if (!host_) return;
  inbox_.emplace_back(std::move(input));
  wake_at(world_.now_ms());
}

void Machine::post_if(std::uint64_t process, node::Input input, std::int64_t in_ms) {
  world_.heap().at(world_.now_ms() + in_ms, [this, process, input = std::move(input)]() mutable {
    if (host_ && process == process_) post(std::move(input));
  });
}

std::uint64_t Machine::publish(topics::FromNode what, std::string bytes, int qos, bool retain) {
  const std::uint64_t ticket = qos == 0 ? 0 : next_ticket_++;
  const bool taken = world_.broker().publish(index_, {topics::from_node(project, id_, what), std::move(bytes), qos, retain}, ticket);
  return taken ? ticket : 0;
}

// ---- turns ------------------------------------------------------------------------------------------------------------

void Machine::stall(std::uint64_t one_in, std::int64_t ms_min, std::int64_t ms_max) {
  if (!world_.strikes(Fault::delay, one_in, index_)) return;
  const auto ms = world_.random(World::Stream::faults).below(static_cast<std::uint64_t>(ms_max - ms_min));
  busy_until_ms_ = std::max(busy_until_ms_, world_.now_ms() + ms_min + static_cast<std::int64_t>(ms));
  if (wake_.number == 0 || wake_.at_ms >= busy_until_ms_) return;
  world_.heap().cancel(wake_);
  wake_at(busy_until_ms_);
}

void Machine::wake_at(std::int64_t at_ms) {
  at_ms = std::max(at_ms, busy_until_ms_);
  if (wake_.number != 0) {
    if (wake_.at_ms <= at_ms) return;
    world_.heap().cancel(wake_);
  }
  wake_ = world_.heap().at(at_ms, [this] {
    wake_ = {};
    turn();
  });
}

void Machine::schedule(bool idle) {
  const Now at = now();
  look_mono_ms_ = host_->look_again(at);
  if (!inbox_.empty()) return wake_at(world_.now_ms());
  if (going_down_) return;
  if (outbox_.look_mono_ms()) wake_at(world_.now_ms() + std::max<std::int64_t>(*outbox_.look_mono_ms() - at.mono_ms, 0));
  if (look_mono_ms_) wake_at(world_.now_ms() + std::max(*look_mono_ms_ - at.mono_ms, idle ? tick_pause_min_ms : 0));
}

void Machine::turn() {
  if (!host_) return;
  Batch batch;
  bool heard = false;
  for (std::size_t items = 0; items < items_per_turn_max && !inbox_.empty(); ++items) {
    Item item = std::move(inbox_.front());
    inbox_.pop_front();
    Cause cause;
    std::optional<node::Input> input;
    if (const auto* event = std::get_if<BusEvent>(&item)) {
      input = hear(*event, cause);
    } else {
      input = std::move(std::get<node::Input>(item));
      note_end(*input);
    }
    if (!input) continue;
    take(*input, cause, batch);
    heard = true;
  }
  const bool due = look_mono_ms_ && *look_mono_ms_ <= now().mono_ms;
  if (due) take(node::Tick{}, {}, batch);
  const bool nothing = batch.empty();
  if (settle(batch)) schedule(due && nothing && !heard);
}

void Machine::note_end(const node::Input& end) {
  if (const auto* staged = std::get_if<node::StagingEnded>(&end); staged != nullptr && staging_ && staging_->order.offer == staged->offer)
    staging_.reset();
  if (const auto* judged = std::get_if<node::HealthJudged>(&end); judged != nullptr && health_ && health_->order.offer == judged->offer) {
    judged_ = health_->order;
    health_.reset();
  }
}

std::optional<node::Input> Machine::hear(const BusEvent& event, Cause& cause) {
  if (std::holds_alternative<BusConnected>(event)) {
    auto message = agent::envelope_of(*host_, now());
    message.journal = {};
    message.payload = Presence{true};
    publish(topics::FromNode::presence, encode(message), 1, true);
    return node::Connected{};
  }
  if (std::holds_alternative<BusDisconnected>(event)) {
    outbox_.disconnected();
    return node::Disconnected{};
  }
  if (const auto* published = std::get_if<BusPublished>(&event)) {
    outbox_.published(published->ticket);
    return std::nullopt;
  }
  const auto& message = std::get<BusReceived>(event);
  auto translated = agent::translate(message, addressed(id_));
  if (!translated) return std::nullopt;
  cause = translated->cause;
  if (auto* received = std::get_if<node::ReceivedHeard>(&translated->input)) {
    auto chain = host_->journal().chain_at(received->received.upto);
    if (!chain) return std::nullopt;
    received->own_chain = *chain;
  }
  return std::move(translated->input);
}

void Machine::take(const node::Input& input, const Cause& cause, Batch& batch) {
  const Now at = now();
  const node::State before = host_->state();
  const node::Link link_before = host_->link();
  host_->take(input, at, cause, batch);
  auto decided = host_->committed();  // what it has added; nothing is acted on before commit() below
  const NodeDecided what{index_, before, link_before, input, at, decided.events, decided.messages, host_->state(), host_->link()};
  world_.tell([&](Observer& observer) { observer.decided(world_, what); });
  std::move(decided.events.begin(), decided.events.end(), std::back_inserter(done_.events));
  std::move(decided.messages.begin(), decided.messages.end(), std::back_inserter(done_.messages));
}

bool Machine::settle(Batch& batch) {
  if (!rule(Rule::commit_first)) {
    const std::uint64_t process = process_;
    (void)perform_one();
    if (process != process_) return false;
  }
  if (!commit(batch)) return false;
  const std::uint64_t process = process_;
  for (int orders = 0; orders < orders_per_turn_max && !going_down_; ++orders) {
    auto performed = perform_one();
    if (process != process_) return false;
    if (!performed || !performed->end) break;
    take(*performed->end, {}, batch);
    if (!commit(batch)) return false;
  }
  return pump_outbox();
}

bool Machine::commit(Batch& batch) {
  if (!rule(Rule::commit_first) && !publish_committed(std::exchange(done_, {}))) return false;
  if (!batch.empty()) {
    for (const auto& event : done_.events)
      if (!survives(Point::before_commit, name_of(event.recorded.event))) return false;
    host_->save(batch);
    if (auto committed = disk_.commit(batch); !committed) {
      kill_agent("commit: " + committed.error().message);
      return false;
    }
    batch.clear();
    for (const auto& event : done_.events)
      if (world_.is_read()) world_.say(name_, "journals " + std::to_string(event.recorded.sequence) + " " + print(event.recorded.event));
    world_.tell([&](Observer& observer) { observer.node_committed(world_, index_); });
    for (const auto& event : done_.events)
      if (!survives(Point::after_commit, name_of(event.recorded.event))) return false;
  }
  const auto done = std::exchange(done_, {});
  if (!publish_committed(done)) return false;
  enter(host_->state());
  trim();
  return true;
}

// The trim of a disk that is full is tried again; nothing depends on it.
void Machine::trim() {
  Batch batch;
  auto trimmed = host_->trim(journal_keep, batch, trim_step);
  if (trimmed) trimmed = disk_.commit(batch);
  if (!trimmed) world_.say(name_, "journal not trimmed: " + trimmed.error().message);
}

// ---- what is said -----------------------------------------------------------------------------------------------------

bool Machine::publish_committed(const AgentHost::Done& done) {
  for (const auto& message : done.messages) {
    if (std::holds_alternative<node::SayHello>(message) && !say_hello()) return false;
    if (std::holds_alternative<node::EventOmitted>(message)) host_->omit();
  }
  if (const auto progress = phase_told_.next(host_->state())) say_progress(*progress);
  return true;
}

bool Machine::say_hello() {
  publish(topics::FromNode::status, agent::encode_hello(*host_, now()), 1, false);
  return survives(Point::after_publish, "Hello");
}

void Machine::say_progress(const Progress& progress) {
  if (progress.offer != host_->state().offer) return;
  auto message = agent::envelope_of(*host_, now());
  message.payload = progress;
  publish(topics::FromNode::progress, encode(message), 0, false);
}

bool Machine::pump_outbox() {
  Death death = Death::none;
  auto pumped =
      outbox_.pump(host_->link(), host_->journal(), now().mono_ms, [&](std::uint64_t, std::string_view bytes) -> Result<std::uint64_t> {
        if (death != Death::none) return fail(Code::unavailable, "the process has died");
        const std::uint64_t ticket = publish(topics::FromNode::status, std::string(bytes), 1, false);
        if (ticket == 0) return fail(Code::unavailable, "not connected");
        const auto event = decode(bytes);
        assert(event);
        const auto& what = std::get<NodeEvent>(event->payload);
        death = dies_here(Point::after_publish, name_of(what));
        if (death == Death::none && std::holds_alternative<RolledBack>(what)) {
          publish(topics::FromNode::rollback, std::string(bytes), 1, false);
          death = dies_here(Point::after_publish, "rollback");
        }
        return ticket;
      });
  if (!pumped && pumped.error().code != Code::unavailable) world_.say(name_, "events wait: " + pumped.error().message);
  if (death == Death::none) return true;
  die(death);
  return false;
}

// ---- death ------------------------------------------------------------------------------------------------------------

void Machine::break_at(Point point, std::string event_or_effect, bool power) {
  traps_.push_back({point, std::move(event_or_effect), power});
}

Machine::Death Machine::dies_here(Point point, std::string_view name) {
  const auto trap = std::find_if(traps_.begin(), traps_.end(), [&](const Trap& t) { return t.point == point && t.name == name; });
  if (trap != traps_.end()) {
    const bool power = trap->power;
    traps_.erase(trap);
    world_.tell_fault(power                           ? Fault::power_cut
                      : point == Point::before_commit ? Fault::agent_kill_before_commit
                                                      : Fault::agent_kill_after_commit,
                      index_);
    return power ? Death::power : Death::killed;
  }
  const bool at_effect = point == Point::before_effect || point == Point::after_effect;
  const Fault kill = point == Point::before_commit ? Fault::agent_kill_before_commit : Fault::agent_kill_after_commit;
  if (world_.strikes(kill, at_effect ? killed_at_effect_one_in : killed_one_in, index_)) return Death::killed;
  if (world_.strikes(Fault::power_cut, at_effect ? cut_at_effect_one_in : cut_one_in, index_)) return Death::power;
  return Death::none;
}

void Machine::die(Death death) {
  if (death == Death::killed) kill_agent("killed");
  if (death == Death::power) cut_power(off_for_ms());
}

bool Machine::survives(Point point, std::string_view name) {
  const Death death = dies_here(point, name);
  die(death);
  return death == Death::none;
}

}  // namespace abide::sim
