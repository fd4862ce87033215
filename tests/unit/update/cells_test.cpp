// The page's words for what a node is in: each of the states that the page is made from is found in its own cell again.
#include "simulators/situations/page/cells.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

#include "common/events/node_events.hpp"
#include "edge-agent/update/machine.hpp"
#include "tests/unit/update/synthetic.hpp"

namespace abide::test {
namespace {

using sim::Cell;
using sim::Place;

class Collect final : public Out<NodeEvent, node::Message> {
 public:
  explicit Collect(node::State& state) : state_(state) {}
  void event(NodeEvent event) override {
    events.push_back(event);
    Recorded<NodeEvent> recorded;
    recorded.journal = journal_;
    recorded.sequence = state_.last + 1;
    recorded.event = std::move(event);
    node::UpdateMachine::apply(state_, recorded);
  }
  void message(node::Message message) override { messages.push_back(message); }
  void new_journal(JournalId) override { state_.last = 0; }
  void acknowledged(std::uint64_t) override {}
  void blob(std::string_view, std::string) override {}

  std::vector<NodeEvent> events;
  std::vector<node::Message> messages;

 private:
  node::State& state_;
  JournalId journal_{7};
};

std::string text_of(const Place& place) {
  std::ostringstream out;
  out << place.state << " | " << place.input << " | " << place.wish << " | " << place.window << " | " << place.link;
  return out.str();
}

template <class Check>
void for_each_made_up_state(const Check& check) {
  const node::UpdateMachine machine;
  for (const auto& start : starts())
    for (const auto& input : inputs())
      for (std::size_t wish = 0; wish < sim::wishes.size(); ++wish)
        for (std::size_t window = 0; window < sim::windows.size(); ++window)
          for (std::size_t link = 0; link < sim::links.size(); ++link) {
            auto made = situation_of(machine, start, input, {wish, window, link});
            const node::State before = made.state;
            const node::Link link_before = made.link;
            Collect out(made.state);
            machine.decide(made.state, made.link, made.input, made.now, out);
            const Place own{start.name, input.name, sim::wishes[wish], sim::windows[window], sim::links[link]};
            const auto found = sim::place_of(machine.settings, before, link_before, made.input, made.now, made.link);
            check(own, found, out, made, machine);
          }
}

TEST(Cells, MadeUpStatesAreFoundInTheirOwnCell) {
  const auto& page = sim::cells();
  std::size_t own_cells = 0, argued_away = 0;
  std::set<std::string> wrong;
  for_each_made_up_state([&](const Place& own, const std::optional<Place>& found, const Collect&, const auto&, const auto&) {
    const auto expected = sim::find_cell(page, own);
    ASSERT_TRUE(expected) << text_of(own);
    if (found && sim::find_cell(page, *found) == expected) {
      ++own_cells;
    } else if (page[*expected].empty() || sim::argued(sim::arguments(), own) != nullptr) {
      ++argued_away;  // a made-up state that none in any world looks like
    } else {
      wrong.insert(text_of(own) + "  ->  " + (found ? text_of(*found) : "none"));
    }
  });
  for (const auto& one : wrong) ADD_FAILURE() << one;
  EXPECT_GT(own_cells, 5'000U);
  RecordProperty("own_cells", static_cast<int>(own_cells));
  RecordProperty("argued_away", static_cast<int>(argued_away));
}

TEST(Cells, WhatHappensIsWrittenAsThePageWritesIt) {
  const auto& page = sim::cells();
  for_each_made_up_state([&](const Place& own, const std::optional<Place>&, const Collect& out, const auto& made, const auto& machine) {
    const Cell& cell = page[*sim::find_cell(page, own)];
    EXPECT_EQ(sim::happened(out.events, out.messages), cell.events) << text_of(own);
    EXPECT_EQ(sim::next_state(made.state), cell.next) << text_of(own);
    EXPECT_EQ(sim::asked_for(machine.todo(made.state, made.link, made.now)), cell.effects) << text_of(own);
  });
}

TEST(Cells, ACellIsARowForOneOfItsInputs) {
  const auto page = sim::parse_cells(
      "Words.\n\n== Staged\n\n  Tick; Booted, same boot;\n  Connected\n"
      "    asked, paused                   any     synced, cut off  -                 Staged       -                window\n"
      "    not asked                       over    away             Cancelled(aborted)  Idle         Stage            -\n\n3 cells\n");
  ASSERT_EQ(page.size(), 6U);
  EXPECT_EQ(page[1].input, "Booted, same boot");
  EXPECT_EQ(page[1].wish, (std::vector<std::string>{"asked", "paused"}));
  EXPECT_EQ(page[1].window, (std::vector<std::string>{"open", "over"}));
  EXPECT_EQ(page[1].link, (std::vector<std::string>{"synced", "cut off"}));
  EXPECT_TRUE(page[1].empty());
  EXPECT_EQ(page[5].name(), "cell: Staged | Connected | not asked / over / away");
  EXPECT_EQ(page[5].wish, (std::vector<std::string>{"paused", "un-linked", "newer link", "aborted"}));
  EXPECT_EQ(page[5].events, "Cancelled(aborted)");
  EXPECT_EQ(page[5].next, "Idle");
  EXPECT_EQ(page[5].effects, "Stage");
  EXPECT_EQ(page[5].telling.size(), 4U);
}

TEST(Cells, AnArgumentCoversACellOnlyWithAllItsContexts) {
  const auto all = sim::parse_arguments(
      "# not one of them\n\nlevels: settled\nbefore.\n  Staged | not Tick; Connected | asked | * | *\n  fault: clone in *\n\n"
      "time: it passes.\n  Staged | * | paused | * | synced\n");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].reason, "settled before.");
  EXPECT_EQ(all[0].situations, std::vector<std::string>{"fault: clone in *"});
  EXPECT_EQ(sim::argued(all, Place{"Staged", "Disconnected", "asked", "over", "away"}), &all[0]);
  EXPECT_EQ(sim::argued(all, Place{"Staged", "Tick", "asked", "over", "away"}), nullptr);
  Cell cell{"Staged", "Disconnected", {}, {}, {}, "", "", "", "", {{"asked", "open", "synced"}, {"paused", "open", "synced"}}};
  EXPECT_EQ(sim::argued(all, cell), (std::vector<const sim::Argument*>{&all[0], &all[1]}));
  cell.telling.push_back({"paused", "open", "away"});
  EXPECT_TRUE(sim::argued(all, cell).empty()) << "paused and away is argued by none";
}

TEST(Cells, EveryArgumentCoversSomething) {
  for (const auto& argument : sim::arguments()) {
    for (std::size_t i = 0; i < argument.patterns.size(); ++i) {
      const auto& pattern = argument.patterns[i];
      const bool used = std::any_of(sim::cells().begin(), sim::cells().end(), [&](const Cell& cell) {
        for (const auto& [wish, window, link] : cell.telling)
          if (pattern.covers(cell.state, cell.input, wish, window, link)) return true;
        return false;
      });
      EXPECT_TRUE(used) << argument.name << ", pattern " << i + 1;
    }
  }
}

}  // namespace
}  // namespace abide::test
