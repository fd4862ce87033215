#include "simulators/world/faults.hpp"

#include <array>

namespace abide::sim {
namespace {

struct Named {
  Fault fault;
  std::string_view name;
};
constexpr std::array<Named, fault_count> names = {{
    {Fault::delay, "delay"},
    {Fault::duplicate, "duplicate"},
    {Fault::reorder, "reorder"},
    {Fault::lose_message, "lose-message"},
    {Fault::lose_connection, "lose-connection"},
    {Fault::late_message, "late-message"},
    {Fault::broker_restart, "broker-restart"},
    {Fault::broker_amnesia, "broker-amnesia"},
    {Fault::orchestrator_kill_before_commit, "orchestrator-kill-before-commit"},
    {Fault::orchestrator_kill_after_commit, "orchestrator-kill-after-commit"},
    {Fault::orchestrator_restore, "orchestrator-restore"},
    {Fault::orchestrator_clock_step, "orchestrator-clock-step"},
    {Fault::agent_kill_before_commit, "agent-kill-before-commit"},
    {Fault::agent_kill_after_commit, "agent-kill-after-commit"},
    {Fault::power_cut, "power-cut"},
    {Fault::power_stays_off, "power-stays-off"},
    {Fault::unsynced_lost, "unsynced-lost"},
    {Fault::disk_lies, "disk-lies"},
    {Fault::disk_full, "disk-full"},
    {Fault::torn_slot, "torn-slot"},
    {Fault::corrupt_download, "corrupt-download"},
    {Fault::wrong_digest, "wrong-digest"},
    {Fault::download_fails, "download-fails"},
    {Fault::boot_loop, "boot-loop"},
    {Fault::boot_fallback, "boot-fallback"},
    {Fault::hang, "hang"},
    {Fault::unhealthy, "unhealthy"},
    {Fault::late_unhealthy, "late-unhealthy"},
    {Fault::boot_loader_error, "boot-loader-error"},
    {Fault::node_clock_step, "node-clock-step"},
    {Fault::node_clock_drift, "node-clock-drift"},
    {Fault::window_closed_midway, "window-closed-midway"},
    {Fault::window_churn, "window-churn"},
    {Fault::policy_churn, "policy-churn"},
    {Fault::two_builds_a_day, "two-builds-a-day"},
    {Fault::re_image, "re-image"},
    {Fault::put_back, "put-back"},
    {Fault::clone, "clone"},
    {Fault::never_returns, "never-returns"},
}};
constexpr bool in_order() {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (static_cast<std::size_t>(names[i].fault) != i) return false;
  return true;
}
static_assert(in_order());

FaultSet all_faults() {
  FaultSet all;
  for (const auto& [fault, name] : names) all.add(fault);
  return all;
}

}  // namespace

std::string_view to_string(Fault fault) {
  return names[static_cast<std::size_t>(fault)].name;
}

std::optional<Fault> parse_fault(std::string_view text) {
  for (const auto& [fault, name] : names)
    if (name == text) return fault;
  return std::nullopt;
}

const std::vector<Fault>& every_fault() {
  static const std::vector<Fault> every = [] {
    std::vector<Fault> list;
    for (const auto& [fault, name] : names) list.push_back(fault);
    return list;
  }();
  return every;
}

std::string to_string(const FaultSet& faults) {
  std::string text;
  for (const auto& [fault, name] : names) {
    if (!faults.has(fault)) continue;
    if (!text.empty()) text += ',';
    text += name;
  }
  return text.empty() ? "none" : text;
}

Result<FaultChoice> parse_fault_choice(std::string_view text) {
  using Kind = FaultChoice::Kind;
  if (text == "none") return FaultChoice{Kind::none, {}};
  if (text == "all") return FaultChoice{Kind::all, {}};
  if (text == "default") return FaultChoice{Kind::drawn, {}};
  FaultChoice choice{Kind::list, {}};
  for (auto rest = text;;) {
    const auto comma = rest.find(',');
    const auto name = rest.substr(0, comma);
    const auto fault = parse_fault(name);
    if (!fault) return fail(Code::invalid_input, "no fault is called \"" + std::string(name) + "\"");
    choice.list.add(*fault);
    if (comma == std::string_view::npos) return choice;
    rest.remove_prefix(comma + 1);
  }
}

// Few faults in some runs, many in others: with all of them at once, nothing would ever get far.
FaultSet draw_faults(const FaultChoice& choice, Random& random) {
  switch (choice.kind) {
    case FaultChoice::Kind::none:
      return {};
    case FaultChoice::Kind::all:
      return all_faults();
    case FaultChoice::Kind::list:
      return choice.list;
    case FaultChoice::Kind::drawn:
      break;
  }
  constexpr std::array<std::uint64_t, 4> densities_percent = {12, 25, 50, 80};
  const auto percent = densities_percent[random.below(densities_percent.size())];
  FaultSet drawn;
  for (const auto& [fault, name] : names)
    if (random.below(100) < percent) drawn.add(fault);
  return drawn;
}

}  // namespace abide::sim
