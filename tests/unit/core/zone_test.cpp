#include "common/core/zone.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <thread>
#include <vector>

#include "common/core/cron.hpp"
#include "common/core/time.hpp"

namespace abide {
namespace {

std::int64_t at(const std::string& text) {
  return parse_rfc3339(text).value() / 1000;
}
// What a clock on the wall shows.
std::int64_t wall(const std::string& text) {
  return at(text + ":00Z");
}
Zone zone(const std::string& name) {
  return find_zone(name).value();
}

TEST(Zones, AreFoundByTheirIanaNamesAndNoOthers) {
  for (const char* name : {"Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+12", "Asia/Kathmandu", "EST5EDT", "UTC", "GMT0"}) {
    const auto found = find_zone(name);
    ASSERT_TRUE(found) << name << ": " << found.error().message;
    EXPECT_EQ(found->name(), name);
    EXPECT_EQ(*found, *find_zone(name));
  }
  EXPECT_EQ(find_zone("")->name(), "");
  EXPECT_EQ(*find_zone(""), Zone{});
}

TEST(Zones, ThatAreNotKnownAreRefusedByName) {
  for (const char* name :
       {"Europe/Atlantis", "europe/berlin", "Europe", "EUROPE/BERLIN", "Berlin", "CEST", "+01:00", "UTC+1", "Europe/Berlin ", "1"}) {
    const auto found = find_zone(name);
    ASSERT_FALSE(found) << name;
    EXPECT_EQ(found.error().code, Code::invalid_input);
    EXPECT_EQ(found.error().message, "zone \"" + std::string(name) +
                                         "\" is none that this machine knows: give an IANA name such as Europe/Berlin, or none for UTC");
  }
}

TEST(Zones, AreNeverPathsToSomethingElse) {
  using namespace std::string_literals;
  for (const auto& name : {"../../../etc/localtime"s,
                           "/usr/share/zoneinfo/Europe/Berlin"s,
                           "Europe/../Europe/Berlin"s,
                           "Europe/./Berlin"s,
                           "Europe//Berlin"s,
                           "Europe/Berlin/"s,
                           "/Europe/Berlin"s,
                           "posix/Europe/Berlin"s,
                           "right/Europe/Berlin"s,
                           "localtime"s,
                           "posixrules"s,
                           "leapseconds"s,
                           "tzdata.zi"s,
                           "libc:localtime"s,
                           "Fixed/UTC+01:00:00"s,
                           "file:Europe/Berlin"s,
                           "Europe/Berlin\0"s,
                           "Europe\\Berlin"s,
                           "Europe/Berlin\n"s,
                           "Europe/B\xc3\xa9rlin"s,
                           "~root/x"s,
                           "."s,
                           ".."s,
                           "-"s}) {
    EXPECT_FALSE(find_zone(name)) << name;
  }
  const auto longest = find_zone(std::string(zone_name_bytes_max + 1, 'A'));
  ASSERT_FALSE(longest);
  EXPECT_NE(longest.error().message.find("..."), std::string::npos);
  EXPECT_LT(find_zone(std::string(1'000'000, 'A')).error().message.size(), 200U);
}

TEST(Zones, KnowWhatClocksShow) {
  const struct {
    const char *zone, *at, *shown;
  } rows[] = {
      {"", "2026-07-01T12:00:00Z", "2026-07-01T12:00:00Z"},
      {"UTC", "2026-07-01T12:00:00Z", "2026-07-01T12:00:00Z"},
      {"Etc/UTC", "2026-07-01T12:00:00Z", "2026-07-01T12:00:00Z"},
      {"Europe/Berlin", "2026-07-01T12:00:00Z", "2026-07-01T14:00:00+02:00"},
      {"Europe/Berlin", "2026-12-01T12:00:00Z", "2026-12-01T13:00:00+01:00"},
      {"Europe/London", "2026-12-01T12:00:00Z", "2026-12-01T12:00:00+00:00"},
      {"America/New_York", "2026-01-01T02:00:00Z", "2025-12-31T21:00:00-05:00"},
      {"America/St_Johns", "2026-01-01T02:00:00Z", "2025-12-31T22:30:00-03:30"},
      {"Asia/Kathmandu", "2026-07-01T12:00:00Z", "2026-07-01T17:45:00+05:45"},
      {"Asia/Kathmandu", "2026-12-01T12:00:00Z", "2026-12-01T17:45:00+05:45"},
      {"Australia/Lord_Howe", "2026-07-01T12:00:00Z", "2026-07-01T22:30:00+10:30"},
      {"Australia/Lord_Howe", "2026-12-01T12:00:00Z", "2026-12-01T23:00:00+11:00"},
      {"Australia/Sydney", "2026-12-01T12:00:00Z", "2026-12-01T23:00:00+11:00"},  // summer in December
      {"Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T23:59:59-10:00"},
      {"Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31T00:00:00+14:00"},  // no 30 December there
      {"Pacific/Kiritimati", "2026-01-01T00:00:00Z", "2026-01-01T14:00:00+14:00"},
  };
  for (const auto& row : rows) EXPECT_EQ(to_rfc3339(zone(row.zone), at(row.at)), row.shown) << row.zone;
}

TEST(Zones, GoOnWithTheirLastRulesBeyondTheYearsThatAreListed) {
  EXPECT_EQ(to_rfc3339(zone("Europe/Berlin"), at("2037-07-01T12:00:00Z")), "2037-07-01T14:00:00+02:00");
  EXPECT_EQ(to_rfc3339(zone("Europe/Berlin"), at("2038-07-01T12:00:00Z")), "2038-07-01T14:00:00+02:00");
  EXPECT_EQ(to_rfc3339(zone("America/New_York"), at("2100-07-01T12:00:00Z")), "2100-07-01T08:00:00-04:00");
  EXPECT_EQ(to_rfc3339(zone("America/New_York"), at("2100-12-01T12:00:00Z")), "2100-12-01T07:00:00-05:00");
}

TEST(Zones, CountASkippedLocalTimeAsTheFirstInstantAfterTheGapAndARepeatedOneOnce) {
  const struct {
    const char *zone, *wall, *at;
  } rows[] = {
      // skipped: 02:00 to 03:00 on 29 March
      {"Europe/Berlin", "2026-03-29T01:59", "2026-03-29T00:59:00Z"},
      {"Europe/Berlin", "2026-03-29T02:00", "2026-03-29T01:00:00Z"},
      {"Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00:00Z"},
      {"Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00:00Z"},
      {"Europe/Berlin", "2026-03-29T03:01", "2026-03-29T01:01:00Z"},
      // twice: 02:00 to 03:00 on 25 October
      {"Europe/Berlin", "2026-10-25T01:59", "2026-10-24T23:59:00Z"},
      {"Europe/Berlin", "2026-10-25T02:00", "2026-10-25T00:00:00Z"},
      {"Europe/Berlin", "2026-10-25T02:59", "2026-10-25T00:59:00Z"},
      {"Europe/Berlin", "2026-10-25T03:00", "2026-10-25T02:00:00Z"},
      {"America/New_York", "2026-03-08T02:30", "2026-03-08T07:00:00Z"},
      {"America/New_York", "2026-11-01T01:30", "2026-11-01T05:30:00Z"},
      {"America/New_York", "2026-11-01T02:00", "2026-11-01T07:00:00Z"},
      // half an hour each way
      {"Australia/Lord_Howe", "2026-10-04T01:59", "2026-10-03T15:29:00Z"},
      {"Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30:00Z"},
      {"Australia/Lord_Howe", "2026-10-04T02:30", "2026-10-03T15:30:00Z"},
      {"Australia/Lord_Howe", "2026-04-05T01:30", "2026-04-04T14:30:00Z"},
      {"Australia/Lord_Howe", "2026-04-05T02:00", "2026-04-04T15:30:00Z"},
      // a midnight that is skipped
      {"America/Asuncion", "2023-10-01T00:00", "2023-10-01T04:00:00Z"},
      // days that are skipped
      {"Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00:00Z"},
      {"Pacific/Apia", "2011-12-31T00:00", "2011-12-30T10:00:00Z"},
      {"Pacific/Kwajalein", "1993-08-21T12:00", "1993-08-21T12:00:00Z"},
      {"Asia/Kathmandu", "2026-03-29T02:30", "2026-03-28T20:45:00Z"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(to_rfc3339(zone(row.zone).instant_of(wall(row.wall)) * 1000), to_rfc3339(at(row.at) * 1000)) << row.zone << " " << row.wall;
}

TEST(Zones, TheFirstLocalTimeOfAnInstantIsTheBoundOfThoseBeforeIt) {
  // Every five minutes over the days around each kind of change, and each second right at it.
  const std::pair<const char*, const char*> changes[] = {
      {"Europe/Berlin", "2026-03-29T01:00:00Z"},       {"Europe/Berlin", "2026-10-25T01:00:00Z"},
      {"America/New_York", "2026-03-08T07:00:00Z"},    {"America/New_York", "2026-11-01T06:00:00Z"},
      {"Australia/Lord_Howe", "2026-10-03T15:30:00Z"}, {"Australia/Lord_Howe", "2026-04-04T15:00:00Z"},
      {"Pacific/Apia", "2011-12-30T10:00:00Z"},        {"Pacific/Kwajalein", "1993-08-21T12:00:00Z"},
      {"Asia/Kathmandu", "2026-03-29T01:00:00Z"},      {"America/Juneau", "1867-10-19T00:31:13Z"},
      {"Europe/Dublin", "2026-10-25T01:00:00Z"},       {"", "2026-03-29T01:00:00Z"},
  };
  for (const auto& [name, change] : changes) {
    const Zone there = zone(name);
    const auto check = [&, name = name](std::int64_t instant) {
      const std::int64_t first = there.first_local(instant);
      ASSERT_GE(there.instant_of(first), instant) << name << " " << to_rfc3339(instant * 1000);
      ASSERT_LT(there.instant_of(first - 1), instant) << name << " " << to_rfc3339(instant * 1000);
    };
    for (std::int64_t instant = at(change) - 3 * 86'400; instant < at(change) + 3 * 86'400; instant += 300) check(instant);
    for (std::int64_t instant = at(change) - 5; instant <= at(change) + 5; ++instant) check(instant);
    for (std::int64_t local = there.local_of(at(change)) - 3 * 86'400; local < there.local_of(at(change)) + 3 * 86'400; local += 60)
      ASSERT_LE(there.instant_of(local - 60), there.instant_of(local)) << name;
  }
}

TEST(Zones, HoldAtTheEndsOfTheCalendarAndBeyond) {
  for (const char* name : {"", "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago"}) {
    for (const auto second :
         {std::numeric_limits<std::int64_t>::min(), calendar_seconds_min, calendar_seconds_max, std::numeric_limits<std::int64_t>::max()}) {
      const std::int64_t near = second < 0 ? calendar_seconds_min : calendar_seconds_max;
      EXPECT_LE(std::abs(zone(name).local_of(second) - near), 86'400) << name;
      EXPECT_LE(std::abs(zone(name).instant_of(second) - near), 86'400) << name;
      EXPECT_LE(std::abs(zone(name).first_local(second) - near), 86'400) << name;
      EXPECT_FALSE(to_rfc3339(zone(name), second).empty());
    }
  }
}

TEST(Zones, AreFoundAndAskedByManyThreadsAtOnce) {
  constexpr int count = 4;
  std::vector<std::thread> threads;
  threads.reserve(count);
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([] {
      for (const char* name : {"Africa/Cairo", "Asia/Tokyo", "America/Denver", "No/Such", "Europe/Rome", "Asia/Tehran", "America/Lima"}) {
        const auto found = find_zone(name);
        EXPECT_EQ(found.has_value(), std::string(name) != "No/Such");
        for (std::int64_t second = 1'700'000'000; found && second < 1'760'000'000; second += 600'011)
          EXPECT_LE(found->instant_of(found->local_of(second)), second);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace abide
