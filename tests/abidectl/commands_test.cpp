// What the verbs ask of the server, and print.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/abidectl/calls.hpp"
#include "tests/abidectl/small_server.hpp"
#include "tools/abidectl/json.hpp"

namespace abide::ctl {
namespace {

const char* const host_one = R"({"resourceId":"host-00000001","name":"edge-1","uuid":"8d99c3a9-1feb-53cc-8e82-59fc892260c7",
  "instance":{"resourceId":"inst-00000001","os":{"imageId":"3.0.1"},"updateStatus":"Downloading artifacts","updatePolicy":
  {"resourceId":"osupdatepolicy-0000000a","name":"newest"},"updateProgress":{"phase":"Staging","percent":40}}})";
const char* const host_ten = R"({"resourceId":"host-00000010","name":"edge-10","uuid":"0f6adff7-dadd-5c31-af8e-566accbb1971",
  "instance":{"resourceId":"inst-00000010","updateStatus":"Download complete","updateProgress":{"phase":"Staged"}}})";

// The part of the API that these tests need, with its hosts, policies and systems.
class Project {
 public:
  std::string hosts = std::string(host_ten) + "," + host_one;
  std::string policies = R"({"resourceId":"osupdatepolicy-0000000a","name":"newest","updatePolicy":"UPDATE_POLICY_LATEST"})";
  std::string systems =
      R"({"resourceId":"os-00000001","name":"EMT 3.0.1","imageId":"3.0.1"},{"resourceId":"os-00000002","name":"EMT 3.0.2","imageId":"3.0.2"})";
  std::string conditions = "[]";
  std::string events;
  std::map<std::string, std::string> confirmations;  // by resource id of a host
  int refuse_order_of_host_ten = 0;

  SmallAnswer operator()(const SmallRequest& request) const {
    std::string path = request.target.substr(0, request.target.find('?'));
    const std::string prefix = "/v1/projects/demo";
    if (path.compare(0, prefix.size(), prefix) != 0) return {404, R"({"message":"no such project"})"};
    path.erase(0, prefix.size());
    const auto list = [](const std::string& key, const std::string& items) {
      return SmallAnswer{200, "{\"" + key + "\":[" + items + "],\"hasNext\":false}"};
    };
    if (request.method == "GET") {
      if (path == "/compute/hosts") return list("hosts", hosts);
      if (path == "/os-update-policies") return list("osUpdatePolicies", policies);
      if (path == "/compute/os") return list("OperatingSystemResources", systems);
      for (const auto& [id, confirmation] : confirmations)
        if (path == "/compute/hosts/" + id + "/confirmation") return {200, confirmation};
      if (path == "/compute/hosts/host-00000001") return {200, host_one};
      if (path == "/compute/hosts/host-00000001/explain") return {200, R"({"phase":"Staging","conditions":)" + conditions + "}"};
      if (path == "/events" && request.target.find("watch=true") != std::string::npos) return {200, events, "text/event-stream"};
      if (path == "/events")
        return {200, R"({"events":[{"sequence":7,"at":"2026-06-04T01:59:00Z","host":"edge-1","text":"ImageStaged slot=b"}]})"};
    } else {
      if (refuse_order_of_host_ten != 0 && path.find("00000010") != std::string::npos) {
        return {refuse_order_of_host_ten, R"({"message":"not this one"})"};
      }
      Json body = Json::parse(request.body, nullptr, false);
      if (!body.is_object()) body = Json::object();
      body["resourceId"] = "made-00000001";
      return {200, body.dump()};
    }
    return {404, R"({"code":"NotFound","message":"there is nothing"})"};
  }
};

class AbidectlCommands : public ::testing::Test {
 protected:
  Called on(const std::vector<std::string>& words, const std::string& input = {}, bool terminal = false, int waits_max = 0) {
    server_ = std::make_unique<SmallServer>(project);
    return call(words, {{"ABIDE_SERVER", server_->url()}, {"ABIDE_PROJECT", "demo"}}, input, terminal, waits_max);
  }
  // Method, path and body of what changed something.
  std::vector<std::string> changes() const {
    std::vector<std::string> found;
    for (const auto& request : server_->requests()) {
      if (request.method != "GET")
        found.push_back(request.method + " " + request.target.substr(std::string("/v1/projects/demo").size()) + " " + request.body);
    }
    return found;
  }
  using Changes = std::vector<std::string>;
  Project project;

 private:
  std::unique_ptr<SmallServer> server_;
};

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
          R"(POST /os-update-policies {"name":"myupdate","updatePolicy":"UPDATE_POLICY_TARGET","description":"an update profile","targetOsId":"os-00000002"})"}));
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
    project.confirmations["host-00000001"] = R"({"resourceId":"host-00000001","name":"edge-1","held":true,"heldWhy":"may have been told more",
      "shows":{"document":"(7,13)","documentKnown":false,"phase":"Staged","offer":"(7,12)","osImageId":"3.0.1"},
      "asks":{"policyName":"newest","osImageId":"3.0.2","aborted":false,"paused":false,"windowOpen":true},
      "differences":["it holds document (7,13), which is not known here"]})";
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
  for (const auto& words : std::vector<std::vector<std::string>>{{"confirm", "--all"}, {"confirm", "hosts", "--all"}, {"confirm", "host", "edge-1"}}) {
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

TEST_F(AbidectlCommands, AnEventStreamGoesOnBehindTheLastEventThatWasPrinted) {
  project.events =
      "id: 7\nevent: ImageStaged\ndata: {\"sequence\":7,\"at\":\"2026-06-04T01:59:00Z\",\ndata: \"host\":\"edge-1\",\"text\":\"ImageStaged "
      "slot=b\"}\n\n: nothing new\n\n";
  SmallServer server(project);
  const auto called = call({"get", "events", "--watch"}, {{"ABIDE_SERVER", server.url()}, {"ABIDE_PROJECT", "demo"}}, {}, false, 0);
  EXPECT_NE(called.out.find("  edge-1  ImageStaged slot=b\n"), std::string::npos) << called.out;
  const auto requests = server.requests();
  ASSERT_GE(requests.size(), 2U);
  EXPECT_NE(requests[1].target.find("after=7"), std::string::npos) << requests[1].target;
}

TEST_F(AbidectlCommands, ANameThatIsNeverAPathStaysOneSegment) {
  SmallServer server(project);
  (void)call({"get", "hosts", "--server", server.url(), "--project", "../x?y"});
  EXPECT_EQ(server.requests().at(0).target.substr(0, 39), "/v1/projects/..%2Fx%3Fy/compute/hosts?p");
}

}  // namespace
}  // namespace abide::ctl
