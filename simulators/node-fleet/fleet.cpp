#include "simulators/node-fleet/fleet.hpp"

#include <algorithm>
#include <utility>

namespace abide::node_fleet {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds look_every{200};
constexpr std::size_t timeline_max = 1'800;  // above, every second look is left out, and from then on
constexpr milliseconds drain_max{15'000};    // at the end, for what is not acknowledged yet
constexpr milliseconds goodbye_max{10'000};
constexpr double rate_from_s = 0.05;         // a rate over less says nothing
constexpr std::size_t compact_heap_at = 16;  // stale entries a node

double seconds(SteadyTime from, SteadyTime to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

Fleet::Fleet(const Options& options, Network& network, Journals* journals, SlotContent factory, Board& board)
    : options_(options), network_(network), journals_(journals), board_(board), weather_(options.weather), random_{options.seed} {
  around_.reset(new Surroundings{network_,
                                 weather_,
                                 tally_,
                                 legs_,
                                 journals_,
                                 options.seed,
                                 {},
                                 static_cast<std::uint64_t>(options.journal_keep),
                                 std::move(factory),
                                 [this](const Sighting& sighting) { board_.offer(sighting); }});
  around_->machine.hello_every_ms = options.status_every_ms;
  if (options.api.empty()) around_->sighted = nullptr;
  nodes_.reserve(options.nodes);
  for (std::size_t i = 0; i < options.nodes; ++i) {
    auto project = project_of(options, i);
    const auto& asked = asked_[project];
    nodes_.push_back(std::make_unique<Node>(i, NodeName{std::move(project), node_id_of(options, i)}, asked, *around_));
  }
  for (const auto pid : options.watch_pids) others_.push_back({WatchedProcess(pid)});
  for (const auto port : options.watch_ports)
    if (const auto pid = listener_on(port)) others_.push_back({WatchedProcess(*pid, port)});
  others_.push_back({WatchedProcess(own_pid())});
  for (auto& other : others_) other.resident_begin = other.process.last().resident;
}

Fleet::~Fleet() = default;

void Fleet::fail_from_outside(Error error) {
  {
    const std::lock_guard lock(outside_mutex_);
    outside_ = std::move(error);
  }
  stop();
}

// ---- rounds -------------------------------------------------------------------------------------------------------------

void Fleet::mark(std::size_t index) {
  auto& node = *nodes_[index];
  if (std::exchange(node.dirty, true)) return;
  dirty_.push_back(index);
}

// Entries of the heap that are not a node's planned moment any more are passed over when they come up.
void Fleet::plan(std::size_t index) {
  auto& node = *nodes_[index];
  const auto next = node.next_moment();
  if (next == node.planned) return;
  node.planned = next;
  if (next == SteadyTime::max()) return;
  heap_.push_back({next, index});
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  if (heap_.size() < nodes_.size() * compact_heap_at) return;
  std::erase_if(heap_, [&](const Planned& planned) { return nodes_[planned.index]->planned != planned.at; });
  std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
}

void Fleet::start_due(SteadyTime now) {
  const auto due = static_cast<std::size_t>(seconds(began_, now) * static_cast<double>(weather_.ramp)) + 1;
  for (; started_ < nodes_.size() && started_ < due; ++started_) mark(started_);
}

// The first nodes of an order that the seed alone decides, so that more offline ones are the same ones and some others.
void Fleet::apply_offline() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    Random random{options_.seed * 0x9E3779B97F4A7C15ULL + i};
    const double drawn = static_cast<double>(random.next() >> 11U) / static_cast<double>(std::uint64_t{1} << 53U);
    auto& node = *nodes_[i];
    const bool held = drawn < weather_.offline;
    if (node.bus().held() == held && node.started()) continue;
    node.hold(held);
    if (node.started()) mark(i);
  }
}

void Fleet::flap(SteadyTime now) {
  if (weather_.flaps_per_hour <= 0 || now < next_flap_) return;
  const double per_second = weather_.flaps_per_hour / 3'600 * static_cast<double>(nodes_.size());
  const auto due = std::max<std::size_t>(1, static_cast<std::size_t>(per_second * seconds(next_flap_, now)));
  for (std::size_t i = 0; i < due; ++i) {
    const auto index = static_cast<std::size_t>(random_.below(nodes_.size()));
    nodes_[index]->bus().cut("flapping");
    mark(index);
  }
  next_flap_ = now + std::chrono::duration_cast<SteadyTime::duration>(std::chrono::duration<double>(1 / per_second));
}

void Fleet::apply_scenario(SteadyTime now) {
  while (changes_done_ < options_.scenario.size()) {
    const auto& change = options_.scenario[changes_done_];
    if (began_ + milliseconds(change.at_ms) > now) return;
    ++changes_done_;
    if (change.name == "end") {
      scenario_over_ = true;
      return;
    }
    (void)set_weather(weather_, change.name, change.value);  // it was tried when it was read
    if (change.name == "offline") apply_offline();
    if (change.name == "flap") next_flap_ = now;
  }
}

Result<void> Fleet::round() {
  const auto now = std::chrono::steady_clock::now();
  start_due(now);
  apply_scenario(now);
  flap(now);
  for (auto& asking : board_.take_askings()) {
    auto& asked = asked_[asking.project];
    if (asking.link) asked.link = asking.link;
    if (asking.window) asked.window = asking.window;
  }
  while (!heap_.empty() && heap_.front().at <= now) {
    const auto planned = heap_.front();
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
    if (nodes_[planned.index]->planned != planned.at) continue;
    nodes_[planned.index]->planned = SteadyTime::max();
    mark(planned.index);
  }
  for (const auto index : dirty_) {
    auto& node = *nodes_[index];
    auto done = node.started() ? node.step(now) : node.start();
    if (!done) return done;
  }
  if (journals_ != nullptr)
    if (auto synced = journals_->sync(); !synced) return fail(synced.error().in("--journals"));
  for (const auto index : dirty_) {
    auto& node = *nodes_[index];
    node.flush();
    node.dirty = false;
    plan(index);
  }
  dirty_.clear();
  return {};
}

SteadyTime Fleet::next_wake(SteadyTime now) const {
  auto next = next_look_;
  if (started_ < nodes_.size())
    next = std::min(next, began_ + std::chrono::duration_cast<SteadyTime::duration>(
                                       std::chrono::duration<double>(static_cast<double>(started_) / static_cast<double>(weather_.ramp))));
  if (weather_.flaps_per_hour > 0) next = std::min(next, next_flap_);
  if (changes_done_ < options_.scenario.size()) next = std::min(next, began_ + milliseconds(options_.scenario[changes_done_].at_ms));
  if (!heap_.empty()) next = std::min(next, heap_.front().at);
  return std::max(next, now);
}

std::optional<Ending> Fleet::ending(SteadyTime now) const {
  if (stopped_) return Ending::stopped;
  if (scenario_over_) return Ending::scenario_over;
  if (options_.recoveries > 0 && recoveries_.ended().size() >= options_.recoveries) return Ending::recovered;
  if (options_.for_ms > 0 && now >= began_ + milliseconds(options_.for_ms)) return Ending::time_over;
  const bool all = started_ == nodes_.size() && tally_.ended + tally_.offline >= nodes_.size() && tally_.offline < nodes_.size();
  if (all && options_.for_ms == 0) {
    // Who is offline may have ended before, too: counted one by one.
    const bool online_ended =
        std::all_of(nodes_.begin(), nodes_.end(), [](const auto& node) { return node->bus().held() || node->ended(); });
    if (online_ended && changes_done_ == options_.scenario.size()) return Ending::all_ended;
  }
  if (now >= began_ + milliseconds(options_.deadline_ms)) return Ending::deadline;
  return std::nullopt;
}

Result<Ending> Fleet::run(const std::function<void(const Moment&)>& looked) {
  began_ = std::chrono::steady_clock::now();
  next_look_ = next_keep_ = next_flap_ = traffic_at_ = began_;
  if (weather_.offline > 0) apply_offline();
  for (auto& other : others_) {  // what went before, registering above all, is no load of these nodes
    other.process.begin();
    other.resident_begin = other.process.last().resident;
  }
  std::optional<Ending> end;
  std::optional<SteadyTime> drain_until;
  while (true) {
    for (const auto& ready : network_.wait(next_wake(std::chrono::steady_clock::now()))) {
      nodes_[ready.tag]->bus().ready(ready.readable, ready.writable);
      mark(ready.tag);
    }
    if (auto done = round(); !done) return fail(done.error());
    const auto now = std::chrono::steady_clock::now();
    recoveries_.look(seconds(began_, now), tally_, network_.traffic);
    if (now >= next_look_) {
      next_look_ = now + look_every;
      for (const auto us : board_.take_visible()) legs_.of(Leg::visible).record(us);
      board_.show(tally_);
      const auto moment = look(now);
      if (now >= next_keep_) {
        next_keep_ = now + milliseconds(keep_every_ms_);
        keep(moment);
      }
      looked(moment);
    }
    if (!end) {
      end = ending(now);
      if (end) {
        drain_until = now + drain_max;
        weather_.flaps_per_hour = 0;
      }
    }
    if (end && (tally_.behind == 0 || now >= *drain_until || *end == Ending::all_ended)) break;
  }
  {
    const std::lock_guard lock(outside_mutex_);
    if (outside_) return fail(*outside_);
  }
  keep(look(std::chrono::steady_clock::now()));
  return *end;
}

void Fleet::close() {
  const auto until = std::chrono::steady_clock::now() + goodbye_max;
  for (auto& node : nodes_) node->say_goodbye();
  if (journals_ != nullptr) (void)journals_->sync();
  for (auto& node : nodes_) node->flush();
  while (std::chrono::steady_clock::now() < until &&
         std::any_of(nodes_.begin(), nodes_.end(), [](const auto& node) { return node->bus().closing(); })) {
    for (const auto& ready : network_.wait(std::chrono::steady_clock::now() + look_every)) {
      nodes_[ready.tag]->bus().ready(ready.readable, ready.writable);
      nodes_[ready.tag]->flush();
    }
    const auto now = std::chrono::steady_clock::now();
    for (auto& node : nodes_) node->bus().advance(now);
  }
}

// ---- what is seen -------------------------------------------------------------------------------------------------------

Moment Fleet::look(SteadyTime now) {
  Moment moment;
  moment.at_s = seconds(began_, now);
  moment.tally = tally_;
  const double passed = seconds(traffic_at_, now);
  if (passed < rate_from_s) {
    for (const auto& other : others_) moment.others.push_back({0, other.process.last().resident});
    return moment;
  }
  const auto& traffic = network_.traffic;
  moment.out_per_s = static_cast<double>(traffic.messages_out - traffic_before_.messages_out) / passed;
  moment.in_per_s = static_cast<double>(traffic.messages_in - traffic_before_.messages_in) / passed;
  moment.events_per_s = static_cast<double>(tally_.events - events_before_) / passed;
  for (auto& other : others_) {
    const auto used = other.process.look();
    moment.others.push_back({(used.cpu_s - std::exchange(other.cpu_before, used.cpu_s)) / passed, used.resident});
  }
  traffic_before_ = traffic;
  events_before_ = tally_.events;
  traffic_at_ = now;
  return moment;
}

void Fleet::keep(const Moment& moment) {
  timeline_.push_back(moment);
  if (timeline_.size() < timeline_max) return;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < timeline_.size(); i += 2) timeline_[kept++] = std::move(timeline_[i]);
  timeline_.resize(kept);
  keep_every_ms_ *= 2;
}

std::vector<NodeEnd> Fleet::accounts() const {
  std::vector<NodeEnd> all;
  all.reserve(nodes_.size());
  for (const auto& node : nodes_) all.push_back({node->name(), node->account(), node->started() && !node->bus().held()});
  return all;
}

std::vector<Watched> Fleet::watched() const {
  std::vector<Watched> all;
  for (const auto& other : others_) {
    const auto& used = other.process.last();
    all.push_back({other.process.name(), other.process.pid(), used.cpu_s, other.resident_begin, used.resident, used.resident_max});
  }
  return all;
}

std::int64_t Fleet::took_ms() const {
  return timeline_.empty() ? 0 : static_cast<std::int64_t>(timeline_.back().at_s * 1'000);
}

}  // namespace abide::node_fleet
