#include <algorithm>

#include "common/core/rules.hpp"
#include "orchestrator/fleet/lookup.hpp"
#include "orchestrator/fleet/status.hpp"
#include "orchestrator/fleet/turn.hpp"

namespace abide::fleet {
namespace {

// Closed runs live in their rows only, so a draw could not be checked against them. The sequence of the event that opens a
// run is used once; a permutation of the 32-bit numbers makes ids of it that do not look like a count.
std::string run_id(const State& state) {
  auto x = static_cast<std::uint32_t>(state.last + 1) ^ static_cast<std::uint32_t>(state.journal.value);
  x ^= x >> 16U;
  x *= 0x7FEB352DU;
  x ^= x >> 15U;
  x *= 0x846CA68BU;
  x ^= x >> 16U;
  constexpr std::string_view hex = "0123456789abcdef";
  std::string id = "osupdaterun-";
  for (int shift = 28; shift >= 0; shift -= 4) id += hex[x >> static_cast<unsigned>(shift) & 15U];
  return id;
}

std::string run_name(const Node& node, std::int64_t now_ms) {
  const std::string time = to_rfc3339(now_ms);  // 2026-11-24T16:00:00.123Z
  std::string stamp;
  for (const char c : time.substr(0, 19))
    if (c >= '0' && c <= '9') stamp += c;
  stamp.insert(8, "-");
  return std::string(utf8_prefix(node.name, 13)) + " update " + stamp;
}

}  // namespace

void open_run(Turn& turn, const NodeId& id, Number offer, const std::string& policy_id, const std::string& os_resource_id) {
  const Node& node = turn.node(id);
  if (turn.link.connected && !turn.link.lost_look_mono_ms) plan_lost_look(turn);
  turn.event(
      RunOpened{id, run_id(turn.state), run_name(node, turn.now.wall_ms), offer, policy_id, node.identity.os_image_id, os_resource_id});
}

void close_run(Turn& turn, const NodeId& id, const Run& run, OutcomeKind outcome, Reason reason, std::string detail) {
  const RunClosed closed{id, run.id, run.offer, outcome, reason, std::move(detail), false};
  turn.event(closed);
  if (!rule(Rule::run_closed_once)) turn.event(closed);
}

void settle_runs(Turn& turn, const NodeId& id, const DocumentTaken* taken) {
  const Node& node = turn.node(id);
  if (node.offer && open_run_of(node, node.offer) == nullptr) open_run(turn, id, node.offer, node.policy_id, {});

  // What the document that the node holds asks for, where that is known.
  const bool knows_newest = node.newest.document.number && node.taken == node.newest.document.number;
  const bool knows_held = taken != nullptr || knows_newest;
  const LinkedRelease* link = node.newest.link ? &*node.newest.link : nullptr;
  if (taken != nullptr) link = taken->link ? &*taken->link : nullptr;
  const auto withdrawn = [&](const Run& run) {
    return run.start_ms == 0 && knows_held && run.offer <= node.taken && (link == nullptr || link->offer != run.offer || link->aborted);
  };
  for (const auto& run : open_runs(node)) {
    if (node.outcome.kind != OutcomeKind::none && node.outcome.offer == run.offer) {
      close_run(turn, id, run, node.outcome.kind, node.outcome.reason, {});
    } else if (node.offer != run.offer && withdrawn(run)) {
      close_run(turn, id, run, OutcomeKind::cancelled, Reason::never_begun, "withdrawn before the node accepted it");
    }
  }
}

void plan_lost_look(Turn& turn) {
  const std::int64_t after_ms = turn.settings.lost_after_ms;
  if (after_ms > 0) turn.link.lost_look_mono_ms = turn.now.mono_ms + std::clamp(after_ms / 10, lost_look_ms_min, lost_look_ms_max);
}

void look_for_lost_runs(Turn& turn) {
  const std::int64_t after_ms = turn.settings.lost_after_ms;
  auto& link = turn.link;
  if (!link.lost_look_mono_ms || turn.now.mono_ms < *link.lost_look_mono_ms) return;
  const bool any_open =
      std::any_of(turn.state.nodes.begin(), turn.state.nodes.end(), [](const auto& entry) { return count_open_runs(entry.second) != 0; });
  link.lost_look_mono_ms.reset();
  if (!any_open) return;
  plan_lost_look(turn);
  // Who did not speak while nobody could hear is not lost.
  if (!link.up_since_mono_ms || turn.now.mono_ms - *link.up_since_mono_ms < after_ms) return;
  std::vector<std::pair<NodeId, Run>> lost;
  for (const auto& [id, node] : turn.state.nodes) {
    if (count_open_runs(node) == 0) continue;
    const auto live = link.nodes.find(id);
    const bool spoke = live != link.nodes.end() && live->second.heard_mono_ms;
    if (spoke && turn.now.mono_ms - *live->second.heard_mono_ms < after_ms) continue;
    const std::int64_t heard_ms = node.heard_ms.value_or(node.registered_ms);
    for (auto& run : open_runs(node))
      if (turn.now.wall_ms - std::max(heard_ms, run.opened_ms) >= after_ms) lost.emplace_back(id, std::move(run));
  }
  for (const auto& [id, run] : lost) {
    if (turn.full()) break;  // the rest with the next look
    const Node& node = turn.node(id);
    const std::string since = node.heard_ms ? "since " + to_rfc3339(*node.heard_ms) : "ever";
    const std::string why = node.conflict ? "two machines claim to be the node, and neither was listened to " : "nothing was heard of the node ";
    turn.event(RunClosed{id, run.id, run.offer, OutcomeKind::failed, Reason::lost, why + since, true});
  }
}

void reopen_lost_runs(Turn& turn, const NodeId& id) {
  const Node& node = turn.node(id);
  std::vector<std::string> lost;
  const auto look = [&](const Run& run) {
    if (run.end_ms != 0 && run.silent) lost.push_back(run.id);
  };
  for (const auto& run : node.superseded) look(run);
  if (node.run) look(*node.run);
  for (auto& run_id : lost) turn.event(RunReopened{id, std::move(run_id)});
}

}  // namespace abide::fleet
