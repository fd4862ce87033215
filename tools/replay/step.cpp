#include "tools/replay/step.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <ostream>
#include <sstream>

#include "common/core/time.hpp"
#include "common/events/print.hpp"
#include "common/service/logging.hpp"
#include "tools/replay/explain.hpp"

namespace abide::replay {
namespace {

std::string text_of(const Outcome& outcome) {
  if (outcome.kind == OutcomeKind::none) return "none";
  std::string text(to_string(outcome.kind));
  if (outcome.reason != Reason::none) text += " (" + std::string(to_string(outcome.reason)) + ")";
  return text + " of offer " + to_string(outcome.offer);
}
std::string yes(bool so) {
  return so ? "yes" : "no";
}

StateFields fields_of(const fleet::Node& node) {
  StateFields fields = {
      {"name", node.name},
      {"status", node.status.text},
      {"phase", std::string(to_string(node.phase))},
      {"offer", to_string(node.offer)},
      {"runs", node.identity.os_image_id},
      {"slot", std::string(to_string(node.slot))},
      {"boot", node.boot.text},
      {"outcome", text_of(node.outcome)},
      {"policy", node.policy_id.empty() ? "none" : node.policy_id},
      {"document", to_string(node.newest.document.number)},
      {"taken", to_string(node.taken)},
      {"link", in_words(node.newest.link)},
      {"window", in_words(node.newest.window)},
      {"window open", yes(node.open_window.has_value())},
      {"paused", yes(node.paused)},
      {"held", node.held ? node.held_why : "no"},
      {"conflict", yes(node.conflict)},
      {"journal", to_hex(node.journal)},
      {"stored", std::to_string(node.upto)},
      {"heard", node.heard_ms ? to_rfc3339(*node.heard_ms) : "never"},
  };
  if (node.run) fields.emplace_back("run", node.run->id + ", " + node.run->status.text);
  return fields;
}

StateFields fields_of(const node::State& state) {
  return {
      {"phase", std::string(to_string(state.phase))},
      {"offer", to_string(state.offer)},
      {"image", state.release.os_image_id},
      {"runs", state.identity.os_image_id},
      {"running slot", std::string(to_string(state.running))},
      {"default slot", std::string(to_string(state.default_slot))},
      {"target slot", std::string(to_string(state.target))},
      {"boot", state.boot.text},
      {"document", to_string(state.held.number)},
      {"link", in_words(state.link)},
      {"window", in_words(state.window)},
      {"staged", state.staged ? to_hex(state.staged).substr(0, 12) : "no"},
      {"attempt", std::to_string(state.attempt)},
      {"interruptions", std::to_string(state.interruptions)},
      {"undo", state.undo == Reason::none ? "no" : std::string(to_string(state.undo))},
      {"outcome", text_of(state.outcome)},
  };
}

template <class State, class RecordedEvent>
class TrackOf final : public Track {
 public:
  TrackOf(const Opened& opened, State first) : opened_(opened), at_(scope().head.base), state_(std::move(first)) {
    every_ = std::max(kept_state_every_least, (scope().head.last - at_) / kept_states_max + 1);
    kept_.emplace(at_, state_);
  }

  [[nodiscard]] std::uint64_t base() const override { return scope().head.base; }
  [[nodiscard]] std::uint64_t last() const override { return scope().head.last; }
  [[nodiscard]] std::uint64_t at() const override { return at_; }
  Result<void> go(std::uint64_t sequence) override {
    sequence = std::clamp(sequence, base(), last());
    const auto nearest = std::prev(kept_.upper_bound(sequence));
    if (sequence < at_ || nearest->first > at_) {
      state_ = nearest->second;
      at_ = nearest->first;
    }
    while (at_ < sequence) {
      const auto next_kept = base() + ((at_ - base()) / every_ + 1) * every_;
      const auto to = std::min(sequence, next_kept);
      if (auto gone = opened_.history.go_on(scope(), state_, at_, to); !gone) {
        state_ = kept_.begin()->second;
        at_ = base();
        return gone;
      }
      at_ = to;
      if (at_ == next_kept) kept_.emplace(at_, state_);
    }
    return {};
  }
  [[nodiscard]] Result<Event> event(std::uint64_t sequence) const override {
    Event found;
    auto read = opened_.history.events(scope(), sequence, sequence,
                                       VisitRecorded<RecordedEvent>([&](const Recorded<RecordedEvent>& recorded, std::string_view) {
                                         found = event_of(recorded);
                                         return false;
                                       }));
    if (!read) return fail(read.error());
    return found;
  }
  [[nodiscard]] Result<std::optional<Event>> find(std::uint64_t after, const std::function<bool(const Event&)>& wanted) const override {
    std::optional<Event> found;
    auto read = opened_.history.events(scope(), after + 1, last(),
                                       VisitRecorded<RecordedEvent>([&](const Recorded<RecordedEvent>& recorded, std::string_view) {
                                         auto event = event_of(recorded);
                                         if (!wanted(event)) return true;
                                         found = std::move(event);
                                         return false;
                                       }));
    if (!read) return fail(read.error());
    return found;
  }
  [[nodiscard]] StateFields fields(const NodeId& id) const override {
    if constexpr (std::is_same_v<State, fleet::State>) {
      const auto node = state_.nodes.find(id);
      return node == state_.nodes.end() ? StateFields{} : fields_of(node->second);
    } else {
      return fields_of(state_);
    }
  }
  [[nodiscard]] std::optional<NodeId> only_node() const override {
    if constexpr (std::is_same_v<State, fleet::State>) return std::nullopt;
    return opened_.history.owner() ? opened_.history.owner()->node : NodeId{};
  }

 private:
  [[nodiscard]] const Scope& scope() const { return opened_.scope(); }
  [[nodiscard]] Event event_of(const Recorded<RecordedEvent>& recorded) const {
    Event event{recorded.sequence, recorded.at_ms, std::string(name_of(recorded.event)), {}, print(recorded.event)};
    if constexpr (std::is_same_v<RecordedEvent, OrchestratorEvent>) {
      event.node = node_of(recorded.event);
      if (const auto* stored = std::get_if<NodeEventStored>(&recorded.event)) {
        event.name = std::string(name_of(stored->event));
        event.line = print(stored->event) + " node=" + to_string(stored->node);
      }
    } else {
      event.node = only_node();
    }
    return event;
  }

  const Opened& opened_;
  std::uint64_t at_;
  State state_;
  std::uint64_t every_ = kept_state_every_least;
  std::map<std::uint64_t, State> kept_;
};

std::optional<std::uint64_t> number_in(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

Result<std::unique_ptr<Track>> Track::open(const Opened& opened) {
  const auto& scope = opened.scope();
  if (opened.history.kind() == Kind::agent) {
    auto state = opened.history.node_at(scope, scope.head.base);
    if (!state) return fail(state.error());
    return std::unique_ptr<Track>(std::make_unique<TrackOf<node::State, NodeEvent>>(opened, std::move(*state)));
  }
  auto state = opened.history.fleet_at(scope, scope.head.base);
  if (!state) return fail(state.error());
  return std::unique_ptr<Track>(std::make_unique<TrackOf<fleet::State, OrchestratorEvent>>(opened, std::move(*state)));
}

Stepper::Stepper(const Opened& opened, Track& track, std::ostream& out, bool colours)
    : opened_(opened), track_(track), out_(out), colours_(colours), watched_(track.only_node()) {}

const char* Stepper::help() {
  return "n [COUNT]   forward (also an empty line)      b [COUNT]   back\n"
         "g PLACE     go to a sequence, first, last, or a time\n"
         "e TYPE      to the next event of a type       u NODE      to the next event of a node\n"
         "w [NODE]    watch a node; alone: no more      s           show again\n"
         "?           these words                       q           quit\n";
}

void Stepper::complain(const std::string& text) const {
  out_ << "! " << one_line(text) << "\n";
}

void Stepper::show() const {
  if (track_.at() == track_.base()) {
    out_ << "#" << track_.at() << " of " << track_.last() << "  in front of the first event\n";
  } else {
    const auto event = track_.event(track_.at());
    if (!event) return complain(event.error().message);
    out_ << "#" << track_.at() << " of " << track_.last() << "  " << to_rfc3339(event->at_ms) << "  " << one_line(event->line) << "\n";
  }
  if (!watched_) return;
  const auto fields = track_.fields(*watched_);
  if (fields.empty()) out_ << "  node " << to_string(*watched_) << " is not known yet\n";
  for (const auto& current : fields) {
    const auto& name = current.first;
    const auto& value = current.second;
    const auto old = std::find_if(before_.begin(), before_.end(), [&](const auto& field) { return field.first == name; });
    const bool changed = !before_.empty() && (old == before_.end() || old->second != value);
    std::string line = std::string(changed ? "* " : "  ") + name + ": " + one_line(value);
    if (changed && old != before_.end()) line += "  (was " + one_line(old->second) + ")";
    if (changed && colours_) line = "\x1b[1m" + line + "\x1b[0m";
    out_ << line << "\n";
  }
}

void Stepper::go(std::uint64_t sequence) {
  before_ = watched_ ? track_.fields(*watched_) : StateFields{};
  if (auto gone = track_.go(sequence); !gone) return complain(gone.error().message);
  show();
}

void Stepper::forward_to(const std::function<bool(const Track::Event&)>& wanted, const std::string& what) {
  auto found = track_.find(track_.at(), wanted);
  if (!found) return complain(found.error().message);
  if (!*found) return complain("no later event " + what);
  go((*found)->sequence);
}

bool Stepper::command(const std::string& line) {
  std::istringstream words(line);
  std::string word;
  std::string rest;
  words >> word;
  std::getline(words >> std::ws, rest);
  while (!rest.empty() && (rest.back() == ' ' || rest.back() == '\r')) rest.pop_back();
  if (word.empty()) word = "n";
  if (word == "q") return false;
  if (word == "n" || word == "b") {
    const auto count = rest.empty() ? std::optional<std::uint64_t>(1) : number_in(rest);
    if (!count) return complain("\"" + rest + "\" is no number of events"), true;
    const auto at = track_.at();
    if (word == "n" && at == track_.last()) return complain("this is the last event"), true;
    if (word == "b" && at == track_.base()) return complain("there is nothing before"), true;
    if (word == "n")
      go(at + std::min(*count, track_.last() - at));
    else
      go(at - std::min(*count, at - track_.base()));
  } else if (word == "g") {
    const auto place = find_place(opened_, rest);
    if (!place) return complain(place.error().message), true;
    go(*place);
  } else if (word == "e") {
    if (rest.empty()) return complain("e takes the name of an event"), true;
    forward_to([&](const Track::Event& event) { return event.name == rest; }, rest);
  } else if (word == "u" || (word == "w" && !rest.empty())) {
    const auto node = find_node(opened_, rest);
    if (!node) return complain(node.error().message), true;
    if (word == "u") {
      forward_to([&](const Track::Event& event) { return event.node == *node; }, "of node " + rest);
    } else {
      watched_ = *node;
      before_.clear();
      show();
    }
  } else if (word == "w") {
    watched_ = track_.only_node();
    before_.clear();
    show();
  } else if (word == "s") {
    show();
  } else if (word == "?") {
    out_ << help();
  } else {
    complain("\"" + word + "\" is none of n b g e u w s ? q");
  }
  return true;
}

}  // namespace abide::replay
