#include "orchestrator/config.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace abide::orchestrator {
namespace {

TEST(Listen, IsHostAndPort) {
  EXPECT_EQ(parse_listen("127.0.0.1:80").value(), (std::pair<std::string, std::uint16_t>("127.0.0.1", 80)));
  EXPECT_EQ(parse_listen("[::1]:0").value(), (std::pair<std::string, std::uint16_t>("::1", 0)));
  for (const char* text : {"", "127.0.0.1", ":80", "a:", "a:b", "a:65536", "a:-1", "a:1x"}) EXPECT_FALSE(parse_listen(text)) << text;
}

std::optional<int> settle(Config& config, std::vector<const char*> words) {
  words.insert(words.begin(), "abide-orchestrator");
  return settle_config(config, static_cast<int>(words.size()), words.data());
}

TEST(Config, RegistersByItselfOnlyBesideABrokerOnLoopback) {
  Config loopback;
  ASSERT_EQ(settle(loopback, {"--state", "s", "--releases", "r"}), std::nullopt);
  EXPECT_TRUE(loopback.auto_register);
  Config remote;
  ASSERT_EQ(settle(remote, {"--state", "s", "--releases", "r", "--broker", "mqtts://broker.example"}), std::nullopt);
  EXPECT_FALSE(remote.auto_register);
  Config told;
  ASSERT_EQ(settle(told, {"--state", "s", "--releases", "r", "--registration", "required"}), std::nullopt);
  EXPECT_FALSE(told.auto_register);
}

TEST(Config, LeavesMaintenanceWindowsAloneUnlessItIsTold) {
  Config plain;
  ASSERT_EQ(settle(plain, {"--state", "s", "--releases", "r"}), std::nullopt);
  EXPECT_FALSE(plain.maintenance_updates);
  Config told;
  ASSERT_EQ(settle(told, {"--state", "s", "--releases", "r", "--maintenance-updates"}), std::nullopt);
  EXPECT_TRUE(told.maintenance_updates);
}

TEST(Config, TakesReleaseServicesByFlagsAndOneOrSeveralFromAFile) {
  Config flags;
  ASSERT_EQ(settle(flags, {"--state", "s", "--releases", "/dir", "--releases", "oci://h/os", "--profile-revision", "~0.9.0",
                           "--enabled-profiles", "a", "--enabled-profiles", "b"}),
            std::nullopt);
  EXPECT_EQ(flags.releases, (std::vector<std::string>{"/dir", "oci://h/os"}));
  EXPECT_EQ(flags.enabled_profiles, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(flags.profile_revision, "~0.9.0");
  const auto path = std::filesystem::temp_directory_path() / ("abide-config-" + std::to_string(::getpid()) + ".toml");
  for (const auto& [line, releases] : std::initializer_list<std::pair<const char*, std::vector<std::string>>>{
           {"releases = \"https://r.example\"\n", {"https://r.example"}},
           {"releases = [\"/a\", \"oci://h/os\"]\n", {"/a", "oci://h/os"}},
       }) {
    std::ofstream(path) << line;
    Config file;
    ASSERT_EQ(settle(file, {"--state", "s", "--config", path.c_str()}), std::nullopt);
    EXPECT_EQ(file.releases, releases);
  }
  std::filesystem::remove(path);
}

TEST(Config, TakesRunsForLostAfterAWeekUnlessToldOtherwise) {
  Config config;
  ASSERT_EQ(settle(config, {"--state", "s", "--releases", "r"}), std::nullopt);
  EXPECT_EQ(config.lost_after_ms, 604'800'000);
  ASSERT_EQ(settle(config, {"--state", "s", "--releases", "r", "--lost-after", "36h"}), std::nullopt);
  EXPECT_EQ(config.lost_after_ms, 36 * 3'600'000LL);
  ASSERT_EQ(settle(config, {"--state", "s", "--releases", "r", "--lost-after", "0ms"}), std::nullopt);
  EXPECT_EQ(config.lost_after_ms, 0);
  EXPECT_EQ(settle(config, {"--state", "s", "--releases", "r", "--lost-after", "-1s"}), 2);
}

TEST(Config, KeepsEventsForEverOrForASecondAtLeast) {
  Config config;
  ASSERT_EQ(settle(config, {"--state", "s", "--releases", "r"}), std::nullopt);
  EXPECT_EQ(config.keep_events_ms, 0);
  ASSERT_EQ(settle(config, {"--state", "s", "--releases", "r", "--keep-events", "90d"}), std::nullopt);
  EXPECT_EQ(config.keep_events_ms, 90 * 86'400'000LL);
  for (const char* fine : {"0ms", "1s"})
    EXPECT_EQ(settle(config, {"--state", "s", "--releases", "r", "--keep-events", fine}), std::nullopt) << fine;
  for (const char* wrong : {"999ms", "1ms", "-1s", "4000d", "for ever"})
    EXPECT_EQ(settle(config, {"--state", "s", "--releases", "r", "--keep-events", wrong}), 2) << wrong;
}

TEST(Config, RefusesWhatItCannotUse) {
  for (const auto& words : std::vector<std::vector<const char*>>{{},
                                                                 {"--state", "s"},
                                                                 {"--state", "s", "--releases", "r", "--listen", "here"},
                                                                 {"--state", "s", "--releases", "r", "--project", "a\nb"},
                                                                 {"--state", "s", "--releases", "r", "--registration", "never"}}) {
    Config config;
    EXPECT_EQ(settle(config, words), 2);
  }
}

TEST(Config, InTheCommentedFileIsWhatTheDefaultsAre) {
  Config file;
  ASSERT_EQ(settle(file, {"--config", ABIDE_SOURCE_DIR "/orchestrator/dist/orchestrator.toml"}), std::nullopt);
  EXPECT_EQ(file.state, "/var/lib/abide-orchestrator");
  EXPECT_EQ(file.projects, std::vector<std::string>{"default"});
  EXPECT_EQ(file.listen, Config{}.listen);
}

}  // namespace
}  // namespace abide::orchestrator
