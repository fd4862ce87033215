#pragma once
// Runs the fleet's `decide` over what an orchestrator has recorded. The journal holds what decide made, not what it was
// given; this puts the inputs together again: an operator's request from the event that it made first, a node's event from
// NodeEventStored, a hello from what it changed, a start from its epoch, the calendar from the time of an opening. Ids that
// were drawn at random are drawn again as they were: the generator is set so that it gives them.
//
// Not recorded, and so left out: inputs that changed nothing, and everything that was only said. Pure, one thread.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/core/machine.hpp"
#include "common/events/orchestrator_events.hpp"
#include "orchestrator/fleet/machine.hpp"

namespace abide::replay {

using Recording = std::vector<Recorded<OrchestratorEvent>>;

// An input as it must have been, with what decide took from outside besides.
struct Rebuilt {
  fleet::Input input;
  std::vector<std::string> drawn;            // resource ids, in the order of their draws
  std::optional<NodeRegistered> registered;  // host and instance id come from two draws in a row
  bool restart = false;                      // of the process: nothing of the link before it counts
  bool auto_register = true;
  bool maintenance_updates = false;  // a window of a MAINTENANCE schedule was seen to open: it is a setting
  std::optional<NodeId> hello_of;    // a hello, and its node
  std::optional<Hello> told;         // the hello before, whose `last` is this event
  bool shows_unknown = false;        // the hello shows a document that nobody here has issued
  JournalId pending;                 // a journal that was asked before and answers now
};

// The input whose first event is recording[at], for a fleet in this state. Numbers of documents in it are the record's.
// Nothing: this event is never the first one of an input.
std::optional<Rebuilt> rebuild(const Recording& recording, std::size_t at, const fleet::State& state);

// SplitMix64 backwards: a state from which the next draw gives `wanted`.
[[nodiscard]] std::uint64_t state_that_draws(std::uint64_t wanted);

// One fleet that is fed. Every event that decide makes goes through `Meet`: what it answers is applied.
class Rerun final : private Out<OrchestratorEvent, fleet::Message> {
 public:
  explicit Rerun(fleet::State state);

  // Gets each event as decide made it, and says which one the state takes; nothing: none, and none that follow either.
  using Meet = std::function<std::optional<OrchestratorEvent>(OrchestratorEvent made)>;
  // Gives the answer to a request, if it was one.
  std::optional<Result<fleet::Answer>> take(const Rebuilt& rebuilt, std::int64_t at_ms, bool clock_trusted, const Meet& meet);
  // Takes an event as recorded, whatever decide would have made.
  void adopt(const Recorded<OrchestratorEvent>& recorded);

  [[nodiscard]] const fleet::State& state() const { return state_; }
  [[nodiscard]] const fleet::Link& link() const { return link_; }
  [[nodiscard]] Now now_at(std::int64_t at_ms, bool clock_trusted);
  // The next moment by wall clock at which the calendar changes something.
  [[nodiscard]] std::optional<std::int64_t> next_window_ms() const;

 private:
  void event(OrchestratorEvent event) override;
  void message(fleet::Message message) override;
  void new_journal(JournalId journal) override;
  void acknowledged(std::uint64_t upto) override;
  void blob(std::string_view name, std::string bytes) override;

  void prepare_link(const Rebuilt& rebuilt);
  void feed(const fleet::Input& input, const Now& now);
  void draw_next();
  void look_at_windows_of(const NodeId& node, std::int64_t now_ms);

  fleet::FleetMachine machine_;
  fleet::State state_;
  fleet::Link link_;
  JournalId journal_;
  std::int64_t begin_ms_ = 0;
  std::int64_t mono_ms_ = 0;

  // of the input that is being taken
  const Meet* meet_ = nullptr;
  const Rebuilt* rebuilt_ = nullptr;
  std::size_t drawn_ = 0;
  bool refused_ = false;
  std::int64_t at_ms_ = 0;
  std::optional<Result<fleet::Answer>> answer_;
};

// ---- the check ---------------------------------------------------------------------------------------------------------

// Events [first, end) of the recording and whether decide makes exactly them of the input that was put together.
struct Turn {
  std::size_t first = 0;
  std::size_t end = 0;
  bool reproduced = false;
};
struct Difference {
  std::uint64_t sequence = 0;
  std::string recorded;  // as printed
  std::string made;      // as printed; empty: nothing
};
inline constexpr std::size_t differences_max = 8;  // that are told

struct Check {
  std::vector<Turn> turns;
  std::size_t events = 0;
  std::size_t reproduced = 0;
  std::vector<Difference> differences;  // the first ones
};

// Does decide make the recorded events again? `before` is the state in front of the first event. Where it does not, the
// recorded event counts, and it goes on from there.
[[nodiscard]] Check check(const Recording& recording, fleet::State before);

}  // namespace abide::replay
