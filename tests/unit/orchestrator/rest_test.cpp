// What the REST API has beside the resources themselves: entity tags, timelines, metrics, deletion of hosts, old clients.
#include <gtest/gtest.h>

#include "orchestrator/api/metrics.hpp"
#include "orchestrator/retention.hpp"
#include "tests/unit/orchestrator/desk.hpp"

namespace abide::test {
namespace {

using api::Method;
using nlohmann::json;

// ---- entity tags -----------------------------------------------------------------------------------------------------

TEST(EntityTags, AreListsInQuotesOrAStar) {
  const auto named = [](const std::string& list, bool weak) -> std::string {
    const auto result = api::names_tag(list, "\"abc\"", weak);
    return !result ? "refused" : *result ? "yes" : "no";
  };
  for (const char* list : {"*", " * ", "\"abc\"", "\"x\", \"abc\"", "\"x\",\"abc\" ", "W/\"x\", \"abc\""})
    EXPECT_EQ(named(list, false), "yes") << list;
  for (const char* list : {"\"ABC\"", "\"x\"", "W/\"abc\"", "\"ab\", \"c\"", "\"\""}) EXPECT_EQ(named(list, false), "no") << list;
  EXPECT_EQ(named("W/\"abc\"", true), "yes");
  for (const char* list : {"", "abc", "\"abc", "\"abc\" \"x\"", "\"abc\",", ", \"abc\"", "* , \"abc\"", "w/\"abc\"", "\"", "**"})
    EXPECT_EQ(named(list, false), "refused") << list;
}

TEST(EntityTags, OfEverySingleResourceChangeWithItAndGuardIt) {
  Desk desk;
  const auto host = desk.register_host("edge-1", uuid_1);
  const auto instance = desk.get("compute/hosts/" + host).json["instance"]["resourceId"].get<std::string>();
  const auto made = [&](const std::string& path, const std::string& body) {
    const auto answered = desk.post(path, body);
    EXPECT_EQ(answered.status, 200U) << answered.body;
    EXPECT_FALSE(answered.tag.empty()) << path;
    return answered.json["resourceId"].get<std::string>();
  };
  const auto policy = made("os-update-policies", R"({"name":"p","updatePolicy":"UPDATE_POLICY_LATEST"})");
  const auto region = made("regions", R"({"name":"north"})");
  const auto site = made("sites", R"({"name":"oslo"})");
  const auto start = std::to_string(desk.fleet.now.wall_ms / 1000 + 60);
  const auto single = made("schedules/single", R"({"scheduleStatus":"SCHEDULE_STATUS_OS_UPDATE","startSeconds":)" + start + "}");
  const auto repeated =
      made("schedules/repeated", R"({"scheduleStatus":"SCHEDULE_STATUS_OS_UPDATE","durationSeconds":60,"cronMinutes":"0","cronHours":"1",)"
                                 R"("cronDayMonth":"*","cronMonth":"*","cronDayWeek":"*"})");
  const auto os = desk.create_os("1.0");
  struct Row {
    std::string path, change;
  };
  for (const auto& [path, change] : std::vector<Row>{{"os-update-policies/" + policy, R"({"name":"q"})"},
                                                     {"regions/" + region, R"({"name":"south"})"},
                                                     {"sites/" + site, R"({"siteLat":1})"},
                                                     {"schedules/single/" + single, R"({"name":"later"})"},
                                                     {"schedules/repeated/" + repeated, R"({"cronHours":"2"})"},
                                                     {"compute/instances/" + instance, R"({"osUpdatePolicyID":")" + policy + "\"}"},
                                                     {"compute/hosts/" + host, R"({"name":"edge-2"})"}}) {
    SCOPED_TRACE(path);
    const auto before = desk.get(path).tag;
    ASSERT_EQ(before.size(), 34U);
    EXPECT_EQ(desk.get(path).tag, before) << "the same as long as nothing changes";
    EXPECT_EQ(desk.ask_if(Method::patch, path, "\"elsewhere\"", change).status, 412U);
    EXPECT_EQ(desk.ask_if(Method::patch, path, "elsewhere", change).status, 400U);
    EXPECT_EQ(desk.get(path).tag, before) << "nothing was changed";
    const auto changed = desk.ask_if(Method::patch, path, "\"x\", " + before, change);
    EXPECT_EQ(changed.status, 200U) << changed.body;
    EXPECT_NE(changed.tag, before);
    EXPECT_EQ(desk.get(path).tag, changed.tag) << "the answer's is that of the next GET";
    const auto late = desk.ask_if(Method::patch, path, before, change);
    EXPECT_EQ(late.status, 412U);
    EXPECT_EQ(late.code(), "FailedPrecondition");
    EXPECT_EQ(desk.ask_if(Method::erase, path, before).status, path.starts_with("compute/instances") ? 400U : 412U);
  }
  EXPECT_EQ(desk.ask_if(Method::put, "regions/" + region, "\"x\"", R"({"name":"r"})").status, 412U);
  EXPECT_EQ(desk.ask_if(Method::put, "regions/" + region, "*", R"({"name":"r"})").status, 200U);
  EXPECT_EQ(desk.ask_if(Method::erase, "compute/os/" + os, "\"x\"").status, 412U);
  EXPECT_EQ(desk.ask_if(Method::erase, "compute/os/" + os, desk.get("compute/os/" + os).tag).status, 200U);
  EXPECT_EQ(desk.ask_if(Method::erase, "regions/" + region, desk.get("regions/" + region).tag).status, 200U);
}

TEST(EntityTags, AreLookedAtAgainWhenTheChangeIsMade) {
  Desk desk;
  const auto path = "regions/" + desk.post("regions", R"({"name":"one"})").json["resourceId"].get<std::string>();
  const auto tag = desk.get(path).tag;
  desk.fleet.before_next = [&] { EXPECT_EQ(desk.patch(path, R"({"name":"the other operator"})").status, 200U); };
  EXPECT_EQ(desk.ask_if(Method::patch, path, tag, R"({"name":"mine"})").status, 412U);
  EXPECT_EQ(desk.get(path).json["name"], "the other operator");
  desk.fleet.before_next = [&] { EXPECT_EQ(desk.erase(path).status, 200U); };
  EXPECT_EQ(desk.ask_if(Method::patch, path, desk.get(path).tag, R"({"name":"mine"})").status, 412U);
}

TEST(EntityTags, OfAHostAreNotOfWhatItsNodeReports) {
  Desk desk;
  const auto host = desk.register_host("edge-1", uuid_1);
  const auto tag = desk.get("compute/hosts/" + host).tag;
  desk.fleet.take(fleet::BusUp{});
  fleet::HelloHeard hello;
  hello.node = parse_node_id(uuid_1).value();
  hello.journal = JournalId{77};
  hello.hello.base_chain = chain_start(JournalId{77});
  hello.hello.identity.profile_name = "demo";
  desk.fleet.take(hello);
  ASSERT_EQ(desk.get("compute/hosts/" + host).json["instance"]["node"]["profileName"], "demo");
  EXPECT_EQ(desk.get("compute/hosts/" + host).tag, tag);
  EXPECT_EQ(desk.ask_if(Method::get, "compute/hosts/" + host, tag).status, 200U) << "so it is not known by its tag alone";
  EXPECT_EQ(desk.ask_if(Method::patch, "compute/hosts/" + host, tag, R"({"name":"edge-2"})").status, 200U);
}

TEST(EntityTags, OfAComparisonTieWhatIsConfirmedToWhatWasShown) {
  Desk desk;
  const auto host = desk.register_host("edge-1", uuid_1);
  const auto policy =
      desk.post("os-update-policies", R"({"name":"p","updatePolicy":"UPDATE_POLICY_LATEST"})").json["resourceId"].get<std::string>();
  const auto shown = desk.get("compute/hosts/edge-1/confirmation").tag;
  EXPECT_EQ(shown.size(), 34U);
  EXPECT_EQ(desk.get("compute/hosts/edge-1/confirmation").tag, shown);
  const auto confirm = [&](const std::string& tag) { return desk.ask_if(Method::post, "compute/hosts/edge-1/confirm", tag, "{}"); };
  EXPECT_EQ(confirm(shown).status, 200U);
  EXPECT_EQ(confirm("\"x\", " + shown).status, 200U);
  EXPECT_EQ(confirm("x").status, 400U);
  // What it would be asked is another thing now.
  const auto instance = desk.get("compute/hosts/" + host).json["instance"]["resourceId"].get<std::string>();
  ASSERT_EQ(desk.patch("compute/instances/" + instance, R"({"osUpdatePolicyID":")" + policy + "\"}").status, 200U);
  const auto before = desk.fleet.state().last;
  const auto late = confirm(shown);
  EXPECT_EQ(late.status, 412U) << late.body;
  EXPECT_EQ(desk.fleet.state().last, before);
  EXPECT_NE(desk.get("compute/hosts/edge-1/confirmation").tag, shown);
  EXPECT_EQ(confirm(desk.get("compute/hosts/edge-1/confirmation").tag).status, 200U);
}

// ---- hosts behind a UUID ------------------------------------------------------------------------------------------------

TEST(HostsBehindAUuid, ComeEachOnceWithoutACountWhateverIsDeletedMeanwhile) {
  Desk desk;
  const auto uuid = [](int number) { return "00000000-0000-0000-0000-0000000000" + std::to_string(number); };
  for (const int number : {14, 11, 13, 12, 10, 15}) desk.register_host("edge-" + std::to_string(number), uuid(number));
  for (const auto& [path, key, member] :
       {std::tuple{"compute/hosts", "hosts", "/uuid"}, std::tuple{"compute/instances", "instances", "/host/uuid"}}) {
    std::string after = "00000000-0000-0000-0000-000000000000";
    std::vector<std::string> seen;
    for (bool more = true; more;) {
      const auto page = desk.get(std::string(path) + "?pageSize=2&after=" + after);
      ASSERT_EQ(page.status, 200U) << page.body;
      EXPECT_FALSE(page.json.contains("totalElements"));
      for (const auto& item : page.json[key]) seen.push_back(item.at(json::json_pointer(member)));
      after = seen.back();
      more = page.json["hasNext"].get<bool>();
    }
    EXPECT_EQ(seen, (std::vector{uuid(10), uuid(11), uuid(12), uuid(13), uuid(14), uuid(15)}));
  }
  EXPECT_EQ(desk.erase("compute/hosts/edge-12").status, 200U);
  const auto behind = desk.get("compute/hosts?pageSize=2&after=" + uuid(12)).json;
  EXPECT_EQ(behind["hosts"][0]["name"], "edge-13");
  EXPECT_EQ(behind["hasNext"], true);
  // With a filter a page is full all the same, and its end is known.
  const auto filtered = desk.get("compute/hosts?pageSize=2&filter=name%3E%22edge-13%22&after=" + uuid(10)).json;
  EXPECT_EQ(filtered["hosts"].size(), 2U);
  EXPECT_EQ(filtered["hasNext"], false);
  for (const char* wrong : {"after=x", "after=00000000-0000-0000-0000-000000000000&offset=0",
                            "after=00000000-0000-0000-0000-000000000000&orderBy=name", "after=00000000-0000-0000-0000-000000000000&what=1"})
    EXPECT_EQ(desk.get(std::string("compute/hosts?") + wrong).status, 400U) << wrong;
}

TEST(EntityTags, SpareAReaderWhatItHas) {
  Desk desk;
  const auto path = "regions/" + desk.post("regions", R"({"name":"one"})").json["resourceId"].get<std::string>();
  const auto tag = desk.get(path).tag;
  const auto known = desk.ask_if(Method::get, path, "W/" + tag);
  EXPECT_EQ(known.status, 304U);
  EXPECT_TRUE(known.body.empty());
  EXPECT_EQ(known.tag, tag);
  EXPECT_EQ(desk.ask_if(Method::get, path, "*").status, 304U);
  EXPECT_EQ(desk.ask_if(Method::get, path, "\"x\"").status, 200U);
  EXPECT_EQ(desk.ask_if(Method::get, path, "x").status, 400U);
  desk.patch(path, R"({"name":"two"})");
  EXPECT_EQ(desk.ask_if(Method::get, path, tag).status, 200U);
  EXPECT_EQ(desk.ask_if(Method::get, "regions/region-00000000", "*").status, 404U);
}

// ---- hosts that are deleted --------------------------------------------------------------------------------------------

TEST(DeletedHosts, AreGoneWithTheirInstancesAndTheirRunsStay) {
  Desk desk;
  const auto host = desk.register_host("edge-1", uuid_1);
  const auto instance = desk.get("compute/hosts/" + host).json["instance"]["resourceId"].get<std::string>();
  const auto node = parse_node_id(uuid_1).value();
  const auto os = desk.create_os("2.0");
  const auto policy = desk.post("os-update-policies", R"({"name":"p","updatePolicy":"UPDATE_POLICY_TARGET","targetOsId":")" + os + "\"}")
                          .json["resourceId"]
                          .get<std::string>();
  desk.fleet.take(fleet::BusUp{});
  fleet::HelloHeard hello;
  hello.node = node;
  hello.journal = JournalId{77};
  hello.hello.base_chain = chain_start(JournalId{77});
  hello.hello.identity = {"demo", "1.0", "x86_64", sha256("1.0"), "0.1"};
  desk.fleet.take(hello);
  ASSERT_EQ(desk.patch("compute/instances/" + instance, R"({"osUpdatePolicyID":")" + policy + "\"}").status, 200U);
  const auto open = desk.get("os-update-runs").json["osUpdateRuns"];
  ASSERT_EQ(open.size(), 1U);
  const auto run = "os-update-runs/" + open[0]["resourceId"].get<std::string>();
  EXPECT_FALSE(desk.get(run).json.contains("endTime")) << "it is open";
  EXPECT_EQ(desk.get(run + "?compat=eim").json["endTime"], 1'410'065'407);
  EXPECT_EQ(desk.get("os-update-runs?compat=eim").json["osUpdateRuns"][0]["endTime"], 1'410'065'407);
  EXPECT_EQ(desk.get("os-update-runs?compat=other").status, 400U);
  EXPECT_EQ(desk.get("os-update-runs?filter=NOT%20has(endTime)").json["totalElements"], 1);

  EXPECT_EQ(desk.erase("compute/hosts/" + host + "?now=1").status, 400U);
  EXPECT_EQ(desk.erase("compute/hosts/edge-1").json, json::object());
  EXPECT_EQ(desk.get("compute/hosts/" + host).status, 404U);
  EXPECT_EQ(desk.get("compute/instances/" + instance).status, 404U);
  EXPECT_EQ(desk.get("compute/hosts").json["totalElements"], 0);
  EXPECT_EQ(desk.erase("compute/hosts/" + host).status, 404U);
  const auto closed = desk.get(run).json;
  EXPECT_EQ(closed["outcome"], "Cancelled");
  EXPECT_EQ(closed["endTime"], desk.fleet.now.wall_ms / 1000);
  EXPECT_FALSE(closed.contains("instance"));

  const auto history = desk.get("compute/hosts/" + host + "/timeline").json;
  EXPECT_EQ(history["deleted"], true);
  EXPECT_EQ(history["uuid"], uuid_1);
  EXPECT_EQ(history["entries"].back()["type"], "HostDeleted");
  EXPECT_EQ(history["entries"].back()["text"], "an operator deleted host edge-1 (" + host + ")");
  EXPECT_EQ(desk.get(std::string("compute/hosts/") + uuid_1 + "/timeline").json["entries"], history["entries"]);
  EXPECT_EQ(desk.erase(run).json, json::object());
  EXPECT_EQ(desk.get(run).status, 404U);
  const auto again = desk.register_host("edge-1", uuid_1);
  EXPECT_NE(again, host);
  EXPECT_EQ(desk.get("compute/hosts/" + again + "/timeline").json["deleted"], false);
}

// ---- timelines ---------------------------------------------------------------------------------------------------------

TEST(Timeline, TellsInPlainWordsWhatHappenedToOneHost) {
  Desk desk;
  const auto host = desk.register_host("edge-1", uuid_1);
  desk.register_host("edge-2", uuid_2);
  const auto instance = desk.get("compute/hosts/" + host).json["instance"]["resourceId"].get<std::string>();
  const auto policy =
      desk.post("os-update-policies", R"({"name":"newest","updatePolicy":"UPDATE_POLICY_LATEST"})").json["resourceId"].get<std::string>();
  desk.patch("compute/instances/" + instance, R"({"osUpdatePolicyID":")" + policy + "\"}");
  const auto site = desk.post("sites", R"({"name":"oslo"})").json["resourceId"].get<std::string>();
  desk.patch("compute/hosts/" + host, R"({"siteId":")" + site + "\"}");
  const auto all = desk.get("compute/hosts/" + host + "/timeline").json;
  std::vector<std::string> texts;
  for (const auto& entry : all["entries"]) texts.push_back(entry["text"]);
  EXPECT_EQ(texts, (std::vector<std::string>{"registered as edge-1 (" + host + ") by an operator", "an operator linked policy newest",
                                             "an operator edited it: it is at site oslo"}));
  EXPECT_EQ(all["hasNext"], false);
  const auto newest = desk.get("compute/hosts/" + host + "/timeline?pageSize=2").json;
  EXPECT_EQ(newest["entries"].size(), 2U);
  EXPECT_EQ(newest["hasNext"], true);
  const auto before = desk.get("compute/hosts/" + host + "/timeline?pageSize=2&before=" + std::to_string(newest["before"].get<int>())).json;
  EXPECT_EQ(before["entries"], json::array({all["entries"][0]}));
  EXPECT_EQ(desk.get("compute/hosts/" + host + "/timeline?type=HostEdited").json["entries"].size(), 1U);
  const auto text = desk.get("compute/hosts/" + host + "/timeline?format=text&limit=1").body;
  EXPECT_EQ(text, all["entries"][2]["at"].get<std::string>() + "  an operator edited it: it is at site oslo\n");
  for (const char* wrong : {"?format=html", "?watch=true", "?node=edge-2", "?hostId=edge-2", "?pageSize=1001", "?before=-1", "?colour=red"})
    EXPECT_EQ(desk.get("compute/hosts/" + host + "/timeline" + wrong).status, 400U) << wrong;
  EXPECT_EQ(desk.get("compute/hosts/host-00000000/timeline").status, 404U);
}

// ---- metrics -----------------------------------------------------------------------------------------------------------

TEST(Metrics, CountTheFleetByPhaseAndStatus) {
  Desk desk;
  desk.register_host("edge-1", uuid_1);
  desk.register_host("edge-2", uuid_2);
  const auto text = desk.get("/metrics").body;
  const auto has = [&](const std::string& line) { return text.find("\n" + line + "\n") != std::string::npos; };
  EXPECT_TRUE(has("abide_nodes{project=\"demo\",phase=\"Idle\",status=\"unspecified\"} 2")) << text;
  EXPECT_TRUE(has("abide_nodes{project=\"demo\",phase=\"OnTrial\",status=\"error\"} 0"));
  EXPECT_TRUE(has("abide_nodes_unheard{project=\"demo\"} 2"));
  EXPECT_TRUE(has("abide_events_stored_total{project=\"demo\"} " + std::to_string(desk.fleet.state().last)));
  EXPECT_TRUE(has("abide_owner_alive 1"));
  EXPECT_EQ(desk.get("/metrics?colour=red").status, 400U);
  EXPECT_EQ(desk.post("/metrics").status, 405U);
  desk.fleet.full = true;
  const auto alone = desk.get("/metrics");
  EXPECT_EQ(alone.status, 200U) << "what is known without the owner is told all the more";
  EXPECT_EQ(alone.body.find("abide_nodes"), std::string::npos);
  EXPECT_EQ(desk.get("/readyz").json, json::parse(R"({"status":"ready","waitsFor":[]})"));
}

TEST(Metrics, QuoteNamesAndAddUpTimes) {
  api::HttpStats http;
  http.answers[200] = 3;
  http.within_bucket = {1, 2, 2, 3, 3, 3};
  http.timed = 3;
  http.took_ms = 1'234;
  const auto text = api::metrics_text({}, http, std::vector<api::ProjectCounts>{{"a\"b\\c\nd", {}}}, "0.1");
  EXPECT_NE(text.find("{project=\"a\\\"b\\\\c\\nd\"}"), std::string::npos) << text;
  EXPECT_NE(text.find("abide_http_answer_seconds_bucket{le=\"0.025\"} 2\n"), std::string::npos);
  EXPECT_NE(text.find("abide_http_answer_seconds_sum 1.234\n"), std::string::npos);
  EXPECT_NE(text.find("abide_http_answers_total{code=\"200\"} 3\n"), std::string::npos);
}

// ---- runs that are kept for a time only --------------------------------------------------------------------------------

TEST(Retention, FindsClosedRunsThatNoHostHoldsInPieces) {
  MemoryStore store;
  fleet::State state;
  fleet::Node node;
  node.id = parse_node_id(uuid_1).value();
  node.host_id = "host-00000001";
  node.instance_id = "inst-00000001";
  const auto run = [&](const std::string& id, std::int64_t end_ms) {
    fleet::Run made;
    made.id = id;
    made.node = node.id;
    made.opened_ms = 1;
    made.end_ms = end_ms;
    return made;
  };
  node.run = run("held", 5);
  state.nodes[node.id] = node;
  for (std::size_t i = 0; i < orchestrator::expired_runs_per_input_max + 1; ++i) {
    const auto id = "old-" + std::to_string(i);
    state.touched.runs[id] = run(id, 99);
  }
  state.touched.runs["open"] = run("open", 0);
  state.touched.runs["young"] = run("young", 100);
  Batch batch;
  fleet::Rows::save_all(state, batch, "s/");
  ASSERT_TRUE(store.commit(batch));
  std::vector<std::size_t> pieces;
  std::set<std::string> found;
  ASSERT_TRUE(orchestrator::find_expired_runs(store, "s/", 100, [&](fleet::RunsExpired expired) {
    pieces.push_back(expired.runs.size());
    for (const auto& one : expired.runs) found.insert(one.id);
    return true;
  }));
  EXPECT_EQ(pieces, (std::vector<std::size_t>{orchestrator::expired_runs_per_input_max, 1}));
  EXPECT_EQ(found.size(), orchestrator::expired_runs_per_input_max + 1);
  EXPECT_FALSE(found.contains("held") || found.contains("open") || found.contains("young"));
  pieces.clear();
  ASSERT_TRUE(orchestrator::find_expired_runs(store, "s/", 100, [&](fleet::RunsExpired expired) {
    pieces.push_back(expired.runs.size());
    return false;
  }));
  EXPECT_EQ(pieces.size(), 1U) << "whoever stops is not given more";
}

}  // namespace
}  // namespace abide::test
