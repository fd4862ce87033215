#pragma once
// A made-up project behind a small server, and what was asked of it.
#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "tests/abidectl/calls.hpp"
#include "tests/abidectl/small_server.hpp"
#include "tools/abidectl/json.hpp"

namespace abide::ctl {

inline const char* const host_one = R"({"resourceId":"host-00000001","name":"edge-1","uuid":"8d99c3a9-1feb-53cc-8e82-59fc892260c7",
  "instance":{"resourceId":"inst-00000001","os":{"imageId":"3.0.1"},"updateStatus":"Downloading artifacts","updatePolicy":
  {"resourceId":"osupdatepolicy-0000000a","name":"newest"},"updateProgress":{"phase":"Staging","percent":40}}})";
inline const char* const host_ten = R"({"resourceId":"host-00000010","name":"edge-10","uuid":"0f6adff7-dadd-5c31-af8e-566accbb1971",
  "instance":{"resourceId":"inst-00000010","updateStatus":"Download complete","updateProgress":{"phase":"Staged"}}})";

// The part of the API that these tests need, with its hosts, policies and systems.
class Project {
 public:
  std::string hosts = std::string(host_ten) + "," + host_one;
  std::string policies = R"({"resourceId":"osupdatepolicy-0000000a","name":"newest","updatePolicy":"UPDATE_POLICY_LATEST"})";
  std::string systems =
      R"({"resourceId":"os-00000001","name":"EMT 3.0.1","imageId":"3.0.1"},{"resourceId":"os-00000002","name":"EMT 3.0.2","imageId":"3.0.2"})";
  std::string regions =
      R"({"resourceId":"region-0000000a","name":"europe"},{"resourceId":"region-0000000b","name":"bavaria","parentRegion":{"resourceId":"region-0000000a","name":"europe"}})";
  std::string sites =
      R"({"resourceId":"site-0000000a","name":"munich","region":{"resourceId":"region-0000000b","name":"bavaria","parentRegion":{"resourceId":"region-0000000a","name":"europe"}}},{"resourceId":"site-0000000b","name":"lisbon","region":{"resourceId":"region-0000000a","name":"europe"}})";
  std::string singles;
  std::string repeated;
  std::string runs;
  std::string sources;
  std::string conditions = "[]";
  std::string events;
  std::map<std::string, std::string> confirmations;  // by resource id of a host
  int refuse_order_of_host_ten = 0;
  std::string refuse_with;  // what has this in its body

  std::map<std::string, std::string> tags;  // by path below the project
  // Before a change or a GET of one thing is answered: 0 is the first of these.
  std::function<void(const SmallRequest& request, int number)> before;

  SmallAnswer operator()(const SmallRequest& request) {
    std::string path = request.target.substr(0, request.target.find('?'));
    const std::string prefix = "/v1/projects/demo";
    if (path.compare(0, prefix.size(), prefix) != 0) return {404, R"({"message":"no such project"})"};
    path.erase(0, prefix.size());
    const auto list = [](const std::string& key, const std::string& items) {
      return SmallAnswer{200, "{\"" + key + "\":[" + items + "],\"hasNext\":false}"};
    };
    if (request.method == "GET") {
      if (path == "/compute/hosts") return list("hosts", hosts);
      if (path == "/compute/instances") return list("instances", instances());
      if (path == "/os-update-policies") return list("osUpdatePolicies", policies);
      if (path == "/compute/os") return list("OperatingSystemResources", systems);
      if (path == "/regions") return list("regions", regions);
      if (path == "/sites") return list("sites", sites);
      if (path == "/sources") return list("sources", sources);
      if (path == "/schedules/single") return list("singleSchedules", singles);
      if (path == "/schedules/repeated") return list("repeatedSchedules", repeated);
      if (path == "/os-update-runs") return list("osUpdateRuns", runs);
      if (path == "/compute/hosts/host-00000001/explain") return {200, R"({"phase":"Staging","conditions":)" + conditions + "}"};
      if (path == "/events" && request.target.find("watch=true") != std::string::npos) return {200, events, "text/event-stream"};
      if (path == "/events")
        return {200, R"({"events":[{"sequence":7,"at":"2026-06-04T01:59:00Z","host":"edge-1","text":"ImageStaged slot=b"}],"last":7})"};
    }
    if (before) before(request, changes_++);
    auto tagged = tags.find(path);
    const auto tag = tagged == tags.end() ? std::string() : tagged->second;
    if (request.method == "GET") {
      for (const auto& [id, confirmation] : confirmations)
        if (path == "/compute/hosts/" + id + "/confirmation") return {200, confirmation, "application/json", tag};
      const auto slash = path.rfind('/');
      const auto name = percent_decoded(path.substr(slash + 1));
      for (const auto& [where, all] : {std::pair{"/compute/hosts", hosts},
                                       {"/compute/instances", instances()},
                                       {"/sites", sites},
                                       {"/regions", regions},
                                       {"/os-update-policies", policies},
                                       {"/compute/os", systems},
                                       {"/schedules/single", singles},
                                       {"/schedules/repeated", repeated},
                                       {"/os-update-runs", runs}})
        if (path.substr(0, slash) == where) return one(all, name, tag);
    } else {
      if (const auto wanted = request.header("If-Match"); !wanted.empty() && wanted != tag)
        return {412, R"({"code":"FailedPrecondition","message":"it has changed since it was read: read it again"})"};
      if (refuse_order_of_host_ten != 0 && path.find("00000010") != std::string::npos) {
        return {refuse_order_of_host_ten, R"({"message":"not this one"})"};
      }
      if (!refuse_with.empty() && request.body.find(refuse_with) != std::string::npos) return {400, R"({"message":"not with this"})"};
      Json body = Json::parse(request.body, nullptr, false);
      if (!body.is_object()) body = Json::object();
      body["resourceId"] = "made-00000001";
      return {200, body.dump()};
    }
    return {404, R"({"code":"NotFound","message":"there is nothing"})"};
  }

 private:
  // Of each host, with the host in it.
  std::string instances() const {
    std::string all;
    for (auto& host : Json::parse("[" + hosts + "]")) {
      if (!host.contains("instance")) continue;
      Json instance = host["instance"];
      if (!instance.contains("name")) instance["name"] = host["name"];
      host.erase("instance");
      instance["host"] = host;
      all += (all.empty() ? "" : ",") + instance.dump();
    }
    return all;
  }
  // By id, name or UUID, as the API finds hosts.
  static SmallAnswer one(const std::string& all, const std::string& name, const std::string& tag) {
    std::string uuid = name;
    std::transform(uuid.begin(), uuid.end(), uuid.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    std::vector<Json> found;
    for (const auto& object : Json::parse("[" + all + "]"))
      if (text_at(object, "resourceId") == name || text_at(object, "name") == name || text_at(object, "uuid") == uuid)
        found.push_back(object);
    if (found.size() == 1) return {200, found.front().dump(), "application/json", tag};
    if (found.empty()) return {404, R"({"code":"NotFound","message":"there is nothing"})"};
    return {400, R"({"code":"FailedPrecondition","message":"more than one host is named so; use a resource id"})"};
  }
  static std::string percent_decoded(const std::string& text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (text[at] != '%') {
        out += text[at];
        continue;
      }
      out += static_cast<char>(std::stoi(text.substr(at + 1, 2), nullptr, 16));
      at += 2;
    }
    return out;
  }
  int changes_ = 0;
};

class AbidectlCommands : public ::testing::Test {
 protected:
  Called on(const std::vector<std::string>& words, const std::string& input = {}, bool terminal = false, int waits_max = 0,
            bool person = false) {
    server_ = std::make_unique<SmallServer>([this](const SmallRequest& request) { return project(request); });
    return call(words, {{"ABIDE_SERVER", server_->url()}, {"ABIDE_PROJECT", "demo"}}, input, terminal, waits_max, person);
  }
  // Method, path and body of what changed something.
  std::vector<std::string> changes() const {
    std::vector<std::string> found;
    for (const auto& request : server_->requests()) {
      if (request.method != "GET") found.push_back(request.method + " " + below(request.target) + " " + request.body);
    }
    return found;
  }
  // Paths and queries of what only read.
  std::vector<std::string> questions() const {
    std::vector<std::string> found;
    for (const auto& request : server_->requests())
      if (request.method == "GET") found.push_back(below(request.target));
    return found;
  }
  [[nodiscard]] std::vector<SmallRequest> requests() const { return server_->requests(); }
  using Changes = std::vector<std::string>;
  Project project;

 private:
  static std::string below(const std::string& target) { return target.substr(std::string("/v1/projects/demo").size()); }
  std::unique_ptr<SmallServer> server_;
};

}  // namespace abide::ctl
