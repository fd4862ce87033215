// The words of scenario files, and their form.
#include <gtest/gtest.h>

#include "simulators/scenario/patterns.hpp"
#include "simulators/scenario/script.hpp"

namespace abide::scenario {
namespace {

TEST(ScenarioScript, KeepsProseOrdersAndWhatTheyBringAbout) {
  const std::string text =
      "# A title\n#\n# prose\n\npublish 2.0\nlink n1 to latest\n----\n+00:00:00 n1 says so\n\n# between\nwait 10m\n----\n";
  const auto script = parse_script(text);
  ASSERT_TRUE(script) << script.error().message;
  ASSERT_EQ(script->blocks.size(), 2U);
  EXPECT_EQ(script->blocks[0].orders.size(), 2U);
  EXPECT_EQ(script->blocks[0].orders[1].words, "link n1 to latest");
  EXPECT_EQ(script->blocks[0].orders[1].line, 6U);
  EXPECT_EQ(script->blocks[0].expected, std::vector<std::string>{"+00:00:00 n1 says so"});
  EXPECT_TRUE(script->blocks[1].expected.empty());
  EXPECT_EQ(format_script(*script), text);
}

TEST(ScenarioScript, ThatEndsInProseKeepsIt) {
  const std::string text = "wait 1m\n----\n\n# the end\n";
  const auto script = parse_script(text);
  ASSERT_TRUE(script);
  EXPECT_EQ(format_script(*script), text);
}

TEST(ScenarioScript, WithoutAMarkIsRefusedWithItsLine) {
  const auto open = parse_script("# title\n\nwait 1m\n\n");
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().message, "line 4: an order is followed by ----");
  const auto alone = parse_script("# title\n----\n");
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().message, "line 2: ---- without an order above it");
}

TEST(ScenarioPatterns, CatchTheWordsInCapitals) {
  EXPECT_EQ(match("link NODE to POLICY", "link n1 to latest"), (Caught{"n1", "latest"}));
  EXPECT_EQ(match("link NODE to POLICY", "link  n1  to  latest"), (Caught{"n1", "latest"}));
  EXPECT_FALSE(match("link NODE to POLICY", "link n1 from latest"));
  EXPECT_FALSE(match("link NODE to POLICY", "link n1 to latest now"));
}

TEST(ScenarioPatterns, TimesAreNumbersWithUnits) {
  EXPECT_EQ(parse_time_ms("250ms").value(), 250);
  EXPECT_EQ(parse_time_ms("1h30m").value(), 5'400'000);
  EXPECT_EQ(parse_time_ms("3d").value(), 259'200'000);
  for (const auto* wrong : {"", "5", "m", "-5m", "5x", "5m5", "99999999999d"}) EXPECT_FALSE(parse_time_ms(wrong)) << wrong;
}

}  // namespace
}  // namespace abide::scenario
