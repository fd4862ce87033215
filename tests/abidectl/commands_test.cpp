// What the verbs ask of the server, and print.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/abidectl/project.hpp"

namespace abide::ctl {
namespace {

TEST_F(AbidectlCommands, ListsHostsInNaturalOrderWithPhaseAndPercent) {
  const auto called = on({"get", "hosts"});
  EXPECT_EQ(called.code, 0);
  EXPECT_EQ(called.out,
            "NAME     IMAGE  PHASE        STATUS                 POLICY  AVAILABLE\n"
            "edge-1   3.0.1  Staging 40%  Downloading artifacts  newest  -\n"
            "edge-10  -      Staged       Download complete      -       -\n");
}

TEST_F(AbidectlCommands, FindsAHostByNameIdAndUuidInAnyCase) {
  for (const char* name : {"edge-1", "host-00000001", "8d99c3a9-1feb-53cc-8e82-59fc892260c7", "8D99C3A9-1FEB-53CC-8E82-59FC892260C7"}) {
    const auto called = on({"get", "host", name, "-o", "json"});
    EXPECT_EQ(called.code, 0) << name;
    EXPECT_EQ(Json::parse(called.out)["resourceId"], "host-00000001") << name;
  }
  EXPECT_EQ(on({"get", "host", "edge-2"}).code, 3);
  EXPECT_EQ(on({"get", "host", "host-0000000f"}).code, 3);
}

TEST_F(AbidectlCommands, AnAmbiguousNameListsTheCandidatesAndChangesNothing) {
  project.hosts = R"({"resourceId":"host-00000001","name":"edge","uuid":"u-1"},{"resourceId":"host-00000002","name":"edge","uuid":"u-2"})";
  const auto called = on({"pause", "host", "edge"});
  EXPECT_EQ(called.code, 1);
  EXPECT_NE(called.err.find("host-00000001  edge  u-1"), std::string::npos) << called.err;
  EXPECT_NE(called.err.find("host-00000002  edge  u-2"), std::string::npos) << called.err;
  EXPECT_EQ(changes(), Changes{});
}

TEST_F(AbidectlCommands, CreatesPoliciesByFlagsAndByFile) {
  EXPECT_EQ(on({"create", "osupdatepolicy", "p", "--latest", "--description", "d"}).code, 0);
  EXPECT_EQ(changes(), (Changes{R"(POST /os-update-policies {"name":"p","description":"d","updatePolicy":"UPDATE_POLICY_LATEST"})"}));
  const std::string pinned =
      R"(POST /os-update-policies {"name":"p","updatePolicy":"UPDATE_POLICY_TARGET","targetOsId":"os-00000002","allowDowngrade":true})";
  for (const char* target : {"EMT 3.0.2", "3.0.2"}) {
    EXPECT_EQ(on({"create", "policy", "p", "--target", target, "--allow-downgrade"}).code, 0);
    EXPECT_EQ(changes(), Changes{pinned}) << target;
  }
  EXPECT_EQ(on({"create", "policy", "p", "--target", "EMT 9"}).code, 3);
  EXPECT_EQ(changes(), Changes{});
  const std::string yaml =
      "appVersion: apps/v1\nspec:\n  name: myupdate\n  description: \"an update profile\"\n  updatePolicy: \"UPDATE_POLICY_TARGET\"\n  "
      "targetOs: \"EMT 3.0.2\"\n";
  EXPECT_EQ(on({"create", "osupdatepolicy", "-f", "-"}, yaml).code, 0);
  EXPECT_EQ(
      changes(),
      (Changes{
          R"(POST /os-update-policies {"name":"myupdate","description":"an update profile","updatePolicy":"UPDATE_POLICY_TARGET","targetOsId":"os-00000002"})"}));
  for (const char* wrong : {"", "spec: 3", "spec: {description: x}", "a: [", "- 1"}) {
    EXPECT_EQ(on({"create", "osupdatepolicy", "-f", "-"}, wrong).code, 2) << wrong;
    EXPECT_EQ(changes(), Changes{});
  }
}

TEST_F(AbidectlCommands, CreatesAWindowWithItsTimesInSeconds) {
  EXPECT_EQ(
      on({"create", "schedule", "w", "--host", "edge-1", "--type", "osupdate", "--start", "+10m", "--end", "2026-06-04T06:00:00+02:00"})
          .code,
      0);
  EXPECT_EQ(
      changes(),
      (Changes{
          R"(POST /schedules/single {"name":"w","scheduleStatus":"SCHEDULE_STATUS_OS_UPDATE","startSeconds":1780539000,"endSeconds":1780545600,"targetHostId":"host-00000001"})"}));
  EXPECT_EQ(on({"create", "schedule", "w", "--host", "edge-1", "--type", "maintenance", "--start", "now"}).code, 0);
  EXPECT_EQ(
      changes(),
      (Changes{
          R"(POST /schedules/single {"name":"w","scheduleStatus":"SCHEDULE_STATUS_MAINTENANCE","startSeconds":1780538401,"targetHostId":"host-00000001"})"}));
}

TEST_F(AbidectlCommands, LinksEveryHostThatIsNamedAndGoesOnAfterARefusal) {
  EXPECT_EQ(on({"link", "policy", "newest", "--host", "edge-1", "--host", "edge-10"}).code, 0);
  EXPECT_EQ(changes(), (Changes{R"(PATCH /compute/instances/inst-00000001 {"osUpdatePolicyID":"osupdatepolicy-0000000a"})",
                                R"(PATCH /compute/instances/inst-00000010 {"osUpdatePolicyID":"osupdatepolicy-0000000a"})"}));
  project.refuse_order_of_host_ten = 409;
  const auto called = on({"link", "policy", "newest", "--all"});
  EXPECT_EQ(called.code, 5);
  EXPECT_EQ(changes().size(), 2U);
  EXPECT_NE(called.err.find("host edge-10: not this one"), std::string::npos) << called.err;
  EXPECT_NE(called.out.find("host edge-1 linked to newest"), std::string::npos) << called.out;
}

TEST_F(AbidectlCommands, UnlinksOnlyFromThePolicyThatIsNamed) {
  EXPECT_EQ(on({"unlink", "policy", "newest", "--host", "edge-1"}).code, 0);
  EXPECT_EQ(changes(), (Changes{R"(PATCH /compute/instances/inst-00000001 {"osUpdatePolicyID":""})"}));
  EXPECT_EQ(on({"unlink", "policy", "newest", "--host", "edge-10"}).code, 1);
  EXPECT_EQ(changes(), Changes{});
}

TEST_F(AbidectlCommands, OrdersAreOnePostAHost) {
  for (const char* verb : {"pause", "resume", "abort"}) {
    EXPECT_EQ(on({verb, "host", "edge-1", "edge-10"}).code, 0);
    EXPECT_EQ(changes(), (Changes{std::string("POST /compute/hosts/host-00000001/") + verb + " {}",
                                  std::string("POST /compute/hosts/host-00000010/") + verb + " {}"}));
  }
  EXPECT_EQ(on({"resolve", "host", "edge-1", "--journal", "6f7aef82c1aae6c9"}).code, 0);
  EXPECT_EQ(changes(), (Changes{R"(POST /compute/hosts/host-00000001/resolve {"journal":"6f7aef82c1aae6c9"})"}));
}

class Confirming : public AbidectlCommands {
 protected:
  Confirming() {
    project.hosts = R"({"resourceId":"host-00000001","name":"edge-1","instance":{"node":{"held":true}}},
      {"resourceId":"host-00000010","name":"edge-10","instance":{"node":{"held":false}}})";
    project.confirmations["host-00000001"] =
        R"json({"resourceId":"host-00000001","name":"edge-1","held":true,"heldWhy":"may have been told more",
      "shows":{"document":"(7,13)","documentKnown":false,"phase":"Staged","offer":"(7,12)","osImageId":"3.0.1"},
      "asks":{"policyName":"newest","osImageId":"3.0.2","aborted":false,"paused":false,"windowOpen":true},
      "differences":["it holds document (7,13), which is not known here"]})json";
    project.confirmations["host-00000010"] = R"({"resourceId":"host-00000010","name":"edge-10","held":false,"shows":{"phase":"Idle"},
      "asks":{"nothing":"no policy","aborted":false,"paused":false,"windowOpen":false},"differences":[]})";
  }
  const std::string shown =
      "host edge-1 may have been told more\n"
      "  shows    document (7,13) (not known here), Staged with update (7,12), runs image 3.0.1\n"
      "  is asked image 3.0.2 by policy newest; its window is open\n"
      "  ! it holds document (7,13), which is not known here\n";
  const Changes confirmed = {"POST /compute/hosts/host-00000001/confirm {}"};
};

TEST_F(Confirming, ShowsTheDifferencesFirstAndThenReleasesWhatIsHeld) {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"confirm", "--all"}, {"confirm", "hosts", "--all"}, {"confirm", "host", "edge-1"}}) {
    const auto called = on(words);
    EXPECT_EQ(called.code, 0) << called.err;
    EXPECT_EQ(called.out, shown + "host edge-1 confirmed\n");
    EXPECT_EQ(changes(), confirmed);
  }
}

TEST_F(Confirming, ADryRunAndANoChangeNothing) {
  EXPECT_EQ(on({"confirm", "--all", "--dry-run"}).out, shown);
  EXPECT_EQ(changes(), Changes{});
  const auto no = on({"confirm", "--all"}, "n\n", true);
  EXPECT_EQ(no.code, 1);
  EXPECT_EQ(no.out, shown + "confirm 1 host? [y/N] ");
  EXPECT_EQ(changes(), Changes{});
  EXPECT_EQ(on({"confirm", "--all"}, "", true).code, 1) << "no answer is a no";
  EXPECT_EQ(on({"confirm", "--all"}, "y\n", true).code, 0);
  EXPECT_EQ(changes(), confirmed);
  EXPECT_EQ(on({"confirm", "--all", "--yes"}, "", true).code, 0);
  EXPECT_EQ(changes(), confirmed);
}

TEST_F(Confirming, WhatIsNotHeldIsLeftAlone) {
  EXPECT_EQ(on({"confirm", "host", "edge-10"}).out, "host edge-10 is not held\n");
  EXPECT_EQ(changes(), Changes{});
  project.hosts = R"({"resourceId":"host-00000010","name":"edge-10","instance":{"node":{"held":false}}})";
  EXPECT_EQ(on({"confirm", "--all"}).out, "no host is held\n");
  EXPECT_EQ(changes(), Changes{});
}

TEST_F(Confirming, GivesTheComparisonAsADocument) {
  const auto called = on({"confirm", "--all", "--dry-run", "-o", "json"});
  EXPECT_EQ(Json::parse(called.out).at(0)["shows"]["document"], "(7,13)") << called.out;
  EXPECT_EQ(changes(), Changes{});
}

TEST_F(Confirming, WrongWordsAreSaid) {
  EXPECT_EQ(on({"confirm"}).code, 2);
  EXPECT_EQ(on({"confirm", "host"}).code, 2);
  EXPECT_EQ(on({"confirm", "host", "edge-1", "--all"}).code, 2);
  EXPECT_EQ(changes(), Changes{});
}

TEST_F(AbidectlCommands, ExplainsInPlainWords) {
  project.conditions =
      R"([{"what":"window","text":"window tonight opens 2026-06-04T02:05:00Z","at":"2026-06-04T02:05:00Z"},{"what":"pause","text":"the update is paused"}])";
  EXPECT_EQ(on({"explain", "host", "edge-1"}).out,
            "edge-1: Downloading artifacts (phase Staging)\n"
            "  - window tonight opens 2026-06-04T02:05:00Z (in 5m)\n"
            "  - the update is paused\n");
  project.conditions = "[]";
  EXPECT_EQ(on({"explain", "host", "edge-1"}).out, "edge-1: Downloading artifacts (phase Staging)\n  waits for nothing\n");
}

TEST_F(AbidectlCommands, AWatchInATerminalDrawsOverWhatItDrewBefore) {
  const auto called = on({"watch", "hosts"}, {}, true, 1);
  EXPECT_EQ(called.code, 0);
  EXPECT_NE(called.out.find("Staging ██████░░░░░░░░░░ 40%"), std::string::npos) << called.out;
  EXPECT_NE(called.out.find("\x1b[3A\r\x1b[J"), std::string::npos) << called.out;  // a head and two rows up
}

TEST_F(AbidectlCommands, AWatchElsewhereGivesALineOnlyWhereSomethingChanged) {
  const auto called = on({"watch", "hosts"}, {}, false, 3);
  EXPECT_EQ(std::count(called.out.begin(), called.out.end(), '\n'), 2) << called.out;
  EXPECT_EQ(called.out.find('\x1b'), std::string::npos);
}

// Each connection to the stream gets the next of these answers; the journal ends at event 7 when the watch begins.
class AbidectlEvents : public ::testing::Test {
 protected:
  static std::string event(int number) {
    const auto text = std::to_string(number);
    return "id: " + text + "\nevent: ImageStaged\ndata: {\"sequence\":" + text +
           ",\"at\":\"2026-06-04T01:59:00Z\",\ndata: \"host\":\"edge-1\",\"text\":\"number " + text + "\"}\n\n";
  }
  Called watch(std::vector<SmallAnswer> streams) {
    const auto rounds = streams.size();
    SmallServer server([streams = std::move(streams), at = std::size_t{0}](const SmallRequest& request) mutable {
      if (request.target.find("watch=true") == std::string::npos) return SmallAnswer{200, R"({"events":[{"sequence":7}],"last":7})"};
      return at < streams.size() ? streams[at++] : SmallAnswer{200, "", "text/event-stream"};
    });
    auto called = call({"get", "events", "--watch"}, {{"ABIDE_SERVER", server.url()}, {"ABIDE_PROJECT", "demo"}}, {}, false,
                       static_cast<int>(rounds) - 1);
    behind.clear();
    for (const auto& request : server.requests())
      if (request.target.find("watch=true") != std::string::npos) behind.push_back(request.header("Last-Event-ID"));
    behind.resize(std::min(behind.size(), rounds));  // that nobody reads any more is seen one connection later
    return called;
  }
  static SmallAnswer stream(const std::string& text) { return {200, text, "text/event-stream"}; }
  std::vector<std::string> behind;  // where each connection asks to go on
};

TEST_F(AbidectlEvents, BeginAtTheJournalsEndAndGoOnBehindTheLastOneThatCame) {
  const auto called = watch({stream(""), stream(event(8) + ": keep-alive\n\n" + event(9)), stream(event(10))});
  EXPECT_EQ(called.code, 0) << called.err;
  EXPECT_EQ(behind, (std::vector<std::string>{"7", "7", "9"}));
  for (const char* text : {"  edge-1  number 8\n", "  edge-1  number 9\n", "  edge-1  number 10\n"})
    EXPECT_NE(called.out.find(text), std::string::npos) << called.out;
}

TEST_F(AbidectlEvents, OfAServerThatIsKilledBeforeTheFirstOneAreWaitedFor) {
  // It closes the connection in the middle of a line.
  auto cut = stream("id: 8\nevent: Im");
  cut.cut = true;
  const auto called = watch({SmallAnswer{503, R"({"message":"it starts"})"}, cut, stream(event(8))});
  EXPECT_EQ(called.code, 0) << called.err;
  EXPECT_EQ(behind, (std::vector<std::string>{"7", "7", "7"}));
  EXPECT_NE(called.out.find("number 8"), std::string::npos) << called.out;
}

TEST_F(AbidectlEvents, OfAServerThatIsSilentForTooLongAreAskedForAnew) {
  auto half_open = stream(event(8));
  half_open.hangs = true;
  const auto called = watch({half_open, stream(event(9))});
  EXPECT_EQ(called.code, 0) << called.err;
  EXPECT_EQ(behind, (std::vector<std::string>{"7", "8"}));
  EXPECT_NE(called.err.find("is silent; still trying"), std::string::npos) << called.err;
}

TEST_F(AbidectlEvents, ThatAreKeptNoLongerOrThatNeverWereEndTheWatchWithWordsForIt) {
  for (const auto& [status, words] : {std::pair{410, "event 8 is older than what is kept"}, {400, "the journal ends before event 8"}}) {
    const auto called = watch({stream(event(8)), SmallAnswer{status, std::string(R"({"message":")") + words + "\"}"}});
    EXPECT_EQ(called.code, status == 410 ? 5 : 1) << called.err;
    EXPECT_NE(called.err.find(std::string("events behind number 8 cannot be had, some may be missing: ") + words +
                              "; `abidectl watch events` begins anew at the newest"),
              std::string::npos)
        << called.err;
  }
}

TEST_F(AbidectlCommands, SteersHostsByTheirInstancesAndDescribesEventsAndSources) {
  for (const char* verb : {"pause", "resume", "abort"}) {
    EXPECT_EQ(on({verb, "instance", "inst-00000001"}).out,
              std::string("host edge-1 ") + verb + (std::string(verb) == "abort" ? "ed\n" : "d\n"));
    EXPECT_EQ(changes(), (Changes{std::string("POST /compute/hosts/host-00000001/") + verb + " {}"}));
  }
  EXPECT_EQ(on({"explain", "instance", "inst-00000001"}).out, "edge-1: Downloading artifacts (phase Staging)\n  waits for nothing\n");
  EXPECT_EQ(on({"describe", "event", "7"}).code, 0);
  EXPECT_EQ(questions(), (Changes{"/events?after=6&before=8"}));
  project.sources = R"({"name":"oci://a/b:1","error":"not found"})";
  EXPECT_NE(on({"describe", "source", "oci://a/b:1"}).out.find("error:                  not found\n"), std::string::npos);
  EXPECT_EQ(on({"describe", "source", "oci://a/c:1"}).code, 3);
  EXPECT_EQ(on({"delete", "host", "edge-10"}).code, 0);
  EXPECT_EQ(changes(), (Changes{"DELETE /compute/hosts/host-00000010 "}));
  EXPECT_EQ(on({"refresh"}).code, 0);
  EXPECT_EQ(changes(), (Changes{"POST /refresh {}"}));
}

TEST_F(AbidectlCommands, MakesAndChangesPlacesAndHostsInThem) {
  EXPECT_EQ(on({"create", "region", "germany", "--parent", "europe", "--metadata", "grid=south"}).code, 0);
  EXPECT_EQ(changes(),
            (Changes{R"(POST /regions {"metadata":[{"key":"grid","value":"south"}],"parentId":"region-0000000a","name":"germany"})"}));
  EXPECT_EQ(on({"create", "site", "berlin", "--region", "europe", "--latitude", "52.52", "--longitude", "-13.4050001"}).code, 0);
  EXPECT_EQ(changes(), (Changes{R"(POST /sites {"siteLat":525200000,"siteLng":-134050001,"regionId":"region-0000000a","name":"berlin"})"}));
  EXPECT_EQ(on({"edit", "site", "munich", "--region", "none"}).code, 0);
  EXPECT_EQ(changes(), (Changes{R"(PATCH /sites/site-0000000a {"regionId":""})"}));
  EXPECT_EQ(on({"edit", "region", "bavaria", "--name", "by"}).code, 0);
  EXPECT_EQ(changes(), (Changes{R"(PATCH /regions/region-0000000b {"name":"by"})"}));
  EXPECT_EQ(on({"delete", "site", "lisbon"}).code, 0);
  EXPECT_EQ(changes(), (Changes{"DELETE /sites/site-0000000b "}));
  EXPECT_EQ(on({"edit", "host", "edge-1", "--site", "munich"}).code, 0);
  EXPECT_EQ(changes(), (Changes{R"(PATCH /compute/hosts/host-00000001 {"siteId":"site-0000000a"})"}));
  EXPECT_EQ(on({"edit", "host", "edge-1", "--site", "none", "--name", "press"}).code, 0);
  EXPECT_EQ(changes(), (Changes{R"(PATCH /compute/hosts/host-00000001 {"name":"press","siteId":""})"}));
  EXPECT_EQ(on({"create", "host", "e", "--uuid", "0f6adff7-dadd-5c31-af8e-566accbb1971", "--site", "munich"}).code, 0);
  EXPECT_EQ(changes(),
            (Changes{R"(POST /compute/hosts {"name":"e","uuid":"0f6adff7-dadd-5c31-af8e-566accbb1971","siteId":"site-0000000a"})"}));
  EXPECT_EQ(on({"edit", "site", "atlantis", "--name", "x"}).code, 3);
  EXPECT_EQ(changes(), Changes{});
}

TEST_F(AbidectlCommands, ChangesMetadataKeyByKey) {
  project.sites = R"({"resourceId":"site-0000000a","name":"munich","metadata":[{"key":"grid","value":"south"},{"key":"old","value":"1"}]})";
  EXPECT_EQ(on({"edit", "site", "munich", "--metadata", "grid=north", "--metadata", "old-", "--metadata", "line=3"}).code, 0);
  EXPECT_EQ(changes(), (Changes{R"(PATCH /sites/site-0000000a {"metadata":[{"key":"grid","value":"north"},{"key":"line","value":"3"}]})"}));
  EXPECT_EQ(on({"edit", "site", "munich", "--metadata", "what"}).code, 2);
  EXPECT_EQ(changes(), Changes{});
}

TEST_F(AbidectlCommands, DrawsRegionsAsATreeWithTheirSites) {
  EXPECT_EQ(on({"get", "regions", "--tree"}).out,
            "NAME          IS      POLICY  ID\n"
            "europe        region  -       region-0000000a\n"
            "├─ bavaria    region  -       region-0000000b\n"
            "│  └─ munich  site    -       site-0000000a\n"
            "└─ lisbon     site    -       site-0000000b\n");
  const auto nested = Json::parse(on({"get", "regions", "--tree", "-o", "json"}).out);
  EXPECT_EQ(nested[0]["below"][0]["below"][0]["name"], "munich");
}

TEST_F(AbidectlCommands, ListsWhatIsInASiteOrARegion) {
  project.hosts = R"({"resourceId":"host-00000001","name":"a","site":{"resourceId":"site-0000000a","region":{"resourceId":"region-0000000b",
    "parentRegion":{"resourceId":"region-0000000a"}}}},{"resourceId":"host-00000002","name":"b"})";
  for (const auto& words : {std::vector<std::string>{"--site", "munich"}, {"--region", "europe"}, {"--region", "bavaria"}}) {
    std::vector<std::string> all{"get", "hosts", "-o", "json"};
    all.insert(all.end(), words.begin(), words.end());
    const auto found = Json::parse(on(all).out);
    ASSERT_EQ(found.size(), 1U) << words[1];
    EXPECT_EQ(found[0]["name"], "a");
  }
  EXPECT_EQ(Json::parse(on({"get", "hosts", "-o", "json", "--region", "europe"}).out).size(), 1U);
  // The server is asked for no more than that.
  const auto filter = questions().back();
  EXPECT_NE(filter.find("site.region.parentRegion.resourceId%3D%22region-0000000a"), std::string::npos) << filter;
  EXPECT_EQ(Json::parse(on({"get", "sites", "-o", "json", "--region", "bavaria"}).out).size(), 1U);
  (void)on({"get", "schedules", "--region", "bavaria"});
  EXPECT_NE(questions().back().find("/schedules/repeated?regionId=region-0000000b"), std::string::npos) << questions().back();
}

TEST_F(AbidectlCommands, MakesAndChangesRepeatedSchedules) {
  EXPECT_EQ(on({"create", "schedule", "nightly", "--site", "munich", "--type", "osupdate", "--cron", "30 2 * * mon-fri", "--duration", "2h",
                "--zone", "Europe/Berlin"})
                .code,
            0);
  EXPECT_EQ(
      changes(),
      (Changes{
          R"(POST /schedules/repeated {"name":"nightly","scheduleStatus":"SCHEDULE_STATUS_OS_UPDATE","durationSeconds":7200,"cronMinutes":"30","cronHours":"2","cronDayMonth":"*","cronMonth":"*","cronDayWeek":"mon-fri","timeZone":"Europe/Berlin","targetSiteId":"site-0000000a"})"}));
  EXPECT_EQ(on({"create", "schedule", "quiet", "--region", "europe", "--type", "blackout", "--start", "+1h", "--duration", "1d"}).code, 0);
  EXPECT_EQ(
      changes(),
      (Changes{
          R"(POST /schedules/single {"name":"quiet","scheduleStatus":"SCHEDULE_STATUS_BLACKOUT","startSeconds":1780542000,"endSeconds":1780628400,"targetRegionId":"region-0000000a"})"}));
  project.singles =
      R"({"resourceId":"singlesche-0000000a","name":"once","scheduleStatus":"SCHEDULE_STATUS_MAINTENANCE","startSeconds":1780542000})";
  project.repeated = R"({"resourceId":"repeatedsche-0000000a","name":"nightly","scheduleStatus":"SCHEDULE_STATUS_OS_UPDATE",
    "durationSeconds":5400,"cronMinutes":"0","cronHours":"3","cronDayMonth":"*","cronMonth":"*","cronDayWeek":"*",
    "targetRegion":{"resourceId":"region-0000000a","name":"europe"}})";
  EXPECT_EQ(on({"edit", "schedule", "nightly", "--cron", "0 4 * * *", "--duration", "1h"}).code, 0);
  EXPECT_EQ(
      changes(),
      (Changes{
          R"(PATCH /schedules/repeated/repeatedsche-0000000a {"durationSeconds":3600,"cronMinutes":"0","cronHours":"4","cronDayMonth":"*","cronMonth":"*","cronDayWeek":"*"})"}));
  EXPECT_EQ(on({"edit", "schedule", "once", "--end", "never", "--site", "munich"}).code, 0);
  EXPECT_EQ(changes(), (Changes{R"(PATCH /schedules/single/singlesche-0000000a {"endSeconds":0,"targetSiteId":"site-0000000a"})"}));
  for (const auto& wrong :
       {std::vector<std::string>{"edit", "schedule", "nightly", "--end", "+1h"}, {"edit", "schedule", "once", "--zone", "UTC"}}) {
    EXPECT_EQ(on(wrong).code, 2);
    EXPECT_EQ(changes(), Changes{});
  }
  EXPECT_EQ(on({"delete", "schedule", "nightly"}).code, 0);
  EXPECT_EQ(changes(), (Changes{"DELETE /schedules/repeated/repeatedsche-0000000a "}));
  ::setenv("TZ", "UTC", 1);
  EXPECT_EQ(on({"get", "schedules"}).out,
            "NAME     TYPE         FOR            OPENS                 CLOSES\n"
            "once     MAINTENANCE  -              2026-06-04T03:00:00Z  never\n"
            "nightly  OS_UPDATE    region europe  0 3 * * *             after 1h30m\n");
}

TEST_F(AbidectlCommands, LinksAndUnlinksPlacesAndInstances) {
  EXPECT_EQ(on({"link", "policy", "newest", "--site", "munich", "--region", "europe"}).code, 0);
  EXPECT_EQ(changes(), (Changes{R"(PATCH /sites/site-0000000a {"osUpdatePolicyID":"osupdatepolicy-0000000a"})",
                                R"(PATCH /regions/region-0000000a {"osUpdatePolicyID":"osupdatepolicy-0000000a"})"}));
  EXPECT_EQ(on({"unlink", "policy", "--region", "europe"}).code, 0);
  EXPECT_EQ(changes(), (Changes{R"(PATCH /regions/region-0000000a {"osUpdatePolicyID":""})"}));
  EXPECT_EQ(on({"unlink", "policy", "newest", "--region", "europe"}).code, 1);
  EXPECT_EQ(changes(), Changes{});
  // One that is not there keeps all others from being changed.
  EXPECT_EQ(on({"link", "policy", "newest", "--site", "munich", "--site", "atlantis"}).code, 3);
  EXPECT_EQ(changes(), Changes{});
}

TEST_F(AbidectlCommands, EditsAPolicysNameAndDescriptionAndDeletesRuns) {
  EXPECT_EQ(on({"edit", "policy", "newest", "--description", "all of plant 3"}).code, 0);
  EXPECT_EQ(changes(), (Changes{R"(PATCH /os-update-policies/osupdatepolicy-0000000a {"description":"all of plant 3"})"}));
  project.runs = R"({"resourceId":"osupdaterun-0000000a","name":"run 7"})";
  EXPECT_EQ(on({"delete", "run", "run 7"}).code, 0);
  EXPECT_EQ(changes(), (Changes{"DELETE /os-update-runs/osupdaterun-0000000a "}));
}

TEST_F(AbidectlCommands, ANameThatIsNeverAPathStaysOneSegment) {
  SmallServer server(project);
  (void)call({"get", "hosts", "--server", server.url(), "--project", "../x?y"});
  EXPECT_EQ(server.requests().at(0).target.substr(0, 39), "/v1/projects/..%2Fx%3Fy/compute/hosts?p");
}

}  // namespace
}  // namespace abide::ctl
