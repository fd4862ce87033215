// Which minutes a cron text means.
#include <gtest/gtest.h>
#include <limits>
#include <set>
#include <time.h>

#include "common/core/cron.hpp"
#include "common/core/random.hpp"
#include "common/core/time.hpp"

namespace abide {
namespace {

using Numbers = std::set<int>;

Numbers from_to(int low, int high, int step = 1) {
  Numbers numbers;
  for (int i = low; i <= high; i += step) numbers.insert(i);
  return numbers;
}

std::int64_t at(const char* text) {
  return parse_rfc3339(text).value() / 1000;
}

TEST(CronMatch, JumpsOverMonthsDaysHoursAndMinutes) {
  const struct {
    const char *cron, *from, *next;
  } rows[] = {
      {"* * * * *", "2026-11-28T13:45:00Z", "2026-11-28T13:45:00Z"},
      {"* * * * *", "2026-11-28T13:45:01Z", "2026-11-28T13:46:00Z"},
      {"0 0 * * *", "2026-12-31T00:00:01Z", "2027-01-01T00:00:00Z"},
      {"59 23 31 12 *", "2026-12-31T23:59:00Z", "2026-12-31T23:59:00Z"},
      {"59 23 31 12 *", "2026-12-31T23:59:01Z", "2027-12-31T23:59:00Z"},
      {"30 2 31 * *", "2026-01-31T02:30:01Z", "2026-03-31T02:30:00Z"},  // no 31st in February
      {"30 2 31 * *", "2026-03-31T02:31:00Z", "2026-05-31T02:30:00Z"},  // nor in April
      {"0 0 30 * *", "2026-01-30T00:00:01Z", "2026-03-30T00:00:00Z"},
      {"0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
      {"0 0 29 2 *", "2096-02-29T00:00:01Z", "2104-02-29T00:00:00Z"},  // 2100 has none
      {"0 0 29 2 *", "1996-03-01T00:00:00Z", "2000-02-29T00:00:00Z"},  // 2000 has one
      {"0 0 1 1 *", "2026-01-01T00:00:01Z", "2027-01-01T00:00:00Z"},
      {"15,45 1,13 * * *", "2026-06-01T01:46:00Z", "2026-06-01T13:15:00Z"},
      {"15,45 1,13 * * *", "2026-06-01T13:46:00Z", "2026-06-02T01:15:00Z"},
      {"0 2 * * sat", "2026-11-28T02:00:00Z", "2026-11-28T02:00:00Z"},  // a Saturday
      {"0 2 * * sun", "2026-11-28T02:00:00Z", "2026-11-29T02:00:00Z"},
      {"0 2 * * fri", "2026-11-28T02:00:00Z", "2026-12-04T02:00:00Z"},
  };
  for (const auto& row : rows) {
    const auto cron = parse_cron_text(row.cron);
    ASSERT_TRUE(cron) << row.cron;
    EXPECT_EQ(next_match(*cron, at(row.from)), at(row.next)) << row.cron << " from " << row.from;
    EXPECT_EQ(last_match(*cron, at(row.next)), at(row.next)) << row.cron;
    EXPECT_LT(*last_match(*cron, at(row.next) - 1), at(row.from) + 60) << row.cron;
  }
}

TEST(CronMatch, IsOfEitherDayFieldWhereBothAreRestricted) {
  const struct {
    const char* cron;
    std::set<int> june_2026;  // 1 June 2026 is a Monday
  } rows[] = {
      {"0 0 1 * *", {1}},
      {"0 0 * * mon", {1, 8, 15, 22, 29}},
      {"0 0 4 * mon", {1, 4, 8, 15, 22, 29}},
      {"0 0 31 * mon", {1, 8, 15, 22, 29}},
      {"0 0 */1 * mon", {1, 8, 15, 22, 29}},
      {"0 0 4 * */1", {4}},
      {"0 0 */10 * mon", {1, 8, 11, 15, 21, 22, 29}},  // a step restricts
      {"0 0 1-31 * mon", from_to(1, 30)},              // so does a list of all
      {"0 0 4 * 0-6", from_to(1, 30)},
  };
  for (const auto& row : rows) {
    const auto cron = parse_cron_text(row.cron);
    ASSERT_TRUE(cron) << row.cron;
    std::set<int> found;
    for (auto match = next_match(*cron, at("2026-06-01T00:00:00Z")); *match < at("2026-07-01T00:00:00Z");
         match = next_match(*cron, *match + 1))
      found.insert(static_cast<int>((*match - at("2026-06-01T00:00:00Z")) / 86'400) + 1);
    EXPECT_EQ(found, row.june_2026) << row.cron;
  }
}

TEST(CronMatch, EndsWithTheCalendar) {
  const auto cron = parse_cron_text("0 0 1 1 *");
  ASSERT_TRUE(cron);
  EXPECT_EQ(next_match(*cron, at("9999-01-01T00:00:01Z")), std::nullopt);
  EXPECT_EQ(last_match(*cron, calendar_seconds_min), calendar_seconds_min);
  EXPECT_EQ(last_match(*cron, calendar_seconds_min - 1), std::nullopt);
  EXPECT_EQ(next_match(*cron, std::numeric_limits<std::int64_t>::min()), calendar_seconds_min);
  EXPECT_EQ(next_match(*cron, std::numeric_limits<std::int64_t>::max()), std::nullopt);
  EXPECT_EQ(last_match(*cron, std::numeric_limits<std::int64_t>::min()), std::nullopt);
  EXPECT_EQ(last_match(*cron, std::numeric_limits<std::int64_t>::max()), at("9999-01-01T00:00:00Z"));
}

// A field drawn at random, as text and as what it must mean.
struct Drawn {
  std::string text;
  Numbers numbers;
  bool any = false;
};

Drawn draw(Random& random, int low, int high) {
  const auto below = [&](int limit) { return static_cast<int>(random.below(static_cast<std::uint64_t>(limit))); };
  const auto within = [&](int from, int to) { return from + below(to - from + 1); };
  if (random.below(3) == 0) return {"*", from_to(low, high), true};
  Drawn drawn;
  const auto items = 1 + random.below(3);
  for (std::uint64_t i = 0; i < items; ++i) {
    const int first = within(low, high);
    const int last = within(first, high);
    const int step = within(1, high - low);
    const auto kind = random.below(4);
    std::string item = std::to_string(first);
    Numbers numbers{first};
    if (kind == 1) {
      item += "-" + std::to_string(last);
      numbers = from_to(first, last);
    } else if (kind == 2) {
      item += "-" + std::to_string(last) + "/" + std::to_string(step);
      numbers = from_to(first, last, step);
    } else if (kind == 3) {
      item = "*/" + std::to_string(step);
      numbers = from_to(low, high, step);
    }
    drawn.text += (i == 0 ? "" : ",") + item;
    drawn.numbers.insert(numbers.begin(), numbers.end());
  }
  drawn.any = drawn.text == "*/1";
  return drawn;
}

TEST(CronMatch, AgreesWithAScanOfEveryMinute) {
  constexpr int texts = 150;
  constexpr int days = 70;
  Random random{20261128};
  int matches = 0;
  for (int i = 0; i < texts; ++i) {
    const Drawn minute = draw(random, 0, 59);
    const Drawn hour = draw(random, 0, 23);
    const Drawn day = draw(random, 1, 31);
    const Drawn month = draw(random, 1, 12);
    const Drawn weekday = draw(random, 0, 6);
    const std::string text = minute.text + " " + hour.text + " " + day.text + " " + month.text + " " + weekday.text;
    const auto cron = parse_cron_text(text);
    if (!cron) {
      EXPECT_NE(cron.error().message.find("never occurs"), std::string::npos) << text << ": " << cron.error().message;
      continue;
    }
    const auto is_match = [&](std::int64_t second) {
      const time_t wall = second;
      tm parts{};
      gmtime_r(&wall, &parts);
      const bool by_day = day.numbers.count(parts.tm_mday) != 0;
      const bool by_weekday = weekday.numbers.count(parts.tm_wday) != 0;
      const bool on_day = day.any || weekday.any ? by_day && by_weekday : by_day || by_weekday;
      return on_day && minute.numbers.count(parts.tm_min) != 0 && hour.numbers.count(parts.tm_hour) != 0 &&
             month.numbers.count(parts.tm_mon + 1) != 0;
    };
    const auto from = static_cast<std::int64_t>(random.below(4'000'000'000)) / 60 * 60;
    std::int64_t last_seen = from - 60;
    for (std::int64_t second = from; second < from + days * 86'400; second += 60) {
      if (!is_match(second)) continue;
      ++matches;
      ASSERT_EQ(next_match(*cron, last_seen + 1), second) << text;
      if (last_seen >= from) {
        ASSERT_EQ(last_match(*cron, second - 1), last_seen) << text;
      }
      last_seen = second;
    }
    if (const auto next = next_match(*cron, last_seen + 1)) {
      ASSERT_GE(*next, from + days * 86'400) << text;
      ASSERT_TRUE(is_match(*next)) << text;
    } else {
      ADD_FAILURE() << text << " has no match for eight years";
    }
  }
  EXPECT_GT(matches, 100'000);
}

}  // namespace
}  // namespace abide
