#pragma once
// What would another policy, or another window, have done? The fleet's `decide` runs over the inputs of a record, once as
// they were and once with the alternative in their place; told is where, for each node, the two part.
//
// Nodes are not simulated. A node's recorded events are its answers to what it was asked; they are given to the other future
// as long as they answer what is asked there, too. At the first that does not (it accepts what is not asked, switches where
// no window is open, or does not switch where it now could) its line ends: from there on it says nothing, and only what the
// orchestrator would have told it is shown. Pure.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/replay/explain.hpp"
#include "tools/replay/rerun.hpp"

namespace abide::replay {

// What is put into the record. One of policy and schedule is set.
struct Alternative {
  std::optional<Policy> policy;      // target_os_id: a resource's id or name
  std::optional<Schedule> schedule;  // host_id empty: as recorded, or each of `nodes`
  // Nothing: in place of the recorded one of that name, where it was created. Else in front of this event.
  std::optional<std::uint64_t> from;
  std::vector<NodeId> nodes;  // with `from`: whom it is for
  std::int64_t switch_time_ms = switch_time_default_ms;
};

// YAML or JSON, the members of the REST API, alone or below `spec`. invalid_input names the member.
//   policy    name, updatePolicy (UPDATE_POLICY_LATEST, UPDATE_POLICY_TARGET), targetOsId or targetOs, allowDowngrade, description
//   schedule  name, startSeconds or start (RFC 3339), endSeconds or end, scheduleStatus, targetHostId
Result<Policy> read_policy(const std::string& text);
Result<Schedule> read_schedule(const std::string& text);

struct Decision {
  std::uint64_t sequence = 0;  // of the record; 0: made in the other future
  std::int64_t at_ms = 0;
  std::string text;
};

struct NodeFuture {
  NodeId node;
  std::string name;
  std::optional<Decision> recorded;  // the first decision that differs, as it was; nothing: none was made
  std::optional<Decision> instead;   // and as it would have been
  std::optional<Decision> left;      // from here on the node's record is no answer any more: why
  std::vector<Decision> then;        // what is decided for it after the difference
  std::size_t more = 0;              // beyond decisions_told_max
  std::string asked;                 // image that is asked of it in the end; empty: none
  Phase phase = Phase::idle;
  std::vector<Condition> waits_for;  // in the end
};
inline constexpr std::size_t decisions_told_max = 20;

struct WhatIf {
  std::string put_in;             // what, and where
  std::vector<NodeFuture> nodes;  // that differ
  std::size_t same = 0;
  std::vector<std::string> notes;
};

// `checked` is the check of the same recording, `before` the state in front of it. not_found: nothing of that name is
// recorded; else what decide answers to the alternative itself.
Result<WhatIf> what_if(const Recording& recording, const Check& checked, fleet::State before, const Alternative& alternative);

}  // namespace abide::replay
