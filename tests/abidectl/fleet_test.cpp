// Fleets of any size: every host comes, once; names are looked up one by one; what was shown or read is what is changed.
#include <algorithm>
#include <cstdio>
#include <gtest/gtest.h>
#include <utility>

#include "tests/abidectl/project.hpp"

namespace abide::ctl {
namespace {

std::string padded(int number) {
  char text[16];
  std::snprintf(text, sizeof text, "%08d", number);
  return text;
}

// As many hosts as one likes, in pages behind a UUID only: offset ends at 10,000.
class LargeFleet {
 public:
  explicit LargeFleet(int hosts) : hosts_(hosts) {}
  SmallAnswer operator()(const SmallRequest& request) const {
    if (request.method != "GET") return refuse ? SmallAnswer{503, R"({"message":"too much to do"})"} : SmallAnswer{};
    if (const auto at = request.target.find("/confirmation"); at != std::string::npos)
      return {200, confirmation(std::stoi(request.target.substr(at - 8, 8))), "application/json", "\"t\""};
    const auto after = request.target.find("after=");
    if (request.target.find("/compute/hosts?") == std::string::npos || after == std::string::npos)
      return {400, R"({"message":"offset: must be an integer between 0 and 10000"})"};
    const int first = std::stoi(request.target.substr(after + 6 + 28, 8)) + 1;
    std::string page;
    for (int number = first; number < first + 100 && number <= hosts_; ++number)
      page += (page.empty() ? "" : ",") + (R"({"resourceId":"host-)" + padded(number) + R"(","name":"node-)" + std::to_string(number) +
                                           R"(","uuid":"00000000-0000-0000-0000-0000)" + padded(number) + "\"}");
    return {200, R"({"hosts":[)" + page + R"(],"hasNext":)" + (first + 100 <= hosts_ ? "true}" : "false}")};
  }
  bool refuse = false;

 private:
  // The first three of five differ, each by another update.
  static std::string confirmation(int number) {
    const auto differs = "it is Staged with update (7," + std::to_string(number) + ") (image 3.0.1)";
    const auto differences = number % 5 >= 3 ? std::string() : "\"" + differs + "\"";
    return R"({"resourceId":"host-)" + padded(number) + R"(","name":"node-)" + std::to_string(number) +
           R"(","held":true,"heldWhy":"was restored","shows":{"phase":"Idle"},"asks":{"nothing":"no policy"},"differences":[)" +
           differences + "]}";
  }
  int hosts_;
};

Called on(const SmallServer& server, const std::vector<std::string>& words) {
  return call(words, {{"ABIDE_SERVER", server.url()}, {"ABIDE_PROJECT", "demo"}});
}

TEST(AbidectlFleet, OfMoreHostsThanAnOffsetReachesIsListedWholeAndSteeredWhole) {
  LargeFleet fleet(10'350);
  fleet.refuse = true;
  const SmallServer server(fleet);
  const auto listed = on(server, {"get", "hosts", "-o", "json"});
  ASSERT_EQ(listed.code, 0) << listed.err;
  const auto hosts = Json::parse(listed.out);
  EXPECT_EQ(hosts.size(), 10'350U);
  EXPECT_EQ(hosts.back()["name"], "node-10350");
  // Whatever is for all has read all, before it is refused here.
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"pause", "hosts", "--all"}, {"resume", "hosts", "--all"}, {"abort", "hosts", "--all"}}) {
    const auto before = server.requests().size();
    EXPECT_EQ(on(server, words).code, 4);
    EXPECT_EQ(server.requests().size() - before, 104U + 1U) << words[0];
  }
}

TEST(AbidectlFleet, IsConfirmedWithTheFirstDifferencesShownAndAllOfThemCounted) {
  const SmallServer server(LargeFleet(110));
  const auto called = on(server, {"confirm", "--all"});
  EXPECT_EQ(called.code, 0) << called.err;
  const auto end = called.out.find("host node-1 confirmed\n");
  const auto shown = called.out.substr(0, end);
  EXPECT_EQ(std::count(shown.begin(), shown.end(), '!'), 20);
  EXPECT_NE(shown.find("host node-1 was restored\n  shows    no document, Idle\n  is asked nothing: no policy; no window\n"
                       "  ! it is Staged with update (7,1) (image 3.0.1)\n"),
            std::string::npos)
      << shown;
  EXPECT_NE(shown.find("... and 46 more with differences: --dry-run --output json has all\n\n"
                       "110 hosts are held: 66 with differences, 44 without\n"
                       "HOSTS  DIFFERENCE\n"
                       "66     it is Staged with update (…) (image 3.0.1)\n"),
            std::string::npos)
      << shown;
  const auto all = server.requests();
  EXPECT_EQ(std::count_if(all.begin(), all.end(),
                          [](const auto& request) { return request.method == "POST" && request.header("If-Match") == "\"t\""; }),
            110);
  EXPECT_NE(all.front().target.find("filter=instance.node.held%3Dtrue"), std::string::npos) << all.front().target;
  const auto document = Json::parse(on(server, {"confirm", "--all", "--dry-run", "-o", "json"}).out);
  EXPECT_EQ(document.size(), 110U);
}

class AbidectlNames : public AbidectlCommands {};

TEST_F(AbidectlNames, OfHostsAreAskedForOneByOneAndThoseOfOtherKindsExactly) {
  EXPECT_EQ(on({"get", "host", "edge-1", "-o", "json"}).code, 0);
  EXPECT_EQ(questions(), (Changes{"/compute/hosts/edge-1"}));
  EXPECT_EQ(on({"get", "instance", "edge-1", "-o", "json"}).code, 0);
  EXPECT_EQ(questions(), (Changes{"/compute/instances/edge-1"}));
  EXPECT_EQ(on({"get", "site", "munich", "-o", "json"}).code, 0);
  EXPECT_EQ(questions(), (Changes{"/sites?filter=%28name%3E%3D%22munich%22%20AND%20name%3C%3D%22munich%22%29&pageSize=100&offset=0"}));
  // What a path would take for something else, and what it cannot have.
  project.hosts =
      R"({"resourceId":"host-00000001","name":"summary","uuid":"u-1"},{"resourceId":"host-00000002","name":"a/b c","uuid":"u-2"})";
  for (const char* name : {"summary", "a/b c"}) {
    EXPECT_EQ(on({"get", "host", name, "-o", "json"}).code, 0) << name;
    EXPECT_NE(questions().front().find("/compute/hosts?filter="), std::string::npos) << questions().front();
  }
  for (const char* nobody : {".", "..", "host", "inst-00000001"}) EXPECT_EQ(on({"get", "host", nobody}).code, 3) << nobody;
}

TEST_F(AbidectlNames, ThatAreNotUniqueAreListedWithoutWhatOnlyContainsThem) {
  project.hosts =
      R"({"resourceId":"host-00000001","name":"node-1","uuid":"u-1"},{"resourceId":"host-00000002","name":"node-1","uuid":"u-2"},
    {"resourceId":"host-00000003","name":"node-11","uuid":"u-3"})";
  const auto called = on({"explain", "host", "node-1"});
  EXPECT_EQ(called.code, 1);
  EXPECT_EQ(called.err,
            "abidectl: 2 objects of kind host go by \"node-1\"; name one by its id:\n  host-00000001  node-1  u-1\n  host-00000002  node-1 "
            " u-2\n");
  EXPECT_NE(questions().back().find("name%3E%3D%22node-1%22%20AND%20name%3C%3D%22node-1%22"), std::string::npos) << questions().back();
}

// ---- what others change meanwhile ------------------------------------------------------------------------------------

class AbidectlMeanwhile : public AbidectlCommands {
 protected:
  AbidectlMeanwhile() {
    project.sites = R"({"resourceId":"site-0000000a","name":"munich","metadata":[{"key":"grid","value":"south"}],
      "updatePolicy":{"resourceId":"osupdatepolicy-0000000a","name":"newest"}})";
    project.tags["/sites/site-0000000a"] = "\"one\"";
  }
  // Just before the change is looked at.
  void somebody_does(std::function<void()> it, int times = 1) {
    project.before = [this, it = std::move(it), times, done = 0](const SmallRequest& request, int) mutable {
      if (request.method == "GET" || done >= times) return;
      project.tags["/sites/site-0000000a"] = "\"" + std::to_string(++done) + "\"";
      it();
    };
  }
  const std::string other_key =
      R"({"resourceId":"site-0000000a","name":"munich","metadata":[{"key":"grid","value":"south"},{"key":"line","value":"3"}],
      "updatePolicy":{"resourceId":"osupdatepolicy-0000000a","name":"newest"}})";
};

TEST_F(AbidectlMeanwhile, MetadataOfTwoPeopleIsAllKept) {
  somebody_does([this] { project.sites = other_key; });
  EXPECT_EQ(on({"edit", "site", "munich", "--metadata", "grid=north"}).code, 0);
  EXPECT_EQ(changes(), (Changes{R"(PATCH /sites/site-0000000a {"metadata":[{"key":"grid","value":"north"}]})",
                                R"(PATCH /sites/site-0000000a {"metadata":[{"key":"grid","value":"north"},{"key":"line","value":"3"}]})"}));
}

TEST_F(AbidectlMeanwhile, WhoIsNeverFastEnoughIsToldSoAndChangesNothing) {
  somebody_does([] {}, 100);
  const auto called = on({"edit", "site", "munich", "--metadata", "grid=north"});
  EXPECT_EQ(called.code, 5);
  EXPECT_NE(called.err.find("changed by others each time"), std::string::npos) << called.err;
  EXPECT_EQ(changes().size(), 5U);
}

TEST_F(AbidectlMeanwhile, APolicyThatTookThePlaceOfTheOneToBeUnlinkedStays) {
  somebody_does([this] {
    project.sites =
        R"({"resourceId":"site-0000000a","name":"munich","updatePolicy":{"resourceId":"osupdatepolicy-0000000b","name":"good"}})";
  });
  const auto called = on({"unlink", "policy", "newest", "--site", "munich"});
  EXPECT_EQ(called.code, 1);
  EXPECT_NE(called.err.find("it is not linked to newest"), std::string::npos) << called.err;
  EXPECT_EQ(changes().size(), 1U);
}

TEST_F(AbidectlMeanwhile, WhatHasAnotherNameByThenIsNotDeleted) {
  somebody_does([this] { project.sites = R"({"resourceId":"site-0000000a","name":"berlin"})"; });
  const auto called = on({"delete", "site", "munich"});
  EXPECT_EQ(called.code, 5);
  EXPECT_NE(called.err.find("does not go by \"munich\" any more; nothing was deleted"), std::string::npos) << called.err;
  EXPECT_EQ(changes().size(), 1U);
}

class ConfirmingMeanwhile : public AbidectlCommands {
 protected:
  ConfirmingMeanwhile() {
    project.hosts = R"({"resourceId":"host-00000001","name":"edge-1","instance":{"node":{"held":true}}})";
    project.confirmations["host-00000001"] = shown("3.0.2");
    project.tags["/compute/hosts/host-00000001/confirm"] = project.tags["/compute/hosts/host-00000001/confirmation"] = "\"one\"";
    project.before = [this, done = false](const SmallRequest& request, int) mutable {
      if (request.method == "GET" || std::exchange(done, true)) return;
      project.confirmations["host-00000001"] = shown("3.0.9");
      project.tags["/compute/hosts/host-00000001/confirm"] = project.tags["/compute/hosts/host-00000001/confirmation"] = "\"two\"";
    };
  }
  static std::string shown(const std::string& image) {
    return R"({"resourceId":"host-00000001","name":"edge-1","held":true,"heldWhy":"was restored","shows":{"phase":"Idle"},"asks":{"policyName":"p","osImageId":")" +
           image + R"("},"differences":[]})";
  }
};

TEST_F(ConfirmingMeanwhile, APersonConfirmsOnlyWhatWasShown) {
  const auto called = on({"confirm", "--all"}, "y\n", true);
  EXPECT_EQ(called.code, 5);
  EXPECT_NE(called.err.find("not as it was shown any more; it stays held"), std::string::npos) << called.err;
  EXPECT_EQ(changes().size(), 1U);
}

TEST_F(ConfirmingMeanwhile, WhereNobodyIsAskedItIsShownAgainAndThenConfirmed) {
  const auto called = on({"confirm", "--all"});
  EXPECT_EQ(called.code, 0) << called.err;
  EXPECT_NE(called.out.find("host edge-1 has changed since it was shown:\nhost edge-1 was restored\n  shows    no document, Idle\n"
                            "  is asked image 3.0.9 by policy p; no window\n"),
            std::string::npos)
      << called.out;
  EXPECT_EQ(changes().size(), 2U);
}

}  // namespace
}  // namespace abide::ctl
