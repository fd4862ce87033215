// Why an agent is where it is, from its own journal alone.
#include <algorithm>

#include "common/core/time.hpp"
#include "common/events/print.hpp"
#include "tools/replay/explain.hpp"

namespace abide::replay {
namespace {

using node::State;

class Explain {
 public:
  using Events = std::vector<Recorded<NodeEvent>>;
  Explain(const Events& events, const State& state, std::uint64_t acked, const ExplainSettings& settings)
      : events_(events), state_(state), acked_(acked), settings_(settings) {}

  Explanation make() {
    Explanation result;
    result.sequence = state_.last;
    result.now_ms = settings_.now_ms;
    const Number offer = state_.offer ? state_.offer : state_.link ? state_.link->offer : state_.outcome.offer;
    for (const auto& recorded : chain_of(offer))
      result.chain.push_back(
          {recorded->sequence, recorded->at_ms, std::string(name_of(recorded->event)), in_words(recorded->event), recorded->cause});
    if (result.chain.size() > chain_lines_max) {
      result.left_out = result.chain.size() - chain_lines_max;
      result.chain.erase(result.chain.begin() + 10, result.chain.begin() + 10 + static_cast<std::ptrdiff_t>(result.left_out));
    }
    evidence_of(result);
    const Ending ending = conclude(result);
    result.verdict = ending.verdict;
    result.conclusion = ending.text;
    result.waits_for = waits();
    return result;
  }

 private:
  // The document that first asked, all events of the offer, and starts of the agent while it was open; besides, what it is
  // and holds now.
  [[nodiscard]] std::vector<const Recorded<NodeEvent>*> chain_of(Number offer) const {
    std::vector<const Recorded<NodeEvent>*> chain;
    const Recorded<NodeEvent>* started = nullptr;
    const Recorded<NodeEvent>* taken = nullptr;
    bool open = false;
    bool asked = false;
    for (const auto& recorded : events_) {
      const auto& event = recorded.event;
      if (std::holds_alternative<AgentStarted>(event)) {
        if (open)
          chain.push_back(&recorded);
        else
          started = &recorded;
        continue;
      }
      if (const auto* document = std::get_if<DocumentTaken>(&event)) {
        const bool asks = offer && document->link && document->link->offer == offer;
        if (asks && !asked) {
          if (started != nullptr) chain.push_back(started);
          started = nullptr;
          asked = true;
          chain.push_back(&recorded);
        } else if (asked) {
          chain.push_back(&recorded);  // pause, abort, windows, withdrawal
        } else {
          taken = &recorded;
        }
        continue;
      }
      if (std::holds_alternative<JournalForked>(event) || std::holds_alternative<BootCleared>(event)) chain.push_back(&recorded);
      if (!offer || offer_of(event) != offer) continue;
      if (std::holds_alternative<JournalForked>(event)) continue;
      open = outcome_of(event).kind == OutcomeKind::none;
      chain.push_back(&recorded);
    }
    if (!offer && taken != nullptr) chain.push_back(taken);
    if (started != nullptr) chain.push_back(started);
    std::sort(chain.begin(), chain.end(), [](const auto* a, const auto* b) { return a->sequence < b->sequence; });
    return chain;
  }

  void evidence_of(Explanation& result) const {
    if (state_.outcome.kind == OutcomeKind::none) return;
    for (const auto& recorded : events_) {
      if (const auto* failed = std::get_if<Failed>(&recorded.event); failed != nullptr && failed->offer == state_.outcome.offer)
        result.evidence = failed->evidence;
      if (const auto* back = std::get_if<RolledBack>(&recorded.event); back != nullptr && back->offer == state_.outcome.offer)
        result.evidence = back->evidence;
    }
  }

  [[nodiscard]] node::Settings machine_settings() const {
    node::Settings settings;
    settings.switch_time_ms = settings_.switch_time_ms;
    return settings;
  }
  // A connection is not in the journal: what would hold it back if it had one, and were synced.
  [[nodiscard]] std::vector<Condition> waits() const {
    node::Link link;
    link.connected = true;
    link.life = LifeId{1};
    link.welcomed = true;
    link.head = state_.held.number;
    link.welcome_now_ms = settings_.now_ms;
    link.booted = true;
    link.boot = state_.boot;
    link.acked = acked_;
    const Now now{settings_.now_ms, 0, state_.boot, true};
    return node::UpdateMachine{machine_settings()}.waits_for(state_, link, now);
  }

  [[nodiscard]] Ending in_phase(const std::string& image) const {
    switch (state_.phase) {
      case Phase::idle:
        return {Verdict::waiting,
                image + " is asked for and not accepted yet: a node accepts once it is connected and holds the newest document."};
      case Phase::staging:
        return {Verdict::waiting, "it is bringing " + image + " to slot " + std::string(to_string(state_.target)) + "."};
      case Phase::staged:
        break;
      case Phase::switching:
      case Phase::rebooting:
      case Phase::on_trial:
      case Phase::confirming:
        return {Verdict::waiting, switching_in_words(state_.phase, image)};
      case Phase::rolling_back:
        return {Verdict::waiting, "it is going back to slot " + std::string(to_string(state_.default_slot)) + ": " +
                                      in_words(state_.undo, state_.undo_evidence, false) + "."};
    }
    if (acked_ < state_.accepted_sequence)
      return {Verdict::waiting,
              image + " stands ready, but the orchestrator has not acknowledged that it was accepted: it is cut off from it."};
    const bool measured = !state_.switch_times_ms.empty();
    Ending ending = window_ending(state_.window, node::switch_time_needed_ms(machine_settings(), state_), measured, settings_.now_ms);
    ending.text = image + " stands ready: " + ending.text;
    return ending;
  }

  [[nodiscard]] Ending conclude(Explanation& result) const {
    const std::string runs = state_.identity.os_image_id;
    if (state_.offer) {
      const std::string image = state_.release.os_image_id;
      const Reason withdrawn = node::withdrawal(state_);
      if (withdrawn != Reason::none)
        return {Verdict::withdrawn, "its offer of " + image + " was withdrawn (" + std::string(to_string(withdrawn)) +
                                        "), and it is ending it: " + std::string(to_string(state_.phase)) + "."};
      if (state_.link && state_.link->paused && state_.phase <= Phase::staged)
        return {Verdict::paused,
                image + " is " + (state_.phase == Phase::staged ? "ready" : "being staged") + "; an operator has paused the update."};
      return in_phase(image);
    }
    if (!state_.held.number) return {Verdict::unheard, "the orchestrator has told it nothing yet."};
    if (!state_.link)
      return {Verdict::no_policy, "no image is asked of it: no policy is linked, or its policy has nothing newer than " + runs +
                                      " (the orchestrator's history knows which)."};
    const std::string image = state_.link->release.os_image_id;
    if (state_.outcome.offer == state_.link->offer) {
      result.reason = state_.outcome.reason;
      return ending_of(state_.outcome.kind, state_.outcome.reason, result.evidence, image, runs);
    }
    if (state_.link->aborted) return {Verdict::withdrawn, "its offer of " + image + " was aborted before it had accepted it."};
    if (state_.running != state_.default_slot)
      return {Verdict::waiting, "slot " + std::string(to_string(state_.running)) +
                                    " runs and is not the default: nothing new begins before that is settled."};
    return in_phase(image);
  }

  const Events& events_;
  const State& state_;
  std::uint64_t acked_;
  const ExplainSettings& settings_;
};

}  // namespace

Explanation explain(const std::vector<Recorded<NodeEvent>>& events, const node::State& state, std::uint64_t acked,
                    const ExplainSettings& settings) {
  return Explain(events, state, acked, settings).make();
}

}  // namespace abide::replay
