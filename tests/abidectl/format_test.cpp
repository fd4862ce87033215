#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tools/abidectl/json.hpp"
#include "tools/abidectl/kinds.hpp"
#include "tools/abidectl/table.hpp"

namespace abide::ctl {
namespace {

TEST(AbidectlTable, AlignsByCodePointsAndShowsEmptyCells) {
  const Table table{{"NAME", "STATUS"}, {{"kühl", "Staged"}, {"edge-10", ""}}};
  EXPECT_EQ(to_text(table),
            "NAME     STATUS\n"
            "kühl     Staged\n"
            "edge-10  -\n");
}

TEST(AbidectlTable, CutsLinesThatAreWiderThanTheTerminal) {
  const Table table{{"A"}, {{"äöüäöüäöü"}}};
  EXPECT_EQ(to_text(table, 4), "A\näöü…\n");
}

TEST(AbidectlTable, DrawsProgressWithinItsBounds) {
  EXPECT_EQ(progress_bar(50, 4), "██░░ 50%");
  EXPECT_EQ(progress_bar(-3, 2), "░░ 0%");
  EXPECT_EQ(progress_bar(250, 2), "██ 100%");
}

TEST(AbidectlTable, OrdersNumbersInNamesAsNumbers) {
  EXPECT_TRUE(natural_less("edge-2", "edge-10"));
  EXPECT_FALSE(natural_less("edge-10", "edge-2"));
  EXPECT_FALSE(natural_less("edge-2", "edge-2"));
  EXPECT_TRUE(natural_less("edge", "edge-1"));
  EXPECT_TRUE(natural_less("3.0.20260317", "3.0.20260602"));
  EXPECT_FALSE(natural_less("a02", "a2"));
  EXPECT_FALSE(natural_less("a2", "a02"));
}

TEST(AbidectlJson, FindsMembersByPath) {
  const Json object = Json::parse(R"({"a":{"b":"c","n":7,"t":true,"o":{}},"l":[1]})");
  EXPECT_EQ(text_at(object, "a.b"), "c");
  EXPECT_EQ(text_at(object, "a.n"), "7");
  EXPECT_EQ(text_at(object, "a.t"), "true");
  for (const char* path : {"a.o", "a.x", "x.y.z", "l", "l.0", "a.b.c"}) EXPECT_EQ(text_at(object, path), "") << path;
  EXPECT_EQ(number_at(object, "a.n"), 7);
  EXPECT_EQ(number_at(object, "a.b"), std::nullopt);
}

TEST(AbidectlJson, QuotesTextsThatYamlWouldTakeForSomethingElse) {
  const Json object = Json::parse(R"({"version":"3.10","yes":"no","name":"edge-1","empty":"","number":7,"list":["null",null,true]})");
  EXPECT_EQ(to_yaml(object),
            "version: \"3.10\"\nyes: \"no\"\nname: edge-1\nempty: \"\"\nnumber: 7\nlist:\n  - \"null\"\n  - ~\n  - true\n");
}

TEST(AbidectlKinds, AnOpenRunHasNoEnd) {
  const Json run = Json::parse(R"([{"name":"r","startTime":1780537632,"endTime":1410065407}])");
  const auto table = table_of(kind_of("osupdaterun"), run, {});
  const auto ended = std::find(table.heads.begin(), table.heads.end(), "ENDED") - table.heads.begin();
  EXPECT_EQ(table.rows.at(0).at(static_cast<std::size_t>(ended)), "");
}

TEST(AbidectlKinds, AHostsStatusSaysWhatKeepsItFromGoingOn) {
  const auto status = [](const char* host) {
    const auto table = table_of(kind_of("host"), Json::array({Json::parse(host)}), {});
    const auto column = std::find(table.heads.begin(), table.heads.end(), "STATUS") - table.heads.begin();
    return table.rows.at(0).at(static_cast<std::size_t>(column));
  };
  EXPECT_EQ(status(R"({"instance":{"updateStatus":"Download complete","node":{"paused":false,"held":false}}})"), "Download complete");
  EXPECT_EQ(status(R"({"instance":{"updateStatus":"Download complete","node":{"paused":true,"held":true}}})"),
            "Download complete (paused, held)");
  EXPECT_EQ(status(R"({"instance":{"updateStatus":"Update failed","updateStatusIndicator":"STATUS_INDICATION_ERROR",
                       "node":{"phase":"Idle","outcome":{"kind":"RolledBack","reason":"unhealthy"}}}})"),
            "Update failed (unhealthy)");
  EXPECT_EQ(status(R"({"instance":{"updateStatus":"Update policy cannot be applied","updateStatusIndicator":"STATUS_INDICATION_ERROR",
                       "node":{"phase":"Idle","linkFault":"its target os-1 does not exist","outcome":{"reason":"unhealthy"}}}})"),
            "Update policy cannot be applied (its target os-1 does not exist)");
  EXPECT_EQ(
      status(
          R"({"hostStatus":"Duplicate identity","hostStatusIndicator":"STATUS_INDICATION_ERROR","instance":{"updateStatus":"Updating"}})"),
      "Updating (Duplicate identity)");
}

TEST(AbidectlKinds, WideShowsHowLongAgoBesideTheTime) {
  const Reading wide{Output::wide, 1'780'538'400'000};
  EXPECT_EQ(shown_time(1'780'538'280'000, wide).substr(19), "Z (2m ago)");
  EXPECT_EQ(shown_time(0, wide), "");
}

}  // namespace
}  // namespace abide::ctl
