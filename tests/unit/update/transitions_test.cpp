// The golden matrix: what the machine does in every state, on every kind of input, synced or not, in its window or not,
// asked for or withdrawn. It is generated from the machine and compared with edge-agent/update/transitions.txt, so that a
// change of behaviour is seen as a change of that page. ABIDE_REWRITE=1 writes it anew.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "common/events/print.hpp"
#include "edge-agent/update/machine.hpp"
#include "simulators/situations/page/cells.hpp"
#include "tests/unit/update/synthetic.hpp"

namespace abide::test {
namespace {

using namespace node;  // NOLINT(google-build-using-namespace)
using sim::links;
using sim::windows;
using sim::wishes;

// ---- one cell ----------------------------------------------------------------------------------------------------------

struct Cell {
  std::string events, next, effects, waits;
  friend bool operator==(const Cell&, const Cell&) = default;
};

class Collect final : public Out<NodeEvent, Message> {
 public:
  explicit Collect(State& state) : state_(state) {}
  void event(NodeEvent event) override {
    add(std::string(name_of(event)));
    if (const auto outcome = outcome_of(event); outcome.reason != Reason::none) text += "(" + std::string(to_string(outcome.reason)) + ")";
    if (const auto* began = std::get_if<RollbackBegan>(&event)) text += "(" + std::string(to_string(began->reason)) + ")";
    Recorded<NodeEvent> recorded;
    recorded.journal = journal_;
    recorded.sequence = state_.last + 1;
    recorded.event = std::move(event);
    UpdateMachine::apply(state_, recorded);
  }
  void message(Message message) override { add(std::holds_alternative<SayHello>(message) ? "hello" : "omitted"); }
  void new_journal(JournalId) override {
    add("new journal");
    state_.last = 0;
  }
  void acknowledged(std::uint64_t) override {}
  void blob(std::string_view, std::string) override {}
  std::string text;

 private:
  void add(const std::string& what) { text += (text.empty() ? "" : " + ") + what; }
  State& state_;
  JournalId journal_{7};
};

Cell cell_of(const Start& start, const InputClass& input, const Context& context) {
  const UpdateMachine machine;
  auto [state, link, made, now] = situation_of(machine, start, input, context);

  Collect out(state);
  machine.decide(state, link, made, now, out);

  Cell cell;
  cell.events = out.text.empty() ? "-" : out.text;
  cell.next = sim::next_state(state);
  cell.effects = sim::asked_for(machine.todo(state, link, now));
  const auto waits = machine.waits_for(state, link, now);
  EXPECT_FALSE(waits.empty()) << start.name << ", " << input.name;
  cell.waits = cell.effects == "-" && !waits.empty() ? waits.front().what : "-";
  return cell;
}

// ---- the page ----------------------------------------------------------------------------------------------------------

struct Line {
  std::string wish, window, link;
  Cell cell;
  friend bool operator==(const Line&, const Line&) = default;
};

// "any", "not aborted" where all but one do the same, else the names.
template <class Names>
std::string joined(const std::vector<std::string>& some, const Names& all) {
  if (some.size() == all.size()) return "any";
  if (all.size() > 3 && some.size() + 1 == all.size()) {
    for (const char* name : all)
      if (std::find(some.begin(), some.end(), name) == some.end()) return std::string("not ") + name;
  }
  std::string text;
  for (const auto& name : some) text += (text.empty() ? "" : ", ") + name;
  return text;
}

using Grid = std::array<std::array<std::array<Cell, 3>, 2>, 5>;

// Contexts with the same cell in one line: links first, then windows, then wishes.
std::vector<Line> lines_of(const Grid& grid) {
  using Block = std::vector<Line>;
  auto merge = [](const std::vector<Block>& blocks, const auto& names, auto member) {
    std::vector<std::pair<Block, std::vector<std::string>>> groups;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      auto same = std::find_if(groups.begin(), groups.end(), [&](const auto& group) { return group.first == blocks[i]; });
      if (same == groups.end()) same = groups.insert(groups.end(), {blocks[i], {}});
      same->second.emplace_back(names[i]);
    }
    Block merged;
    for (auto& [block, group_names] : groups)
      for (auto line : block) {
        line.*member = joined(group_names, names);
        merged.push_back(line);
      }
    return merged;
  };
  std::vector<Block> by_wish;
  for (const auto& of_wish : grid) {
    std::vector<Block> by_window;
    for (const auto& of_window : of_wish) {
      std::vector<Block> by_link;
      for (const auto& cell : of_window) by_link.push_back({Line{"", "", "", cell}});
      by_window.push_back(merge(by_link, links, &Line::link));
    }
    by_wish.push_back(merge(by_window, windows, &Line::window));
  }
  return merge(by_wish, wishes, &Line::wish);
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

std::string wrapped(const std::vector<std::string>& names) {
  std::string text = " ";
  std::size_t column = 1;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string name = " " + names[i] + (i + 1 < names.size() ? ";" : "");
    if (column + name.size() > 120) {
      text += "\n ";
      column = 1;
    }
    text += name;
    column += name.size();
  }
  return text + "\n";
}

std::string page() {
  std::ostringstream out;
  out << "The node's update machine: every state, every kind of input, in every context. Generated from the machine by\n"
         "tests/unit/update/transitions_test.cpp, which compares this page with it; ABIDE_REWRITE=1 writes it anew.\n"
         "\n"
         "  wish    what the document asks of the open offer (in Idle: of the one to be accepted); newer link: of another\n"
         "  window  the maintenance window of the document held\n"
         "  link    synced; away: no connection for a second; cut off: for ten minutes, with a clock that the kernel vouches for\n"
         "\n"
         "Then what is journaled and said (-: nothing changes), the state after it, what the world should be doing in that state\n"
         "(-: nothing), and where there is nothing to do, what is waited for. Withdrawals are levels: a state that an input finds in a "
         "context that was\n"
         "not so before does what the context asks for, whatever the input is. Inputs that do the same in a state are listed\n"
         "together; the last block of each state is Tick, with all inputs that mean no more than that there.\n";
  std::size_t cells = 0;
  const auto all_inputs = inputs();
  for (const auto& start : starts()) {
    out << "\n== " << start.name << "\n";
    // Inputs that do the same in this state, whatever the context, are told together; those that do as Tick does, last.
    std::vector<std::pair<std::vector<Line>, std::vector<std::string>>> groups;
    for (const auto& input : all_inputs) {
      Grid grid;
      for (std::size_t wish = 0; wish < wishes.size(); ++wish)
        for (std::size_t window = 0; window < windows.size(); ++window)
          for (std::size_t link = 0; link < links.size(); ++link) {
            grid[wish][window][link] = cell_of(start, input, {wish, window, link});
            ++cells;
          }
      const auto lines = lines_of(grid);
      auto same = std::find_if(groups.begin(), groups.end(), [&](const auto& group) { return group.first == lines; });
      if (same == groups.end()) same = groups.insert(groups.end(), {lines, {}});
      same->second.emplace_back(input.name);
    }
    for (std::size_t i = 1; i <= groups.size(); ++i) {
      const auto& [lines, names] = groups[i % groups.size()];
      out << "\n" << wrapped(names);
      for (const auto& line : lines) {
        out << "    " << padded(line.wish, 30) << "  " << padded(line.window, 6) << "  " << padded(line.link, 15) << "  "
            << padded(line.cell.events, 58) << "  " << padded(line.cell.next, 11) << "  " << padded(line.cell.effects, 15) << "  "
            << line.cell.waits << "\n";
      }
    }
  }
  out << "\n" << cells << " cells\n";
  return out.str();
}

TEST(Transitions, AreTheOnesOfTheGoldenMatrix) {
  const std::string path = std::string(ABIDE_SOURCE_DIR) + "/edge-agent/update/transitions.txt";
  const std::string made = page();
  if (const char* rewrite = std::getenv("ABIDE_REWRITE"); rewrite != nullptr && *rewrite != '\0') {
    std::ofstream(path) << made;
    return;
  }
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  std::stringstream golden;
  golden << file.rdbuf();
  std::istringstream is(made), should(golden.str());
  std::string is_line, should_line, section, input;
  for (int number = 1;; ++number) {
    const bool more = static_cast<bool>(std::getline(is, is_line));
    const bool more_golden = static_cast<bool>(std::getline(should, should_line));
    ASSERT_EQ(more, more_golden) << "transitions.txt has another length than the machine's page";
    if (!more) return;
    if (is_line.rfind("== ", 0) == 0) section = is_line;
    if (is_line.rfind("    ", 0) != 0 && is_line.rfind("  ", 0) == 0) input = is_line;
    ASSERT_EQ(is_line, should_line) << "transitions.txt:" << number << ", " << section << "," << input;
  }
}

}  // namespace
}  // namespace abide::test
