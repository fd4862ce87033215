// Opening a history: which it is, what is wrong with it, how far it goes.
#include <rocksdb/db.h>

#include "common/core/hash.hpp"
#include "edge-agent/rows.hpp"
#include "orchestrator/rows.hpp"
#include "tests/unit/replay/histories.hpp"

namespace abide::replay {
namespace {

namespace fs = std::filesystem;

const Content& fleet_content() {
  static const Content content = fleet_rows(finished_world());
  return content;
}
const Content& node_content() {
  static const Content content = node_rows(finished_world().machines[1]);
  return content;
}

std::string journal_row(const History& history, std::uint64_t sequence) {
  return journal_key(history.scopes().front().prefix, history.scopes().front().head.id, sequence);
}

template <class Event>
std::vector<std::uint64_t> sequences(const History& history, std::uint64_t from, std::uint64_t to) {
  std::vector<std::uint64_t> seen;
  auto read =
      history.events(history.scopes().front(), from, to, VisitRecorded<Event>([&](const Recorded<Event>& recorded, std::string_view) {
                       seen.push_back(recorded.sequence);
                       return true;
                     }));
  EXPECT_TRUE(read) << read.error().message;
  return seen;
}

TEST(History, KnowsAnOrchestratorFromAnAgent) {
  const auto fleet = history_of(fleet_content());
  EXPECT_EQ(fleet.kind(), Kind::orchestrator);
  ASSERT_EQ(fleet.scopes().size(), 1U);
  EXPECT_EQ(fleet.scopes().front().name, "plant");
  EXPECT_FALSE(fleet.owner());
  const auto agent = history_of(node_content());
  EXPECT_EQ(agent.kind(), Kind::agent);
  ASSERT_TRUE(agent.owner());
  EXPECT_EQ(agent.owner()->node, finished_world().machines[1].id);
  EXPECT_EQ(agent.owner()->project, "plant");
  EXPECT_TRUE(fleet.damage().empty());
  EXPECT_TRUE(agent.damage().empty());
}

TEST(History, GivesTheEventsThatAreThereAndNoOthers) {
  const auto history = history_of(fleet_content());
  const auto last = history.scopes().front().head.last;
  const auto all = sequences<OrchestratorEvent>(history, 0, std::numeric_limits<std::uint64_t>::max());
  ASSERT_EQ(all.size(), last);
  EXPECT_EQ(all.front(), 1U);
  EXPECT_EQ(all.back(), last);
  EXPECT_EQ(sequences<OrchestratorEvent>(history, 5, 7), (std::vector<std::uint64_t>{5, 6, 7}));
  EXPECT_TRUE(sequences<OrchestratorEvent>(history, last + 1, last + 9).empty());
}

TEST(History, FoldsToTheStateAtAnyEvent) {
  const auto history = history_of(node_content());
  const auto& scope = history.scopes().front();
  auto rows = node::Rows::load(history.reader(), scope.prefix);
  ASSERT_TRUE(rows);
  auto last = history.node_at(scope, scope.head.last);
  ASSERT_TRUE(last) << last.error().message;
  EXPECT_EQ(*last, *rows);
  for (const auto middle : {std::uint64_t{0}, std::uint64_t{1}, scope.head.last / 2}) {
    auto state = history.node_at(scope, middle);
    ASSERT_TRUE(state);
    EXPECT_EQ(state->last, middle);
    ASSERT_TRUE(history.go_on(scope, *state, middle, scope.head.last));
    EXPECT_EQ(*state, *rows);
  }
  EXPECT_EQ(history.node_at(scope, scope.head.last + 1).error().code, Code::not_found);
}

TEST(History, SaysThatWhatWasTrimmedIsNoMore) {
  MemoryStore store(node_content());
  auto host = test::AgentHost::open({}, store, "node/", {}, {});
  ASSERT_TRUE(host);
  Batch batch;
  ASSERT_TRUE(host->trim(5, batch));
  ASSERT_TRUE(store.commit(batch));
  const auto history = history_of(store.content());
  const auto& scope = history.scopes().front();
  ASSERT_GT(scope.head.base, 0U);
  EXPECT_TRUE(scope.damage.empty()) << scope.damage;
  auto early = history.node_at(scope, scope.head.base - 1);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, Code::not_found);
  EXPECT_NE(early.error().message.find("trimmed"), std::string::npos);
  auto state = history.node_at(scope, scope.head.last);
  ASSERT_TRUE(state);
  EXPECT_EQ(*state, finished_world().truth(1));
}

// ---- what is wrong with a place ------------------------------------------------------------------------------------------

class Places : public testing::Test {
 protected:
  [[nodiscard]] Error error_of(const std::string& path) const {
    auto opened = History::open(path);
    return opened ? Error{Code::invalid_input, "it opened"} : opened.error();
  }
  test::TemporaryDirectory directory;
};

TEST_F(Places, AreEachRefusedInWordsOfTheirOwn) {
  fs::create_directory(directory / "empty");
  fs::create_directory(directory / "letters");
  write_file(directory / "letters/to-anna", "dear");
  write_file(directory / "letter", "dear");
  write_file(directory / "short", "\x89");
  fs::create_directory(directory / "remains");
  write_file(directory / "remains/000012.sst", "rows");
  const struct {
    std::string path;
    Code code;
    std::string words;
  } table[] = {
      {directory / "nothing", Code::not_found, "no such file or directory"},
      {directory / "empty", Code::not_found, "the directory is empty"},
      {directory / "letters", Code::not_found, "it is no state directory"},
      {directory / "letter", Code::invalid_input, "neither a state directory nor an exported history"},
      {directory / "short", Code::invalid_input, "neither a state directory nor an exported history"},
      {directory / "remains", Code::corrupt, "lost its file CURRENT"},
  };
  for (const auto& row : table) {
    const auto error = error_of(row.path);
    EXPECT_EQ(error.code, row.code) << row.path << ": " << error.message;
    EXPECT_NE(error.message.find(row.words), std::string::npos) << error.message;
  }
}

TEST_F(Places, OfAnotherProgramsDatabaseAreNoHistory) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* db = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, directory / "other", &db).ok());
  ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), "their", "row").ok());
  delete db;
  const auto error = error_of(directory / "other");
  EXPECT_EQ(error.code, Code::invalid_input);
  EXPECT_NE(error.message.find("is not one of Abide"), std::string::npos) << error.message;
}

TEST_F(Places, OfANewerVersionAreNamedAsSuch) {
  auto content = fleet_content();
  put_store(directory / "newer", content);
  {
    auto store = RocksStore::open(directory / "newer");
    ASSERT_TRUE(store);
    Batch batch;
    batch.put("m/format", std::to_string(store_format + 1));
    ASSERT_TRUE((*store)->commit(batch));
  }
  const auto error = error_of(directory / "newer");
  EXPECT_EQ(error.code, Code::conflict);
  EXPECT_NE(error.message.find("newer version"), std::string::npos) << error.message;
  EXPECT_EQ(call({"show", directory / "newer"}).code, exit_newer);
}

TEST_F(Places, WithoutAnyProjectHaveNoHistoryYet) {
  put_store(directory / "fresh", {});
  const auto error = error_of(directory / "fresh");
  EXPECT_EQ(error.code, Code::not_found);
  EXPECT_NE(error.message.find("its store is empty"), std::string::npos) << error.message;
}

// Names and times of all files.
std::string look_of(const std::string& path) {
  std::string look;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files)
    look += file.string() + " " + std::to_string(fs::file_size(file)) + " " +
            std::to_string(fs::last_write_time(file).time_since_epoch().count()) + "\n";
  return look;
}

TEST_F(Places, AreReadBesideTheirOwnerAndLeftAsTheyAre) {
  const auto path = directory / "state";
  auto store = RocksStore::open(path);
  ASSERT_TRUE(store);
  Batch batch;
  for (const auto& [key, value] : node_content()) batch.put(key, value);
  ASSERT_TRUE((*store)->commit(batch));
  const auto before = look_of(path);
  {
    auto history = History::open(path);
    ASSERT_TRUE(history) << history.error().message;
    EXPECT_EQ(look_of(path), before);
    // The owner goes on; what was opened stands still.
    const auto last = history->scopes().front().head.last;
    auto host = test::AgentHost::open({}, **store, "node/", {}, {});
    ASSERT_TRUE(host);
    batch.clear();
    node::Booted booted;
    booted.boot = {"boot-later"};
    host->take(booted, {}, {}, batch);
    host->save(batch);
    ASSERT_TRUE((*store)->commit(batch));
    ASSERT_GT(host->journal().head().last, last);
    EXPECT_EQ(sequences<NodeEvent>(*history, 1, 1'000'000).size(), last);
    auto again = History::open(path);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->scopes().front().head.last, host->journal().head().last);
  }
}

// ---- damage --------------------------------------------------------------------------------------------------------------

TEST(DamagedHistory, GoesUpToTheLastGoodEventWhateverHappenedToTheNext) {
  const auto whole = history_of(fleet_content());
  const auto& head = whole.scopes().front().head;
  const std::uint64_t hit = head.last / 2;
  using Harm = std::function<void(Content&)>;
  const std::string key = journal_row(whole, hit);
  const std::pair<const char*, Harm> harms[] = {
      {"a byte is another", [&](Content& content) { content[key].back() ^= 1; }},
      {"its chain is another", [&](Content& content) { content[key].front() ^= 1; }},
      {"it is cut off", [&](Content& content) { content[key].resize(3); }},
      {"it is empty", [&](Content& content) { content[key].clear(); }},
      {"it is gone", [&](Content& content) { content.erase(key); }},
      {"it is another event", [&](Content& content) { content[key] = content[journal_row(whole, hit + 1)]; }},
  };
  for (const auto& [what, harm] : harms) {
    SCOPED_TRACE(what);
    auto content = fleet_content();
    harm(content);
    const auto history = history_of(std::move(content));
    const auto& scope = history.scopes().front();
    EXPECT_EQ(scope.head.last, hit - 1);
    EXPECT_EQ(scope.told_last, head.last);
    ASSERT_EQ(history.damage().size(), 1U);
    EXPECT_NE(history.damage().front().find(std::to_string(hit - 1)), std::string::npos) << history.damage().front();
    EXPECT_EQ(sequences<OrchestratorEvent>(history, 1, head.last).size(), hit - 1);
    auto there = history.fleet_at(scope, scope.head.last);
    ASSERT_TRUE(there);
    EXPECT_EQ(there->last, hit - 1);
  }
}

TEST(DamagedHistory, IsFoundAgainWithoutItsHead) {
  const auto whole = history_of(node_content());
  const auto& head = whole.scopes().front().head;
  for (const char* what : {"gone", "short", "of another journal", "ahead"}) {
    SCOPED_TRACE(what);
    auto content = node_content();
    auto& row = content["node/m/head"];
    if (what == std::string("gone")) content.erase("node/m/head");
    if (what == std::string("short")) row.resize(20);
    if (what == std::string("ahead")) row = head_row({head.id, head.last + 3, head.chain, head.base, head.base_chain, head.acked});
    if (what == std::string("of another journal")) row = head_row({JournalId{77}, head.last, head.chain, 0, Chain{77}, 0});
    auto opened = History::of(std::make_shared<const MemoryStore>(content), "memory");
    ASSERT_TRUE(opened) << opened.error().message;
    const auto& scope = opened->scopes().front();
    EXPECT_FALSE(scope.damage.empty());
    if (what == std::string("of another journal")) {
      EXPECT_EQ(scope.head.last, 0U);  // nothing of the journal that it names
      ASSERT_EQ(scope.others.size(), 1U);
      EXPECT_EQ(scope.others.front().id, head.id);
    } else {
      EXPECT_EQ(scope.head.id, head.id);
      EXPECT_EQ(scope.head.last, head.last);
      EXPECT_EQ(scope.head.chain, head.chain);
    }
  }
}

TEST(DamagedHistory, NamesAnEventOfANewerVersion) {
  auto content = node_content();
  const auto whole = history_of(content);
  const auto& head = whole.scopes().front().head;
  // The same bytes under a type that nobody knows here: the chain is made to hold.
  const auto key = journal_row(whole, head.last);
  std::string& row = content[key];
  std::string bytes = row.substr(8);
  std::optional<std::string> newer;
  for (std::size_t at = 0; at < bytes.size() && !newer; ++at) {
    auto changed = bytes;
    changed[at] = static_cast<char>(200);
    auto decoded = decode(changed);
    if (!decoded && decoded.error().code == Code::unavailable) newer = changed;
  }
  ASSERT_TRUE(newer);
  const Chain before{from_big_endian(content[journal_row(whole, head.last - 1)].substr(0, 8))};
  const auto chain = chain_after(before, *newer);
  row = big_endian(chain.value) + *newer;
  auto named = head;
  named.chain = chain;
  content["node/m/head"] = head_row(named);
  const auto history = history_of(content);
  EXPECT_TRUE(history.damage().empty());
  auto state = history.node_at(history.scopes().front(), head.last);
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, Code::conflict);
  EXPECT_NE(state.error().message.find("newer version"), std::string::npos) << state.error().message;
  EXPECT_NE(state.error().message.find("last good event is " + std::to_string(head.last - 1)), std::string::npos);
}

class DamagedStore : public testing::Test {
 protected:
  // The newest file with this ending.
  [[nodiscard]] fs::path file(const std::string& ending) const {
    fs::path found;
    for (const auto& entry : fs::directory_iterator(path))
      if (entry.path().filename().string().ends_with(ending) && entry.path() > found && fs::file_size(entry) > 0) found = entry.path();
    return found;
  }
  static void harm(const fs::path& file, std::size_t at) {
    auto bytes = bytes_of_file(file);
    ASSERT_LT(at + 4, bytes.size());
    for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(~bytes[at + i]);
    write_file(file, bytes);
  }
  test::TemporaryDirectory directory;
  const std::string path = directory / "state";
};

TEST_F(DamagedStore, IsReadUpToTheDamageInItsLog) {
  // One commit an event, as its owner made them.
  const auto whole = history_of(node_content());
  const auto last = whole.scopes().front().head.last;
  {
    auto store = RocksStore::open(path);
    ASSERT_TRUE(store);
    auto journal = Journal::open(**store, "node/");
    ASSERT_TRUE(journal);
    Batch batch;
    journal->begin(batch, whole.scopes().front().head.id);
    batch.put("node/s/base", node::Rows::snapshot({}));
    ASSERT_TRUE((*store)->commit(batch));
    ASSERT_TRUE(whole.records(whole.scopes().front(), 1, last, [&](std::uint64_t, Chain, std::string_view bytes) {
      batch.clear();
      journal->append(batch, bytes);
      return (*store)->commit(batch).has_value();
    }));
  }
  const auto log = file(".log");
  harm(log, fs::file_size(log) / 2);
  auto history = History::open(path);
  ASSERT_TRUE(history) << history.error().message;
  const auto good = history->scopes().front().head.last;
  EXPECT_GT(good, 0U);
  EXPECT_LT(good, last);
  EXPECT_EQ(sequences<NodeEvent>(*history, 1, last).size(), good);
  const auto shown = call({"show", path});
  EXPECT_EQ(shown.code, exit_damaged);
  EXPECT_EQ(std::count(shown.out.begin(), shown.out.end(), '\n'), static_cast<std::ptrdiff_t>(good));
  EXPECT_NE(shown.err.find("last good event is " + std::to_string(good)), std::string::npos) << shown.err;
}

TEST_F(DamagedStore, IsReadUpToTheDamageInATable) {
  // More than one write buffer of events that do not compress, so that they lie in tables.
  constexpr std::uint64_t events = 6'000;
  Random random{3};
  {
    auto store = RocksStore::open(path);
    ASSERT_TRUE(store);
    auto journal = Journal::open(**store, "node/");
    ASSERT_TRUE(journal);
    Batch batch;
    journal->begin(batch, JournalId{42});
    batch.put("node/s/base", node::Rows::snapshot({}));
    for (std::uint64_t i = 1; i <= events; ++i) {
      Envelope envelope;
      envelope.journal = JournalId{42};
      envelope.sequence = i;
      envelope.after = journal->head().chain;
      Failed failed;
      for (int word = 0; word < 128; ++word) failed.evidence.output_tail += to_hex(Chain{random.next()});
      envelope.payload = NodeEvent{failed};
      fit(envelope);
      journal->append(batch, encode(envelope));
      if (i % 500 != 0) continue;
      ASSERT_TRUE((*store)->commit(batch));
      batch.clear();
    }
  }
  { ASSERT_TRUE(RocksStore::open(path)); }  // what is left in the log becomes a table, too
  fs::path largest;
  for (const auto& entry : fs::directory_iterator(path))
    if (entry.path().extension() == ".sst" && (largest.empty() || fs::file_size(entry) > fs::file_size(largest))) largest = entry.path();
  ASSERT_FALSE(largest.empty());
  harm(largest, fs::file_size(largest) / 2);
  auto history = History::open(path);
  ASSERT_TRUE(history) << history.error().message;
  const auto good = history->scopes().front().head.last;
  EXPECT_GT(good, 0U);
  EXPECT_LT(good, events);
  ASSERT_EQ(history->damage().size(), 1U);
  EXPECT_NE(history->damage().front().find("last good event is " + std::to_string(good)), std::string::npos) << history->damage().front();
  EXPECT_EQ(sequences<NodeEvent>(*history, 1, events).size(), good);
}

// ---- journals that stayed behind -------------------------------------------------------------------------------------------

TEST(History, ListsTheJournalsThatStayedBehind) {
  auto content = node_content();
  const auto whole = history_of(content);
  for (std::uint64_t sequence = 3; sequence <= 5; ++sequence)
    content[journal_key("node/", JournalId{5}, sequence)] = content[journal_row(whole, sequence)];
  content[journal_key("node/", JournalId{std::numeric_limits<std::uint64_t>::max()}, 1)] = content[journal_row(whole, 1)];
  const auto history = history_of(content);
  const auto& scope = history.scopes().front();
  EXPECT_TRUE(scope.damage.empty());
  ASSERT_EQ(scope.others.size(), 2U);
  EXPECT_EQ(scope.others[0].id, JournalId{5});
  EXPECT_EQ(scope.others[0].first, 3U);
  EXPECT_EQ(scope.others[0].last, 5U);
  EXPECT_EQ(scope.others[1].last, 1U);
}

}  // namespace
}  // namespace abide::replay
