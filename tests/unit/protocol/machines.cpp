// The machines: hardware, agent process, connection, effects.
#include <algorithm>
#include <cassert>

#include "common/core/hash.hpp"
#include "common/events/print.hpp"
#include "tests/unit/protocol/world.hpp"

namespace abide::test {
namespace {

template <class... Ts>
struct Overload : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overload(Ts...) -> Overload<Ts...>;

constexpr std::int64_t boot_takes_ms = 2'000;

node::Settings agent_settings() {
  node::Settings settings;
  settings.switch_time_ms = 10'000;
  return settings;
}

std::size_t index(Slot slot) {
  return static_cast<std::size_t>(slot);
}

}  // namespace

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
  auto host =
      AgentHost::open(node::UpdateMachine{agent_settings()}, *machine.store, machine_scope, std::move(link), SessionId{random.next_id()});
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
  booted.boot = machine.boot_id();
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
  const auto boot = machine.boot_id();
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
                   if (!healthy) judged.evidence = {"smoke", "starting\nno route to the plant\n", 3, BootCause::other, "exit status 1"};
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

}  // namespace abide::test
