// Whole updates through the small world: each ends as it should, and nothing that must never happen does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/node_world.hpp"

namespace abide::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Ending {
  const char* name;
  Image image;
  std::string outcome;
  std::uint8_t runs;  // image id afterwards
};

class WholeUpdateOf : public testing::TestWithParam<Ending> {};

TEST_P(WholeUpdateOf, AnImageEndsInItsOneOutcome) {
  NodeWorld world;
  world.open_window(0, 0);
  world.link(GetParam().image);
  world.log.emplace();
  world.run();
  std::string all;
  for (auto& line : *world.log) all += line + "\n";
  EXPECT_EQ(world.not_at_rest(), "") << all;
  EXPECT_THAT(world.broken(), IsEmpty()) << all;
  EXPECT_EQ(world.newest_outcome(), GetParam().outcome) << all;
  EXPECT_EQ(world.content(world.running()), GetParam().runs);
  EXPECT_EQ(world.outcomes_of(world.newest_offer()), 1U);
}

INSTANTIATE_TEST_SUITE_P(Images, WholeUpdateOf,
                         testing::Values(Ending{"Good", good_image, "Succeeded", 2}, Ending{"Sick", sick_image, "RolledBack unhealthy", 1},
                                         Ending{"Dead", dead_image, "RolledBack boot_failed", 1},
                                         Ending{"Hung", hung_image, "RolledBack watchdog", 1},
                                         Ending{"Restless", restless_image, "RolledBack trial_interrupted", 1},
                                         Ending{"Same", base_image, "Succeeded", 1}),
                         [](const auto& ending) { return std::string(ending.param.name); });

TEST(WholeUpdate, TellsItsStepsInOrder) {
  NodeWorld world;
  world.open_window(0, 0);
  world.link(good_image);
  world.run();
  EXPECT_THAT(world.event_names(), ElementsAre("AgentStarted", "DocumentTaken", "BootCleared", "Accepted", "ImageStaged", "SwitchBegan",
                                               "RebootOrdered", "AgentStarted", "TrialStarted", "TrialPassed", "Succeeded"));
}

}  // namespace
}  // namespace abide::test
