// Regions and sites: policies and schedules of places, which of them applies, and what moves with a host.
#include "tests/unit/fleet/fleet_bench.hpp"

namespace abide::fleet {
namespace {

struct Tree : Fixture {
  std::string europe, germany, plant;

  Tree() {
    europe = bench.done(PlaceRegion{{"", "europe", "", {}, ""}});
    germany = bench.done(PlaceRegion{{"", "germany", "europe", {}, ""}});
    plant = bench.done(PlaceSite{{"", "plant", germany, 0, 0, {}, ""}});
    bench.done(EditHost{host(), "plant", std::nullopt});
  }
  std::string other_policy(const std::string& name = "other") {
    Policy latest;
    latest.name = name;
    return bench.done(CreatePolicy{latest});
  }
  [[nodiscard]] std::string asked_by() { return seen().newest.link ? seen().newest.link->release.policy_id : ""; }
  [[nodiscard]] std::string applies() { return policy_of(bench.state, seen()).policy == nullptr ? "" : policy_of(bench.state, seen()).policy->id; }
  Schedule window(std::int64_t in_seconds, std::int64_t for_seconds) {
    Schedule schedule;
    schedule.name = "w";
    schedule.start_seconds = bench.now.wall_ms / 1000 + in_seconds;
    schedule.end_seconds = for_seconds == 0 ? 0 : schedule.start_seconds + for_seconds;
    return schedule;
  }
};

TEST(Places, ThePolicyOfTheNearestPlaceAppliesToAHostWithoutOne) {
  Tree t;
  EXPECT_EQ(t.asked_by(), "");
  const auto far = t.other_policy("far"), near = t.other_policy("near");
  t.bench.done(LinkPlacePolicy{"", "europe", far});
  EXPECT_EQ(t.applies(), far);
  EXPECT_EQ(t.asked_by(), far);
  const auto offer = t.seen().newest.link->offer;
  t.bench.done(LinkPlacePolicy{"plant", "", near});
  EXPECT_EQ(t.applies(), near);
  EXPECT_EQ(t.asked_by(), near);
  EXPECT_GT(t.seen().newest.link->offer, offer) << "another policy is another asking";
  t.link();
  EXPECT_EQ(t.asked_by(), t.policy) << "its own";
  t.bench.done(UnlinkPolicy{t.host()});
  EXPECT_EQ(t.asked_by(), near) << "and the site's again";
  t.bench.done(LinkPlacePolicy{"plant", "", ""});
  EXPECT_EQ(t.asked_by(), far);
  t.bench.done(LinkPlacePolicy{"", t.europe, ""});
  EXPECT_FALSE(t.seen().newest.link.has_value()) << "nothing is asked any more";
  t.bench.expect_fold();
}

TEST(Places, AHostThatMovesIsAskedByWhereItIs) {
  Tree t;
  const auto there = t.other_policy("there");
  const auto elsewhere = t.bench.done(PlaceSite{{"", "elsewhere", "", 0, 0, {}, ""}});
  t.bench.done(LinkPlacePolicy{elsewhere, "", there});
  EXPECT_EQ(t.asked_by(), "");
  t.bench.done(EditHost{t.host(), elsewhere, std::nullopt});
  EXPECT_EQ(t.asked_by(), there);
  t.bench.done(EditHost{t.host(), "", std::nullopt});
  EXPECT_FALSE(t.seen().newest.link.has_value());
  t.bench.done(EditHost{t.host(), elsewhere, std::nullopt});
  t.bench.done(PlaceSite{{elsewhere, "elsewhere", t.germany, 10, 20, {{"floor", "2"}}, ""}});
  EXPECT_EQ(t.asked_by(), there) << "an edit keeps the policy";
  t.bench.expect_fold();
}

TEST(Places, WindowsOfHostSiteAndRegionsAddUpAndBlackoutsTakeAway) {
  Tree t;
  auto of_region = t.window(100, 100);
  of_region.region_id = "europe";
  const auto id = t.bench.done(CreateSchedule{of_region});
  const std::int64_t start_ms = of_region.start_seconds * 1000;
  ASSERT_TRUE(t.seen().newest.window.has_value());
  EXPECT_EQ(*t.seen().newest.window, (Window{id, start_ms, start_ms + 100'000}));
  auto of_host = t.window(150, 100);
  of_host.host_id = t.host();
  t.bench.done(CreateSchedule{of_host});
  EXPECT_EQ(t.seen().newest.window->closes_at_ms, start_ms + 150'000) << "joined";
  auto blackout = t.window(180, 50);
  blackout.status = ScheduleStatus::blackout;
  blackout.site_id = "plant";
  t.bench.done(CreateSchedule{blackout});
  EXPECT_EQ(t.seen().newest.window->closes_at_ms, start_ms + 80'000);
  t.bench.pass(120'000);
  EXPECT_TRUE(t.seen().open_window.has_value());
  t.bench.pass(80'000);
  EXPECT_FALSE(t.seen().open_window.has_value());
  ASSERT_TRUE(t.seen().newest.window.has_value());
  EXPECT_EQ(t.seen().newest.window->opens_at_ms, start_ms + 130'000) << "what is left behind the blackout";
  t.bench.done(DeleteSchedule{id});
  t.bench.expect_fold();
}

TEST(Places, ARepeatedScheduleOfARegionOpensForAllHostsInItAgainAndAgain) {
  Tree t;
  Schedule nightly;
  nightly.name = "nightly";
  nightly.region_id = t.germany;
  nightly.repetition = Repetition{{"0", "2", "*", "*", "*"}, 3'600, "Europe/Berlin"};
  const auto id = t.bench.done(CreateSchedule{nightly});
  EXPECT_EQ(id.substr(0, 13), "repeatedsche-");
  constexpr std::int64_t day_ms = 86'400'000;
  const auto opened = [&] { return t.bench.events<WindowOpened>().size(); };
  t.bench.pass(10 * day_ms);
  EXPECT_EQ(opened(), 10U);
  EXPECT_EQ(t.bench.events<WindowClosed>().size() + (t.seen().open_window ? 1 : 0), 10U);
  for (const auto& event : t.bench.events<WindowOpened>()) EXPECT_EQ(event.window.closes_at_ms - event.window.opens_at_ms, 3'600'000);
  t.bench.done(EditHost{t.host(), "", std::nullopt});
  t.bench.pass(3 * day_ms);
  EXPECT_EQ(opened(), 10U) << "it is not there any more";
  t.bench.expect_fold();
}

TEST(Places, NamePlaceAndPolicyAreSetInOneRequest) {
  Tree t;
  const auto policy = t.other_policy();
  const auto region = t.bench.done(PlaceRegion{{"", "north", "", {}, ""}, "other"});
  EXPECT_EQ(t.bench.state.regions.at(region).value.policy_id, policy);
  const auto site = t.bench.done(PlaceSite{{"", "yard", region, 0, 0, {}, ""}, policy});
  EXPECT_EQ(t.bench.state.sites.at(site).value.policy_id, policy);
  t.bench.done(PlaceSite{{site, "quay", "", 0, 0, {}, ""}, ""});
  EXPECT_EQ(t.bench.state.sites.at(site).value.name, "quay");
  EXPECT_EQ(t.bench.state.sites.at(site).value.policy_id, "");
  EXPECT_NE(t.bench.ask(PlaceSite{{site, "quay", "", 0, 0, {}, ""}, ""})->note, "");
  t.bench.done(EditHost{t.host(), "quay", std::nullopt, "crane"});
  EXPECT_EQ(t.seen().name, "crane");
  EXPECT_EQ(t.seen().site_id, site);
  t.bench.done(RegisterHost{node_id(9), "lamp", "quay", {{"floor", "2"}}});
  EXPECT_EQ(t.bench.node(node_id(9)).site_id, site);
  EXPECT_EQ(t.bench.node(node_id(9)).metadata.size(), 1U);
  t.bench.expect_fold();
}

TEST(Places, APolicyOfAPlaceIsNotUnlinkedFromAHost) {
  Tree t;
  t.bench.done(LinkPlacePolicy{"plant", "", t.policy});
  t.accept();
  const auto events = t.bench.journal.size();
  const auto answer = t.bench.ask(UnlinkPolicy{t.host()});
  ASSERT_TRUE(answer);
  EXPECT_NE(answer->note.find(t.plant), std::string::npos);
  EXPECT_EQ(t.bench.journal.size(), events) << "what runs goes on";
}

TEST(Places, WhatCannotBeIsRefused) {
  Tree t;
  const auto code = [&](Operation operation) {
    const auto events = t.bench.journal.size();
    const auto answer = t.bench.ask(std::move(operation));
    EXPECT_EQ(t.bench.journal.size(), events) << "nothing has changed";
    return answer ? Code::unavailable : answer.error().code;
  };
  EXPECT_EQ(code(PlaceRegion{{"", "", "", {}, ""}}), Code::invalid_input) << "no name";
  EXPECT_EQ(code(PlaceRegion{{"", "x", "nowhere", {}, ""}}), Code::not_found);
  EXPECT_EQ(code(PlaceRegion{{t.europe, "europe", t.germany, {}, ""}}), Code::invalid_input) << "in itself";
  EXPECT_EQ(code(PlaceRegion{{t.europe, "europe", t.europe, {}, ""}}), Code::invalid_input);
  EXPECT_EQ(code(PlaceRegion{{"region-00000000", "x", "", {}, ""}}), Code::not_found);
  EXPECT_EQ(code(PlaceSite{{"", "x", "nowhere", 0, 0, {}, ""}}), Code::not_found);
  EXPECT_EQ(code(DeleteRegion{"europe"}), Code::conflict) << "germany lies in it";
  EXPECT_EQ(code(DeleteRegion{"germany"}), Code::conflict) << "the plant lies in it";
  EXPECT_EQ(code(DeleteSite{"plant"}), Code::conflict) << "a host is there";
  EXPECT_EQ(code(EditHost{t.host(), "nowhere", std::nullopt}), Code::not_found);
  EXPECT_EQ(code(LinkPlacePolicy{"plant", "europe", t.policy}), Code::invalid_input) << "two places";
  EXPECT_EQ(code(EditHost{t.host(), "nowhere", std::nullopt, "renamed"}), Code::not_found);
  EXPECT_EQ(code(EditHost{t.host(), "", std::nullopt, ""}), Code::invalid_input) << "no name, so it is not moved";
  EXPECT_EQ(code(PlaceSite{{t.plant, "renamed", "", 0, 0, {}, ""}, "none such"}), Code::not_found);
  EXPECT_EQ(code(PlaceRegion{{t.europe, "renamed", "", {}, ""}, "none such"}), Code::not_found);
  EXPECT_EQ(code(RegisterHost{node_id(77), "new", "nowhere", {}}), Code::not_found);
  EXPECT_FALSE(t.bench.state.nodes.contains(node_id(77)));
  EXPECT_EQ(code(LinkPlacePolicy{"plant", "", "none such"}), Code::not_found);
  auto two = t.window(10, 10);
  two.site_id = "plant";
  two.region_id = "europe";
  EXPECT_EQ(code(CreateSchedule{two}), Code::invalid_input);
  two.region_id = "nowhere";
  two.site_id.clear();
  EXPECT_EQ(code(CreateSchedule{two}), Code::not_found);
  Schedule never;
  never.name = "never";
  never.repetition = Repetition{{"0", "2", "31", "2", "*"}, 60, ""};
  EXPECT_EQ(code(CreateSchedule{never}), Code::invalid_input);
  never.repetition = Repetition{{"0", "2", "*", "*", "*"}, 60, "Mars/Olympus"};
  EXPECT_EQ(code(CreateSchedule{never}), Code::invalid_input);
  never.repetition = Repetition{{"0", "2", "*", "*", "*"}, 86'401, ""};
  EXPECT_EQ(code(CreateSchedule{never}), Code::invalid_input);
  std::string above = t.germany;
  for (std::size_t depth = 2; depth < regions_depth_max; ++depth) above = t.bench.done(PlaceRegion{{"", "deep", above, {}, ""}});
  EXPECT_EQ(code(PlaceRegion{{"", "too deep", above, {}, ""}}), Code::invalid_input);
  t.bench.done(LinkPlacePolicy{"plant", "", t.policy});
  EXPECT_EQ(code(DeletePolicy{t.policy}), Code::conflict) << "a place has it";
}

TEST(Places, APolicyIsEditedInNameAndDescriptionOnly) {
  Tree t;
  t.bench.done(EditPolicy{t.policy, "new name", "why"});
  EXPECT_EQ(t.bench.state.policies.at(t.policy).value.name, "new name");
  EXPECT_EQ(find_policy(t.bench.state, "new name").value(), t.policy);
  EXPECT_EQ(t.bench.ask(EditPolicy{t.policy, "", std::nullopt}).error().code, Code::invalid_input);
  t.bench.expect_fold();
}

}  // namespace
}  // namespace abide::fleet
