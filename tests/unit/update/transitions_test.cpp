// The golden matrix: what the machine does in every state, on every kind of input, synced or not, in its window or not,
// asked for or withdrawn. It is generated from the machine and compared with edge-agent/update/transitions.txt, so that a
// change of behaviour is seen as a change of that page. ABIDE_REWRITE=1 writes it anew.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <sstream>

#include "common/events/print.hpp"
#include "edge-agent/update/machine.hpp"
#include "tests/support/node_world.hpp"

namespace abide::test {
namespace {

using namespace node;  // NOLINT(google-build-using-namespace)

constexpr std::int64_t now_ms = 1'800'000'000'000;
constexpr std::int64_t mono_ms = 1'000'000;
constexpr std::int64_t minute_ms = 60'000;
const BootId this_boot{"boot-2"};
const BootId earlier_boot{"boot-1"};
const Number offer{1'000, 5};
const Number newer_offer{1'000, 6};

// ---- the dimensions ----------------------------------------------------------------------------------------------------

const std::array<const char*, 5> wishes = {"asked", "paused", "un-linked", "newer link", "aborted"};
const std::array<const char*, 2> windows = {"open", "over"};
const std::array<const char*, 3> links = {"synced", "away", "cut off"};

struct Context {
  std::size_t wish = 0, window = 0, link = 0;
};

struct Start {
  const char* name;
  std::function<void(State&)> make;
};

struct InputClass {
  const char* name;
  std::function<Input(const State&, const Link&)> make;
  std::function<void(Link&)> before = {};  // what the link has been through
  bool starts_process = false;             // then the link is a new one, whatever the context says
  std::int64_t later_ms = 0;
};

void set_phase(State& state, Phase phase) {
  state.phase = phase;
  state.offer = offer;
  state.release = good_image.release();
  state.from = "1.0";
  state.accepted_sequence = 10;
  state.target = Slot::b;
  if (phase >= Phase::staged) state.staged = digest_of(good_image.id);
  if (phase == Phase::rebooting) state.reboot_boot = this_boot;
  if (phase < Phase::on_trial) return;
  state.running = Slot::b;
  state.identity.os_image_id = good_image.version;
  state.identity.digest = digest_of(good_image.id);
  state.attempt = 1;
  state.trial_boot = this_boot;
  state.trial_mono_ms = mono_ms - minute_ms;
  if (phase == Phase::rolling_back) state.undo = Reason::unhealthy;
}

std::vector<Start> starts() {
  return {
      {"New journal", [](State& s) { s.fresh = true; }},
      {"Idle, returning to the default slot",
       [](State& s) {
         s.running = Slot::b;
         s.returning = this_boot;
       }},
      {"Idle", [](State&) {}},
      {"Idle, the offer has its outcome",
       [](State& s) {
         s.outcome = {offer, OutcomeKind::failed, Reason::download};
       }},
      {"Idle, the running slot is not the default", [](State& s) { s.running = Slot::b; }},
      {"Staging", [](State& s) { set_phase(s, Phase::staging); }},
      {"Staged", [](State& s) { set_phase(s, Phase::staged); }},
      {"Switching", [](State& s) { set_phase(s, Phase::switching); }},
      {"Rebooting", [](State& s) { set_phase(s, Phase::rebooting); }},
      {"OnTrial", [](State& s) { set_phase(s, Phase::on_trial); }},
      {"OnTrial, third attempt",
       [](State& s) {
         set_phase(s, Phase::on_trial);
         s.attempt = 3;
         s.interruptions = 2;
       }},
      {"Confirming", [](State& s) { set_phase(s, Phase::confirming); }},
      {"RollingBack", [](State& s) { set_phase(s, Phase::rolling_back); }},
      {"RollingBack, aborted",
       [](State& s) {
         set_phase(s, Phase::rolling_back);
         s.undo = Reason::aborted;
       }},
  };
}

Booted booted(const State& state, bool new_boot, Slot runs, bool came_up = false, BootCause cause = BootCause::other) {
  Booted input;
  input.boot = new_boot ? BootId{"boot-3"} : this_boot;
  input.running = runs;
  input.default_slot = Slot::a;
  input.came_up = came_up;
  input.cause = cause;
  const Image& image = runs == Slot::a ? base_image : good_image;
  input.identity = state.identity;
  input.identity.os_image_id = image.version;
  input.identity.digest = digest_of(image.id);
  return input;
}

DocumentHeard document(const State& state, bool newer) {
  DocumentHeard heard;
  heard.number = {1'000, newer ? 9U : 7U};
  heard.link = state.link;
  heard.window = state.window;
  return heard;
}

ReceivedHeard received(const State& state, const Link& link, std::uint64_t upto, bool other_history, bool welcome) {
  ReceivedHeard heard;
  heard.received.life = link.life;
  heard.received.ask = link.ask;
  heard.received.journal = state.journal;
  heard.received.upto = upto;
  heard.received.chain = Chain{other_history ? 2U : 1U};
  heard.own_chain = Chain{1};
  if (welcome) heard.received.welcome = Welcome{link.nonce, state.held.number, now_ms};
  return heard;
}

std::vector<InputClass> inputs() {
  const auto clearing = [](Link& link) { link.loader_order = LoaderOrder::clear; };
  const auto arming = [](Link& link) { link.loader_order = LoaderOrder::arm; };
  const auto refused_often = [](Link& link) { link.arm_failures = link.confirm_failures = 4; };
  const auto staged = [](Reason failure, Number of, std::uint8_t holds) {
    return [=](const State&, const Link& link) -> Input {
      return StagingEnded{of, link.boot, failure, {}, Slot::b, digest_of(holds), 1'000, 10, false};
    };
  };
  const auto armed = [](std::string error, std::uint64_t order) {
    return [=](const State& s, const Link& link) -> Input { return OneShotArmed{s.offer, link.boot, error, order}; };
  };
  const auto cleared = [](std::string error, std::uint64_t order) {
    return [=](const State& s, const Link& link) -> Input { return OneShotCleared{s.offer, link.boot, error, order}; };
  };
  const auto judged = [](bool healthy, bool this_one) {
    return [=](const State& s, const Link& link) -> Input {
      return HealthJudged{s.offer, this_one ? link.boot : earlier_boot, healthy, healthy ? Reason::none : Reason::unhealthy, {}, {}};
    };
  };
  const auto confirmed = [](std::string error, Slot default_slot, std::uint8_t holds) {
    return [=](const State& s, const Link& link) -> Input {
      return BootConfirmed{s.offer, link.boot, Slot::b, default_slot, digest_of(holds), error};
    };
  };
  const auto boot = [](bool new_boot, Slot runs, bool came_up = false, BootCause cause = BootCause::other) {
    return [=](const State& s, const Link&) -> Input { return booted(s, new_boot, runs, came_up, cause); };
  };
  std::vector<InputClass> all;
  all.push_back({"Tick", [](const State&, const Link&) -> Input { return Tick{}; }});
  all.push_back({"Tick, trial's deadline over", [](const State&, const Link&) -> Input { return Tick{}; }, {}, false, 10 * minute_ms});
  all.push_back({"Booted, same boot",
                 [](const State& s, const Link&) -> Input {
                   auto input = booted(s, false, s.running);
                   input.default_slot = s.default_slot;
                   return input;
                 },
                 {},
                 true});
  all.push_back({"Booted, old slot", boot(true, Slot::a), {}, true});
  all.push_back({"Booted, old slot, new one had come up", boot(true, Slot::a, true), {}, true});
  all.push_back({"Booted, old slot, by the watchdog", boot(true, Slot::a, true, BootCause::watchdog), {}, true});
  all.push_back({"Booted, new slot", boot(true, Slot::b, true), {}, true});
  all.push_back({"Booted, new slot, other digest",
                 [](const State& s, const Link&) -> Input {
                   auto input = booted(s, true, Slot::b, true);
                   input.identity.digest = digest_of(99);
                   return input;
                 },
                 {},
                 true});
  all.push_back({"Booted, new slot, default is bad",
                 [](const State& s, const Link&) -> Input {
                   auto input = booted(s, true, Slot::b, true);
                   input.default_is_bad = true;
                   return input;
                 },
                 {},
                 true});
  all.push_back({"Booted, new slot is the default",
                 [](const State& s, const Link&) -> Input {
                   auto input = booted(s, true, Slot::b, true);
                   input.default_slot = Slot::b;
                   return input;
                 },
                 {},
                 true});
  all.push_back({"Connected", [](const State&, const Link&) -> Input { return Connected{}; }});
  all.push_back({"Disconnected", [](const State&, const Link&) -> Input { return Disconnected{}; }});
  all.push_back({"RollCallHeard, new life", [](const State&, const Link&) -> Input { return RollCallHeard{{LifeId{99}, 0, 1}}; }});
  all.push_back({"ReceivedHeard, welcome", [](const State& s, const Link& l) -> Input { return received(s, l, 20, false, true); },
                 [](Link& link) {
                   link.welcomed = link.hello_answered = false;
                   link.hello_said_mono_ms = mono_ms - 10;
                 }});
  all.push_back({"ReceivedHeard, acknowledges Accepted",
                 [](const State& s, const Link& l) -> Input { return received(s, l, 20, false, false); },
                 [](Link& link) { link.acked = 9; }});
  all.push_back({"ReceivedHeard, acknowledges less", [](const State& s, const Link& l) -> Input { return received(s, l, 5, false, false); },
                 [](Link& link) { link.acked = 4; }});
  all.push_back({"ReceivedHeard, larger ask", [](const State& s, const Link& l) -> Input {
                   auto heard = received(s, l, 20, false, false);
                   ++heard.received.ask;
                   return heard;
                 }});
  all.push_back({"ReceivedHeard, other history", [](const State& s, const Link& l) -> Input { return received(s, l, 20, true, false); }});
  all.push_back({"DocumentHeard, newer", [](const State& s, const Link&) -> Input { return document(s, true); }});
  all.push_back({"DocumentHeard, older", [](const State& s, const Link&) -> Input { return document(s, false); }});
  all.push_back({"StagingEnded, staged", staged(Reason::none, offer, good_image.id)});
  all.push_back({"StagingEnded, other digest", staged(Reason::none, offer, 99)});
  all.push_back({"StagingEnded, gave up", staged(Reason::download, offer, 0)});
  all.push_back({"StagingEnded, of another offer", staged(Reason::none, Number{1'000, 4}, good_image.id)});
  all.push_back({"OneShotArmed", armed("", 1), arming});
  all.push_back({"OneShotArmed, refused", armed("busy", 1), arming});
  all.push_back({"OneShotArmed, refused again and again", armed("busy", 1), [](Link& link) {
                   link.loader_order = LoaderOrder::arm;
                   link.arm_failures = 4;
                 }});
  all.push_back({"OneShotArmed, overtaken", armed("", 0)});
  all.push_back({"OneShotCleared", cleared("", 1), clearing});
  all.push_back({"OneShotCleared, after arming was refused again and again", cleared("", 1), [](Link& link) {
                   link.loader_order = LoaderOrder::clear;
                   link.arm_failures = 5;
                 }});
  all.push_back({"OneShotCleared, refused", cleared("busy", 1), clearing});
  all.push_back({"OneShotCleared, overtaken", cleared("", 0)});
  all.push_back({"HealthJudged, healthy", judged(true, true)});
  all.push_back({"HealthJudged, unhealthy", judged(false, true)});
  all.push_back({"HealthJudged, unhealthy, default is bad", judged(false, true), [](Link& link) { link.default_is_bad = true; }});
  all.push_back({"HealthJudged, of another boot", judged(true, false)});
  all.push_back({"BootConfirmed", confirmed("", Slot::b, good_image.id)});
  all.push_back({"BootConfirmed, refused", confirmed("busy", Slot::a, good_image.id)});
  all.push_back({"BootConfirmed, refused again and again", confirmed("busy", Slot::a, good_image.id), refused_often});
  all.push_back({"BootConfirmed, again and again not read back", confirmed("", Slot::b, 99), refused_often});
  all.push_back({"BootStateCleared", [](const State&, const Link& link) -> Input { return BootStateCleared{link.boot, ""}; }});
  all.push_back({"BootStateCleared, refused", [](const State&, const Link& link) -> Input { return BootStateCleared{link.boot, "busy"}; }});
  all.push_back({"RebootRefused", [](const State&, const Link& link) -> Input { return RebootRefused{link.boot, "busy"}; }});
  all.push_back({"RebootRefused, again and again",
                 [](const State&, const Link& link) -> Input {
                   return RebootRefused{link.boot, "busy"};
                 },
                 refused_often});
  return all;
}

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

std::string name_of_effect(const Effect& effect) {
  static const std::array<const char*, std::variant_size_v<Effect>> names = {
      "ClearBootState", "ReturnToDefault", "Stage", "ArmOnce", "ClearOneShot", "Reboot", "CheckHealth", "ConfirmBoot", "GoBack"};
  return names[effect.index()];
}

State state_of(const Start& start, const Context& context) {
  State state;
  state.journal = JournalId{7};
  state.last = 20;
  state.held.number = {1'000, 8};
  state.fresh = false;
  state.boot = this_boot;
  state.identity = {"microvisor", "1.0", "x86_64", digest_of(base_image.id), "1"};
  start.make(state);
  const LinkedRelease asked{context.wish == 3 ? newer_offer : offer, context.wish == 3 ? newer_image.release() : good_image.release(),
                            false, context.wish == 1, context.wish == 4};
  if (context.wish != 2) state.link = asked;
  state.window = Window{"night", now_ms - 60 * minute_ms, context.window == 0 ? now_ms + 60 * minute_ms : now_ms - minute_ms};
  return state;
}

Link link_of(const UpdateMachine& machine, const State& state, const Context& context, const Now& now) {
  Link link;
  link.random = Random{1};
  link.acked = 20;
  link.booted = true;
  link.boot = this_boot;
  if (context.link == 0) {
    link.connected = link.welcomed = true;
    link.life = LifeId{3};
    link.ask = 1;
    link.nonce = Nonce{4};
    link.hello_said_mono_ms = link.welcome_mono_ms = mono_ms - minute_ms;
    link.hello_at_mono_ms = mono_ms + 100 * minute_ms;
    link.welcome_now_ms = now_ms - minute_ms;
    link.round_trip_ms = 10;
    link.head = state.held.number;
  } else {
    link.disconnected_at_mono_ms = mono_ms - (context.link == 1 ? 1'000 : 10 * minute_ms);
  }
  if (state.phase == Phase::switching) {
    const bool may = may_switch(machine.settings, state, link, now).empty();
    link.loader_order = may ? LoaderOrder::arm : LoaderOrder::clear;
    link.order = 1;
  }
  return link;
}

Cell cell_of(const Start& start, const InputClass& input, const Context& context) {
  const UpdateMachine machine;
  State state = state_of(start, context);
  Now now{now_ms, mono_ms, this_boot, true};
  Link link = link_of(machine, state, context, now);
  if (input.starts_process) link = Link{};
  if (input.starts_process) link.acked = 20;
  if (input.before) input.before(link);
  now.wall_ms += input.later_ms;
  now.mono_ms += input.later_ms;
  const Input made = input.make(state, link);
  if (const auto* boot = std::get_if<Booted>(&made)) now.boot = boot->boot;

  Collect out(state);
  machine.decide(state, link, made, now, out);

  Cell cell;
  cell.events = out.text.empty() ? "-" : out.text;
  cell.next = state.fresh ? "New journal" : std::string(to_string(state.phase));
  for (const auto& effect : machine.todo(state, link, now)) cell.effects += (cell.effects.empty() ? "" : ", ") + name_of_effect(effect);
  if (cell.effects.empty()) cell.effects = "-";
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
