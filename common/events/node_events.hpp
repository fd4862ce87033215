#pragma once
// The events of a node's journal: facts, in the past. Each has a name and `fields`, from which log line, transcript and
// JSON are made; `codec.cpp` gives each its bytes, `schemas/node_events.fbs` its contract.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/core/ids.hpp"
#include "common/events/document.hpp"

namespace abide {

// Why an offer ended, or an image is not wanted. Names are the contract: to_string gives what people and programs read.
enum class Reason : std::uint8_t {
  none = 0,
  // the operator's will
  superseded,          // a newer link
  unlinked,
  aborted,
  never_begun,         // withdrawn before the node accepted it
  re_imaged,           // the node came back with a new journal
  // refused before anything was written
  older_release,       // a downgrade, and the policy does not allow it
  other_profile,
  other_architecture,
  manifest_mismatch,   // the manifest disagrees with the rest of the document, or cannot be parsed
  bad_signature,
  unsupported_image,
  too_large,           // for the slot
  // staging
  download,
  refused_by_release_service,  // HTTP 401, 403
  wrong_digest,
  no_space,
  write_failed,
  read_back_failed,
  // switching and trial
  boot_loader,         // it would not be armed
  boot_failed,         // the new slot did not come up
  unhealthy,
  deadline,            // no verdict in time
  watchdog,
  trial_interrupted,   // three times
  confirm_failed,
  no_slot_left,        // the slot to fall back to is bad, too
  // the orchestrator's view
  lost,
};
std::string_view to_string(Reason reason);
std::optional<Reason> parse_reason(std::string_view text);

// What a node measured of the slot it runs.
struct Identity {
  std::string profile_name;
  std::string os_image_id;
  std::string architecture;
  Digest digest;  // SHA-256 of the image in the running slot
  std::string agent_version;

  friend bool operator==(const Identity&, const Identity&) = default;
};

enum class Phase : std::uint8_t { idle = 0, staging, staged, switching, rebooting, on_trial, confirming, rolling_back };
std::string_view to_string(Phase phase);  // "Idle", "Staging", ... as in explain and the API

enum class OutcomeKind : std::uint8_t { none = 0, succeeded, failed, rolled_back, cancelled };
std::string_view to_string(OutcomeKind kind);  // "Succeeded", "Failed", "RolledBack", "Cancelled"

struct Outcome {
  Number offer;  // none: no offer has ended in this journal
  OutcomeKind kind = OutcomeKind::none;
  Reason reason = Reason::none;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

enum class BootCause : std::uint8_t { other = 0, watchdog = 1 };
std::string_view to_string(BootCause cause);

// What a person needs to act on a failure.
struct Evidence {
  std::string check;        // the health check that failed, by name; empty: none
  std::string output_tail;  // the end of what it printed, at most output_tail_bytes_max
  std::uint32_t attempts = 0;
  BootCause boot_cause = BootCause::other;
  std::string detail;       // one line: what was seen, what was expected

  friend bool operator==(const Evidence&, const Evidence&) = default;
};
inline constexpr std::size_t output_tail_bytes_max = 2048;
inline constexpr std::size_t detail_bytes_max = 512;

struct HealthCheckResult {
  std::string name;
  bool passed = false;
  std::int64_t took_ms = 0;
  std::string output_tail;

  friend bool operator==(const HealthCheckResult&, const HealthCheckResult&) = default;
};

// ---- the events ------------------------------------------------------------------------------------------------------

struct AgentStarted {  // first event of every start
  static constexpr std::string_view name = "AgentStarted";
  BootId boot;
  Slot slot = Slot::a;
  Slot default_slot = Slot::a;
  bool came_up = false;
  BootCause boot_cause = BootCause::other;
  Identity identity;
  std::int64_t mono_ms = 0;  // of the first input after this start
  friend bool operator==(const AgentStarted&, const AgentStarted&) = default;
};

struct BootCleared {  // a new journal on a used machine: one-shot and mark are cleared before anything else
  static constexpr std::string_view name = "BootCleared";
  BootId boot;
  bool returning = false;  // the running slot is not the default: one reboot to the default follows
  friend bool operator==(const BootCleared&, const BootCleared&) = default;
};

struct DocumentTaken {
  static constexpr std::string_view name = "DocumentTaken";
  Number number;
  Digest digest;  // of the body
  Digest tag;
  std::optional<LinkedRelease> link;
  std::optional<Window> window;
  Reason fault = Reason::none;  // what the node's own reading of the manifest found wrong; ends the offer once accepted
  std::string fault_detail;
  friend bool operator==(const DocumentTaken&, const DocumentTaken&) = default;
};

struct Accepted {
  static constexpr std::string_view name = "Accepted";
  Number offer;
  Release release;
  friend bool operator==(const Accepted&, const Accepted&) = default;
};

struct ImageStaged {
  static constexpr std::string_view name = "ImageStaged";
  Number offer;
  Slot slot = Slot::b;
  Digest digest;
  std::uint64_t bytes = 0;
  std::int64_t took_ms = 0;
  bool reused = false;  // the slot held it already
  friend bool operator==(const ImageStaged&, const ImageStaged&) = default;
};

struct SwitchBegan {
  static constexpr std::string_view name = "SwitchBegan";
  Number offer;
  friend bool operator==(const SwitchBegan&, const SwitchBegan&) = default;
};

struct RebootOrdered {  // the one-shot is armed; the order dies with this boot
  static constexpr std::string_view name = "RebootOrdered";
  Number offer;
  BootId boot;
  friend bool operator==(const RebootOrdered&, const RebootOrdered&) = default;
};

struct SwitchWithdrawn {  // Rebooting -> Switching; nothing has been touched yet
  static constexpr std::string_view name = "SwitchWithdrawn";
  Number offer;
  std::string why;
  friend bool operator==(const SwitchWithdrawn&, const SwitchWithdrawn&) = default;
};

struct SwitchCleared {  // the one-shot is cleared; Switching -> Staged
  static constexpr std::string_view name = "SwitchCleared";
  Number offer;
  std::string why;
  friend bool operator==(const SwitchCleared&, const SwitchCleared&) = default;
};

struct TrialStarted {
  static constexpr std::string_view name = "TrialStarted";
  Number offer;
  std::uint32_t attempt = 1;  // 1, 2, 3
  bool outside_window = false;
  BootId boot;
  std::int64_t mono_ms = 0;  // start of the attempt, in `boot`
  friend bool operator==(const TrialStarted&, const TrialStarted&) = default;
};

struct TrialInterrupted {  // the trial ended by a power cut or a restart: no verdict
  static constexpr std::string_view name = "TrialInterrupted";
  Number offer;
  std::uint32_t attempt = 1;
  BootCause boot_cause = BootCause::other;
  friend bool operator==(const TrialInterrupted&, const TrialInterrupted&) = default;
};

struct TrialPassed {
  static constexpr std::string_view name = "TrialPassed";
  Number offer;
  std::vector<HealthCheckResult> checks;
  friend bool operator==(const TrialPassed&, const TrialPassed&) = default;
};

struct RollbackBegan {
  static constexpr std::string_view name = "RollbackBegan";
  Number offer;
  Reason reason = Reason::none;
  Evidence evidence;
  friend bool operator==(const RollbackBegan&, const RollbackBegan&) = default;
};

// The four outcomes. `from` is what ran when the offer was accepted, `to` what it asked for.
struct Succeeded {
  static constexpr std::string_view name = "Succeeded";
  Number offer;
  std::string from;  // os_image_id
  std::string to;
  Digest digest;     // measured
  friend bool operator==(const Succeeded&, const Succeeded&) = default;
};

struct Failed {
  static constexpr std::string_view name = "Failed";
  Number offer;
  Reason reason = Reason::none;
  std::string from;
  std::string to;
  Evidence evidence;
  friend bool operator==(const Failed&, const Failed&) = default;
};

struct RolledBack {
  static constexpr std::string_view name = "RolledBack";
  Number offer;
  Reason reason = Reason::none;
  std::string from;  // the image that was tried
  std::string to;    // the image that runs again
  Evidence evidence;
  friend bool operator==(const RolledBack&, const RolledBack&) = default;
};

struct Cancelled {
  static constexpr std::string_view name = "Cancelled";
  Number offer;
  Reason why = Reason::none;
  std::string from;
  std::string to;
  friend bool operator==(const Cancelled&, const Cancelled&) = default;
};

struct ClockDistrusted {  // once while cut off: the window cannot be judged
  static constexpr std::string_view name = "ClockDistrusted";
  Number offer;
  friend bool operator==(const ClockDistrusted&, const ClockDistrusted&) = default;
};

struct JournalForked {  // first event of a new journal: the old one was written elsewhere, too
  static constexpr std::string_view name = "JournalForked";
  JournalId old_journal;
  std::uint64_t last = 0;
  Number offer;
  Phase phase = Phase::idle;
  Outcome outcome;
  friend bool operator==(const JournalForked&, const JournalForked&) = default;
};

using NodeEvent = std::variant<AgentStarted, BootCleared, DocumentTaken, Accepted, ImageStaged, SwitchBegan, RebootOrdered,
                               SwitchWithdrawn, SwitchCleared, TrialStarted, TrialInterrupted, TrialPassed, RollbackBegan,
                               Succeeded, Failed, RolledBack, Cancelled, ClockDistrusted, JournalForked>;

// The offer that an event belongs to; none for those that belong to no offer.
Number offer_of(const NodeEvent& event);
// The outcome that an event is; kind none where it is not one.
Outcome outcome_of(const NodeEvent& event);

}  // namespace abide
