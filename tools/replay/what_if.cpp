#include "tools/replay/what_if.hpp"

#include <algorithm>
#include <deque>
#include <set>

#include "common/core/time.hpp"

namespace abide::replay {
namespace {

using namespace fleet;

// The calendar of the record is some milliseconds late, that of the other future is not: within this, both do the same.
constexpr std::int64_t grace_ms = 5'000;
constexpr std::size_t notes_max = 20;

struct Keyed {
  NodeId node;
  std::string key;  // without numbers and ids that depend on how many there were before
  std::string text;
};

std::string window_key(const std::optional<Window>& window) {
  if (!window) return "none";
  return window->id + "/" + std::to_string(window->opens_at_ms) + "/" + std::to_string(window->closes_at_ms);
}

// What is decided about one node; nothing for all other events.
std::optional<Keyed> keyed(const OrchestratorEvent& event, const State& state) {
  if (const auto* e = std::get_if<DocumentIssued>(&event)) {
    std::string key = "document " + std::to_string(static_cast<int>(e->topic)) + " " + window_key(e->window);
    std::string text = "document: no image is asked for";
    if (e->link) {
      key += " " + e->link->release.os_resource_id + (e->link->paused ? " paused" : "") + (e->link->aborted ? " aborted" : "") +
             (e->link->allow_downgrade ? " downgrade" : "");
      text = "document: image " + e->link->release.os_image_id + " is asked for";
      if (e->link->paused) text += ", paused";
      if (e->link->aborted) text += ", aborted";
    }
    return Keyed{e->node, std::move(key), text + "; " + in_words(e->window)};
  }
  if (const auto* e = std::get_if<WindowOpened>(&event)) return Keyed{e->node, "opened " + window_key(e->window), in_words(event, state)};
  if (const auto* e = std::get_if<WindowClosed>(&event))
    return Keyed{e->node, "closed " + window_key(e->window) + " " + e->why, in_words(event, state)};
  if (const auto* e = std::get_if<RunOpened>(&event)) {
    const auto resource = state.os_resources.find(e->to_os_resource_id);
    const std::string image = resource == state.os_resources.end() ? e->to_os_resource_id : resource->second.value.image_id;
    return Keyed{e->node, "run " + e->to_os_resource_id, "a run to image " + image + " opens"};
  }
  if (const auto* e = std::get_if<RunClosed>(&event)) {
    std::string text = "its run closes: " + std::string(to_string(e->outcome));
    if (e->reason != Reason::none) text += " (" + std::string(to_string(e->reason)) + ")";
    return Keyed{e->node, "end " + std::string(to_string(e->outcome)) + " " + std::string(to_string(e->reason)), text};
  }
  return std::nullopt;
}

class Future {
 public:
  Future(const Recording& recording, const Check& checked, State before, const Alternative& alternative)
      : recording_(recording), checked_(checked), alternative_(alternative), rerun_(std::move(before)) {}

  Result<WhatIf> run() {
    for (const auto& turn : checked_.turns) {
      const auto& root = recording_[turn.first];
      const auto* epoch = std::get_if<EpochRaised>(&root.event);
      const bool starts = epoch != nullptr && epoch->why == "started";
      // Between the last event before a start and that start the orchestrator is taken to be down: nothing opens.
      if (!starts) run_calendar(root.at_ms);
      judge_waiting(root.at_ms);
      if (alternative_.from && !in_ && root.sequence >= *alternative_.from) put_in(root.at_ms, root.sequence);
      if (fault_) return fail(*fault_);
      for (auto i = turn.first; i < turn.end; ++i) note_recorded(recording_[i]);
      feed(turn);
      if (fault_) return fail(*fault_);
    }
    const std::int64_t end_ms = recording_.empty() ? 0 : recording_.back().at_ms;
    run_calendar(end_ms);
    if (alternative_.from && !in_) put_in(end_ms, recording_.empty() ? 0 : recording_.back().sequence + 1);
    if (fault_) return fail(*fault_);
    judge_waiting(end_ms + grace_ms);
    if (!in_) return fail(Code::not_found, "no " + what() + " is in this history: say with --from where it is put in as a new one");
    return conclude(end_ms);
  }

 private:
  struct Pending {
    std::string key;
    Decision decision;
  };
  struct Line {
    std::deque<Pending> recorded, made;  // not matched yet
    bool differs = false;
    NodeFuture future;
  };
  struct Asking {
    std::string os_resource_id;
    Number offer;
  };
  struct Issued {  // what a node would answer to
    Number number;
    std::optional<LinkedRelease> link;
    std::optional<Window> window;
  };

  [[nodiscard]] std::string what() const {
    return alternative_.policy ? "policy named " + alternative_.policy->name : "schedule named " + alternative_.schedule->name;
  }
  void note(std::string text) {
    if (result_.notes.size() < notes_max) result_.notes.push_back(std::move(text));
  }

  // ---- the two lines of a node
  void compare(Line& line) {
    while (!line.differs && !line.recorded.empty() && !line.made.empty()) {
      if (line.recorded.front().key == line.made.front().key) {
        line.recorded.pop_front();
        line.made.pop_front();
      } else {
        differ(line);
      }
    }
  }
  void differ(Line& line) {
    line.differs = true;
    if (!line.recorded.empty()) line.future.recorded = line.recorded.front().decision;
    if (!line.made.empty()) {
      line.future.instead = line.made.front().decision;
      line.made.pop_front();
    }
    for (auto& more : line.made) tell(line.future, std::move(more.decision));
    line.recorded.clear();
    line.made.clear();
  }
  static void tell(NodeFuture& future, Decision decision) {
    if (future.then.size() < decisions_told_max)
      future.then.push_back(std::move(decision));
    else
      ++future.more;
  }
  void note_recorded(const Recorded<OrchestratorEvent>& recorded) {
    if (const auto* e = std::get_if<WindowOpened>(&recorded.event)) recorded_open_.insert(e->node);
    if (const auto* e = std::get_if<WindowClosed>(&recorded.event)) recorded_open_.erase(e->node);
    if (const auto* e = std::get_if<DocumentIssued>(&recorded.event); e != nullptr && e->link && e->link->offer == e->document.number)
      recorded_asks_[e->node].push_back({e->link->release.os_resource_id, e->link->offer});
    if (const auto* e = std::get_if<DocumentIssued>(&recorded.event)) recorded_documents_[e->node].push_back(e->document.number);
    auto decided = keyed(recorded.event, rerun_.state());
    if (!decided) return;
    Line& line = lines_[decided->node];
    if (line.differs) return;
    line.recorded.push_back({std::move(decided->key), {recorded.sequence, recorded.at_ms, std::move(decided->text)}});
    compare(line);
  }
  void note_made(const OrchestratorEvent& event, std::int64_t at_ms) {
    if (const auto* e = std::get_if<DocumentIssued>(&event); e != nullptr && e->link && e->link->offer == e->document.number)
      made_asks_[e->node].push_back({e->link->release.os_resource_id, e->link->offer});
    if (const auto* e = std::get_if<DocumentIssued>(&event)) made_documents_[e->node].push_back({e->document.number, e->link, e->window});
    if (const auto* e = std::get_if<WindowOpened>(&event)) touched_.insert(e->node);
    if (const auto* e = std::get_if<NodeEventStored>(&event)) touched_.insert(e->node);
    auto decided = keyed(event, rerun_.state());
    if (!decided) return;
    Line& line = lines_[decided->node];
    Decision decision{0, at_ms, std::move(decided->text)};
    if (line.differs) return tell(line.future, std::move(decision));
    line.made.push_back({std::move(decided->key), std::move(decision)});
    compare(line);
  }

  // ---- feeding
  std::optional<Result<Answer>> take(const Rebuilt& rebuilt, std::int64_t at_ms, bool trusted) {
    touched_.clear();
    auto answer = rerun_.take(rebuilt, at_ms, trusted, [&](OrchestratorEvent made) {
      note_made(made, at_ms);
      return std::optional(std::move(made));
    });
    for (const auto& id : touched_)
      if (could_switch(id, at_ms)) waiting_.emplace(id, at_ms);
    return answer;
  }
  Result<Answer> ask(Operation operation, std::int64_t at_ms, std::vector<std::string> drawn = {}) {
    Rebuilt rebuilt;
    rebuilt.input = Request{"what-if", std::move(operation)};
    rebuilt.drawn = std::move(drawn);
    auto answer = take(rebuilt, at_ms, true);
    return answer ? std::move(*answer) : Result<Answer>(fail(Code::unavailable, "decide gave no answer"));
  }
  void run_calendar(std::int64_t until_ms) {
    while (const auto next = rerun_.next_window_ms()) {
      if (*next > until_ms) return;
      Rebuilt tick;
      tick.input = Tick{};
      take(tick, std::max(*next, rerun_begun_ms()), true);
      if (rerun_.next_window_ms() == next) return;  // it cannot be worked off now
    }
  }
  [[nodiscard]] std::int64_t rerun_begun_ms() const { return recording_.empty() ? 0 : recording_.front().at_ms; }

  void feed(const Turn& turn) {
    const auto& root = recording_[turn.first];
    if (!turn.reproduced) {
      for (auto i = turn.first; i < turn.end; ++i) {
        const auto about = std::visit(
            [](const auto& e) -> std::optional<NodeId> {
              if constexpr (requires { e.node; }) return e.node;
              return std::nullopt;
            },
            recording_[i].event);
        if (about && (left_.contains(*about) || lines_[*about].differs)) continue;
        if (auto decided = keyed(recording_[i].event, rerun_.state())) note_made(recording_[i].event, recording_[i].at_ms);
        rerun_.adopt(recording_[i]);
      }
      return;
    }
    auto rebuilt = rebuild(recording_, turn.first, rerun_.state());
    if (!rebuilt) return;
    if (!fits(*rebuilt, root)) return;
    const auto* request = std::get_if<Request>(&rebuilt->input);
    const bool is_alternative = replaced_now_;
    replaced_now_ = false;
    auto answer = take(*rebuilt, root.at_ms, root.clock_trusted);
    if (request == nullptr || !answer || *answer) return;
    const std::string where = "at #" + std::to_string(root.sequence) + ", " + to_rfc3339(root.at_ms);
    if (is_alternative)
      fault_ = answer->error().in(what() + ", put in " + where);
    else
      note("what the operator asked for " + where + " is refused: " + answer->error().message);
  }

  // Makes the input one of this future; false: there is nothing to feed.
  bool fits(Rebuilt& rebuilt, const Recorded<OrchestratorEvent>& root) {
    if (auto* request = std::get_if<Request>(&rebuilt.input)) return fits(request->operation, root);
    if (auto* heard = std::get_if<HelloHeard>(&rebuilt.input)) return fits(*heard, rebuilt);
    if (auto* heard = std::get_if<NodeEventHeard>(&rebuilt.input)) return fits(*heard, root, rebuilt);
    return true;
  }
  bool fits(Operation& operation, const Recorded<OrchestratorEvent>& root) {
    if (alternative_.from) {
      if (auto* link = std::get_if<LinkPolicy>(&operation))
        if (const auto other = other_policy_.find(link->policy); other != other_policy_.end()) link->policy = other->second;
      return true;
    }
    if (auto* create = std::get_if<CreatePolicy>(&operation);
        create != nullptr && alternative_.policy && !in_ && create->policy.name == alternative_.policy->name) {
      create->policy = *alternative_.policy;
      replace("in place of the one", root);
    }
    if (!alternative_.schedule) return true;
    if (auto* create = std::get_if<CreateSchedule>(&operation); create != nullptr && is_replaced(create->schedule)) {
      const std::string host = create->schedule.host_id;
      create->schedule = *alternative_.schedule;
      if (create->schedule.host_id.empty()) create->schedule.host_id = host;
      replaced_.insert(std::get<WindowScheduled>(root.event).schedule.id);
      replace("in place of the one", root);
    }
    if (const auto* edit = std::get_if<EditSchedule>(&operation)) return !replaced_.contains(edit->schedule.id);
    return true;
  }
  void replace(std::string_view how, const Recorded<OrchestratorEvent>& root) {
    replaced_now_ = true;
    if (in_) {
      ++more_places_;
      return;
    }
    in_ = true;
    result_.put_in = what() + ", " + std::string(how) + " created at #" + std::to_string(root.sequence) + ", " + to_rfc3339(root.at_ms);
  }
  [[nodiscard]] bool is_replaced(const Schedule& schedule) const {
    const auto& mine = *alternative_.schedule;
    return schedule.name == mine.name && (mine.host_id.empty() || mine.host_id == schedule.host_id);
  }

  // ---- what nodes said, as far as it answers this future
  [[nodiscard]] std::optional<Number> offer_here(const NodeId& id, Number offer) const {
    if (!offer) return Number{};
    const auto recorded = recorded_asks_.find(id);
    const auto made = made_asks_.find(id);
    if (recorded == recorded_asks_.end() || made == made_asks_.end()) return std::nullopt;
    // The n-th asking for an image there is the n-th asking for it here.
    const auto place = std::find_if(recorded->second.begin(), recorded->second.end(), [&](const Asking& a) { return a.offer == offer; });
    if (place == recorded->second.end()) return std::nullopt;
    const auto same = [&](const Asking& a) { return a.os_resource_id == place->os_resource_id; };
    auto before = std::count_if(recorded->second.begin(), place, same);
    for (const auto& asking : made->second)
      if (same(asking) && before-- == 0) return asking.offer;
    return std::nullopt;
  }
  // The document here that stands in the place of a recorded one: the same of the row as long as the lines are the same, after
  // that the newest.
  [[nodiscard]] Issued document_here(const NodeId& id, Number number) const {
    const auto made = made_documents_.find(id);
    if (!number || made == made_documents_.end() || made->second.empty()) return {};
    const auto line = lines_.find(id);
    const auto recorded = recorded_documents_.find(id);
    if (recorded == recorded_documents_.end() || (line != lines_.end() && line->second.differs)) return made->second.back();
    const auto place = std::lower_bound(recorded->second.begin(), recorded->second.end(), number);
    const auto row = static_cast<std::size_t>(place - recorded->second.begin());
    if (place == recorded->second.end() || *place != number || row >= made->second.size()) return made->second.back();
    return made->second[row];
  }
  void leave(const NodeId& id, std::uint64_t sequence, std::int64_t at_ms, std::string why) {
    if (!left_.insert(id).second) return;
    lines_[id].future.left = Decision{sequence, at_ms, std::move(why)};
  }
  bool fits(HelloHeard& heard, const Rebuilt& rebuilt) {
    if (left_.contains(heard.node)) return false;
    auto& hello = heard.hello;
    const auto node = rerun_.state().nodes.find(heard.node);
    hello.offer = offer_here(heard.node, hello.offer).value_or(Number{});
    hello.outcome.offer = offer_here(heard.node, hello.outcome.offer).value_or(hello.outcome.offer);
    if (!rebuilt.shows_unknown) {
      hello.held = {document_here(heard.node, hello.held.number).number, {}, {}};
      if (node != rerun_.state().nodes.end() && hello.held.number == node->second.newest.document.number)
        hello.held = {hello.held.number, node->second.newest.digest, node->second.newest.document.tag};
    }
    return true;
  }
  bool fits(NodeEventHeard& heard, const Recorded<OrchestratorEvent>& root, Rebuilt& rebuilt) {
    if (left_.contains(heard.node)) return false;
    const auto found = rerun_.state().nodes.find(heard.node);
    if (found == rerun_.state().nodes.end()) return false;
    const Node& node = found->second;
    const Number recorded_offer = offer_of(heard.event);
    const auto offer = offer_here(heard.node, recorded_offer);
    // What it says may be about what it was told long ago: as long as it was told the same here, it is an answer.
    const bool told_the_same = offer && !lines_[heard.node].differs;
    std::string why = told_the_same ? "" : offer ? answers(heard, node, *offer) : "Here it is not asked for that image";
    if (!why.empty()) {
      leave(heard.node, root.sequence, root.at_ms, "recorded: " + in_words(heard.event) + ". " + why);
      return false;
    }
    std::visit(
        [&]<class E>(E& e) {
          if constexpr (requires { e.offer; }) e.offer = *offer;
          if constexpr (std::is_same_v<E, DocumentTaken>) {
            auto issued = document_here(heard.node, e.number);
            e.number = issued.number;
            e.link = std::move(issued.link);
            e.window = std::move(issued.window);
          }
          if constexpr (std::is_same_v<E, JournalForked>)
            e.outcome.offer = offer_here(heard.node, e.outcome.offer).value_or(e.outcome.offer);
        },
        heard.event);
    if (rebuilt.told) {
      rebuilt.told->offer = offer_here(heard.node, rebuilt.told->offer).value_or(Number{});
      rebuilt.told->outcome.offer = offer_here(heard.node, rebuilt.told->outcome.offer).value_or(rebuilt.told->outcome.offer);
      rebuilt.told->held.number = document_here(heard.node, rebuilt.told->held.number).number;
    }
    return true;
  }
  // Why this event is no answer to what is asked here; empty: it is.
  [[nodiscard]] std::string answers(const NodeEventHeard& heard, const Node& node, Number offer) const {
    const auto& link = node.newest.link;
    const bool asked = link && link->offer == offer && !link->aborted;
    const std::string instead =
        link && link->offer != offer ? "Here image " + link->release.os_image_id + " is asked for" : "Here nothing is asked of it";
    if (std::holds_alternative<Accepted>(heard.event) && !asked) return instead;
    const bool switches = std::holds_alternative<SwitchBegan>(heard.event) || std::holds_alternative<RebootOrdered>(heard.event);
    const bool open = node.open_window && (node.open_window->closes_at_ms == 0 || node.open_window->closes_at_ms > heard.at_ms);
    if (switches) {
      if (!asked) return instead;
      if (link->paused) return "Here it is paused";
      if (!open) return "Here no window is open then: " + in_words(node.newest.window);
    }
    const bool called_off = std::holds_alternative<SwitchCleared>(heard.event) || std::holds_alternative<SwitchWithdrawn>(heard.event);
    // Where the record's window was open as well, it had another reason.
    if (called_off && asked && !link->paused && open && !recorded_open_.contains(heard.node))
      return "Here its window is open: it would have gone on";
    if (std::holds_alternative<Cancelled>(heard.event) && asked) return "Here it is asked for still";
    return {};
  }

  // A node that stands ready, with a window open, switches. Where the record has no window open, it cannot say how that ends.
  [[nodiscard]] bool could_switch(const NodeId& id, std::int64_t now_ms) const {
    const auto found = rerun_.state().nodes.find(id);
    if (found == rerun_.state().nodes.end() || left_.contains(id)) return false;
    const Node& node = found->second;
    const auto& link = node.newest.link;
    if (node.phase != Phase::staged || !node.open_window || node.held || node.conflict) return false;
    if (!link || link->offer != node.offer || link->paused || link->aborted) return false;
    const auto closes = node.open_window->closes_at_ms;
    return closes == 0 || closes - now_ms > alternative_.switch_time_ms;
  }
  void judge_waiting(std::int64_t now_ms) {
    for (auto place = waiting_.begin(); place != waiting_.end();) {
      const auto [id, since_ms] = *place;
      if (recorded_open_.contains(id) || !could_switch(id, since_ms)) {
        place = waiting_.erase(place);
      } else if (now_ms - since_ms >= grace_ms) {
        const auto& node = rerun_.state().nodes.at(id);
        leave(id, 0, since_ms,
              "its " + in_words(node.open_window) + " is open and image " + node.newest.link->release.os_image_id +
                  " stands ready: it would switch here, which it did not in the record");
        place = waiting_.erase(place);
      } else {
        ++place;
      }
    }
  }

  // ---- the alternative as a new one
  void put_in(std::int64_t at_ms, std::uint64_t sequence) {
    in_ = true;
    result_.put_in = what() + ", put in before #" + std::to_string(sequence) + ", " + to_rfc3339(at_ms);
    if (alternative_.policy)
      put_in_policy(at_ms);
    else
      put_in_schedule(at_ms);
    if (fault_) fault_ = fault_->in(result_.put_in);
  }
  void put_in_policy(std::int64_t at_ms) {
    const State& state = rerun_.state();
    std::set<NodeId> nodes(alternative_.nodes.begin(), alternative_.nodes.end());
    const auto same_name = state.policies_by_name.find(alternative_.policy->name);
    if (same_name != state.policies_by_name.end())
      for (const auto& id : same_name->second) {
        other_policy_[id];
        const auto linked = state.by_policy.find(id);
        if (alternative_.nodes.empty() && linked != state.by_policy.end()) nodes.insert(linked->second.begin(), linked->second.end());
      }
    if (alternative_.nodes.empty() && same_name == state.policies_by_name.end())
      for (const auto& [id, node] : state.nodes) nodes.insert(id);
    const auto created = ask(CreatePolicy{*alternative_.policy}, at_ms);
    if (!created) {
      fault_ = created.error();
      return;
    }
    for (auto& [old, other] : other_policy_) other = created->id;
    for (const auto& id : nodes) {
      const auto node = rerun_.state().nodes.find(id);
      if (node == rerun_.state().nodes.end()) {
        fault_ = Error{Code::not_found, "node " + to_string(id) + " is not registered there"};
        return;
      }
      const auto linked = ask(LinkPolicy{node->second.host_id, created->id}, at_ms);
      if (!linked) note("linking it to " + node->second.name + " is refused: " + linked.error().message);
      if (linked && linked->note.starts_with("nothing is asked")) note(node->second.name + ": " + linked->note);
    }
    result_.put_in += ", linked to " + std::to_string(nodes.size()) + (nodes.size() == 1 ? " node" : " nodes");
  }
  void put_in_schedule(std::int64_t at_ms) {
    std::vector<Operation> operations;
    for (const auto& [id, stamped] : rerun_.state().schedules) {
      if (!is_replaced(stamped.value)) continue;
      EditSchedule edit{*alternative_.schedule};
      edit.schedule.id = id;
      if (edit.schedule.host_id.empty()) edit.schedule.host_id = stamped.value.host_id;
      operations.emplace_back(std::move(edit));
    }
    if (operations.empty() && !alternative_.schedule->host_id.empty()) operations.emplace_back(CreateSchedule{*alternative_.schedule});
    if (operations.empty())
      for (const auto& id : alternative_.nodes) {
        CreateSchedule create{*alternative_.schedule};
        create.schedule.host_id = to_string(id);
        operations.emplace_back(std::move(create));
      }
    if (operations.empty())
      fault_ = Error{Code::invalid_input, "no schedule of this name exists there: say for whom it is, by targetHostId or --node"};
    for (auto& operation : operations)
      if (auto done = ask(std::move(operation), at_ms); !done && !fault_) fault_ = done.error();
    result_.put_in += ", " + std::to_string(operations.size()) + (operations.size() == 1 ? " schedule" : " schedules");
  }

  WhatIf conclude(std::int64_t end_ms) {
    if (more_places_ != 0) result_.put_in += ", and " + std::to_string(more_places_) + " more of that name";
    const Now now{end_ms, 0, BootId{"replay"}, true};
    for (const auto& [id, node] : rerun_.state().nodes) {
      Line& line = lines_[id];
      if (!line.differs && (!line.recorded.empty() || !line.made.empty())) differ(line);
      if (!line.differs && !line.future.left) {
        ++result_.same;
        continue;
      }
      NodeFuture& future = line.future;
      future.node = id;
      future.name = node.name;
      future.phase = node.phase;
      if (node.newest.link && !node.newest.link->aborted) future.asked = node.newest.link->release.os_image_id;
      future.waits_for = FleetMachine{}.waits_for(rerun_.state(), rerun_.link(), now, id);
      result_.nodes.push_back(std::move(future));
    }
    return std::move(result_);
  }

  const Recording& recording_;
  const Check& checked_;
  const Alternative& alternative_;
  Rerun rerun_;
  WhatIf result_;
  std::optional<Error> fault_;
  bool in_ = false;            // the alternative is in
  bool replaced_now_ = false;  // the input that is about to be fed is the alternative
  std::size_t more_places_ = 0;
  std::set<std::string> replaced_;                   // schedules that are the alternative here
  std::map<std::string, std::string> other_policy_;  // ids in the record to the alternative's
  std::map<NodeId, Line> lines_;
  std::map<NodeId, std::vector<Asking>> recorded_asks_, made_asks_;
  std::map<NodeId, std::vector<Number>> recorded_documents_;
  std::map<NodeId, std::vector<Issued>> made_documents_;
  std::set<NodeId> recorded_open_;
  std::set<NodeId> left_;  // whose record is no answer any more
  std::set<NodeId> touched_;
  std::map<NodeId, std::int64_t> waiting_;  // could switch here since, while the record's window is not open
};

}  // namespace

Result<WhatIf> what_if(const Recording& recording, const Check& checked, fleet::State before, const Alternative& alternative) {
  if (!before.journal && !recording.empty()) before.journal = recording.front().journal;
  return Future(recording, checked, std::move(before), alternative).run();
}

}  // namespace abide::replay
