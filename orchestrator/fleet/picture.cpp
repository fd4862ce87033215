#include "orchestrator/fleet/picture.hpp"

#include <algorithm>

#include "common/core/rules.hpp"
#include "common/core/version.hpp"
#include "orchestrator/fleet/indexes.hpp"
#include "orchestrator/fleet/lookup.hpp"
#include "orchestrator/fleet/status.hpp"

namespace abide::fleet::picture {
namespace {

void set_status(Status& status, const StatusWords& next, std::int64_t at_ms) {
  if (status.text == next.text && status.indicator == next.indicator) return;
  status.text = next.text;
  status.indicator = next.indicator;
  status.at_seconds = at_ms / 1000;
}
StatusWords words_of(const Status& status) {
  return {status.text, status.indicator};
}

// The runs of an offer that are open still.
template <class Change>
void change_open_runs(State& state, Node& node, Number offer, const Change& change) {
  const auto one = [&](Run& run) {
    if (run.offer != offer || run.end_ms != 0) return;
    change(run);
    state.touched.runs[run.id] = run;
  };
  if (node.run) one(*node.run);
  for (auto& run : node.superseded) one(run);
}

StatusWords status_now(const Node& node, const Outcome& outcome) {
  const bool at_fault = node.phase == Phase::idle && !node.link_fault.empty() && !node.identity.profile_name.empty();
  return at_fault ? status_of_policy_fault() : status_of(node.phase, outcome);
}

// After Succeeded the node says so until a newer document comes; then it is up to date.
void refresh_status(State& state, Node& node, std::int64_t at_ms) {
  set_status(node.status, status_now(node, node.outcome), at_ms);
  if (node.phase == Phase::idle) return;
  change_open_runs(state, node, node.offer, [&](Run& run) { set_status(run.status, words_of(node.status), at_ms); });
}

void set_identity(State& state, Node& node, const Identity& identity, std::int64_t at_ms) {
  if (node.identity == identity) return;
  indexes::remove(state, node);
  node.identity = identity;
  indexes::add(state, node);
  refresh_os(state, node);
  refresh_link_fault(state, node, at_ms);  // what may be asked of it depends on its profile, and on what runs
}

void begin_offer(State& state, Node& node, Number offer, std::int64_t at_ms) {
  node.offer = offer;
  node.accepted_offer = std::max(node.accepted_offer, offer);
  change_open_runs(state, node, offer, [&](Run& run) {
    run.journal = node.journal;
    if (run.start_ms == 0) run.start_ms = at_ms;
  });
}

struct Hear {
  State& state;
  Node& node;
  std::int64_t at_ms;

  void phase(Phase next) const {
    node.phase = next;
    refresh_status(state, node, at_ms);
  }
  void outcome(const Outcome& next, const Evidence& evidence) const {
    node.phase = Phase::idle;
    node.offer = {};
    node.outcome = next;
    change_open_runs(state, node, next.offer, [&](Run& run) { run.evidence = evidence; });
    refresh_status(state, node, at_ms);
  }

  void operator()(const AgentStarted& event) const {
    node.boot = event.boot;
    node.slot = event.slot;
    set_identity(state, node, event.identity, at_ms);
    if (node.phase == Phase::staged) return phase(Phase::staging);  // it reads the slot again
    if (node.status.text == text_nothing_heard) refresh_status(state, node, at_ms);
  }
  void operator()(const BootCleared& event) const { node.boot = event.boot; }
  void operator()(const DocumentTaken& event) const {
    node.taken = event.number;
    if (node.phase == Phase::idle && node.outcome.kind == OutcomeKind::succeeded) set_status(node.status, status_now(node, {}), at_ms);
  }
  void operator()(const Accepted& event) const {
    begin_offer(state, node, event.offer, at_ms);
    phase(Phase::staging);
  }
  void operator()(const ImageStaged&) const { phase(Phase::staged); }
  void operator()(const SwitchBegan&) const { phase(Phase::switching); }
  void operator()(const RebootOrdered&) const { phase(Phase::rebooting); }
  void operator()(const SwitchWithdrawn&) const { phase(Phase::switching); }
  void operator()(const SwitchCleared&) const { phase(Phase::staged); }
  void operator()(const TrialStarted&) const { phase(Phase::on_trial); }
  void operator()(const TrialInterrupted&) const { phase(Phase::staging); }
  void operator()(const TrialPassed& event) const {
    if (!rule(Rule::picture_as_told)) return outcome({event.offer, OutcomeKind::succeeded, Reason::none}, {});
    phase(Phase::confirming);
  }
  void operator()(const RollbackBegan& event) const {
    change_open_runs(state, node, event.offer, [&](Run& run) { run.evidence = event.evidence; });
    phase(Phase::rolling_back);
  }
  void operator()(const Succeeded& event) const { outcome({event.offer, OutcomeKind::succeeded, Reason::none}, {}); }
  void operator()(const Failed& event) const { outcome({event.offer, OutcomeKind::failed, event.reason}, event.evidence); }
  void operator()(const RolledBack& event) const { outcome({event.offer, OutcomeKind::rolled_back, event.reason}, event.evidence); }
  void operator()(const Cancelled& event) const { outcome({event.offer, OutcomeKind::cancelled, event.why}, {}); }
  void operator()(const ClockDistrusted&) const {}
  void operator()(const JournalForked& event) const {
    node.outcome = event.outcome;
    node.phase = event.phase;
    if (event.offer)
      begin_offer(state, node, event.offer, at_ms);
    else
      node.offer = {};
    refresh_status(state, node, at_ms);
  }
};

}  // namespace

void hear(State& state, Node& node, const NodeEventStored& stored, std::int64_t at_ms) {
  node.upto = stored.sequence;
  node.chain = stored.chain;
  node.heard_ms = at_ms;
  std::visit(Hear{state, node, at_ms}, stored.event);
}

void correct(State& state, Node& node, const PictureCorrected& told, std::int64_t at_ms) {
  const bool same_state = node.phase == told.phase && node.outcome == told.outcome;
  node.heard_ms = at_ms;
  node.phase = told.phase;
  node.outcome = told.outcome;
  node.slot = told.slot;
  node.boot = told.boot;
  node.taken = told.held;
  node.offer = {};
  if (told.offer) begin_offer(state, node, told.offer, at_ms);
  set_identity(state, node, told.identity, at_ms);
  if (!same_state || node.status.text == text_nothing_heard) refresh_status(state, node, at_ms);
}

void begin_journal(State& state, Node& node, JournalId journal, std::uint64_t upto, Chain chain, std::int64_t at_ms) {
  std::erase_if(node.retired, [&](const RetiredJournal& retired) { return retired.journal == journal; });
  node.journal = journal;
  node.upto = upto;
  node.chain = chain;
  node.phase = Phase::idle;
  node.offer = {};
  node.outcome = {};
  node.taken = {};
  node.heard_ms = at_ms;
  refresh_status(state, node, at_ms);
}

void retire_journal(Node& node) {
  if (!node.journal) return;
  node.retired.push_back({node.journal, node.upto, node.chain});
  if (node.retired.size() > retired_journals_max) node.retired.erase(node.retired.begin());
  node.journal = {};
}

void open_run(State& state, Node& node, const RunOpened& opened, std::int64_t at_ms) {
  Run run;
  run.id = opened.run_id;
  run.name = opened.run_name;
  run.node = node.id;
  run.offer = opened.offer;
  run.policy_id = opened.policy_id;
  run.from_os_image_id = opened.from_os_image_id;
  run.to_os_resource_id = opened.to_os_resource_id;
  const auto resource = state.os_resources.find(opened.to_os_resource_id);
  if (resource != state.os_resources.end())
    run.to_os_image_id = resource->second.value.image_id;
  else if (node.newest.link && node.newest.link->offer == opened.offer)
    run.to_os_image_id = node.newest.link->release.os_image_id;
  set_status(run.status, status_of(OutcomeKind::none), at_ms);
  run.opened_ms = at_ms;
  state.touched.runs[run.id] = run;
  // One that a journal brings up late does not take the place of the newest, by which is known how that ended.
  if (node.run && run.offer < node.run->offer) {
    const auto later = std::find_if(node.superseded.begin(), node.superseded.end(), [&](const Run& r) { return r.offer > run.offer; });
    node.superseded.insert(later, std::move(run));
    return;
  }
  if (node.run && (node.run->end_ms == 0 || node.run->silent)) node.superseded.push_back(std::move(*node.run));
  node.run = std::move(run);
}

namespace {
Run* run_of(Node& node, const std::string& run_id) {
  if (node.run && node.run->id == run_id) return &*node.run;
  for (auto& run : node.superseded)
    if (run.id == run_id) return &run;
  return nullptr;
}
}  // namespace

void reopen_run(State& state, Node& node, const std::string& run_id, std::int64_t at_ms) {
  Run* const found = run_of(node, run_id);
  if (found == nullptr) return;
  Run& run = *found;
  run.outcome = OutcomeKind::none;
  run.reason = Reason::none;
  run.evidence = {};
  run.silent = false;
  run.end_ms = 0;
  run.status_details.clear();
  set_status(run.status, node.offer == run.offer ? words_of(node.status) : status_of(OutcomeKind::none), at_ms);
  state.touched.runs[run.id] = run;
}

void close_run(State& state, Node& node, const RunClosed& closed, std::int64_t at_ms) {
  Run* const run = run_of(node, closed.run_id);
  if (run == nullptr) return;
  run->outcome = closed.outcome;
  run->reason = closed.reason;
  run->silent = closed.silent;
  if (run->evidence.detail.empty()) run->evidence.detail = closed.detail;
  run->end_ms = at_ms;
  set_status(run->status, status_of(closed.outcome), at_ms);
  run->status_details = status_details(*run, node.identity.profile_name);
  state.touched.runs[run->id] = *run;
  if (!run->silent) std::erase_if(node.superseded, [&](const Run& one) { return one.id == closed.run_id; });
}

void refresh_os(State& state, Node& node) {
  const auto& running = node.identity;
  const auto known = state.os_by_image.find({running.profile_name, running.os_image_id});
  std::string id = known == state.os_by_image.end() ? std::string() : known->second;
  std::string available;
  if (const auto* newest = newest_of(state, running.profile_name, running.architecture)) {
    const auto order = compare_versions(newest->image_id, running.os_image_id);
    if (order && *order > 0) available = newest->name;
  }
  if (id == node.os_resource_id && available == node.os_update_available) return;
  indexes::remove(state, node);
  node.os_resource_id = std::move(id);
  node.os_update_available = std::move(available);
  indexes::add(state, node);
  state.touched.nodes.insert(node.id);
}

void refresh_link_fault(State& state, Node& node, std::int64_t at_ms) {
  std::string fault = resolution_of(state, node).fault;
  if (fault == node.link_fault) return;
  node.link_fault = std::move(fault);
  // Once nothing is wrong with the policy any more, what came long before is no news.
  const bool over = node.link_fault.empty() && node.outcome.kind == OutcomeKind::succeeded;
  if (node.phase == Phase::idle && node.status.text != text_nothing_heard)
    set_status(node.status, status_now(node, over ? Outcome{} : node.outcome), at_ms);
  state.touched.nodes.insert(node.id);
}

}  // namespace abide::fleet::picture
