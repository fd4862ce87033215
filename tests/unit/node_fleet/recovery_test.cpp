#include "simulators/node-fleet/recovery.hpp"

#include <gtest/gtest.h>

namespace {

using namespace abide::node_fleet;

// 100 nodes, as a round of the loop sees them.
struct Crew {
  Tally tally;
  Traffic traffic;
  Recoveries recoveries;

  Crew() {
    tally.nodes = 100;
    set(100, 100);
  }
  void set(std::size_t connected, std::size_t welcomed) {
    tally.connected = connected;
    tally.welcomed = welcomed;
  }
  void lose(std::size_t count) {
    traffic.losses += count;
    set(tally.connected - count, tally.welcomed - count);
  }
  void say(std::uint64_t out, std::uint64_t in) {
    traffic.messages_out += out;
    traffic.messages_in += in;
  }
  void look(double at_s) { recoveries.look(at_s, tally, traffic); }
};

TEST(Recovery, IsToldFromTheFirstBrokenConnectionToTheLastWelcome) {
  Crew fleet;
  fleet.say(1'000, 1'000);  // what was before does not count
  fleet.look(9.0);
  fleet.lose(40);
  fleet.look(10.0);
  fleet.lose(60);
  fleet.look(10.1);
  fleet.traffic.connects += 1;
  fleet.set(1, 0);
  fleet.look(10.55);
  fleet.traffic.connects += 99;
  fleet.set(100, 0);
  fleet.say(100, 100);
  fleet.look(11.05);
  fleet.set(100, 99);
  fleet.say(100, 99);
  fleet.look(11.25);
  EXPECT_TRUE(fleet.recoveries.ended().empty());
  fleet.set(100, 100);
  fleet.say(0, 1);
  fleet.look(12.05);
  fleet.say(50, 50);  // nor does what comes later
  fleet.look(12.1);
  ASSERT_EQ(fleet.recoveries.ended().size(), 1U);
  const auto& recovery = fleet.recoveries.ended().front();
  EXPECT_DOUBLE_EQ(recovery.lost_at_s, 10.0);
  EXPECT_NEAR(recovery.first_s, 0.55, 1e-9);
  EXPECT_NEAR(recovery.connected_s, 1.05, 1e-9);
  EXPECT_NEAR(recovery.welcomed_s, 2.05, 1e-9);
  EXPECT_EQ(recovery.messages_out, 200U);
  EXPECT_EQ(recovery.messages_in, 200U);
  ASSERT_EQ(recovery.slices.size(), 21U);
  EXPECT_EQ(recovery.slices[10], 200U);
  EXPECT_EQ(recovery.slices[12], 199U);
  EXPECT_EQ(recovery.slices[20], 1U);
}

TEST(Recovery, CountsTheLastTimeThatAllAreConnected) {
  Crew fleet;
  fleet.look(0);
  fleet.lose(100);
  fleet.look(1);
  fleet.set(100, 50);
  fleet.look(2);
  fleet.lose(10);
  fleet.look(3);
  fleet.set(100, 100);
  fleet.look(4);
  ASSERT_EQ(fleet.recoveries.ended().size(), 1U);
  EXPECT_NEAR(fleet.recoveries.ended().front().connected_s, 3, 1e-9);
}

TEST(Recovery, IsNoneWhereFewBreakOrManyReboot) {
  Crew fleet;
  fleet.look(0);
  fleet.lose(49);
  fleet.look(1);
  fleet.set(100, 100);
  fleet.look(2);
  fleet.tally.down = 90;  // they say goodbye
  fleet.set(10, 10);
  fleet.look(3);
  fleet.tally.down = 0;  // and are starting
  fleet.look(4);
  fleet.set(100, 100);
  fleet.look(5);
  EXPECT_TRUE(fleet.recoveries.ended().empty());
}

TEST(Recovery, DoesNotAddUpWhatFlapsAllDay) {
  Crew fleet;
  fleet.look(0);
  for (int second = 1; second < 40; ++second) {  // one is always away
    fleet.lose(5);
    fleet.look(second);
    fleet.set(99, 99);
    fleet.look(second + 0.5);
  }
  EXPECT_TRUE(fleet.recoveries.ended().empty());
}

TEST(Recovery, DoesNotWaitForNodesThatAreKeptOffline) {
  Crew fleet;
  fleet.tally.offline = 20;
  fleet.set(80, 80);
  fleet.look(0);
  fleet.lose(80);
  fleet.look(1);
  fleet.set(80, 80);
  fleet.look(2);
  EXPECT_EQ(fleet.recoveries.ended().size(), 1U);
}

TEST(Recovery, OfAFleetThatStillComesUpIsNone) {
  Crew fleet;
  fleet.tally.nodes = 10;
  fleet.set(5, 5);
  fleet.look(0);
  fleet.tally.nodes = 100;
  fleet.set(5, 5);
  fleet.look(1);
  fleet.set(100, 100);
  fleet.look(2);
  EXPECT_TRUE(fleet.recoveries.ended().empty());
}

}  // namespace
