// What other threads do with the orchestrator: they post to its inbox, read snapshots, and change what is only live.
#include <functional>
#include <string_view>

#include "common/events/codec.hpp"
#include "common/store/base.hpp"
#include "orchestrator/orchestrator.hpp"

namespace abide::orchestrator {

namespace {

constexpr std::int64_t stuck_after_ms = 15'000;  // the owner has not turned for so long: /healthz says so

// Two nodes with one number share what one may have.
std::uint64_t speaker_of(const NodeId& node) {
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(node.bytes.data()), node.bytes.size()});
}

}  // namespace

discovery::Worker::Deliver Orchestrator::deliver() {
  return [this](discovery::Worker::Pass pass, std::vector<discovery::Worker::Refreshed> asked_for) {
    inbox_.post(FromDiscovery{std::move(pass), std::move(asked_for)});
  };
}

bool Orchestrator::known(const std::string& project) const {
  const std::lock_guard lock(names_mutex_);
  return scopes_.count(project) != 0;
}

void Orchestrator::heard(std::uint64_t bus, BusEvent event) {
  if (std::holds_alternative<BusPublished>(event)) return;
  if (auto* message = std::get_if<BusReceived>(&event)) return heard_message(bus, std::move(*message));
  connected_ = std::holds_alternative<BusConnected>(event);
  {
    // Beside the inbox, which may be full: it must not be dropped, and waiting for room here could wait for ever, since
    // the owner may be waiting for the bus.
    const std::lock_guard lock(bus_changes_mutex_);
    bus_changes_.push_back({bus, std::move(event)});
  }
  (void)inbox_.try_post(Woken{});  // full: the owner is awake anyway
}

void Orchestrator::heard_message(std::uint64_t bus, BusReceived message) {
  auto parsed = topics::parse(message.topic);
  if (!parsed) return lines_.warn("topic", "message on a topic that is none of ours topic=" + one_line(message.topic), boottime_ms());
  const auto* from = std::get_if<topics::FromNodeTopic>(&*parsed);
  if (from != nullptr) {
    if (!known(from->project))
      return lines_.warn(
          "project " + from->project,
          "message of a project that is not served here project=" + one_line(from->project) + " node=" + to_string(from->node),
          boottime_ms());
    if (from->what == topics::FromNode::progress || from->what == topics::FromNode::presence) {
      auto envelope = decode(message.payload);
      if (!envelope)
        return lines_.warn("payload " + to_string(from->node),
                           "message that cannot be read topic=" + message.topic + " error=" + envelope.error().message, boottime_ms());
      const auto wall_ms = wall_clock_ms();
      if (const auto* progress = std::get_if<Progress>(&envelope->payload)) live_.progress(from->project, from->node, *progress, wall_ms);
      if (const auto* presence = std::get_if<Presence>(&envelope->payload))
        live_.presence(from->project, from->node, envelope->session, presence->online, wall_ms);
      return;
    }
  }
  const auto bytes = message.topic.size() + message.payload.size();
  FromBus item{bus, std::move(message)};
  if (from == nullptr) {
    if (!inbox_.try_post(std::move(item), bytes) && !inbox_.closed()) lines_.warn("inbox", "inbox stays full", boottime_ms());
    return;
  }
  switch (inbox_.try_post_of(speaker_of(from->node), std::move(item), bytes)) {
    case Posted::taken:
      return;
    case Posted::full:
      if (inbox_.closed()) return;
      lines_.warn("inbox", "inbox stays full; messages are dropped, their nodes are asked later", boottime_ms());
      break;
    case Posted::share_used:
      lines_.warn("flood " + to_string(from->node),
                  "node speaks faster than it can be heard; messages of it are dropped, it is asked later project=" +
                      one_line(from->project) + " node=" + to_string(from->node),
                  boottime_ms());
  }
  drop(from->project, from->node);
}

void Orchestrator::drop(const std::string& project, const NodeId& node) {
  ++messages_dropped_;
  const std::lock_guard lock(dropped_mutex_);
  if (dropped_.size() < dropped_nodes_max) dropped_.emplace(project, node);
}

// The broker keeps what finds no room, so that it is the bus that slows down.
bool Orchestrator::wait_for_room(std::chrono::milliseconds at_most) {
  const auto from = std::chrono::steady_clock::now();
  const bool room = inbox_.wait_for_room(at_most);
  if (at_most.count() > 0)
    bus_held_us_ +=
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - from).count());
  return room;
}

std::optional<std::string> Orchestrator::scope_of(const std::string& project) const {
  const std::lock_guard lock(names_mutex_);
  const auto found = scopes_.find(project);
  if (found == scopes_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> Orchestrator::projects() const {
  const std::lock_guard lock(names_mutex_);
  std::vector<std::string> names;
  for (const auto& [name, scope] : scopes_) names.push_back(name);
  return names;
}

api::Health Orchestrator::health() const {
  api::Health health;
  health.healthy = boottime_ms() - turned_mono_ms_ < stuck_after_ms;
  health.bus_connected = connected_;
  health.projects = projects().size();
  health.inbox_items = inbox_.size();
  health.inbox_capacity = inbox_.capacity();
  health.messages_dropped = messages_dropped_;
  health.bus_held_us = bus_held_us_;
  if (worker_) {
    const auto pass = worker_->last();
    health.releases = worker_->source_name();
    health.releases_read_at_ms = pass.read_at_wall_ms;
    health.releases_found = pass.found;
  }
  return health;
}

std::vector<api::SourceTimes> Orchestrator::source_times() const {
  std::vector<api::SourceTimes> all;
  if (!worker_) return all;
  const auto pass = worker_->last();
  std::map<std::string, std::size_t> places;
  for (const auto& service : pass.services) {
    places.emplace(service.name, all.size());
    all.push_back({service.name, service.error, true, service.found, 0, service.good_since_wall_ms, service.tried_at_wall_ms,
                   service.good_at_wall_ms, service.next_at_wall_ms});
  }
  for (const auto& row : pass.rows) {
    const auto [place, fresh] = places.emplace(row.source, all.size());
    if (fresh) all.push_back({row.source, row.error, false, 0, 0, 0, row.last_at_wall_ms, row.good_at_wall_ms, row.next_at_wall_ms});
    auto& times = all[place->second];
    // What is not held back is looked at with the next pass over its service.
    for (const auto& service : pass.services)
      if (times.next_at_ms == 0 && (pass.services.size() == 1 || os_resource_manager::lies_in(row.source, service.name)))
        times.next_at_ms = service.next_at_wall_ms;
    times.attempts = row.attempts;
    times.since_ms = row.first_at_wall_ms;
  }
  return all;
}

bool Orchestrator::submit(const std::string& project, fleet::Operation operation, Answered answered, std::optional<fleet::Seen> seen) {
  return inbox_.try_ask(
      Asked{project, request_prefix_ + std::to_string(++request_count_), std::move(operation), std::move(seen), std::move(answered)});
}

bool Orchestrator::count(Counted counted) {
  return inbox_.try_ask(CountAsked{std::move(counted)});
}

void Orchestrator::look_for_expired_runs(std::int64_t before_ms, const GoOn& go_on) {
  for (const auto& name : projects()) {
    const auto scope = scope_of(name);
    if (!scope) continue;
    const auto found = find_expired_runs(*store_.snapshot(), *scope, before_ms, [&](fleet::RunsExpired runs) {
      return go_on() && inbox_.post(Expired{name, std::move(runs)});
    });
    if (!found) lines_.warn("retention " + name, "runs cannot be read: " + found.error().message, clock_.now().mono_ms);
  }
}

bool Orchestrator::look_for_old_events(std::int64_t now_ms, const GoOn& go_on) {
  for (const auto& name : projects()) {
    const auto scope = scope_of(name);
    if (!scope) continue;
    const auto reader = store_.snapshot();
    const auto warn = [&](const Error& error) {
      lines_.warn("retention " + name, "old events cannot be deleted: " + error.message, clock_.now().mono_ms);
    };
    const auto old = find_old_events(*reader, *scope, now_ms, settings_.keep_events_ms, go_on);
    if (!old) warn(old.error());
    if (!old || !*old) continue;
    auto trim = FleetHost::make_trim(*reader, *scope, (*old)->upto, go_on);
    if (!trim) warn(trim.error());
    if (!trim || !*trim) continue;
    (*trim)->snapshot.put(newest_gone_key(*scope), big_endian(static_cast<std::uint64_t>((*old)->newest_ms)));
    return inbox_.post(OldEventsFolded{name, std::move(**trim)});
  }
  return false;
}

bool Orchestrator::explain(const std::string& project, const NodeId& node, Explained explained) {
  return inbox_.try_ask(ExplainAsked{project, node, std::move(explained)});
}

bool Orchestrator::confirmation(const std::string& project, const NodeId& node, Compared compared) {
  return inbox_.try_ask(CompareAsked{project, node, std::move(compared)});
}

bool Orchestrator::create_project(const std::string& project, ProjectCreated created) {
  return inbox_.try_ask(ProjectAsked{project, std::move(created)});
}

bool Orchestrator::refresh(Refreshed refreshed) {
  if (!worker_) return false;
  return worker_->refresh([this, refreshed = std::move(refreshed)] {
    api::RefreshDone done;
    const auto pass = worker_->last();
    done.found = pass.found;
    for (const auto& failure : pass.failures) done.failures.emplace_back(failure.source, failure.error);
    refreshed(std::move(done));
  });
}

}  // namespace abide::orchestrator
