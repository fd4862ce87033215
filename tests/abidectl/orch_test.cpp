// The words of orch-cli do what they do there.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/abidectl/project.hpp"

namespace abide::ctl {
namespace {

using Words = std::vector<std::string>;

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

class OrchWords : public AbidectlCommands {
 protected:
  OrchWords() {
    ::setenv("TZ", "UTC", 1);
    folder = std::filesystem::temp_directory_path() / ("orch-words-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
  }
  ~OrchWords() override { std::filesystem::remove_all(folder); }
  // What is sent, without the rest that never changes.
  std::string repeated(const Words& more) {
    const auto called = on(with({"create", "schedules", "my-schedule", "--timezone", "Europe/Berlin", "--frequency-type", "repeated",
                                 "--maintenance-type", "osupdate", "--target", "site-0000000a"},
                                more));
    notes = called.err;
    return called.code == 0 ? changes().at(0) : std::to_string(called.code) + " " + called.err;
  }
  std::string single(const Words& more) {
    const auto called = on(with(
        {"create", "schedule", "s", "--frequency-type", "single", "--maintenance-type", "maintenance", "--target", "region:europe"}, more));
    return called.code == 0 ? changes().at(0) : std::to_string(called.code) + " " + called.err;
  }
  std::filesystem::path folder;
  std::string notes;
};

TEST_F(OrchWords, ListIsGet) {
  EXPECT_EQ(on({"list", "hosts"}).out, on({"get", "hosts"}).out);
  for (const char* noun : {"osprofile", "osupdatepolicy", "osupdaterun", "schedule", "schedules"})
    EXPECT_EQ(on({"list", noun}).code, 0) << noun;
}

TEST_F(OrchWords, MakeRepeatedSchedulesThatKeepTheirZone) {
  const auto sent = [](const std::string& minutes, const std::string& hours, const std::string& of_month, const std::string& month,
                       const std::string& of_week) {
    return R"(POST /schedules/repeated {"name":"my-schedule","scheduleStatus":"SCHEDULE_STATUS_OS_UPDATE","durationSeconds":3600,"cronMinutes":")" +
           minutes + R"(","cronHours":")" + hours + R"(","cronDayMonth":")" + of_month + R"(","cronMonth":")" + month +
           R"(","cronDayWeek":")" + of_week + R"(","timeZone":"Europe/Berlin","targetSiteId":"site-0000000a"})";
  };
  const Words weekly = {"--frequency", "weekly", "--start-time", "00:05", "--duration", "3600", "--months", "2,4,7-8"};
  // Five past midnight in Berlin is another day in UTC; the days are those of Berlin.
  EXPECT_EQ(repeated(with(weekly, {"--day-of-week", "mon,2,3-5"})), sent("5", "0", "*", "2,4,7,8", "1,2,3,4,5"));
  EXPECT_EQ(repeated(with(weekly, {"--day-of-week", "Sunday, sat"})), sent("5", "0", "*", "2,4,7,8", "0,6"));
  EXPECT_EQ(repeated(with(weekly, {"--day-of-week", "1", "--day-of-month", "1"})), sent("5", "0", "*", "2,4,7,8", "1"));
  EXPECT_EQ(notes, "--day-of-month should not be specified for weekly frequency - ignoring\n");
  const Words monthly = {"--frequency", "monthly", "--start-time", "10:10", "--duration", "1h"};
  EXPECT_EQ(repeated(with(monthly, {"--day-of-month", "1,15-18,31", "--months", "1,2,5-8"})),
            sent("10", "10", "1,15,16,17,18,31", "1,2,5,6,7,8", "*"));
}

TEST_F(OrchWords, MakeSingleSchedulesAtWhatClocksThereShow) {
  const auto sent = [](std::int64_t start, std::int64_t end) {
    return R"(POST /schedules/single {"name":"s","scheduleStatus":"SCHEDULE_STATUS_MAINTENANCE","startSeconds":)" + std::to_string(start) +
           (end == 0 ? "" : R"(,"endSeconds":)" + std::to_string(end)) + R"(,"targetRegionId":"region-0000000a"})";
  };
  // 20:20 is an hour after UTC in winter, two in summer.
  EXPECT_EQ(single({"--timezone", "Europe/Berlin", "--start-time", "2026-12-01 20:20", "--end-time", "2027-07-01 20:20"}),
            sent(1'796'152'800, 1'814'466'000));
  EXPECT_EQ(single({"--timezone", "GMT", "--start-time", "2026-12-01 20:20"}), sent(1'796'156'400, 0));
}

TEST_F(OrchWords, ThatAreWrongAreToldInItsOwnWordsAndChangeNothing) {
  const Words zone = {"--timezone", "UTC"};
  const Words times = {"--timezone", "UTC", "--start-time", "10:10", "--frequency", "weekly"};
  const Words days = with(times, {"--day-of-week", "1"});
  const std::pair<Words, const char*> table[] = {
      {{"--start-time", "2026-12-01 10:10"}, "repeated schedule --start-time must be specified in format \"HH:MM\""},
      {{"--start-time", "24:00"}, "repeated schedule --start-time must be specified in format \"HH:MM\""},
      {{"--start-time", "10:10", "--frequency", "daily"}, "invalid --frequency, must be 'weekly' or 'monthly'"},
      {{"--start-time", "10:10", "--frequency", "weekly"}, "--day-of-week must be specified for weekly frequency"},
      {{"--start-time", "10:10", "--frequency", "monthly"}, "--day-of-month must be specified for monthly frequency"},
      {{"--start-time", "10:10", "--frequency", "weekly", "--day-of-week", "7"}, "--day-of-week: invalid \"7\""},
      {{"--start-time", "10:10", "--frequency", "weekly", "--day-of-week", "5-2"}, "--day-of-week: invalid \"5-2\""},
      {{"--start-time", "10:10", "--frequency", "monthly", "--day-of-month", "0"}, "--day-of-month: invalid \"0\""},
      {{"--start-time", "10:10", "--frequency", "weekly", "--day-of-week", "1"}, "months must be specified in format --months \"1,2,5-8\""},
      {{"--start-time", "10:10", "--frequency", "weekly", "--day-of-week", "1", "--months", "13"}, "--months: invalid \"13\""},
      {{"--start-time", "10:10", "--frequency", "weekly", "--day-of-week", "1", "--months", "1"},
       "duration must be a positive integer representing seconds"},
      {{"--start-time", "10:10", "--frequency", "weekly", "--day-of-week", "1", "--months", "1", "--duration", "0"},
       "duration must be a positive integer representing seconds"},
      {{"--host", "edge-1"}, "not beside them"},
  };
  for (const auto& [more, message] : table) {
    const auto said = repeated(more);
    EXPECT_NE(said.find(message), std::string::npos) << said;
    EXPECT_EQ(said.substr(0, 2), "2 ") << said;
    EXPECT_EQ(changes(), Changes{});
  }
  const auto on_its_own = [&](Words words) { return on(with({"create", "schedule", "s"}, words)).err; };
  EXPECT_NE(on_its_own({"--target", "site-0000000a"}).find("timezone must be specified"), std::string::npos);
  EXPECT_NE(on_its_own({"--timezone", "Mars/Base"}).find("invalid timezone"), std::string::npos);
  EXPECT_NE(on_its_own(with(zone, {"--frequency-type", "often"})).find("invalid schedule type, must be 'single' or 'repeated'"),
            std::string::npos);
  EXPECT_NE(on_its_own(with(zone, {"--frequency-type", "single", "--maintenance-type", "lunch"}))
                .find("invalid maintenance type, must be 'maintenance' or 'osupdate'"),
            std::string::npos);
  for (const char* target : {"", "edge-1", "host-", "host:", "os-00000001"})
    EXPECT_NE(on_its_own(with(zone, {"--frequency-type", "single", "--maintenance-type", "osupdate", "--target", target})).find("target"),
              std::string::npos)
        << target;
  EXPECT_NE(single({"--timezone", "UTC", "--start-time", "10:10"})
                .find("single schedule --start-time must be specified in format \"YYYY-MM-DD HH:MM\""),
            std::string::npos);
}

TEST_F(OrchWords, ChangeOnlyWhatTheyNameOfASchedule) {
  project.repeated = R"({"resourceId":"repeatedsche-0000000a","name":"nightly","scheduleStatus":"SCHEDULE_STATUS_OS_UPDATE",
    "durationSeconds":5400,"cronMinutes":"0","cronHours":"3","cronDayMonth":"1","cronMonth":"*","cronDayWeek":"*"})";
  EXPECT_EQ(on({"set", "schedules", "nightly", "--timezone", "Europe/Berlin", "--start-time", "02:30"}).code, 0);
  EXPECT_EQ(
      changes(),
      (Changes{
          R"(PATCH /schedules/repeated/repeatedsche-0000000a {"timeZone":"Europe/Berlin","cronMinutes":"30","cronHours":"2","cronDayMonth":"1","cronMonth":"*","cronDayWeek":"*"})"}));
  EXPECT_EQ(on({"set", "schedule", "nightly", "--timezone", "GMT", "--frequency", "weekly", "--day-of-week", "1-3,5", "--months", "2",
                "--duration", "3600", "--maintenance-type", "maintenance"})
                .code,
            0);
  EXPECT_EQ(
      changes(),
      (Changes{
          R"(PATCH /schedules/repeated/repeatedsche-0000000a {"durationSeconds":3600,"cronMinutes":"0","cronHours":"3","cronDayMonth":"*","cronMonth":"2","cronDayWeek":"1,2,3,5","scheduleStatus":"SCHEDULE_STATUS_MAINTENANCE"})"}));
  project.singles =
      R"({"resourceId":"singlesche-0000000a","name":"once","scheduleStatus":"SCHEDULE_STATUS_MAINTENANCE","startSeconds":1780542000})";
  EXPECT_EQ(on({"set", "schedule", "once", "--timezone", "UTC", "--end-time", "2026-12-01 20:20"}).code, 0);
  EXPECT_EQ(changes(), (Changes{R"(PATCH /schedules/single/singlesche-0000000a {"endSeconds":1796156400})"}));
  EXPECT_EQ(on({"set", "schedule", "once", "--end-time", "2026-12-01 20:20"}).code, 2) << "without a zone";
}

TEST_F(OrchWords, SetLinksHostsByNameOrBySelection) {
  EXPECT_EQ(on({"set", "host", "host-00000001", "--osupdatepolicy", "newest"}).code, 0);
  EXPECT_EQ(changes(), (Changes{R"(PATCH /compute/instances/inst-00000001 {"osUpdatePolicyID":"osupdatepolicy-0000000a"})"}));
  EXPECT_EQ(on({"set", "host", "--filter", "name=edge", "--osupdatepolicy", "osupdatepolicy-0000000a"}).code, 0);
  EXPECT_EQ(changes().size(), 2U);
  EXPECT_EQ(on({"set", "host", "--osupdatepolicy", "newest"}).code, 2);
  EXPECT_EQ(on({"set", "host", "edge-1", "--site", "munich", "--osupdatepolicy", "newest"}).code, 2);
}

// ---- update-os ---------------------------------------------------------------------------------------------------------

class OrchUpdate : public OrchWords {
 protected:
  OrchUpdate() {
    project.policies =
        R"({"resourceId":"osupdatepolicy-0000000a","name":"newest","updatePolicy":"UPDATE_POLICY_LATEST"},{"resourceId":"osupdatepolicy-0000000b","name":"also","updatePolicy":"UPDATE_POLICY_LATEST"})";
    project.systems =
        R"({"resourceId":"os-00000001","name":"EMT 3.0.1","imageId":"3.0.1","profileName":"emt","architecture":"x86_64","osType":"OS_TYPE_IMMUTABLE","rawSha256":"1111111111111111111111111111111111111111111111111111111111111111"},
           {"resourceId":"os-00000002","name":"EMT 3.0.2","imageId":"3.0.2","profileName":"emt","architecture":"x86_64","osType":"OS_TYPE_IMMUTABLE","rawSha256":"1111111111111111111111111111111111111111111111111111111111111111"})";
    project.hosts = host(1, "3.0.1") + "," + host(2, "3.0.2") + "," + host(3, "3.0.1");
  }
  static std::string host(int number, const std::string& runs) {
    const auto n = std::to_string(number);
    return R"({"resourceId":"host-0000000)" + n + R"(","name":"edge-)" + n + R"(","uuid":"u-)" + n +
           R"(","instance":{"resourceId":"inst-0000000)" + n +
           R"(","updatePolicy":{"resourceId":"osupdatepolicy-0000000b"},"appliedUpdatePolicy":{"policy":{"resourceId":"osupdatepolicy-0000000b","name":"also","updatePolicy":"UPDATE_POLICY_LATEST"},"from":"instance"},)"
           R"("node":{"profileName":"emt","architecture":"x86_64","osImageId":")" +
           runs + "\"}}}";
  }
  static std::string linked(int number, const std::string& policy) {
    return "PATCH /compute/instances/inst-0000000" + std::to_string(number) + R"( {"osUpdatePolicyID":"osupdatepolicy-0000000)" + policy +
           "\"}";
  }
  static std::string window(int number) {
    const auto id = "host-0000000" + std::to_string(number);
    return R"(POST /schedules/single {"name":")" + id +
           R"(_immediate_os_update","scheduleStatus":"SCHEDULE_STATUS_OS_UPDATE","startSeconds":)" + std::to_string(now_ms / 1000 + 30) +
           R"(,"endSeconds":)" + std::to_string(now_ms / 1000 + 660) + R"(,"targetHostId":")" + id + "\"}";
  }
  std::string file(const std::string& text) {
    const auto path = folder / "hosts.csv";
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }
};

TEST_F(OrchUpdate, AssignsThePolicyAndOpensItsWindowForEachHostWithoutAQuestion) {
  const auto called = on({"update-os", "host", "edge-1", "--osupdatepolicy", "newest"});
  EXPECT_EQ(called.code, 0) << called.err;
  EXPECT_EQ(changes(), (Changes{linked(1, "a"), window(1)}));
  // One that runs its image already is assigned all the same.
  EXPECT_EQ(on({"update-os", "host", "--filter", "name=edge", "--osupdatepolicy", "newest"}).code, 0);
  EXPECT_EQ(changes(), (Changes{linked(1, "a"), window(1), linked(2, "a"), window(2), linked(3, "a"), window(3)}));
  const auto dry = on({"update-os", "host", "--filter", "name=edge", "--osupdatepolicy", "newest", "--dry-run"});
  EXPECT_EQ(dry.code, 0);
  EXPECT_NE(dry.out.find("a dry run: nothing was changed"), std::string::npos) << dry.out;
  EXPECT_EQ(changes(), Changes{});
}

TEST_F(OrchUpdate, WritesAFileOfHostsAndDoesWhatOneSays) {
  const auto path = (folder / "out.csv").string();
  EXPECT_EQ(on({"update-os", "host", "--generate-csv", path, "--filter", "name=edge"}).out, path + " written, with 3 hosts\n");
  std::stringstream written;
  written << std::ifstream(path).rdbuf();
  EXPECT_EQ(written.str(),
            "Name,ResourceID,OSUpdatePolicyID\nedge-1,host-00000001,osupdatepolicy-0000000b\nedge-2,host-00000002,osupdatepolicy-0000000b\n"
            "edge-3,host-00000003,osupdatepolicy-0000000b\n");
  EXPECT_EQ(on({"update-os", "host", "--generate-csv", "-"}).out, "Name,ResourceID,OSUpdatePolicyID\n");
  const std::string head = "\xef\xbb\xbfName,ResourceID,OSUpdatePolicyID\r\n";
  const auto called =
      on({"update-os", "host", "--import-from-csv", file(head + "edge-3,host-00000003,newest\r\nedge-1,host-00000001\r\n\r\n")});
  EXPECT_EQ(called.code, 0) << called.err;
  EXPECT_EQ(changes(), (Changes{linked(3, "a"), window(3), window(1)}));
  EXPECT_EQ(on({"update-os", "host", "--import-from-csv", "-", "--dry-run"}, written.str()).code, 0);
  EXPECT_EQ(changes(), Changes{});
}

TEST_F(OrchUpdate, WithAnythingWrongInAFileChangesNothing) {
  const std::string head = "Name,ResourceID,OSUpdatePolicyID\nedge-1,host-00000001,newest\n";
  const std::tuple<std::string, int, const char*> table[] = {
      {"", 2, ": there is no host in it"},
      {"edge-1,host-00000001,newest\n", 2, ":1: the first line is not"},
      {head + "edge-2host-00000002\n", 2, ":3: is not \"name,resource id\""},
      {head + "edge-2,host-00000002,newest,x\n", 2, ":3: is not \"name,resource id\""},
      {head + ",host-00000002,newest\n", 2, ":3: the name is missing"},
      {head + "edge-2,edge-2,newest\n", 2, ":3: \"edge-2\" is no resource id of a host"},
      {head + "edge-1,host-00000001\n", 2, ":3: host host-00000001 comes twice"},
      {head + "edge-9,host-00000009,newest\n", 3, ":3: there is no host host-00000009"},
      {head + "edge-3,host-00000002,newest\n", 5, ":3: host host-00000002 is named edge-2, not edge-3"},
      {head + "edge-2,host-00000002,oldest\n", 3, ":3: no osupdatepolicy goes by \"oldest\""},
  };
  for (const auto& [text, code, message] : table) {
    const auto called = on({"update-os", "host", "--import-from-csv", file(text)});
    EXPECT_EQ(called.code, code) << message;
    EXPECT_NE(called.err.find(message), std::string::npos) << called.err;
    EXPECT_EQ(changes(), Changes{});
  }
  for (const auto& words : {Words{"--import-from-csv", "x", "--osupdatepolicy", "p"},
                            {"--osupdatepolicy", "p", "--now"},
                            {"--osupdatepolicy", "p"},
                            {"edge-1", "--import-from-csv", "x"},
                            {"--import-from-csv", "/no/such/file"}})
    EXPECT_EQ(on(with({"update-os", "host"}, words)).code, 2) << words.back();
}

}  // namespace
}  // namespace abide::ctl
