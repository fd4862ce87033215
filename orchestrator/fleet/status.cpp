#include "orchestrator/fleet/status.hpp"

#include "common/core/time.hpp"

namespace abide::fleet {
namespace {

bool continues(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

// Length of the well-formed UTF-8 character at the start of `text`; 0: there is none (overlong forms, surrogates and what
// lies beyond U+10FFFF are none).
std::size_t character_bytes(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xC2 && lead <= 0xDF ? 2U : lead >= 0xE0 && lead <= 0xEF ? 3U : lead >= 0xF0 && lead <= 0xF4 ? 4U : 0U;
  if (size == 0 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if (!continues(text[i])) return 0;
  if ((lead == 0xE0 && at(1) < 0xA0) || (lead == 0xED && at(1) > 0x9F) || (lead == 0xF0 && at(1) < 0x90) || (lead == 0xF4 && at(1) > 0x8F))
    return 0;
  return size;
}

std::string failure_log(const Run& run) {
  if (run.outcome == OutcomeKind::succeeded) return {};
  std::string log(to_string(run.reason));
  const auto add = [&](std::string_view before, std::string_view text) {
    if (!text.empty()) log.append(before).append(text);
  };
  add(": check ", run.evidence.check);
  add(": ", run.evidence.detail);
  if (run.evidence.attempts > 1) add(", attempts: ", std::to_string(run.evidence.attempts));
  if (run.evidence.boot_cause != BootCause::other) add(", boot cause: ", to_string(run.evidence.boot_cause));
  add("\n", run.evidence.output_tail);
  return log;
}

}  // namespace

StatusWords status_of(Phase phase, const Outcome& outcome) {
  switch (phase) {
    case Phase::staging:
      return {"Downloading artifacts", Indicator::idle};
    case Phase::staged:
      return {"Download complete", Indicator::idle};
    case Phase::switching:
    case Phase::rebooting:
    case Phase::on_trial:
    case Phase::confirming:
    case Phase::rolling_back:
      return {"Updating", Indicator::in_progress};
    case Phase::idle:
      break;
  }
  if (outcome.kind == OutcomeKind::none || outcome.kind == OutcomeKind::cancelled) return {text_up_to_date, Indicator::idle};
  return status_of(outcome.kind);
}

StatusWords status_of_policy_fault() {
  return {text_policy_fault, Indicator::error};
}

StatusWords status_of(OutcomeKind kind) {
  switch (kind) {
    case OutcomeKind::none:
      return {text_offered, Indicator::idle};
    case OutcomeKind::succeeded:
      return {"Update completed", Indicator::idle};
    case OutcomeKind::failed:
    case OutcomeKind::rolled_back:
      return {"Update failed", Indicator::error};
    case OutcomeKind::cancelled:
      return {"Update cancelled", Indicator::idle};
  }
  return {};
}

std::string_view failure_reason(OutcomeKind kind, Reason reason) {
  if (kind == OutcomeKind::succeeded) return "nofailure";
  switch (reason) {
    case Reason::boot_loader:
    case Reason::boot_failed:
      return "bootloader";
    case Reason::unhealthy:
    case Reason::deadline:
    case Reason::watchdog:
    case Reason::trial_interrupted:
      return "criticalservices";
    case Reason::wrong_digest:
    case Reason::manifest_mismatch:
    case Reason::bad_signature:
      return "signaturecheck";
    case Reason::too_large:
    case Reason::no_space:
      return "insufficientstorage";
    case Reason::write_failed:
    case Reason::read_back_failed:
      return "utwrite";
    case Reason::confirm_failed:
      return "oscommit";
    case Reason::download:
      return "download";
    case Reason::refused_by_release_service:
      return "rsauthentication";
    case Reason::none:
    case Reason::superseded:
    case Reason::unlinked:
    case Reason::aborted:
    case Reason::never_begun:
    case Reason::re_imaged:
    case Reason::older_release:
    case Reason::other_profile:
    case Reason::other_architecture:
    case Reason::unsupported_image:
    case Reason::no_slot_left:
    case Reason::lost:
      return "unspecified";
  }
  return "unspecified";
}

std::string status_details(const Run& run, std::string_view package) {
  std::string_view outcome;
  switch (run.outcome) {
    case OutcomeKind::none:
    case OutcomeKind::cancelled:
      return {};
    case OutcomeKind::succeeded:
      outcome = "installed";
      break;
    case OutcomeKind::failed:
      outcome = "failed";
      break;
    case OutcomeKind::rolled_back:
      outcome = "rolledback";
      break;
  }
  std::string json = R"({"update_log":[{"update_type":"OS","package_name":)" + json_string(package);
  json += R"(,"update_time":)" + json_string(to_rfc3339(run.end_ms));
  json += R"(,"action":"upgrade","status":)" + json_string(outcome);
  json += R"(,"version":)" + json_string(run.to_os_image_id);
  json += R"(,"failure_reason":)" + json_string(failure_reason(run.outcome, run.reason));
  json += R"(,"failure_log":)" + json_string(failure_log(run)) + "}]}";
  return json;
}

std::string json_string(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string json = "\"";
  while (!text.empty()) {
    const std::size_t size = character_bytes(text);
    if (size == 0) {
      json += "\xEF\xBF\xBD";
      text.remove_prefix(1);
      continue;
    }
    const char c = text.front();
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (c == '\n') {
      json += "\\n";
    } else if (c == '\t') {
      json += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      json += "\\u00";
      json += hex[static_cast<unsigned char>(c) >> 4U];
      json += hex[static_cast<unsigned char>(c) & 15U];
    } else {
      json += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
  return json + '"';
}

std::string_view utf8_prefix(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && continues(text[bytes])) --bytes;
  return text.substr(0, bytes);
}

}  // namespace abide::fleet
