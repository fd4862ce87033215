// A crash at every step of a whole update: between any two commits, effects and inputs the agent is killed, or power is
// cut. Afterwards the node must have done nothing that must never happen, must come to rest, and must have given the
// offer exactly one outcome, of those that this crash may lead to.
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/node_world.hpp"

namespace abide::test {
namespace {

using testing::AnyOf;
using testing::Contains;
using testing::IsEmpty;

enum class Crash { agent_killed, power_cut, power_cut_with_damage, journal_lost };
constexpr Crash crashes[] = {Crash::agent_killed, Crash::power_cut, Crash::power_cut_with_damage, Crash::journal_lost};

std::string name_of(Crash crash) {
  switch (crash) {
    case Crash::agent_killed:
      return "agent killed";
    case Crash::power_cut:
      return "power cut";
    case Crash::power_cut_with_damage:
      return "power cut with damage";
    case Crash::journal_lost:
      return "journal lost";
  }
  return "";
}

void inflict(NodeWorld& world, Crash crash) {
  switch (crash) {
    case Crash::agent_killed:
      return world.agent_runs() ? world.kill_agent() : void();
    case Crash::power_cut:
      return world.cut_power();
    case Crash::power_cut_with_damage:
      return world.cut_power(true);
    case Crash::journal_lost:
      return world.powered() ? world.lose_journal() : void();
  }
}

struct Scenario {
  std::string name;
  // What the operator does, when: called after every step with its number.
  std::function<void(NodeWorld&)> begin;
  std::function<void(NodeWorld&, std::size_t)> meanwhile;
  std::set<std::string> outcomes;  // without a crash, or with one that spares the journal; "": none, the node is staged
};

// Runs to rest, or says where it got stuck.
std::string finish(NodeWorld& world, const Scenario& scenario, std::size_t step, std::size_t steps_max = 3'000) {
  for (std::size_t i = 0; i < steps_max; ++i, ++step) {
    if (scenario.meanwhile) scenario.meanwhile(world, step);
    const auto why = world.not_at_rest();
    if (why.empty()) return "";
    if (!world.step()) return "nothing can happen, and yet: " + why;
  }
  return "no rest after " + std::to_string(steps_max) + " steps: " + world.not_at_rest();
}

std::string transcript(const NodeWorld& world) {
  std::string all;
  for (const auto& line : *world.log) all += line + "\n";
  return all;
}

// The state after each step of the undisturbed run.
std::vector<NodeWorld> steps_of(const Scenario& scenario) {
  NodeWorld world;
  world.log.emplace();
  scenario.begin(world);
  std::vector<NodeWorld> steps;
  for (std::size_t step = 0; !world.not_at_rest().empty(); ++step) {
    if (scenario.meanwhile) scenario.meanwhile(world, step);
    steps.push_back(world);
    if (!world.step() || steps.size() > 2'000) break;
  }
  steps.push_back(world);
  return steps;
}

void expect_safe_end(NodeWorld world, const Scenario& scenario, std::size_t step, Crash crash) {
  const auto stuck = finish(world, scenario, step);
  SCOPED_TRACE(scenario.name + ": " + name_of(crash) + " at step " + std::to_string(step));
  ASSERT_EQ(stuck, "") << transcript(world);
  ASSERT_THAT(world.broken(), IsEmpty()) << transcript(world);
  if (crash == Crash::journal_lost) return;  // what is asked again after that is for the orchestrator to say
  ASSERT_THAT(scenario.outcomes, Contains(world.newest_outcome())) << transcript(world);
}

std::function<void(NodeWorld&)> linked(const Image& image) {
  return [image](NodeWorld& world) {
    world.open_window(0, 0);
    world.link(image);
  };
}

// A node whose disk was put back to the time before its window was known: it finds that its journal went on elsewhere.
void forked(NodeWorld& world) {
  world.link(good_image);
  world.run();
  const auto copy = world.copy_disk();
  world.open_window(60'000, 0);
  world.run_until([](const NodeWorld& w) { return w.state().window && w.node_link().acked == w.journal().size() && w.inbox_size() == 0; });
  world.put_back(copy);
}

// The operator acts once, when the node has reached a phase. Worlds are copied at every step, so whether he has is read
// off the document, not kept beside it.
std::function<void(NodeWorld&, std::size_t)> in_phase(Phase phase, void (*act)(NodeWorld&)) {
  return [phase, act](NodeWorld& world, std::size_t) {
    if (world.state().phase == phase && world.newest_document().revision == 2) act(world);
  };
}

std::vector<Scenario> endings() {
  return {
      {"good", linked(good_image), {}, {"Succeeded"}},
      {"sick", linked(sick_image), {}, {"RolledBack unhealthy"}},
      {"dead", linked(dead_image), {}, {"RolledBack boot_failed"}},
      {"hung", linked(hung_image), {}, {"RolledBack watchdog"}},
      {"restless", linked(restless_image), {}, {"RolledBack trial_interrupted"}},
      {"unreachable", linked(unreachable_image), {}, {"Failed download"}},
      {"runs already", linked(base_image), {}, {"Succeeded"}},
      {"forked", forked, {}, {"Succeeded"}},
  };
}

// Every withdrawal in every phase. Where a crash makes the node pass the phase by, it comes too late or not at all.
std::vector<Scenario> withdrawals() {
  struct Act {
    const char* name;
    void (*act)(NodeWorld&);
    std::set<std::string> outcomes;
  };
  const std::vector<Act> acts = {
      {"un-linked", [](NodeWorld& w) { w.unlink(); }, {"Cancelled unlinked"}},
      {"aborted", [](NodeWorld& w) { w.abort(); }, {"Cancelled aborted"}},
      {"linked anew", [](NodeWorld& w) { w.link(newer_image); }, {}},
      {"window closed", [](NodeWorld& w) { w.close_window(); }, {""}},
      {"paused", [](NodeWorld& w) { w.pause(true); }, {""}},
  };
  const std::vector<Phase> phases = {Phase::staging,  Phase::switching,  Phase::rebooting,
                                     Phase::on_trial, Phase::confirming, Phase::rolling_back};
  std::vector<Scenario> all;
  for (const Phase phase : phases) {
    for (const auto& act : acts) {
      const bool sick = phase == Phase::rolling_back;
      Scenario scenario{std::string(act.name) + " in " + std::string(to_string(phase)), linked(sick ? sick_image : good_image),
                        in_phase(phase, act.act), act.outcomes};
      scenario.outcomes.insert(sick ? "RolledBack unhealthy" : "Succeeded");
      if (sick) scenario.outcomes.insert("Succeeded");  // of the link that came in place of the sick one
      all.push_back(std::move(scenario));
    }
  }
  return all;
}

TEST(CrashAtEveryStep, EndsSafelyInOneOutcome) {
  std::size_t runs = 0;
  auto scenarios = endings();
  for (auto& more : withdrawals()) scenarios.push_back(std::move(more));
  for (const auto& scenario : scenarios) {
    const auto steps = steps_of(scenario);
    ASSERT_THAT(steps.back().broken(), IsEmpty()) << scenario.name;
    ASSERT_EQ(steps.back().not_at_rest(), "") << scenario.name;
    for (std::size_t step = 0; step < steps.size(); ++step) {
      for (const Crash crash : crashes) {
        NodeWorld world = steps[step];
        inflict(world, crash);
        expect_safe_end(std::move(world), scenario, step, crash);
        if (HasFatalFailure()) return;
        ++runs;
      }
    }
  }
  EXPECT_GT(runs, 5'000U);
}

// A second crash while the node recovers from the first.
TEST(CrashAtEveryStep, EndsSafelyThoughItCrashesAgain) {
  auto scenarios = endings();
  scenarios.resize(2);  // good, sick
  scenarios.push_back(withdrawals()[6]);
  ASSERT_EQ(scenarios.back().name, "aborted in Switching");
  for (const auto& scenario : scenarios) {
    const auto steps = steps_of(scenario);
    for (std::size_t step = 0; step < steps.size(); ++step) {
      for (const Crash first : {Crash::agent_killed, Crash::power_cut_with_damage}) {
        NodeWorld once = steps[step];
        inflict(once, first);
        for (std::size_t later = 1; later < 40 && once.step(); ++later) {
          if (scenario.meanwhile) scenario.meanwhile(once, step + later);
          for (const Crash second : {Crash::agent_killed, Crash::power_cut}) {
            NodeWorld twice = once;
            twice.log.emplace();  // of the end alone: copies of it all are what takes time
            inflict(twice, second);
            expect_safe_end(std::move(twice), scenario, step + later, second);
            if (HasFatalFailure()) return;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace abide::test
