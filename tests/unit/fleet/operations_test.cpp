#include <chrono>

#include "tests/unit/fleet/fleet_bench.hpp"

namespace abide::fleet {
namespace {

TEST(Requests, AreRefusedByNameWithWhatIsWrong) {
  Fixture f;
  const auto code = [&](Operation operation) {
    const auto events = f.bench.journal.size();
    const auto answer = f.bench.ask(std::move(operation));
    EXPECT_FALSE(answer);
    EXPECT_EQ(f.bench.journal.size(), events) << "a refusal changes nothing";
    return answer ? Code::corrupt : answer.error().code;
  };
  EXPECT_EQ(code(LinkPolicy{"nobody", f.policy}), Code::not_found);
  EXPECT_EQ(code(LinkPolicy{"", f.policy}), Code::not_found);
  EXPECT_EQ(code(LinkPolicy{f.host(), "none"}), Code::not_found);
  EXPECT_EQ(code(UnlinkPolicy{"nobody"}), Code::not_found);
  EXPECT_EQ(code(PauseUpdate{"nobody", true}), Code::not_found);
  EXPECT_EQ(code(AbortUpdate{"nobody"}), Code::not_found);
  EXPECT_EQ(code(RenameHost{"nobody", "x"}), Code::not_found);
  EXPECT_EQ(code(RenameHost{f.host(), ""}), Code::invalid_input);
  EXPECT_EQ(code(ResolveConflict{"nobody", JournalId{1}}), Code::not_found);
  EXPECT_EQ(code(ConfirmNode{"nobody"}), Code::not_found);
  EXPECT_EQ(code(DeletePolicy{"none"}), Code::not_found);
  EXPECT_EQ(code(DeleteOsResource{"none"}), Code::not_found);
  EXPECT_EQ(code(RegisterHost{NodeId{}, "x"}), Code::invalid_input);
  EXPECT_EQ(code(CreateOsResource{image("nonrt", "3.0.1")}), Code::conflict);
  auto same_name = image("nonrt", "9.9.9");
  same_name.name = "Microvisor nonrt 3.0.1";
  EXPECT_EQ(code(CreateOsResource{same_name}), Code::conflict);
}

TEST(Requests, FindAHostByIdInstanceUuidAndNameThatOnlyItHas) {
  Fixture f;
  FakeNode other(f.bench, node_id(2), JournalId{2}, "nonrt", "3.0.1");
  settle(f.bench, other);
  const auto& node = f.seen();
  for (const auto& name : {node.host_id, node.instance_id, to_string(node.id)}) EXPECT_EQ(*find_host(f.bench.state, name), node.id);
  EXPECT_EQ(find_host(f.bench.state, node.name).error().code, Code::conflict) << "both are named after the same digits";
  f.bench.done(RenameHost{f.host(), "edge-1"});
  EXPECT_EQ(*find_host(f.bench.state, "edge-1"), node.id);
}

TEST(Requests, OfAProjectThatDoesNotExistAreAnsweredToo) {
  Bench bench;
  bench.state = State{};
  EXPECT_EQ(bench.ask(UnlinkPolicy{"x"}).error().code, Code::not_found);
}

TEST(Requests, DeleteOnlyWhatIsNotUsed) {
  Fixture f;
  const auto running = f.seen().os_resource_id;
  EXPECT_EQ(f.bench.ask(DeleteOsResource{running}).error().code, Code::conflict);
  Policy target;
  target.name = "to 2";
  target.update_policy = UpdatePolicy::target;
  target.target_os_id = "Microvisor nonrt 3.0.2";
  const auto policy = f.bench.done(CreatePolicy{target});
  const auto os = f.bench.state.policies.at(policy).value.target_os_id;
  EXPECT_EQ(os.substr(0, 3), "os-") << "named by name, kept by id";
  EXPECT_EQ(f.bench.ask(DeleteOsResource{os}).error().code, Code::conflict);
  f.bench.done(LinkPolicy{f.host(), policy});
  EXPECT_EQ(f.bench.ask(DeletePolicy{policy}).error().code, Code::conflict);
  f.bench.done(UnlinkPolicy{f.host()});
  f.bench.done(DeletePolicy{policy});
  f.bench.done(DeleteOsResource{os});
  EXPECT_TRUE(f.bench.state.by_policy.empty());
}

TEST(Requests, EditTheWordsOfAnOsResourceAndNotItsImage) {
  Fixture f;
  OsResource by_hand = image("nonrt", "3.0.9");
  by_hand.manifest.clear();
  const auto os = f.bench.done(CreateOsResource{by_hand});
  const auto created_ms = f.bench.state.os_resources.at(os).created_ms;
  f.bench.now.wall_ms += 60'000;
  const auto events = f.bench.journal.size();
  f.bench.done(EditOsResource{os, std::nullopt, R"({"a":"b"})"});
  const auto& edited = f.bench.state.os_resources.at(os);
  EXPECT_EQ(edited.value.metadata, R"({"a":"b"})");
  EXPECT_EQ(edited.created_ms, created_ms);
  EXPECT_GT(edited.updated_ms, created_ms);
  EXPECT_EQ(f.bench.journal.size(), events + 1);
  f.bench.done(EditOsResource{os, std::nullopt, R"({"a":"b"})"});
  EXPECT_EQ(f.bench.journal.size(), events + 1) << "nothing to change";
  EXPECT_EQ(f.bench.ask(EditOsResource{"os-00000000", "", ""}).error().code, Code::not_found);

  const auto* newest = newest_of(f.bench.state, "nonrt", "x86_64");
  ASSERT_NE(newest, nullptr);
  EXPECT_EQ(newest->id, os);
  f.bench.done(EditOsResource{os, "arm64", std::nullopt});
  EXPECT_NE(newest_of(f.bench.state, "nonrt", "x86_64")->id, os);
  EXPECT_EQ(newest_of(f.bench.state, "nonrt", "arm64")->id, os);
  f.bench.done(EditOsResource{os, "x86_64", std::nullopt});
  EXPECT_EQ(newest_of(f.bench.state, "nonrt", "x86_64")->id, os);
  f.bench.expect_fold();

  EXPECT_EQ(f.bench.ask(EditOsResource{f.seen().os_resource_id, "arm64", std::nullopt}).error().code, Code::conflict);
  f.bench.done(EditOsResource{f.seen().os_resource_id, std::nullopt, ""});
  OsResource published = image("nonrt", "3.0.10");
  const auto found = f.bench.done(CreateOsResource{published});
  EXPECT_EQ(f.bench.ask(EditOsResource{found, "arm64", std::nullopt}).error().code, Code::conflict) << "its manifest says otherwise";
  f.bench.expect_fold();
}

TEST(Requests, KeepTheManifestOfALinkWhoseResourceIsGone) {
  Fixture f;
  f.link();
  f.bench.done(DeleteOsResource{*find_os_resource(f.bench.state, "Microvisor nonrt 3.0.2")});
  const auto before = f.seen().newest.link;
  f.open_window(60, 60);
  EXPECT_EQ(f.seen().newest.link, before);
}

TEST(Discovery, AnnouncesTheNewestImageOfAProfile) {
  Bench bench;
  bench.messages.clear();
  bench.read_profiles({image("rt", "1.0.2"), image("rt", "1.0.1")});
  ASSERT_EQ(bench.said<AnnounceProfile>().size(), 1U);
  EXPECT_EQ(bench.state.os_resources.at(bench.said<AnnounceProfile>()[0].os_resource_id).value.image_id, "1.0.2");
  bench.messages.clear();
  bench.read_profiles({image("rt", "1.0.2"), image("rt", "1.0.1")});
  EXPECT_TRUE(bench.messages.empty());
  const auto events = bench.journal.size();
  bench.take(ProfilesRead{{}, {{"releases", "connection refused"}}, {}});
  bench.take(ProfilesRead{{}, {{"releases", "connection refused"}}, {}});
  EXPECT_EQ(bench.journal.size(), events + 1);
  bench.read_profiles({image("rt", "1.0.2")});
  EXPECT_EQ(bench.events<ProfileSourceRecovered>(), (std::vector<ProfileSourceRecovered>{{"releases", true}}));
  EXPECT_TRUE(bench.state.sources.empty()) << "of what is no longer there no row stays";
  bench.take(BusDown{});
  bench.take(BusUp{});
  EXPECT_EQ(bench.said<AnnounceProfile>().size(), 1U) << "a broker may have forgotten it";
  bench.expect_fold();
}

ProfilesRead with_lists(const std::vector<std::string>& versions, const std::string& existing, const std::string& packages = "") {
  const auto list = [](const std::string& text) {
    return text.empty() ? nullptr : std::make_shared<const ReleaseList>(ReleaseList{text, sha256(text)});
  };
  ProfilesRead read;
  for (const auto& version : versions) {
    read.found.push_back({"releases#" + version, image("rt", version)});
    read.lists[{"rt", version}] = {list(packages), list(existing), nullptr};
  }
  return read;
}

TEST(Discovery, TellsAListOfAnOsResourceOnceEachTimeThatItChanges) {
  Bench bench;
  bench.take(with_lists({"1.0.1"}, "[1]", "{1}"));
  const auto id = bench.state.os_by_image.at({"rt", "1.0.1"});
  EXPECT_EQ(bench.events<OsResourceListed>(),
            (std::vector<OsResourceListed>{{id, OsList::installed_packages, "{1}"}, {id, OsList::existing_cves, "[1]"}}));
  bench.now.wall_ms += 1000;
  bench.take(with_lists({"1.0.1"}, "[1]", "{1}"));
  EXPECT_EQ(bench.events<OsResourceListed>().size(), 2U) << "the same again";
  bench.take(with_lists({"1.0.1"}, "", ""));
  EXPECT_EQ(bench.events<OsResourceListed>().size(), 2U) << "one that cannot be read stays as it was";
  bench.take(with_lists({"1.0.1"}, "[2]", "{1}"));
  ASSERT_EQ(bench.events<OsResourceListed>().size(), 3U);
  EXPECT_EQ(bench.events<OsResourceListed>().back(), (OsResourceListed{id, OsList::existing_cves, "[2]"}));
  EXPECT_EQ(bench.state.os_lists.at(id), (OsLists{sha256("{1}"), sha256("[2]"), {}}));
  EXPECT_EQ(bench.state.os_resources.at(id).updated_ms, bench.now.wall_ms);
  bench.expect_fold();
  bench.state.touched = {};
  bench.done(DeleteOsResource{id});
  EXPECT_TRUE(bench.state.os_lists.empty());
  EXPECT_EQ(bench.state.touched.os_texts.size(), 3U) << "its texts go with it";
  bench.take(with_lists({"1.0.1"}, "[2]"));
  EXPECT_EQ(bench.events<OsResourceListed>().size(), 4U) << "one that is made again has them again";
}

TEST(Discovery, JournalsOnlySoMuchOfListsInATurnAndTheRestOnTheNext) {
  Bench bench;
  const std::string packages(os_list_bytes_max, 'p');
  std::vector<std::string> versions;
  for (int i = 0; i < 20; ++i) versions.push_back("1.0." + std::to_string(i));
  const auto read = with_lists(versions, "[1]", packages);
  const auto bytes = [&] {
    std::size_t sum = 0;
    for (const auto& listed : bench.events<OsResourceListed>()) sum += listed.text.size();
    return sum;
  };
  bench.take(read);
  EXPECT_LE(bytes(), listed_bytes_per_turn_max);
  EXPECT_GT(bytes(), listed_bytes_per_turn_max / 2);
  bench.take(read);
  EXPECT_EQ(bytes(), 20 * (os_list_bytes_max + 3));
  const auto events = bench.journal.size();
  bench.take(read);
  EXPECT_EQ(bench.journal.size(), events);
  bench.take(with_lists({"1.0.1"}, std::string(os_list_bytes_max + 1, 'c')));
  EXPECT_EQ(bench.journal.size(), events) << "larger than it may be";
}

TEST(Discovery, ForgetsTheOldestOfTheSourcesThatAreFineAgain) {
  Bench bench;
  for (std::size_t i = 0; i < recovered_sources_max + 10; ++i) {
    bench.now.wall_ms += 1000;
    ProfilesRead read{{{"releases", image("rt", "1.0.1")}}, {{"entry " + std::to_string(i), "broken"}}, {}};
    if (i != 0) read.reach.fine = {"entry " + std::to_string(i - 1)};
    bench.take(read);
  }
  EXPECT_EQ(bench.state.sources.size(), recovered_sources_max + 1) << "and the one that is broken";
  EXPECT_FALSE(bench.state.sources.contains("entry 0"));
  EXPECT_TRUE(bench.state.sources.contains("entry " + std::to_string(recovered_sources_max)));
  bench.expect_fold();
}

TEST(Ids, HaveTheirPrefixAndEightHexDigitsAndRepeatWithTheSeed) {
  const auto make = [] {
    Fixture f;
    f.link();
    return std::vector<std::string>{f.host(), f.seen().instance_id, f.policy, f.bench.state.os_resources.begin()->first, f.seen().run->id};
  };
  const auto first = make();
  EXPECT_EQ(first, make());
  const char* prefixes[] = {"host-", "inst-", "osupdatepolicy-", "os-", "osupdaterun-"};
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].rfind(prefixes[i], 0), 0U);
    EXPECT_EQ(first[i].size(), std::string(prefixes[i]).size() + 8);
  }
}

// Ten thousand nodes: one input never makes more events than a commit may hold, the rest follows on the ticks that
// look_again asks for, and an event of one node costs the same as in a small fleet.
TEST(Scale, WorksOffWhatConcernsAllNodesInPieces) {
  constexpr std::size_t count = 10'000;
  Bench bench;
  std::vector<FakeNode> nodes;
  nodes.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    NodeId id = node_id(1);
    id.bytes[0] = static_cast<std::uint8_t>(i);
    id.bytes[1] = static_cast<std::uint8_t>(i >> 8U);
    nodes.emplace_back(bench, id, JournalId{i + 1}, "nonrt", "3.0.1");
    nodes.back().say_hello();
    nodes.back().send(1);
  }
  bench.read_profiles({image("nonrt", "3.0.1")});
  Policy latest;
  latest.name = "latest";
  const auto policy = bench.done(CreatePolicy{latest});
  const auto start = bench.now.wall_ms / 1000 + 100;
  for (auto& node : nodes) {
    const auto host = bench.node(node.id).host_id;
    bench.done(LinkPolicy{host, policy});
    Schedule schedule;
    schedule.host_id = host;
    schedule.start_seconds = start;
    bench.done(CreateSchedule{schedule});
  }
  bench.messages.clear();

  std::size_t most = 0;
  const auto take = [&](const Input& input) {
    const auto before = bench.journal.size();
    bench.take(input);
    most = std::max(most, bench.journal.size() - before);
  };
  const auto work_off = [&] {
    while (true) {
      const auto look = bench.machine.look_again(bench.state, bench.link, bench.now);
      if (!look || *look > bench.now.mono_ms) break;
      take(Tick{});
    }
  };
  take(ProfilesRead{{{"r", image("nonrt", "3.0.2")}}, {}});
  work_off();
  EXPECT_EQ(bench.events<RunOpened>().size(), count);
  bench.now.wall_ms += 100'000;
  bench.now.mono_ms += 100'000;
  work_off();
  EXPECT_EQ(bench.events<WindowOpened>().size(), count);
  EXPECT_LE(most, 4096U);
}

std::int64_t nanoseconds_an_event(std::uint32_t count) {
  Bench bench;
  std::vector<FakeNode> nodes;
  nodes.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    NodeId id = node_id(1);
    id.bytes[0] = static_cast<std::uint8_t>(i);
    id.bytes[1] = static_cast<std::uint8_t>(i >> 8U);
    nodes.emplace_back(bench, id, JournalId{i + 1}, "nonrt", "3.0.1");
    nodes.back().say_hello();
    nodes.back().send(1);
  }
  constexpr std::uint32_t events = 2'000;
  const auto began = std::chrono::steady_clock::now();
  for (std::uint32_t i = 0; i < events; ++i) {
    auto& node = nodes[i % count];
    node.write(ClockDistrusted{});
    node.send(node.last());
  }
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - began).count() / events;
}

TEST(Scale, CostsAnEventAsMuchInALargeFleetAsInASmallOne) {
  const auto small = nanoseconds_an_event(10);
  const auto large = nanoseconds_an_event(10'000);
  RecordProperty("small_ns", static_cast<int>(small));
  RecordProperty("large_ns", static_cast<int>(large));
  EXPECT_LT(large, 30 * small) << "a look at each of ten thousand nodes would be far above; caches and logarithms are below";
}

}  // namespace
}  // namespace abide::fleet
