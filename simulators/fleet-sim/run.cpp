#include "simulators/fleet-sim/run.hpp"

#include <algorithm>
#include <cassert>
#include <deque>
#include <span>

#include "common/core/hash.hpp"
#include "simulators/checkers/checkers.hpp"
#include "simulators/situations/situations.hpp"
#include "simulators/world/machine.hpp"

namespace abide::fleet_sim {

namespace {

constexpr std::uint64_t steps_between_progress = 4'096;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// Counts what became durable, keeps the end of the transcript, and hashes all of it.
class Recorder final : public sim::Observer {
 public:
  Recorder(const RunOptions& options, RunResult& result) : options_(options), result_(result) {}

  [[nodiscard]] bool reads_lines() const override { return options_.lines; }
  void line(const sim::World&, std::string_view line) override {
    hash_.update(bytes_of(line));
    hash_.update(bytes_of("\n"));
    ++result_.figures.lines;
    if (options_.line) options_.line(line);
    if (last_lines_.size() == last_lines_max) last_lines_.pop_front();
    last_lines_.emplace_back(line);
  }

  void decided(const sim::World&, const sim::NodeDecided& decided) override {
    auto& node = pending_of(decided.machine);
    node.events += decided.events.size();
    for (const auto& event : decided.events) {
      const auto outcome = outcome_of(event.recorded.event);
      if (outcome.kind != OutcomeKind::none) ++node.outcomes[static_cast<std::size_t>(outcome.kind)];
    }
  }
  void node_committed(const sim::World&, sim::MachineIndex machine) override {
    result_.figures.add(std::exchange(pending_of(machine), {}));
  }
  void decided(const sim::World&, const sim::FleetDecided& decided) override { fleet_.events += decided.events.size(); }
  void fleet_committed(const sim::World&) override { result_.figures.add(std::exchange(fleet_, {})); }
  void hardware(const sim::World&, const sim::HardwareDid& did) override {
    // What was decided and not committed is gone with the process.
    using Kind = sim::HardwareDid::Kind;
    if (did.kind == Kind::agent_ended || did.kind == Kind::agent_started || did.kind == Kind::power_cut) pending_of(did.machine) = {};
  }
  void restored(const sim::World&) override { fleet_ = {}; }

  void fault(const sim::World& world, const sim::FaultHappened& happened) override {
    if (happened.fault == sim::Fault::orchestrator_kill_before_commit) fleet_ = {};
    ++result_.figures.faults;
    if (!options_.list_faults) return;
    result_.faults.push_back({world.faults_happened() - 1, happened.fault,
                              happened.machine ? world.machine(*happened.machine).name() : std::string(), world.now_ms()});
  }

  void finish() {
    if (options_.lines) result_.hash = hash_.finish();
    if (!result_.findings.empty()) result_.last_lines.assign(last_lines_.begin(), last_lines_.end());
  }

 private:
  Figures& pending_of(sim::MachineIndex machine) {
    if (pending_.size() <= machine) pending_.resize(machine + 1);
    return pending_[machine];
  }

  const RunOptions& options_;
  RunResult& result_;
  Sha256 hash_;
  std::deque<std::string> last_lines_;
  std::vector<Figures> pending_;
  Figures fleet_;
};

}  // namespace

std::uint64_t Figures::node_updates() const {
  std::uint64_t sum = 0;
  for (const auto count : outcomes) sum += count;
  return sum;
}

void Figures::add(const Figures& other) {
  runs += other.runs;
  findings += other.findings;
  steps += other.steps;
  lines += other.lines;
  faults += other.faults;
  events += other.events;
  for (std::size_t i = 0; i < outcomes.size(); ++i) outcomes[i] += other.outcomes[i];
  virtual_ms += other.virtual_ms;
}

// Some hundred steps are what an hour of a node takes.
std::uint64_t enough_steps(const sim::Plan& plan) {
  const auto node_hours = plan.nodes * static_cast<std::uint64_t>(plan.hours + plan.quiet_hours);
  return std::min<std::uint64_t>(steps_max, 200'000 + 2'000 * node_hours);
}

RunResult run_world(const sim::Plan& plan, const RunOptions& options) {
  RunResult result;
  Recorder recorder(options, result);
  sim::World world(plan);
  world.watch(recorder);
  std::optional<sim::Checkers> checkers;
  if (!options.checks || !options.checks->empty()) {
    checkers.emplace(world);
    if (options.checks) {
      const auto known = checkers->only(*options.checks);
      assert(known);  // options.cpp has asked
    }
  }
  std::optional<sim::Situations> situations;
  if (options.count_situations) world.watch(situations.emplace());
  const auto began_ms = world.now_ms();
  const auto whole_ms = static_cast<double>(plan.hours + plan.quiet_hours) * 3'600'000;
  const std::uint64_t steps_enough = enough_steps(plan);
  std::uint64_t steps = 0;
  while (steps < steps_enough && world.step()) {
    ++steps;
    if (checkers && !result.events_until_found && checkers->found()) result.events_until_found = result.figures.events;
    if (options.stop_at_finding && result.events_until_found) break;
    if (options.progress && steps % steps_between_progress == 0)
      options.progress(static_cast<double>(world.now_ms() - began_ms) / whole_ms);
  }
  if (checkers) {
    const auto findings = checkers->findings();
    result.figures.findings = findings.size();
    for (const auto& finding : findings) {
      if (result.findings.size() == findings_kept_max) break;
      result.findings.push_back({finding.checker, finding.at_ms, finding.what});
    }
  }
  if (situations) {
    result.reached = situations->counts();
    for (const auto& [what, count] : situations->refuted()) {
      ++result.figures.findings;
      if (result.findings.size() == findings_kept_max) break;
      result.findings.push_back({std::string(unreachable), world.now_ms(), what + ": " + std::to_string(count) + " times"});
    }
  }
  if (steps == steps_enough) {
    ++result.figures.findings;
    result.findings.push_back(
        {std::string(endless), world.now_ms(), "the run has taken " + std::to_string(steps_enough) + " steps and goes on"});
  }
  result.figures.runs = 1;
  result.figures.steps = steps;
  result.figures.virtual_ms = world.now_ms() - began_ms;
  recorder.finish();
  return result;
}

std::vector<Named> every_checker() {
  std::vector<Named> list;
  for (const auto& [name, holds] : sim::Checkers::list()) list.push_back({std::string(name), std::string(holds)});
  return list;
}

std::vector<std::string> every_situation() {
  return sim::Situations::names();
}

Digest hash_of(const std::vector<Digest>& hashes) {
  Sha256 all;
  for (const auto& hash : hashes) all.update(bytes_of(to_hex(hash) + "\n"));
  return all.finish();
}

}  // namespace abide::fleet_sim
