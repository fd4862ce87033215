#include "common/events/node_events.hpp"

#include <array>
#include <type_traits>

namespace abide {
namespace {

// In the order of the enum, and with the names of the schema.
constexpr std::array reasons = {
    std::string_view("none"),
    std::string_view("superseded"),
    std::string_view("unlinked"),
    std::string_view("aborted"),
    std::string_view("never_begun"),
    std::string_view("re_imaged"),
    std::string_view("older_release"),
    std::string_view("other_profile"),
    std::string_view("other_architecture"),
    std::string_view("manifest_mismatch"),
    std::string_view("bad_signature"),
    std::string_view("unsupported_image"),
    std::string_view("too_large"),
    std::string_view("download"),
    std::string_view("refused_by_release_service"),
    std::string_view("wrong_digest"),
    std::string_view("no_space"),
    std::string_view("write_failed"),
    std::string_view("read_back_failed"),
    std::string_view("boot_loader"),
    std::string_view("boot_failed"),
    std::string_view("unhealthy"),
    std::string_view("deadline"),
    std::string_view("watchdog"),
    std::string_view("trial_interrupted"),
    std::string_view("confirm_failed"),
    std::string_view("no_slot_left"),
    std::string_view("lost"),
};
static_assert(reasons.size() == static_cast<std::size_t>(Reason::lost) + 1, "a reason has no name, or is not the last any more");

template <class T>
concept HasOffer = requires(const T& event) {
  event.offer;
};

}  // namespace

std::string_view to_string(Reason reason) {
  const auto index = static_cast<std::size_t>(reason);
  return index < reasons.size() ? reasons[index] : "unknown";
}

std::optional<Reason> parse_reason(std::string_view text) {
  for (std::size_t i = 0; i < reasons.size(); ++i)
    if (reasons[i] == text) return static_cast<Reason>(i);
  return std::nullopt;
}

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::idle:
      return "Idle";
    case Phase::staging:
      return "Staging";
    case Phase::staged:
      return "Staged";
    case Phase::switching:
      return "Switching";
    case Phase::rebooting:
      return "Rebooting";
    case Phase::on_trial:
      return "OnTrial";
    case Phase::confirming:
      return "Confirming";
    case Phase::rolling_back:
      return "RollingBack";
  }
  return "unknown";
}

std::string_view to_string(OutcomeKind kind) {
  switch (kind) {
    case OutcomeKind::none:
      return "none";
    case OutcomeKind::succeeded:
      return "Succeeded";
    case OutcomeKind::failed:
      return "Failed";
    case OutcomeKind::rolled_back:
      return "RolledBack";
    case OutcomeKind::cancelled:
      return "Cancelled";
  }
  return "unknown";
}

std::string_view to_string(BootCause cause) {
  switch (cause) {
    case BootCause::other:
      return "other";
    case BootCause::watchdog:
      return "watchdog";
  }
  return "unknown";
}

Number offer_of(const NodeEvent& event) {
  return std::visit(
      []<class T>(const T& e) {
        if constexpr (HasOffer<T>)
          return e.offer;
        else
          return Number{};
      },
      event);
}

Outcome outcome_of(const NodeEvent& event) {
  return std::visit(
      []<class T>(const T& e) -> Outcome {
        if constexpr (std::is_same_v<T, Succeeded>)
          return {e.offer, OutcomeKind::succeeded, Reason::none};
        else if constexpr (std::is_same_v<T, Failed>)
          return {e.offer, OutcomeKind::failed, e.reason};
        else if constexpr (std::is_same_v<T, RolledBack>)
          return {e.offer, OutcomeKind::rolled_back, e.reason};
        else if constexpr (std::is_same_v<T, Cancelled>)
          return {e.offer, OutcomeKind::cancelled, e.why};
        else
          return {};
      },
      event);
}

}  // namespace abide
