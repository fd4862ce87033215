// update-os: what it says before anything happens, and what it then does.
#include "tests/abidectl/project.hpp"

namespace abide::ctl {
namespace {

const char* const latest = R"({"resourceId":"osupdatepolicy-0000000a","name":"newest","updatePolicy":"UPDATE_POLICY_LATEST"})";
const char* const pinned = R"({"resourceId":"osupdatepolicy-0000000b","name":"pinned","updatePolicy":"UPDATE_POLICY_TARGET",
  "targetOs":{"resourceId":"os-00000001","imageId":"3.0.1","profileName":"emt","architecture":"x86_64","osType":"OS_TYPE_IMMUTABLE","rawSha256":"1111111111111111111111111111111111111111111111111111111111111111"}})";

// One host: its number, what runs there, more members of its instance and of what the bus knows of it.
std::string host(int number, const std::string& runs, const std::string& instance = {}, const std::string& node = {}) {
  const auto n = std::to_string(number);
  return R"({"resourceId":"host-0000000)" + n + R"(","name":"edge-)" + n + R"(","uuid":"u-)" + n +
         R"(","site":{"resourceId":"site-0000000a",
    "region":{"resourceId":"region-0000000b","parentRegion":{"resourceId":"region-0000000a"}}},"instance":{"resourceId":"inst-0000000)" +
         n + "\"," + instance + R"("node":{)" + (runs.empty() ? "" : R"("profileName":"emt","architecture":"x86_64",)") + node +
         R"("osImageId":")" + runs + "\"}}}";
}

std::string applied(const char* policy, const std::string& from, const std::string& id) {
  return R"("appliedUpdatePolicy":{"policy":)" + std::string(policy) + R"(,"from":")" + from + R"(","resourceId":")" + id + "\"},";
}

class AbidectlUpdate : public AbidectlCommands {
 protected:
  AbidectlUpdate() {
    ::setenv("TZ", "UTC", 1);
    project.policies = std::string(latest) + "," + pinned;
    project.systems =
        R"({"resourceId":"os-00000001","name":"EMT 3.0.1","imageId":"3.0.1","profileName":"emt","architecture":"x86_64","osType":"OS_TYPE_IMMUTABLE","rawSha256":"1111111111111111111111111111111111111111111111111111111111111111"},
           {"resourceId":"os-00000002","name":"EMT 3.0.2","imageId":"3.0.2","profileName":"emt","architecture":"x86_64","osType":"OS_TYPE_IMMUTABLE","rawSha256":"1111111111111111111111111111111111111111111111111111111111111111"},
           {"resourceId":"os-00000003","name":"Other 9","imageId":"9.0","profileName":"other","architecture":"x86_64","osType":"OS_TYPE_IMMUTABLE","rawSha256":"1111111111111111111111111111111111111111111111111111111111111111"})";
    project.hosts = host(1, "3.0.1") + "," + host(2, "3.0.2") + "," + host(3, "3.0.1", applied(pinned, "instance", "inst-00000003")) + "," +
                    host(4, "3.0.1", "", R"("held":true,)") + "," + host(5, "", "", "");
  }
  Json plan(std::vector<std::string> words) {
    words.insert(words.begin(), "update-os");
    words.insert(words.end(), {"--dry-run", "-o", "json"});
    const auto called = on(words);
    EXPECT_TRUE(called.code == 0 || called.code == 1) << called.err;
    EXPECT_EQ(changes(), Changes{});
    return Json::parse(called.out, nullptr, false);
  }
  static std::string verdicts(const Json& plan) {
    std::string text;
    for (const auto& one : plan["hosts"]) text += (text.empty() ? "" : ",") + text_at(one, "verdict");
    return text;
  }
};

TEST_F(AbidectlUpdate, SaysHowManyWhichWhenAndWhatIsRefusedAndWhyAndChangesNothing) {
  const auto called = on({"update-os", "--site", "munich", "--policy", "newest", "--now", "--dry-run"});
  EXPECT_EQ(called.code, 0) << called.err;
  EXPECT_EQ(called.out,
            "HOST    RUNS   GOES TO  POLICY         WHEN                         VERDICT\n"
            "edge-1  3.0.1  3.0.2    newest (site)  now to 2026-06-04T04:00:01Z  updates\n"
            "edge-2  3.0.2  -        newest (site)  -                            current: nothing is newer than 3.0.2, which runs\n"
            "edge-3  3.0.1  -        pinned         -                            current: runs it already\n"
            "edge-4  3.0.1  -        newest (site)  -                            refused: it is held: abidectl confirm host edge-4\n"
            "edge-5  -      -        newest (site)  -                            refused: the node has not told yet what it runs\n"
            "\n"
            "5 hosts: 1 would update, 2 up to date, 2 refused\n"
            "a dry run: nothing was changed\n");
  EXPECT_EQ(changes(), Changes{});
}

TEST_F(AbidectlUpdate, CountsTheNearestPolicyAsTheOrchestratorDoes) {
  const auto policy_of = [](const Json& plan) { return text_at(plan["hosts"][0], "policy"); };
  project.hosts = host(1, "3.0.1", applied(pinned, "region", "region-0000000b"));
  EXPECT_EQ(policy_of(plan({"--region", "europe", "--policy", "newest", "--now"})), "pinned (region)");  // bavaria is nearer
  EXPECT_EQ(policy_of(plan({"--region", "bavaria", "--policy", "newest", "--now"})), "newest (region)");
  EXPECT_EQ(policy_of(plan({"--site", "munich", "--policy", "newest", "--now"})), "newest (site)");
  EXPECT_EQ(policy_of(plan({"host", "edge-1", "--policy", "newest", "--now"})), "newest");
  EXPECT_EQ(policy_of(plan({"--site", "munich", "--now"})), "pinned (region)");
  project.hosts = host(1, "3.0.1", applied(pinned, "site", "site-0000000a"));
  EXPECT_EQ(policy_of(plan({"--region", "bavaria", "--policy", "newest", "--now"})), "pinned (site)");
}

TEST_F(AbidectlUpdate, KnowsTheWindowsThatAreScheduledAndTheBlackoutsThatTakeThemAway) {
  project.hosts = host(1, "3.0.1", applied(latest, "instance", "inst-00000001"));
  EXPECT_EQ(verdicts(plan({"host", "edge-1"})), "waits");
  project.repeated = R"({"resourceId":"repeatedsche-0000000a","scheduleStatus":"SCHEDULE_STATUS_OS_UPDATE","durationSeconds":3600,
    "cronMinutes":"0","cronHours":"3","cronDayMonth":"*","cronMonth":"*","cronDayWeek":"*","targetRegion":{"resourceId":"region-0000000a"}})";
  EXPECT_EQ(plan({"host", "edge-1"})["hosts"][0]["window"].dump(), R"({"opensAt":1780542000,"closesAt":1780545600})");
  project.singles = R"({"resourceId":"singlesche-0000000a","scheduleStatus":"SCHEDULE_STATUS_BLACKOUT","startSeconds":1780500000,
    "endSeconds":1780543800,"targetSite":{"resourceId":"site-0000000a"}})";
  EXPECT_EQ(plan({"host", "edge-1"})["hosts"][0]["window"].dump(), R"({"opensAt":1780543800,"closesAt":1780545600})");
  project.singles.clear();
  for (const bool opens : {false, true}) {  // what the orchestrator says counts, not what the status is called
    project.repeated = R"({"resourceId":"repeatedsche-0000000a","scheduleStatus":"SCHEDULE_STATUS_MAINTENANCE","opensForUpdates":)" +
                       std::string(opens ? "true" : "false") + R"(,"durationSeconds":3600,
    "cronMinutes":"0","cronHours":"3","cronDayMonth":"*","cronMonth":"*","cronDayWeek":"*","targetRegion":{"resourceId":"region-0000000a"}})";
    EXPECT_EQ(verdicts(plan({"host", "edge-1"})), opens ? "updates" : "waits");
  }
  project.singles = R"({"resourceId":"singlesche-0000000a","scheduleStatus":"SCHEDULE_STATUS_BLACKOUT","startSeconds":1780500000,
    "endSeconds":1780543800,"targetSite":{"resourceId":"site-0000000a"}})";
  project.repeated.clear();
  const auto covered = plan({"host", "edge-1", "--now", "--for", "10m"});
  EXPECT_EQ(verdicts(covered), "waits");
  EXPECT_EQ(covered["hosts"][0]["why"], "blackouts cover the window");
}

TEST_F(AbidectlUpdate, TriesAgainOnlyWhereAPolicyAndTheHostAreNamed) {
  project.hosts =
      host(1, "3.0.1", applied(latest, "instance", "inst-00000001"),
           R"("document":{"offer":"1.7","osImageId":"3.0.2"},"outcome":{"offer":"1.7","kind":"RolledBack","reason":"unhealthy"},)");
  const auto without = plan({"host", "edge-1", "--now"});
  EXPECT_EQ(verdicts(without), "refused");
  EXPECT_EQ(without["hosts"][0]["why"], "it ended before: RolledBack, unhealthy; again with: abidectl link policy newest --host edge-1");
  EXPECT_EQ(verdicts(plan({"--site", "munich", "--policy", "newest", "--now"})), "refused");
  EXPECT_EQ(verdicts(plan({"host", "edge-1", "--policy", "newest", "--now"})), "updates");
  project.hosts = host(1, "3.0.1", applied(latest, "instance", "inst-00000001"), R"("document":{"offer":"1.7","osImageId":"3.0.2"},)");
  EXPECT_EQ(verdicts(plan({"host", "edge-1", "--policy", "newest", "--now"})), "asked");
  // The window would let it go on, so it counts.
  const auto shown = on({"update-os", "host", "edge-1", "--now", "--dry-run"}).out;
  EXPECT_NE(shown.find("asked: before, without an outcome yet; goes on in that window"), std::string::npos) << shown;
  EXPECT_NE(shown.find("1 host: 1 would update (1 asked before)\n"), std::string::npos) << shown;
}

TEST_F(AbidectlUpdate, LinksAndOpensAWindowForEachHostThatWouldUpdateOnly) {
  const auto called =
      on({"update-os", "host", "edge-1", "edge-2", "edge-4", "host-00000001", "--policy", "newest", "--now", "--for", "30m", "--yes"});
  EXPECT_EQ(called.code, 0) << called.err;
  EXPECT_EQ(
      changes(),
      (Changes{
          R"(PATCH /compute/instances/inst-00000001 {"osUpdatePolicyID":"osupdatepolicy-0000000a"})",
          R"(POST /schedules/single {"name":"update-os host-00000001","scheduleStatus":"SCHEDULE_STATUS_OS_UPDATE","startSeconds":1780538401,"endSeconds":1780540201,"targetHostId":"host-00000001"})"}));
  EXPECT_NE(called.out.find("[1/1] host edge-1 linked to newest, a window up to 2026-06-04T02:30:01Z\n"), std::string::npos) << called.out;
}

TEST_F(AbidectlUpdate, LinksAPlaceOnceWithOneWindow) {
  EXPECT_EQ(on({"update-os", "--region", "bavaria", "--policy", "newest", "--at", "2026-06-05T00:00:00Z", "--yes"}).code, 0);
  EXPECT_EQ(
      changes(),
      (Changes{
          R"(PATCH /regions/region-0000000b {"osUpdatePolicyID":"osupdatepolicy-0000000a"})",
          R"(POST /schedules/single {"name":"update-os region-0000000b","scheduleStatus":"SCHEDULE_STATUS_OS_UPDATE","startSeconds":1780617600,"endSeconds":1780624800,"targetRegionId":"region-0000000b"})"}));
}

TEST_F(AbidectlUpdate, AsksAPersonAndDoesNothingWhereNobodyCanAnswer) {
  const std::vector<std::string> words = {"update-os", "--site", "munich", "--policy", "newest", "--now"};
  const auto alone = on(words);
  EXPECT_EQ(alone.code, 2);
  EXPECT_NE(alone.err.find("--yes"), std::string::npos) << alone.err;
  EXPECT_EQ(changes(), Changes{});
  for (const char* no : {"n\n", "\n", "", "what\n"}) {
    const auto called = on(words, no, false, 0, true);
    EXPECT_EQ(called.code, 1);
    EXPECT_NE(called.err.find("Link policy newest and open a window of 2h for site munich with 1 host? [y/N] "), std::string::npos)
        << called.err;
    EXPECT_EQ(changes(), Changes{});
  }
  EXPECT_EQ(on(words, "y\n", false, 0, true).code, 0);
  EXPECT_EQ(changes().size(), 2U);
}

TEST_F(AbidectlUpdate, GoesOnAfterARefusalAndCountsThem) {
  project.hosts = host(1, "3.0.1") + "," + host(2, "3.0.1");
  project.refuse_with = "host-00000001";
  const auto called = on({"update-os", "host", "edge-1", "edge-2", "--policy", "newest", "--now", "--yes"});
  EXPECT_EQ(called.code, 1);
  EXPECT_NE(called.err.find("[1/2] host edge-1: not with this"), std::string::npos) << called.err;
  EXPECT_NE(called.err.find("1 of 2 could not be done"), std::string::npos) << called.err;
  EXPECT_NE(called.out.find("[2/2] host edge-2 linked"), std::string::npos) << called.out;
}

TEST_F(AbidectlUpdate, RefusedOfEveryHostIsRefused) {
  EXPECT_EQ(on({"update-os", "host", "edge-4", "--policy", "newest", "--now", "--yes"}).code, 1);
  EXPECT_EQ(changes(), Changes{});
  const auto nothing = on({"update-os", "host", "edge-2", "--policy", "newest", "--now", "--yes"});
  EXPECT_EQ(nothing.code, 0);
  EXPECT_NE(nothing.out.find("nothing to do"), std::string::npos);
  EXPECT_EQ(changes(), Changes{});
}

}  // namespace
}  // namespace abide::ctl
