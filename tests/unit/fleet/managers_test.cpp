// The managers' pure functions, as tables.
#include <gtest/gtest.h>

#include "common/core/hash.hpp"
#include "common/core/time.hpp"
#include "orchestrator/maintenance_manager/maintenance_manager.hpp"
#include "orchestrator/os_resource_manager/os_resource_manager.hpp"
#include "orchestrator/policy_manager/policy_manager.hpp"

namespace abide {
namespace {

OsResource os(const std::string& profile, const std::string& version, const std::string& architecture = "x86_64") {
  OsResource resource;
  resource.id = "os-" + version;
  resource.profile_name = profile;
  resource.image_id = version;
  resource.architecture = architecture;
  resource.os_type = "OS_TYPE_IMMUTABLE";
  resource.os_provider = "OS_PROVIDER_KIND_INFRA";
  resource.artifact.sha256 = sha256(profile + version);
  resource.raw = resource.artifact;
  return resource;
}
Identity running(const std::string& profile, const std::string& version) {
  return {profile, version, "x86_64", {}, ""};
}

// ---- policies --------------------------------------------------------------------------------------------------------

TEST(PolicyManager, ChecksANewPolicyAsTheModelProductDoes) {
  const OsResource immutable = os("rt", "1.0.0");
  OsResource ubuntu = os("ubuntu", "22");
  ubuntu.os_type = "OS_TYPE_MUTABLE";
  struct Row {
    const char* what;
    UpdatePolicy type;
    std::string target;
    bool downgrade;
    const OsResource* found;
    std::optional<Code> code;
    const char* message;
  };
  const Row rows[] = {
      {"LATEST alone", UpdatePolicy::latest, "", false, nullptr, {}, ""},
      {"LATEST with target", UpdatePolicy::latest, "os-1", false, &immutable, Code::invalid_input,
       "With Policy LATEST, no fields should be set"},
      {"LATEST that goes back", UpdatePolicy::latest, "", true, nullptr, Code::invalid_input,
       "With Policy LATEST, no fields should be set"},
      {"TARGET", UpdatePolicy::target, "os-1", false, &immutable, {}, ""},
      {"TARGET that may go back", UpdatePolicy::target, "os-1", true, &immutable, {}, ""},
      {"TARGET without target", UpdatePolicy::target, "", false, nullptr, Code::invalid_input,
       "Fields for mutable and immutable OSes are mutually exclusive"},
      {"TARGET that does not exist", UpdatePolicy::target, "os-9", false, nullptr, Code::not_found, "no OS resource os-9"},
      {"TARGET that is mutable", UpdatePolicy::target, "os-2", false, &ubuntu, Code::invalid_input, ""},
      {"unspecified", static_cast<UpdatePolicy>(0), "", false, nullptr, Code::invalid_input, "OS Update Policy type cannot be unspecified"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    Policy policy;
    policy.update_policy = row.type;
    policy.target_os_id = row.target;
    policy.allow_downgrade = row.downgrade;
    const auto checked = policy_manager::check_new(policy, row.found);
    EXPECT_EQ(checked.has_value(), !row.code.has_value());
    if (!row.code || checked) continue;
    EXPECT_EQ(checked.error().code, *row.code);
    EXPECT_EQ(checked.error().message.rfind(row.message, 0), 0U) << checked.error().message;
  }
}

TEST(PolicyManager, ResolvesTargetAndLatestForExactlyTheNodesProfileAndArchitecture) {
  enum Want { image, fault, nothing };
  struct Row {
    const char* what;
    UpdatePolicy type;
    bool downgrade;
    Identity runs;
    std::optional<OsResource> target, newest;
    Want want;
    bool profile_change = false;
  };
  OsResource unverified = os("rt", "2.0.0");
  unverified.raw = {};
  const auto target = UpdatePolicy::target;
  const auto latest = UpdatePolicy::latest;
  OsResource mutable_os = os("rt", "2.0.0");
  mutable_os.os_type = "OS_TYPE_MUTABLE";
  const Row rows[] = {
      {"nothing told yet", latest, false, {}, {}, os("rt", "2.0.0"), fault},
      {"nothing told yet, target", target, false, {}, os("rt", "2.0.0"), {}, fault},
      {"newer", target, false, running("rt", "1.0.0"), os("rt", "2.0.0"), {}, image},
      {"the same again", target, false, running("rt", "2.0.0"), os("rt", "2.0.0"), {}, image},
      {"older", target, false, running("rt", "2.0.0"), os("rt", "1.0.0"), {}, fault},
      {"older, allowed", target, true, running("rt", "2.0.0"), os("rt", "1.0.0"), {}, image},
      {"older by number only", target, false, running("rt", "1.0.10"), os("rt", "1.0.9"), {}, fault},
      {"cannot be compared", target, false, running("rt", "base"), os("rt", "1.0.9"), {}, fault},
      {"other profile", target, false, running("rt-x", "1.0.0"), os("rt", "2.0.0"), {}, fault},
      {"other profile, allowed to go back", target, true, running("rt-x", "1.0.0"), os("rt", "2.0.0"), {}, fault},
      {"other profile, allowed", target, false, running("rt-x", "1.0.0"), os("rt", "2.0.0"), {}, image, true},
      {"other profile, allowed, with a lower version", target, false, running("rt-x", "3.0.0"), os("rt", "2.0.0"), {}, image, true},
      {"other profile, allowed, other architecture",
       target,
       false,
       running("rt-x", "1.0.0"),
       os("rt", "2.0.0", "aarch64"),
       {},
       fault,
       true},
      {"older, another profile allowed", target, false, running("rt", "2.0.0"), os("rt", "1.0.0"), {}, fault, true},
      {"without raw digest", target, false, running("rt", "1.0.0"), unverified, {}, fault},
      {"without raw digest, runs already", target, false, running("rt", "2.0.0"), unverified, {}, nothing},
      {"without raw digest, newest", latest, false, running("rt", "1.0.0"), {}, unverified, fault},
      {"without raw digest, newest, runs already", latest, false, running("rt", "2.0.0"), {}, unverified, nothing},
      {"other architecture", target, false, running("rt", "1.0.0"), os("rt", "2.0.0", "aarch64"), {}, fault},
      {"mutable", target, false, running("rt", "1.0.0"), mutable_os, {}, fault},
      {"deleted", target, false, running("rt", "1.0.0"), {}, {}, fault},
      {"a newer one", latest, false, running("rt", "3.0.20260602.0732"), {}, os("rt", "3.0.20260602.2200"), image},
      {"a newer one of the same day without its hour",
       latest,
       false,
       running("rt", "3.0.20260602"),
       {},
       os("rt", "3.0.20260602.0000"),
       image},
      {"the newest", latest, false, running("rt", "2.0.0"), {}, os("rt", "2.0.0"), nothing},
      {"beyond the newest", latest, false, running("rt", "2.0.1"), {}, os("rt", "2.0.0"), nothing},
      {"none", latest, false, running("rt", "2.0.1"), {}, {}, nothing},
      {"runs no version", latest, false, running("rt", "base"), {}, os("rt", "2.0.0"), fault},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    Policy policy;
    policy.update_policy = row.type;
    policy.allow_downgrade = row.downgrade;
    policy.allow_profile_change = row.profile_change;
    const auto got = policy_manager::resolve(policy, row.runs, row.target ? &*row.target : nullptr, row.newest ? &*row.newest : nullptr);
    EXPECT_EQ(got.resource != nullptr, row.want == image);
    EXPECT_EQ(!got.fault.empty(), row.want == fault) << got.fault;
    EXPECT_EQ(!got.nothing.empty(), row.want == nothing) << got.nothing;
    if (std::string_view(row.what) == "without raw digest") {
      EXPECT_EQ(got.fault, "its target rt 2.0.0 has no osRawSha256 in its profile, and a node writes nothing that it cannot verify");
    }
  }
}

TEST(PolicyManager, LinksOnceRetriesAfterAnOutcomeAndSaysWhyNot) {
  const OsResource wanted = os("rt", "2.0.0");
  const policy_manager::Resolution image{&wanted, "", ""};
  const policy_manager::Resolution none{nullptr, "", "nothing newer"};
  struct Row {
    const char* what;
    bool same;
    policy_manager::Present present;
    const policy_manager::Resolution* resolution;
    bool ask, withdraw, note;
  };
  const Row rows[] = {
      {"first", false, {}, &image, true, false, false},
      {"first, nothing newer", false, {}, &none, false, false, true},
      {"again, open", true, {true, false, false, "2"}, &image, false, false, true},
      {"again, open, nothing newer", true, {true, false, false, "2"}, &none, false, false, true},
      {"again, abort on its way", true, {true, true, false, "2"}, &image, false, false, true},
      {"again, ended", true, {true, false, true, "2"}, &image, true, false, false},
      {"again, aborted and ended", true, {true, true, true, "2"}, &image, true, false, false},
      {"again, ended, nothing newer", true, {true, false, true, "2"}, &none, false, false, true},
      {"again, nothing was asked", true, {}, &image, true, false, false},
      {"another policy over an open one", false, {true, false, false, "2"}, &image, true, false, false},
      {"another policy that asks nothing", false, {true, false, false, "2"}, &none, false, true, true},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    const auto got = policy_manager::link(row.same, row.present, *row.resolution);
    EXPECT_EQ(got.ask, row.ask);
    EXPECT_EQ(got.withdraw, row.withdraw);
    EXPECT_EQ(!got.note.empty(), row.note);
  }
}

TEST(PolicyManager, NeverRetriesByItself) {
  const OsResource wanted = os("rt", "2.0.0");
  const policy_manager::Resolution image{&wanted, "", ""};
  Policy latest;
  Policy target;
  target.update_policy = UpdatePolicy::target;
  EXPECT_TRUE(policy_manager::ask_by_itself(latest, {}, image));
  EXPECT_TRUE(policy_manager::ask_by_itself(target, {}, image));
  EXPECT_TRUE(policy_manager::ask_by_itself(latest, {true, false, false, "1.9.0"}, image));
  EXPECT_FALSE(policy_manager::ask_by_itself(latest, {true, false, true, "2.0.0"}, image)) << "failed before, or succeeded";
  EXPECT_FALSE(policy_manager::ask_by_itself(latest, {true, false, true, "2.1.0"}, image));
  EXPECT_FALSE(policy_manager::ask_by_itself(target, {true, false, true, "1.0.0"}, image));
  EXPECT_FALSE(policy_manager::ask_by_itself(latest, {}, {nullptr, "", "nothing"}));
  for (const auto& policy : {latest, target}) {
    EXPECT_TRUE(policy_manager::ask_by_itself(policy, {true, false, false, "2.0.0", true}, image)) << "the image is elsewhere now";
    EXPECT_FALSE(policy_manager::ask_by_itself(policy, {true, false, true, "2.0.0", true}, image));
    EXPECT_FALSE(policy_manager::ask_by_itself(policy, {true, true, false, "2.0.0", true}, image));
  }
}

// ---- windows ---------------------------------------------------------------------------------------------------------

Schedule schedule(const std::string& id, std::int64_t start, std::int64_t end, ScheduleStatus status = ScheduleStatus::os_update) {
  Schedule one;
  one.id = id;
  one.start_seconds = start;
  one.end_seconds = end;
  one.status = status;
  return one;
}

TEST(MaintenanceManager, FindsTheOpenWindowElseTheNext) {
  struct Row {
    const char* what;
    std::vector<Schedule> schedules;
    std::int64_t now;  // seconds
    std::optional<Window> want;
  };
  const Row rows[] = {
      {"none", {}, 5, {}},
      {"to come", {schedule("a", 10, 20)}, 5, Window{"a", 10'000, 20'000}},
      {"open", {schedule("a", 10, 20)}, 10, Window{"a", 10'000, 20'000}},
      {"over", {schedule("a", 10, 20)}, 20, {}},
      {"the nearest", {schedule("b", 30, 40), schedule("a", 10, 20)}, 5, Window{"a", 10'000, 20'000}},
      {"the next", {schedule("b", 30, 40), schedule("a", 10, 20)}, 25, Window{"b", 30'000, 40'000}},
      {"overlapping", {schedule("b", 15, 40), schedule("a", 10, 20)}, 30, Window{"a", 10'000, 40'000}},
      {"touching", {schedule("b", 20, 40), schedule("a", 10, 20)}, 5, Window{"a", 10'000, 40'000}},
      {"one within another", {schedule("b", 12, 15), schedule("a", 10, 20)}, 14, Window{"a", 10'000, 20'000}},
      {"open-ended", {schedule("a", 10, 0)}, 1'000'000, Window{"a", 10'000, 0}},
      {"open-ended swallows what comes", {schedule("b", 50, 60), schedule("a", 10, 0)}, 100, Window{"a", 10'000, 0}},
      {"open-ended hides nothing nearer", {schedule("b", 50, 0), schedule("a", 10, 20)}, 5, Window{"a", 10'000, 20'000}},
      {"open-ended within", {schedule("b", 15, 0), schedule("a", 10, 20)}, 100, Window{"a", 10'000, 0}},
      {"same start, lower id", {schedule("b", 10, 20), schedule("a", 10, 15)}, 12, Window{"a", 10'000, 20'000}},
      {"maintenance is no update", {schedule("a", 10, 20, ScheduleStatus::maintenance)}, 12, {}},
      {"unspecified is no update", {schedule("a", 10, 20, ScheduleStatus::unspecified)}, 12, {}},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    maintenance_manager::Plans plans;
    for (const auto& one : row.schedules) plans.push_back({&one, nullptr});
    EXPECT_EQ(maintenance_manager::window_at(plans, row.now * 1000), row.want);
  }
}

// One of several kinds, and the window that they make together.
TEST(MaintenanceManager, MakesWindowsOfRepeatedSchedulesAndTakesBlackoutsAway) {
  const auto repeated = [](std::string id, std::string hours, std::int64_t seconds, std::string zone,
                           ScheduleStatus status = ScheduleStatus::os_update) {
    Schedule one;
    one.id = std::move(id);
    one.status = status;
    one.repetition = Repetition{{"0", std::move(hours), "*", "*", "*"}, seconds, std::move(zone)};
    return one;
  };
  constexpr std::int64_t hour = 3'600, day = 86'400;  // 1970-01-01T00:00:00Z is a Thursday, in winter
  const struct {
    const char* what;
    std::vector<Schedule> schedules;
    std::int64_t now;
    std::optional<Window> want;
    bool maintenance = false;
  } rows[] = {
      {"the next of a repeated one", {repeated("r", "2", hour, "")}, 3 * hour, Window{"r", (day + 2 * hour) * 1000, (day + 3 * hour) * 1000}},
      {"open now", {repeated("r", "2", hour, "")}, 2 * hour + 5, Window{"r", 2 * hour * 1000, 3 * hour * 1000}},
      {"in its zone", {repeated("r", "2", hour, "Europe/Berlin")}, 0, Window{"r", hour * 1000, 2 * hour * 1000}},
      {"joined by a single one", {repeated("r", "2", hour, ""), schedule("s", 3 * hour, 5 * hour)}, 2 * hour, Window{"r", 2 * hour * 1000, 5 * hour * 1000}},
      {"a single one is first", {repeated("r", "2", hour, ""), schedule("s", hour, 3 * hour)}, 0, Window{"s", hour * 1000, 3 * hour * 1000}},
      {"a blackout takes the begin", {repeated("r", "2", 2 * hour, ""), schedule("b", hour, 3 * hour, ScheduleStatus::blackout)}, 0, Window{"r", 3 * hour * 1000, 4 * hour * 1000}},
      {"a blackout takes all of it", {repeated("r", "2", hour, ""), schedule("b", hour, 9 * hour, ScheduleStatus::blackout)}, 0, Window{"r", (day + 2 * hour) * 1000, (day + 3 * hour) * 1000}},
      {"a repeated blackout", {schedule("s", 0, 0), repeated("b", "2", hour, "", ScheduleStatus::blackout)}, hour, Window{"s", 0, 2 * hour * 1000}},
      {"after the blackout", {schedule("s", 0, 0), repeated("b", "2", hour, "", ScheduleStatus::blackout)}, 2 * hour, Window{"s", 3 * hour * 1000, (day + 2 * hour) * 1000}},
      {"a blackout alone", {schedule("b", 0, 0, ScheduleStatus::blackout)}, 5, {}},
      {"maintenance, the old way", {schedule("m", 10, 20, ScheduleStatus::maintenance)}, 5, Window{"m", 10'000, 20'000}, true},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    std::vector<Repeat> repeats;
    repeats.reserve(row.schedules.size());
    maintenance_manager::Plans plans;
    for (const auto& one : row.schedules) {
      if (one.repetition) repeats.push_back(*make_repeat(one.repetition->cron, one.repetition->duration_seconds, one.repetition->zone));
      plans.push_back({&one, one.repetition ? &repeats.back() : nullptr});
    }
    EXPECT_EQ(maintenance_manager::window_at(plans, row.now * 1000, row.maintenance), row.want);
  }
}

// Midnights, ends of months and years, leap days, and nights in which clocks change.
TEST(MaintenanceManager, FollowsTheCalendarAndTheClocksOfZones) {
  struct Given {
    std::string id, cron;  // the cron fields, or "BEGIN END" of a single one, each RFC 3339
    std::int64_t seconds = 0;
    std::string zone = {};
    ScheduleStatus status = ScheduleStatus::os_update;
  };
  constexpr std::int64_t hour = 3'600;
  constexpr auto no = ScheduleStatus::blackout;
  const struct {
    const char* what;
    std::vector<Given> schedules;
    const char *now, *id, *opens, *closes;
  } rows[] = {
      {"over midnight, from the day after", {{"r", "0 23 * * *", 2 * hour}}, "2026-11-28T00:30:00Z", "r", "2026-11-27T23:00:00Z", "2026-11-28T01:00:00Z"},
      {"two touch at midnight", {{"b", "0 22 * * *", 2 * hour}, {"a", "0 0 * * *", hour}}, "2026-11-28T21:00:00Z", "b", "2026-11-28T22:00:00Z", "2026-11-29T01:00:00Z"},
      {"two miss by a second", {{"b", "0 22 * * *", 2 * hour - 1}, {"a", "0 0 * * *", hour}}, "2026-11-28T23:00:00Z", "b", "2026-11-28T22:00:00Z", "2026-11-28T23:59:59Z"},
      {"a repeated and a single one overlap over midnight", {{"r", "0 23 * * *", 2 * hour}, {"s", "2026-11-29T00:30:00Z 2026-11-29T03:00:00Z"}}, "2026-11-29T02:00:00Z", "r", "2026-11-28T23:00:00Z", "2026-11-29T03:00:00Z"},
      {"the 31st, where April has none", {{"r", "0 22 31 * *", 4 * hour}}, "2026-04-01T03:00:00Z", "r", "2026-05-31T22:00:00Z", "2026-06-01T02:00:00Z"},
      {"the 30th, where February has none", {{"r", "0 22 30 * *", 4 * hour}}, "2027-02-01T00:00:00Z", "r", "2027-03-30T22:00:00Z", "2027-03-31T02:00:00Z"},
      {"from February into March", {{"r", "0 22 28 2 *", 4 * hour}}, "2027-03-01T01:00:00Z", "r", "2027-02-28T22:00:00Z", "2027-03-01T02:00:00Z"},
      {"and into a leap day", {{"r", "0 22 28 2 *", 4 * hour}}, "2028-02-29T01:00:00Z", "r", "2028-02-28T22:00:00Z", "2028-02-29T02:00:00Z"},
      {"a leap day", {{"r", "0 0 29 2 *", 24 * hour}}, "2026-11-28T00:00:00Z", "r", "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"},
      {"over the end of the year", {{"r", "0 23 31 12 *", 2 * hour}}, "2027-01-01T00:30:00Z", "r", "2026-12-31T23:00:00Z", "2027-01-01T01:00:00Z"},
      {"in the hour that is left out", {{"r", "30 2 * * *", hour, "Europe/Berlin"}}, "2026-03-29T00:30:00Z", "r", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"},
      {"and once only", {{"r", "30 2 * * *", hour, "Europe/Berlin"}}, "2026-03-29T02:00:00Z", "r", "2026-03-30T00:30:00Z", "2026-03-30T01:30:00Z"},
      {"in the hour that comes twice, the first time", {{"r", "30 2 * * *", hour, "Europe/Berlin"}}, "2026-10-25T00:00:00Z", "r", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
      {"and not the second time", {{"r", "30 2 * * *", hour, "Europe/Berlin"}}, "2026-10-25T01:30:00Z", "r", "2026-10-26T01:30:00Z", "2026-10-26T02:30:00Z"},
      {"over a change of clocks as long as ever", {{"r", "0 1 * * *", 4 * hour, "Europe/Berlin"}}, "2026-03-29T00:30:00Z", "r", "2026-03-29T00:00:00Z", "2026-03-29T04:00:00Z"},
      {"one that is left out joins the next", {{"b", "0 2 * * *", hour / 2, "Europe/Berlin"}, {"a", "0 3 * * *", hour, "Europe/Berlin"}}, "2026-03-29T00:30:00Z", "a", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"},
      {"two zones in one window", {{"b", "0 2 * * *", hour, "Europe/Berlin"}, {"a", "0 21 * * *", hour, "America/New_York"}}, "2026-11-28T00:30:00Z", "b", "2026-11-28T01:00:00Z", "2026-11-28T03:00:00Z"},
      {"between blackouts of another zone", {{"s", "2026-11-28T00:00:00Z 2026-11-30T00:00:00Z"}, {"b", "0 22 * * *", 4 * hour, "America/New_York", no}}, "2026-11-28T12:00:00Z", "s", "2026-11-28T07:00:00Z", "2026-11-29T03:00:00Z"},
      {"a blackout of the hour that comes twice covers both", {{"s", "2026-10-24T00:00:00Z 2026-10-25T12:00:00Z"}, {"b", "0 2 * * *", hour, "Europe/Berlin", no}}, "2026-10-25T00:30:00Z", "s", "2026-10-25T02:00:00Z", "2026-10-25T12:00:00Z"},
      {"and one that ends within it its second time", {{"s", "2026-10-24T12:00:00Z 2026-10-25T12:00:00Z"}, {"b", "30 1 * * *", hour, "Europe/Berlin", no}}, "2026-10-25T01:00:00Z", "s", "2026-10-25T01:30:00Z", "2026-10-25T12:00:00Z"},
      {"before it", {{"s", "2026-10-24T12:00:00Z 2026-10-25T12:00:00Z"}, {"b", "30 1 * * *", hour, "Europe/Berlin", no}}, "2026-10-24T23:00:00Z", "s", "2026-10-24T12:00:00Z", "2026-10-24T23:30:00Z"},
      {"a blackout over the hour that is left out is as long as ever", {{"s", "2026-03-29T00:00:00Z 2026-03-30T00:00:00Z"}, {"b", "0 1 * * *", 2 * hour, "Europe/Berlin", no}}, "2026-03-29T00:30:00Z", "s", "2026-03-29T02:00:00Z", "2026-03-29T23:00:00Z"},
  };
  const auto ms = [](const std::string& text) { return parse_rfc3339(text).value(); };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    std::vector<Schedule> schedules;
    std::vector<Repeat> repeats;
    schedules.reserve(row.schedules.size());
    repeats.reserve(row.schedules.size());
    maintenance_manager::Plans plans;
    for (const auto& given : row.schedules) {
      Schedule one;
      one.id = given.id;
      one.status = given.status;
      if (given.seconds == 0) {
        const auto blank = given.cron.find(' ');
        one.start_seconds = ms(given.cron.substr(0, blank)) / 1000;
        one.end_seconds = ms(given.cron.substr(blank + 1)) / 1000;
      } else {
        one.repetition = Repetition{split_cron_text(given.cron).value(), given.seconds, given.zone};
        repeats.push_back(make_repeat(one.repetition->cron, given.seconds, given.zone).value());
      }
      schedules.push_back(one);
      plans.push_back({&schedules.back(), one.repetition ? &repeats.back() : nullptr});
    }
    EXPECT_EQ(maintenance_manager::window_at(plans, ms(row.now)), (Window{row.id, ms(row.opens), ms(row.closes)}));
  }
}

TEST(MaintenanceManager, LeavesNoHourOpenBetweenBlackoutsOfEachDay) {
  const auto always = schedule("s", 0, 0);
  const auto berlin = make_repeat({"0", "0", "*", "*", "*"}, 86'400, "Europe/Berlin").value();
  auto daily = schedule("b", 0, 0, ScheduleStatus::blackout);
  daily.repetition = Repetition{{"0", "0", "*", "*", "*"}, 86'400, "Europe/Berlin"};
  const maintenance_manager::Plans plans{{&always, nullptr}, {&daily, &berlin}};
  for (const char* now : {"2026-10-25T12:00:00Z", "2026-10-25T22:30:00Z", "2026-03-29T12:00:00Z", "2026-07-01T00:00:00Z"})
    EXPECT_EQ(maintenance_manager::window_at(plans, parse_rfc3339(now).value()), std::nullopt) << now;
}

TEST(MaintenanceManager, PlansWhatToOpenAndCloseAndWhenToLookAgain) {
  const auto a = schedule("a", 10, 20);
  const auto b = schedule("b", 30, 0);
  const maintenance_manager::Plans both{{&a, nullptr}, {&b, nullptr}};
  const Window open{"a", 10'000, 20'000};
  auto plan = maintenance_manager::plan({}, both, 5'000);
  EXPECT_FALSE(plan.open || plan.close);
  EXPECT_EQ(plan.next_ms, 10'000);
  plan = maintenance_manager::plan({}, both, 10'000);
  EXPECT_TRUE(plan.open);
  EXPECT_EQ(plan.next_ms, 20'000);
  plan = maintenance_manager::plan(open, both, 15'000);
  EXPECT_FALSE(plan.open || plan.close);
  plan = maintenance_manager::plan(open, both, 20'000);
  EXPECT_EQ(plan.close, open);
  EXPECT_TRUE(plan.over);
  EXPECT_FALSE(plan.open);
  EXPECT_EQ(plan.next_ms, 30'000);
  plan = maintenance_manager::plan(open, both, 40'000);
  EXPECT_EQ(plan.close, open);
  EXPECT_TRUE(plan.open) << "the next one is open already";
  EXPECT_FALSE(plan.next_ms) << "and stays so";
  plan = maintenance_manager::plan(open, {{&b, nullptr}}, 15'000);
  EXPECT_EQ(plan.close, open);
  EXPECT_FALSE(plan.over);
}

TEST(MaintenanceManager, ChecksTimes) {
  const auto fine = [](std::int64_t start, std::int64_t end, const Schedule* before = nullptr) {
    return maintenance_manager::check(schedule("a", start, end), before, 1'000'500).has_value();
  };
  EXPECT_TRUE(fine(1'000, 0)) << "in the second that is passing";
  EXPECT_FALSE(fine(999, 0));
  EXPECT_TRUE(fine(1'001, 1'002));
  EXPECT_FALSE(fine(1'001, 1'001));
  EXPECT_FALSE(fine(-5, 0));
  EXPECT_FALSE(fine(1'001, -1));
  EXPECT_FALSE(fine(INT64_MAX, 0)) << "and never overflows";
  const auto before = schedule("a", 500, 0);
  EXPECT_TRUE(fine(500, 2'000, &before));
  EXPECT_FALSE(fine(501, 2'000, &before));
}

// ---- OS resources ----------------------------------------------------------------------------------------------------

struct Pass {
  std::vector<OsResource> known;
  std::map<std::string, std::string> failing;
  os_resource_manager::Reach reach;
  mutable std::map<std::string, std::string> errors;  // of the last judgement

  std::vector<std::string> judge(const std::vector<std::pair<std::string, OsResource>>& found,
                                 const std::vector<os_resource_manager::Failure>& failures = {}) const {
    std::vector<os_resource_manager::Found> list;
    for (const auto& [source, resource] : found) list.push_back({source, &resource});
    const auto lookup = [&](const std::string& profile, const std::string& image) -> const OsResource* {
      for (const auto& one : known)
        if (one.profile_name == profile && one.image_id == image) return &one;
      return nullptr;
    };
    std::vector<std::string> words;
    for (const auto& finding : os_resource_manager::judge(list, failures, reach, lookup, failing)) {
      if (const auto* create = std::get_if<os_resource_manager::Create>(&finding)) words.push_back("create " + create->resource->image_id);
      if (const auto* move = std::get_if<os_resource_manager::Move>(&finding))
        words.push_back("moved " + move->known->id + " to " + move->resource->image_url);
      if (const auto* failed = std::get_if<os_resource_manager::SourceFailed>(&finding)) {
        words.push_back("failed " + failed->source);
        errors[failed->source] = failed->error;
      }
      if (const auto* fine = std::get_if<os_resource_manager::SourceRecovered>(&finding))
        words.push_back((fine->gone ? "gone " : "recovered ") + fine->source);
    }
    return words;
  }
};
using Words = std::vector<std::string>;

TEST(OsResourceManager, CreatesEachVersionOnceAlsoWithinAPass) {
  Pass pass;
  pass.known = {os("rt", "1.0.0")};
  EXPECT_EQ(pass.judge({{"x", os("rt", "1.0.0")}, {"y", os("rt", "1.0.1")}, {"z", os("rt", "1.0.1")}, {"w", os("nonrt", "1.0.1")}}),
            (Words{"create 1.0.1", "create 1.0.1"}));
}

TEST(OsResourceManager, CallsAVersionThatComesAgainWithAnotherDigestAFailure) {
  Pass pass;
  pass.known = {os("rt", "1.0.0")};
  auto other = os("rt", "1.0.0");
  other.artifact.sha256 = sha256("other");
  EXPECT_EQ(pass.judge({{"x", other}}), Words{"failed x"});
  auto raw = os("rt", "1.0.0");
  raw.raw.sha256 = sha256("other");
  EXPECT_EQ(pass.judge({{"x", raw}}), Words{"failed x"});
  auto larger = os("rt", "1.0.0");
  larger.artifact.size = 2'000;
  EXPECT_EQ(pass.judge({{"x", larger}}), Words{}) << "of the known one no size was told";
  pass.known[0].artifact.size = 1'000;
  EXPECT_EQ(pass.judge({{"x", larger}}), Words{"failed x"});
  EXPECT_EQ(pass.errors["x"], "rt 1.0.0 came again with the same digest and 2000 bytes, known are 1000");
  EXPECT_EQ(pass.judge({{"x", os("rt", "1.0.0")}}), Words{}) << "a size that is not told says nothing";
  pass.known.clear();
  EXPECT_EQ(pass.judge({{"x", os("rt", "1.0.0")}, {"y", other}}), (Words{"create 1.0.0", "failed y"})) << "also within a pass";
  EXPECT_NE(pass.errors["y"].find(", in x; that one stays"), std::string::npos) << pass.errors["y"];
}

TEST(OsResourceManager, SaysThatARawDigestWasAddedOrIsMissing) {
  Pass pass;
  auto without = os("rt", "1.0.0");
  without.raw = {};
  pass.known = {without};
  EXPECT_EQ(pass.judge({{"x", os("rt", "1.0.0")}}), Words{"failed x"});
  EXPECT_EQ(pass.errors["x"], "rt 1.0.0 came again with osRawSha256 " + to_hex(os("rt", "1.0.0").raw.sha256) +
                                  ", known has none: delete its OS resource, and it is taken as it is now");
  pass.known = {os("rt", "1.0.0")};
  EXPECT_EQ(pass.judge({{"x", without}}), Words{"failed x"});
  EXPECT_NE(pass.errors["x"].find("no osRawSha256, known is "), std::string::npos) << pass.errors["x"];
}

// After a restart, too: what is known is what the project has, whatever a service lists first.
TEST(OsResourceManager, BlamesTheEntryThatHasAnotherImageAndNeverTheOneThatIsKnown) {
  Pass pass;
  pass.known = {os("rt", "1.0.0")};
  auto other = os("rt", "1.0.0");
  other.artifact.sha256 = other.raw.sha256 = sha256("other");
  EXPECT_EQ(pass.judge({{"a.yaml", other}, {"b.yaml", os("rt", "1.0.0")}}), Words{"failed a.yaml"});
}

TEST(OsResourceManager, MovesAResourceWhoseImageIsElsewhereNowAndNowhereElseAnyMore) {
  const auto at = [](const std::string& url) {
    auto resource = os("rt", "1.0.0");
    resource.image_url = url;
    resource.urls = {"http://files/" + url};
    resource.manifest = "of " + url;
    return resource;
  };
  Pass pass;
  pass.known = {at("old")};
  EXPECT_EQ(pass.judge({{"x", at("old")}}), Words{});
  EXPECT_EQ(pass.judge({{"x", at("new")}, {"y", at("newer")}}), Words{"moved os-1.0.0 to new"});
  EXPECT_EQ(pass.judge({{"x", at("new")}, {"y", at("old")}}), Words{}) << "it is still where it was, too";
  pass.reach.complete = false;
  EXPECT_EQ(pass.judge({{"x", at("new")}}), Words{}) << "perhaps it is still there in what was not read";
  pass.reach.complete = true;
  auto served_elsewhere = at("old");
  served_elsewhere.urls = {"http://other-files/old"};
  EXPECT_EQ(pass.judge({{"x", served_elsewhere}}), Words{"moved os-1.0.0 to old"});
  auto other = at("new");
  other.artifact.sha256 = sha256("other");
  EXPECT_EQ(pass.judge({{"x", other}}), Words{"failed x"}) << "another image moves nothing";
  pass.known[0].manifest.clear();
  EXPECT_EQ(pass.judge({{"x", at("new")}}), Words{}) << "made by hand";
}

TEST(OsResourceManager, SaysFailuresAndRecoveriesOnlyWhenTheyChange) {
  Pass pass;
  EXPECT_EQ(pass.judge({{"x", os("rt", "1.0.0")}}, {{"y", "no such file"}}), (Words{"create 1.0.0", "failed y"}));
  pass.known = {os("rt", "1.0.0")};
  pass.failing = {{"y", "no such file"}};
  EXPECT_EQ(pass.judge({{"x", os("rt", "1.0.0")}}, {{"y", "no such file"}}), Words{});
  EXPECT_EQ(pass.judge({{"x", os("rt", "1.0.0")}}, {{"y", "not YAML"}}), Words{"failed y"}) << "another error";
  EXPECT_EQ(pass.judge({{"y", os("rt", "1.0.0")}}), Words{"recovered y"});
  EXPECT_EQ(pass.judge({{"x", os("rt", "1.0.0")}}), Words{"gone y"}) << "it is no longer listed";
  EXPECT_EQ(pass.judge({{"x", os("", "1.0.0")}}, {{"y", "no such file"}}), Words{"failed x"});
  pass.reach.fine = {"y"};
  EXPECT_EQ(pass.judge({}), Words{"recovered y"}) << "a list, which no resource is read from";
}

TEST(OsResourceManager, TakesNothingForFineThatNobodyLookedAt) {
  Pass pass;
  pass.failing = {{"/a/x.yaml", "no"}, {"/b/x.yaml", "no"}, {"oci://r/p:1", "no"}, {"oci://r/q:1", "no"}, {"http://list", "no"}};
  const std::pair<std::string, OsResource> good{"/a/good.yaml", os("rt", "1.0.0")};
  pass.known = {os("rt", "1.0.0")};
  struct Row {
    const char* what;
    std::vector<std::string> whole, unread, untold;
    Words want;
  };
  for (const auto& row : std::initializer_list<Row>{
           {"everything was read", {}, {}, {}, {"gone /a/x.yaml", "gone /b/x.yaml", "gone http://list", "gone oci://r/p:1", "gone oci://r/q:1"}},
           {"one service of three", {"/a"}, {"/b", "oci://r"}, {}, {"gone /a/x.yaml"}},
           {"all but the tags of one profile", {"/a", "/b", "oci://r"}, {"oci://r/q"}, {}, {"gone /a/x.yaml", "gone /b/x.yaml", "gone oci://r/p:1"}},
           {"none", {}, {"/a", "/b", "oci://r"}, {}, {}},
           {"too many to be told", {"/a", "/b", "oci://r"}, {}, {"/a/x.yaml", "oci://r/p:1", "oci://r/q:1", "http://list"}, {"gone /b/x.yaml"}},
       }) {
    SCOPED_TRACE(row.what);
    pass.reach.whole = row.whole;
    pass.reach.unread = row.unread;
    pass.reach.untold = row.untold;
    EXPECT_EQ(pass.judge({good}), row.want);
  }
  pass.reach = {};
  pass.reach.untold = {"/a/x.yaml", "/b/x.yaml", "oci://r/p:1", "oci://r/q:1", "http://list"};
  EXPECT_EQ(pass.judge({{"/a/x.yaml", os("rt", "1.0.0")}}), Words{}) << "read once, and failing now";
}

TEST(OsResourceManager, KnowsWhichEntriesLieInAPlace) {
  using os_resource_manager::lies_in;
  for (const char* entry : {"/a", "/a/x.yaml", "/a/index.json#3", "/a#profile", "/a:1"}) EXPECT_TRUE(lies_in(entry, "/a")) << entry;
  for (const char* entry : {"", "/ab", "/ab/x.yaml", "/", "a"}) EXPECT_FALSE(lies_in(entry, "/a")) << entry;
  EXPECT_TRUE(lies_in("/x.yaml", "/"));
}

TEST(OsResourceManager, RefusesADoubleByHandAndDeletingWhatIsUsed) {
  const auto known = os("rt", "1.0.0");
  EXPECT_TRUE(os_resource_manager::check_new(known, nullptr, false));
  EXPECT_EQ(os_resource_manager::check_new(known, &known, false).error().code, Code::conflict);
  EXPECT_EQ(os_resource_manager::check_new(known, nullptr, true).error().code, Code::conflict);
  auto typeless = known;
  typeless.os_type = "OS_TYPE_UNSPECIFIED";
  EXPECT_EQ(os_resource_manager::check_new(typeless, nullptr, false).error().code, Code::invalid_input);
  EXPECT_TRUE(os_resource_manager::check_delete(known, 0, 0));
  EXPECT_EQ(os_resource_manager::check_delete(known, 1, 0).error().code, Code::conflict);
  EXPECT_EQ(os_resource_manager::check_delete(known, 0, 2).error().code, Code::conflict);
}

}  // namespace
}  // namespace abide
