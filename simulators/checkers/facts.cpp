#include "simulators/checkers/facts.hpp"

#include <algorithm>
#include <cstdlib>

#include "common/core/hash.hpp"
#include "orchestrator/rows.hpp"
#include "simulators/world/control.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

constexpr std::int64_t clock_agrees_ms = 30'000;  // protocol 1.5
constexpr std::int64_t switch_time_plausible_ms = 30 * 60'000;
constexpr std::size_t switch_times_kept = 3;

// What the checkers do not ask for is not kept.
bool of_interest(const OrchestratorEvent& event) {
  return std::visit(
      [](const auto& e) {
        using E = std::decay_t<decltype(e)>;
        return std::is_same_v<E, DocumentIssued> || std::is_same_v<E, NodeEventStored> || std::is_same_v<E, JournalAdopted> ||
               std::is_same_v<E, JournalRetired> || std::is_same_v<E, GapNoted> || std::is_same_v<E, PictureCorrected> ||
               std::is_same_v<E, IdentityConflict> || std::is_same_v<E, IdentityResolved> || std::is_same_v<E, NodeHeld> ||
               std::is_same_v<E, NodeConfirmed> || std::is_same_v<E, NodeRegistered> || std::is_same_v<E, RunOpened> ||
               std::is_same_v<E, RunClosed> || std::is_same_v<E, EpochRaised>;
      },
      event);
}

// The phase that an event leaves; nothing where it leaves it as it was.
struct PhaseAfter {
  std::optional<Phase> operator()(const Accepted&) const { return Phase::staging; }
  std::optional<Phase> operator()(const ImageStaged&) const { return Phase::staged; }
  std::optional<Phase> operator()(const SwitchBegan&) const { return Phase::switching; }
  std::optional<Phase> operator()(const RebootOrdered&) const { return Phase::rebooting; }
  std::optional<Phase> operator()(const SwitchWithdrawn&) const { return Phase::switching; }
  std::optional<Phase> operator()(const SwitchCleared&) const { return Phase::staged; }
  std::optional<Phase> operator()(const TrialStarted&) const { return Phase::on_trial; }
  std::optional<Phase> operator()(const TrialInterrupted&) const { return Phase::staging; }
  std::optional<Phase> operator()(const TrialPassed&) const { return Phase::confirming; }
  std::optional<Phase> operator()(const RollbackBegan&) const { return Phase::rolling_back; }
  std::optional<Phase> operator()(const Succeeded&) const { return Phase::idle; }
  std::optional<Phase> operator()(const Failed&) const { return Phase::idle; }
  std::optional<Phase> operator()(const RolledBack&) const { return Phase::idle; }
  std::optional<Phase> operator()(const Cancelled&) const { return Phase::idle; }
  template <class Other>
  std::optional<Phase> operator()(const Other&) const {
    return std::nullopt;
  }
};

}  // namespace

// ---- asking -----------------------------------------------------------------------------------------------------------

MachineFact& Facts::of(MachineIndex index) {
  if (machines_.size() <= index) machines_.resize(index + 1);
  return machines_[index];
}

const MachineFact& Facts::machine(MachineIndex index) const {
  static const MachineFact nothing;
  return index < machines_.size() ? machines_[index] : nothing;
}

const NodeFact& Facts::node(const NodeId& id) const {
  static const NodeFact nothing;
  const auto found = nodes_.find(id);
  return found == nodes_.end() ? nothing : found->second;
}

const IssuedFact* Facts::issued(Number number, const Digest& digest) const {
  const auto found = documents_.find({number, digest});
  return found == documents_.end() ? nullptr : &found->second;
}

std::pair<Facts::Documents::const_iterator, Facts::Documents::const_iterator> Facts::issued(Number number) const {
  return {documents_.lower_bound({number, Digest{}}), documents_.lower_bound({Number{number.epoch, number.revision + 1}, Digest{}})};
}

const JournaledFact* Facts::journaled(Chain chain) const {
  const auto found = journaled_.find(chain);
  return found == journaled_.end() ? nullptr : &found->second;
}

Number Facts::newest_at(const NodeId& id, std::int64_t at_ms) const {
  Number newest;
  for (const auto& [issued_ms, number] : node(id).issued) {
    if (issued_ms > at_ms) break;
    newest = number;
  }
  return newest;
}

// ---- decisions and commits --------------------------------------------------------------------------------------------

void Facts::decided(const World& world, const NodeDecided& decided) {
  auto& fact = of(decided.machine);
  if (std::holds_alternative<node::Booted>(decided.input)) begin_process(world, decided);
  hear(world, fact, decided.input, decided.now);
  if (decided.events.empty()) {
    if (std::holds_alternative<node::Booted>(decided.input)) fact.booted = true;  // it has nothing to commit
    return;
  }
  auto& pending = pending_[decided.machine];
  for (const auto& event : decided.events) pending.push_back({fact.link, event.recorded});
}

void Facts::hear(const World& world, MachineFact& fact, const node::Input& input, const Now& own) {
  if (std::holds_alternative<node::Connected>(input)) {
    fact.link.connected = true;
    fact.link.since_ms = fact.link.settled_ms = world.now_ms();
    fact.hellos.clear();
    fact.link.life.reset();
    fact.welcomed.reset();
  } else if (std::holds_alternative<node::Disconnected>(input) && fact.link.connected) {
    fact.link.connected = false;
    fact.link.since_ms = world.now_ms();
  } else if (const auto* call = std::get_if<node::RollCallHeard>(&input)) {
    if (fact.link.life != call->roll_call.life) fact.welcomed.reset();
    fact.link.life = call->roll_call.life;
  } else if (const auto* received = std::get_if<node::ReceivedHeard>(&input)) {
    const auto& welcome = received->received.welcome;
    if (!welcome) return;
    const auto hello = fact.hellos.find(welcome->nonce);
    if (hello == fact.hellos.end() || hello->second.answered_ms == 0) return;
    const auto said_ms = hello->second.said_ms;
    fact.link.settled_ms = std::max(fact.link.settled_ms, said_ms);
    fact.welcomed = MachineFact::Welcomed{welcome->now_ms, hello->second.answered_ms, welcome->head.epoch, hello->second.held};
    std::erase_if(fact.hellos, [&](const auto& other) { return other.second.said_ms < said_ms; });
    if (std::abs(own.wall_ms - welcome->now_ms) <= clock_agrees_ms) fact.clock_checked_ms = world.now_ms();
  }
}

// What a process had decided and not committed is gone with it. What it finds on its disk is what is durable there.
void Facts::begin_process(const World& world, const NodeDecided& decided) {
  auto& fact = of(decided.machine);
  const auto& disk = decided.before;
  pending_.erase(decided.machine);
  fact.booted = false;
  fact.link = {};
  fact.link.since_ms = world.now_ms();
  fact.hellos.clear();
  fact.welcomed.reset();
  if (disk.journal == fact.journal && disk.last == fact.last && disk.chain == fact.chain) return;
  if (disk.journal) {
    nodes_[world.machine(decided.machine).id()].went_back = fact.went_back = true;
    fact.went_back_in = world.machine(decided.machine).boot_id();
  }
  fact.journal = disk.journal;
  fact.last = disk.last;
  fact.chain = disk.chain;
  fact.held = disk.held.number;
  fact.held_digest = disk.held.digest;
  fact.phase = disk.phase;
  fact.started_in = disk.running;
  fact.confirmed_runs = disk.running == disk.default_slot;
  fact.target = disk.target;
  fact.offer = disk.offer;
  fact.outcome = disk.outcome;
  fact.accepted_sequence = disk.accepted_sequence;
  fact.accepted_chain_known = false;
  fact.switch_times_ms = disk.switch_times_ms;
  fact.switch_began_ms = disk.switch_began_ms;
  fact.offers.clear();
  if (disk.outcome.offer) fact.offers[disk.outcome.offer] = {true, disk.outcome.kind};
  if (disk.offer) fact.offers[disk.offer] = {true, OutcomeKind::none};
}

std::vector<Facts::Decided> Facts::durable_events(MachineIndex index) {
  of(index).booted = true;
  const auto found = pending_.find(index);
  if (found == pending_.end()) return {};
  return std::exchange(found->second, {});
}

void Facts::take(const World& world, MachineIndex index, const Recorded<NodeEvent>& recorded) {
  auto& fact = of(index);
  const NodeId& id = world.machine(index).id();
  if (recorded.journal != fact.journal) {  // an empty disk, or a fork
    fact.offers.clear();
    fact.journal = recorded.journal;
    fact.accepted_sequence = 0;
  }
  fact.last = recorded.sequence;
  fact.chain = recorded.chain;
  fact.journaled_ms = world.now_ms();
  journaled_[recorded.chain] = {recorded.journal, recorded.sequence, index};
  const auto accepted = [&](Number offer) {
    fact.offer = offer;
    fact.offers[offer].accepted = true;
    fact.accepted_sequence = recorded.sequence;
    fact.accepted_chain = recorded.chain;
    fact.accepted_chain_known = true;
  };
  if (const auto* taken = std::get_if<DocumentTaken>(&recorded.event)) {
    fact.held = taken->number;
    fact.held_digest = taken->digest;
  }
  if (const auto* began = std::get_if<Accepted>(&recorded.event)) accepted(began->offer);
  if (const auto* forked = std::get_if<JournalForked>(&recorded.event)) {
    if (forked->outcome.offer) fact.offers[forked->outcome.offer] = {true, forked->outcome.kind};
    if (forked->offer) accepted(forked->offer);
    fact.phase = forked->phase;
  }
  if (std::holds_alternative<SwitchBegan>(recorded.event)) fact.switch_began_ms = recorded.at_ms;
  if (std::holds_alternative<TrialStarted>(recorded.event) && fact.phase == Phase::rebooting) {
    const auto took_ms = recorded.at_ms - fact.switch_began_ms;
    if (took_ms > 0 && took_ms <= switch_time_plausible_ms) {
      if (fact.switch_times_ms.size() == switch_times_kept) fact.switch_times_ms.erase(fact.switch_times_ms.begin());
      fact.switch_times_ms.push_back(took_ms);
    }
  }
  if (const auto outcome = outcome_of(recorded.event); outcome.kind != OutcomeKind::none) {
    fact.offers[outcome.offer].outcome = outcome.kind;
    if (outcome.kind == OutcomeKind::succeeded) fact.confirmed_runs = true;
    fact.outcome = outcome;
    fact.offer = {};
    fact.accepted_sequence = 0;
    nodes_[id].outcomes[outcome.offer].insert(outcome.kind);
  }
  if (const auto phase = std::visit(PhaseAfter{}, recorded.event)) fact.phase = *phase;
  if (const auto* staged = std::get_if<ImageStaged>(&recorded.event)) fact.target = staged->slot;
  if (std::holds_alternative<Accepted>(recorded.event)) fact.target = other(fact.started_in);
  if (const auto* started = std::get_if<AgentStarted>(&recorded.event)) {
    fact.started_in = started->slot;
    fact.confirmed_runs = started->slot == started->default_slot;
    // Somebody has booted the slot that was being staged: then it goes to the other one.
    if ((fact.phase == Phase::staging || fact.phase == Phase::staged) && fact.target == started->slot) {
      fact.phase = Phase::staging;
      fact.target = other(started->slot);
    }
    if (fact.phase == Phase::staged) fact.phase = Phase::staging;  // it reads the slot again
  }
}

// ---- orchestrator -----------------------------------------------------------------------------------------------------

void Facts::decided(const World& world, const FleetDecided& decided) {
  if (std::holds_alternative<fleet::Started>(decided.input) || std::holds_alternative<fleet::CreateProject>(decided.input)) {
    fleet_pending_.clear();
    if (std::exchange(reload_, false)) load_restored(world);
  }
  if (world.control().clock_off_ms() != 0) clock_was_off_ = true;
  for (const auto& event : decided.events)
    if (of_interest(event.recorded.event)) fleet_pending_.push_back(event.recorded.event);
}

std::vector<OrchestratorEvent> Facts::durable_events() {
  return std::exchange(fleet_pending_, {});
}

void Facts::restored() {
  ++restores_;
  reload_ = true;
  lives_since_restore_.clear();
  fleet_pending_.clear();
}

void Facts::load_restored(const World& world) {
  const auto state = fleet::Rows::load(world.control().disk(), world.control().scope());
  if (!state) return;
  for (auto& [id, fact] : nodes_) {
    const auto found = state->nodes.find(id);
    const fleet::Node known = found == state->nodes.end() ? fleet::Node{} : found->second;
    fact.journal = known.journal;
    fact.upto = known.upto;
    fact.chain = known.chain;
    fact.newest = known.newest.document.number;
    fact.conflict = known.conflict;
    while (!fact.issued.empty() && fact.issued.back().second > fact.newest) fact.issued.pop_back();
    fact.held_by_restore = found != state->nodes.end();
    fact.rolled_back.clear();
  }
}

void Facts::take(const World& world, const OrchestratorEvent& event) {
  const auto now_ms = world.now_ms();
  const auto node = [&](const NodeId& id) -> NodeFact& {
    auto& fact = nodes_[id];
    fact.told_ms = now_ms;
    return fact;
  };
  if (const auto* raised = std::get_if<EpochRaised>(&event)) {
    epoch_ = raised->epoch;
  } else if (const auto* issued = std::get_if<DocumentIssued>(&event)) {
    auto& fact = node(issued->node);
    const auto number = issued->document.number;
    documents_[{number, sha256(issued->document.body)}] = {issued->node, issued->link, issued->window, restores_};
    fact.newest = number;
    fact.issued.emplace_back(now_ms, number);
  } else if (const auto* stored = std::get_if<NodeEventStored>(&event)) {
    auto& fact = node(stored->node);
    fact.upto = stored->sequence;
    fact.chain = stored->chain;
    stored_.insert(stored->chain);
    if (const auto* fell_back = std::get_if<RolledBack>(&stored->event)) fact.rolled_back.insert(fell_back->offer);
  } else if (const auto* adopted = std::get_if<JournalAdopted>(&event)) {
    auto& fact = node(adopted->node);
    fact.journal = adopted->journal;
    fact.upto = adopted->base;
    fact.chain = adopted->base_chain;
  } else if (const auto* gap = std::get_if<GapNoted>(&event)) {
    auto& fact = node(gap->node);
    fact.upto = gap->upto;
    fact.chain = gap->chain;
  } else if (const auto* conflict = std::get_if<IdentityConflict>(&event)) {
    node(conflict->node).conflict = true;
  } else if (const auto* resolved = std::get_if<IdentityResolved>(&event)) {
    auto& fact = node(resolved->node);
    fact.conflict = false;
    if (fact.journal != resolved->journal) {  // from where that journal was when it retired
      const auto& known = world.control().state().nodes.at(resolved->node);
      fact.journal = known.journal;
      fact.upto = known.upto;
      fact.chain = known.chain;
    }
  } else if (const auto* confirmed = std::get_if<NodeConfirmed>(&event)) {
    node(confirmed->node).held_by_restore = false;
  } else if (const auto* corrected = std::get_if<PictureCorrected>(&event)) {
    node(corrected->node);
  }
}

void Facts::remember(const World& world) {
  const auto& disk = world.control().disk();
  const auto& scope = world.control().scope();
  const auto each = [](const Reader& reader, std::string_view prefix, const auto& take_event) {
    const auto head = Journal::read_head(reader, prefix);
    if (!head || !head->id) return;
    (void)Journal::read(reader, prefix, head->id, head->base + 1, head->last,
                        [&](std::uint64_t sequence, Chain chain, std::string_view bytes) {
                          take_event(sequence, chain, bytes);
                          return true;
                        });
  };
  const auto ran = [&](const NodeId& id, const NodeEvent& event) {
    const auto* started = std::get_if<AgentStarted>(&event);
    if (started != nullptr) nodes_[id].ran.insert(started->identity.os_image_id);
  };
  each(disk, scope, [&](std::uint64_t sequence, Chain chain, std::string_view bytes) {
    const auto recorded = decode_recorded<OrchestratorEvent>(bytes, sequence, chain);
    if (!recorded) return;
    if (of_interest(recorded->event)) take(world, recorded->event);
    if (const auto* stored = std::get_if<NodeEventStored>(&recorded->event)) ran(stored->node, stored->event);
    if (const auto* corrected = std::get_if<PictureCorrected>(&recorded->event))
      nodes_[corrected->node].ran.insert(corrected->identity.os_image_id);
  });
  for (MachineIndex i = 0; i < world.machine_count(); ++i) {
    const auto& machine = world.machine(i);
    const auto head = machine.head();
    each(machine.disk(), node_scope, [&](std::uint64_t sequence, Chain chain, std::string_view bytes) {
      const auto recorded = decode_recorded<NodeEvent>(bytes, sequence, chain);
      if (!recorded) return;
      take(world, i, *recorded);
      if (sequence <= head.acked) stored_.insert(chain);  // by whoever served it then
      ran(machine.id(), recorded->event);
    });
    auto& fact = of(i);
    fact.confirmed = machine.slot(machine.default_slot()).version;
    const auto state = machine.state();
    if (state.phase == Phase::confirming) fact.healthy.insert(state.release.os_image_id);
  }
}

// ---- the bus ----------------------------------------------------------------------------------------------------------

void Facts::node_said(const World& world, MachineIndex index, const Envelope& envelope) {
  if (const auto* hello = std::get_if<Hello>(&envelope.payload)) of(index).hellos[hello->nonce] = {world.now_ms(), 0, hello->held.number};
}

void Facts::fleet_said(const World& world, const NodeId& to, const Envelope& envelope) {
  if (const auto* call = std::get_if<RollCall>(&envelope.payload)) lives_since_restore_.insert(call->life);
  const auto* received = std::get_if<Received>(&envelope.payload);
  if (received == nullptr || !received->welcome) return;
  for (const MachineIndex index : node(to).machines) {
    const auto hello = of(index).hellos.find(received->welcome->nonce);
    if (hello != of(index).hellos.end() && hello->second.answered_ms == 0) hello->second.answered_ms = world.now_ms();
  }
}

// ---- hardware ---------------------------------------------------------------------------------------------------------

void Facts::hardware(const World& world, const HardwareDid& did) {
  auto& fact = of(did.machine);
  const Machine& machine = world.machine(did.machine);
  switch (did.kind) {
    case HardwareDid::Kind::booted:
      fact.clock_checked_ms.reset();
      nodes_[machine.id()].machines.insert(did.machine);
      nodes_[machine.id()].ran.insert(machine.slot(did.slot).version);
      if (fact.confirmed.empty()) fact.confirmed = machine.slot(machine.default_slot()).version;
      break;
    case HardwareDid::Kind::default_set:
      fact.confirmed = machine.slot(did.slot).version;
      break;
    case HardwareDid::Kind::health_ran:
      if (did.healthy)
        fact.healthy.insert(machine.slot(did.slot).version);
      else
        fact.healthy.erase(machine.slot(did.slot).version);
      break;
    case HardwareDid::Kind::slot_written:
      fact.torn = false;
      break;
    case HardwareDid::Kind::came_up_cleared:  // by staging, which reads the slot now
      if (did.effect != nullptr && std::holds_alternative<node::Stage>(*did.effect)) fact.torn = false;
      break;
    case HardwareDid::Kind::agent_started:
    case HardwareDid::Kind::agent_ended:
    case HardwareDid::Kind::power_cut:
      fact.booted = false;
      pending_.erase(did.machine);
      break;
    case HardwareDid::Kind::slot_erased:
    case HardwareDid::Kind::one_shot_armed:
    case HardwareDid::Kind::one_shot_cleared:
    case HardwareDid::Kind::slot_marked_bad:
    case HardwareDid::Kind::reboot_ordered:
      break;
  }
}

void Facts::fault(const FaultHappened& happened) {
  if (happened.machine && happened.fault == Fault::torn_slot) of(*happened.machine).torn = true;
}

}  // namespace abide::sim
