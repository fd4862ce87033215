#include "simulators/situations/sightings.hpp"

#include <algorithm>

#include "common/core/version.hpp"
#include "common/events/codec.hpp"
#include "simulators/world/control.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

// What has not come after so long, with the longest delay far behind it, never will.
constexpr std::int64_t lost_after_ms = 6 * 3'600'000;

std::size_t key_of(std::string_view topic, std::string_view payload) {
  const std::hash<std::string_view> hash;
  return hash(topic) * 31 + hash(payload);
}

// "3.0.20260102.0417": the date, and the time of day.
bool builds_of_one_day(std::string_view left, std::string_view right) {
  const auto day = [](std::string_view version) { return version.substr(0, version.rfind('.')); };
  return left != right && day(left) == day(right) && std::count(left.begin(), left.end(), '.') == 3;
}

bool precedes(const std::string& left, const std::string& right) {
  const auto order = compare_versions(left, right);
  return order && *order == std::strong_ordering::less;
}

template <class Event>
const Event* find(const NodeDecided& decided) {
  for (const auto& event : decided.events)
    if (const auto* found = std::get_if<Event>(&event.recorded.event)) return found;
  return nullptr;
}

template <class Event>
const Event* find(const FleetDecided& decided) {
  for (const auto& event : decided.events)
    if (const auto* found = std::get_if<Event>(&event.recorded.event)) return found;
  return nullptr;
}

// ---- what a node has decided ---------------------------------------------------------------------------------------------

void see_received(const NodeDecided& d, const node::ReceivedHeard& heard, const Seen& seen) {
  const auto& link = d.link_before;
  const auto& received = heard.received;
  if (!link.connected || !link.booted) return;
  if (received.life != link.life) {
    if (link.life && received.upto > link.acked) seen("protocol: an acknowledgement of another life");
    return;
  }
  if (received.ask > link.ask) return seen("protocol: a larger ask");
  if (received.ask < link.ask) return;
  if (received.journal != d.before.journal) return seen("protocol: an acknowledgement of another journal");
  if (received.upto < link.acked) seen("protocol: an acknowledgement that comes late");
  if (!received.welcome) return;
  const Welcome& welcome = *received.welcome;
  if (welcome.nonce != link.nonce) return seen("protocol: a welcome that answers another hello");
  if (d.link_after.welcomes == link.welcomes) return;
  const bool newer = welcome.head > d.before.held.number;
  if (newer && welcome.head.revision != 0) seen("protocol: a welcome that knows a newer document");
  if (newer && welcome.head.revision == 0) seen("protocol: a welcome of an orchestrator that holds the node");
  const auto& outcome = d.before.outcome;
  const bool bad = outcome.kind == OutcomeKind::failed || outcome.kind == OutcomeKind::rolled_back;
  if (d.before.phase == Phase::idle && bad && d.before.link && !d.before.link->aborted && d.before.link->offer == outcome.offer)
    seen("protocol: an outcome is final, though the link is still there");
}

void see_document(const NodeDecided& d, const node::DocumentHeard& heard, const Seen& seen) {
  const Number held = d.before.held.number;
  if (heard.number < held) seen("protocol: a document overtaken by a newer one");
  if (heard.number == held) seen("protocol: the same document again");
  const bool closes = heard.number > held && d.before.window && d.before.window->opens_at_ms <= d.now.wall_ms && !heard.window;
  if (closes && !node::synced(d.before, d.link_before)) seen("protocol: a window's close told while the node was away");
}

void see_booted(const NodeDecided& d, const node::Booted& booted, const Seen& seen) {
  const auto& before = d.before;
  if (before.phase == Phase::rebooting && booted.boot == before.reboot_boot)
    seen("protocol: the agent started anew while a reboot was ordered");
  if (before.phase == Phase::confirming && booted.running != before.target)
    seen("protocol: the old slot runs when the new one was to be confirmed");
}

void see_accepted(const NodeDecided& d, const Accepted& accepted, const Seen& seen) {
  const auto& outcome = d.before.outcome;
  const bool bad = outcome.kind == OutcomeKind::failed || outcome.kind == OutcomeKind::rolled_back;
  const auto& to = accepted.release.os_image_id;
  if (d.before.phase == Phase::idle && bad && d.before.release.os_image_id == to) seen("protocol: the same image again, by a new link");
  if (builds_of_one_day(d.before.identity.os_image_id, to)) seen("protocol: two builds of one day told apart");
  if (find<Succeeded>(d) != nullptr) seen("protocol: a link to what runs already");
}

void see_switch(const NodeDecided& d, const Seen& seen) {
  const bool connected = d.link_before.connected;
  if (find<SwitchBegan>(d) != nullptr && !connected) seen("protocol: cut off, switched by its own clock");
  if (find<ClockDistrusted>(d) != nullptr) seen("protocol: cut off, its own clock not trusted");
  if (find<SwitchWithdrawn>(d) != nullptr) seen("protocol: the switch withdrawn before the reboot");
  const bool switching = d.before.phase == Phase::switching || d.before.phase == Phase::rebooting;
  if (!switching) return;
  if (find<Cancelled>(d) != nullptr) seen("protocol: withdrawn after the switch began");
  const bool over = d.before.window && d.before.window->closes_at_ms != 0 && d.now.wall_ms >= d.before.window->closes_at_ms;
  if (over && (find<SwitchCleared>(d) != nullptr || find<SwitchWithdrawn>(d) != nullptr))
    seen("protocol: the window over after the switch began");
}

}  // namespace

void Sightings::node_decided(const World& world, const NodeDecided& d, const Seen& seen) {
  auto& machine = machines_[d.machine];
  if (const auto* heard = std::get_if<node::ReceivedHeard>(&d.input)) see_received(d, *heard, seen);
  if (const auto* heard = std::get_if<node::DocumentHeard>(&d.input)) see_document(d, *heard, seen);
  if (const auto* booted = std::get_if<node::Booted>(&d.input)) see_booted(d, *booted, seen);
  if (const auto* heard = std::get_if<node::RollCallHeard>(&d.input);
      heard != nullptr && called_.contains(heard->roll_call.life) && heard->roll_call.life != life_)
    seen("protocol: a roll call of a life that has ended");
  if (const auto* ended = std::get_if<node::StagingEnded>(&d.input);
      ended != nullptr && d.before.phase == Phase::staging && ended->offer != d.before.offer)
    seen("protocol: a late end of another offer's download");
  for (const auto& message : d.messages)
    if (std::holds_alternative<node::EventOmitted>(message)) seen("protocol: a start that was only counted");
  if (d.events.empty()) return;

  see_switch(d, seen);
  if (const auto* accepted = find<Accepted>(d)) see_accepted(d, *accepted, seen);
  if (const auto* failed = find<Failed>(d); failed != nullptr && failed->reason == Reason::older_release)
    seen("protocol: a downgrade refused");
  if (const auto* done = find<Succeeded>(d); done != nullptr && precedes(done->to, done->from)) seen("protocol: a downgrade allowed");
  if (const auto* trial = find<TrialStarted>(d); trial != nullptr && trial->outside_window)
    seen("protocol: a trial begun outside of a window");
  if (const auto* rolled = find<RolledBack>(d)) {
    if (rolled->reason == Reason::trial_interrupted) seen("protocol: the third interruption");
    const Image* tried = world.find_image(d.before.release.os_image_id);
    if (rolled->reason == Reason::boot_failed && tried != nullptr && tried->nature != Image::Nature::dead)
      seen("protocol: power lost after the one-shot was taken, before the new slot came up");
  }
  if (find<TrialInterrupted>(d) != nullptr) {
    seen("protocol: a trial interrupted");
    machine.trial_interrupted = true;
  }
  if (const auto* staged = find<ImageStaged>(d)) {
    if (d.link_after.acked < d.after.accepted_sequence) seen("protocol: staged before Accepted was acknowledged");
    if (std::exchange(machine.trial_interrupted, false))
      seen(staged->reused ? "protocol: an interrupted trial's slot read again, and whole"
                          : "protocol: an interrupted trial's slot read again, and damaged");
  }
  if (d.after.phase == Phase::idle) machine.trial_interrupted = false;
  if (const auto* cleared = find<BootCleared>(d)) {
    seen("protocol: a new journal cleared the boot variables");
    if (cleared->returning) seen("protocol: a new journal went back to the default slot");
  }
  if (find<JournalForked>(d) != nullptr) {
    if (d.before.offer) seen("protocol: a fork found with an offer open");
    const auto why = std::exchange(machine.doubled_by, std::nullopt);
    if (why == Fault::clone) seen("protocol: a fork found by a clone");
    if (why == Fault::put_back) seen("protocol: a fork found after a disk was put back");
    if (why == Fault::unsynced_lost) seen("protocol: a fork found after a disk had lied");
  }
}

// ---- what the orchestrator has decided -------------------------------------------------------------------------------------

void Sightings::fleet_decided(const World&, const FleetDecided& d, const Seen& seen) {
  if (const auto* heard = std::get_if<fleet::HelloHeard>(&d.input)) {
    if (heard->hello.life != life_) seen("protocol: a hello of another life");
    const auto node = d.after.nodes.find(heard->node);
    const bool known = node != d.after.nodes.end() && !node->second.conflict;
    if (known && node->second.journal != heard->journal && find<JournalAdopted>(d) == nullptr)
      seen("protocol: a late word of a journal that is not the current one");
  }
  if (const auto* heard = std::get_if<fleet::NodeEventHeard>(&d.input); heard != nullptr && find<NodeEventStored>(d) == nullptr) {
    const auto node = d.after.nodes.find(heard->node);
    if (node != d.after.nodes.end() && !node->second.conflict) {
      const auto upto = node->second.upto;
      if (node->second.journal != heard->journal)
        seen("protocol: an event of a journal that is not the current one");
      else if (heard->sequence <= upto)
        seen("protocol: an event that was stored already");
      else
        seen(heard->sequence == upto + 1 ? "protocol: an event of another history" : "protocol: an event beyond the next one");
    }
  }
  if (d.events.empty()) return;
  if (find<GapNoted>(d) != nullptr) seen("protocol: a gap that the node cannot fill");
  if (find<PictureCorrected>(d) != nullptr) seen("protocol: a picture corrected by a hello");
  if (find<JournalRetired>(d) != nullptr) seen("protocol: a new journal adopted in place of another");
  if (find<IdentityConflict>(d) != nullptr) seen("protocol: a conflict was seen");
  if (find<IdentityResolved>(d) != nullptr) seen("protocol: a conflict was resolved");
  if (find<NodeConfirmed>(d) != nullptr) seen("protocol: a held node was confirmed");
  if (const auto* raised = find<EpochRaised>(d); raised != nullptr && raised->why != "started")
    seen("protocol: an epoch raised above one that was seen");
  for (const auto& event : d.events) {
    if (const auto* held = std::get_if<NodeHeld>(&event.recorded.event); held != nullptr && held->node == fleet::every_node)
      seen(held->shown ? "protocol: all nodes held, by a document that was forgotten" : "protocol: all nodes held, by a declared restore");
    const auto* closed = std::get_if<RunClosed>(&event.recorded.event);
    if (closed == nullptr) continue;
    if (closed->reason == Reason::never_begun) seen("protocol: withdrawn before it was accepted");
    if (closed->reason != Reason::re_imaged) continue;
    seen("protocol: a re-image closed a run");
    if (const auto* issued = find<DocumentIssued>(d); issued != nullptr && issued->link && issued->link->aborted)
      seen("protocol: a re-image aborted what its node was asked for");
  }
}

// ---- what is said, and what comes --------------------------------------------------------------------------------------------

void Sightings::expect(std::int64_t now_ms, std::size_t key, std::string_view loss, const Seen& seen) {
  under_way_[key] = {now_ms, loss, 1};
  since_.emplace_back(now_ms, key);
  while (!since_.empty() && since_.front().first + lost_after_ms < now_ms) {
    const auto [at_ms, old] = since_.front();
    since_.pop_front();
    const auto found = under_way_.find(old);
    if (found == under_way_.end() || found->second.at_ms != at_ms) continue;
    seen(found->second.loss);
    under_way_.erase(found);
  }
}

void Sightings::orchestrator_published(const World& world, const Envelope& envelope, const BusMessage& message, const Seen& seen) {
  const auto key = key_of(message.topic, message.payload);
  if (const auto* call = std::get_if<RollCall>(&envelope.payload)) {
    if (!called_.insert(call->life).second) seen("protocol: the roll call again, in the same life");
    life_ = call->life;
  }
  if (const auto* received = std::get_if<Received>(&envelope.payload))
    expect(world.now_ms(), key, received->welcome ? "protocol: a welcome was lost" : "protocol: an acknowledgement was lost", seen);
  if (std::holds_alternative<Document>(envelope.payload)) expect(world.now_ms(), key, "protocol: a document was lost", seen);
}

void Sightings::node_published(const World& world, MachineIndex machine, const Envelope& envelope, const BusMessage& message,
                               const Seen& seen) {
  auto& known = machines_[machine];
  const auto key = key_of(message.topic, message.payload);
  if (const auto* hello = std::get_if<Hello>(&envelope.payload)) {
    expect(world.now_ms(), key, "protocol: a hello was lost", seen);
    const std::pair said{hello->life, hello->ask};
    if (hello->life && known.hello == said && known.hello_journal == envelope.journal) seen("protocol: a hello again, by time alone");
    known.hello = said;
    known.hello_journal = envelope.journal;
    if (hello->base > 0) seen("protocol: a journal was trimmed");
  }
  // Events go to `status`; those on other topics are copies.
  const bool event = std::holds_alternative<NodeEvent>(envelope.payload) && message.topic.size() > 7 &&
                     std::string_view(message.topic).substr(message.topic.size() - 7) == "/status";
  if (!event) return;
  if (known.journal != envelope.journal) known.sent = 0;
  known.journal = envelope.journal;
  if (envelope.sequence <= known.sent) {
    seen("protocol: an event sent again");
    const auto& of = world.machine(machine);
    if (was_restored_ && of.agent_runs() && envelope.sequence <= of.host().journal().head().acked)
      seen("protocol: an acknowledged event sent again, to a restored orchestrator");
  }
  known.sent = std::max(known.sent, envelope.sequence);
  expect(world.now_ms(), key, "protocol: an event was lost", seen);
}

void Sightings::published(const World& world, std::optional<MachineIndex> machine, const BusMessage& message, const Seen& seen) {
  const auto envelope = decode(message.payload);
  if (!envelope) return;
  if (machine)
    node_published(world, *machine, *envelope, message, seen);
  else
    orchestrator_published(world, *envelope, message, seen);
}

void Sightings::delivered(const World& world, std::optional<MachineIndex> machine, const BusReceived& received, const Seen& seen) {
  under_way_.erase(key_of(received.topic, received.payload));
  const std::string_view topic = received.topic;
  const bool presence = !machine && topic.size() > 9 && topic.substr(topic.size() - 9) == "/presence";
  if (!presence) return;
  const auto envelope = decode(received.payload);
  if (!envelope) return;
  const auto* said = std::get_if<Presence>(&envelope->payload);
  if (said == nullptr || said->online) return;
  for (MachineIndex i = 0; i < world.machine_count(); ++i) {
    const auto& one = world.machine(i);
    if (one.agent_runs() && one.connected() && topic.find(to_string(one.id())) != std::string_view::npos &&
        one.host().session() != envelope->session)
      seen("protocol: an offline of a session that has ended");
  }
}

// ---- the world -----------------------------------------------------------------------------------------------------------------

void Sightings::fault(const World& world, const FaultHappened& happened, const Seen& seen) {
  if (!happened.machine) return;
  if (happened.fault == Fault::re_image && world.machine(*happened.machine).one_shot())
    seen("protocol: a new journal found the one-shot armed");
  const bool doubles = happened.fault == Fault::clone || happened.fault == Fault::put_back || happened.fault == Fault::unsynced_lost;
  if (!doubles) return;
  for (MachineIndex i = 0; i < world.machine_count(); ++i)
    if (world.machine(i).id() == world.machine(*happened.machine).id()) machines_[i].doubled_by = happened.fault;
}

void Sightings::restored(const World&) {
  was_restored_ = true;
}

}  // namespace abide::sim
