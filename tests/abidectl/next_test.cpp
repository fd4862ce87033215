// abidectl next schedule: no server, only the calendar.
#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <iomanip>
#include <nlohmann/json.hpp>

#include "tests/abidectl/calls.hpp"
#include "tools/abidectl/json.hpp"

namespace abide::ctl {
namespace {

// Calls `call` where neither a server nor a home is known.
Called next(std::vector<std::string> words) {
  words.insert(words.begin(), {"next", "schedule"});
  return call(words);
}

TEST(AbidectlNext, PrintsOneTimeALineInTheZoneThatWasAskedFor) {
  const auto in_utc = next({"30 2 * * *", "-n", "2"});
  EXPECT_EQ(in_utc.code, 0) << in_utc.err;
  EXPECT_EQ(in_utc.out, "2026-06-04T02:30:00Z\n2026-06-05T02:30:00Z\n");
  EXPECT_EQ(in_utc.err, "");
  EXPECT_EQ(next({"0 2 * * mon-fri", "--zone", "Europe/Berlin", "--after", "2026-10-23T12:00:00Z", "-n", "2"}).out,
            "2026-10-26T02:00:00+01:00\n2026-10-27T02:00:00+01:00\n");
  EXPECT_EQ(next({"30 2 * * *", "--zone", "America/New_York", "--after", "2026-03-07T12:00:00-05:00", "-n", "2"}).out,
            "2026-03-08T03:00:00-04:00\n2026-03-09T02:30:00-04:00\n");
  EXPECT_EQ(next({"0 0 * * *", "-n", "1", "--zone", "Etc/UTC"}).out, "2026-06-05T00:00:00Z\n");
  EXPECT_EQ(next({"0 0 * * *", "-n", "1", "--zone", "Asia/Kathmandu"}).out, "2026-06-05T00:00:00+05:45\n");
}

TEST(AbidectlNext, PrintsTenUnlessAskedForMore) {
  const auto lines = [](const std::string& text) { return std::count(text.begin(), text.end(), '\n'); };
  EXPECT_EQ(lines(next({"* * * * *"}).out), 10);
  EXPECT_EQ(lines(next({"* * * * *", "-n", "1000"}).out), 1000);
}

TEST(AbidectlNext, BeginsBehindTheTimeThatWasGiven) {
  const std::pair<const char*, const char*> rows[] = {
      {"2026-06-05T02:29:59.999Z", "2026-06-05T02:30:00Z\n"},
      {"2026-06-05T02:30:00Z", "2026-06-06T02:30:00Z\n"},
      {"2026-06-05T04:30:00+02:00", "2026-06-06T02:30:00Z\n"},
      {"+25h", "2026-06-06T02:30:00Z\n"},  // it is 02:00 on the 4th
      {"now", "2026-06-04T02:30:00Z\n"},
      {"1969-12-30T23:59:59.500Z", "1969-12-31T02:30:00Z\n"},
  };
  for (const auto& [after, expected] : rows) EXPECT_EQ(next({"30 2 * * *", "--after", after, "-n", "1"}).out, expected) << after;
}

TEST(AbidectlNext, GivesAListAsADocument) {
  const auto as_json = next({"0 3 * * *", "-n", "2", "--output", "json"});
  EXPECT_EQ(Json::parse(as_json.out), (Json{"2026-06-04T03:00:00Z", "2026-06-05T03:00:00Z"}));
  EXPECT_EQ(next({"0 3 * * *", "-n", "1", "-o", "yaml"}).out, "- 2026-06-04T03:00:00Z\n");
}

TEST(AbidectlNext, SaysWhatIsWrongAndPrintsNothing) {
  const std::pair<std::vector<std::string>, std::string> rows[] = {
      {{"0 24 * * *"}, "abidectl: hours \"24\": allowed are "},
      {{"0 2 30 2 *"}, "abidectl: day of month \"30\": never occurs in month \"2\""},
      {{"0 2 * * *", "--zone", "../etc/passwd"}, "abidectl: zone \"../etc/passwd\" is none"},
      {{"0 2 * * *", "--after", "yesterday"}, "abidectl: --after: \"yesterday\" is not a time"},
  };
  for (const auto& [words, error] : rows) {
    const auto called = next(words);
    EXPECT_EQ(called.code, 2);
    EXPECT_EQ(called.out, "");
    EXPECT_EQ(called.err.rfind(error, 0), 0U) << called.err;
  }
  EXPECT_EQ(next({"0 0 1 1 *", "--after", "9999-06-01T00:00:00Z"}).code, 3);
}

// Of the guide: a line "$ abidectl next ...", and behind it what it prints.
TEST(AbidectlNext, AnswersAsTheGuideShows) {
  std::ifstream guide(std::string(ABIDE_SOURCE_DIR) + "/docs/operators-guide.md");
  int examples = 0;
  std::string line;
  bool have = static_cast<bool>(std::getline(guide, line));
  while (have) {
    if (line.rfind("$ abidectl next ", 0) != 0) {
      have = static_cast<bool>(std::getline(guide, line));
      continue;
    }
    const std::string command = line;
    std::vector<std::string> words;
    std::istringstream in(line.substr(std::string("$ abidectl ").size()));
    for (std::string word; in >> std::quoted(word, '\'');) words.push_back(word);
    std::string expected;
    while ((have = static_cast<bool>(std::getline(guide, line))) && !line.empty() && line.find_first_of("$`") != 0) expected += line + "\n";
    EXPECT_EQ(call(words).out, expected) << command;
    ++examples;
  }
  EXPECT_GE(examples, 3);
}

}  // namespace
}  // namespace abide::ctl
