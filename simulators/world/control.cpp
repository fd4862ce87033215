#include "simulators/world/control.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "common/core/rules.hpp"
#include "common/events/codec.hpp"
#include "common/events/print.hpp"
#include "common/events/topics.hpp"
#include "orchestrator/translate.hpp"

namespace abide::sim {
namespace {

constexpr std::size_t inputs_per_commit_max = 512;  // as in the product
constexpr unsigned pass_turns_max = 512;            // as in the product
constexpr std::size_t backups_max = 4;
constexpr std::size_t key_bytes = 32;
constexpr std::int64_t wakes_in_ms_max = 5;
constexpr std::int64_t again_ms_min = 1'000, again_ms_usual = 30'000, again_ms_max = 3'600'000;  // its supervisor, or a person
constexpr std::int64_t superseded_ms = 10 * 60'000;  // it said that another one serves: a person looks, and starts it
constexpr std::int64_t reconnect_ms_max = 60'000;
constexpr std::int64_t mono_at_start_ms = 1'000'000;

// Once in so many turns that commit something; in so many messages.
constexpr std::uint64_t kill_one_in = 600, inbox_full_one_in = 900;

const char* const who = "control";

}  // namespace

Control::Control(World& world) : world_(world), scope_(topics::escape(project) + "/") {}
Control::~Control() = default;

std::int64_t Control::draw_ms(std::int64_t from_ms, std::int64_t to_ms) {
  return from_ms + static_cast<std::int64_t>(world_.random(World::Stream::control).below(static_cast<std::uint64_t>(to_ms - from_ms + 1)));
}

Now Control::now() const {
  return {world_.now_ms() + clock_off_ms_, world_.now_ms() - 1'767'000'000'000 + mono_at_start_ms, {"control"}, true};
}

bool Control::connected() const {
  return runs() && connected_;
}

const fleet::State& Control::state() const {
  return host_ ? host_->state() : last_state_;
}

const fleet::Node* Control::node(const NodeId& id) const {
  const auto& nodes = state().nodes;
  const auto found = nodes.find(id);
  return found == nodes.end() ? nullptr : &found->second;
}

bool Control::at_rest() const {
  return runs() && connected_ && inbox_.empty() && bus_changes_.empty() && dropped_.empty() && pass_turns_ == 0;
}

// ---- the process -------------------------------------------------------------------------------------------------------

void Control::take_over(Disk::Content content) {
  disk_.replace(std::move(content));
  auto state = fleet::Rows::load(disk_, scope_);
  assert(state);
  last_state_ = std::move(*state);
}

void Control::start() {
  if (host_) return;
  ++process_;
  auto& random = world_.random(World::Stream::control);
  fleet::Link link;
  link.random.state = random.next();
  session_ = SessionId{random.next_id()};
  auto host = FleetHost::open(fleet::FleetMachine{{.auto_register = true}}, disk_, scope_, std::move(link), session_);
  assert(host);
  host_.emplace(std::move(*host));
  world_.say(who, restored_ ? "starts on a restored state" : "starts");
  in_turn_ = true;
  Batch batch;
  if (host_->empty()) {
    std::string key;
    for (std::size_t i = 0; i < key_bytes; ++i) key += static_cast<char>(random.below(256));
    host_->begin(JournalId{random.next_id()}, batch);
    take(fleet::CreateProject{project, std::move(key)}, {}, batch);
  } else {
    take(fleet::Started{restored_}, {}, batch);
  }
  const bool lives = commit(batch);
  if (lives) restored_ = false;
  if (!lives || !settle()) return;
  in_turn_ = false;
  if (last_pass_) inbox_.emplace_back(*last_pass_);  // discovery reads at its start, too
  connect();
  schedule();
}

void Control::end_process(std::string_view why, std::int64_t again_in_ms) {
  if (!host_) return;
  if (world_.is_read()) world_.say(who, "ends: " + std::string(why));
  host_.reset();
  auto state = fleet::Rows::load(disk_, scope_);
  assert(state);
  last_state_ = std::move(*state);
  in_turn_ = connected_ = false;
  auto unheard = std::exchange(answers_, {});
  for (auto& item : std::exchange(inbox_, {}))
    if (auto* asked = std::get_if<Asked>(&item)) unheard.emplace_back(std::move(asked->answered), Result<fleet::Answer>(fleet::Answer{}));
  bus_changes_.clear();
  dropped_.clear();
  done_ = {};
  pass_turns_ = 0;
  reconnect_doublings_ = 0;
  world_.heap().cancel(wake_);
  world_.broker().vanish(std::nullopt);
  for (auto& [id, answered] : std::exchange(pending_, {}))
    unheard.emplace_back(std::move(answered), Result<fleet::Answer>(fleet::Answer{}));
  for (const auto& [answered, answer] : unheard) answered(fail(Code::unavailable, "the orchestrator has died"));
  world_.heap().at(world_.now_ms() + again_in_ms, [this, process = process_] {
    if (process_ == process) start();
  });
}

void Control::kill(std::string_view why) {
  const bool soon = world_.is_quiet() || draw_ms(0, 7) != 0;
  end_process(why, draw_ms(again_ms_min, soon ? again_ms_usual : again_ms_max));
}

void Control::back_up() {
  backups_.push_back(disk_.content());
  if (backups_.size() > backups_max) backups_.pop_front();
  world_.say(who, "is backed up");
}

void Control::restore(std::size_t backup) {
  assert(backup < backups_.size());
  kill("to be restored");
  disk_.replace(backups_[backup]);
  restored_ = true;
  auto state = fleet::Rows::load(disk_, scope_);
  assert(state);
  last_state_ = std::move(*state);
  world_.say(who, "is restored from a backup");
  world_.tell([&](Observer& observer) { observer.restored(world_); });
}

void Control::step_clock(std::int64_t ms) {
  if (ms == 0) return;
  clock_off_ms_ += ms;
  world_.say(who, "clock is off by " + std::to_string(clock_off_ms_) + " ms");
}

// ---- the bus -----------------------------------------------------------------------------------------------------------

void Control::connect() {
  using topics::FromNode;
  std::vector<std::string> filters = {topics::orchestrator_filter(project, FromNode::status),
                                      topics::orchestrator_filter(project, FromNode::presence),
                                      topics::orchestrator_filter(project, FromNode::progress), topics::roll_call(project)};
  world_.broker().connect(std::nullopt, std::move(filters), std::nullopt, [this](BusEvent event) { hear_bus(std::move(event)); });
}

void Control::hear_bus(BusEvent event) {
  if (!host_ || std::holds_alternative<BusPublished>(event)) return;
  if (auto* message = std::get_if<BusReceived>(&event)) return post(std::move(*message));
  const bool up = std::holds_alternative<BusConnected>(event);
  if (up) reconnect_doublings_ = 0;
  if (!up) {
    const std::int64_t most = std::min(reconnect_ms_max, std::int64_t{1'000} << std::min(reconnect_doublings_++, 6U));
    world_.heap().at(world_.now_ms() + draw_ms(0, most), [this, process = process_] {
      if (host_ && process_ == process) connect();
    });
    if (!connected_) return;  // an attempt that failed
  }
  connected_ = up;
  bus_changes_.push_back(std::move(event));
  wake_at(world_.now_ms() + draw_ms(0, wakes_in_ms_max));
}

// ---- turns -------------------------------------------------------------------------------------------------------------

void Control::post(Item item) {
  inbox_.push_back(std::move(item));
  if (!in_turn_) wake_at(world_.now_ms() + draw_ms(0, wakes_in_ms_max));
}

void Control::wake_at(std::int64_t at_ms) {
  if (wake_.number != 0) {
    if (wake_.at_ms <= at_ms) return;
    world_.heap().cancel(wake_);
  }
  wake_ = world_.heap().at(at_ms, [this] {
    wake_ = {};
    turn();
  });
}

void Control::schedule() {
  if (!inbox_.empty() || !bus_changes_.empty() || !dropped_.empty() || pass_turns_ != 0)
    wake_at(world_.now_ms() + draw_ms(1, wakes_in_ms_max));
  const Now now = this->now();
  if (const auto look = host_->look_again(now)) wake_at(world_.now_ms() + std::max<std::int64_t>(*look - now.mono_ms, 1));
}

void Control::turn() {
  assert(host_ && !in_turn_);
  in_turn_ = true;
  Batch batch;
  take_bus_changes(batch);
  for (std::size_t taken = 0; taken < inputs_per_commit_max && !inbox_.empty(); ++taken) {
    Item item = std::move(inbox_.front());
    inbox_.pop_front();
    take_item(item, batch);
  }
  for (const auto& node : std::exchange(dropped_, {})) take(fleet::MessageDropped{node}, {}, batch);
  take_ticks(batch);
  if (!commit(batch) || !settle()) return;
  in_turn_ = false;
  schedule();
  const auto process = process_;
  for (auto& [answered, answer] : std::exchange(answers_, {})) answered(std::move(answer));
  if (!host_ || process_ != process) return;
  for (const auto& effect : host_->todo(now())) return end_process(std::get<fleet::StopServing>(effect).why, superseded_ms);
}

void Control::take(const fleet::Input& input, const Cause& cause, Batch& batch) {
  const Now now = this->now();
  host_->take(input, now, cause, batch);
  auto done = host_->committed();
  const FleetDecided decided{input, now, done.events, host_->state()};
  world_.tell([&](Observer& observer) { observer.decided(world_, decided); });
  std::move(done.events.begin(), done.events.end(), std::back_inserter(done_.events));
  std::move(done.messages.begin(), done.messages.end(), std::back_inserter(done_.messages));
}

void Control::take_bus_changes(Batch& batch) {
  for (const auto& event : std::exchange(bus_changes_, {})) {
    const bool up = std::holds_alternative<BusConnected>(event);
    world_.say(who, up ? "connected" : "disconnected");
    take(up ? fleet::Input(fleet::BusUp{}) : fleet::Input(fleet::BusDown{}), {}, batch);
  }
}

void Control::take_item(Item& item, Batch& batch) {
  if (auto* message = std::get_if<BusReceived>(&item)) return take_message(*message, batch);
  if (auto* read = std::get_if<fleet::ProfilesRead>(&item)) {
    last_pass_ = std::move(*read);
    pass_turns_ = pass_turns_max;
    return take_pass(batch);
  }
  auto& asked = std::get<Asked>(item);
  const std::string id = "request-" + std::to_string(++requests_);
  pending_[id] = std::move(asked.answered);
  Cause cause;
  cause.request = id;
  take(fleet::Request{id, std::move(asked.operation)}, cause, batch);
}

void Control::take_message(BusReceived& message, Batch& batch) {
  const auto parsed = topics::parse(message.topic);
  assert(parsed);
  const auto* from = std::get_if<topics::FromNodeTopic>(&*parsed);
  if (from != nullptr && from->what != topics::FromNode::status) return;  // shown to people, and no part of the machine
  if (from != nullptr && world_.strikes(Fault::lose_message, inbox_full_one_in)) {
    dropped_.insert(from->node);
    return;
  }
  auto envelope = decode(message.payload);
  assert(envelope);
  if (from == nullptr) {
    if (const auto* told = std::get_if<RollCall>(&envelope->payload)) take(fleet::RollCallHeard{*told, message.retained}, {}, batch);
    return;
  }
  const auto translated = orchestrator::translate_status(from->node, std::move(*envelope), std::move(message.payload));
  assert(translated);
  take(translated->input, translated->cause, batch);
}

void Control::take_pass(Batch& batch) {
  if (!last_pass_ || pass_turns_ == 0) return;
  const auto before = host_->journal().head().last;
  take(*last_pass_, {}, batch);
  pass_turns_ = host_->journal().head().last == before ? 0 : pass_turns_ - 1;
}

void Control::take_ticks(Batch& batch) {
  if (pass_turns_ != 0 && pass_turns_ != pass_turns_max) take_pass(batch);
  const Now now = this->now();
  const auto look = host_->look_again(now);
  if (look && *look <= now.mono_ms) take(fleet::Tick{}, {}, batch);
}

bool Control::commit(Batch& batch) {
  if (!rule(Rule::answer_committed) && !settle()) return false;
  host_->save(batch);
  if (batch.empty()) return true;
  if (world_.strikes(Fault::orchestrator_kill_before_commit, kill_one_in)) {
    kill("killed before its commit");
    return false;
  }
  if (!disk_.commit(batch)) {
    kill("its disk is full");
    return false;
  }
  if (world_.is_read())
    for (const auto& event : done_.events) world_.say(who, print(event.recorded.event));
  world_.tell([&](Observer& observer) { observer.fleet_committed(world_); });
  return true;
}

bool Control::settle() {
  const auto done = std::exchange(done_, {});
  std::optional<std::size_t> dies_after;
  if (!done.events.empty() && world_.strikes(Fault::orchestrator_kill_after_commit, kill_one_in))
    dies_after = world_.random(World::Stream::faults).below(done.messages.size() + 1);
  const Now now = this->now();
  for (std::size_t i = 0; i <= done.messages.size(); ++i) {
    if (dies_after && *dies_after == i) {
      kill("killed after its commit, with " + std::to_string(i) + " of " + std::to_string(done.messages.size()) + " messages said");
      return false;
    }
    if (i == done.messages.size()) break;
    const auto& message = done.messages[i];
    if (const auto* reply = std::get_if<fleet::Reply>(&message)) {
      const auto asked = pending_.find(reply->request);
      assert(asked != pending_.end());
      answers_.emplace_back(std::move(asked->second), reply->answer);
      pending_.erase(asked);
      continue;
    }
    auto said = orchestrator::bus_message({project, session_}, host_->machine().settings, host_->state(), host_->link(), message, now);
    if (said && connected_) (void)world_.broker().publish(std::nullopt, std::move(*said), 0);
  }
  return true;
}

// ---- for people --------------------------------------------------------------------------------------------------------

void Control::ask(fleet::Operation operation, std::function<void(Result<fleet::Answer>)> answered) {
  if (!host_) return answered(fail(Code::unavailable, "the orchestrator does not run"));
  post(Asked{std::move(operation), std::move(answered)});
}

Result<fleet::Answer> Control::ask(fleet::Operation operation) {
  assert(!in_turn_);
  if (!host_) return fail(Code::unavailable, "the orchestrator does not run");
  std::optional<Result<fleet::Answer>> answer;
  inbox_.emplace_back(Asked{std::move(operation), [&](Result<fleet::Answer> given) { answer = std::move(given); }});
  while (!answer && host_) {  // a turn takes the first of the inbox
    world_.heap().cancel(wake_);
    turn();
  }
  assert(answer);
  return *answer;
}

void Control::drop_message_of(const NodeId& node) {
  if (!host_) return;
  dropped_.insert(node);
  if (!in_turn_) wake_at(world_.now_ms() + draw_ms(0, wakes_in_ms_max));
}

void Control::read_profiles(fleet::ProfilesRead read) {
  if (!host_) {
    last_pass_ = std::move(read);  // read again at its start
    return;
  }
  post(std::move(read));
}

}  // namespace abide::sim
