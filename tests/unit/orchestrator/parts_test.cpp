// Lists render of most items only what filter and order look at: that must be what the whole item says.
#include <gtest/gtest.h>

#include "orchestrator/api/render.hpp"
#include "orchestrator/row_fields.hpp"
#include "tests/support/filled.hpp"
#include "tests/unit/orchestrator/desk.hpp"

namespace abide::test {
namespace {

using api::FieldTree;
using api::Json;
using api::Wanted;
using Path = std::vector<std::string>;

// Trees may refer to themselves.
void add_paths(const FieldTree& tree, const Path& above, std::vector<std::pair<Path, FieldTree::Kind>>& paths) {
  if (above.size() > 6) return;
  for (const auto& [name, field] : tree.fields) {
    Path path = above;
    path.push_back(name);
    paths.emplace_back(path, field.kind);
    if (field.nested != nullptr) add_paths(*field.nested, path, paths);
  }
}

const Json* at(const Json& item, const Path& path) {
  const Json* value = &item;
  for (const auto& name : path) {
    if (!value->is_object() || !value->contains(name)) return nullptr;
    value = &(*value)[name];
  }
  return value;
}

// One host of which everything is known, in a site of a region of a region, with policies and an OS.
class FilledHost {
 public:
  FilledHost() {
    std::uint64_t count = 0;
    auto os = filled<fleet::Stamped<OsResource>>(count);
    auto policy = filled<fleet::Stamped<Policy>>(count);
    policy.value.target_os_id = os.value.id;
    auto outer = filled<fleet::Stamped<Region>>(count);
    outer.value.parent_id.clear();
    auto inner = filled<fleet::Stamped<Region>>(count);
    inner.value.parent_id = outer.value.id;
    auto site = filled<fleet::Stamped<Site>>(count);
    site.value.region_id = inner.value.id;
    node = filled<fleet::Node>(count);
    node.site_id = site.value.id;
    node.policy_id = policy.value.id;
    node.os_resource_id = os.value.id;
    node.conflict = false;  // else it is all that hostStatus says
    live.progress = Progress{node.offer, node.phase, 40, 1, 2, 3};
    live.progress_at_ms = 1'795'000'000'000;
    live.online = true;
    live.online_at_ms = 1'795'000'001'000;
    fleet::State state;
    state.os_resources.emplace(os.value.id, os);
    state.policies.emplace(policy.value.id, policy);
    for (const auto& region : {outer, inner}) state.regions.emplace(region.value.id, region);
    state.sites.emplace(site.value.id, site);
    state.nodes.emplace(node.id, node);
    Batch batch;
    fleet::Rows::save_all(state, batch, "");
    (void)store.commit(batch).value();
  }
  [[nodiscard]] api::View view() const { return {store.snapshot(), ""}; }

  MemoryStore store;
  fleet::Node node;
  fleet::LiveNode live;
};

using NeedsOf = api::NodeNeeds (*)(const Wanted&);
using JsonOf = Json (*)(api::View&, const fleet::Node&, const fleet::LiveNode&, const Wanted&);

void compare(const FieldTree& tree, NeedsOf needs_of, JsonOf json_of) {
  const FilledHost host;
  auto view = host.view();
  const Json whole = json_of(view, host.node, host.live, {});
  std::vector<std::pair<Path, FieldTree::Kind>> paths;
  add_paths(tree, {}, paths);
  std::size_t present = 0;
  const auto part = [&](const Wanted& wanted) {
    const auto needs = needs_of(wanted);
    const auto node = fleet::read_node(*host.store.snapshot(), "", host.node.id, needs.parts).value();
    return json_of(view, *node, needs.live ? host.live : fleet::LiveNode{}, wanted);
  };
  for (const auto& [path, kind] : paths) {
    std::string name;
    for (const auto& step : path) name += "." + step;
    Wanted wanted = Wanted::nothing();
    wanted.add(path);
    const Json json = part(wanted);
    const Json* expected = at(whole, path);
    const Json* found = at(json, path);
    ASSERT_EQ(found == nullptr, expected == nullptr) << name;
    if (expected != nullptr) {
      EXPECT_EQ(found->dump(), expected->dump()) << name;
    }
    present += expected == nullptr ? 0U : 1U;
    if (kind != FieldTree::Kind::object) continue;
    Wanted bare = Wanted::nothing();
    bare.add(path, true);
    EXPECT_EQ(at(part(bare), path) == nullptr, expected == nullptr) << name;
  }
  EXPECT_GT(present, 120U) << "of " << paths.size();
}

TEST(Parts, OfAHostSayWhatTheWholeHostSays) {
  compare(api::host_fields(), api::needs_of_host, api::host_json);
}

TEST(Parts, OfAnInstanceSayWhatTheWholeInstanceSays) {
  compare(api::instance_fields(), api::needs_of_instance, api::instance_json);
}

TEST(Parts, OfARunSayWhatTheWholeRunSays) {
  const FilledHost host;
  auto view = host.view();
  const auto& run = *host.node.run;
  const Json whole = api::run_json(view, run, true);
  std::vector<std::pair<Path, FieldTree::Kind>> paths;
  add_paths(api::run_fields(), {}, paths);
  std::size_t present = 0;
  for (const auto& [path, kind] : paths) {
    Wanted wanted = Wanted::nothing();
    wanted.add(path);
    const Json json = api::run_json(view, run, true, wanted);
    const Json* expected = at(whole, path);
    const Json* found = at(json, path);
    ASSERT_EQ(found == nullptr, expected == nullptr) << path.back();
    if (expected != nullptr) {
      EXPECT_EQ(found->dump(), expected->dump()) << path.back();
    }
    present += expected == nullptr ? 0U : 1U;
  }
  EXPECT_GT(present, 20U);
}

TEST(Parts, AreAllThatIsRead) {
  const FilledHost host;
  auto view = host.view();
  Wanted wanted = Wanted::nothing();
  wanted.add({"name"});
  EXPECT_EQ(api::host_json(view, host.node, host.live, wanted), Json({{"name", host.node.name}}));
  const auto needs = api::needs_of_host(wanted);
  EXPECT_FALSE(needs.live);
  EXPECT_FALSE(needs.parts.identity || needs.parts.documents || needs.parts.history);
  const auto node = fleet::read_node(*host.store.snapshot(), "", host.node.id, needs.parts).value();
  EXPECT_EQ(node->name, host.node.name);
  EXPECT_EQ(node->identity, Identity{});
  EXPECT_FALSE(node->run);
}

TEST(Parts, OfOneFieldWantedAloneAndAsPartOfAllAreOne) {
  Wanted wanted = Wanted::nothing();
  EXPECT_FALSE(wanted.has("instance"));
  wanted.add({"instance", "node"});
  wanted.add({"instance", "node", "phase"});
  EXPECT_TRUE(wanted.has("instance"));
  EXPECT_FALSE(wanted.in("instance").has("os"));
  EXPECT_TRUE(wanted.in("instance").in("node").has("online")) << "all of it";
  EXPECT_FALSE(wanted.in("site").has("name"));
  EXPECT_TRUE(Wanted().in("site").has("name"));
}

// What pages of a filter and an order are, item by item.
TEST(Parts, LeaveThePagesOfHostsAsTheyAre) {
  Desk desk;
  std::string number = "00";
  for (int n = 0; n < 25; ++n) {
    number[0] = static_cast<char>('0' + n / 10);
    number[1] = static_cast<char>('0' + n % 10);
    desk.register_host(n % 3 == 0 ? "edge" + number : "gate" + number, "11111111-2222-3333-4444-5555555555" + number);
  }
  const auto names = [&](const std::string& query) {
    std::string all;
    const auto page = desk.get("compute/hosts?" + query);
    EXPECT_EQ(page.status, 200U) << page.body;
    for (const auto& host : page.json["hosts"]) {
      EXPECT_TRUE(host.contains("timestamps") && host["instance"].contains("node")) << "whole";
      all += host["name"].get<std::string>().substr(4) + " ";
    }
    return all + "of " + std::to_string(page.json["totalElements"].get<int>()) + (page.json["hasNext"].get<bool>() ? " more" : "");
  };
  EXPECT_EQ(names("pageSize=3"), "00 01 02 of 25 more");
  EXPECT_EQ(names("pageSize=3&offset=22"), "22 23 24 of 25");
  EXPECT_EQ(names("pageSize=3&offset=23"), "23 24 of 25");
  EXPECT_EQ(names("pageSize=3&offset=30"), "of 25");
  EXPECT_EQ(names("pageSize=3&filter=name=edge"), "00 03 06 of 9 more");
  EXPECT_EQ(names("pageSize=3&offset=6&filter=name=edge"), "18 21 24 of 9");
  EXPECT_EQ(names("pageSize=3&orderBy=name%20desc"), "23 22 20 of 25 more");
  EXPECT_EQ(names("pageSize=3&offset=2&orderBy=name%20desc&filter=name=edge"), "18 15 12 of 9 more");
  EXPECT_EQ(names("pageSize=3&offset=1&orderBy=hostStatus"), "01 02 03 of 25 more") << "all alike: as they come";
  EXPECT_EQ(names("pageSize=3&filter=NOT%20has(site)%20AND%20has(instance)"), "00 01 02 of 25 more");
  EXPECT_EQ(names("pageSize=3&filter=has(site)"), "of 0");
  desk.erase("compute/hosts/edge00");
  EXPECT_EQ(names("pageSize=3"), "01 02 03 of 24 more") << "one is deleted";
}

// Runs of a store, the newest first, whatever the order of their ids.
TEST(Parts, LeaveThePagesOfRunsAsTheyAre) {
  Desk desk;
  Batch batch;
  std::uint64_t count = 0;
  for (int n = 0; n < 9; ++n) {
    auto node = filled<fleet::Node>(count);
    node.id.bytes[0] = static_cast<std::uint8_t>(n);
    node.superseded.clear();
    node.run->id = "osupdaterun-0000000" + std::to_string(n * 4 % 9);
    node.run->start_ms = n == 8 ? 0 : 1'000'000 + n * 1'000;
    node.run->opened_ms = n == 8 ? 1'008'000 : 5;
    node.run->name = n % 2 == 0 ? "even" : "odd";
    fleet::State state;
    state.nodes.emplace(node.id, node);
    fleet::Rows::save_all(state, batch, desk.fleet.scope());
  }
  ASSERT_TRUE(desk.fleet.store.commit(batch));
  const auto started = [&](const std::string& query) {
    std::string all;
    const auto page = desk.get("os-update-runs?" + query);
    EXPECT_EQ(page.status, 200U) << page.body;
    for (const auto& run : page.json["osUpdateRuns"]) {
      EXPECT_TRUE(run.contains("timestamps")) << "whole";
      all += std::to_string(run["startTime"].get<int>() - 1'000);
    }
    return all + " of " + std::to_string(page.json["totalElements"].get<int>()) + (page.json["hasNext"].get<bool>() ? " more" : "");
  };
  EXPECT_EQ(started("pageSize=3"), "876 of 9 more");
  EXPECT_EQ(started("pageSize=3&offset=6"), "210 of 9");
  EXPECT_EQ(started("pageSize=3&filter=name=odd"), "753 of 4 more");
  EXPECT_EQ(started("pageSize=3&offset=3&filter=name=odd"), "1 of 4");
  EXPECT_EQ(started("pageSize=6&orderBy=name"), "864207 of 9 more") << "the newest first where they are alike";
  EXPECT_EQ(started("pageSize=6&orderBy=startTime"), "012345 of 9 more");
  EXPECT_EQ(started("pageSize=6&orderBy=name%20desc&filter=startTime%3C1006"), "531420 of 6");
}

TEST(OrderByKeys, AreNotMoreThanAPersonNames) {
  std::string many = "name";
  for (int n = 0; n < 100; ++n) many += ",name";
  EXPECT_EQ(api::parse_order_by(many, api::host_fields()).value().size(), 1U) << "again: no difference";
  std::string different;
  std::size_t count = 0;
  for (const auto& [name, field] : api::os_resource_fields().fields) {
    if (field.kind != FieldTree::Kind::object && ++count <= api::order_keys_max + 1) different += (different.empty() ? "" : ",") + name;
  }
  ASSERT_GT(count, api::order_keys_max);
  const auto refused = api::parse_order_by(different, api::os_resource_fields());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "orderBy: more than 16 fields");
}

}  // namespace
}  // namespace abide::test
