#include "common/service/config.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>

#include "common/service/build_version.hpp"
#include "tests/support/child.hpp"

namespace abide {
namespace {

class SettingsTest : public testing::Test {
 protected:
  SettingsTest() {
    table_.text("broker", &broker_, "URL of the broker");
    table_.integer("keep-alive", &keep_alive_, 1, 3600, "pause between two pings", "seconds");
    table_.duration_ms("hello-every", &hello_ms_, 1'000, 86'400'000, "pause between two hellos");
    table_.flag("watch", &watch_, "look again by itself");
    table_.list("project", &projects_, "a project to serve").checked([](std::string_view text) -> Result<void> {
      if (text.find('\n') != std::string_view::npos || text.empty()) return fail(Code::invalid_input, "not a name");
      return {};
    });
    table_.choice("registration", &registration_, {"auto", "required"}, "who may join");
    table_.secret_file("key", &key_, "file with the key");
  }

  // "run", "exit 0", or the error.
  std::string parse(const std::vector<std::string>& arguments) {
    std::vector<const char*> argv{"abide-test"};
    for (const auto& argument : arguments) argv.push_back(argument.c_str());
    const auto outcome =
        table_.parse(static_cast<int>(argv.size()), argv.data(), [this](const std::string& name) -> std::optional<std::string> {
          const auto found = environment_.find(name);
          return found == environment_.end() ? std::nullopt : std::optional(found->second);
        });
    if (!outcome) {
      EXPECT_EQ(outcome.error().code, Code::invalid_input);
      return outcome.error().message;
    }
    output_ = outcome->output;
    return outcome->run ? "run" : "exit " + std::to_string(outcome->exit_code);
  }
  std::string file(const std::string& content, const std::string& name = "test.toml") {
    std::ofstream(directory_ / name, std::ios::binary) << content;
    return directory_ / name;
  }
  // Parses a config file; the error with FILE in place of its path.
  std::string parse_file(const std::string& content) {
    const auto path = file(content);
    auto said = parse({"--config", path});
    if (const auto at = said.find(path); at != std::string::npos) said.replace(at, path.size(), "FILE");
    return said;
  }

  test::TemporaryDirectory directory_;
  SettingsTable table_{"abide-test", "tries settings"};
  std::map<std::string, std::string> environment_;
  std::string output_;

  std::string broker_ = "mqtt://127.0.0.1";
  std::int64_t keep_alive_ = 60;
  std::int64_t hello_ms_ = 900'000;
  bool watch_ = false;
  std::vector<std::string> projects_;
  std::string registration_ = "auto";
  std::string key_;
};

TEST_F(SettingsTest, KeepTheirDefaultsWhereNothingIsGiven) {
  EXPECT_EQ(parse({}), "run");
  EXPECT_EQ(broker_, "mqtt://127.0.0.1");
  EXPECT_EQ(keep_alive_, 60);
  EXPECT_EQ(hello_ms_, 900'000);
  EXPECT_FALSE(watch_);
  EXPECT_TRUE(projects_.empty());
}

TEST_F(SettingsTest, AreTakenFromFlags) {
  EXPECT_EQ(parse({"--broker", "mqtt://b", "--keep-alive=30", "--hello-every", "10s", "--watch", "--project", "a", "--project", "b c",
                   "--registration", "required"}),
            "run");
  EXPECT_EQ(broker_, "mqtt://b");
  EXPECT_EQ(keep_alive_, 30);
  EXPECT_EQ(hello_ms_, 10'000);
  EXPECT_TRUE(watch_);
  EXPECT_EQ(projects_, (std::vector<std::string>{"a", "b c"}));
  EXPECT_EQ(registration_, "required");
}

TEST_F(SettingsTest, AreTakenFromTheEnvironment) {
  environment_ = {{"ABIDE_BROKER", "mqtt://e"},
                  {"ABIDE_KEEP_ALIVE", "31"},
                  {"ABIDE_HELLO_EVERY", "2h"},
                  {"ABIDE_WATCH", "true"},
                  {"ABIDE_PROJECT", "a,b c"}};
  EXPECT_EQ(parse({}), "run");
  EXPECT_EQ(broker_, "mqtt://e");
  EXPECT_EQ(keep_alive_, 31);
  EXPECT_EQ(hello_ms_, 7'200'000);
  EXPECT_TRUE(watch_);
  EXPECT_EQ(projects_, (std::vector<std::string>{"a", "b c"}));
}

TEST_F(SettingsTest, AreTakenFromAFile) {
  EXPECT_EQ(parse_file("broker = \"mqtt://f\"\nkeep_alive = 32\nhello_every = \"5min\"\nwatch = true\nproject = [\"a\", \"b, c\"]\n"),
            "run");
  EXPECT_EQ(broker_, "mqtt://f");
  EXPECT_EQ(keep_alive_, 32);
  EXPECT_EQ(hello_ms_, 300'000);
  EXPECT_TRUE(watch_);
  EXPECT_EQ(projects_, (std::vector<std::string>{"a", "b, c"}));
}

TEST_F(SettingsTest, OfAFlagGoBeforeTheEnvironmentAndThatBeforeTheFile) {
  const auto path = file("broker = \"file\"\nkeep_alive = 1\nwatch = true\nproject = [\"file\"]\nhello_every = \"1s\"\n");
  environment_ = {{"ABIDE_BROKER", "environment"}, {"ABIDE_KEEP_ALIVE", "2"}, {"ABIDE_PROJECT", "environment"}};
  EXPECT_EQ(parse({"--config", path, "--broker", "flag", "--watch=false", "--project", "flag"}), "run");
  EXPECT_EQ(broker_, "flag");
  EXPECT_EQ(keep_alive_, 2);
  EXPECT_EQ(hello_ms_, 1'000);
  EXPECT_FALSE(watch_);
  EXPECT_EQ(projects_, std::vector<std::string>{"flag"});  // a list is replaced, not added to
}

TEST_F(SettingsTest, FileMayBeNamedByTheEnvironment) {
  environment_["ABIDE_CONFIG"] = file("broker = \"file\"\n");
  EXPECT_EQ(parse({}), "run");
  EXPECT_EQ(broker_, "file");
}

TEST_F(SettingsTest, WithAValueThatIsWrongSayWhereItWasGiven) {
  const struct {
    std::vector<std::string> arguments;
    std::map<std::string, std::string> environment;
    std::string said;
  } rows[] = {
      {{"--keep-alive", "x"}, {}, "abide-test: --keep-alive: \"x\" is no whole number"},
      {{"--keep-alive", "0"}, {}, "abide-test: --keep-alive: 0 is not between 1 and 3600"},
      {{"--keep-alive", "99999999999999999999"}, {}, "abide-test: --keep-alive: \"99999999999999999999\" is no whole number"},
      {{"--hello-every", "10"}, {}, "abide-test: --hello-every: \"10\" is no duration: a whole number and ms, s, min, h or d, as in 10s"},
      {{"--hello-every", "1ms"}, {}, "abide-test: --hello-every: 1ms is not between 1s and 1d"},
      {{"--watch=maybe"}, {}, "abide-test: --watch: \"maybe\" is neither true nor false"},
      {{"--registration", "none"}, {}, "abide-test: --registration: \"none\" is none of auto|required"},
      {{"--project", "a", "--project", "b\nc"}, {}, "abide-test: --project: not a name"},
      {{}, {{"ABIDE_KEEP_ALIVE", ""}}, "abide-test: ABIDE_KEEP_ALIVE: \"\" is no whole number"},
      {{}, {{"ABIDE_WATCH", "1"}}, "abide-test: ABIDE_WATCH: \"1\" is neither true nor false"},
      {{}, {{"ABIDE_PROJECT", "a,,b"}}, "abide-test: ABIDE_PROJECT: not a name"},
      {{"--broker", "a", "--broker", "b"}, {}, "abide-test: --broker is given 2 times"},
      {{"--watch", "--watch"}, {}, "abide-test: --watch is given 2 times"},
      {{"--config", "/none", "--config", "/none"}, {}, "abide-test: --config is given 2 times"},
      {{"--config", "/does/not/exist"}, {}, "abide-test: /does/not/exist: No such file or directory"},
      {{"--config", "/"}, {}, "abide-test: /: Is a directory"},
      {{"--key", "/does/not/exist"}, {}, "abide-test: --key: /does/not/exist: No such file or directory"},
  };
  for (const auto& row : rows) {
    environment_ = row.environment;
    EXPECT_EQ(parse(row.arguments), row.said);
  }
}

TEST_F(SettingsTest, ThatDoNotExistAreErrors) {
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"--brokr", "x"}, {"stray"}, {"--project", "a", "b"}, {"--brok", "x"}, {"--broker"}, {"-x"}}) {
    const auto said = parse(arguments);
    EXPECT_EQ(said.find("abide-test: "), 0U) << said;
    EXPECT_NE(said.find("--help"), std::string::npos) << said;
  }
}

TEST_F(SettingsTest, OfAFileThatAreWrongSayFileLineAndKey) {
  const struct {
    const char* content;
    const char* said;
  } rows[] = {
      {"\n\nbrokr = \"x\"\n", "abide-test: FILE:3: brokr: there is no such setting"},
      {"keep-alive = 1\n", "abide-test: FILE:1: keep-alive: there is no such setting"},
      {"config = \"x\"\n", "abide-test: FILE:1: config: there is no such setting"},
      {"[broker]\nurl = \"x\"\n", "abide-test: FILE:1: broker: must be a string"},
      {"broker = 5\n", "abide-test: FILE:1: broker: must be a string"},
      {"keep_alive = \"5\"\n", "abide-test: FILE:1: keep_alive: must be a whole number"},
      {"keep_alive = 5.5\n", "abide-test: FILE:1: keep_alive: must be a whole number"},
      {"keep_alive = 3601\n", "abide-test: FILE:1: keep_alive: 3601 is not between 1 and 3600"},
      {"watch = \"true\"\n", "abide-test: FILE:1: watch: must be true or false"},
      {"hello_every = 10\n", "abide-test: FILE:1: hello_every: must be a string with a unit: \"10s\""},
      {"hello_every = \"10 s\"\n",
       "abide-test: FILE:1: hello_every: \"10 s\" is no duration: a whole number and ms, s, min, h or d, as in 10s"},
      {"project = \"a\"\n", "abide-test: FILE:1: project: must be an array of strings"},
      {"project = [\"a\", 1]\n", "abide-test: FILE:1: project: must be an array of strings"},
      {"registration = \"x\"\n", "abide-test: FILE:1: registration: \"x\" is none of auto|required"},
  };
  for (const auto& row : rows) EXPECT_EQ(parse_file(row.content), row.said) << row.content;
  EXPECT_EQ(parse_file("broker = \"a\"\nbroker = \"b\"\n").find("abide-test: FILE:2: "), 0U);
  EXPECT_EQ(parse_file("broker = \n").find("abide-test: FILE:1: "), 0U);
  EXPECT_EQ(parse_file(std::string(2U << 20U, '#')), "abide-test: FILE: has more than 1048576 bytes");
}

TEST_F(SettingsTest, ThatAreRequiredNameAllWaysToGiveThem) {
  std::string state_dir;
  table_.text("state-dir", &state_dir, "where").required();
  EXPECT_EQ(parse({}), "abide-test: --state-dir is missing (or ABIDE_STATE_DIR, or state_dir in the config file)");
  EXPECT_EQ(parse({"--state-dir", ""}), "abide-test: --state-dir is missing (or ABIDE_STATE_DIR, or state_dir in the config file)");
  EXPECT_EQ(parse({"--help"}), "exit 0");  // help can be had without them
  environment_["ABIDE_STATE_DIR"] = "/x";
  EXPECT_EQ(parse({}), "run");
}

TEST_F(SettingsTest, ReadSecretsFromFilesWithoutTheLastLineEnd) {
  EXPECT_EQ(parse({"--key", file("se cret\n", "key")}), "run");
  EXPECT_EQ(key_, "se cret");
  EXPECT_EQ(parse({"--key", file("a\nb\r\n", "key")}), "run");
  EXPECT_EQ(key_, "a\nb");
  EXPECT_NE(parse({"--key", file("\n", "key")}).find("the file is empty"), std::string::npos);
}

TEST_F(SettingsTest, AreAllListedByHelpWithDefaultUnitsAndNames) {
  EXPECT_EQ(parse({"--help"}), "exit 0");
  for (const char* expected :
       {"abide-test: tries settings", "--broker TEXT", "ABIDE_BROKER", "mqtt://127.0.0.1", "--keep-alive N", "keep_alive",
        "1 to 3600 seconds", "Default: 60", "--hello-every TIME", "1s to 1d", "Default: 15min", "--watch", "Default: false",
        "--project TEXT ...", "--registration auto|required", "--key FILE", "--config FILE", "--version"})
    EXPECT_NE(output_.find(expected), std::string::npos) << expected << " in\n" << output_;
  EXPECT_EQ(parse({"-h"}), "exit 0");
}

TEST_F(SettingsTest, VersionNamesProgramVersionAndCommit) {
  EXPECT_EQ(parse({"--version"}), "exit 0");
  EXPECT_EQ(output_, "abide-test " + std::string(build_version()) + " (" + std::string(build_commit()) + ")\n");
  EXPECT_FALSE(build_version().empty());
  EXPECT_FALSE(build_commit().empty());
}

TEST_F(SettingsTest, OfTheProcessComeFromItsEnvironmentAndWrongOnesEndItWithTwo) {
  ::setenv("ABIDE_KEEP_ALIVE", "12", 1);
  const char* const good[] = {"abide-test"};
  EXPECT_EQ(table_.settle(1, good), std::nullopt);
  EXPECT_EQ(keep_alive_, 12);
  ::unsetenv("ABIDE_KEEP_ALIVE");
  const char* const bad[] = {"abide-test", "--nothing"};
  EXPECT_EQ(table_.settle(2, bad), 2);
  const char* const version[] = {"abide-test", "--version"};
  EXPECT_EQ(table_.settle(2, version), 0);
}

TEST(Durations, AreWholeNumbersWithAUnit) {
  const struct {
    const char* text;
    std::int64_t ms;
  } rows[] = {{"0s", 0}, {"250ms", 250}, {"10s", 10'000}, {"5min", 300'000}, {"2h", 7'200'000}, {"1d", 86'400'000}, {"0010s", 10'000}};
  for (const auto& row : rows) {
    const auto parsed = parse_duration_ms(row.text);
    ASSERT_TRUE(parsed) << row.text;
    EXPECT_EQ(*parsed, row.ms) << row.text;
  }
  for (const char* text :
       {"", "10", "s", "10m", "10 s", " 10s", "-1s", "+1s", "1.5h", "1h30min", "10S", "99999999999999999999s", "9223372036854775807d"})
    EXPECT_FALSE(parse_duration_ms(text)) << text;
}

TEST(Durations, AreWrittenInTheLargestUnitThatIsExact) {
  for (const auto& [ms, text] :
       {std::pair{0, "0s"}, std::pair{250, "250ms"}, std::pair{90'000, "90s"}, std::pair{120'000, "2min"}, std::pair{86'400'000, "1d"}}) {
    EXPECT_EQ(duration_text(ms), text);
  }
}

}  // namespace
}  // namespace abide
