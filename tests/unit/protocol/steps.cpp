// What may happen next, faults, and what must hold in the end.
#include <algorithm>
#include <cassert>

#include "common/core/hash.hpp"
#include "tests/unit/protocol/world.hpp"

namespace abide::test {
namespace {

constexpr std::int64_t step_takes_ms = 3;

}  // namespace

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
  folds(FleetHost::verify(*store_, plant_scope), "the orchestrator's");
  for (std::size_t i = 0; i < machines.size(); ++i) {
    auto& machine = machines[i];
    folds(AgentHost::verify(*machine.store, machine_scope), "the node's");
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
    check(node.identity.os_image_id == machine.slots[static_cast<std::size_t>(machine.running)], "what really runs");
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
  const auto head = Journal::read_head(*store_, plant_scope);
  assert(head);
  const auto read =
      Journal::read(*store_, plant_scope, head->id, head->base + 1, head->last, [&](std::uint64_t, Chain, std::string_view bytes) {
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
