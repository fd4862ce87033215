#include "orchestrator/orchestrator.hpp"

#include <algorithm>
#include <sys/random.h>

#include "common/events/codec.hpp"
#include "common/events/print.hpp"
#include "common/service/random_seed.hpp"
#include "common/service/thread_name.hpp"
#include "orchestrator/translate.hpp"

namespace abide::orchestrator {

namespace {

constexpr std::chrono::milliseconds turn_max{2'000};   // the owner turns its loop at least this often
constexpr std::chrono::milliseconds unsent_again{20};  // messages that the bus had no room for are tried again after
constexpr std::size_t key_bytes = 32;

Result<std::string> fresh_key() {
  std::string key(key_bytes, '\0');
  if (::getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) return fail(Code::unavailable, "getrandom gave no key");
  return key;
}

std::vector<std::string> filters_of(const std::string& project) {
  using topics::FromNode;
  return {topics::orchestrator_filter(project, FromNode::status), topics::orchestrator_filter(project, FromNode::presence),
          topics::orchestrator_filter(project, FromNode::progress), topics::roll_call(project)};
}

// Each step of each node would be a dozen lines a node and update; how it ended is one.
LogLevel level_of(const OrchestratorEvent& event) {
  const auto* stored = std::get_if<NodeEventStored>(&event);
  return stored == nullptr || outcome_of(stored->event).kind != OutcomeKind::none ? LogLevel::info : LogLevel::debug;
}

}  // namespace

// ---- opening -------------------------------------------------------------------------------------------------------------

Orchestrator::Orchestrator(Store& store, Settings settings, MakeBus make_bus)
    : store_(store),
      settings_(std::move(settings)),
      make_bus_(std::move(make_bus)),
      random_{random_seed()},
      inbox_(settings_.inbox_capacity) {
  session_ = SessionId{random_.next_id()};
  request_prefix_ = "req-" + to_hex(session_) + "-";
}

Orchestrator::~Orchestrator() {
  stop();
  if (thread_.joinable()) thread_.join();  // the owner tells retention what has become of its finds
  runs_retention_.reset();
  events_retention_.reset();
  if (worker_) worker_->stop();
  if (bus_) bus_->stop();
}

Result<std::unique_ptr<Orchestrator>> Orchestrator::open(Store& store, Settings settings, MakeBus make_bus) {
  auto orchestrator = std::unique_ptr<Orchestrator>(new Orchestrator(store, std::move(settings), std::move(make_bus)));
  if (auto opened = orchestrator->open_projects(); !opened) return fail(opened.error());
  return orchestrator;
}

Result<void> Orchestrator::open_projects() {
  auto names = read_projects(store_);
  if (!names) return fail(names.error());
  for (const auto& name : settings_.projects) {
    if (std::find(names->begin(), names->end(), name) == names->end()) names->push_back(name);
  }
  if (names->size() > projects_max) return fail(Code::invalid_input, "more than " + std::to_string(projects_max) + " projects");
  const Now now = clock_.now();
  Batch batch;
  for (const auto& name : *names) {
    auto project = add_project(name, now, batch);
    if (!project) return fail(project.error());
  }
  for (auto& [name, project] : projects_) project.host->save(batch);
  if (!batch.empty()) {
    if (auto committed = store_.commit(batch); !committed) return fail(committed.error());
  }
  for (auto& [name, project] : projects_) settle(project, now);
  return {};
}

// Loads a project, or begins it. Durable, and to be served, once the batch is committed.
Result<Orchestrator::Project*> Orchestrator::add_project(const std::string& name, const Now& now, Batch& batch) {
  fleet::Link link;
  link.random.state = random_.next();
  const auto scope = scope_of_project(name);
  auto host = FleetHost::open(fleet::FleetMachine{settings_.fleet}, store_, scope, std::move(link), session_);
  if (!host) return fail(host.error().in("project " + name));
  Project& project = projects_[name];
  project.name = name;
  project.host = std::make_unique<FleetHost>(std::move(*host));
  if (project.host->empty()) {
    auto key = fresh_key();
    if (!key) return fail(key.error());
    put_project_row(batch, name);
    project.host->begin(JournalId{random_.next_id()}, batch);
    take(project, fleet::CreateProject{name, std::move(*key)}, now, {}, batch);
  } else {
    fleet::Started started;
    if (!settings_.restored.empty()) {
      started.restored = true;
      started.why = "may have been told more than this orchestrator knows: " + settings_.restored;
    }
    take(project, started, now, {}, batch);
  }
  const std::lock_guard lock(names_mutex_);
  scopes_[name] = scope;
  filters_changed_ = true;
  return &project;
}

// ---- the owner -----------------------------------------------------------------------------------------------------------

Result<void> Orchestrator::start() {
  connect_bus();
  if (ended_.code != ExitCode::ok) return fail(Code::invalid_input, ended_.line);
  turned_mono_ms_ = boottime_ms();
  if (worker_) worker_->start();
  thread_ = std::thread([this] {
    name_this_thread("owner");
    yield_to_short_work();  // readers of the API
    run();
  });
  if (settings_.keep_runs_ms > 0) {
    runs_retention_ = std::make_unique<Retention>(settings_.keep_runs_ms, [this](const Now& now, const GoOn& go_on) {
      look_for_expired_runs(now.wall_ms - settings_.keep_runs_ms, go_on);
      return false;
    });
    runs_retention_->start();
  }
  if (settings_.keep_events_ms > 0) {
    events_retention_ = std::make_unique<Retention>(
        settings_.keep_events_ms, [this](const Now& now, const GoOn& go_on) { return look_for_old_events(now.wall_ms, go_on); });
    events_retention_->start();
  }
  return {};
}

void Orchestrator::stop() {
  stopping_ = true;
  inbox_.close();
}

Ended Orchestrator::wait() {
  if (thread_.joinable()) thread_.join();
  runs_retention_.reset();
  events_retention_.reset();
  if (worker_) worker_->stop();
  if (bus_) bus_->stop();
  return ended_;
}

void Orchestrator::end(ExitCode code, std::string line) {
  if (ended_.code == ExitCode::ok) ended_ = {code, std::move(line)};
  stop();
}

void Orchestrator::connect_bus() {
  filters_changed_ = false;
  if (bus_) bus_->stop();
  unsent_.clear();
  std::vector<std::string> filters;
  for (const auto& [name, project] : projects_) {
    for (auto& filter : filters_of(name)) filters.push_back(std::move(filter));
  }
  const auto number = ++bus_number_;
  if (connected_.exchange(false)) {
    const std::lock_guard lock(bus_changes_mutex_);
    bus_changes_.push_back({number, BusDisconnected{"connecting again, to hear a new project"}});
  }
  BusSettings settings;
  settings.filters = std::move(filters);
  settings.room = [this](std::chrono::milliseconds at_most) { return wait_for_room(at_most); };
  bus_ = make_bus_(std::move(settings));
  if (auto started = bus_->start([this, number](BusEvent event) { heard(number, std::move(event)); }); !started)
    end(ExitCode::usage, started.error().message);
}

std::chrono::steady_clock::time_point Orchestrator::next_look(const Now& now) const {
  auto until = std::chrono::steady_clock::now() + (unsent_.empty() ? turn_max : unsent_again);
  for (const auto& [name, project] : projects_) {
    if (project.pass_turns != 0) return std::chrono::steady_clock::now();
    if (const auto look = project.host->look_again(now)) until = std::min(until, steady_at(*look, turn_max));
  }
  return until;
}

void Orchestrator::run() {
  while (!stopping_) {
    auto items = inbox_.drain(settings_.inputs_per_commit, next_look(clock_.now()));
    std::size_t next = 0;
    while (!stopping_) {
      turn(items, next);
      if (next == items.size()) break;
    }
    refuse(items, next);
  }
  for (const auto& [id, answered] : std::exchange(pending_, {})) answered(fail(Code::unavailable, "the orchestrator is stopping"));
}

void Orchestrator::turn(std::vector<Item>& items, std::size_t& next) {
  const Now now = clock_.now();
  turned_mono_ms_ = now.mono_ms;
  if (turned_) turned_();
  Batch batch;
  events_made_ = 0;
  take_bus_changes(now, batch);
  while (next < items.size() && events_made_ < settings_.events_per_commit) take_item(items[next++], now, batch);
  take_dropped(now, batch);
  take_ticks(now, batch);
  if (!commit(batch)) return;
  for (auto& [name, project] : projects_) {
    if (project.touched) settle(project, now);
  }
  for (const auto& answer : std::exchange(after_commit_, {})) answer();
  flush_unsent();
  for (auto& [name, project] : projects_) {
    for (const auto& effect : project.host->todo(now))
      end(ExitCode::superseded, "project " + name + ": " + std::get<fleet::StopServing>(effect).why);
  }
  if (filters_changed_ && !stopping_) connect_bus();
}

void Orchestrator::refuse(std::vector<Item>& items, std::size_t from) {
  for (; from < items.size(); ++from) {
    if (auto* asked = std::get_if<Asked>(&items[from])) asked->answered(fail(Code::unavailable, "the orchestrator is stopping"));
  }
}

bool Orchestrator::commit(Batch& batch) {
  for (auto& [name, project] : projects_) {
    if (project.touched) project.host->save(batch);
  }
  if (batch.empty()) return true;
  auto committed = store_.commit(batch);
  if (committed) return true;
  end(ExitCode::commit_failed, "commit failed; nothing of it was acted on or published: " + committed.error().message);
  return false;
}

void Orchestrator::take(Project& project, const fleet::Input& input, const Now& now, const Cause& cause, Batch& batch) {
  project.touched = true;
  const auto before = project.host->journal().head().last;
  project.host->take(input, now, cause, batch);
  events_made_ += project.host->journal().head().last - before;
}

// Until it brings nothing new: a first pass over a large release service is more than one turn's work. True: it brought something.
bool Orchestrator::take_pass(Project& project, const Now& now, Batch& batch) {
  if (!last_pass_) project.pass_turns = 0;
  if (project.pass_turns == 0) return false;
  const auto before = project.host->journal().head().last;
  take(project, last_pass_->profiles, now, {}, batch);
  const bool brought = project.host->journal().head().last != before;
  project.pass_turns = brought ? project.pass_turns - 1 : 0;
  return brought;
}

void Orchestrator::take_ticks(const Now& now, Batch& batch) {
  unsigned turns = 0;
  bool through = true;  // all projects have taken in what was read
  for (auto& [name, project] : projects_) {
    if (turns < pass_turns_per_commit_max && take_pass(project, now, batch)) ++turns;
    through = through && project.pass_turns == 0;
    const auto look = project.host->look_again(now);
    if (look && *look <= now.mono_ms) take(project, fleet::Tick{}, now, {}, batch);
  }
  if (!through) return;
  for (auto& done : std::exchange(after_pass_, {})) after_commit_.push_back(std::move(done));
}

void Orchestrator::take_dropped(const Now& now, Batch& batch) {
  std::set<std::pair<std::string, NodeId>> dropped;
  {
    const std::lock_guard lock(dropped_mutex_);
    dropped.swap(dropped_);
  }
  for (const auto& [name, node] : dropped) {
    const auto project = projects_.find(name);
    if (project != projects_.end()) take(project->second, fleet::MessageDropped{node}, now, {}, batch);
  }
}

void Orchestrator::take_item(Item& item, const Now& now, Batch& batch) {
  if (std::holds_alternative<Woken>(item)) return;
  if (auto* from_bus = std::get_if<FromBus>(&item)) {
    if (from_bus->bus == bus_number_) take_message(from_bus->message, now, batch);
    return;
  }
  if (auto* discovered = std::get_if<FromDiscovery>(&item)) {
    last_pass_ = discovered->pass;
    for (auto& [name, project] : projects_) {
      project.pass_turns = pass_turns_max;
    }
    for (auto& done : discovered->asked_for) after_pass_.push_back(std::move(done));
    return;
  }
  if (auto* explained = std::get_if<ExplainAsked>(&item)) {
    const auto project = projects_.find(explained->project);
    if (project == projects_.end()) return explained->explained(fail(Code::not_found, "no such project"));
    // After the commit, so that it tells of nothing that could still be lost.
    after_commit_.push_back([this, name = explained->project, node = explained->node, tell = std::move(explained->explained)] {
      const auto& host = *projects_.at(name).host;
      tell(host.machine().waits_for(host.state(), host.link(), clock_.now(), node));
    });
    return;
  }
  if (auto* asked_to_compare = std::get_if<CompareAsked>(&item)) {
    const auto project = projects_.find(asked_to_compare->project);
    if (project == projects_.end()) return asked_to_compare->compared(fail(Code::not_found, "no such project"));
    after_commit_.push_back(
        [this, name = asked_to_compare->project, node = asked_to_compare->node, tell = std::move(asked_to_compare->compared)] {
          const auto& host = *projects_.at(name).host;
          tell(host.machine().confirmation(host.state(), host.link(), clock_.now(), node));
        });
    return;
  }
  if (auto* asked = std::get_if<CountAsked>(&item)) {
    after_commit_.push_back([this, tell = std::move(asked->counted)] {
      std::vector<api::ProjectCounts> counts;
      for (const auto& [name, project] : projects_) counts.push_back({name, fleet::count(project.host->state())});
      tell(std::move(counts));
    });
    return;
  }
  if (auto* expired = std::get_if<Expired>(&item)) {
    const auto project = projects_.find(expired->project);
    if (project != projects_.end()) take(project->second, std::move(expired->runs), now, {}, batch);
    return;
  }
  if (auto* folded = std::get_if<OldEventsFolded>(&item)) return take_trim(*folded, now, batch);
  if (auto* created = std::get_if<ProjectAsked>(&item)) {
    if (projects_.count(created->project) == 0) {
      if (projects_.size() >= projects_max)
        return created->created(fail(Code::conflict, "there are " + std::to_string(projects_max) + " projects already"));
      auto added = add_project(created->project, now, batch);
      if (!added) return created->created(fail(added.error()));
      (*added)->pass_turns = pass_turns_max;
    }
    after_commit_.push_back([tell = std::move(created->created)] { tell({}); });
    return;
  }
  auto& asked = std::get<Asked>(item);
  const auto project = projects_.find(asked.project);
  if (project == projects_.end()) return asked.answered(fail(Code::not_found, "no such project"));
  pending_[asked.id] = std::move(asked.answered);
  Cause cause;
  cause.request = asked.id;
  take(project->second, fleet::Request{asked.id, std::move(asked.operation), std::move(asked.seen)}, now, cause, batch);
}

void Orchestrator::take_trim(OldEventsFolded& folded, const Now& now, Batch& batch) {
  const auto project = projects_.find(folded.project);
  const auto& trim = folded.trim;
  const bool fits = project != projects_.end() && project->second.host->trim(trim, batch);
  if (!fits)
    lines_.warn("trim " + folded.project, "old events are not deleted: the journal has changed project=" + one_line(folded.project),
                now.mono_ms);
  after_commit_.push_back([this, fits, name = folded.project, upto = trim.base, events = trim.base - trim.from] {
    if (fits)
      log_info("old events are deleted project=" + one_line(name) + " events=" + std::to_string(events) + " upto=" + std::to_string(upto));
    events_retention_->answered(fits);
  });
}

void Orchestrator::take_bus_changes(const Now& now, Batch& batch) {
  std::vector<BusChange> changes;
  {
    const std::lock_guard lock(bus_changes_mutex_);
    changes.swap(bus_changes_);
  }
  for (const auto& [bus, event] : changes) {
    if (bus != bus_number_) continue;  // of a connection that was given up
    const bool up = std::holds_alternative<BusConnected>(event);
    if (up) {
      log_info("connected to the broker");
    } else {
      lines_.warn("bus", "no connection to the broker reason=\"" + one_line(std::get<BusDisconnected>(event).reason) + "\"", now.mono_ms);
      unsent_.clear();  // what it would have said is said again after the next hello
    }
    for (auto& [name, project] : projects_) {
      take(project, up ? fleet::Input(fleet::BusUp{}) : fleet::Input(fleet::BusDown{}), now, {}, batch);
    }
  }
}

void Orchestrator::take_message(BusReceived& message, const Now& now, Batch& batch) {
  const auto parsed = topics::parse(message.topic);
  if (!parsed) return;  // looked at when it was heard
  auto envelope = decode(message.payload);
  if (!envelope)
    return lines_.warn(
        "payload " + message.topic,
        "message that cannot be read topic=" + one_line(message.topic) + " error=\"" + one_line(envelope.error().message) + "\"",
        now.mono_ms);
  if (const auto* roll_call = std::get_if<topics::RollCallTopic>(&*parsed)) {
    const auto project = projects_.find(roll_call->project);
    const auto* told = std::get_if<RollCall>(&envelope->payload);
    if (project != projects_.end() && told != nullptr) take(project->second, fleet::RollCallHeard{*told, message.retained}, now, {}, batch);
    return;
  }
  const auto* from = std::get_if<topics::FromNodeTopic>(&*parsed);
  if (from == nullptr || from->what != topics::FromNode::status) return;
  const auto project = projects_.find(from->project);
  if (project != projects_.end()) take_from_node(project->second, from->node, *envelope, message.payload, now, batch);
}

void Orchestrator::take_from_node(Project& project, const NodeId& node, Envelope& envelope, std::string& bytes, const Now& now,
                                  Batch& batch) {
  auto translated = translate_status(node, std::move(envelope), std::move(bytes));
  if (!translated)
    return lines_.warn("status " + to_string(node),
                       "message that is neither hello nor event project=" + one_line(project.name) + " node=" + to_string(node),
                       now.mono_ms);
  take(project, translated->input, now, translated->cause, batch);
}

// ---- after the commit ------------------------------------------------------------------------------------------------------

void Orchestrator::settle(Project& project, const Now& now) {
  project.touched = false;
  auto done = project.host->committed();
  {
    const LinesTogether together;
    for (const auto& event : done.events) {
      const auto level = level_of(event.recorded.event);
      if (logs(level))
        log(level,
            print(event.recorded.event) + " project=" + one_line(project.name) + " sequence=" + std::to_string(event.recorded.sequence));
    }
  }
  if (!done.events.empty() && wake_) wake_();
  for (auto& message : done.messages) perform(project, message, now);
}

void Orchestrator::perform(Project& project, fleet::Message& message, const Now& now) {
  if (auto* reply = std::get_if<fleet::Reply>(&message)) {
    const auto asked = pending_.find(reply->request);
    if (asked == pending_.end()) return;
    after_commit_.push_back(
        [answered = std::move(asked->second), answer = std::move(reply->answer)]() mutable { answered(std::move(answer)); });
    pending_.erase(asked);
    return;
  }
  const auto& host = *project.host;
  if (auto said = bus_message({project.name, session_}, settings_.fleet, host.state(), host.link(), message, now))
    publish(std::move(*said));
}

void Orchestrator::publish(BusMessage message) {
  if (!bus_ || !connected_) return;  // said again after the next hello
  if (unsent_.empty() && bus_->publish(message)) return;
  if (!connected_) return;
  if (unsent_.size() < unsent_max) {
    unsent_.push_back(std::move(message));
  } else {
    lines_.warn("unsent", "messages to nodes are dropped: the broker does not take them fast enough", clock_.now().mono_ms);
  }
}

void Orchestrator::flush_unsent() {
  while (!unsent_.empty()) {
    if (!bus_->publish(unsent_.front())) return;
    unsent_.pop_front();
  }
}

}  // namespace abide::orchestrator
