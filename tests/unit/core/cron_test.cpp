#include "common/core/cron.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

namespace abide {
namespace {

using Numbers = std::set<int>;

Numbers numbers_of(std::uint64_t set) {
  Numbers numbers;
  for (int i = 0; i < 64; ++i) {
    if ((set >> i & 1) != 0) numbers.insert(i);
  }
  return numbers;
}

Numbers from_to(int low, int high, int step = 1) {
  Numbers numbers;
  for (int i = low; i <= high; i += step) numbers.insert(i);
  return numbers;
}

CronTexts with(std::string CronTexts::*field, const std::string& text) {
  CronTexts texts;
  texts.*field = text;
  return texts;
}

// Every field by its member, its set, and what it may hold.
struct FieldUnderTest {
  std::string name;
  std::string CronTexts::*text;
  std::function<std::uint64_t(const Cron&)> set;
  int low, high;
};

const FieldUnderTest& field(const std::string& name) {
  static const FieldUnderTest fields[] = {
      {"minutes", &CronTexts::minutes, [](const Cron& cron) { return cron.minutes; }, 0, 59},
      {"hours", &CronTexts::hours, [](const Cron& cron) { return cron.hours; }, 0, 23},
      {"day of month", &CronTexts::day_of_month, [](const Cron& cron) { return cron.days_of_month; }, 1, 31},
      {"month", &CronTexts::month, [](const Cron& cron) { return cron.months; }, 1, 12},
      {"day of week", &CronTexts::day_of_week, [](const Cron& cron) { return cron.days_of_week; }, 0, 6},
  };
  for (const auto& one : fields) {
    if (one.name == name) return one;
  }
  throw std::out_of_range(name);
}
const std::string all_fields[] = {"minutes", "hours", "day of month", "month", "day of week"};

TEST(Cron, TakesWhatTheModelProductTakesAndRangesStepsAndNames) {
  const struct {
    std::string name, text;
    Numbers numbers;
  } rows[] = {
      {"minutes", "*", from_to(0, 59)},
      {"minutes", "0", {0}},
      {"minutes", "59", {59}},
      {"minutes", "0,15,30,45", {0, 15, 30, 45}},
      {"minutes", "45,0,45", {0, 45}},
      {"minutes", "*/15", {0, 15, 30, 45}},
      {"minutes", "*/59", {0, 59}},
      {"minutes", "*/1", from_to(0, 59)},
      {"minutes", "1-30/5", {1, 6, 11, 16, 21, 26}},
      {"minutes", "0-59", from_to(0, 59)},
      {"minutes", "7-7", {7}},
      {"minutes", "5,10-12,*/20,50-59/9", {0, 5, 10, 11, 12, 20, 40, 50, 59}},
      {"hours", "0,23", {0, 23}},
      {"hours", "22-23", {22, 23}},
      {"hours", "*/23", {0, 23}},
      {"day of month", "1,31", {1, 31}},
      {"day of month", "*/10", {1, 11, 21, 31}},
      {"day of month", "2-30/2", from_to(2, 30, 2)},
      {"month", "1,12", {1, 12}},
      {"month", "jan", {1}},
      {"month", "JAN-Mar,dEC", {1, 2, 3, 12}},
      {"month", "feb-12/5", {2, 7, 12}},
      {"day of week", "0,6", {0, 6}},
      {"day of week", "mon", {1}},
      {"day of week", "SUN,sat", {0, 6}},
      {"day of week", "mon-fri", {1, 2, 3, 4, 5}},
      {"day of week", "mon-fri/2,sun", {0, 1, 3, 5}},
  };
  for (const auto& row : rows) {
    const auto cron = parse_cron(with(field(row.name).text, row.text));
    ASSERT_TRUE(cron) << row.name << " " << row.text << ": " << cron.error().message;
    EXPECT_EQ(numbers_of(field(row.name).set(*cron)), row.numbers) << row.name << " " << row.text;
  }
}

TEST(Cron, HoldsEveryNumberOfEachFieldAndNoneBeyond) {
  for (const auto& name : all_fields) {
    const auto& one = field(name);
    for (int number = 0; number <= 100; ++number) {
      const auto cron = parse_cron(with(one.text, std::to_string(number)));
      ASSERT_EQ(cron.has_value(), number >= one.low && number <= one.high) << name << " " << number;
      if (cron) {
        EXPECT_EQ(numbers_of(one.set(*cron)), Numbers{number});
      }
    }
  }
}

TEST(Cron, RefusesEverythingElseInEveryField) {
  std::vector<std::string> texts = {"", "1\n", "\x31\xff"};
  std::stringstream more(
      R"( |?|**|*,1|1,*|1,|,1|1,,2|01|00|007|+1|-1|1-|1--2|5-1|1-2-3|*/0|*/01|*/|*/-1|*/100|/5|1/5|1-5/0|1-5/|1-5/2/2|*-5|1-*)"
      R"(|1.5|0x1|1e0|one|1 | 1|1,2 3|L|15W|1#2|@daily|1;2|100|4294967297|18446744073709551617|mon-|monday|janx|*/jan|*/mon|mo)");
  for (std::string text; std::getline(more, text, '|');) texts.push_back(text);
  ASSERT_GT(texts.size(), 40U);
  for (const auto& name : all_fields) {
    for (const auto& text : texts) {
      const auto cron = parse_cron(with(field(name).text, text));
      ASSERT_FALSE(cron) << name << " \"" << text << "\"";
      EXPECT_EQ(cron.error().code, Code::invalid_input);
      EXPECT_EQ(cron.error().message.rfind(name + " \"", 0), 0U) << cron.error().message;
    }
  }
}

TEST(Cron, RefusesInOneFieldWhatAnotherMayHold) {
  const std::pair<std::string, std::string> rows[] = {
      {"minutes", "60"},        {"minutes", "jan"},     {"minutes", "mon"},     {"minutes", "*/60"},    {"hours", "24"},
      {"hours", "mon"},         {"hours", "*/24"},      {"day of month", "0"},  {"day of month", "32"}, {"day of month", "mon"},
      {"day of month", "*/31"}, {"month", "0"},         {"month", "13"},        {"month", "mon"},       {"month", "*/12"},
      {"day of week", "7"},     {"day of week", "jan"}, {"day of week", "0-7"}, {"day of week", "*/7"}, {"day of week", "fri-mon"},
      {"month", "nov-feb"},
  };
  for (const auto& [name, text] : rows) EXPECT_FALSE(parse_cron(with(field(name).text, text))) << name << " " << text;
}

TEST(Cron, SaysWhichFieldIsWrongAndWhatIsAllowed) {
  const std::pair<CronTexts, std::string> rows[] = {
      {with(&CronTexts::hours, "24"),
       "hours \"24\": allowed are * and comma lists of 0 to 23 without leading zeros, ranges (low-high) and steps (*/n, low-high/n)"},
      {with(&CronTexts::day_of_week, "7"),
       "day of week \"7\": allowed are * and comma lists of 0 to 6 or sun to sat without leading zeros, ranges (low-high) and steps "
       "(*/n, low-high/n)"},
      {with(&CronTexts::minutes, "1,*/60"), "minutes \"1,*/60\": a step is 1 to 59"},
      {with(&CronTexts::month, "dec-jan"), "month \"dec-jan\": the range dec-jan goes downwards"},
      {with(&CronTexts::month, "*,2"), "month \"*,2\": * stands alone"},
      {with(&CronTexts::minutes, "5/15"), "minutes \"5/15\": a step follows * or a range (low-high/n)"},
      {with(&CronTexts::minutes, "\x01\xfe\""),
       "minutes \"??\"\": allowed are * and comma lists of 0 to 59 without leading zeros, ranges (low-high) and steps (*/n, low-high/n)"},
  };
  for (const auto& [texts, message] : rows) {
    const auto cron = parse_cron(texts);
    ASSERT_FALSE(cron) << message;
    EXPECT_EQ(cron.error().message, message);
  }
}

TEST(Cron, HasALimitOnTheLengthOfItsTexts) {
  std::string list = "0";
  while (list.size() + 2 <= cron_field_bytes_max) list += ",0";
  EXPECT_TRUE(parse_cron(with(&CronTexts::minutes, list)));
  const auto longer = parse_cron(with(&CronTexts::minutes, list + ",0"));
  ASSERT_FALSE(longer);
  EXPECT_NE(longer.error().message.find("longer than 256 bytes"), std::string::npos) << longer.error().message;
  EXPECT_LT(longer.error().message.size(), 200U);
  const std::string blanks(cron_text_bytes_max - 9, ' ');
  EXPECT_TRUE(parse_cron_text("* * * * *" + blanks));
  EXPECT_FALSE(parse_cron_text("* * * * * " + blanks));
}

TEST(Cron, IsFiveFieldsBetweenBlanks) {
  for (const char* text : {"30 2 * * mon", "  30\t2  * *   mon ", "30 2 * * 1"}) {
    const auto cron = parse_cron_text(text);
    ASSERT_TRUE(cron) << text;
    EXPECT_EQ(cron->minutes, 1ULL << 30);
    EXPECT_EQ(cron->hours, 1U << 2);
    EXPECT_EQ(cron->days_of_week, 1U << 1);
    EXPECT_TRUE(cron->any_day_of_month);
    EXPECT_FALSE(cron->any_day_of_week);
  }
  for (const char* text : {"", " ", "*", "* * * *", "* * * * * *", "0 0 2 * * *", "@daily", "* * * *\n*"}) {
    const auto cron = parse_cron_text(text);
    ASSERT_FALSE(cron) << text;
    EXPECT_EQ(cron.error().code, Code::invalid_input);
  }
  EXPECT_EQ(parse_cron_text("0 2 *").error().message,
            "cron text \"0 2 *\": has 3 fields, not 5: minutes, hours, day of month, month, day of week");
}

TEST(Cron, ThatCanNeverOccurIsRefusedWhenItIsMade) {
  for (const char* text : {"0 0 30 2 *", "0 0 31 2 *", "0 0 31 2,4,6,9,11 *", "* * 30-31 feb *", "0 0 30,31 2 */1"}) {
    const auto cron = parse_cron_text(text);
    ASSERT_FALSE(cron) << text;
    EXPECT_NE(cron.error().message.find("never occurs"), std::string::npos) << cron.error().message;
  }
  for (const char* text : {"0 0 29 2 *", "0 0 31 2 1", "0 0 31 1,2 *", "0 0 30,31 feb,apr *"}) EXPECT_TRUE(parse_cron_text(text)) << text;
}

TEST(Cron, IsTheSameAgainFromItsPlainTexts) {
  const std::pair<const char*, CronTexts> rows[] = {
      {"*/15 9-17 * * mon-fri", {"0,15,30,45", "9,10,11,12,13,14,15,16,17", "*", "*", "1,2,3,4,5"}},
      {"0-59 0-23 * jan-dec *", {"*", "*", "*", "*", "*"}},
      {"0 2 */1 * 0-6", {"0", "2", "*", "*", "0,1,2,3,4,5,6"}},
  };
  for (const auto& [text, plain] : rows) {
    const auto cron = parse_cron_text(text);
    ASSERT_TRUE(cron);
    EXPECT_EQ(plain_texts(*cron), plain) << text;
    const auto again = parse_cron(plain_texts(*cron));
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, *cron) << text;
  }
}

}  // namespace
}  // namespace abide
