#include "simulators/node-fleet/options.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <unistd.h>

#include "tests/support/child.hpp"

namespace abide::node_fleet {
namespace {

using Words = std::vector<std::string>;

Words with(Words more) {
  Words words{"--broker", "mqtt://127.0.0.1:1883", "--project", "demo", "--nodes", "10"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Said refused(const Words& words) {
  auto parsed = parse_options(words);
  const auto* said = std::get_if<Said>(&parsed);
  return said == nullptr ? Said{-1, "was taken"} : *said;
}

TEST(FleetOptions, AreReadAsTheyAreGiven) {
  auto parsed = parse_options(with({"--projects",
                                    "2",
                                    "--seed",
                                    "9",
                                    "--ramp",
                                    "250",
                                    "--source-addresses",
                                    "3",
                                    "--update-failure-rate",
                                    "2%",
                                    "--rollback-rate",
                                    "0.05",
                                    "--offline",
                                    "10%",
                                    "--flap",
                                    "6",
                                    "--latency",
                                    "40",
                                    "--speed",
                                    "max",
                                    "--status-every",
                                    "30s",
                                    "--for",
                                    "5min",
                                    "--recoveries",
                                    "3",
                                    "--watch-pid",
                                    "7",
                                    "--output",
                                    "json"}));
  const auto* options = std::get_if<Options>(&parsed);
  ASSERT_NE(options, nullptr) << std::get<Said>(parsed).text;
  EXPECT_EQ(options->nodes, 10u);
  EXPECT_EQ(options->projects, 2u);
  EXPECT_EQ(options->seed, 9u);
  EXPECT_EQ(options->recoveries, 3u);
  EXPECT_EQ(options->weather.ramp, 250);
  EXPECT_EQ(options->network.source_addresses, 3u);
  EXPECT_DOUBLE_EQ(options->weather.failure_rate, 0.02);
  EXPECT_DOUBLE_EQ(options->weather.rollback_rate, 0.05);
  EXPECT_DOUBLE_EQ(options->weather.offline, 0.1);
  EXPECT_DOUBLE_EQ(options->weather.flaps_per_hour, 6);
  EXPECT_EQ(options->weather.bus.latency_ms, 40);
  EXPECT_EQ(options->weather.speed, 0);
  EXPECT_EQ(options->status_every_ms, 30'000);
  EXPECT_EQ(options->for_ms, 300'000);
  EXPECT_EQ(options->watch_pids, std::vector<std::int64_t>{7});
  EXPECT_TRUE(options->json);
}

TEST(FleetOptions, ThatAreWrongEndWithTwoAndNameTheOption) {
  const std::pair<Words, std::string> table[] = {
      {{"--nodes", "10", "--project", "demo"}, "--broker"},
      {with({"--fly"}), "--fly"},
      {with({"--update-failure-rate", "150%"}), "update-failure-rate"},
      {with({"--rollback-rate", "x"}), "rollback-rate"},
      {with({"--offline", "-1"}), "offline"},
      {with({"--speed", "fast"}), "speed"},
      {with({"--latency", "1e99"}), "latency"},
      {with({"--flap", ""}), "flap"},
      {with({"--status-every", "soon"}), "--status-every"},
      {with({"--for", "0s"}), "--for"},
      {with({"--projects", "11"}), "--projects"},
      {with({"--drive"}), "--api"},
      {with({"--ramp", "0"}), "--ramp"},
      {with({"--recoveries", "0"}), "--recoveries"},
      {with({"--source-addresses", "100000"}), "--source-addresses"},
      {with({"--image-sha256", "12"}), "--image-sha256"},
      {with({"--log-level", "loud"}), "--log-level"},
      {with({"--scenario", "/no/such/file"}), "/no/such/file"},
      {with({"--output", "xml"}), "--output"},
  };
  for (const auto& [words, named] : table) {
    const auto said = refused(words);
    EXPECT_EQ(said.code, 2) << named;
    EXPECT_NE(said.text.find(named), std::string::npos) << said.text;
  }
}

TEST(FleetOptions, NameTheLineOfAScenarioThatIsWrong) {
  const test::TemporaryDirectory directory;
  std::ofstream(directory / "bad.txt") << "at 0s offline 20%\nat 1s offline lots\n";
  const auto said = refused(with({"--scenario", directory / "bad.txt"}));
  EXPECT_EQ(said.code, 2);
  EXPECT_NE(said.text.find("line 2"), std::string::npos) << said.text;
}

TEST(FleetOptions, ExplainExitCodesInTheirHelp) {
  auto parsed = parse_options({"--help"});
  const auto& said = std::get<Said>(parsed);
  EXPECT_EQ(said.code, 0);
  EXPECT_NE(said.text.find("Exit codes: 0"), std::string::npos);
}

TEST(FleetNames, AreTheSameInEveryRunAndDifferFromNodeToNodeSeedAndProject) {
  const auto options = [](std::uint64_t seed, std::size_t projects) {
    Options made;
    made.project = "demo";
    made.nodes = 100;
    made.seed = seed;
    made.projects = projects;
    return made;
  };
  std::set<NodeId> seen;
  for (const auto seed : {std::uint64_t{1}, std::uint64_t{2}})
    for (std::size_t i = 0; i < 100; ++i) seen.insert(node_id_of(options(seed, 1), i));
  EXPECT_EQ(seen.size(), 200u);
  EXPECT_EQ(node_id_of(options(1, 1), 5), node_id_of(options(1, 1), 5));
  EXPECT_EQ(project_of(options(1, 1), 5), "demo");
  EXPECT_EQ(project_of(options(1, 2), 0), "demo-1");
  EXPECT_EQ(project_of(options(1, 2), 3), "demo-2");
}

}  // namespace
}  // namespace abide::node_fleet
