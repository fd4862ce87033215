#include "tests/unit/protocol/world.hpp"

#include <algorithm>
#include <cassert>

#include "common/core/hash.hpp"
#include "common/events/print.hpp"

namespace abide::test {

namespace {

template <class... Ts>
struct Overload : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overload(Ts...) -> Overload<Ts...>;

constexpr const char* scope = "node/";
constexpr const char* plant = "plant/";
constexpr std::int64_t step_takes_ms = 3;
constexpr std::int64_t boot_takes_ms = 2'000;
constexpr std::size_t log_lines_max = 400;

node::Settings agent_settings() {
  node::Settings settings;
  settings.switch_time_ms = 10'000;
  return settings;
}

std::size_t index(Slot slot) {
  return static_cast<std::size_t>(slot);
}
BootId boot_id(const Machine& machine) {
  return {"boot-" + std::to_string(machine.id.bytes[15]) + "-" + std::to_string(machine.boots)};
}

}  // namespace

OsResource image(const std::string& version) {
  OsResource resource;
  resource.name = "Microvisor " + version;
  resource.architecture = "x86_64";
  resource.image_url = version + ".raw";
  resource.image_id = version;
  resource.artifact = {sha256("image " + version), 1000};
  resource.raw = resource.artifact;
  resource.profile_name = "nonrt";
  resource.os_type = "OS_TYPE_IMMUTABLE";
  resource.os_provider = "OS_PROVIDER_KIND_INFRA";
  resource.manifest = "version: " + version;
  resource.urls = {"http://releases/" + resource.image_url};
  return resource;
}

World::World(std::uint64_t seed, std::size_t count) : random{seed} {
  for (std::size_t i = 0; i < count; ++i) {
    Machine machine;
    machine.id.bytes.fill(0x22);
    machine.id.bytes[15] = static_cast<std::uint8_t>(i + 1);
    machines.push_back(std::move(machine));
  }
  start_orchestrator();
  publish_image(base);
}

void World::say(std::string line) {
  log.push_back(std::move(line));
  if (log.size() > log_lines_max) log.erase(log.begin());
}

Now World::fleet_now() const {
  return {now_ms, now_ms - 1'000'000'000'000, {"orchestrator"}, true};
}
Now World::machine_now(const Machine& machine) const {
  return {now_ms, now_ms - machine.booted_at_ms, boot_id(machine), true};
}

// ---- orchestrator ----------------------------------------------------------------------------------------------------

void World::start_orchestrator() {
  fleet::Link link;
  link.random = Random{random.next()};
  fleet::FleetMachine machine{{.auto_register = true}};
  auto host = FleetHost::open(machine, *store_, plant, std::move(link), SessionId{random.next_id()});
  assert(host);
  fleet_.emplace(std::move(*host));
  if (fleet_->empty()) {
    Batch batch;
    fleet_->begin(JournalId{random.next_id()}, batch);
    const auto committed = store_->commit(batch);
    assert(committed);
    take(fleet::CreateProject{"plant", std::string(32, 'k')});
  }
  say("-- orchestrator starts");
  take(fleet::Started{});
}

void World::connect_orchestrator() {
  say("-- orchestrator connects");
  fleet_connected_ = true;
  const auto retained = retained_call_;
  take(fleet::BusUp{});
  if (retained) take(fleet::RollCallHeard{*retained, true});
}

void World::disconnect_orchestrator() {
  if (!fleet_ || !fleet_connected_) return;
  say("-- orchestrator loses its connection");
  fleet_connected_ = false;
  take(fleet::BusDown{});
}

void World::kill_orchestrator() {
  if (!fleet_) return;
  say("-- orchestrator is killed");
  fleet_.reset();
  fleet_connected_ = false;
}

MemoryStore::Content World::backup() const {
  return store_->content();
}

void World::restore(MemoryStore::Content content) {
  kill_orchestrator();
  say("-- orchestrator is restored from a backup");
  store_ = std::make_unique<MemoryStore>(std::move(content));
}

void World::take(const fleet::Input& input) {
  Batch batch;
  fleet_->take(input, fleet_now(), {}, batch);
  fleet_->save(batch);
  const auto committed = store_->commit(batch);
  assert(committed);
  const auto done = fleet_->committed();
  for (const auto& event : done.events) say("   o " + print(event.recorded.event));
  for (const auto& message : done.messages) {
    const auto each = [&](const NodeId& id, const auto& deliver) {
      for (auto& machine : machines)
        if (machine.id == id && machine.connected) deliver(machine);
    };
    std::visit(Overload{[&](const fleet::CallRoll&) {
                          retained_call_ = make_roll_call(fleet_->machine().settings, fleet_->state(), fleet_->link());
                          for (auto& machine : machines)
                            if (machine.connected) machine.roll_call = retained_call_;
                        },
                        [&](const fleet::SendReceived& m) {
                          const auto received = make_received(fleet_->state(), fleet_->link(), m.node, m.welcome, fleet_now());
                          each(m.node, [&](Machine& machine) { machine.received.push_back(received); });
                        },
                        [&](const fleet::PublishDocument& m) {
                          const auto& newest = fleet_->state().nodes.at(m.node).newest;
                          const auto topic = static_cast<int>(newest.topic);
                          retained_[{m.node, topic}] = newest.document;
                          each(m.node,
                               [&](Machine& machine) { machine.documents[static_cast<std::size_t>(topic)].push_back(newest.document); });
                        },
                        [](const fleet::AnnounceProfile&) {}, [&](const fleet::Reply& m) { replies_.push_back(m); }},
               message);
  }
}

void World::hear(const FromNode& message) {
  if (!fleet_ || !fleet_connected_) return;  // the broker gave it to nobody
  if (message.hello) return take(fleet::HelloHeard{message.node, message.journal, message.session, *message.hello});
  auto envelope = decode(message.bytes);
  assert(envelope);
  fleet::NodeEventHeard heard;
  heard.node = message.node;
  heard.journal = envelope->journal;
  heard.sequence = envelope->sequence;
  heard.after = envelope->after;
  heard.chain = chain_after(envelope->after, message.bytes);
  heard.session = envelope->session;
  heard.at_ms = envelope->at_ms;
  heard.clock_trusted = envelope->clock_trusted;
  heard.envelope = message.bytes;
  heard.event = std::get<NodeEvent>(envelope->payload);
  take(heard);
}

Result<fleet::Answer> World::ask(fleet::Operation operation) {
  if (!fleet_) return fail(Code::unavailable, "the orchestrator does not run");
  replies_.clear();
  take(fleet::Request{"r" + std::to_string(++requests_), std::move(operation)});
  assert(replies_.size() == 1);
  return replies_.front().answer;
}

std::string World::policy(const std::string& target, bool allow_downgrade) {
  Policy policy;
  policy.name = target.empty() ? "latest" : target;
  if (!target.empty()) {
    policy.update_policy = UpdatePolicy::target;
    policy.target_os_id = "Microvisor " + target;
    policy.allow_downgrade = allow_downgrade;
  }
  const auto answer = ask(fleet::CreatePolicy{policy});
  return answer ? answer->id : std::string();
}

void World::publish_image(const std::string& version) {
  if (!fleet_) return;
  fleet::ProfilesRead read;
  read.found.push_back({"releases#" + version, image(version)});
  take(read);
}

std::string World::open_window(std::size_t machine, std::int64_t in_seconds, std::int64_t for_seconds) {
  Schedule schedule;
  schedule.host_id = host(machine);
  schedule.start_seconds = now_ms / 1000 + in_seconds;
  schedule.end_seconds = for_seconds == 0 ? 0 : schedule.start_seconds + for_seconds;
  const auto answer = ask(fleet::CreateSchedule{schedule});
  if (answer) schedules_.push_back(answer->id);
  return answer ? answer->id : std::string();
}

void World::operator_does_something() {
  if (!fleet_ || fleet_->state().nodes.empty()) return;
  const auto machine = random.below(machines.size());
  if (!fleet_->state().nodes.contains(machines[machine].id)) return;
  const std::string name = host(machine);
  const auto& policies = fleet_->state().policies;
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2: {
      if (policies.empty()) return;
      auto place = policies.begin();
      std::advance(place, static_cast<std::ptrdiff_t>(random.below(policies.size())));
      (void)ask(fleet::LinkPolicy{name, place->first});
      return;
    }
    case 3:
      (void)ask(fleet::UnlinkPolicy{name});
      return;
    case 4:
      (void)ask(fleet::AbortUpdate{name});
      return;
    case 5:
      (void)ask(fleet::PauseUpdate{name, true});
      return;
    case 6:
      (void)ask(fleet::PauseUpdate{name, false});
      return;
    case 7:
    case 8:
    case 9: {
      const auto start = static_cast<std::int64_t>(random.below(30));
      open_window(machine, start, static_cast<std::int64_t>(random.below(300)));
      return;
    }
    case 10: {
      if (schedules_.empty()) return;
      const auto place = random.below(schedules_.size());
      (void)ask(fleet::DeleteSchedule{schedules_[place]});
      schedules_.erase(schedules_.begin() + static_cast<std::ptrdiff_t>(place));
      return;
    }
    default:
      publish_image(newer);
      return;
  }
}

// ---- machines --------------------------------------------------------------------------------------------------------

Identity World::measure(const Machine& machine) const {
  const auto& version = machine.slots[index(machine.running)];
  return {"nonrt", version, "x86_64", image(version).raw.sha256, "0.1"};
}

void World::boot(Machine& machine) {
  Slot slot = machine.one_shot.value_or(machine.default_slot);
  machine.one_shot.reset();
  if (machine.slots[index(slot)].empty()) slot = machine.default_slot;
  if (slot != machine.default_slot) machine.came_up = true;
  machine.power = true;
  machine.running = slot;
  ++machine.boots;
  now_ms += boot_takes_ms;
  machine.booted_at_ms = now_ms - 1'000;
  say("-- machine boots slot " + std::string(to_string(slot)) + " with " + machine.slots[index(slot)]);
}

void World::start_agent(Machine& machine) {
  node::Link link;
  link.random = Random{random.next()};
  auto host = AgentHost::open(node::UpdateMachine{agent_settings()}, *machine.store, scope, std::move(link), SessionId{random.next_id()});
  assert(host);
  machine.agent.emplace(std::move(*host));
  machine.agent->link().acked = machine.agent->journal().head().acked;
  if (machine.agent->empty()) {
    Batch batch;
    machine.agent->begin(JournalId{random.next_id()}, batch);
    const auto committed = machine.store->commit(batch);
    assert(committed);
  }
  say("-- agent starts");
  node::Booted booted;
  booted.boot = boot_id(machine);
  booted.running = machine.running;
  booted.default_slot = machine.default_slot;
  booted.came_up = machine.came_up;
  booted.identity = measure(machine);
  take(machine, booted);
}

void World::take(Machine& machine, const node::Input& input) {
  auto& agent = *machine.agent;
  Batch batch;
  agent.take(input, machine_now(machine), {}, batch);
  agent.save(batch);
  const auto committed = machine.store->commit(batch);
  assert(committed);
  const auto done = agent.committed();
  for (const auto& event : done.events) {
    const auto& recorded = event.recorded;
    say("   n " + std::to_string(recorded.sequence) + " " + print(recorded.event));
    if (const auto* accepted = std::get_if<Accepted>(&recorded.event)) ++machine.accepted[{recorded.journal, accepted->offer}];
    if (const auto ended = outcome_of(recorded.event); ended.kind != OutcomeKind::none) ++machine.outcomes[{recorded.journal, ended.offer}];
  }
  for (const auto& message : done.messages) {
    if (std::holds_alternative<node::EventOmitted>(message)) {
      agent.omit();
      continue;
    }
    if (!machine.connected) continue;
    FromNode hello;
    hello.node = machine.id;
    hello.journal = agent.state().journal;
    hello.session = agent.session();
    hello.hello = make_hello(agent.state(), agent.link(), agent.journal().head().base, agent.journal().head().base_chain);
    machine.up.push_back(std::move(hello));
  }
}

void World::connect(Machine& machine) {
  machine.connected = true;
  machine.roll_call = retained_call_;
  for (const auto& [key, document] : retained_)
    if (key.first == machine.id) machine.documents[static_cast<std::size_t>(key.second)].push_back(document);
  say("-- node connects");
  take(machine, node::Connected{});
}

void World::lose_connection(Machine& machine, bool late) {
  if (!machine.connected) return;
  say(late ? "-- node loses its connection; one message comes later" : "-- node loses its connection");
  machine.connected = false;
  if (late && !machine.up.empty()) machine.late.push_back(machine.up[random.below(machine.up.size())]);
  machine.up.clear();
  machine.received.clear();
  for (auto& queue : machine.documents) queue.clear();
  machine.roll_call.reset();
  machine.welcomes = 0;
  if (machine.agent) take(machine, node::Disconnected{});
}

void World::kill_agent(Machine& machine) {
  if (!machine.agent) return;
  say("-- agent is killed");
  lose_connection(machine, false);
  machine.agent.reset();
  machine.writing = false;
}

void World::cut_power(Machine& machine) {
  if (!machine.power) return;
  say("-- power is cut");
  kill_agent(machine);
  machine.power = false;
}

void World::wipe(Machine& machine) {
  say("-- node loses its disk");
  kill_agent(machine);
  machine.store = std::make_unique<MemoryStore>();
}

void World::restart_broker() {
  say("-- broker restarts and remembers nothing");
  disconnect_orchestrator();
  for (auto& machine : machines) lose_connection(machine, false);
  retained_call_.reset();
  retained_.clear();
}

Machine& World::clone(std::size_t which) {
  auto& original = machines[which];
  Machine copy;
  copy.id = original.id;
  copy.store = std::make_unique<MemoryStore>(original.store->content());
  copy.slots = original.slots;
  copy.default_slot = original.default_slot;
  copy.boots = 1000;
  machines.push_back(std::move(copy));
  return machines.back();
}

void World::perform(Machine& machine, const node::Effect& effect) {
  const auto boot = boot_id(machine);
  std::visit(Overload{
                 [&](const node::ClearBootState&) {
                   machine.one_shot.reset();
                   machine.came_up = false;
                   take(machine, node::BootStateCleared{boot, ""});
                 },
                 [&](const node::ReturnToDefault&) { cut_power(machine); },
                 [&](const node::Stage& e) {
                   auto& slot = machine.slots[index(e.slot)];
                   assert(e.slot != machine.running && e.slot != machine.default_slot);
                   machine.came_up = false;
                   const bool reused = slot == e.release.os_image_id;
                   if (!reused && !machine.writing) {
                     machine.writing = true;
                     slot.clear();
                     return;
                   }
                   machine.writing = false;
                   slot = e.release.os_image_id;
                   node::StagingEnded ended;
                   ended.offer = e.offer;
                   ended.boot = boot;
                   ended.slot = e.slot;
                   ended.digest = image(slot).raw.sha256;
                   ended.bytes = 1000;
                   ended.reused = reused;
                   take(machine, ended);
                 },
                 [&](const node::ArmOnce& e) {
                   machine.one_shot = e.slot;
                   take(machine, node::OneShotArmed{e.offer, boot, "", e.order});
                 },
                 [&](const node::ClearOneShot& e) {
                   machine.one_shot.reset();
                   take(machine, node::OneShotCleared{e.offer, boot, "", e.order});
                 },
                 [&](const node::Reboot&) { cut_power(machine); },
                 [&](const node::CheckHealth& e) {
                   const bool healthy = machine.slots[index(machine.running)] != sick;
                   node::HealthJudged judged;
                   judged.offer = e.offer;
                   judged.boot = boot;
                   judged.healthy = healthy;
                   judged.reason = healthy ? Reason::none : Reason::unhealthy;
                   take(machine, judged);
                 },
                 [&](const node::ConfirmBoot& e) {
                   assert(machine.running == e.slot);
                   machine.default_slot = e.slot;
                   take(machine, node::BootConfirmed{e.offer, boot, machine.running, machine.default_slot, measure(machine).digest, ""});
                 },
                 [&](const node::GoBack&) { cut_power(machine); },
             },
             effect);
}

bool World::may_publish(Machine& machine) const {
  if (!machine.agent || !machine.connected || !node::may_send_events(machine.agent->link())) return false;
  const auto& head = machine.agent->journal().head();
  const auto& link = machine.agent->link();
  const auto next = link.welcomes != machine.welcomes ? link.send_from : machine.next_to_send;
  return std::max(next, head.base + 1) <= head.last;
}

void World::publish_event(Machine& machine) {
  const auto& head = machine.agent->journal().head();
  const auto& link = machine.agent->link();
  if (link.welcomes != machine.welcomes) {
    machine.welcomes = link.welcomes;
    machine.next_to_send = link.send_from;
  }
  const auto sequence = std::max(machine.next_to_send, head.base + 1);
  const auto read = machine.agent->journal().read(sequence, sequence, [&](std::uint64_t, Chain, std::string_view bytes) {
    FromNode message;
    message.node = machine.id;
    message.bytes = std::string(bytes);
    message.sequence = sequence;
    machine.up.push_back(std::move(message));
    return true;
  });
  assert(read);
  machine.next_to_send = sequence + 1;
}

// ---- what happens ----------------------------------------------------------------------------------------------------

void World::moves_of(Machine& machine, std::vector<Move>& list) {
  if (!machine.power) {
    list.push_back({1, [this, &machine] { boot(machine); }});
    return;
  }
  if (!machine.agent) {
    list.push_back({1, [this, &machine] { start_agent(machine); }});
    return;
  }
  for (const auto& effect : machine.agent->todo(machine_now(machine)))
    list.push_back({3, [this, &machine, effect] { perform(machine, effect); }});
  if (!machine.connected) {
    list.push_back({1, [this, &machine] { connect(machine); }});
    return;
  }
  if (may_publish(machine)) list.push_back({3, [this, &machine] { publish_event(machine); }});
  if (machine.roll_call)
    list.push_back({3, [this, &machine] {
                      const auto call = *std::exchange(machine.roll_call, std::nullopt);
                      take(machine, node::RollCallHeard{call});
                    }});
  if (!machine.received.empty())
    list.push_back({3, [this, &machine] {
                      node::ReceivedHeard heard{machine.received.front(), std::nullopt};
                      machine.received.pop_front();
                      const auto chain = machine.agent->journal().chain_at(heard.received.upto);
                      if (chain) heard.own_chain = *chain;
                      take(machine, heard);
                    }});
  for (auto& queue : machine.documents)
    if (!queue.empty())
      list.push_back({3, [this, &machine, &queue] {
                        const Document document = queue.front();
                        queue.pop_front();
                        auto body = decode_body(document.body);
                        assert(body);
                        node::DocumentHeard heard;
                        heard.number = document.number;
                        heard.digest = sha256(document.body);
                        heard.tag = document.tag;
                        heard.body = document.body;
                        heard.link = body->link;
                        heard.window = body->window;
                        take(machine, heard);
                      }});
}

std::vector<World::Move> World::moves() {
  std::vector<Move> list;
  if (!fleet_) {
    list.push_back({1, [this] { start_orchestrator(); }});
  } else if (!fleet_connected_) {
    list.push_back({1, [this] { connect_orchestrator(); }});
  }
  for (auto& machine : machines) {
    moves_of(machine, list);
    for (auto* queue : {&machine.up, &machine.late})
      if (!queue->empty())
        list.push_back({3, [this, queue] {
                          const auto message = queue->front();
                          queue->pop_front();
                          hear(message);
                        }});
  }
  return list;
}

bool World::step() {
  const auto list = moves();
  if (list.empty()) return false;
  int weights = 0;
  for (const auto& move : list) weights += move.weight;
  auto drawn = static_cast<int>(random.below(static_cast<std::uint64_t>(weights)));
  now_ms += step_takes_ms;
  for (const auto& move : list) {
    drawn -= move.weight;
    if (drawn < 0) {
      move.make();
      return true;
    }
  }
  return true;
}

void World::pass_time() {
  std::optional<std::int64_t> wait;
  const auto by = [&](std::optional<std::int64_t> look, const Now& now) {
    if (look) wait = std::min(wait.value_or(INT64_MAX), std::max<std::int64_t>(*look - now.mono_ms, 1));
  };
  if (fleet_) by(fleet_->look_again(fleet_now()), fleet_now());
  for (auto& machine : machines)
    if (machine.agent) by(machine.agent->look_again(machine_now(machine)), machine_now(machine));
  now_ms += wait.value_or(60'000);
  if (fleet_) {
    const auto look = fleet_->look_again(fleet_now());
    if (look && *look <= fleet_now().mono_ms) take(fleet::Tick{});
  }
  for (auto& machine : machines) {
    if (!machine.agent) continue;
    const auto look = machine.agent->look_again(machine_now(machine));
    if (look && *look <= machine_now(machine).mono_ms) take(machine, node::Tick{});
  }
}

bool World::run(const std::function<bool()>& until, int steps_max) {
  for (int steps = 0; steps < steps_max; ++steps) {
    if (until()) return true;
    if (!step()) pass_time();
  }
  return until();
}

void World::something_breaks() {
  auto& machine = machines[random.below(machines.size())];
  switch (random.below(12)) {
    case 0:
      kill_agent(machine);
      return;
    case 1:
      cut_power(machine);
      return;
    case 2:
    case 3:
      lose_connection(machine, random.below(2) == 0);
      return;
    case 4:
      kill_orchestrator();
      return;
    case 5:
      disconnect_orchestrator();
      return;
    case 6:
      restart_broker();
      return;
    case 7:
      if (!machine.up.empty()) machine.up.pop_front();
      return;
    case 8:
      if (!machine.received.empty()) machine.received.pop_front();
      return;
    case 9:
      for (auto& queue : machine.documents)
        if (!queue.empty()) {
          queue.pop_front();
          return;
        }
      return;
    case 10:
      machine.roll_call.reset();
      return;
    default:
      if (!machine.received.empty()) machine.received.push_back(machine.received.front());
      if (!machine.up.empty()) machine.up.push_back(machine.up.front());
      return;
  }
}

// ---- judgement -------------------------------------------------------------------------------------------------------

bool World::at_rest(std::size_t which) const {
  const auto& machine = machines[which];
  if (!fleet_ || !fleet_connected_ || !machine.agent || !machine.connected || !fleet_->state().nodes.contains(machine.id)) return false;
  const auto& node = fleet_->state().nodes.at(machine.id);
  const auto& agent = *machine.agent;
  const auto& head = agent.journal().head();
  if (!machine.up.empty() || !machine.received.empty() || machine.roll_call || !machine.late.empty()) return false;
  for (const auto& queue : machine.documents)
    if (!queue.empty()) return false;
  if (node.held || node.conflict) return false;
  return node::synced(agent.state(), agent.link()) && agent.link().acked == head.last && node.journal == head.id &&
         node.upto == head.last && agent.state().held.number == node.newest.document.number && agent.state().phase == Phase::idle;
}

std::vector<std::string> World::wrong() {
  std::vector<std::string> list;
  const auto check = [&](bool fine, const std::string& what) {
    if (!fine) list.push_back(what);
  };
  const auto folds = [&](const Result<std::vector<std::string>>& differing, const std::string& whose) {
    check(differing.has_value() && differing->empty(), whose + " rows are not the fold of the journal");
  };
  folds(FleetHost::verify(*store_, plant), "the orchestrator's");
  for (std::size_t i = 0; i < machines.size(); ++i) {
    auto& machine = machines[i];
    folds(AgentHost::verify(*machine.store, scope), "the node's");
    check(at_rest(i), "not at rest");
    if (!at_rest(i)) continue;
    const auto& node = seen(i);
    const auto& state = truth(i);
    check(node.chain == state.chain, "another chain");
    check(node.phase == state.phase && node.offer == state.offer, "phase or offer of the picture");
    check(node.outcome == state.outcome, "outcome of the picture");
    check(node.identity == state.identity, "identity of the picture");
    check(node.slot == state.running && node.boot == state.boot, "slot or boot of the picture");
    check(node.taken == state.held.number, "document of the picture");
    check(node.identity.os_image_id == machine.slots[index(machine.running)], "what really runs");
    check(machine.running == machine.default_slot, "the default is not what runs");
    check(!machine.one_shot, "something is armed");
    check(node.superseded.empty(), "an older run is open still");
    const bool asks = node.newest.link && !node.newest.link->aborted;
    check(!asks || std::any_of(machine.accepted.begin(), machine.accepted.end(),
                               [&](const auto& one) { return one.first.second == node.newest.link->offer; }),
          "it is asked for something and has not answered");
    check(!node.run || node.run->end_ms != 0, "the newest run is open still");
    check(!fleet_->machine().waits_for(fleet_->state(), fleet_->link(), fleet_now(), machine.id).empty(), "nobody can say why");
    for (const auto& [key, count] : machine.accepted) check(count == 1, "accepted twice in one journal: " + to_string(key.second));
    for (const auto& [key, count] : machine.outcomes) check(count == 1, "two outcomes in one journal: " + to_string(key.second));
  }
  std::map<std::string, int> closed;
  const auto head = Journal::read_head(*store_, plant);
  assert(head);
  const auto read = Journal::read(*store_, plant, head->id, head->base + 1, head->last, [&](std::uint64_t, Chain, std::string_view bytes) {
    const auto envelope = decode(bytes);
    assert(envelope);
    if (const auto* run = std::get_if<RunClosed>(&std::get<OrchestratorEvent>(envelope->payload))) ++closed[run->run_id];
    return true;
  });
  assert(read);
  for (const auto& [run, count] : closed) check(count == 1, "run closed " + std::to_string(count) + " times: " + run);
  return list;
}

}  // namespace abide::test
