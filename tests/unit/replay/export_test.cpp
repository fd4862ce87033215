// export and import: what is in a file, what is left out, and what comes of one that is cut off.
#include "orchestrator/fleet/machine.hpp"
#include "orchestrator/rows.hpp"
#include "tests/unit/replay/histories.hpp"
#include "tools/replay/verify.hpp"

namespace abide::replay {
namespace {

namespace fs = std::filesystem;

class Exported : public testing::Test {
 protected:
  void SetUp() override {
    put_store(directory / "plant", fleet_rows(finished_world()));
    put_store(directory / "node", node_rows(finished_world().machines[0]));
  }
  std::string exported(const std::string& from, const std::vector<std::string>& more = {}) {
    const auto path = directory / (from + std::to_string(++files) + ".abide");
    std::vector<std::string> words = {"export", directory / from, "--out", path};
    words.insert(words.end(), more.begin(), more.end());
    const auto said = call(words);
    EXPECT_EQ(said.code, 0) << said.err;
    return path;
  }
  static History opened(const std::string& path) {
    auto history = History::open(path);
    if (!history) throw std::runtime_error(history.error().message);
    return std::move(*history);
  }
  static void expect_holds(const History& history) {
    auto verdict = verify(history, history.scopes().front());
    ASSERT_TRUE(verdict) << verdict.error().message;
    EXPECT_TRUE(verdict->holds()) << verdict->findings.front();
  }
  static std::vector<std::string> events_of(const History& history, std::uint64_t from = 1) {
    std::vector<std::string> events;
    const auto& scope = history.scopes().front();
    EXPECT_TRUE(history.records(scope, from, scope.head.last, [&](std::uint64_t, Chain chain, std::string_view bytes) {
      events.push_back(to_hex(chain) + std::string(bytes));
      return true;
    }));
    return events;
  }
  test::TemporaryDirectory directory;
  int files = 0;
};

TEST_F(Exported, IsTheSameHistoryAndHolds) {
  const auto store = opened(directory / "plant");
  const auto file = opened(exported("plant", {"--with-secrets"}));
  EXPECT_EQ(file.kind(), Kind::orchestrator);
  EXPECT_EQ(events_of(file), events_of(store));
  EXPECT_EQ(file.scopes().front().head, store.scopes().front().head);
  expect_holds(file);
  ASSERT_TRUE(file.exported());
  EXPECT_EQ(file.exported()->at("kind"), "orchestrator");
  EXPECT_EQ(file.exported()->at("secrets"), "included");
  const auto node = opened(exported("node"));
  EXPECT_EQ(node.kind(), Kind::agent);
  EXPECT_EQ(node.owner()->node, finished_world().machines[0].id);
  EXPECT_EQ(events_of(node), events_of(opened(directory / "node")));
  expect_holds(node);
}

TEST_F(Exported, HasNoSecretUnlessAskedAndIsVerifiedAllTheSame) {
  const std::string& key = finished_world().fleet().key;
  ASSERT_GE(key.size(), 8U);
  const auto with = exported("plant", {"--with-secrets"});
  EXPECT_NE(bytes_of_file(with).find(key), std::string::npos);
  const auto without = exported("plant");
  EXPECT_EQ(bytes_of_file(without).find(key), std::string::npos);
  EXPECT_EQ(bytes_of_file(without).find(key.substr(0, 8)), std::string::npos);
  const auto file = opened(without);
  EXPECT_TRUE(file.damage().empty());
  EXPECT_EQ(file.scopes().front().without_secret, std::set<std::uint64_t>{1});
  expect_holds(file);
  // Only the event that had it is another; all chains are those of the source.
  const auto store = opened(directory / "plant");
  EXPECT_EQ(events_of(file, 2), events_of(store, 2));
  EXPECT_EQ(file.scopes().front().head, store.scopes().front().head);
  // An event that is not marked so has no such leave.
  auto loaded = load_export(without);
  ASSERT_TRUE(loaded);
  std::erase_if(loaded->rows, [](const auto& row) { return row.first.find("m/without-secret/") != std::string::npos; });
  EXPECT_EQ(history_of(loaded->rows).scopes().front().head.last, 0U);
  // And once more from the file itself.
  const auto again = directory / "again.abide";
  ASSERT_EQ(call({"export", without, "--out", again}).code, 0);
  expect_holds(opened(again));
}

TEST_F(Exported, PartBeginsWithTheStateBeforeIt) {
  const auto store = opened(directory / "plant");
  const auto last = store.scopes().front().head.last;
  const auto from = last / 3;
  const auto to = last - 5;
  for (const bool secrets : {false, true}) {
    std::vector<std::string> words = {"--since", std::to_string(from), "--until", std::to_string(to)};
    if (secrets) words.push_back("--with-secrets");
    const auto path = exported("plant", words);
    const auto part = opened(path);
    const auto& scope = part.scopes().front();
    EXPECT_EQ(scope.head.base, from - 1);
    EXPECT_EQ(scope.head.last, to);
    EXPECT_EQ(bytes_of_file(path).find(finished_world().fleet().key) != std::string::npos, secrets);
    expect_holds(part);
    for (const auto at : {from - 1, from, (from + to) / 2, to}) {
      auto there = part.fleet_at(scope, at);
      auto before = store.fleet_at(store.scopes().front(), at);
      ASSERT_TRUE(there) << there.error().message;
      ASSERT_TRUE(before);
      EXPECT_EQ(there->nodes, before->nodes) << at;
      EXPECT_EQ(there->policies, before->policies) << at;
    }
  }
}

TEST_F(Exported, NodesJournalCutOutIsWhatTheNodeHas) {
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& machine = finished_world().machines[i];
    const auto cut = opened(exported("plant", {"--node", to_string(machine.id)}));
    EXPECT_EQ(cut.kind(), Kind::agent);
    ASSERT_TRUE(cut.owner());
    EXPECT_EQ(cut.owner()->node, machine.id);
    const auto own = history_of(node_rows(machine));
    EXPECT_EQ(events_of(cut), events_of(own));
    expect_holds(cut);
    auto state = cut.node_at(cut.scopes().front(), cut.scopes().front().head.last);
    ASSERT_TRUE(state) << state.error().message;
    EXPECT_EQ(*state, finished_world().truth(i));
  }
}

// With runs that were replaced, events that were deleted, or both: what is exported has all rows.
TEST_F(Exported, HistoryOfWhichEventsWereDeletedHolds) {
  MemoryStore store(fleet_rows(finished_world()));
  const auto last = Journal::read_head(store, "plant/")->last;
  auto host = test::FleetHost::open({}, store, "plant/", {}, {});
  ASSERT_TRUE(host);
  const auto base = last / 2;
  auto made = test::FleetHost::make_trim(store, "plant/", base, [] { return true; });
  ASSERT_TRUE(made) << made.error().message;
  Batch batch;
  ASSERT_TRUE(host->trim(**made, batch));
  ASSERT_TRUE(store.commit(batch));
  put_store(directory / "trimmed", store.content());
  const auto before = opened(directory / "trimmed");
  const std::string& key = finished_world().fleet().key;
  const auto from = std::to_string(base + 4);
  const auto to = std::to_string(last - 3);
  for (const auto& words :
       std::vector<std::vector<std::string>>{{}, {"--since", from}, {"--until", to}, {"--since", from, "--until", to}}) {
    for (const bool secrets : {false, true}) {
      auto all = words;
      if (secrets) all.push_back("--with-secrets");
      const auto path = exported("trimmed", all);
      EXPECT_EQ(bytes_of_file(path).find(key.substr(0, 8)) != std::string::npos, secrets) << testing::PrintToString(all);
      const auto file = opened(path);
      expect_holds(file);
      EXPECT_EQ(file.scopes().front().head.base, words.empty() || words[0] == "--until" ? base : base + 3);
      const auto imported = directory / ("imported" + std::to_string(files));
      ASSERT_EQ(call({"import", path, "--state", imported}).code, 0);
      expect_holds(opened(imported));
    }
  }
  EXPECT_EQ(call({"export", directory / "trimmed", "--out", directory / "no.abide", "--since", "3"}).code, exit_not_found);
  // A node's journal begins where its events that are kept do.
  for (const auto& machine : finished_world().machines) {
    const auto path = exported("trimmed", {"--node", to_string(machine.id)});
    const auto cut = opened(path);
    const auto seen = before.fleet_at(before.scopes().front(), base)->nodes.at(machine.id);
    EXPECT_EQ(cut.scopes().front().head.base, seen.upto);
    const auto own = history_of(node_rows(machine));
    EXPECT_EQ(events_of(cut), events_of(own, seen.upto + 1));
    EXPECT_NE(cut.exported()->at("begins").find("after event " + std::to_string(seen.upto)), std::string::npos);
  }
}

TEST_F(Exported, TrimmedHistoryIsShownExplainedAndWoundByEveryCommand) {
  MemoryStore store(fleet_rows(finished_world()));
  const auto last = Journal::read_head(store, "plant/")->last;
  auto host = test::FleetHost::open({}, store, "plant/", {}, {});
  const auto base = last / 2;
  Batch batch;
  ASSERT_TRUE(host->trim(*test::FleetHost::make_trim(store, "plant/", base, [] { return true; }).value(), batch));
  ASSERT_TRUE(store.commit(batch));
  put_store(directory / "trimmed", store.content());
  const auto path = directory / "trimmed";
  const auto node = to_string(finished_world().machines[0].id);
  for (const auto& words : std::vector<std::vector<std::string>>{{"show", path},
                                                                 {"state", path},
                                                                 {"state", path, "--at", "first"},
                                                                 {"diff", path, "--from", "first"},
                                                                 {"verify", path},
                                                                 {"explain", path, "--node", node},
                                                                 {"what-if", path}}) {
    const auto said = call(words);
    EXPECT_EQ(said.code, 0) << words[0] << ": " << said.err << said.out;
  }
  EXPECT_EQ(call({"show", path}).out.find("ProjectCreated"), std::string::npos);
  const auto too_early = call({"state", path, "--at", "2"});
  EXPECT_EQ(too_early.code, exit_not_found);
  EXPECT_NE(too_early.err.find("trimmed"), std::string::npos) << too_early.err;
}

TEST_F(Exported, NodesJournalThatHasAGapCanBeReadThoughNotFolded) {
  auto content = fleet_rows(finished_world());
  auto history = history_of(content);
  const auto& node = finished_world().machines[0].id;
  MemoryStore store(content);
  auto host = test::FleetHost::open({}, store, "plant/", {}, {});
  ASSERT_TRUE(host);
  // As if the node had deleted what the orchestrator never got: told by a gap that goes beyond what is stored.
  Batch batch;
  const auto& seen = host->state().nodes.at(node);
  Envelope envelope;
  envelope.journal = host->journal().head().id;
  envelope.sequence = host->journal().head().last + 1;
  envelope.after = host->journal().head().chain;
  envelope.payload = OrchestratorEvent{GapNoted{node, seen.journal, seen.upto + 1, seen.upto + 4, Chain{99}}};
  host->journal().append(batch, encode(envelope));
  ASSERT_TRUE(store.commit(batch));
  put_store(directory / "gap", store.content());
  const auto path = directory / "gap.abide";
  ASSERT_EQ(call({"export", directory / "gap", "--node", to_string(node), "--out", path}).code, 0);
  const auto cut = opened(path);
  EXPECT_EQ(cut.scopes().front().head.base, seen.upto + 4);
  EXPECT_NE(cut.exported()->at("begins").find("not known"), std::string::npos);
  EXPECT_FALSE(cut.node_at(cut.scopes().front(), cut.scopes().front().head.last));
}

TEST_F(Exported, FileThatIsCutOffAnywhereGoesUpToItsLastGoodEvent) {
  const auto path = exported("plant");
  const auto whole = opened(path);
  const auto all = events_of(whole);
  const auto bytes = bytes_of_file(path);
  std::size_t opened_count = 0;
  for (std::size_t size = 0; size < bytes.size(); size += 1499) {
    SCOPED_TRACE(size);
    const auto cut = directory / "cut.abide";
    write_file(cut, bytes.substr(0, size));
    auto history = History::open(cut);
    if (!history) {
      EXPECT_TRUE(history.error().code == Code::corrupt || history.error().code == Code::invalid_input) << history.error().message;
      continue;
    }
    ++opened_count;
    EXPECT_FALSE(history->damage().empty());
    const auto events = events_of(*history);
    ASSERT_LE(events.size(), all.size());
    EXPECT_TRUE(std::equal(events.begin(), events.end(), all.begin()));
    auto state = history->fleet_at(history->scopes().front(), events.size());
    EXPECT_TRUE(state) << state.error().message;
  }
  EXPECT_GT(opened_count, 3U);
}

TEST_F(Exported, FileThatIsCutOffBecomesAStoreThatHolds) {
  const auto path = exported("plant");
  const auto bytes = bytes_of_file(path);
  write_file(path, bytes.substr(0, bytes.size() * 2 / 3));
  const auto said = call({"import", path, "--state", directory / "sandbox"});
  EXPECT_EQ(said.code, exit_damaged) << said.err;
  EXPECT_NE(said.err.find("last good"), std::string::npos) << said.err;
  const auto store = opened(directory / "sandbox");
  EXPECT_TRUE(store.damage().empty());
  EXPECT_GT(store.scopes().front().head.last, 0U);
  expect_holds(store);
}

TEST_F(Exported, FileBecomesAStateDirectoryThatItsProgramsOpen) {
  const auto said = call({"import", exported("plant", {"--with-secrets"}), "--state", directory / "sandbox"});
  ASSERT_EQ(said.code, 0) << said.err;
  auto store = RocksStore::open(directory / "sandbox");
  ASSERT_TRUE(store);
  auto host = test::FleetHost::open({}, **store, "plant/", {}, {});
  ASSERT_TRUE(host) << host.error().message;
  EXPECT_EQ(host->state().nodes, finished_world().fleet().nodes);
  auto differing = test::FleetHost::verify(**store, "plant/");
  ASSERT_TRUE(differing) << differing.error().message;
  EXPECT_TRUE(differing->empty());
}

TEST_F(Exported, IsRefusedWhereSomethingIsAlready) {
  const auto path = exported("plant");
  const auto before = bytes_of_file(path);
  EXPECT_EQ(call({"export", directory / "plant", "--out", path}).code, exit_failed);
  EXPECT_EQ(bytes_of_file(path), before);
  const auto said = call({"import", path, "--state", directory / "node"});
  EXPECT_EQ(said.code, exit_failed);
  EXPECT_NE(said.err.find("is there already"), std::string::npos) << said.err;
  expect_holds(opened(directory / "node"));
}

TEST_F(Exported, LeavesNoFileBehindThatItCouldNotFinish) {
  const auto path = directory / "never.abide";
  EXPECT_EQ(call({"export", directory / "plant", "--out", path, "--node", "nobody"}).code, exit_not_found);
  EXPECT_EQ(call({"export", directory / "plant", "--out", path, "--since", "9", "--until", "3"}).code, exit_usage);
  EXPECT_FALSE(fs::exists(path));
}

}  // namespace
}  // namespace abide::replay
