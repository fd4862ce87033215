#pragma once
// The cells of edge-agent/update/transitions.txt, and which of them an input met: the page's own words for a state, an
// input, a wish, a window, a link. The page is generated from made-up states; here the same words are found for whatever a
// node really is in. Pure.
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge-agent/update/machine.hpp"

namespace abide::sim {

// ---- the page's words --------------------------------------------------------------------------------------------------

inline constexpr std::array<const char*, 5> wishes = {"asked", "paused", "un-linked", "newer link", "aborted"};
inline constexpr std::array<const char*, 2> windows = {"open", "over"};
inline constexpr std::array<const char*, 3> links = {"synced", "away", "cut off"};

// A row of a block for one of the inputs in the block's head; or one context of it, when nothing is joined in it.
struct Cell {
  std::string state, input;
  std::vector<std::string> wish, window, link;  // the contexts: each with each
  std::string context;                          // as the page writes it: "asked, paused / any / synced"
  std::string events, next, effects;            // "-": nothing
  // The contexts (wish, window, link) in which it says something: an event, a message, or other effects than a mere Tick's.
  std::vector<std::array<std::string, 3>> telling;
  [[nodiscard]] bool empty() const { return telling.empty(); }
  [[nodiscard]] std::string name() const { return "cell: " + state + " | " + input + " | " + context; }
};

// In the page's order. Asserts that the page reads as the generator writes it.
std::vector<Cell> parse_cells(std::string_view page);
const std::vector<Cell>& cells();  // of transitions.txt as it was when this was built

// ---- where a node is on the page ---------------------------------------------------------------------------------------

// One context. A word that the page does not have (a clock that is not trusted, a round trip that took too long) is empty:
// it fits only rows that say "any" there.
struct Place {
  std::string_view state, input, wish, window, link;
  friend bool operator==(const Place&, const Place&) = default;
};

// None: the page has no such input (before `Booted`; an acknowledgement that changes nothing; a `received` that is ignored).
std::optional<Place> place_of(const node::Settings& settings, const node::State& before, const node::Link& link_before,
                              const node::Input& input, const Now& now, const node::Link& link_after);

// What happened, as the page writes it: "new journal + JournalForked + hello", "-".
std::string happened(const std::vector<NodeEvent>& events, const std::vector<node::Message>& messages);
std::string asked_for(const std::vector<node::Effect>& effects);  // "Stage", "-"
std::string next_state(const node::State& after);

// The row that a place is in; none: the page has none for it.
std::optional<std::size_t> find_cell(const std::vector<Cell>& page, const Place& place);

// ---- cells that cannot occur -------------------------------------------------------------------------------------------

// A pattern over contexts; empty: any. `inverted_input`: all inputs but these.
struct Pattern {
  std::vector<std::string> state, input, wish, window, link;
  bool inverted_input = false;
  [[nodiscard]] bool covers(std::string_view state_is, std::string_view input_is, std::string_view wish_is, std::string_view window_is,
                            std::string_view link_is) const;
};
struct Argument {  // why what the patterns cover cannot occur in any world
  std::string name, reason;
  std::vector<Pattern> patterns;
  std::vector<std::string> situations;  // names of other situations that it covers; a '*' at the end: all that begin so
};

std::vector<Argument> parse_arguments(std::string_view page);
const std::vector<Argument>& arguments();  // of simulators/situations/unreachable.txt

// The argument for a context; null: none, it must be reached.
const Argument* argued(const std::vector<Argument>& all, const Place& place);
// The arguments that together cover every telling context of a cell; empty: one of them must be reached.
std::vector<const Argument*> argued(const std::vector<Argument>& all, const Cell& cell);

}  // namespace abide::sim
