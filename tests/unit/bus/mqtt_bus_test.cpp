#include "common/bus/mqtt_bus.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>

namespace abide {
namespace {

TEST(Reconnect, WaitsWithFullJitterBelowTwoToTheAttemptSecondsAndNeverAboveTheMaximum) {
  Random random{7};
  struct Row {
    unsigned attempt;
    std::int64_t limit_ms;
  };
  for (const auto& row :
       {Row{0, 1'000}, Row{1, 2'000}, Row{2, 4'000}, Row{5, 32'000}, Row{6, 60'000}, Row{30, 60'000}, Row{4'000'000'000U, 60'000}}) {
    std::int64_t least = row.limit_ms;
    std::int64_t most = 0;
    for (int i = 0; i < 2'000; ++i) {
      const auto delay = reconnect_delay_ms(random, row.attempt, 60'000);
      ASSERT_GE(delay, 0);
      ASSERT_LT(delay, row.limit_ms) << row.attempt;
      least = std::min(least, delay);
      most = std::max(most, delay);
    }
    EXPECT_LT(least, row.limit_ms / 50) << "full jitter begins at 0";
    EXPECT_GT(most, row.limit_ms - row.limit_ms / 50) << "and goes all the way";
  }
  EXPECT_EQ(reconnect_delay_ms(random, 3, 0), 0);
}

TEST(ClientId, Is22LettersAndDigitsAndNeverTheSame) {
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) {
    const auto id = random_client_id();
    EXPECT_EQ(id.size(), 22U);
    EXPECT_TRUE(std::all_of(id.begin(), id.end(), [](unsigned char c) { return std::isalnum(c) != 0; })) << id;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 100U);
}

BusSettings settings(const std::string& url) {
  BusSettings made;
  made.url = url;
  made.client_id = random_client_id();
  return made;
}

TEST(MqttBus, RefusesSettingsThatCannotWorkBeforeItConnects) {
  const auto refused = [](BusSettings bad) {
    MqttBus bus(std::move(bad));
    const auto started = bus.start([](const BusEvent&) {});
    return started ? Code::conflict : started.error().code;
  };
  EXPECT_EQ(refused(settings("http://localhost")), Code::invalid_input);
  EXPECT_EQ(refused(settings("mqtt://broker.example.org")), Code::denied);
  auto no_id = settings("mqtt://localhost");
  no_id.client_id.clear();
  EXPECT_EQ(refused(no_id), Code::invalid_input);
  auto no_window = settings("mqtt://localhost");
  no_window.in_flight_max = 0;
  EXPECT_EQ(refused(no_window), Code::invalid_input);
}

TEST(MqttBus, KeepsNothingWhileItIsNotConnected) {
  MqttBus bus(settings("mqtt://127.0.0.1:1"));
  EXPECT_EQ(bus.publish({"a", "x", 1, false}).error().code, Code::unavailable);
  ASSERT_TRUE(bus.start([](const BusEvent&) {}));
  EXPECT_EQ(bus.publish({"a", "x", 1, false}).error().code, Code::unavailable);
  EXPECT_EQ(bus.publish({"a", "x", 2, false}).error().code, Code::invalid_input);
  bus.stop();
  EXPECT_EQ(bus.publish({"a", "x", 1, false}).error().code, Code::unavailable);
  EXPECT_EQ(bus.start([](const BusEvent&) {}).error().code, Code::conflict);
}

}  // namespace
}  // namespace abide
