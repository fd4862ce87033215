// Events in plain words.
#include "common/events/words.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "common/core/time.hpp"

namespace abide {
namespace {

constexpr std::size_t tail_lines_in_chain = 3;

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string text;
  for (const auto& part : parts) {
    if (!text.empty()) text += between;
    text += part;
  }
  return text;
}
// The last lines of what a program printed.
std::vector<std::string> last_lines(std::string_view text, std::size_t most) {
  std::vector<std::string> lines;
  std::size_t from = 0;
  while (from < text.size()) {
    const auto end = std::min(text.find('\n', from), text.size());
    if (end > from) lines.emplace_back(text.substr(from, end - from));
    from = end + 1;
  }
  if (lines.size() > most) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most));
  return lines;
}
std::string attempts_of(std::uint32_t attempts) {
  return attempts == 1 ? "1 attempt" : std::to_string(attempts) + " attempts";
}
std::string slot(Slot which) {
  return "slot " + std::string(to_string(which));
}
std::string because_of(Reason reason) {
  return reason == Reason::none ? "" : " (" + std::string(to_string(reason)) + ")";
}

struct NodeWords {
  std::string operator()(const AgentStarted& e) const {
    std::string text = "its agent started: " + slot(e.slot) + " runs " + e.identity.profile_name + " " + e.identity.os_image_id;
    if (e.slot != e.default_slot) text += ", which is not the default";
    if (e.boot_cause == BootCause::watchdog) text += "; the boot before was ended by the watchdog";
    return text;
  }
  std::string operator()(const BootCleared& e) const {
    return std::string("what an earlier life left in the boot loader was cleared") +
           (e.returning ? "; it returns to the default slot" : "");
  }
  std::string operator()(const DocumentTaken& e) const {
    std::string text = "it took document " + to_string(e.number) + ": " + in_words(e.link) + "; " + in_words(e.window);
    if (e.fault != Reason::none) text += "; its own reading found " + std::string(to_string(e.fault)) + ": " + e.fault_detail;
    return text;
  }
  std::string operator()(const Accepted& e) const {
    return "it accepted image " + e.release.os_image_id + " (offer " + to_string(e.offer) + ")";
  }
  std::string operator()(const ImageStaged& e) const {
    return fmt::format("the image stands in {}, read back and verified: {} bytes, {}{}", slot(e.slot), e.bytes,
                       duration_in_words(e.took_ms), e.reused ? ", it was there already" : "");
  }
  std::string operator()(const SwitchBegan&) const { return "it began to switch"; }
  std::string operator()(const RebootOrdered&) const { return "the new slot was armed for one boot, and the reboot ordered"; }
  std::string operator()(const SwitchWithdrawn& e) const { return "the reboot was called off: " + e.why; }
  std::string operator()(const SwitchCleared& e) const { return "the switch was taken back: " + e.why; }
  std::string operator()(const TrialStarted& e) const {
    return "the new slot came up on trial, attempt " + std::to_string(e.attempt) + (e.outside_window ? ", outside the window" : "");
  }
  std::string operator()(const TrialInterrupted& e) const {
    return "attempt " + std::to_string(e.attempt) + " was interrupted (" + std::string(to_string(e.boot_cause)) +
           "): no verdict, it goes on";
  }
  std::string operator()(const TrialPassed& e) const {
    std::vector<std::string> names;
    for (const auto& check : e.checks) names.push_back(check.name);
    return "it proved healthy" + (names.empty() ? std::string() : ": " + joined(names, ", "));
  }
  std::string operator()(const RollbackBegan& e) const { return "it goes back: " + in_words(e.reason, e.evidence, true); }
  std::string operator()(const Succeeded& e) const {
    return e.from == e.to ? "it runs " + e.to + " already: nothing to do" : "updated from " + e.from + " to " + e.to;
  }
  std::string operator()(const Failed& e) const { return "the update to " + e.to + " failed: " + in_words(e.reason, e.evidence, true); }
  std::string operator()(const RolledBack& e) const {
    return "rolled back from " + e.from + " to " + e.to + ": " + in_words(e.reason, e.evidence, false);
  }
  std::string operator()(const Cancelled& e) const { return "the update to " + e.to + " was cancelled" + because_of(e.why); }
  std::string operator()(const ClockDistrusted&) const {
    return "it is cut off, and its clock is not known to be right: it does not switch";
  }
  std::string operator()(const JournalForked& e) const {
    return "its journal " + to_hex(e.old_journal) + " was written elsewhere, too: it began a new one";
  }
};

struct FleetWords {
  const Names& names;

  [[nodiscard]] std::string policy(const std::string& id) const { return "policy " + names.policy(id); }
  [[nodiscard]] std::string image(const std::string& id) const { return names.image(id); }
  [[nodiscard]] std::string place(const std::string& id) const { return (id.starts_with("site-") ? "site " : "region ") + names.place(id); }
  [[nodiscard]] std::string window(const Window& w) const {
    return names.schedule(w.id) + ", " + to_rfc3339(w.opens_at_ms) +
           (w.closes_at_ms == 0 ? ", open-ended" : " to " + to_rfc3339(w.closes_at_ms));
  }

  std::string operator()(const ProjectCreated& e) const { return "project " + e.project + " was created"; }
  std::string operator()(const EpochRaised& e) const {
    return "the orchestrator's epoch was raised to " + std::to_string(e.epoch) + ": " + e.why;
  }
  std::string operator()(const OsResourceCreated& e) const {
    const std::string image = "image " + e.resource.image_id + " of profile " + e.resource.profile_name;
    return e.source == "api" ? image + " was made or edited by an operator" : image + " became known, from " + e.source;
  }
  std::string operator()(const OsResourceDeleted& e) const { return "image " + e.id + " was deleted"; }
  std::string operator()(const ProfileSourceFailed& e) const { return "the release service's entry " + e.source + " fails: " + e.error; }
  std::string operator()(const ProfileSourceRecovered& e) const {
    return "the release service's entry " + e.source + (e.gone ? ", which failed, is no longer there" : " is fine again");
  }
  std::string operator()(const PolicyCreated& e) const {
    const auto& p = e.policy;
    std::string text = "policy " + p.name + " was created: ";
    text += p.update_policy == UpdatePolicy::latest ? "LATEST" : "TARGET " + image(p.target_os_id);
    return text + (p.allow_downgrade ? ", downgrade allowed" : "");
  }
  std::string operator()(const PolicyDeleted& e) const { return "policy " + e.id + " was deleted"; }
  std::string operator()(const PolicyLinked& e) const { return "an operator linked " + policy(e.policy_id); }
  std::string operator()(const PolicyUnlinked& e) const { return "an operator unlinked " + policy(e.policy_id); }
  std::string operator()(const UpdatePaused& e) const { return e.paused ? "an operator paused it" : "an operator resumed it"; }
  std::string operator()(const UpdateAborted& e) const { return "an operator aborted offer " + to_string(e.offer); }
  std::string operator()(const WindowScheduled& e) const {
    const auto& s = e.schedule;
    const std::string kind = s.status == ScheduleStatus::os_update  ? "maintenance window "
                             : s.status == ScheduleStatus::blackout ? "blackout "
                                                                    : "schedule without updates ";
    if (s.repetition) {
      const auto& c = s.repetition->cron;
      return kind + s.name + " was planned: \"" + c.minutes + " " + c.hours + " " + c.day_of_month + " " + c.month + " " + c.day_of_week +
             "\" " + (s.repetition->zone.empty() ? "UTC" : s.repetition->zone) + ", for " + std::to_string(s.repetition->duration_seconds) +
             " s";
    }
    return kind + s.name + " was planned: " + to_rfc3339(s.start_seconds * 1000) +
           (s.end_seconds == 0 ? ", open-ended" : " to " + to_rfc3339(s.end_seconds * 1000));
  }
  std::string operator()(const WindowDeleted& e) const { return "maintenance window " + e.id + " was deleted"; }
  std::string operator()(const WindowOpened& e) const { return "its window opened: " + window(e.window); }
  std::string operator()(const WindowClosed& e) const { return "its window closed (" + e.why + "): " + window(e.window); }
  std::string operator()(const NodeRegistered& e) const {
    return "registered as " + e.host_name + " (" + e.host_id + ") " + (e.automatic ? "by its first hello" : "by an operator");
  }
  std::string operator()(const NodeRefused& e) const { return "its hello was refused: " + e.why; }
  std::string operator()(const DocumentIssued& e) const {
    return "document " + to_string(e.document.number) + ": " + in_words(e.link) + "; " + in_words(e.window);
  }
  std::string operator()(const RunOpened& e) const { return "run " + e.run_name + " (" + e.run_id + ") opened"; }
  std::string operator()(const RunClosed& e) const {
    return "run " + e.run_id + " closed: " + std::string(to_string(e.outcome)) + because_of(e.reason) +
           (e.detail.empty() ? "" : ": " + e.detail);
  }
  std::string operator()(const NodeEventStored& e) const { return in_words(e.event); }
  std::string operator()(const JournalAdopted& e) const { return "it was heard with journal " + to_hex(e.journal); }
  std::string operator()(const JournalRetired& e) const { return "its journal " + to_hex(e.journal) + " was retired: " + e.why; }
  std::string operator()(const GapNoted& e) const {
    return "its events " + std::to_string(e.from) + " to " + std::to_string(e.upto) + " are lost for good";
  }
  std::string operator()(const PictureCorrected& e) const {
    return "its hello corrected the picture: " + std::string(to_string(e.phase)) + ", runs " + e.identity.os_image_id;
  }
  std::string operator()(const IdentityConflict& e) const {
    return "two machines answered as this node, with journals " + to_hex(e.current) + " and " + to_hex(e.other);
  }
  std::string operator()(const IdentityResolved& e) const { return "an operator named journal " + to_hex(e.journal) + " as the right one"; }
  std::string operator()(const NodeHeld& e) const { return "held: " + e.why; }
  std::string operator()(const HostEdited& e) const {
    return e.site_id.empty() ? "an operator edited it: it is at no site" : "an operator edited it: it is at " + place(e.site_id);
  }
  std::string operator()(const RegionPlaced& e) const {
    return "region " + e.region.name + " was planned" + (e.region.parent_id.empty() ? "" : ", in " + place(e.region.parent_id));
  }
  std::string operator()(const RegionDeleted& e) const { return "region " + e.id + " was deleted"; }
  std::string operator()(const SitePlaced& e) const {
    return "site " + e.site.name + " was planned" + (e.site.region_id.empty() ? "" : ", in " + place(e.site.region_id));
  }
  std::string operator()(const SiteDeleted& e) const { return "site " + e.id + " was deleted"; }
  std::string operator()(const PlacePolicyLinked& e) const {
    return e.policy_id.empty() ? "an operator unlinked the policy of " + place(e.place_id)
                               : "an operator linked " + policy(e.policy_id) + " to " + place(e.place_id);
  }
  std::string operator()(const RunReopened& e) const { return "run " + e.run_id + " goes on: the node has come back"; }
  std::string operator()(const RunDeleted& e) const {
    return "run " + e.run_id + (e.expired ? " was deleted: it is older than runs are kept" : " was deleted by an operator");
  }
  std::string operator()(const HostDeleted& e) const { return "an operator deleted host " + e.host_name + " (" + e.host_id + ")"; }
  std::string operator()(const OsResourceListed& e) const {
    const char* what = e.list == OsList::installed_packages ? "packages" : e.list == OsList::existing_cves ? "known CVEs" : "fixed CVEs";
    return "the release service has another list of " + std::string(what) + " for " + e.id;
  }
  std::string operator()(const OsResourceMoved& e) const {
    return "the files of " + e.id + " are elsewhere now: " + (e.urls.empty() ? e.image_url : e.urls.front()) + ", says " + e.source;
  }
  std::string operator()(const NodeConfirmed&) const { return "an operator confirmed it: it is told its whole state anew"; }
};

}  // namespace

std::string in_words(const NodeEvent& event) {
  return std::visit(NodeWords{}, event);
}
std::string in_words(const OrchestratorEvent& event, const Names& names) {
  return std::visit(FleetWords{names}, event);
}

std::string in_words(Reason reason, const Evidence& evidence, bool output) {
  std::string text(to_string(reason));
  if (!evidence.check.empty()) {
    text = "health check \"" + evidence.check + "\" failed";
    if (evidence.attempts != 0) text += " after " + attempts_of(evidence.attempts);
    text += " (" + std::string(to_string(reason)) + ")";
  } else if (evidence.attempts != 0) {
    text += " after " + attempts_of(evidence.attempts);
  }
  if (!evidence.detail.empty()) text += ": " + evidence.detail;
  if (evidence.boot_cause == BootCause::watchdog) text += "; the watchdog ended the boot";
  if (output && !evidence.output_tail.empty())
    text += "; it printed: " + joined(last_lines(evidence.output_tail, tail_lines_in_chain), " | ");
  return text;
}

std::string in_words(const std::optional<LinkedRelease>& link) {
  if (!link) return "no image is asked for";
  std::string text = "image " + link->release.os_image_id + " is asked for (offer " + to_string(link->offer) + ")";
  if (link->allow_downgrade) text += ", downgrade allowed";
  if (link->paused) text += ", paused";
  if (link->aborted) text += ", aborted";
  return text;
}
std::string in_words(const std::optional<Window>& window) {
  if (!window) return "no window";
  return "window " + window->id + " from " + to_rfc3339(window->opens_at_ms) +
         (window->closes_at_ms == 0 ? " on, open-ended" : " to " + to_rfc3339(window->closes_at_ms));
}

std::string duration_in_words(std::int64_t ms) {
  if (ms < 1'000) return std::to_string(ms) + " ms";
  const auto scaled = [&](double unit, const char* name) {
    auto text = fmt::format("{:.1f}", static_cast<double>(ms) / unit);
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    return text + " " + name;
  };
  if (ms < 120'000) return scaled(1'000, "s");
  if (ms < 2 * 3'600'000LL) return scaled(60'000, "min");
  if (ms < 48 * 3'600'000LL) return scaled(3'600'000, "h");
  return scaled(86'400'000, "days");
}

}  // namespace abide
