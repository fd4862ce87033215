// How the people keep the orchestrator to what their notebook says: after a crash, after a restore, for ever.
#include <algorithm>
#include <utility>

#include "simulators/world/control.hpp"
#include "simulators/world/heap.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/operator.hpp"

namespace abide::sim {
namespace {

constexpr std::int64_t look_ms_min = 60'000, look_ms_max = 6 * 60'000, look_again_ms = 5'000;
constexpr std::int64_t thinks_ms = 20 * 60'000;  // before a held node is confirmed, or a conflict resolved
constexpr std::int64_t visits_ms = 4 * 3'600'000, visits_soon_ms = 10 * 60'000, switched_off_ms = 30'000;
constexpr std::int64_t keeps_over_seconds = 1'800;  // a window that is over stays in the notebook

}  // namespace

void Operator::look_after() {
  bool more = busy_ || !orders_.empty();
  if (world_.control().runs() && !more) {
    const bool refused = std::exchange(refused_, false);
    auto differences = in_the_plan();
    const bool as_planned = differences.empty();
    for (const auto& [id, node] : world_.control().state().nodes)
      if (auto operation = in_node(id, node)) differences.push_back(std::move(*operation));
    for (auto& operation : differences) order(std::move(operation));
    // Nothing is confirmed while anything differs; nor by what was seen before the orchestrator was another.
    if (differences.empty() && as_planned) {
      for (const auto& [id, node] : world_.control().state().nodes) {
        auto operation = wrongly_held(id, node);
        if (!operation) continue;
        order(std::move(*operation), [this, node_id = id] {
          const auto* now = world_.control().runs() ? world_.control().node(node_id) : nullptr;
          return now != nullptr && in_the_plan().empty() && !in_node(node_id, *now);
        });
      }
    }
    more = !refused && (busy_ || !orders_.empty());
    visit_stranded();
  }
  world_.heap().at(world_.now_ms() + (more ? look_again_ms : draw_ms(look_ms_min, look_ms_max)), [this] { look_after(); });
}

std::vector<fleet::Operation> Operator::in_the_plan() {
  std::vector<fleet::Operation> differences;
  const auto& state = world_.control().state();
  for (MachineIndex i = 0; i < world_.plan().nodes; ++i) {
    const auto& machine = world_.machine(i);
    if (!state.nodes.contains(machine.id())) differences.push_back(fleet::RegisterHost{machine.id(), machine.name()});
  }
  in_policies(differences);
  in_windows(differences);
  return differences;
}

void Operator::in_policies(std::vector<fleet::Operation>& differences) const {
  const auto& state = world_.control().state();
  for (const auto& [name, note] : policies_) {
    if (state.policies_by_name.contains(name)) continue;
    Policy policy;
    policy.name = name;
    if (!note.target.empty()) {
      policy.update_policy = UpdatePolicy::target;
      policy.allow_downgrade = note.allow_downgrade;
      policy.target_os_id = world_.image(note.target).resource().name;
      if (!state.os_by_name.contains(policy.target_os_id)) continue;  // discovery is not through yet
    }
    differences.push_back(fleet::CreatePolicy{policy});
  }
}

void Operator::in_windows(std::vector<fleet::Operation>& differences) {
  const auto& state = world_.control().state();
  const std::int64_t now_seconds = clock_seconds();
  for (auto note = windows_.begin(); note != windows_.end();) {
    const bool over = note->second.end_seconds != 0 && note->second.end_seconds + keeps_over_seconds < now_seconds;
    note = over ? windows_.erase(note) : std::next(note);
  }
  std::map<std::string, const Schedule*> known;
  for (const auto& [id, schedule] : state.schedules) {
    known[schedule.value.name] = &schedule.value;
    if (!windows_.contains(schedule.value.name)) differences.push_back(fleet::DeleteSchedule{id});
  }
  for (auto& [name, note] : windows_) {
    const auto found = known.find(name);
    const Schedule* before = found == known.end() ? nullptr : found->second;
    if (before != nullptr && before->start_seconds == note.start_seconds && before->end_seconds == note.end_seconds) continue;
    if (!state.nodes.contains(note.node)) continue;
    // What should have begun by now begins now.
    const bool kept = before != nullptr && before->start_seconds == note.start_seconds;
    if (!kept) note.start_seconds = std::max(note.start_seconds, now_seconds + 2);
    if (note.end_seconds != 0 && note.end_seconds <= note.start_seconds) note.end_seconds = note.start_seconds + 60;
    Schedule schedule;
    if (before != nullptr) schedule = *before;
    schedule.name = name;
    schedule.start_seconds = note.start_seconds;
    schedule.end_seconds = note.end_seconds;
    schedule.host_id = to_string(note.node);
    if (before != nullptr) {
      differences.push_back(fleet::EditSchedule{schedule});
    } else {
      differences.push_back(fleet::CreateSchedule{schedule});
    }
  }
}

std::optional<fleet::Operation> Operator::in_node(const NodeId& id, const fleet::Node& node) {
  const auto& state = world_.control().state();
  const std::string host = to_string(id);
  auto& wish = wishes_[id];
  // An update that was aborted since the backup is not asked for again by confirming.
  if (node.held && !wish.aborted_image.empty() && !(node.newest.link && node.newest.link->aborted)) wish.policy.clear();
  if (wish.policy.empty()) {
    if (!node.policy_id.empty() || (node.newest.link && !node.held)) return fleet::UnlinkPolicy{host};
  } else {
    const auto policy = state.policies.find(node.policy_id);
    const bool as_wished = policy != state.policies.end() && policy->second.value.name == wish.policy;
    if (!as_wished && state.policies_by_name.contains(wish.policy)) return fleet::LinkPolicy{host, wish.policy};
  }
  if (!node.policy_id.empty() && node.paused != wish.paused) return fleet::PauseUpdate{host, wish.paused};
  return std::nullopt;
}

std::optional<fleet::Operation> Operator::wrongly_held(const NodeId& id, const fleet::Node& node) {
  if (!node.held && !node.conflict) {
    seen_at_ms_.erase(id);
    return std::nullopt;
  }
  const auto seen = seen_at_ms_.emplace(id, world_.now_ms() + (settling_ ? 0 : draw_ms(0, thinks_ms))).first;
  if (world_.now_ms() < seen->second) return std::nullopt;
  if (node.conflict) return in_conflict(id, node);
  return fleet::ConfirmNode{to_string(id)};
}

// A node that runs a slot which is not the default, and has nothing more to try, stays up until somebody comes.
void Operator::visit_stranded() {
  for (MachineIndex i = 0; i < world_.machine_count(); ++i) {
    auto& machine = world_.machine(i);
    const bool stranded = machine.agent_runs() && machine.running() != machine.default_slot() && machine.state().phase == Phase::idle &&
                          !machine.state().returning;
    if (!stranded) {
      visit_at_ms_.erase(i);
      continue;
    }
    const auto visit = visit_at_ms_.emplace(i, world_.now_ms() + draw_ms(0, settling_ ? visits_soon_ms : visits_ms)).first;
    if (world_.now_ms() < visit->second) continue;
    world_.say("people", "switch " + machine.name() + " off and on");
    machine.cut_power(switched_off_ms);
  }
}

// One machine is right; the others are taken away first.
fleet::Operation Operator::in_conflict(const NodeId& id, const fleet::Node& node) {
  Machine* right = nullptr;
  std::vector<Machine*> living;
  for (MachineIndex i = 0; i < world_.machine_count(); ++i) {
    auto& machine = world_.machine(i);
    if (machine.id() == id && !machine.gone()) living.push_back(&machine);
  }
  if (!living.empty()) right = living[world_.random(World::Stream::people).below(living.size())];
  for (auto* machine : living)
    if (machine != right) machine->leave_for_ever();
  JournalId journal = right == nullptr ? JournalId{} : right->head().id;
  // It has begun another one since: either of the two is as good.
  if (journal != node.journal && journal != node.conflict_with) journal = ++resolutions_ % 2 == 0 ? node.journal : node.conflict_with;
  return fleet::ResolveConflict{to_string(id), journal};
}

}  // namespace abide::sim
