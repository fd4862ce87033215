#include "simulators/node-fleet/report.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace abide::node_fleet {
namespace {

Report some_report() {
  Report report;
  report.version = "0.1.0";
  report.command = "abide-node-fleet --project <demo> & more";
  report.began_at = "2026-11-28T20:00:00.000Z";
  report.nodes = 100;
  report.seed = 7;
  report.took_s = 20;
  report.tally.outcomes = {0, 90, 4, 5, 1};
  report.tally.reasons = {{"Succeeded", 90}, {"RolledBack unhealthy", 5}};
  report.traffic.messages_out = 1'000;
  report.traffic.bytes_out = 300'000;
  report.traffic.payload_out = 200'000;
  for (std::uint64_t us = 1'000; us <= 100'000; us += 1'000) report.legs.of(Leg::durable).record(us);
  report.watched = {{"mosquitto", 5, 2.5, 1 << 20, 2 << 20, 3 << 20}, {"abide-node-fleet", 6, 4.5, 1 << 20, 9 << 20, 9 << 20}};
  for (int i = 0; i < 20; ++i) {
    Moment moment;
    moment.at_s = i;
    moment.tally.connected = static_cast<std::size_t>(5 * i);
    moment.others = {{0.1, 1 << 20}, {0.5, 2 << 20}};
    report.timeline.push_back(moment);
  }
  report.losses.checked = true;
  return report;
}

TEST(FleetReport, AsJsonHasCountsLegsProcessesAndLosses) {
  const auto json = nlohmann::json::parse(json_of(some_report()));
  EXPECT_EQ(json["outcomes"]["Succeeded"], 90);
  EXPECT_EQ(json["outcomes"]["RolledBack"], 5);
  EXPECT_EQ(json["reasons"]["RolledBack unhealthy"], 5);
  EXPECT_EQ(json["legs"]["status_to_durable"]["count"], 100);
  EXPECT_NEAR(json["legs"]["status_to_durable"]["p50_us"].get<double>(), 50'000, 50);
  EXPECT_EQ(json["legs"]["whole_update"]["count"], 0);
  EXPECT_EQ(json["losses"]["all"], 0);
  EXPECT_EQ(json["clean"], true);
  EXPECT_EQ(json["traffic"]["payload_out"], 200'000);
  EXPECT_EQ(json["figures"]["bytes_per_payload_byte"], 1.5);
  EXPECT_EQ(json["processes"][0]["name"], "mosquitto");
  EXPECT_EQ(json["timeline"].size(), 20u);
}

TEST(FleetReport, TellsEachRecoveryWithItsMessages) {
  auto report = some_report();
  EXPECT_EQ(nlohmann::json::parse(json_of(report))["recoveries"].size(), 0u);
  EXPECT_EQ(text_of(report).find("recovery"), std::string::npos);
  report.ending = Ending::recovered;
  report.recoveries = {{12.5, 0.25, 1.5, 2.25, 200, 210, {0, 10, 400}}};
  const auto json = nlohmann::json::parse(json_of(report));
  EXPECT_EQ(json["ending"], "recovered");
  ASSERT_EQ(json["recoveries"].size(), 1u);
  EXPECT_EQ(json["recoveries"][0]["welcomed_s"], 2.25);
  EXPECT_EQ(json["recoveries"][0]["messages_in"], 210);
  EXPECT_EQ(json["recoveries"][0]["slices"], (std::vector<int>{0, 10, 400}));
  EXPECT_NE(text_of(report).find("recovery at 12.5 s: the first was there again after 0.25 s, all after 1.50 s, welcomed after 2.25 s; "
                                 "messages out 200 in 210, at most 400 in 100 ms\n"),
            std::string::npos)
      << text_of(report);
}

TEST(FleetReport, IsNotCleanWhereSomethingIsLostOrDidNotEnd) {
  auto report = some_report();
  EXPECT_TRUE(report.clean());
  report.losses.missing = 1;
  EXPECT_FALSE(report.clean());
  report = some_report();
  report.ending = Ending::deadline;
  EXPECT_FALSE(report.clean());
}

TEST(FleetReport, IsReadAgainForAComparison) {
  const auto earlier = parse_earlier(json_of(some_report()));
  ASSERT_TRUE(earlier) << earlier.error().message;
  auto report = some_report();
  report.took_s = 10;
  const auto text = comparison_text(*earlier, report);
  EXPECT_NE(text.find("took_s                                              20.0            10.0     0.50"), std::string::npos) << text;
  EXPECT_NE(text.find("status_to_durable_p99_us"), std::string::npos) << text;
}

TEST(FleetReport, OfSomethingElseIsRefused) {
  for (const char* text : {"", "{", "[]", "{}", "{\"format\": \"abide-node-fleet report 1\"}", "{\"format\": 1, \"figures\": {}}",
                           "{\"format\": \"abide-node-fleet report 1\", \"figures\": []}"}) {
    const auto earlier = parse_earlier(text);
    ASSERT_FALSE(earlier) << text;
    EXPECT_EQ(earlier.error().code, Code::invalid_input);
  }
  // What is not a number is left out.
  const auto odd = parse_earlier("{\"format\": \"abide-node-fleet report 1\", \"figures\": {\"a\": 1, \"b\": \"x\"}, \"version\": 3}");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->figures.size(), 1u);
}

TEST(FleetReport, AsAPageNeedsNothingOutsideOfIt) {
  const auto earlier = parse_earlier(json_of(some_report()));
  ASSERT_TRUE(earlier);
  const auto page = html_of(some_report(), *earlier);
  for (const char* outside : {"http:", "https:", " src=", "<link", "<script", "url(", "@import"})
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  EXPECT_NE(page.find("<svg"), std::string::npos);
  EXPECT_NE(page.find("--project &lt;demo&gt; &amp; more"), std::string::npos);
  EXPECT_EQ(page.find("nan"), std::string::npos);
  EXPECT_EQ(page.find("inf,"), std::string::npos);
}

TEST(FleetReport, OfARunThatMeasuredNothingIsWrittenAllTheSame) {
  Report report;
  report.nodes = 1;
  EXPECT_NE(html_of(report, std::nullopt).find("Nothing was measured"), std::string::npos);
  EXPECT_TRUE(nlohmann::json::parse(json_of(report))["legs"].is_object());
  EXPECT_NE(text_of(report).find("no --api"), std::string::npos);
}

}  // namespace
}  // namespace abide::node_fleet
