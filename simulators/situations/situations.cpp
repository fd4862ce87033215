#include "simulators/situations/situations.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "simulators/situations/names.hpp"
#include "simulators/situations/page/cells.hpp"
#include "simulators/situations/sightings.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

constexpr std::size_t not_counted = ~std::size_t{0};

// The page, as it is asked for each input: by state and input, each row with its place in the list.
struct Page {
  struct Row {
    const Cell* cell = nullptr;
    std::size_t situation = not_counted;
  };
  std::map<std::pair<std::string_view, std::string_view>, std::vector<Row>> rows;

  Page() {
    for (const auto& cell : cells()) {
      if (cell.empty()) continue;
      Row row{&cell, not_counted};
      if (const auto index = index_of_situation(cell.name())) row.situation = *index;
      rows[{cell.state, cell.input}].push_back(row);
    }
  }
};

const Page& page() {
  static const Page made;
  return made;
}

// Some telling context of the cell is where the node is; a word that is not known fits all of them.
bool tells(const Cell& cell, const Place& place) {
  const auto fits = [](const std::string& word, std::string_view is) { return is.empty() || word == is; };
  for (const auto& [wish, window, link] : cell.telling)
    if (fits(wish, place.wish) && fits(window, place.window) && fits(link, place.link)) return true;
  return false;
}
bool holds(const std::vector<std::string>& words, std::string_view word, std::size_t all) {
  return words.size() == all || std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

Situations::Situations() : counts_(situation_names().size()), sightings_(std::make_unique<Sightings>()) {}
Situations::~Situations() = default;

const std::vector<std::string>& Situations::names() {
  return situation_names();
}

std::map<std::string, std::uint64_t> Situations::counts() const {
  std::map<std::string, std::uint64_t> all;
  for (std::size_t i = 0; i < counts_.size(); ++i) all.emplace(situation_names()[i], counts_[i]);
  return all;
}

void Situations::count(std::string_view name) {
  if (const auto index = index_of_situation(name)) {
    ++counts_[*index];
    return;
  }
  const auto argument = argument_against(name);
  if (!argument.empty()) ++refuted_[std::string(name) + " (" + std::string(argument) + ")"];
  assert(!argument.empty() || name.substr(0, 10) != "protocol: ");  // a name that is not on the list
}

// Reached is what the page says only if the node did what the page says: the words are for made-up states, and many a state
// of the world has more to it.
void Situations::count_cell(const NodeDecided& decided) {
  const node::UpdateMachine machine;
  const auto place = place_of(machine.settings, decided.before, decided.link_before, decided.input, decided.now, decided.link_after);
  if (!place) return;
  const auto found = page().rows.find({place->state, place->input});
  if (found == page().rows.end()) return;
  std::string happened_here, asked;
  for (const auto& row : found->second) {
    const Cell& cell = *row.cell;
    if (!holds(cell.wish, place->wish, wishes.size()) || !holds(cell.window, place->window, windows.size()) ||
        !holds(cell.link, place->link, links.size()) || !tells(cell, *place))
      continue;
    if (happened_here.empty()) {
      std::vector<NodeEvent> events;
      for (const auto& event : decided.events) events.push_back(event.recorded.event);
      happened_here = happened(events, decided.messages);
      asked = asked_for(machine.todo(decided.after, decided.link_after, decided.now));
    }
    if (happened_here != cell.events || next_state(decided.after) != cell.next || asked != cell.effects) return;
    if (const auto* argument = argued(arguments(), *place); argument != nullptr) ++refuted_[cell.name() + " (" + argument->name + ")"];
    if (row.situation != not_counted) ++counts_[row.situation];
    return;
  }
}

// What a newer document withdraws, and the phase that it finds.
void Situations::count_wishes(const NodeDecided& decided) {
  const auto phase = " in " + std::string(to_string(decided.before.phase));
  const auto& before = decided.before;
  const auto& after = decided.after;
  if (last_looks_.size() <= decided.machine) last_looks_.resize(decided.machine + 1);
  const auto last_look_ms = std::exchange(last_looks_[decided.machine], decided.now.wall_ms);
  const auto closes_ms = before.window ? before.window->closes_at_ms : 0;
  if (closes_ms != 0 && last_look_ms < closes_ms && decided.now.wall_ms >= closes_ms) count("window over" + phase);
  if (before.held.number != after.held.number && before.held.number) {
    const auto& was = before.link;
    const auto& is = after.link;
    if (was && !is) count("un-linked" + phase);
    if (was && is && was->offer != is->offer) count("linked anew" + phase);
    if (was && is && was->offer == is->offer && !was->aborted && is->aborted) count("aborted" + phase);
    if (is && is->paused && (!was || !was->paused)) count("paused" + phase);
    const bool closed = before.window && (!after.window || after.window->opens_at_ms > decided.now.wall_ms);
    if (closed && before.window->opens_at_ms <= decided.now.wall_ms) count("window over" + phase);
  }
}

void Situations::decided(const World& world, const NodeDecided& decided) {
  count_cell(decided);
  count_wishes(decided);
  for (const auto& event : decided.events) {
    const auto outcome = outcome_of(event.recorded.event);
    if (outcome.kind == OutcomeKind::none) continue;
    std::string name = "outcome: " + std::string(to_string(outcome.kind));
    if (outcome.reason != Reason::none) name += "(" + std::string(to_string(outcome.reason)) + ")";
    count(name);
  }
  sightings_->node_decided(world, decided, [this](std::string_view name) { count(name); });
}

void Situations::decided(const World& world, const FleetDecided& decided) {
  sightings_->fleet_decided(world, decided, [this](std::string_view name) { count(name); });
}

void Situations::published(const World& world, std::optional<MachineIndex> machine, const BusMessage& message) {
  sightings_->published(world, machine, message, [this](std::string_view name) { count(name); });
}

void Situations::delivered(const World& world, std::optional<MachineIndex> machine, const BusReceived& received) {
  sightings_->delivered(world, machine, received, [this](std::string_view name) { count(name); });
}

// A fault that hits no machine hits whoever is in a phase just then.
void Situations::fault(const World& world, const FaultHappened& happened) {
  if (happened.machine) {
    count(fault_in_phase(happened.fault, world.machine(*happened.machine).state().phase));
  } else {
    std::array<bool, 8> seen{};
    for (MachineIndex i = 0; i < world.machine_count(); ++i)
      if (world.machine(i).agent_runs()) seen[static_cast<std::size_t>(world.machine(i).host().state().phase)] = true;
    for (std::size_t phase = 0; phase < seen.size(); ++phase)
      if (seen[phase]) count(fault_in_phase(happened.fault, static_cast<Phase>(phase)));
  }
  sightings_->fault(world, happened, [this](std::string_view name) { count(name); });
}

void Situations::restored(const World& world) {
  sightings_->restored(world);
}

}  // namespace abide::sim
