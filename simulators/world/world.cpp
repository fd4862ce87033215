#include "simulators/world/world.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "common/core/hash.hpp"
#include "common/core/time.hpp"
#include "common/store/store.hpp"
#include "simulators/world/broker.hpp"
#include "simulators/world/control.hpp"
#include "simulators/world/heap.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/operator.hpp"
#include "simulators/world/past.hpp"

namespace abide::sim {
namespace {

constexpr std::int64_t begins_at_ms = 1'767'225'600'000;  // 2026-01-01T00:00:00Z
constexpr std::int64_t hour_ms = 3'600'000;
constexpr std::int64_t people_begin_ms = 5'000;    // after the orchestrator's start
constexpr std::int64_t power_on_ms_max = 120'000;  // a fleet is not switched on at once

constexpr std::array stream_names = {"network", "faults", "people", "control", "machine"};
static_assert(stream_names.size() == static_cast<std::size_t>(World::Stream::count_));

Random stream_of(std::uint64_t seed, std::string_view name) {
  const auto digest = sha256(std::to_string(seed) + "/" + std::string(name));
  std::uint64_t state = 0;
  for (std::size_t i = 0; i < 8; ++i) state = state << 8 | digest.bytes[i];
  return Random{state};
}

NodeId node_id(std::size_t index) {
  NodeId id;
  id.bytes.fill(0x5a);
  for (std::size_t i = 0; i < 8; ++i) id.bytes[15 - i] = static_cast<std::uint8_t>((index + 1) >> (8 * i));
  return id;
}

}  // namespace

World::World(Plan plan) : plan_(std::move(plan)), now_ms_(plan_.past ? plan_.past->now_ms : begins_at_ms) {
  if (plan_.past) plan_.nodes = plan_.past->nodes.size();
  quiet_at_ms_ = now_ms_ + plan_.hours * hour_ms;
  end_at_ms_ = quiet_at_ms_ + plan_.quiet_hours * hour_ms;
  for (const auto* name : stream_names) random_.push_back(stream_of(plan_.seed, name));
  for (const auto fault : every_fault()) fault_random_.push_back(stream_of(plan_.seed, to_string(fault)));
  heap_ = std::make_unique<Heap>();
  broker_ = std::make_unique<Broker>(*this);
  control_ = std::make_unique<Control>(*this);
  operator_ = std::make_unique<Operator>(*this);
  add_image(base_image());
  for (std::size_t i = 0; i < plan_.nodes; ++i) {
    const auto id = plan_.past ? plan_.past->nodes[i].id : node_id(i);
    add_machine(std::make_unique<Machine>(*this, i, id, "n" + std::to_string(i + 1)));
  }
  if (plan_.past) go_on_from(*plan_.past);
  // Nothing happens before the first step: who watches has seen all.
  heap_->at(now_ms_, [this] { control_->start(); });
  if (plan_.operator_works) heap_->at(now_ms_ + people_begin_ms, [this] { operator_->begin(); });
  for (std::size_t i = 0; i < plan_.nodes; ++i) {
    const auto in_ms = static_cast<std::int64_t>(random(Stream::machine).below(power_on_ms_max));
    heap_->at(now_ms_ + in_ms, [this, i] { machines_[i]->power_on(); });
  }
  heap_->at(quiet_at_ms_, [this] { stop_faults(); });
  begin_weather();
}

World::~World() = default;

void World::watch(Observer& observer) {
  observers_.push_back(&observer);
  is_read_ = is_read_ || observer.reads_lines();
}

// ---- time --------------------------------------------------------------------------------------------------------------

bool World::step() {
  if (over_) return false;
  const auto next = heap_->next_ms();
  if (!next || *next > end_at_ms_) {
    now_ms_ = std::max(now_ms_, end_at_ms_);
    over_ = true;
    tell([&](Observer& observer) { observer.ended(*this); });
    return false;
  }
  auto [at_ms, action] = heap_->pop();
  now_ms_ = std::max(now_ms_, at_ms);
  ++steps_;
  action();
  return true;
}

bool World::run(std::uint64_t steps_max) {
  for (std::uint64_t i = 0; i < steps_max; ++i)
    if (!step()) return true;
  return false;
}

bool World::run_until(const std::function<bool()>& so, std::int64_t within_ms) {
  const std::int64_t until = now_ms_ + within_ms;
  while (!so()) {
    const auto next = heap_->next_ms();
    if (!next || *next > until) {
      now_ms_ = std::max(now_ms_, std::min(until, end_at_ms_));
      return false;
    }
    if (!step()) return false;
  }
  return true;
}

void World::pass(std::int64_t ms) {
  (void)run_until([] { return false; }, ms);
}

void World::go_on_from(const Past& past) {
  for (const auto& image : past.images) add_image(image);
  for (std::size_t i = 0; i < past.nodes.size(); ++i) machines_[i]->begin_as(past.nodes[i]);
  if (past.control) control_->take_over(*past.control);
}

// ---- images and machines -----------------------------------------------------------------------------------------------

const Image* World::find_image(std::string_view version) const {
  const auto found = images_.find(version);
  return found == images_.end() ? nullptr : &found->second;
}

const Image& World::image(std::string_view version) const {
  const auto* found = find_image(version);
  assert(found != nullptr);
  return *found;
}

const Image* World::image_of_digest(const Digest& raw) const {
  const auto found = by_digest_.find(raw);
  return found == by_digest_.end() ? nullptr : find_image(found->second);
}

void World::add_image(Image image) {
  by_digest_.insert_or_assign(image.raw(), image.version);
  auto version = image.version;
  images_.insert_or_assign(std::move(version), std::move(image));
}

Machine& World::add_machine(std::unique_ptr<Machine> machine) {
  assert(machine->index() == machines_.size());
  machines_.push_back(std::move(machine));
  return *machines_.back();
}

// ---- faults and lines --------------------------------------------------------------------------------------------------

bool World::strikes(Fault fault, std::uint64_t one_in, std::optional<MachineIndex> machine) {
  // Drawn whether or not it may happen, so that a run without it stays like the one with it.
  const std::uint64_t drawn = fault_random_[static_cast<std::size_t>(fault)].next();
  if (quiet_ || one_in == 0 || drawn % one_in != 0 || !plan_.faults.has(fault)) return false;
  const std::uint64_t number = faults_happened_++;
  random(Stream::faults) = Random{drawn};
  if (std::find(plan_.left_out.begin(), plan_.left_out.end(), number) != plan_.left_out.end()) return false;
  tell_fault(fault, machine);
  return true;
}

void World::tell_fault(Fault fault, std::optional<MachineIndex> machine) {
  if (is_read_) say(machine ? machines_[*machine]->name() : "world", "fault " + std::string(to_string(fault)));
  const FaultHappened happened{fault, machine};
  tell([&](Observer& observer) { observer.fault(*this, happened); });
}

void World::say(std::string_view who, std::string_view what) {
  if (!is_read_) return;
  std::string line = to_rfc3339(now_ms_);
  line += ' ';
  line += who;
  line += ' ';
  line += what;
  tell([&](Observer& observer) { observer.line(*this, line); });
}

}  // namespace abide::sim
