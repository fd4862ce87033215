// The command line of abide-replay: lines, JSON, places, exit codes, help.
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "common/core/time.hpp"
#include "common/events/print.hpp"
#include "tests/unit/replay/histories.hpp"

namespace abide::replay {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Commands : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory = new test::TemporaryDirectory;
    put_store(*directory / "plant", fleet_rows(finished_world()));
    put_store(*directory / "node", node_rows(finished_world().machines[1]));
  }
  static void TearDownTestSuite() {
    delete directory;
    directory = nullptr;
  }
  static std::string plant() { return *directory / "plant"; }
  static std::string node() { return *directory / "node"; }
  static std::vector<std::string> lines(const Called& called) {
    EXPECT_EQ(called.code, 0) << called.err;
    std::vector<std::string> found;
    std::istringstream in(called.out);
    for (std::string line; std::getline(in, line);) found.push_back(line);
    return found;
  }
  static test::TemporaryDirectory* directory;
};
test::TemporaryDirectory* Commands::directory = nullptr;

TEST_F(Commands, ShowHasALineAnEventAsTheLogHadIt) {
  const auto shown = lines(call({"show", node()}));
  const auto history = History::open(node());
  ASSERT_TRUE(history);
  std::size_t at = 0;
  ASSERT_TRUE(history->events(
      history->scopes().front(), 1, 1'000'000, VisitRecorded<NodeEvent>([&](const auto& recorded, std::string_view) {
        const auto& line = shown.at(at++);
        EXPECT_NE(line.find(" " + std::to_string(recorded.sequence) + " " + print(recorded.event)), std::string::npos) << line;
        EXPECT_TRUE(line.starts_with(to_rfc3339(recorded.at_ms))) << line;
        return true;
      })));
  EXPECT_EQ(at, shown.size());
}

TEST_F(Commands, ShowHasNodesEventsInTheirPlaceWithWhoseTheyAre) {
  const auto id = to_string(finished_world().machines[1].id);
  std::vector<std::string> types;
  for (const auto& line : lines(call({"show", plant(), "--node", id, "--output", "json"}))) {
    const auto json = Json::parse(line);
    EXPECT_EQ(json["node"], id);
    types.push_back(json["type"]);
  }
  const std::vector<std::string> wanted = {"NodeRegistered", "PolicyLinked", "DocumentIssued", "RunOpened",  "Accepted",
                                           "ImageStaged",    "TrialStarted", "RollbackBegan",  "RolledBack", "RunClosed"};
  auto next = wanted.begin();
  for (const auto& type : types)
    if (next != wanted.end() && type == *next) ++next;
  EXPECT_EQ(next, wanted.end()) << "missing " << *next;
  const auto line = lines(call({"show", plant(), "--type", "RolledBack"}));
  ASSERT_EQ(line.size(), 1U);
  EXPECT_NE(line.front().find(" RolledBack offer="), std::string::npos) << line.front();
  EXPECT_NE(line.front().find(" node=" + id + " told="), std::string::npos) << line.front();
}

TEST_F(Commands, ShowTakesEveryFilter) {
  const auto all = lines(call({"show", plant()}));
  const auto host = lines(call({"show", plant(), "--node", "host"}));
  const auto first = lines(call({"show", plant(), "--node", to_string(finished_world().machines[0].id)}));
  const auto second = lines(call({"show", plant(), "--node", finished_world().host(1)}));
  EXPECT_EQ(host.size() + first.size() + second.size(), all.size());
  EXPECT_EQ(lines(call({"show", plant(), "--since", "4", "--until", "6"})).size(), 3U);
  const auto& run = *finished_world().seen(1).run;
  for (const auto& line : lines(call({"show", plant(), "--run", run.id, "--output", "json"})))
    EXPECT_NE(line.find(to_string(run.offer)), std::string::npos) << line;
  EXPECT_FALSE(lines(call({"show", plant(), "--run", run.name})).empty());
  EXPECT_FALSE(lines(call({"show", node(), "--run", to_string(run.offer)})).empty());
  const auto at = to_rfc3339(run.start_ms);
  const auto later = lines(call({"show", plant(), "--since", at}));
  const auto earlier = lines(call({"show", plant(), "--until", at}));
  EXPECT_FALSE(later.empty());
  EXPECT_EQ(later.size() + earlier.size(), all.size());
  EXPECT_EQ(lines(call({"show", plant(), "--type", "RunOpened,RunClosed"})).size(), 4U);
}

TEST_F(Commands, ShowFollowsWhatTheOwnerAdds) {
  const auto path = *directory / "followed";
  auto store = RocksStore::open(path);
  ASSERT_TRUE(store);
  Batch batch;
  for (const auto& [key, value] : node_rows(finished_world().machines[0])) batch.put(key, value);
  ASSERT_TRUE((*store)->commit(batch));
  const auto before = lines(call({"show", path})).size();
  const auto shown = call({"show", path, "--follow"}, 2, [&] {
    auto host = test::AgentHost::open({}, **store, "node/", {}, {});
    ASSERT_TRUE(host);
    Batch more;
    node::Booted booted;
    booted.boot = {"boot-later"};
    host->take(booted, {}, {}, more);
    host->save(more);
    ASSERT_TRUE((*store)->commit(more));
  });
  EXPECT_EQ(shown.code, 0) << shown.err;
  std::size_t seen = 0;
  std::size_t started = 0;
  std::istringstream in(shown.out);
  for (std::string line; std::getline(in, line); ++seen)
    if (seen >= before && line.find("AgentStarted") != std::string::npos) ++started;
  EXPECT_GE(started, 2U) << shown.out;
}

TEST_F(Commands, StateIsThatAfterAnyEvent) {
  const auto last = lines(call({"state", node()}));
  EXPECT_NE(std::find(last.begin(), last.end(), "  phase=Idle"), last.end());
  const auto began = lines(call({"show", node(), "--type", "RollbackBegan", "--output", "json"}));
  ASSERT_FALSE(began.empty());
  const auto sequence = Json::parse(began.front())["sequence"].get<std::uint64_t>();
  const auto json = Json::parse(call({"state", node(), "--at", std::to_string(sequence), "--output", "json"}).out);
  EXPECT_EQ(json["at"], sequence);
  EXPECT_EQ(json["rows"][0]["fields"]["phase"], "RollingBack");
  const auto of_node = Json::parse(call({"state", plant(), "--node", finished_world().host(1), "--output", "json"}).out);
  std::set<std::string> kinds;
  for (const auto& row : of_node["rows"]) kinds.insert(row["kind"]);
  EXPECT_EQ(kinds, (std::set<std::string>{"node", "run"}));
}

TEST_F(Commands, StateNeverShowsTheKey) {
  const auto& key = finished_world().fleet().key;
  for (const char* output : {"table", "json"}) {
    EXPECT_EQ(call({"state", plant(), "--output", output}).out.find(key), std::string::npos);
    EXPECT_EQ(call({"diff", plant(), "--from", "0", "--output", output}).out.find(key), std::string::npos);
    EXPECT_EQ(call({"show", plant(), "--output", output}).out.find(key), std::string::npos);
  }
}

TEST_F(Commands, DiffTellsFieldByFieldWhatChanged) {
  const auto began = Json::parse(lines(call({"show", node(), "--type", "SwitchBegan", "--output", "json"})).front());
  const auto sequence = began["sequence"].get<std::uint64_t>();
  const auto json =
      Json::parse(call({"diff", node(), "--from", std::to_string(sequence - 1), "--to", std::to_string(sequence), "--output", "json"}).out);
  ASSERT_EQ(json["changes"].size(), 1U);
  bool found = false;
  for (const auto& field : json["changes"][0]["fields"])
    if (field["field"] == "phase") found = field["before"] == "Staged" && field["after"] == "Switching";
  EXPECT_TRUE(found) << json.dump();
  const auto text = call({"diff", node(), "--from", std::to_string(sequence - 1), "--to", std::to_string(sequence)});
  EXPECT_NE(text.out.find("    phase: Staged -> Switching\n"), std::string::npos) << text.out;
  EXPECT_NE(call({"diff", node(), "--from", "3", "--to", "3"}).out.find("nothing"), std::string::npos);
}

TEST_F(Commands, DiffOverAllIsWhatTheStateShows) {
  const auto diff = Json::parse(call({"diff", plant(), "--from", "0", "--output", "json"}).out);
  const auto state = Json::parse(call({"state", plant(), "--output", "json"}).out);
  std::map<std::string, std::map<std::string, std::string>> from_diff, from_state;
  for (const auto& change : diff["changes"]) {
    auto& row = from_diff[change["kind"].get<std::string>() + " " + change["id"].get<std::string>()];
    for (const auto& field : change["fields"])
      if (field.contains("after")) row[field["field"]] = field["after"];
  }
  for (const auto& one : state["rows"]) {
    auto& row = from_state[one["kind"].get<std::string>() + " " + one["id"].get<std::string>()];
    for (const auto& [field, value] : one["fields"].items())
      if (!value.get<std::string>().empty()) row[field] = value;
  }
  // The project's row is there from the beginning, with fields of its own.
  from_diff.erase("project ");
  from_state.erase("project ");
  EXPECT_EQ(from_diff, from_state);
}

TEST_F(Commands, EndWithTheCodeThatHelpNames) {
  const struct {
    std::vector<std::string> words;
    int code;
    std::string says;
  } table[] = {
      {{}, exit_usage, "`abide-replay` is not a whole command: it takes show, "},
      {{"fly"}, exit_usage, "`abide-replay` has no \"fly\": it takes show, "},
      {{"show"}, exit_usage, "HISTORY"},
      {{"show", plant(), "--output", "xml"}, exit_usage, "--output"},
      {{"show", plant(), "--type", "Nothing"}, exit_usage, "no event of type Nothing"},
      {{"show", plant(), "--since", "yesterday"}, exit_usage, "neither a sequence nor a time"},
      {{"show", plant(), "--node", "nobody"}, exit_not_found, "there is no node nobody"},
      {{"show", plant(), "--run", "none"}, exit_not_found, "there is no run none"},
      {{"show", plant(), "--project", "other"}, exit_not_found, "there is no project other"},
      {{"show", node(), "--node", finished_world().host(0)}, exit_not_found, "of no other"},
      {{"show", node(), "--journal", "0000000000000001"}, exit_not_found, "no journal"},
      {{"state", plant(), "--at", "99999"}, exit_not_found, "the last one is"},
      {{"diff", plant(), "--from", "9", "--to", "3"}, exit_usage, "comes after"},
      {{"diff", plant()}, exit_usage, "--from"},
      {{"verify", *directory / "nothing"}, exit_not_found, "no such file"},
      {{"import", *directory / "nothing", "--state", *directory / "new"}, exit_not_found, "No such file"},
      {{"export", plant()}, exit_usage, "--out"},
  };
  for (const auto& row : table) {
    const auto said = call(row.words);
    std::string words;
    for (const auto& word : row.words) words += word + " ";
    EXPECT_EQ(said.code, row.code) << words << said.err;
    EXPECT_NE(said.err.find(row.says), std::string::npos) << words << said.err;
    EXPECT_EQ(said.out, "") << words;
  }
}

TEST_F(Commands, AskForTheProjectWhereThereAreSeveral) {
  auto content = fleet_rows(finished_world());
  Batch batch;
  orchestrator::put_project_row(batch, "second");
  add_all(content, batch);
  put_store(*directory / "two", content);
  const auto said = call({"show", *directory / "two"});
  EXPECT_EQ(said.code, exit_usage);
  EXPECT_NE(said.err.find("plant, second"), std::string::npos) << said.err;
  EXPECT_EQ(call({"show", *directory / "two", "--project", "plant"}).code, 0);
  const auto verified = call({"verify", *directory / "two"});
  EXPECT_EQ(verified.code, 0);
  EXPECT_NE(verified.out.find("project second"), std::string::npos) << verified.out;
}

TEST_F(Commands, ReadAnExportedFileAsTheyReadAStore) {
  const auto file = *directory / "plant.abide";
  ASSERT_EQ(call({"export", plant(), "--out", file}).code, 0);
  for (const auto& words : std::vector<std::vector<std::string>>{{"show"}, {"state"}, {"diff", "--from", "3"}}) {
    auto of_store = words;
    of_store.push_back(plant());
    auto of_file = words;
    of_file.push_back(file);
    EXPECT_EQ(call(of_file).out, call(of_store).out);
  }
}

// Set ABIDE_WRITE_GOLDEN to write what is expected anew; read the difference before it is committed.
void expect_golden(const std::string& name, const std::string& text) {
  const auto path = fs::path(REPLAY_GOLDEN) / (name + ".txt");
  if (std::getenv("ABIDE_WRITE_GOLDEN") != nullptr) write_file(path, text);
  EXPECT_EQ(text, bytes_of_file(path)) << path;
}

TEST_F(Commands, HelpIsAsWritten) {
  const auto top = call({"--help"});
  EXPECT_EQ(top.code, 0);
  expect_golden("abide-replay", top.out);
  EXPECT_TRUE(call({"--version"}).out.starts_with("abide-replay "));
  // Every command that the top names.
  std::istringstream in(top.out.substr(top.out.find("Subcommands:")));
  std::string line;
  std::getline(in, line);
  std::size_t commands = 0;
  while (std::getline(in, line) && line.starts_with("  ")) {
    if (line[2] == ' ') continue;
    const auto name = line.substr(2, line.find(' ', 2) - 2);
    const auto help = call({name, "--help"});
    EXPECT_EQ(help.code, 0) << name;
    EXPECT_NE(help.out.find("Exit codes:"), std::string::npos) << name;
    expect_golden(name, help.out);
    ++commands;
  }
  EXPECT_GE(commands, 6U);
}

}  // namespace
}  // namespace abide::replay
