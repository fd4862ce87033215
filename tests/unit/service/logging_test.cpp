#include "common/service/logging.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <regex>
#include <thread>

namespace abide {
namespace {

TEST(Log, WritesOneLineToStderrWithTimeAndLevel) {
  start_logging(LogLevel::info);
  testing::internal::CaptureStderr();
  log_info("ready api=http://127.0.0.1:1");
  log_debug("not to be seen");
  log_warn("forged\n2026-01-01T00:00:00.000Z error all is lost");
  const auto written = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(
      std::regex_match(written, std::regex("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z info ready api=http://127\\.0\\.0\\.1:1\n"
                                           "[^\n]* warning forged\\\\x0a2026[^\n]*\n")))
      << written;
}

TEST(Log, DropsWhatIsBelowItsLevel) {
  start_logging(LogLevel::error);
  testing::internal::CaptureStderr();
  log_warn("w");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_FALSE(logs(LogLevel::warn));
  EXPECT_TRUE(logs(LogLevel::error));
  start_logging(LogLevel::off);
  testing::internal::CaptureStderr();
  log_error("e");
  log(LogLevel::off, "o");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  start_logging(LogLevel::info);
}

TEST(Log, WritesTheLinesOfAThreadTogetherWhereItAsksForThat) {
  start_logging(LogLevel::info);
  testing::internal::CaptureStderr();
  {
    const LinesTogether together;
    log_info("first");
    {
      const LinesTogether again;  // ends nothing
      log_info("second");
    }
    std::thread([] { log_info("of another thread"); }).join();
    log_info("third");
  }
  log_info("alone");
  const auto written = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(std::regex_match(written, std::regex("[^\n]* info of another thread\n[^\n]* info first\n[^\n]* info second\n"
                                                   "[^\n]* info third\n[^\n]* info alone\n")))
      << written;
}

TEST(Log, HoldsABoundedNumberOfLinesTogether) {
  start_logging(LogLevel::info);
  testing::internal::CaptureStderr();
  std::string written;
  {
    const LinesTogether together;
    for (int i = 0; i < 200; ++i) log_info(std::string(1'000, 'x'));
    written = testing::internal::GetCapturedStderr();
    testing::internal::CaptureStderr();
  }
  EXPECT_GT(written.size(), 100'000u);
  written += testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(written.begin(), written.end(), '\n'), 200);
}

TEST(Log, LevelsComeBackFromTheirNames) {
  for (const auto level : {LogLevel::trace, LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error, LogLevel::off})
    EXPECT_EQ(*parse_log_level(to_string(level)), level);
  EXPECT_EQ(parse_log_level("loud").error().code, Code::invalid_input);
}

TEST(RepeatedLinesTest, WriteAKeyOnceInAPeriodAndThenHowManyWereHeldBack) {
  RepeatedLines lines(1'000);
  EXPECT_EQ(lines.admit("key", "first", 0), "first");
  EXPECT_EQ(lines.admit("key", "second", 1), std::nullopt);
  EXPECT_EQ(lines.admit("key", "third", 999), std::nullopt);
  EXPECT_EQ(lines.admit("other", "its own", 999), "its own");
  EXPECT_EQ(lines.admit("key", "fourth", 1'000), "fourth held_back=2");
  EXPECT_EQ(lines.admit("key", "fifth", 1'999), std::nullopt);
  EXPECT_EQ(lines.admit("key", "sixth", 5'000), "sixth held_back=1");
  EXPECT_EQ(lines.admit("key", "seventh", 9'000), "seventh");
}

TEST(RepeatedLinesTest, RememberABoundedNumberOfKeysHoweverManyComeFromOutside) {
  RepeatedLines lines(1'000, 2);
  EXPECT_EQ(lines.admit("a", "a", 0), "a");
  EXPECT_EQ(lines.admit("b", "b", 0), "b");
  EXPECT_EQ(lines.admit("c", "c", 0), "c");  // the first of those that share
  for (int i = 0; i < 100; ++i) EXPECT_EQ(lines.admit("d" + std::to_string(i), "d", 1), std::nullopt);
  EXPECT_EQ(lines.admit("a", "a", 2), std::nullopt);  // and those that were there keep their own
  EXPECT_EQ(lines.admit("e", "e", 1'000), "e");       // they are over by now: there is room again
  EXPECT_EQ(lines.admit("f", "f", 1'000), "f");
  EXPECT_EQ(lines.admit("g", "g", 1'000), "g held_back=100");
}

TEST(RepeatedLinesTest, WarnThroughTheLog) {
  start_logging(LogLevel::info);
  RepeatedLines lines(1'000);
  testing::internal::CaptureStderr();
  for (int i = 0; i < 10; ++i) lines.warn("key", "again", i);
  const auto written = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(written.begin(), written.end(), '\n'), 1) << written;
}

}  // namespace
}  // namespace abide
