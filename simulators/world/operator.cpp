#include "simulators/world/operator.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "simulators/world/control.hpp"
#include "simulators/world/heap.hpp"
#include "simulators/world/machine.hpp"

namespace abide::sim {
namespace {

constexpr std::int64_t minute_ms = 60'000, hour_ms = 3'600'000;
constexpr std::int64_t act_ms_min = 4 * minute_ms, act_ms_max = 40 * minute_ms;
constexpr std::int64_t between_orders_ms = 1'000, just_enough_ms_max = 45'000;
constexpr std::size_t policies_max = 8;
constexpr std::uint64_t image_bytes_min = 200'000'000, image_bytes_max = 3'000'000'000;

std::string two_digits(std::uint64_t number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

std::string resource_name(const World& world, const std::string& version) {
  return world.image(version).resource().name;
}

}  // namespace

// ---- the course of their work -------------------------------------------------------------------------------------------

void Operator::begin() {
  acting_ = true;
  if (world_.find_image(base_version) == nullptr) world_.add_image(base_image());
  if (world_.plan().past) take_over();
  if (published_.empty()) published_.emplace_back(base_version);
  read_releases();
  policies_.insert({"latest", {}});
  policies_.insert({"base", {published_.front(), true}});
  for (MachineIndex i = 0; i < world_.machine_count(); ++i)
    if (!world_.plan().past) wishes_[world_.machine(i).id()].policy = world_.random(World::Stream::people).below(4) == 0 ? "" : "latest";
  world_.heap().at(world_.now_ms() + minute_ms, [this] { look_after(); });
  world_.heap().at(world_.now_ms() + draw_ms(minute_ms, 30 * minute_ms), [this] {
    publish_next();
    act();
  });
}

// The notebook of those who worked before: what the orchestrator was told is what they want.
void Operator::take_over() {
  const auto& state = world_.control().state();
  for (const auto& [id, resource] : state.os_resources) {
    if (world_.find_image(resource.value.image_id) != nullptr) published_.push_back(resource.value.image_id);
  }
  for (const auto& [id, policy] : state.policies) {
    const auto target = state.os_resources.find(policy.value.target_os_id);
    policies_[policy.value.name] = {target == state.os_resources.end() ? "" : target->second.value.image_id, policy.value.allow_downgrade};
  }
  for (const auto& [id, schedule] : state.schedules) {
    for (const auto& [node_id, node] : state.nodes) {
      if (node.host_id == schedule.value.host_id)
        windows_[schedule.value.name] = {node_id, schedule.value.start_seconds, schedule.value.end_seconds};
    }
  }
  for (const auto& [id, node] : state.nodes) {
    auto& wish = wishes_[id];
    const auto policy = state.policies.find(node.policy_id);
    wish.policy = policy == state.policies.end() ? "" : policy->second.value.name;
    wish.paused = node.paused;
    if (node.newest.link && node.newest.link->aborted) wish.aborted_image = node.newest.link->release.os_image_id;
  }
}

void Operator::settle() {
  settling_ = true;
  for (MachineIndex i = 0; i < world_.machine_count(); ++i) {
    const NodeId id = world_.machine(i).id();
    wishes_[id].paused = false;
    if (i < world_.plan().nodes) note_window(id, 0, 0);
  }
  if (!acting_) look_after();
}

void Operator::plan_next() {
  world_.heap().at(world_.now_ms() + draw_ms(act_ms_min, act_ms_max), [this] { act(); });
}

void Operator::act() {
  if (settling_ || world_.is_quiet()) return;
  plan_next();
  auto& random = world_.random(World::Stream::people);
  const auto machine = static_cast<MachineIndex>(random.below(world_.plan().nodes));
  const std::uint64_t draw = random.below(20);
  if (draw < 4) return publish_next();
  if (draw < 11) return act_on_windows(machine);
  act_on_policy(machine, draw);
}

void Operator::act_on_policy(MachineIndex machine, std::uint64_t draw) {
  const NodeId id = world_.machine(machine).id();
  const std::string host = to_string(id);
  auto& wish = wishes_[id];
  auto& random = world_.random(World::Stream::people);
  const bool churn = world_.strikes(Fault::policy_churn, 1, machine);
  if (!churn || draw < 13) {
    wish.policy = random.below(3) == 0 ? draw_policy() : "latest";
    wish.aborted_image.clear();
    return order(fleet::LinkPolicy{host, wish.policy});
  }
  switch (draw) {
    case 13:
      wish.policy.clear();
      return order(fleet::UnlinkPolicy{host});
    case 14:
    case 15: {
      wish.paused = !wish.paused;
      return order(fleet::PauseUpdate{host, wish.paused});
    }
    case 16:
    case 17: {
      const auto* node = world_.control().node(id);
      if (node == nullptr || !node->newest.link) return;
      wish.aborted_image = node->newest.link->release.os_image_id;
      return order(fleet::AbortUpdate{host});
    }
    case 18: {  // un-linked and linked again at once
      const std::string policy = wish.policy.empty() ? "latest" : wish.policy;
      wish.policy = policy;
      wish.aborted_image.clear();
      order(fleet::UnlinkPolicy{host});
      return order(fleet::LinkPolicy{host, policy});
    }
    default: {  // a policy that nobody has goes, and comes again under another name
      for (auto policy = policies_.begin(); policy != policies_.end(); ++policy) {
        const auto& name = policy->first;
        const bool wished = std::any_of(wishes_.begin(), wishes_.end(), [&](const auto& w) { return w.second.policy == name; });
        if (wished || name == "latest" || name == "base") continue;
        const auto note = policy->second;
        order(fleet::DeletePolicy{name});
        policies_.erase(policy);
        policies_["p" + std::to_string(++names_)] = note;
        return;
      }
      (void)draw_policy();
    }
  }
}

void Operator::coincide(MachineIndex machine) {
  if (!acting_ || settling_ || world_.is_quiet()) return;
  const NodeId id = world_.machine(machine).id();
  if (world_.strikes(Fault::policy_churn, 4, machine)) {
    static constexpr std::array<std::uint64_t, 6> draws = {13, 14, 16, 16, 18, 20};
    const std::uint64_t draw = draws[world_.random(World::Stream::people).below(draws.size())];
    if (draw < 20) return act_on_policy(machine, draw);
    auto& wish = wishes_[id];
    wish.policy = wish.policy == "latest" ? draw_policy() : "latest";
    wish.aborted_image.clear();
    return order(fleet::LinkPolicy{to_string(id), wish.policy});
  }
  if (!world_.strikes(Fault::window_closed_midway, 4, machine)) return;
  for (auto note = windows_.begin(); note != windows_.end(); ++note) {
    if (note->second.node != id) continue;
    if (world_.random(World::Stream::people).below(3) != 0) return make_just_long_enough(machine, note->second);
    const auto schedule = schedule_id(note->first);
    windows_.erase(note);
    if (schedule) order(fleet::DeleteSchedule{*schedule});
    return;
  }
}

// So that what is still to do fits, or nearly.
void Operator::make_just_long_enough(MachineIndex machine, WindowNote& note) {
  const std::int64_t needs_ms = node::switch_time_needed_ms(node::Settings{}, world_.machine(machine).state());
  note.end_seconds = std::max(note.start_seconds + 1, clock_seconds() + (needs_ms + draw_ms(0, just_enough_ms_max)) / 1'000);
  if (!world_.control().runs()) return;
  std::vector<fleet::Operation> differences;
  in_windows(differences);
  for (auto& operation : differences) order(std::move(operation));
}

// A TARGET of its own now and then, among them older images.
std::string Operator::draw_policy() {
  auto& random = world_.random(World::Stream::people);
  if (policies_.size() < policies_max && random.below(2) == 0) {
    const std::string name = "p" + std::to_string(++names_);
    const std::string target = published_[random.below(published_.size())];
    const bool downgrade = random.below(2) == 0;
    policies_[name] = {target, downgrade};
    Policy policy;
    policy.name = name;
    policy.update_policy = UpdatePolicy::target;
    policy.target_os_id = resource_name(world_, target);
    policy.allow_downgrade = downgrade;
    order(fleet::CreatePolicy{policy});
    return name;
  }
  auto chosen = policies_.begin();
  std::advance(chosen, static_cast<std::ptrdiff_t>(random.below(policies_.size())));
  return chosen->first;
}

void Operator::act_on_windows(MachineIndex machine) {
  auto& random = world_.random(World::Stream::people);
  const NodeId id = world_.machine(machine).id();
  std::vector<std::string> mine;
  for (const auto& [name, note] : windows_)
    if (note.node == id) mine.push_back(name);
  if (!mine.empty() && world_.strikes(Fault::window_churn, 2, machine)) {
    const std::string name = mine[random.below(mine.size())];
    auto& note = windows_[name];
    const auto schedule = schedule_id(name);
    const std::uint64_t draw = random.below(4);
    if (draw == 0) {  // edited
      note.start_seconds = std::max(note.start_seconds, clock_seconds() + 30) + static_cast<std::int64_t>(random.below(1'200));
      note.end_seconds = note.start_seconds + 300 + static_cast<std::int64_t>(random.below(3'600));
      return;  // entered by look_after
    }
    if (draw == 1 && note.end_seconds != 0) {  // cut short, or made longer
      note.end_seconds = std::max(note.start_seconds + 60, note.end_seconds + static_cast<std::int64_t>(random.below(3'600)) - 1'800);
      return;
    }
    const WindowNote again = note;
    windows_.erase(name);
    if (schedule) order(fleet::DeleteSchedule{*schedule});
    if (draw == 2) windows_["w" + std::to_string(++names_)] = again;
    return;
  }
  const std::int64_t in_ms = random.below(3) == 0 ? 0 : draw_ms(minute_ms, hour_ms);
  const std::int64_t lasts_ms = random.below(12) == 0 ? 0 : draw_ms(4 * minute_ms, 2 * hour_ms);
  const std::string name = note_window(id, in_ms, lasts_ms);
  if (!world_.strikes(Fault::window_closed_midway, 3, machine)) return;
  const std::int64_t closes_in_ms = in_ms + draw_ms(minute_ms, std::max<std::int64_t>(lasts_ms, 10 * minute_ms));
  world_.heap().at(world_.now_ms() + closes_in_ms, [this, name] {
    if (settling_ || windows_.erase(name) == 0) return;
    if (const auto schedule = schedule_id(name)) order(fleet::DeleteSchedule{*schedule});
  });
}

// Written down and entered.
std::string Operator::note_window(const NodeId& node, std::int64_t in_ms, std::int64_t lasts_ms) {
  const std::string name = "w" + std::to_string(++names_);
  WindowNote note{node, clock_seconds() + 1 + in_ms / 1000, 0};
  if (lasts_ms != 0) note.end_seconds = note.start_seconds + std::max<std::int64_t>(lasts_ms / 1000, 1);
  windows_[name] = note;
  Schedule schedule;
  schedule.name = name;
  schedule.start_seconds = note.start_seconds;
  schedule.end_seconds = note.end_seconds;
  schedule.host_id = to_string(node);
  order(fleet::CreateSchedule{schedule});
  return name;
}

// ---- releases -----------------------------------------------------------------------------------------------------------

void Operator::publish_next() {
  auto& random = world_.random(World::Stream::people);
  const bool same_day = builds_ > 0 && world_.strikes(Fault::two_builds_a_day, 3);
  if (same_day && minute_of_day_ < 1'000) {
    minute_of_day_ += 1 + random.below(400);
  } else {
    ++day_;
    minute_of_day_ = random.below(600);
  }
  ++builds_;
  Image image;
  image.version = "3.0.2026" + two_digits(1 + day_ / 28) + two_digits(1 + day_ % 28) + "." + two_digits(minute_of_day_ / 60) +
                  two_digits(minute_of_day_ % 60);
  image.nature = draw_nature();
  image.bytes = image_bytes_min + random.below(image_bytes_max - image_bytes_min);
  publish(std::move(image));
}

Image::Nature Operator::draw_nature() {
  struct Draw {
    Fault fault;
    Image::Nature nature;
    std::uint64_t one_in;
  };
  static constexpr std::array<Draw, 9> draws{{{Fault::boot_loop, Image::Nature::restless, 12},
                                              {Fault::boot_fallback, Image::Nature::dead, 12},
                                              {Fault::hang, Image::Nature::hung, 12},
                                              {Fault::unhealthy, Image::Nature::unhealthy, 12},
                                              {Fault::late_unhealthy, Image::Nature::late_unhealthy, 16},
                                              {Fault::late_unhealthy, Image::Nature::silent, 16},
                                              {Fault::wrong_digest, Image::Nature::wrong_digest, 14},
                                              {Fault::download_fails, Image::Nature::unreachable, 20},
                                              {Fault::download_fails, Image::Nature::too_large, 24}}};
  for (const auto& draw : draws)
    if (world_.strikes(draw.fault, draw.one_in)) return draw.nature;
  return Image::Nature::good;
}

void Operator::publish(Image image) {
  world_.say("people", "publish " + image.version + ", " + std::string(to_string(image.nature)));
  published_.push_back(image.version);
  world_.add_image(std::move(image));
  read_releases();
}

void Operator::read_releases() {
  fleet::ProfilesRead read;
  for (const auto& version : published_) {
    auto resource = world_.image(version).resource();
    read.found.push_back({"releases#" + resource.profile_name + "/" + version, std::move(resource)});
  }
  world_.control().read_profiles(std::move(read));
}

// ---- orders, one after the other ------------------------------------------------------------------------------------------

void Operator::order(fleet::Operation operation, std::function<bool()> still) {
  orders_.push_back({std::move(operation), std::move(still)});
  send_next();
}

void Operator::send_next() {
  while (!busy_ && !orders_.empty()) {
    auto next = std::move(orders_.front());
    orders_.pop_front();
    if (next.still && !next.still()) continue;
    busy_ = true;
    world_.control().ask(std::move(next.operation), [this](const Result<fleet::Answer>& answer) {
      if (!answer && answer.error().code != Code::unavailable) refused_ = true;
      world_.heap().at(world_.now_ms() + between_orders_ms, [this] {
        busy_ = false;
        send_next();
      });
    });
  }
}

std::int64_t Operator::draw_ms(std::int64_t from_ms, std::int64_t to_ms) {
  return from_ms + static_cast<std::int64_t>(world_.random(World::Stream::people).below(static_cast<std::uint64_t>(to_ms - from_ms)));
}

std::int64_t Operator::clock_seconds() const {
  return world_.control().now().wall_ms / 1000;
}

std::optional<std::string> Operator::schedule_id(const std::string& name) const {
  for (const auto& [id, schedule] : world_.control().state().schedules)
    if (schedule.value.name == name) return id;
  return std::nullopt;
}

// ---- single acts ----------------------------------------------------------------------------------------------------------

std::vector<std::string> Operator::policies() const {
  std::vector<std::string> names;
  for (const auto& [name, note] : policies_) names.push_back(name);
  return names;
}

std::vector<std::string> Operator::windows() const {
  std::vector<std::string> ids;
  for (const auto& [name, note] : windows_)
    if (auto id = schedule_id(name)) ids.push_back(std::move(*id));
  return ids;
}

Result<fleet::Answer> Operator::create_policy(std::string name, std::string target_version, bool allow_downgrade) {
  Policy policy;
  policy.name = name;
  policy.allow_downgrade = allow_downgrade;
  if (!target_version.empty()) {
    policy.update_policy = UpdatePolicy::target;
    policy.target_os_id = resource_name(world_, target_version);
  }
  policies_[std::move(name)] = {std::move(target_version), allow_downgrade};
  return world_.control().ask(fleet::CreatePolicy{policy});
}

Result<fleet::Answer> Operator::link(MachineIndex machine, std::string_view policy) {
  const NodeId id = world_.machine(machine).id();
  wishes_[id].policy = policy;
  wishes_[id].aborted_image.clear();
  return world_.control().ask(fleet::LinkPolicy{to_string(id), std::string(policy)});
}

Result<fleet::Answer> Operator::unlink(MachineIndex machine) {
  const NodeId id = world_.machine(machine).id();
  wishes_[id].policy.clear();
  return world_.control().ask(fleet::UnlinkPolicy{to_string(id)});
}

Result<fleet::Answer> Operator::pause(MachineIndex machine, bool paused) {
  const NodeId id = world_.machine(machine).id();
  wishes_[id].paused = paused;
  return world_.control().ask(fleet::PauseUpdate{to_string(id), paused});
}

Result<fleet::Answer> Operator::abort(MachineIndex machine) {
  const NodeId id = world_.machine(machine).id();
  const auto* node = world_.control().node(id);
  if (node != nullptr && node->newest.link) wishes_[id].aborted_image = node->newest.link->release.os_image_id;
  return world_.control().ask(fleet::AbortUpdate{to_string(id)});
}

Result<fleet::Answer> Operator::open_window(MachineIndex machine, std::int64_t in_ms, std::int64_t lasts_ms) {
  const NodeId id = world_.machine(machine).id();
  Schedule schedule;
  schedule.name = "w" + std::to_string(++names_);
  schedule.start_seconds = clock_seconds() + (in_ms + 999) / 1000;
  schedule.end_seconds = lasts_ms == 0 ? 0 : schedule.start_seconds + std::max<std::int64_t>(lasts_ms / 1000, 1);
  schedule.host_id = to_string(id);
  windows_[schedule.name] = {id, schedule.start_seconds, schedule.end_seconds};
  return world_.control().ask(fleet::CreateSchedule{schedule});
}

Result<fleet::Answer> Operator::edit_window(std::string_view id, std::int64_t in_ms, std::int64_t lasts_ms) {
  const auto& schedules = world_.control().state().schedules;
  const auto found = schedules.find(std::string(id));
  if (found == schedules.end()) return fail(Code::not_found, "no schedule " + std::string(id));
  Schedule schedule = found->second.value;
  schedule.start_seconds = clock_seconds() + (in_ms + 999) / 1000;
  schedule.end_seconds = lasts_ms == 0 ? 0 : schedule.start_seconds + std::max<std::int64_t>(lasts_ms / 1000, 1);
  auto& note = windows_[schedule.name];
  note.start_seconds = schedule.start_seconds;
  note.end_seconds = schedule.end_seconds;
  return world_.control().ask(fleet::EditSchedule{schedule});
}

Result<fleet::Answer> Operator::close_window(std::string_view id) {
  const auto& schedules = world_.control().state().schedules;
  const auto found = schedules.find(std::string(id));
  if (found != schedules.end()) windows_.erase(found->second.value.name);
  return world_.control().ask(fleet::DeleteSchedule{std::string(id)});
}

Result<fleet::Answer> Operator::confirm(MachineIndex machine) {
  return world_.control().ask(fleet::ConfirmNode{to_string(world_.machine(machine).id())});
}

Result<fleet::Answer> Operator::resolve(MachineIndex machine) {
  const auto& right = world_.machine(machine);
  return world_.control().ask(fleet::ResolveConflict{to_string(right.id()), right.head().id});
}

}  // namespace abide::sim
