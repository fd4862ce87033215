#include "simulators/situations/names.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "simulators/situations/page/cells.hpp"

namespace abide::sim {
namespace {

constexpr std::array phases = {Phase::idle,      Phase::staging,  Phase::staged,     Phase::switching,
                               Phase::rebooting, Phase::on_trial, Phase::confirming, Phase::rolling_back};

// Some faults meet a node in certain phases only, by what they are.
std::vector<Phase> phases_of(Fault fault) {
  switch (fault) {
    case Fault::corrupt_download:
    case Fault::download_fails:
    case Fault::unsynced_lost:  // of a slot that is being written; a disk that lies is counted under its own name
      return {Phase::staging};
    case Fault::torn_slot:
      return {Phase::idle, Phase::staging, Phase::staged};
    case Fault::disk_full:
    case Fault::disk_lies:
    case Fault::node_clock_step:
    case Fault::node_clock_drift:
    case Fault::boot_loader_error:
    case Fault::never_returns:
    case Fault::window_churn:
    case Fault::policy_churn:
    case Fault::window_closed_midway:
    case Fault::re_image:
    case Fault::put_back:
    case Fault::clone:
      return {Phase::idle, Phase::staging, Phase::staged, Phase::on_trial};
    case Fault::wrong_digest:  // natures of an image: they show as outcomes and cells
    case Fault::boot_loop:
    case Fault::boot_fallback:
    case Fault::hang:
    case Fault::unhealthy:
    case Fault::late_unhealthy:
    case Fault::two_builds_a_day:
      return {};
    default:
      return {phases.begin(), phases.end()};
  }
}

// What a rule or a trace of the protocol is about.
constexpr std::array named = {
    // delivery
    "protocol: a hello was lost",
    "protocol: a welcome was lost",
    "protocol: an acknowledgement was lost",
    "protocol: a document was lost",
    "protocol: an event was lost",
    "protocol: a hello of another life",
    "protocol: the roll call again, in the same life",
    "protocol: a hello again, by time alone",
    "protocol: a larger ask",
    "protocol: an event that was stored already",
    "protocol: an event beyond the next one",
    "protocol: an event of another history",
    "protocol: an event of a journal that is not the current one",
    "protocol: an event sent again",
    "protocol: an acknowledged event sent again, to a restored orchestrator",
    "protocol: a gap that the node cannot fill",
    "protocol: an acknowledgement of another life",
    "protocol: an acknowledgement of another journal",
    "protocol: an acknowledgement that comes late",
    "protocol: a welcome that answers another hello",
    "protocol: a roll call of a life that has ended",
    "protocol: a journal was trimmed",
    "protocol: a start that was only counted",
    "protocol: a picture corrected by a hello",
    "protocol: an offline of a session that has ended",
    // identity
    "protocol: a fork found by a clone",
    "protocol: a fork found after a disk was put back",
    "protocol: a fork found after a disk had lied",
    "protocol: a fork found with an offer open",
    "protocol: a new journal adopted in place of another",
    "protocol: a late word of a journal that is not the current one",
    "protocol: a re-image closed a run",
    "protocol: a re-image aborted what its node was asked for",
    "protocol: a conflict was seen",
    "protocol: a conflict was resolved",
    "protocol: a new journal cleared the boot variables",
    "protocol: a new journal found the one-shot armed",
    "protocol: a new journal went back to the default slot",
    // restores
    "protocol: all nodes held, by a declared restore",
    "protocol: all nodes held, by a document that was forgotten",
    "protocol: a held node was confirmed",
    "protocol: a welcome of an orchestrator that holds the node",
    "protocol: an epoch raised above one that was seen",
    // documents
    "protocol: a document overtaken by a newer one",
    "protocol: the same document again",
    "protocol: a welcome that knows a newer document",
    "protocol: withdrawn before it was accepted",
    "protocol: withdrawn after the switch began",
    "protocol: the window over after the switch began",
    "protocol: a window's close told while the node was away",
    "protocol: staged before Accepted was acknowledged",
    "protocol: an outcome is final, though the link is still there",
    "protocol: the same image again, by a new link",
    "protocol: a downgrade refused",
    "protocol: a downgrade allowed",
    "protocol: two builds of one day told apart",
    "protocol: a link to what runs already",
    // switching and trial
    "protocol: the agent started anew while a reboot was ordered",
    "protocol: the switch withdrawn before the reboot",
    "protocol: a late end of another offer's download",
    "protocol: cut off, switched by its own clock",
    "protocol: cut off, its own clock not trusted",
    "protocol: a trial begun outside of a window",
    "protocol: a trial interrupted",
    "protocol: the third interruption",
    "protocol: power lost after the one-shot was taken, before the new slot came up",
    "protocol: an interrupted trial's slot read again, and whole",
    "protocol: an interrupted trial's slot read again, and damaged",
    "protocol: the old slot runs when the new one was to be confirmed",
};

// Outcomes that a node of the simulated release service can come to. Profiles, architectures, manifests and signatures are
// the business of adapters, which are no part of this world.
constexpr std::array outcomes = {
    "outcome: Succeeded",
    "outcome: Cancelled(superseded)",
    "outcome: Cancelled(unlinked)",
    "outcome: Cancelled(aborted)",
    "outcome: Failed(older_release)",
    "outcome: Failed(too_large)",
    "outcome: Failed(download)",
    "outcome: Failed(wrong_digest)",
    "outcome: Failed(no_space)",
    "outcome: Failed(write_failed)",
    "outcome: Failed(read_back_failed)",
    "outcome: Failed(boot_loader)",
    "outcome: Failed(confirm_failed)",
    "outcome: Failed(no_slot_left)",
    "outcome: RolledBack(boot_failed)",
    "outcome: RolledBack(wrong_digest)",
    "outcome: RolledBack(unhealthy)",
    "outcome: RolledBack(deadline)",
    "outcome: RolledBack(watchdog)",
    "outcome: RolledBack(trial_interrupted)",
    "outcome: RolledBack(confirm_failed)",
};

bool begins_with(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}

std::vector<std::string> all_situations() {
  std::vector<std::string> all;
  for (const auto& cell : cells())
    if (!cell.empty() && argued(arguments(), cell).empty()) all.push_back(cell.name());
  std::vector<std::string> more;
  for (const auto fault : every_fault())
    for (const auto phase : phases_of(fault)) more.push_back(fault_in_phase(fault, phase));
  for (const auto* what : {"window over", "paused", "un-linked", "linked anew", "aborted"})
    for (const auto phase : phases) {
      if (phase == Phase::idle && std::string_view(what) == "window over") continue;  // nothing waits for it
      more.push_back(std::string(what) + " in " + std::string(to_string(phase)));
    }
  more.insert(more.end(), named.begin(), named.end());
  more.insert(more.end(), outcomes.begin(), outcomes.end());
  for (auto& name : more)
    if (argument_against(name).empty()) all.push_back(std::move(name));
  return all;
}

}  // namespace

const std::vector<std::string>& situation_names() {
  static const std::vector<std::string> all = all_situations();
  return all;
}

std::optional<std::size_t> index_of_situation(std::string_view name) {
  static const std::map<std::string, std::size_t, std::less<>> indexes = [] {
    std::map<std::string, std::size_t, std::less<>> made;
    const auto& all = situation_names();
    for (std::size_t i = 0; i < all.size(); ++i) {
      [[maybe_unused]] const bool fresh = made.emplace(all[i], i).second;
      assert(fresh);
    }
    return made;
  }();
  const auto found = indexes.find(name);
  return found == indexes.end() ? std::nullopt : std::optional(found->second);
}

std::string_view argument_against(std::string_view situation) {
  for (const auto& argument : arguments())
    for (const std::string_view name : argument.situations) {
      const bool all_of_them = !name.empty() && name.back() == '*';
      if (all_of_them ? begins_with(situation, name.substr(0, name.size() - 1)) : situation == name) return argument.name;
    }
  return {};
}

std::string fault_in_phase(Fault fault, Phase phase) {
  return "fault: " + std::string(to_string(fault)) + " in " + std::string(to_string(phase));
}

}  // namespace abide::sim
