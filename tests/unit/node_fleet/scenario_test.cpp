#include <gtest/gtest.h>

#include "simulators/node-fleet/settings.hpp"

namespace abide::node_fleet {
namespace {

TEST(FleetScenario, IsAListOfChangesInTime) {
  const auto changes =
      parse_scenario("# a morning\n\nat 0s offline 20%\nat 90s   flap 12  # they come and go\nat 2min speed max\nat 5min end\n");
  ASSERT_TRUE(changes) << changes.error().message;
  ASSERT_EQ(changes->size(), 4u);
  EXPECT_EQ((*changes)[0].name, "offline");
  EXPECT_EQ((*changes)[1].at_ms, 90'000);
  EXPECT_EQ((*changes)[1].value, "12");
  EXPECT_EQ((*changes)[1].line, 4u);
  EXPECT_EQ((*changes)[3].name, "end");
  EXPECT_TRUE(parse_scenario("")->empty());
}

TEST(FleetScenario, ThatIsWrongIsRefusedWithItsLine) {
  const std::pair<const char*, const char*> table[] = {
      {"offline 20%", "line 1"},
      {"at 0s offline", "line 1"},
      {"at 0s offline 20% now", "line 1"},
      {"at 0s fly 1", "\"fly\" cannot be set"},
      {"at 0s offline 120%", "line 1"},
      {"at soon offline 1", "line 1"},
      {"at 2s flap 1\nat 1s flap 2", "line 2: it is earlier"},
      {"at 1s end\nat 2s flap 1", "line 2: it is behind the end"},
      {"at 1s end now", "\"end\" has no value"},
      {"at 0s speed 0", "line 1"},
      {"at 0s latency 70000", "line 1"},
      {"at -1s flap 1", "line 1"},
  };
  for (const auto& [text, why] : table) {
    const auto changes = parse_scenario(text);
    ASSERT_FALSE(changes) << text;
    EXPECT_EQ(changes.error().code, Code::invalid_input);
    EXPECT_NE(changes.error().message.find(why), std::string::npos) << changes.error().message;
  }
}

TEST(FleetScenario, HasLimits) {
  EXPECT_FALSE(parse_scenario(std::string(scenario_bytes_max + 1, '#')));
  EXPECT_FALSE(parse_scenario(std::string(scenario_lines_max + 1, '\n')));
}

TEST(FleetWeather, IsSetByNameAndLeftAsItIsByWhatIsWrong) {
  Weather weather;
  EXPECT_TRUE(set_weather(weather, "rollback-rate", "3%"));
  EXPECT_DOUBLE_EQ(weather.rollback_rate, 0.03);
  EXPECT_TRUE(set_weather(weather, "latency", "15"));
  EXPECT_EQ(weather.bus.latency_ms, 15);
  EXPECT_FALSE(set_weather(weather, "rollback-rate", "nan"));
  EXPECT_FALSE(set_weather(weather, "rollback-rate", "1.5"));
  EXPECT_DOUBLE_EQ(weather.rollback_rate, 0.03);
  EXPECT_FALSE(set_weather(weather, "ramp", "5"));
}

}  // namespace
}  // namespace abide::node_fleet
