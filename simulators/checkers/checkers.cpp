#include "simulators/checkers/checkers.hpp"

#include <algorithm>
#include <array>

#include "common/events/codec.hpp"
#include "common/events/topics.hpp"
#include "simulators/checkers/every.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

constexpr std::array<MakeChecker, 24> every{make_running_slot, make_open_window,          make_verified_image,    make_healthy_first,
                                            make_commit_first, make_durable_first,        make_unbroken_journals, make_stored_first,
                                            make_fold_is_rows, make_true_reports,         make_true_picture,      make_growing_numbers,
                                            make_one_outcome,  make_silent_after_restore, make_real_conflicts,    make_true_verdicts,
                                            make_begins_clean, make_closed_once,          make_told_closes,       make_holds_strangers,
                                            make_present_word, make_every_offer_ends,     make_picture_is_truth,  make_waits_for_something};

}  // namespace

void Checker::found(const World& world, std::string what) {
  if (findings_.size() >= findings_max) return;
  findings_.push_back({std::string(name_), std::move(what), world.now_ms(), world.steps()});
}

Checkers::Checkers(World& world) {
  for (const auto& make : every) checkers_.push_back(make(facts_));
  if (world.plan().past) facts_.remember(world);
  world.watch(*this);
}

Checkers::~Checkers() = default;

std::vector<Checkers::Description> Checkers::list() {
  const Facts facts;
  std::vector<Description> descriptions;
  for (const auto& make : every) {
    const auto checker = make(facts);  // its texts are literals, which outlive it
    descriptions.push_back({checker->name(), checker->holds()});
  }
  return descriptions;
}

Result<void> Checkers::only(const std::vector<std::string>& names) {
  for (const auto& name : names) {
    const bool known = std::any_of(checkers_.begin(), checkers_.end(), [&](const auto& checker) { return checker->name() == name; });
    if (!known) return fail(Code::invalid_input, "no checker is called \"" + name + "\"");
  }
  std::erase_if(checkers_, [&](const auto& checker) { return std::find(names.begin(), names.end(), checker->name()) == names.end(); });
  return {};
}

bool Checkers::found() const {
  return std::any_of(checkers_.begin(), checkers_.end(), [](const auto& checker) { return !checker->findings().empty(); });
}

std::vector<Finding> Checkers::findings() const {
  std::vector<Finding> all;
  for (const auto& checker : checkers_) all.insert(all.end(), checker->findings().begin(), checker->findings().end());
  std::stable_sort(all.begin(), all.end(), [](const Finding& a, const Finding& b) { return a.step < b.step; });
  return all;
}

// ---- what is heard, to the checkers and then to the facts ----------------------------------------------------------------

void Checkers::decided(const World& world, const NodeDecided& decided) {
  facts_.decided(world, decided);  // nothing that a checker asks for in it: only that a process began, or that its connection is another
  for (auto& checker : checkers_) checker->decided(world, decided);
}

void Checkers::decided(const World& world, const FleetDecided& decided) {
  facts_.decided(world, decided);
  for (auto& checker : checkers_) checker->decided(world, decided);
}

void Checkers::node_committed(const World& world, MachineIndex machine) {
  for (const auto& [when, event] : facts_.durable_events(machine)) {
    facts_.look_back(machine, when);
    for (auto& checker : checkers_) checker->node_durable(world, machine, event);
    facts_.take(world, machine, event);
  }
  for (auto& checker : checkers_) checker->node_committed(world, machine);
}

void Checkers::fleet_committed(const World& world) {
  for (const auto& event : facts_.durable_events()) {
    for (auto& checker : checkers_) checker->fleet_durable(world, event);
    facts_.take(world, event);
  }
  for (auto& checker : checkers_) checker->fleet_committed(world);
}

void Checkers::published(const World& world, std::optional<MachineIndex> machine, const BusMessage& message) {
  const bool status = message.topic.ends_with("/status") || message.topic.ends_with("/rollback");
  if (machine && !status) return;  // progress and presence are hints
  const auto topic = topics::parse(message.topic);
  if (!topic || std::holds_alternative<topics::ProfileTopic>(*topic)) return;
  const auto envelope = decode(message.payload);
  if (!envelope) return;
  if (machine) {
    for (auto& checker : checkers_) checker->node_said(world, *machine, *envelope, message.payload);
    facts_.node_said(world, *machine, *envelope);
    return;
  }
  NodeId to;
  if (const auto* received = std::get_if<topics::ReceivedTopic>(&*topic)) to = received->node;
  if (const auto* document = std::get_if<topics::DocumentTopicOf>(&*topic)) to = document->node;
  for (auto& checker : checkers_) checker->fleet_said(world, to, *envelope);
  facts_.fleet_said(world, to, *envelope);
}

void Checkers::hardware(const World& world, const HardwareDid& did) {
  for (auto& checker : checkers_) checker->hardware(world, did);
  facts_.hardware(world, did);
}

void Checkers::fault(const World& world, const FaultHappened& happened) {
  for (auto& checker : checkers_) checker->fault(world, happened);
  facts_.fault(happened);
}

void Checkers::restored(const World& world) {
  for (auto& checker : checkers_) checker->restored(world);
  facts_.restored();
}

void Checkers::quiet(const World& world) {
  for (auto& checker : checkers_) checker->quiet(world);
}

void Checkers::ended(const World& world) {
  for (auto& checker : checkers_) checker->ended(world);
}

}  // namespace abide::sim
