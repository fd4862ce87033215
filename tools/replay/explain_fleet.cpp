// Why a node is where it is, from its orchestrator's journal.
#include <algorithm>
#include <map>
#include <set>

#include "common/core/time.hpp"
#include "common/events/print.hpp"
#include "orchestrator/fleet/lookup.hpp"
#include "tools/replay/explain.hpp"

namespace abide::replay {
namespace {

using namespace fleet;

class Explain {
 public:
  using Events = std::vector<Recorded<OrchestratorEvent>>;
  Explain(const Events& events, const State& state, const Node& node, const ExplainSettings& settings)
      : events_(events), state_(state), node_(node), settings_(settings) {
    const auto& link = node_.newest.link;
    offer_ = node_.offer ? node_.offer : link ? link->offer : node_.run ? node_.run->offer : Number{};
  }

  Explanation make() {
    Explanation result;
    result.node = to_string(node_.id);
    result.name = node_.name;
    result.sequence = state_.last;
    result.now_ms = settings_.now_ms;
    mark();
    for (const auto& recorded : events_) {
      if (!marked_.contains(recorded.sequence)) continue;
      result.chain.push_back({recorded.sequence, recorded.at_ms, std::string(name_of_inner(recorded.event)),
                              in_words(recorded.event, state_), recorded.cause});
    }
    if (result.chain.size() > chain_lines_max) {
      constexpr std::ptrdiff_t kept_first = 10;
      result.left_out = result.chain.size() - chain_lines_max;
      result.chain.erase(result.chain.begin() + kept_first,
                         result.chain.begin() + kept_first + static_cast<std::ptrdiff_t>(result.left_out));
    }
    const Now now{settings_.now_ms, 0, BootId{"replay"}, true};
    result.waits_for = FleetMachine{}.waits_for(state_, Link{}, now, node_.id);
    const Ending ending = conclude(result);
    result.verdict = ending.verdict;
    result.conclusion = ending.text;
    return result;
  }

 private:
  static std::string_view name_of_inner(const OrchestratorEvent& event) {
    const auto* stored = std::get_if<NodeEventStored>(&event);
    return stored != nullptr ? name_of(stored->event) : name_of(event);
  }

  // ---- which events lead here
  void mark() {
    std::map<std::string, std::uint64_t> created;  // policies, images, schedules by id: newest event
    std::optional<std::uint64_t> registered, policy, started, held, conflict;
    std::optional<std::uint64_t> first_taken;
    std::set<std::string> wanted;  // of `created`
    std::uint64_t begun = 0;       // the offer's first document
    LinkedRelease before;
    bool open = false;
    for (const auto& recorded : events_) {
      const auto sequence = recorded.sequence;
      const auto& event = recorded.event;
      if (const auto* e = std::get_if<PolicyCreated>(&event)) created[e->policy.id] = sequence;
      if (const auto* e = std::get_if<OsResourceCreated>(&event)) created[e->resource.id] = sequence;
      if (const auto* e = std::get_if<WindowScheduled>(&event))
        if (e->schedule.host_id == node_.host_id) created[e->schedule.id] = sequence;
      if (const auto* e = std::get_if<NodeHeld>(&event))
        if (e->node == node_.id || e->node == every_node) held = sequence;
      std::visit(
          [&]<class E>(const E& e) {
            if constexpr (requires { e.node; }) {
              if (e.node != node_.id) return;
              if constexpr (std::is_same_v<E, NodeRegistered>) {
                if (!registered) registered = sequence;
              } else if constexpr (std::is_same_v<E, PolicyLinked> || std::is_same_v<E, PolicyUnlinked>) {
                policy = sequence;
              } else if constexpr (std::is_same_v<E, DocumentIssued>) {
                document(e, sequence, begun, before, wanted);
              } else if constexpr (std::is_same_v<E, RunOpened> || std::is_same_v<E, RunClosed>) {
                if (offer_ && e.offer == offer_) marked_.insert(sequence);
              } else if constexpr (std::is_same_v<E, IdentityConflict>) {
                conflict = sequence;
              } else if constexpr (std::is_same_v<E, NodeEventStored>) {
                heard(e, sequence, begun, open, started, first_taken);
              } else if constexpr (std::is_same_v<E, WindowOpened> || std::is_same_v<E, WindowClosed>) {
                if (begun == 0) return;
                marked_.insert(sequence);
                wanted.insert(e.window.id);
              } else if (begun != 0) {  // pauses, aborts, other journals, gaps, corrections, confirmations
                marked_.insert(sequence);
              }
            }
          },
          event);
    }
    const auto add = [&](const std::optional<std::uint64_t>& sequence) {
      if (sequence) marked_.insert(*sequence);
    };
    add(registered);
    add(policy);
    add(started);
    if (node_.held) add(held);
    if (node_.conflict) add(conflict);
    if (const auto applied = policy_of(state_, node_); applied.policy != nullptr) {
      wanted.insert(applied.policy->id);
      wanted.insert(applied.policy->target_os_id);
    }
    for (const auto& planned : plans_of(state_, node_)) wanted.insert(planned.schedule->id);
    for (const auto& id : wanted)
      if (const auto place = created.find(id); place != created.end()) marked_.insert(place->second);
    mark_causes();
  }
  void document(const DocumentIssued& e, std::uint64_t sequence, std::uint64_t& begun, LinkedRelease& before,
                std::set<std::string>& wanted) {
    const bool asks = offer_ && e.link && e.link->offer == offer_;
    if (asks && begun == 0) {
      begun = sequence;
      marked_.insert(sequence);
      wanted.insert(e.link->release.os_resource_id);
    } else if (begun != 0 &&
               (!e.link || e.link->offer != before.offer || e.link->paused != before.paused || e.link->aborted != before.aborted)) {
      marked_.insert(sequence);
    }
    // What the node has not taken yet, whatever it changes.
    if (e.document.number == node_.newest.document.number && (node_.taken < e.document.number || !offer_)) marked_.insert(sequence);
    before = e.link.value_or(LinkedRelease{});
  }
  void heard(const NodeEventStored& e, std::uint64_t sequence, std::uint64_t begun, bool& open, std::optional<std::uint64_t>& started,
             std::optional<std::uint64_t>& first_taken) {
    if (std::holds_alternative<AgentStarted>(e.event)) {
      if (open)
        marked_.insert(sequence);
      else
        started = sequence;
      return;
    }
    if (const auto* taken = std::get_if<DocumentTaken>(&e.event)) {
      if (begun != 0 && !first_taken && taken->link && taken->link->offer == offer_) {
        first_taken = sequence;
        marked_.insert(sequence);
      }
      return;
    }
    if (!offer_ || offer_of(e.event) != offer_) return;
    open = outcome_of(e.event).kind == OutcomeKind::none;
    marked_.insert(sequence);
  }
  // What the same request made besides, unless it is about another node.
  void mark_causes() {
    std::set<std::string> requests;
    for (const auto& recorded : events_)
      if (marked_.contains(recorded.sequence) && !recorded.cause.request.empty()) requests.insert(recorded.cause.request);
    if (requests.empty()) return;
    for (const auto& recorded : events_) {
      if (!requests.contains(recorded.cause.request)) continue;
      const bool other = std::visit(
          [&](const auto& e) {
            if constexpr (requires { e.node; }) return e.node != node_.id;
            return false;
          },
          recorded.event);
      if (!other) marked_.insert(recorded.sequence);
    }
  }

  // ---- what it comes to
  [[nodiscard]] std::string policy_name() const {
    const auto applied = policy_of(state_, node_);
    return "policy " + (applied.policy == nullptr ? node_.policy_id : applied.policy->name);
  }
  // The longest of the last three switches that went straight through, as the node itself measures them.
  [[nodiscard]] std::optional<std::int64_t> measured_switch_ms() const {
    std::vector<std::int64_t> times;
    std::optional<std::int64_t> began;
    bool rebooting = false;
    for (const auto& recorded : events_) {
      const auto* stored = std::get_if<NodeEventStored>(&recorded.event);
      if (stored == nullptr || stored->node != node_.id) continue;
      if (std::holds_alternative<SwitchBegan>(stored->event)) began = stored->at_ms;
      if (std::holds_alternative<TrialStarted>(stored->event) && rebooting && began) {
        const auto took = stored->at_ms - *began;
        if (took > 0 && took <= node::switch_time_ms_max) times.push_back(took);
      }
      if (std::holds_alternative<AgentStarted>(stored->event)) continue;
      rebooting = std::holds_alternative<RebootOrdered>(stored->event);
    }
    if (times.size() > node::switch_times_max) times.erase(times.begin(), times.end() - node::switch_times_max);
    if (times.empty()) return std::nullopt;
    return *std::max_element(times.begin(), times.end());
  }

  [[nodiscard]] Ending conclude(Explanation& result) const {
    if (node_.conflict)
      return {Verdict::conflict, "two machines answer as this node, with journals " + to_hex(node_.journal) + " and " +
                                     to_hex(node_.conflict_with) +
                                     ": nothing is stored or answered before one is switched off and an operator resolves it."};
    if (node_.held)
      return {Verdict::held, "it is held: it " + node_.held_why + ". Nothing is published to it before an operator confirms it."};
    if (!node_.journal)
      return {Verdict::unheard, "nothing was heard of it since it was registered at " + to_rfc3339(node_.registered_ms) + "."};
    const std::string runs = node_.identity.os_image_id;
    if (policy_of(state_, node_).policy == nullptr && !node_.offer) {
      std::string text = "it runs " + runs + ", and no update policy is linked.";
      if (node_.run && node_.run->end_ms != 0) text += " Its last run ended " + std::string(to_string(node_.run->outcome)) + ".";
      return {Verdict::no_policy, text};
    }
    if (!node_.link_fault.empty() && !node_.offer)
      return {Verdict::refused, policy_name() + " asks nothing of it: " + node_.link_fault + "."};
    if (!node_.newest.link && !node_.offer) return nothing_asked(runs);
    return offered(result, runs);
  }
  [[nodiscard]] Ending nothing_asked(const std::string& runs) const {
    const auto resolution = resolution_of(state_, node_);
    if (!resolution.fault.empty()) return {Verdict::refused, policy_name() + " asks nothing of it: " + resolution.fault + "."};
    if (!resolution.nothing.empty())
      return {Verdict::no_newer_image, "it runs " + runs + ": " + policy_name() + " finds that " + resolution.nothing + "."};
    return {Verdict::waiting, policy_name() + " asks for something, and its document is not issued yet."};
  }
  [[nodiscard]] Ending offered(Explanation& result, const std::string& runs) const {
    const auto& link = node_.newest.link;
    const bool open = link && open_run_of(node_, link->offer) != nullptr;
    const std::string image = link ? link->release.os_image_id : node_.run ? node_.run->to_os_image_id : "";
    if (link && !open) return ended(result, *link, runs);
    if (node_.taken < node_.newest.document.number) {
      if (const auto gone = away()) return *gone;
      return {Verdict::waiting, "document " + to_string(node_.newest.document.number) + " (" + in_words(link) + "; " +
                                    in_words(node_.newest.window) + ") is not yet confirmed by the node."};
    }
    if (!link || link->aborted || (node_.offer && node_.offer != link->offer))
      return {Verdict::withdrawn,
              "what it was asked before is withdrawn, and it has not ended it yet: it is " + std::string(to_string(node_.phase)) + "."};
    if (link->paused && node_.phase <= Phase::staged)
      return {Verdict::paused,
              image + " is " + (node_.phase == Phase::staged ? "ready on it" : "being staged") + "; an operator has paused the update."};
    return in_phase(image);
  }
  [[nodiscard]] Ending ended(Explanation& result, const LinkedRelease& link, const std::string& runs) const {
    const std::string image = link.release.os_image_id;
    if (!node_.run || node_.run->offer != link.offer)
      return {Verdict::withdrawn,
              "its offer of " + image + (link.aborted ? " was aborted" : " has ended") + ": link again to ask for it anew."};
    result.reason = node_.run->reason;
    result.evidence = node_.run->evidence;
    Ending ending = ending_of(node_.run->outcome, node_.run->reason, node_.run->evidence, image, runs);
    if (ending.verdict != Verdict::up_to_date) return ending;
    const auto applied = policy_of(state_, node_);
    if (applied.policy == nullptr) return ending;
    const bool target = applied.policy->update_policy == UpdatePolicy::target;
    if (target && !node_.os_update_available.empty())
      return {Verdict::pinned, policy_name() + " (TARGET) pins it to " + image + ", which it runs; " + node_.os_update_available +
                                   " is newer, and nothing asks for it."};
    if (!target)
      return {Verdict::no_newer_image, "it runs " + runs + ", the newest image that " + policy_name() + " (LATEST) finds for its profile."};
    return ending;
  }
  [[nodiscard]] std::optional<Ending> away() const {
    std::int64_t issued = 0;
    for (const auto& recorded : events_) {
      const auto* e = std::get_if<DocumentIssued>(&recorded.event);
      if (e != nullptr && e->node == node_.id && e->document.number > node_.taken) {
        issued = recorded.at_ms;
        break;
      }
    }
    const std::int64_t heard = node_.heard_ms.value_or(node_.registered_ms);
    if (settings_.now_ms - std::max(heard, issued) < away_after_ms) return std::nullopt;
    return Ending{Verdict::away, "it is away: last heard of at " + to_rfc3339(heard) + ", " + duration_in_words(settings_.now_ms - heard) +
                                     " ago; document " + to_string(node_.newest.document.number) + " (" + in_words(node_.newest.link) +
                                     ") waits for it. It takes it as soon as it connects."};
  }
  [[nodiscard]] Ending in_phase(const std::string& image) const {
    const bool moves = node_.phase != Phase::staged && node_.phase != Phase::idle;
    const std::int64_t heard = node_.heard_ms.value_or(node_.registered_ms);
    if (moves && settings_.now_ms - heard >= away_after_ms)
      return {Verdict::away, "it is away: it was " + std::string(to_string(node_.phase)) + " when it was last heard of at " +
                                 to_rfc3339(heard) + ", " + duration_in_words(settings_.now_ms - heard) + " ago."};
    switch (node_.phase) {
      case Phase::idle:
        return {Verdict::waiting, image + " is offered, and the node has not accepted it yet."};
      case Phase::staging:
        return {Verdict::waiting, "it is downloading and writing " + image + "."};
      case Phase::staged:
        break;
      case Phase::switching:
      case Phase::rebooting:
      case Phase::on_trial:
      case Phase::confirming:
        return {Verdict::waiting, switching_in_words(node_.phase, image)};
      case Phase::rolling_back:
        return {Verdict::waiting, "it is going back to the image before " + image + "."};
    }
    const auto measured = measured_switch_ms();
    Ending ending = window_ending(node_.newest.window, measured.value_or(settings_.switch_time_ms), measured.has_value(), settings_.now_ms);
    if (ending.verdict == Verdict::no_window) too_short_before(ending, measured.value_or(settings_.switch_time_ms));
    ending.text = image + " stands ready on it: " + ending.text;
    return ending;
  }
  // No window now; but one has been open while the image stood ready, and it was too short.
  void too_short_before(Ending& ending, std::int64_t needed_ms) const {
    bool ready = false;
    std::optional<Window> last;
    for (const auto& recorded : events_) {
      if (const auto* stored = std::get_if<NodeEventStored>(&recorded.event); stored != nullptr && stored->node == node_.id)
        if (std::holds_alternative<ImageStaged>(stored->event) && offer_of(stored->event) == offer_) ready = true;
      if (const auto* closed = std::get_if<WindowClosed>(&recorded.event); closed != nullptr && closed->node == node_.id && ready)
        last = closed->window;
    }
    if (!last) return;
    const auto length = last->closes_at_ms - last->opens_at_ms;
    if (last->closes_at_ms == 0 || length > needed_ms) {
      ending.text += " The last one, " + last->id + ", is over.";
      return;
    }
    ending = {Verdict::window_too_short, "its last window, " + last->id + ", was " + duration_in_words(length) +
                                             " long, and a switch needs " + duration_in_words(needed_ms) + "; no later one is scheduled."};
  }

  const Events& events_;
  const State& state_;
  const Node& node_;
  const ExplainSettings& settings_;
  Number offer_;
  std::set<std::uint64_t> marked_;
};

}  // namespace

Result<Explanation> explain(const std::vector<Recorded<OrchestratorEvent>>& events, const fleet::State& state, const NodeId& node,
                            const ExplainSettings& settings) {
  const auto found = state.nodes.find(node);
  if (found == state.nodes.end())
    return fail(Code::not_found, "there is no node " + to_string(node) + " at event " + std::to_string(state.last));
  return Explain(events, state, found->second, settings).make();
}

}  // namespace abide::replay
