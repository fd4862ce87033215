// The plain words of explain.
#include "common/core/time.hpp"
#include "tools/replay/explain.hpp"

namespace abide::replay {
namespace {

std::string because_of(Reason reason) {
  return reason == Reason::none ? "" : " (" + std::string(to_string(reason)) + ")";
}

class StateNames final : public Names {
 public:
  explicit StateNames(const fleet::State& state) : state_(state) {}
  [[nodiscard]] std::string policy(const std::string& id) const override {
    const auto found = state_.policies.find(id);
    return found == state_.policies.end() ? id : found->second.value.name;
  }
  [[nodiscard]] std::string image(const std::string& id) const override {
    const auto found = state_.os_resources.find(id);
    return found == state_.os_resources.end() ? id : found->second.value.image_id;
  }
  [[nodiscard]] std::string schedule(const std::string& id) const override {
    const auto found = state_.schedules.find(id);
    return found == state_.schedules.end() || found->second.value.name.empty() ? id : found->second.value.name;
  }
  [[nodiscard]] std::string place(const std::string& id) const override {
    if (const auto site = state_.sites.find(id); site != state_.sites.end()) return site->second.value.name;
    const auto region = state_.regions.find(id);
    return region == state_.regions.end() ? id : region->second.value.name;
  }

 private:
  const fleet::State& state_;
};

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::conflict:
      return "conflict";
    case Verdict::held:
      return "held";
    case Verdict::unheard:
      return "unheard";
    case Verdict::no_policy:
      return "no_policy";
    case Verdict::refused:
      return "refused";
    case Verdict::no_newer_image:
      return "no_newer_image";
    case Verdict::pinned:
      return "pinned";
    case Verdict::up_to_date:
      return "up_to_date";
    case Verdict::unhealthy:
      return "unhealthy";
    case Verdict::failed:
      return "failed";
    case Verdict::withdrawn:
      return "withdrawn";
    case Verdict::away:
      return "away";
    case Verdict::paused:
      return "paused";
    case Verdict::no_window:
      return "no_window";
    case Verdict::window_too_short:
      return "window_too_short";
    case Verdict::waiting:
      return "waiting";
  }
  return "waiting";
}

std::string in_words(const OrchestratorEvent& event, const fleet::State& state) {
  return in_words(event, StateNames(state));
}

std::string switching_in_words(Phase phase, const std::string& image) {
  if (phase == Phase::on_trial) return image + " runs on trial: its health checks decide.";
  if (phase == Phase::confirming) return image + " is healthy: the boot loader must confirm it.";
  return "it is about to reboot into " + image + ".";
}

Ending ending_of(OutcomeKind kind, Reason reason, const Evidence& evidence, const std::string& image, const std::string& runs) {
  constexpr std::string_view final_words = " That is final: it is tried again when an operator links again, or a newer image comes.";
  const auto final_text = [&](std::string text) { return text + final_words.data(); };
  switch (kind) {
    case OutcomeKind::succeeded:
      return {Verdict::up_to_date, "it runs " + runs + ", which is what its policy asks for."};
    case OutcomeKind::rolled_back:
      return {Verdict::unhealthy,
              final_text("it runs " + runs + " because " + image + " was rolled back: " + in_words(reason, evidence, false) + ".")};
    case OutcomeKind::cancelled:
      return {Verdict::withdrawn, final_text("the update to " + image + " was withdrawn" + because_of(reason) + ".")};
    case OutcomeKind::none:
      return {Verdict::withdrawn, final_text("the update to " + image + " has ended; how was not told.")};
    case OutcomeKind::failed:
      break;
  }
  switch (reason) {
    case Reason::older_release:
    case Reason::other_profile:
    case Reason::other_architecture:
    case Reason::manifest_mismatch:
    case Reason::bad_signature:
    case Reason::unsupported_image:
    case Reason::too_large:
      return {Verdict::refused,
              final_text("it refused " + image + ", before anything was written: " + in_words(reason, evidence, false) + ".")};
    default:
      return {Verdict::failed, final_text("the update to " + image + " failed: " + in_words(reason, evidence, false) + ".")};
  }
}

Ending window_ending(const std::optional<Window>& window, std::int64_t needed_ms, bool measured, std::int64_t now_ms) {
  if (!window) return {Verdict::no_window, "no maintenance window is scheduled for it."};
  const std::string name = "its window " + window->id;
  const std::string needs =
      "a switch needs " + duration_in_words(needed_ms) + (measured ? ", as measured on it" : ", as no switch of it was measured yet");
  if (window->closes_at_ms != 0 && window->closes_at_ms <= now_ms)
    return {Verdict::no_window, name + " closed at " + to_rfc3339(window->closes_at_ms) + ", and no later one is scheduled."};
  if (window->closes_at_ms != 0 && window->closes_at_ms - window->opens_at_ms <= needed_ms)
    return {Verdict::window_too_short, name + " (" + to_rfc3339(window->opens_at_ms) + " to " + to_rfc3339(window->closes_at_ms) + ") is " +
                                           duration_in_words(window->closes_at_ms - window->opens_at_ms) + " long, and " + needs + "."};
  if (window->opens_at_ms > now_ms) return {Verdict::waiting, name + " opens at " + to_rfc3339(window->opens_at_ms) + "."};
  if (window->closes_at_ms != 0 && window->closes_at_ms - now_ms <= needed_ms)
    return {Verdict::window_too_short,
            "of " + name + " " + duration_in_words(window->closes_at_ms - now_ms) + " are left, and " + needs + "."};
  return {Verdict::waiting, name + " is open: it has not begun to switch yet."};
}

}  // namespace abide::replay
