// The stepper by the lines that a pipe gives it.
#include "tools/replay/step.hpp"

#include <sstream>

#include "tests/unit/replay/histories.hpp"

namespace abide::replay {
namespace {

struct Steps {
  Opened opened;
  std::unique_ptr<Track> track;
  std::ostringstream out;
  std::unique_ptr<Stepper> stepper;

  explicit Steps(History history) : opened{std::move(history)} {
    auto made = Track::open(opened);
    if (!made) throw std::runtime_error(made.error().message);
    track = std::move(*made);
    stepper = std::make_unique<Stepper>(opened, *track, out, false);
  }
  std::string say(const std::string& line) {
    out.str("");
    EXPECT_TRUE(stepper->command(line));
    return out.str();
  }
};
Steps of_fleet() {
  return Steps(history_of(fleet_rows(finished_world())));
}
bool has(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

TEST(Step, GoesForwardAndBackAndSaysWhereItStands) {
  auto steps = of_fleet();
  EXPECT_TRUE(has(steps.say("n"), "#1 of ")) << steps.out.str();
  EXPECT_TRUE(has(steps.out.str(), "ProjectCreated"));
  EXPECT_TRUE(has(steps.say(""), "#2 of "));
  EXPECT_TRUE(has(steps.say("n 3"), "#5 of "));
  EXPECT_TRUE(has(steps.say("b"), "#4 of "));
  EXPECT_TRUE(has(steps.say("g last"), "#" + std::to_string(steps.track->last()) + " of "));
  EXPECT_TRUE(has(steps.say("n"), "! this is the last event"));
  EXPECT_TRUE(has(steps.say("b 100000"), "in front of the first event"));
  EXPECT_TRUE(has(steps.say("b"), "! there is nothing before"));
  EXPECT_FALSE(steps.stepper->command("q"));
}

TEST(Step, JumpsToATimeAndToTheNextEventOfATypeAndOfANode) {
  auto steps = of_fleet();
  EXPECT_TRUE(has(steps.say("e RolledBack"), "RolledBack")) << steps.out.str();
  const auto rolled_back = steps.track->at();
  const auto at = steps.track->event(rolled_back);
  ASSERT_TRUE(at);
  steps.say("g first");
  steps.say("g " + to_rfc3339(at->at_ms));
  EXPECT_GE(steps.track->at(), rolled_back);
  EXPECT_TRUE(has(steps.say("e RolledBack"), "! no later event RolledBack"));
  steps.say("g first");
  const auto node = to_string(finished_world().machines[1].id);
  EXPECT_TRUE(has(steps.say("u " + node), "NodeRegistered")) << steps.out.str();
}

TEST(Step, MarksWhatChangesInTheNodeThatIsWatched) {
  auto steps = of_fleet();
  steps.say("e Accepted");
  const auto about = steps.track->event(steps.track->at());
  ASSERT_TRUE(about && about->node);
  steps.say("b");
  EXPECT_TRUE(has(steps.say("w " + to_string(*about->node)), "  phase: Idle")) << steps.out.str();
  const auto shown = steps.say("n");
  EXPECT_TRUE(has(shown, "* phase: Staging  (was Idle)")) << shown;
  EXPECT_TRUE(has(shown, "  runs: 1.0")) << shown;
  const auto back = steps.say("b");
  EXPECT_TRUE(has(back, "* phase: Idle  (was Staging)")) << back;
  EXPECT_FALSE(has(steps.say("w"), "phase:"));
}

// Wherever it comes from, the state after an event is the one that a fold gives.
TEST(Step, StandsInTheSameStateHoweverItCameThere) {
  auto steps = of_fleet();
  const auto node = finished_world().machines[0].id;
  std::vector<StateFields> forward;
  for (std::uint64_t at = 0; at <= steps.track->last(); ++at) {
    ASSERT_TRUE(steps.track->go(at));
    forward.push_back(steps.track->fields(node));
  }
  for (std::uint64_t at = steps.track->last() + 1; at-- > 0;) {
    ASSERT_TRUE(steps.track->go(at));
    EXPECT_EQ(steps.track->fields(node), forward[at]) << at;
  }
}

TEST(Step, WatchesAnAgentsOwnNode) {
  Steps steps(history_of(node_rows(finished_world().machines[1])));
  const auto shown = steps.say("e RollbackBegan");
  EXPECT_TRUE(has(shown, "* phase: RollingBack  (was ")) << shown;
  EXPECT_TRUE(has(shown, "* undo: unhealthy")) << shown;
}

TEST(Step, SaysWhatItDoesNotUnderstand) {
  auto steps = of_fleet();
  EXPECT_TRUE(has(steps.say("z"), "! \"z\" is none of"));
  EXPECT_TRUE(has(steps.say("n soon"), "! \"soon\" is no number"));
  EXPECT_TRUE(has(steps.say("g 999999"), "! there is no event 999999"));
  EXPECT_TRUE(has(steps.say("u nobody"), "! there is no node nobody"));
  EXPECT_TRUE(has(steps.say("e"), "! e takes"));
  EXPECT_TRUE(has(steps.say("?"), "forward"));
}

}  // namespace
}  // namespace abide::replay
