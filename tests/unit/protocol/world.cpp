// The orchestrator, the operator and what is common.
#include "tests/unit/protocol/world.hpp"

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

constexpr std::size_t log_lines_max = 400;

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
  return {now_ms, now_ms - machine.booted_at_ms, machine.boot_id(), true};
}

// ---- orchestrator ----------------------------------------------------------------------------------------------------

void World::start_orchestrator() {
  fleet::Link link;
  link.random = Random{random.next()};
  fleet::FleetMachine machine{{.auto_register = true}};
  auto host = FleetHost::open(machine, *store_, plant_scope, std::move(link), SessionId{random.next_id()});
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
                        [](const fleet::AnnounceProfile&) {},
                        [&](const fleet::ClearDocument& m) {
                          retained_.erase({m.node, static_cast<int>(m.topic)});
                        },
                        [&](const fleet::Reply& m) { replies_.push_back(m); }},
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

}  // namespace abide::test
