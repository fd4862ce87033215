#include "orchestrator/rows.hpp"

#include <algorithm>
#include <boost/pfr.hpp>
#include <gtest/gtest.h>

#include "common/core/hash.hpp"
#include "common/store/journal.hpp"
#include "common/store/memory_store.hpp"
#include "orchestrator/fleet/machine.hpp"
#include "orchestrator/row_fields.hpp"
#include "tests/support/filled.hpp"
#include "tests/unit/events/listed.hpp"
#include "tests/unit/events/schema.hpp"

namespace abide::fleet {
namespace {

const std::string scope = "plant/";

// Where this fails, fleet::State has a new member. One of the fold goes into a row (orchestrator/row_fields.hpp,
// schemas/rows_fleet.fbs, put_everything and load in orchestrator/rows.cpp) and into expect_same below; an index goes into
// rebuild_indexes. Then count it here.
constexpr std::size_t members_in_rows = 16;  // project to deleted
constexpr std::size_t indexes = 18;          // by_host to versions
static_assert(boost::pfr::tuple_size_v<State> == members_in_rows + indexes + 1, "a member of fleet::State may have no row: see above");

Node filled_node(std::uint64_t start) {
  auto node = test::filled_from<Node>(start);
  node.run->node = node.id;
  for (auto& run : node.superseded) run.node = node.id;
  return node;
}

State filled_state() {
  std::uint64_t count = 0;
  const auto part = test::filled<ProjectRow>(count);
  State state;
  state.project = part.project;
  state.key = part.key;
  state.journal = part.journal;
  state.last = part.last;
  state.epoch = part.epoch;
  state.revision = part.revision;
  state.refused = part.refused;
  for (std::uint64_t i = 0; i < 3; ++i) {
    auto node = filled_node(1 + i);
    state.nodes[node.id] = node;
    auto resource = test::filled<Stamped<OsResource>>(count);
    state.os_resources[resource.value.id] = resource;
    state.os_lists[resource.value.id] = {sha256(resource.value.id), sha256("cves"), i == 0 ? Digest{} : sha256("fixed")};
    auto policy = test::filled<Stamped<Policy>>(count);
    state.policies[policy.value.id] = policy;
    auto schedule = test::filled<Stamped<Schedule>>(count);
    state.schedules[schedule.value.id] = schedule;
    auto region = test::filled<Stamped<Region>>(count);
    state.regions[region.value.id] = region;
    auto site = test::filled<Stamped<Site>>(count);
    state.sites[site.value.id] = site;
    auto source = test::filled<Source>(count);
    source.name += "/http://with/slashes?and=more";
    state.sources[source.name] = source;
    auto deleted = test::filled_from<DeletedHost>(300 + i);
    state.deleted[deleted.node] = deleted;
  }
  rebuild_indexes(state);
  return state;
}

void expect_same(const State& left, const State& right) {
  EXPECT_EQ(left.project, right.project);
  EXPECT_EQ(left.key, right.key);
  EXPECT_EQ(left.journal, right.journal);
  EXPECT_EQ(left.last, right.last);
  EXPECT_EQ(left.epoch, right.epoch);
  EXPECT_EQ(left.revision, right.revision);
  EXPECT_EQ(left.nodes, right.nodes);
  EXPECT_EQ(left.os_resources, right.os_resources);
  EXPECT_EQ(left.os_lists, right.os_lists);
  EXPECT_EQ(left.policies, right.policies);
  EXPECT_EQ(left.schedules, right.schedules);
  EXPECT_EQ(left.sources, right.sources);
  EXPECT_EQ(left.regions, right.regions);
  EXPECT_EQ(left.sites, right.sites);
  EXPECT_EQ(left.repeats, right.repeats);
  EXPECT_EQ(left.sites_by_region, right.sites_by_region);
  EXPECT_EQ(left.regions_by_parent, right.regions_by_parent);
  EXPECT_EQ(left.places_by_policy, right.places_by_policy);
  EXPECT_EQ(left.places_by_name, right.places_by_name);
  EXPECT_EQ(left.by_site, right.by_site);
  EXPECT_EQ(left.refused, right.refused);
  EXPECT_EQ(left.deleted, right.deleted);
  EXPECT_EQ(left.by_host, right.by_host);
  EXPECT_EQ(left.by_instance, right.by_instance);
  EXPECT_EQ(left.by_name, right.by_name);
  EXPECT_EQ(left.by_policy, right.by_policy);
  EXPECT_EQ(left.by_profile, right.by_profile);
  EXPECT_EQ(left.by_os_resource, right.by_os_resource);
  EXPECT_EQ(left.os_by_image, right.os_by_image);
  EXPECT_EQ(left.os_by_name, right.os_by_name);
  EXPECT_EQ(left.policies_by_name, right.policies_by_name);
  EXPECT_EQ(left.policies_by_target, right.policies_by_target);
  EXPECT_EQ(left.schedules_by_target, right.schedules_by_target);
  EXPECT_EQ(left.versions, right.versions);
}

MemoryStore stored(State& state) {
  Batch batch;
  Rows::save_all(state, batch, scope);
  MemoryStore store;
  EXPECT_TRUE(store.commit(batch));
  return MemoryStore(store.content());
}

std::vector<std::string> keys_of(const Batch& batch) {
  std::vector<std::string> keys;
  for (const auto& change : batch.changes()) keys.push_back((change.value ? "" : "-") + change.key);
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

// ---- completeness ------------------------------------------------------------------------------------------------------

template <class T>
void expect_complete(const flatbuffers::Parser& schema, const std::string& table_name) {
  EXPECT_EQ(test::listed_of<T>().size(), boost::pfr::tuple_size_v<T>)
      << table_name
      << ": a new member goes to the end of its list in orchestrator/row_fields.hpp and of its table in schemas/rows_fleet.fbs";
  const auto* table = schema.LookupStruct("abide.wire." + table_name);
  ASSERT_NE(table, nullptr) << table_name;
  EXPECT_EQ(test::listed_of<T>(), test::listed_in_schema(*table)) << table_name;
}

TEST(FleetRows, ListEveryMemberWithTheNameTypeAndOrderOfTheSchema) {
  const auto schema = test::parse_schema(test::joined_schemas("rows_fleet.fbs"), "FleetSnapshot", "ABDF");
  expect_complete<Status>(*schema, "Status");
  expect_complete<fleet::Run>(*schema, "Run");
  expect_complete<IssuedDocument>(*schema, "IssuedDocument");
  expect_complete<RetiredJournal>(*schema, "RetiredJournal");
  expect_complete<Node>(*schema, "NodeRow");
  expect_complete<ProjectRow>(*schema, "ProjectRow");
  expect_complete<Stamped<OsResource>>(*schema, "OsResourceRow");
  expect_complete<Stamped<Policy>>(*schema, "PolicyRow");
  expect_complete<Stamped<Schedule>>(*schema, "ScheduleRow");
  expect_complete<Stamped<Region>>(*schema, "RegionRow");
  expect_complete<Stamped<Site>>(*schema, "SiteRow");
  expect_complete<OsListsRow>(*schema, "OsListsRow");
  expect_complete<Source>(*schema, "SourceRow");
  expect_complete<DeletedHost>(*schema, "DeletedHostRow");
}

TEST(FleetRows, KeepEveryFieldOfTheState) {
  auto state = filled_state();
  const auto store = stored(state);
  const auto loaded = Rows::load(store, scope);
  ASSERT_TRUE(loaded) << loaded.error().message;
  expect_same(*loaded, state);
}

TEST(FleetRows, ASnapshotIsTheWholeState) {
  const auto state = filled_state();
  const auto back = Rows::from_snapshot(Rows::snapshot(state));
  ASSERT_TRUE(back) << back.error().message;
  expect_same(*back, state);
  const auto empty = Rows::from_snapshot(Rows::snapshot(State{}));
  ASSERT_TRUE(empty) << empty.error().message;
  expect_same(*empty, State{});
}

TEST(FleetRows, APackedSnapshotHasAlsoTheRowsThatNoStateKeeps) {
  auto state = filled_state();
  const auto os = state.os_resources.begin()->first;
  const auto left = test::filled_from<fleet::Run>(500);
  state.touched.runs[left.id] = left;
  state.touched.os_texts[{os, OsList::fixed_cves}] = "[1]";
  const auto store = stored(state);
  const auto packed = Rows::pack(store, scope);
  ASSERT_TRUE(packed) << packed.error().message;
  expect_same(Rows::from_snapshot(*packed).value(), state);
  Batch batch;
  ASSERT_TRUE(Rows::unpack(*packed, batch, scope));
  MemoryStore back;
  ASSERT_TRUE(back.commit(batch));
  EXPECT_EQ(back.content(), store.content());
  EXPECT_EQ(**read_run(back, scope, left.id), left);
  EXPECT_EQ(Rows::unpack("no snapshot", batch, scope).error().code, Code::corrupt);
}

TEST(FleetRows, AnEmptyStoreIsAnEmptyState) {
  const auto loaded = Rows::load(MemoryStore(), scope);
  ASSERT_TRUE(loaded) << loaded.error().message;
  expect_same(*loaded, State{});
}

// ---- what save writes --------------------------------------------------------------------------------------------------

TEST(FleetRows, SaveWritesWhatWasTouchedAndNothingElse) {
  auto state = filled_state();
  const auto& node = state.nodes.begin()->second;
  const auto id = to_string(node.id);
  const auto policy = state.policies.begin()->first;
  state.touched.nodes.insert(node.id);
  state.touched.policies.insert(policy);
  auto closed = test::filled_from<fleet::Run>(500);
  state.touched.runs[closed.id] = closed;
  Batch batch;
  const std::vector<std::string> expected = [&] {
    std::vector<std::string> keys = {"plant/r/node/" + id, "plant/r/run/" + node.run->id, "plant/r/policy/" + policy,
                                     "plant/r/run/" + closed.id};
    for (const auto& run : node.superseded) keys.push_back("plant/r/run/" + run.id);
    std::sort(keys.begin(), keys.end());
    return keys;
  }();
  Rows::save(state, batch, scope);
  EXPECT_EQ(keys_of(batch), expected);

  Batch again;
  Rows::save(state, again, scope);
  EXPECT_TRUE(again.empty()) << "saved twice";

  state.touched.project = true;
  state.touched.os_resources.insert(state.os_resources.begin()->first);
  state.touched.schedules.insert(state.schedules.begin()->first);
  state.touched.sources.insert(state.sources.begin()->first);
  Batch others;
  Rows::save(state, others, scope);
  EXPECT_EQ(keys_of(others), (std::vector<std::string>{"plant/r/os/" + state.os_resources.begin()->first, "plant/r/project/",
                                                       "plant/r/schedule/" + state.schedules.begin()->first,
                                                       "plant/r/source/" + state.sources.begin()->first}));
}

TEST(FleetRows, SaveWritesTheIdsOfAHostOnlyWhereItIsNew) {
  State state;
  const auto saved = [&](const OrchestratorEvent& event) {
    FleetMachine::apply(state, {JournalId{1}, ++state.last, {}, {}, 1'000, true, {}, {}, event});
    Batch batch;
    Rows::save(state, batch, scope);
    std::vector<std::string> keys = keys_of(batch);
    std::erase(keys, "plant/r/project/");
    return keys;
  };
  const auto id = parse_node_id("ab000000-0000-0000-0000-000000000001").value();
  const NodeRegistered registered{id, "host-1", "inst-1", "gate", false};
  const std::vector<std::string> its_row = {"plant/r/node/" + to_string(id)};
  const std::vector<std::string> all = {"plant/r/host/host-1", "plant/r/instance/inst-1", its_row[0]};
  EXPECT_EQ(saved(registered), all);
  EXPECT_EQ(saved(registered), its_row) << "renamed, or said again";
  EXPECT_EQ(
      saved(HostDeleted{id, "host-1", "inst-1", "gate"}),
      (std::vector<std::string>{"-plant/r/host/host-1", "-plant/r/instance/inst-1", "-" + its_row[0], "plant/r/deleted/" + to_string(id)}));
  FleetMachine::apply(state, {JournalId{1}, ++state.last, {}, {}, 1'000, true, {}, {}, registered});
  const auto gone = saved(HostDeleted{id, "host-1", "inst-1", "gate"});
  EXPECT_EQ(std::count(gone.begin(), gone.end(), "plant/r/host/host-1"), 0) << "come and gone between two commits";
}

// So many that they are decoded in pieces and indexed by two threads.
TEST(FleetRows, OfAFleetThatIsLargeLoadAsTheyWereSaved) {
  State state;
  for (std::uint64_t i = 0; i < 5'000; ++i) {
    Node node;
    for (std::size_t byte = 0; byte < 8; ++byte)
      node.id.bytes[15 - byte] = static_cast<std::uint8_t>(i * 0x9E3779B97F4A7C15U >> (8 * byte));
    node.host_id = "host-" + std::to_string(i % 4'999);  // two have the same
    node.instance_id = std::string(i % 3 * 9, 'i') + std::to_string(i);
    node.name = "edge-" + std::to_string(i / 3);
    node.policy_id = i % 5 == 0 ? "" : "policy-" + std::to_string(i % 5);
    node.identity.profile_name = i < 9 ? "" : "rt";
    node.site_id = i % 100 == 7 ? "site-1" : "";
    state.nodes.emplace(node.id, node);
  }
  rebuild_indexes(state);
  for (const auto& [id, node] : state.nodes) {
    EXPECT_TRUE(node_of_host(state, node.host_id) == id || node.host_id == "host-0");
    EXPECT_EQ(node_of_instance(state, node.instance_id), id);
    const auto named = nodes_of_name(state, node.name);
    EXPECT_NE(std::find(named.begin(), named.end(), id), named.end());
    EXPECT_EQ(!node.policy_id.empty(), state.by_policy.contains(node.policy_id) && state.by_policy.at(node.policy_id).contains(id));
  }
  EXPECT_EQ(state.by_site.at("site-1").size(), 50U);
  const auto store = stored(state);
  const auto loaded = Rows::load(store, scope);
  ASSERT_TRUE(loaded) << loaded.error().message;
  expect_same(*loaded, state);
  // One row of them all that cannot be read.
  auto broken = store.content();
  auto row = std::next(broken.lower_bound(row_key(scope, "node", "")), 3'000);
  ASSERT_TRUE(row->first.starts_with(row_key(scope, "node", "")));
  row->second.resize(row->second.size() / 2);
  const auto refused = Rows::load(MemoryStore(broken), scope);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find(row->first), std::string::npos) << refused.error().message;
  // And one that lies under the key of another.
  auto moved = store.content();
  const auto first = moved.lower_bound(row_key(scope, "node", ""));
  State other;
  Node stranger = state.nodes.begin()->second;
  stranger.name = "stranger";
  stranger.site_id = "elsewhere";
  other.nodes.emplace(stranger.id, stranger);
  std::next(first, 2'000)->second = stored(other).content().at(first->first);
  const auto odd = Rows::load(MemoryStore(moved), scope);
  ASSERT_TRUE(odd) << odd.error().message;
  EXPECT_EQ(odd->nodes.size(), 4'999U);
  State again = *odd;
  rebuild_indexes(again);
  expect_same(*odd, again);  // what was left out is in no index
  EXPECT_FALSE(odd->by_site.contains("elsewhere"));
}

TEST(FleetRows, SaveErasesWhatWasTouchedAndIsNoMore) {
  auto state = filled_state();
  auto before = stored(state);
  const auto os = state.os_resources.begin()->first;
  const auto policy = state.policies.begin()->first;
  const auto schedule = state.schedules.begin()->first;
  const auto source = state.sources.begin()->first;
  state.os_resources.erase(os);
  state.policies.erase(policy);
  state.schedules.erase(schedule);
  state.sources.erase(source);
  state.touched.os_resources.insert(os);
  state.touched.policies.insert(policy);
  state.touched.schedules.insert(schedule);
  state.touched.sources.insert(source);
  rebuild_indexes(state);
  Batch batch;
  Rows::save(state, batch, scope);
  EXPECT_EQ(keys_of(batch), (std::vector<std::string>{"-plant/r/os/" + os, "-plant/r/policy/" + policy, "-plant/r/schedule/" + schedule,
                                                      "-plant/r/source/" + source}));
  ASSERT_TRUE(before.commit(batch));
  const auto loaded = Rows::load(before, scope);
  ASSERT_TRUE(loaded) << loaded.error().message;
  expect_same(*loaded, state);
}

TEST(FleetRows, TextsOfListsAreInRowsOnlyAndGoWithTheirOsResource) {
  auto state = filled_state();
  auto store = stored(state);
  const auto os = state.os_resources.begin()->first;
  EXPECT_EQ(read_os_text(store, scope, os, OsList::existing_cves).value(), std::string());
  state.touched.os_texts[{os, OsList::existing_cves}] = "[1]";
  state.touched.os_lists.insert(os);
  Batch batch;
  Rows::save(state, batch, scope);
  EXPECT_EQ(keys_of(batch), (std::vector<std::string>{"plant/r/os-lists/" + os, "plant/r/os-text/" + os + "/2"}));
  ASSERT_TRUE(store.commit(batch));
  EXPECT_EQ(read_os_text(store, scope, os, OsList::existing_cves).value(), "[1]");
  EXPECT_EQ(read_os_text(store, scope, os, OsList::fixed_cves).value(), std::string());
  expect_same(Rows::load(store, scope).value(), state);

  state.os_lists.erase(os);
  state.touched.os_lists.insert(os);
  state.touched.os_texts[{os, OsList::existing_cves}] = "";
  Batch gone;
  Rows::save(state, gone, scope);
  EXPECT_EQ(keys_of(gone), (std::vector<std::string>{"-plant/r/os-lists/" + os, "-plant/r/os-text/" + os + "/2"}));
}

TEST(FleetRows, ADeletedHostLeavesTheRowsOfItsRunsAndOneThatItIsDeleted) {
  auto state = filled_state();
  auto store = stored(state);
  const Node gone = state.nodes.begin()->second;
  Recorded<OrchestratorEvent> recorded;
  recorded.at_ms = 77;
  recorded.event = HostDeleted{gone.id, gone.host_id, gone.instance_id, gone.name};
  FleetMachine::apply(state, recorded);
  Batch batch;
  Rows::save(state, batch, scope);
  const auto keys = keys_of(batch);
  const auto has = [&](const std::string& key) { return std::find(keys.begin(), keys.end(), key) != keys.end(); };
  EXPECT_TRUE(has("-plant/r/node/" + to_string(gone.id)));
  EXPECT_TRUE(has("-plant/r/host/" + gone.host_id));
  EXPECT_TRUE(has("-plant/r/instance/" + gone.instance_id));
  ASSERT_TRUE(store.commit(batch));
  EXPECT_EQ(*read_node_of_host(store, scope, gone.host_id), std::nullopt);
  EXPECT_EQ(**read_run(store, scope, gone.run->id), *gone.run);
  EXPECT_EQ(**read_deleted_host(store, scope, gone.id), (DeletedHost{gone.id, gone.host_id, gone.name, 77}));
  const auto loaded = Rows::load(store, scope);
  ASSERT_TRUE(loaded) << loaded.error().message;
  expect_same(*loaded, state);

  recorded.event = NodeRegistered{gone.id, "host-0000beef", "inst-0000beef", "back", false};
  FleetMachine::apply(state, recorded);
  Batch again;
  Rows::save(state, again, scope);
  ASSERT_TRUE(store.commit(again));
  EXPECT_EQ(*read_deleted_host(store, scope, gone.id), std::nullopt);
  EXPECT_EQ((*read_node_of_host(store, scope, "host-0000beef"))->name, "back");
}

TEST(FleetRows, ARunThatItsNodeLeftBehindKeepsItsRow) {
  auto state = filled_state();
  auto store = stored(state);
  auto& node = state.nodes.begin()->second;
  auto closed = *node.run;
  closed.end_ms = 99;
  node.run = test::filled_from<fleet::Run>(900);
  node.run->node = node.id;
  state.touched.nodes.insert(node.id);
  state.touched.runs[closed.id] = closed;
  Batch batch;
  Rows::save(state, batch, scope);
  ASSERT_TRUE(store.commit(batch));
  EXPECT_EQ(**read_run(store, scope, closed.id), closed);
  EXPECT_EQ(**read_run(store, scope, node.run->id), *node.run);
  EXPECT_EQ(Rows::load(store, scope)->nodes.at(node.id).run, node.run);
}

TEST(FleetRows, AnUnchangedStateGivesTheSameRows) {
  auto state = filled_state();
  const auto store = stored(state);
  auto loaded = Rows::load(store, scope);
  ASSERT_TRUE(loaded);
  const auto again = stored(*loaded);
  EXPECT_EQ(store.content(), again.content());
}

// ---- reads -------------------------------------------------------------------------------------------------------------

template <class T, class Scan>
std::vector<T> all_of(const Scan& scan, const Reader& reader) {
  std::vector<T> all;
  const auto done = scan(reader, scope, [&](T&& value) {
    all.push_back(std::move(value));
    return true;
  });
  EXPECT_TRUE(done);
  return all;
}

template <class Map>
auto values_of(const Map& map) {
  std::vector<typename Map::mapped_type> values;
  for (const auto& [id, value] : map) values.push_back(value);
  return values;
}

TEST(FleetRows, AreReadOneByOne) {
  auto state = filled_state();
  const auto store = stored(state);
  const auto& [id, node] = *state.nodes.rbegin();
  EXPECT_EQ(**read_node(store, scope, id), node);
  EXPECT_EQ(**read_node_of_host(store, scope, node.host_id), node);
  EXPECT_EQ(**read_node_of_instance(store, scope, node.instance_id), node);
  EXPECT_EQ(**read_run(store, scope, node.superseded[1].id), node.superseded[1]);
  EXPECT_EQ(**read_os_resource(store, scope, state.os_resources.begin()->first), state.os_resources.begin()->second);
  EXPECT_EQ(**read_policy(store, scope, state.policies.begin()->first), state.policies.begin()->second);
  EXPECT_EQ(**read_schedule(store, scope, state.schedules.begin()->first), state.schedules.begin()->second);
  EXPECT_EQ(**read_source(store, scope, state.sources.begin()->first), state.sources.begin()->second);
  const auto project = read_project(store, scope);
  ASSERT_TRUE(project && *project);
  EXPECT_EQ((*project)->project, state.project);
  EXPECT_EQ((*project)->journal, state.journal);
  EXPECT_EQ((*project)->last, state.last);
  EXPECT_EQ((*project)->epoch, state.epoch);
  EXPECT_EQ((*project)->revision, state.revision);
}

TEST(FleetRows, WhatIsNotThereIsNothing) {
  auto state = filled_state();
  const auto store = stored(state);
  EXPECT_EQ(*read_node(store, scope, NodeId{}), std::nullopt);
  EXPECT_EQ(*read_node_of_host(store, scope, "host-00000000"), std::nullopt);
  EXPECT_EQ(*read_node_of_instance(store, scope, ""), std::nullopt);
  EXPECT_EQ(*read_run(store, scope, "osupdaterun-00000000"), std::nullopt);
  EXPECT_EQ(*read_policy(store, "another/", state.policies.begin()->first), std::nullopt);
  EXPECT_FALSE(*read_project(store, "another/"));
}

TEST(FleetRows, AreScannedInOrder) {
  auto state = filled_state();
  const auto store = stored(state);
  EXPECT_EQ(all_of<Node>(scan_nodes, store), values_of(state.nodes));
  EXPECT_EQ(all_of<Stamped<OsResource>>(scan_os_resources, store), values_of(state.os_resources));
  EXPECT_EQ(all_of<Stamped<Policy>>(scan_policies, store), values_of(state.policies));
  EXPECT_EQ(all_of<Stamped<Schedule>>(scan_schedules, store), values_of(state.schedules));
  EXPECT_EQ(all_of<Source>(scan_sources, store), values_of(state.sources));
  std::map<std::string, fleet::Run> runs;
  for (const auto& [id, node] : state.nodes) {
    runs[node.run->id] = *node.run;
    for (const auto& run : node.superseded) runs[run.id] = run;
  }
  EXPECT_EQ(all_of<fleet::Run>(scan_runs, store), values_of(runs));

  int seen = 0;
  ASSERT_TRUE(scan_nodes(store, scope, [&](Node&&) { return ++seen < 2; }));
  EXPECT_EQ(seen, 2);
}

// Tells by which way rows are read.
class Watched final : public Reader {
 public:
  explicit Watched(const MemoryStore& rows) : rows_(rows) {}
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override { return rows_.get(key); }
  [[nodiscard]] Result<void> scan(std::string_view from, std::string_view to, const Visit& visit) const override {
    ++scans;
    return rows_.scan(from, to, visit);
  }
  [[nodiscard]] std::unique_ptr<Cursor> cursor(std::string from, std::string to) const override {
    ++cursors;
    return rows_.cursor(std::move(from), std::move(to));
  }
  mutable int scans = 0, cursors = 0;

 private:
  const MemoryStore& rows_;
};

TEST(FleetRows, OfAllNodesAreReadWithoutPushingOthersOutOfTheCache) {
  auto state = filled_state();
  const auto store = stored(state);
  const Watched watched(store);
  for (const auto extent : {Extent::few, Extent::all}) {
    std::size_t seen = 0;
    ASSERT_TRUE(scan_node_rows(watched, scope, extent, [&](const NodeRow&) { return ++seen > 0; }));
    EXPECT_EQ(seen, state.nodes.size());
    seen = 0;
    ASSERT_TRUE(scan_node_rows(watched, scope, extent, [&](const NodeRow&) { return ++seen < 2; }));
    EXPECT_EQ(seen, 2U);
  }
  EXPECT_EQ(watched.scans, 2);
  EXPECT_EQ(watched.cursors, 2);
  ASSERT_TRUE(scan_runs(watched, scope, [](fleet::Run&&) { return true; }));
  std::size_t behind = 0;
  ASSERT_TRUE(scan_nodes_after(watched, scope, state.nodes.begin()->first, [&](Node&&) { return ++behind > 0; }));
  EXPECT_EQ(behind, state.nodes.size() - 1);
  EXPECT_EQ(watched.scans, 2);
  EXPECT_EQ(watched.cursors, 4);
}

TEST(FleetRows, AreReadInPartsWhereAListLooksAtFewOfTheirFields) {
  auto state = filled_state();
  const auto store = stored(state);
  std::vector<Node> read;
  ASSERT_TRUE(scan_node_rows(store, scope, Extent::all, [&](const NodeRow& row) {
    EXPECT_TRUE(row.read({}, read.emplace_back()));
    return true;
  }));
  ASSERT_EQ(read.size(), state.nodes.size());
  for (auto node : read) {
    const auto& whole = state.nodes.at(node.id);
    EXPECT_EQ(node.identity, Identity{});
    node.identity = whole.identity;
    EXPECT_EQ(node.newest, IssuedDocument{});
    node.newest = whole.newest;
    node.boot = whole.boot;
    node.outcome = whole.outcome;
    node.open_window = whole.open_window;
    node.held_why = whole.held_why;
    node.link_fault = whole.link_fault;
    EXPECT_FALSE(node.run);
    node.run = whole.run;
    node.superseded = whole.superseded;
    node.retired = whole.retired;
    EXPECT_EQ(node, whole);
  }
  const auto id = state.nodes.begin()->first;
  EXPECT_EQ((**read_node(store, scope, id, {.identity = true})).identity, state.nodes.at(id).identity);
  EXPECT_EQ((**read_node(store, scope, id, {.documents = true})).newest, state.nodes.at(id).newest);
  EXPECT_EQ((**read_node(store, scope, id, {.history = true})).run, state.nodes.at(id).run);
  ASSERT_TRUE(scan_run_times(store, scope, [&](fleet::Run&& run) {
    const auto whole = **read_run(store, scope, run.id);
    EXPECT_EQ(run.opened_ms, whole.opened_ms);
    EXPECT_EQ(run.start_ms, whole.start_ms);
    EXPECT_TRUE(run.status_details.empty());
    return true;
  }));
}

TEST(FleetRows, AreCountedWithoutBeingReadAndAlsoWhereTheProjectDoesNotSayHowManyThereAre) {
  auto state = filled_state();
  auto store = stored(state);
  EXPECT_EQ(count_nodes(store, scope).value(), state.nodes.size());
  state.nodes.erase(state.nodes.begin());
  state.touched.project = true;
  Batch batch;
  Rows::save(state, batch, scope);
  ASSERT_TRUE(store.commit(batch));
  EXPECT_EQ(count_nodes(store, scope).value(), state.nodes.size()) << "by the project's row";
  batch.clear();
  batch.erase(row_key(scope, "project", ""));
  ASSERT_TRUE(store.commit(batch));
  EXPECT_EQ(count_nodes(store, scope).value(), state.nodes.size() + 1) << "by the rows that there are";
}

TEST(FleetRows, ADamagedRowIsCorruptAndNamed) {
  auto state = filled_state();
  auto store = stored(state);
  const auto id = state.nodes.begin()->first;
  Batch batch;
  batch.put(row_key(scope, "node", to_string(id)), "not a row");
  ASSERT_TRUE(store.commit(batch));
  for (const auto& error : {read_node(store, scope, id).error(), Rows::load(store, scope).error(),
                            scan_nodes(store, scope, [](Node&&) { return true; }).error()}) {
    EXPECT_EQ(error.code, Code::corrupt);
    EXPECT_NE(error.message.find("plant/r/node/" + to_string(id)), std::string::npos) << error.message;
  }
}

TEST(FleetRows, AnyByteOfASnapshotChangedIsReadOrRefused) {
  State state;
  state.project = "p";
  const auto node = filled_node(7);
  state.nodes[node.id] = node;
  const auto good = Rows::snapshot(state);
  for (std::size_t i = 0; i < good.size(); i += 3) {
    std::string changed = good;
    changed[i] = static_cast<char>(changed[i] ^ 0x55);
    if (const auto back = Rows::from_snapshot(changed)) {
      EXPECT_TRUE(Rows::from_snapshot(Rows::snapshot(*back)));
    }
  }
}

}  // namespace
}  // namespace abide::fleet
