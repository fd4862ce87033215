// The simulated agent: dies where it is told to, keeps what its disk keeps, and says who it is.
#include "tests/sim/machine_small_world.hpp"

namespace abide::sim {
namespace {

using Point = Machine::Point;

struct Death {
  Point point;
  const char* name;
  bool power;
};
std::string point_name(const Death& death) {
  static constexpr const char* points[] = {"BeforeCommit", "AfterCommit", "AfterPublish", "BeforeEffect", "AfterEffect"};
  return std::string(points[static_cast<std::size_t>(death.point)]) + death.name + (death.power ? "ByPower" : "ByKill");
}

class SimulatedDeath : public testing::TestWithParam<Death> {};

TEST_P(SimulatedDeath, DiesAtTheGivenPointAndTheUpdateGoesOn) {
  SmallWorld small;
  const auto starts = small.starts();
  small.machine().break_at(GetParam().point, GetParam().name, GetParam().power);
  small.offer("3.0.20260201.0000");
  EXPECT_EQ(small.outcome(), "Succeeded none");
  EXPECT_EQ(small.faults(), 1U);
  EXPECT_GT(small.starts(), starts) << "a power cut may be the switch, too";
  EXPECT_EQ(small.control().node(small.machine().id())->identity.os_image_id, "3.0.20260201.0000");
}
INSTANTIATE_TEST_SUITE_P(Points, SimulatedDeath,
                         testing::Values(Death{Point::before_commit, "Accepted", false}, Death{Point::after_commit, "Accepted", false},
                                         Death{Point::after_publish, "Accepted", false}, Death{Point::after_publish, "Accepted", true},
                                         Death{Point::before_effect, "Stage", false}, Death{Point::after_effect, "Erase", true},
                                         Death{Point::after_effect, "Stage", true}, Death{Point::before_commit, "ImageStaged", false},
                                         Death{Point::before_effect, "ArmOnce", true}, Death{Point::after_effect, "ArmOnce", false},
                                         Death{Point::after_effect, "ArmOnce", true}, Death{Point::before_effect, "Reboot", false},
                                         Death{Point::before_commit, "TrialStarted", false},
                                         Death{Point::after_effect, "ConfirmBoot", true}, Death{Point::before_commit, "Succeeded", false}),
                         [](const auto& tested) { return point_name(tested.param); });

TEST(SimulatedAgent, ForgetsWhatItHadNotCommitted) {
  SmallWorld small;
  small.machine().break_at(Point::before_commit, "Accepted", false);
  small.publish("3.0.20260201.0000");
  ASSERT_TRUE(small.people().link(0, "latest"));
  ASSERT_TRUE(small.until([&] { return !small.machine().agent_runs(); }));
  EXPECT_EQ(small.machine().state().phase, Phase::idle);
  EXPECT_EQ(small.count("Accepted"), 1U) << "decided, and lost";
  ASSERT_TRUE(small.until_phase(Phase::staging));
  EXPECT_EQ(small.count("Accepted"), 2U);
}

TEST(SimulatedAgent, BeginsANewJournalWhenAnOlderDiskIsPutBack) {
  SmallWorld small;
  const auto old_disk = small.machine().copy_disk();
  const auto old_journal = small.machine().head().id;
  small.offer("3.0.20260201.0000");
  ASSERT_EQ(small.outcome(), "Succeeded none");
  small.machine().put_back(old_disk);
  ASSERT_TRUE(small.until([&] { return small.count("JournalForked") == 1; }));
  ASSERT_TRUE(small.until([&] {
    const auto* node = small.control().node(small.machine().id());
    return node->journal == small.machine().head().id && node->upto == small.machine().head().last;
  }));
  EXPECT_NE(small.machine().head().id, old_journal);
  EXPECT_FALSE(small.control().node(small.machine().id())->conflict);
}

TEST(SimulatedAgent, IsInConflictWithItsCloneUntilOneIsNamed) {
  SmallWorld small;
  auto& copy = small.world().add_machine(small.machine().clone(1));
  copy.power_on();
  ASSERT_TRUE(small.until([&] { return small.control().node(copy.id())->conflict; }, 4 * 60 * minute_ms));
  copy.leave_for_ever();
  const auto* node = small.control().node(copy.id());
  // It may have begun a journal that is neither of the two; any of both will do then.
  ASSERT_TRUE(small.control().ask(fleet::ResolveConflict{to_string(copy.id()), node->journal}));
  ASSERT_TRUE(small.until(
      [&] {
        const auto* now = small.control().node(copy.id());
        return !now->conflict && now->journal == small.machine().head().id && now->upto == small.machine().head().last;
      },
      4 * 60 * minute_ms));
}

TEST(SimulatedAgent, IsAnotherNodeToTheOrchestratorWhenItWasReImaged) {
  SmallWorld small;
  small.publish("3.0.20260201.0000");
  ASSERT_TRUE(small.people().link(0, "latest"));
  ASSERT_TRUE(small.until_phase(Phase::staged));
  small.machine().lose_state();
  ASSERT_TRUE(small.until([&] {
    const auto* node = small.control().node(small.machine().id());
    return small.machine().agent_runs() && node->journal == small.machine().head().id && node->upto == small.machine().head().last;
  }));
  const auto* node = small.control().node(small.machine().id());
  ASSERT_TRUE(node->run);
  EXPECT_EQ(node->run->reason, Reason::re_imaged);
}

TEST(SimulatedAgent, TrimsItsJournal) {
  SmallWorld small;
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(small.people().open_window(0, 30 * minute_ms, 60 * minute_ms));
    small.world().pass(minute_ms);
    ASSERT_FALSE(small.control().state().schedules.empty());
    ASSERT_TRUE(small.people().close_window(small.control().state().schedules.begin()->first));
    small.world().pass(minute_ms);
  }
  EXPECT_GT(small.machine().head().base, 0U);
  const auto differing = AgentHost::verify(small.machine().disk(), node_scope);
  ASSERT_TRUE(differing);
  EXPECT_TRUE(differing->empty());
}

}  // namespace
}  // namespace abide::sim
