#include "tools/replay/rerun.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "common/events/codec.hpp"
#include "common/events/print.hpp"
#include "orchestrator/fleet/lookup.hpp"
#include "orchestrator/maintenance_manager/maintenance_manager.hpp"

namespace abide::replay {
namespace {

constexpr std::int64_t mono_start_ms = 1'000'000;
constexpr std::uint64_t gamma = 0x9E3779B97F4A7C15ULL;

// x with x ^ (x >> by) == y.
constexpr std::uint64_t unshift(std::uint64_t y, unsigned by) {
  std::uint64_t x = y;
  for (unsigned done = by; done < 64; done += by) x = y ^ (x >> by);
  return x;
}
// Of an odd number, modulo 2^64: each step of Newton doubles the bits that are right.
constexpr std::uint64_t inverse(std::uint64_t odd) {
  std::uint64_t x = odd;
  for (int step = 0; step < 6; ++step) x *= 2 - odd * x;
  return x;
}

// The number whose low 32 bits an id ends with: "os-1a2b3c4d".
std::optional<std::uint64_t> drawn_number(const std::string& id) {
  constexpr std::size_t digits = 8;
  const auto dash = id.rfind('-');
  if (dash == std::string::npos || id.size() != dash + 1 + digits) return std::nullopt;
  std::uint64_t number = 0;
  const auto* end = id.data() + id.size();
  const auto [last, error] = std::from_chars(id.data() + dash + 1, end, number, 16);
  if (error != std::errc{} || last != end) return std::nullopt;
  return number;
}

bool is_drawn(const OrchestratorEvent& event) {
  if (std::holds_alternative<PolicyCreated>(event) || std::holds_alternative<OsResourceCreated>(event)) return true;
  return std::holds_alternative<WindowScheduled>(event);
}

// As a fold of the journal would read it.
OrchestratorEvent fitted(OrchestratorEvent event) {
  Payload payload = std::move(event);
  fit(payload);
  return std::get<OrchestratorEvent>(std::move(payload));
}

}  // namespace

std::uint64_t state_that_draws(std::uint64_t wanted) {
  std::uint64_t z = unshift(wanted, 31);
  z = unshift(z * inverse(0x94D049BB133111EBULL), 27);
  z = unshift(z * inverse(0xBF58476D1CE4E5B9ULL), 30);
  return z - gamma;
}

Rerun::Rerun(fleet::State state) : state_(std::move(state)), journal_(state_.journal) {
  link_.random.state = 1;
  for (const auto& [id, node] : state_.nodes) look_at_windows_of(id, 0);
}

Now Rerun::now_at(std::int64_t at_ms, bool clock_trusted) {
  if (begin_ms_ == 0) begin_ms_ = at_ms;
  mono_ms_ = std::max(mono_ms_, at_ms - begin_ms_);  // a clock that was set back does not turn this one back
  return {at_ms, mono_start_ms + mono_ms_, BootId{"replay"}, clock_trusted};
}

std::optional<std::int64_t> Rerun::next_window_ms() const {
  if (link_.window_deadlines.empty()) return std::nullopt;
  return link_.window_deadlines.begin()->first;
}

// When the calendar must look at a node again, where decide did not say so itself.
void Rerun::look_at_windows_of(const NodeId& id, std::int64_t now_ms) {
  const auto& node = state_.nodes.at(id);
  const auto before = link_.window_deadline.find(id);
  if (before != link_.window_deadline.end()) {
    link_.window_deadlines.erase({before->second, id});
    link_.window_deadline.erase(before);
  }
  const auto plans = fleet::plans_of(state_, node);
  if (node.held || (plans.empty() && !node.open_window)) return;
  const auto plan = maintenance_manager::plan(node.open_window, plans, now_ms, machine_.settings.maintenance_updates);
  if (!plan.next_ms) return;
  link_.window_deadlines.insert({*plan.next_ms, id});
  link_.window_deadline[id] = *plan.next_ms;
}

void Rerun::prepare_link(const Rebuilt& rebuilt) {
  machine_.settings.auto_register = rebuilt.auto_register;
  if (rebuilt.maintenance_updates) machine_.settings.maintenance_updates = true;
  if (rebuilt.restart) {
    link_ = {};
    link_.random.state = 1;
  }
  if (rebuilt.hello_of && !rebuilt.pending) link_.nodes[*rebuilt.hello_of].told.reset();
  if (rebuilt.pending) {
    auto& link = link_.nodes[*rebuilt.hello_of];
    link.told.reset();
    link.pending_ask = {{rebuilt.pending, 0}};
  }
  if (const auto* heard = std::get_if<fleet::NodeEventHeard>(&rebuilt.input)) link_.nodes[heard->node].told = rebuilt.told;
}

void Rerun::draw_next() {
  if (drawn_ >= rebuilt_->drawn.size()) return;
  if (const auto number = drawn_number(rebuilt_->drawn[drawn_])) link_.random.state = state_that_draws(*number);
}

void Rerun::feed(const fleet::Input& input, const Now& now) {
  try {
    machine_.decide(state_, link_, input, now, *this);
  } catch (const std::out_of_range&) {
    // Decide looked for what an event should have made that `meet` did not take: its view is not the record's any more.
    refused_ = true;
  }
}

std::optional<Result<fleet::Answer>> Rerun::take(const Rebuilt& rebuilt, std::int64_t at_ms, bool clock_trusted, const Meet& meet) {
  meet_ = &meet;
  rebuilt_ = &rebuilt;
  drawn_ = 0;
  refused_ = false;
  at_ms_ = at_ms;
  answer_.reset();
  const Now now = now_at(at_ms, clock_trusted);
  prepare_link(rebuilt);
  draw_next();
  if (auto heard = rebuilt.input; auto* hello = std::get_if<fleet::HelloHeard>(&heard)) {
    hello->hello.life = link_.life;
    feed(heard, now);
    link_.nodes[hello->node].told.reset();  // what it told is put together again where it matters
  } else {
    feed(rebuilt.input, now);
  }
  // The bus is there from the start on: a life of the connection is what hellos of the record answer.
  const bool begins = std::holds_alternative<fleet::Started>(rebuilt.input) || std::holds_alternative<fleet::CreateProject>(rebuilt.input);
  if (begins && !refused_) feed(fleet::BusUp{}, now);
  meet_ = nullptr;
  rebuilt_ = nullptr;
  return std::exchange(answer_, std::nullopt);
}

void Rerun::event(OrchestratorEvent event) {
  if (refused_) return;
  if (auto* registered = std::get_if<NodeRegistered>(&event);
      registered != nullptr && rebuilt_->registered && registered->node == rebuilt_->registered->node) {
    registered->host_id = rebuilt_->registered->host_id;
    registered->instance_id = rebuilt_->registered->instance_id;
  }
  const bool drawn = is_drawn(event);
  auto taken = (*meet_)(fitted(std::move(event)));
  if (!taken) {
    refused_ = true;
    return;
  }
  Recorded<OrchestratorEvent> recorded;
  recorded.journal = journal_;
  recorded.sequence = state_.last + 1;
  recorded.at_ms = at_ms_;
  recorded.event = std::move(*taken);
  fleet::FleetMachine::apply(state_, recorded);
  state_.touched = {};
  if (drawn) {
    ++drawn_;
    draw_next();
  }
}

void Rerun::adopt(const Recorded<OrchestratorEvent>& recorded) {
  journal_ = recorded.journal;
  const auto last = state_.last;
  fleet::FleetMachine::apply(state_, recorded);
  state_.last = last + 1;
  state_.touched = {};
  std::visit(
      [&](const auto& event) {
        if constexpr (requires { event.node; })
          if (state_.nodes.contains(event.node)) look_at_windows_of(event.node, recorded.at_ms);
      },
      recorded.event);
}

void Rerun::message(fleet::Message message) {
  if (auto* reply = std::get_if<fleet::Reply>(&message)) answer_ = std::move(reply->answer);
}
// Nodes only: a fleet's decide gives none of these.
void Rerun::new_journal(JournalId) {}
void Rerun::acknowledged(std::uint64_t) {}
void Rerun::blob(std::string_view, std::string) {}

namespace {

// An export may lack the key: then tags cannot be made again.
bool same(const OrchestratorEvent& recorded, const OrchestratorEvent& made, bool without_key) {
  if (recorded == made) return true;
  if (!without_key) return false;
  const auto* left = std::get_if<DocumentIssued>(&recorded);
  const auto* right = std::get_if<DocumentIssued>(&made);
  if (left == nullptr || right == nullptr) return false;
  DocumentIssued tagged = *right;
  tagged.document.tag = left->document.tag;
  return *left == tagged;
}

}  // namespace

Check check(const Recording& recording, fleet::State before) {
  Check result;
  result.events = recording.size();
  if (recording.empty()) return result;
  if (!before.journal) before.journal = recording.front().journal;
  Rerun rerun(std::move(before));
  std::size_t at = 0;
  const auto differs = [&](std::size_t place, std::string made) {
    if (result.differences.size() < differences_max)
      result.differences.push_back({recording[place].sequence, print(recording[place].event), std::move(made)});
  };
  while (at < recording.size()) {
    const std::size_t first = at;
    bool fits = true;
    if (const auto rebuilt = rebuild(recording, at, rerun.state())) {
      rerun.take(*rebuilt, recording[at].at_ms, recording[at].clock_trusted,
                 [&](OrchestratorEvent made) -> std::optional<OrchestratorEvent> {
                   if (at == recording.size()) {
                     fits = false;
                     return std::nullopt;
                   }
                   if (!same(recording[at].event, made, rerun.state().key.empty())) {
                     differs(at, print(made));
                     fits = false;
                     return std::nullopt;
                   }
                   return recording[at++].event;
                 });
    }
    result.reproduced += at - first;
    if (at > first) result.turns.push_back({first, at, true});
    if (at > first && fits) continue;
    if (at == recording.size()) break;
    if (at == first && fits) differs(at, {});
    rerun.adopt(recording[at]);
    result.turns.push_back({at, at + 1, false});
    ++at;
  }
  return result;
}

}  // namespace abide::replay
