#pragma once
// Why is this node where it is? The chain of causes as a history has it, oldest first, and one conclusion. Pure: a state,
// the events that led to it, a moment.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/machine.hpp"
#include "common/events/node_events.hpp"
#include "common/events/orchestrator_events.hpp"
#include "common/events/words.hpp"
#include "edge-agent/update/machine.hpp"
#include "orchestrator/fleet/machine.hpp"

namespace abide::replay {

// What it comes to. The first that holds, in this order of precedence where several do.
enum class Verdict {
  conflict,          // two machines answer under its name
  held,              // the orchestrator was restored, or meets a document that it does not know: a person must confirm
  unheard,           // nothing was heard of it yet; of an agent: nothing was asked of it yet
  no_policy,         // nothing is asked of it
  refused,           // the orchestrator does not ask, or the node will not take it: says why
  no_newer_image,    // it runs the newest that its policy knows
  pinned,            // its policy names what it runs, and there is something newer
  up_to_date,        // it runs what is asked
  unhealthy,         // rolled back
  failed,            // before anything was booted
  withdrawn,         // the operator took it back
  away,              // it has not answered for long
  paused,            // by the operator
  no_window,         // nothing is scheduled in which it may switch
  window_too_short,  // none that is long enough
  waiting,           // it goes on by itself: says for what
};
std::string_view to_string(Verdict verdict);  // "no_policy"

struct Told {
  std::uint64_t sequence = 0;  // in the journal that is read
  std::int64_t at_ms = 0;
  std::string event;  // its name
  std::string text;   // in plain words
  Cause cause;
};

struct Explanation {
  std::string node;  // UUID; empty: an agent's history that does not know it
  std::string name;
  std::uint64_t sequence = 0;  // the state after this event
  std::int64_t now_ms = 0;     // looked at
  std::vector<Told> chain;
  std::size_t left_out = 0;  // of the chain, in its middle
  Verdict verdict = Verdict::waiting;
  std::string conclusion;  // one sentence or a few
  Reason reason = Reason::none;
  Evidence evidence;                 // of what failed
  std::vector<Condition> waits_for;  // what the machine itself says
};

inline constexpr std::size_t chain_lines_max = 200;
// A node says hello every 15 minutes, give or take half: who was not heard of for longer than this while it had something to
// say is away.
inline constexpr std::int64_t away_after_ms = 25 * 60'000;
inline constexpr std::int64_t switch_time_default_ms = 120'000;

struct ExplainSettings {
  std::int64_t now_ms = 0;
  std::int64_t switch_time_ms = switch_time_default_ms;  // the node's setting, where no switch of it was measured
};

// `events` lead up to `state`; those about other nodes do no harm. not_found: there is no such node.
Result<Explanation> explain(const std::vector<Recorded<OrchestratorEvent>>& events, const fleet::State& state, const NodeId& node,
                            const ExplainSettings& settings);
// Of an agent's own journal. `acked`: up to there the orchestrator has it.
Explanation explain(const std::vector<Recorded<NodeEvent>>& events, const node::State& state, std::uint64_t acked,
                    const ExplainSettings& settings);

// ---- words ---------------------------------------------------------------------------------------------------------------

// `state` for the names of policies, images and schedules.
std::string in_words(const OrchestratorEvent& event, const fleet::State& state);
using abide::in_words;                                                  // of the rest: common/events/words.hpp
std::string switching_in_words(Phase phase, const std::string& image);  // from Switching to Confirming

// How an ended offer reads: shared by both sides.
struct Ending {
  Verdict verdict = Verdict::waiting;
  std::string text;
};
Ending ending_of(OutcomeKind kind, Reason reason, const Evidence& evidence, const std::string& image, const std::string& runs);
// May a node switch within this window? Text for people; verdict waiting: it may, once it is open.
Ending window_ending(const std::optional<Window>& window, std::int64_t needed_ms, bool measured, std::int64_t now_ms);

}  // namespace abide::replay
