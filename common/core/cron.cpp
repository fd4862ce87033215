#include "common/core/cron.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <span>

namespace abide {
namespace {

// ---- texts

struct Field {
  std::string_view name;
  int low;
  int high;
  std::span<const std::string_view> names;  // of low, low + 1, ...
};

constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> day_names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr Field minutes_field{"minutes", 0, 59, {}};
constexpr Field hours_field{"hours", 0, 23, {}};
constexpr Field day_of_month_field{"day of month", 1, 31, {}};
constexpr Field month_field{"month", 1, 12, month_names};
constexpr Field day_of_week_field{"day of week", 0, 6, day_names};
constexpr std::size_t fields = 5;

constexpr std::uint64_t bit(int number) {
  return std::uint64_t{1} << number;
}
constexpr std::uint64_t bits(int low, int high) {  // high < 63
  return (bit(high + 1) - 1) & ~(bit(low) - 1);
}

// As part of a message: short, and nothing in it that would not be printed.
std::string quoted(std::string_view text) {
  constexpr std::size_t quoted_bytes_max = 60;
  std::string result = "\"";
  for (const char c : text.substr(0, quoted_bytes_max)) result += c >= ' ' && c <= '~' ? c : '?';
  return result + (text.size() > quoted_bytes_max ? "...\"" : "\"");
}

std::string allowed(const Field& field) {
  std::string text = std::to_string(field.low) + " to " + std::to_string(field.high);
  if (!field.names.empty()) text += " or " + std::string(field.names.front()) + " to " + std::string(field.names.back());
  return text;
}

Unexpected wrong(const Field& field, std::string_view text, const std::string& why) {
  return fail(Code::invalid_input, std::string(field.name) + " " + quoted(text) + ": " + why);
}

std::string shape(const Field& field) {
  return "allowed are * and comma lists of " + allowed(field) + " without leading zeros, ranges (low-high) and steps (*/n, low-high/n)";
}

std::optional<int> read_number(std::string_view text) {
  constexpr std::size_t digits_max = 2;  // no field has more
  if (text.empty() || text.size() > digits_max || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view text, std::string_view name) {
  if (text.size() != name.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (lower(text[i]) != name[i]) return false;
  }
  return true;
}

std::optional<int> read_value(const Field& field, std::string_view text) {
  for (std::size_t i = 0; i < field.names.size(); ++i) {
    if (same_name(text, field.names[i])) return field.low + static_cast<int>(i);
  }
  const auto number = read_number(text);
  if (!number || *number < field.low || *number > field.high) return std::nullopt;
  return number;
}

// One item of a list: a value, a range, or a step over a range or over all.
Result<std::uint64_t> parse_item(const Field& field, std::string_view item, std::string_view whole) {
  const auto slash = item.find('/');
  const auto before = item.substr(0, slash);
  int low = field.low;
  int high = field.high;
  const auto dash = before.find('-');
  if (before != "*") {
    const auto first = read_value(field, before.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : read_value(field, before.substr(dash + 1));
    if (!first || !last) return wrong(field, whole, shape(field));
    if (*first > *last) return wrong(field, whole, "the range " + std::string(before) + " goes downwards");
    low = *first;
    high = *last;
  }
  if (slash == std::string_view::npos) {
    if (before == "*") return wrong(field, whole, "* stands alone");
    return bits(low, high);
  }
  if (before != "*" && dash == std::string_view::npos) return wrong(field, whole, "a step follows * or a range (low-high/n)");
  const int step_max = field.high - field.low;
  const auto step = read_number(item.substr(slash + 1));
  if (!step || *step < 1 || *step > step_max) return wrong(field, whole, "a step is 1 to " + std::to_string(step_max));
  std::uint64_t set = 0;
  for (int value = low; value <= high; value += *step) set |= bit(value);
  return set;
}

Result<std::uint64_t> parse_field(const Field& field, std::string_view text) {
  if (text.empty()) return wrong(field, text, shape(field));
  if (text.size() > cron_field_bytes_max) {
    return wrong(field, text, "is longer than " + std::to_string(cron_field_bytes_max) + " bytes");
  }
  if (text == "*") return bits(field.low, field.high);
  std::uint64_t set = 0;
  for (std::string_view rest = text;;) {
    const auto comma = rest.find(',');
    auto item = parse_item(field, rest.substr(0, comma), text);
    if (!item) return item;
    set |= *item;
    if (comma == std::string_view::npos) return set;
    rest.remove_prefix(comma + 1);
  }
}

bool unrestricted(std::string_view text) {
  return text == "*" || text == "*/1";
}

// ---- days

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year_month;
using std::chrono::year_month_day;

constexpr std::int64_t seconds_per_minute = 60;
constexpr std::int64_t minutes_per_hour = 60;
constexpr std::int64_t minutes_per_day = 24 * minutes_per_hour;

constexpr std::int64_t floor_div(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

int number_of(std::chrono::month month) {
  return static_cast<int>(static_cast<unsigned>(month));
}

sys_days first_of(year_month month) {
  return sys_days{month / std::chrono::day{1}};
}

int days_in(year_month month) {
  return static_cast<int>(static_cast<unsigned>((month / std::chrono::last).day()));
}

// The days of a month that match, bit n: the nth. Empty where the month itself does not.
std::uint32_t matching_days(const Cron& cron, year_month month) {
  if ((cron.months & bit(number_of(month.month()))) == 0) return 0;
  constexpr unsigned week = 7;
  // The week turned so that bit 0 is the weekday of the 1st, and laid end to end over the month.
  const unsigned first = std::chrono::weekday{first_of(month)}.c_encoding();
  const std::uint64_t turned = (cron.days_of_week >> first | cron.days_of_week << (week - first)) & bits(0, 6);
  const std::uint64_t by_weekday = (turned | turned << week | turned << 2 * week | turned << 3 * week | turned << 4 * week) << 1;
  const std::uint64_t by_day = cron.days_of_month;
  const bool both = cron.any_day_of_month || cron.any_day_of_week;
  return static_cast<std::uint32_t>((both ? by_day & by_weekday : by_day | by_weekday) & bits(1, days_in(month)));
}

bool ever_occurs(const Cron& cron) {
  if (!cron.any_day_of_week) return true;  // alone, or beside a day of month, a weekday comes in every month
  for (int month = 1; month <= 12; ++month) {
    const auto leap = std::chrono::year{2000} / month;
    if (matching_days(cron, leap) != 0) return true;
  }
  return false;
}

int lowest(std::uint64_t set) {
  return std::countr_zero(set);
}
int highest(std::uint64_t set) {
  return 63 - std::countl_zero(set);
}

// Minutes of the day; nothing where the day has none left.
std::optional<std::int64_t> next_in_day(const Cron& cron, std::int64_t from) {
  const auto hour = static_cast<int>(from / minutes_per_hour);
  if ((cron.hours & bit(hour)) != 0) {
    const std::uint64_t left = cron.minutes & bits(static_cast<int>(from % minutes_per_hour), 59);
    if (left != 0) return hour * minutes_per_hour + lowest(left);
  }
  const std::uint64_t hours = hour == 23 ? 0 : cron.hours & bits(hour + 1, 23);
  if (hours == 0) return std::nullopt;
  return lowest(hours) * minutes_per_hour + lowest(cron.minutes);
}

std::optional<std::int64_t> last_in_day(const Cron& cron, std::int64_t upto) {
  const auto hour = static_cast<int>(upto / minutes_per_hour);
  if ((cron.hours & bit(hour)) != 0) {
    const std::uint64_t left = cron.minutes & bits(0, static_cast<int>(upto % minutes_per_hour));
    if (left != 0) return hour * minutes_per_hour + highest(left);
  }
  const std::uint64_t hours = hour == 0 ? 0 : cron.hours & bits(0, hour - 1);
  if (hours == 0) return std::nullopt;
  return highest(hours) * minutes_per_hour + highest(cron.minutes);
}

std::optional<std::int64_t> within_calendar(sys_days day, std::int64_t minute) {
  const std::int64_t at = (day.time_since_epoch().count() * minutes_per_day + minute) * seconds_per_minute;
  if (at < calendar_seconds_min || at > calendar_seconds_max) return std::nullopt;
  return at;
}

constexpr int months_max = 12 * cron_years_max;

std::string list_of(std::uint64_t set) {
  std::string text;
  for (; set != 0; set &= set - 1) text += (text.empty() ? "" : ",") + std::to_string(lowest(set));
  return text;
}

// Where a minute lies, and which days of its month match.
struct Place {
  sys_days day;
  std::int64_t of_day = 0;  // minutes
  year_month month;
  int of_month = 0;
  std::uint32_t matching = 0;
};
Place place_of(const Cron& cron, std::int64_t minute) {
  const std::int64_t number = floor_div(minute, minutes_per_day);
  const sys_days day{days{number}};
  const year_month_day date{day};
  const year_month month = date.year() / date.month();
  return {day, minute - number * minutes_per_day, month, static_cast<int>(static_cast<unsigned>(date.day())), matching_days(cron, month)};
}

}  // namespace

Result<Cron> parse_cron(const CronTexts& texts) {
  Cron cron;
  const auto read = [](auto& into, const Field& field, const std::string& text) -> Result<void> {
    const auto set = parse_field(field, text);
    if (!set) return fail(set.error());
    into = static_cast<std::remove_reference_t<decltype(into)>>(*set);
    return {};
  };
  if (auto done = read(cron.minutes, minutes_field, texts.minutes); !done) return fail(done.error());
  if (auto done = read(cron.hours, hours_field, texts.hours); !done) return fail(done.error());
  if (auto done = read(cron.days_of_month, day_of_month_field, texts.day_of_month); !done) return fail(done.error());
  if (auto done = read(cron.months, month_field, texts.month); !done) return fail(done.error());
  if (auto done = read(cron.days_of_week, day_of_week_field, texts.day_of_week); !done) return fail(done.error());
  cron.any_day_of_month = unrestricted(texts.day_of_month);
  cron.any_day_of_week = unrestricted(texts.day_of_week);
  if (!ever_occurs(cron)) {
    return wrong(day_of_month_field, texts.day_of_month, "never occurs in month " + quoted(texts.month) + ", in no year");
  }
  return cron;
}

Result<CronTexts> split_cron_text(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  if (text.size() > cron_text_bytes_max) {
    return fail(Code::invalid_input, "cron text " + quoted(text) + ": is longer than " + std::to_string(cron_text_bytes_max) + " bytes");
  }
  std::array<std::string_view, fields> found;
  std::size_t count = 0;
  for (std::string_view rest = text;;) {
    const auto begin = rest.find_first_not_of(blanks);
    if (begin == std::string_view::npos) break;
    rest.remove_prefix(begin);
    const auto field = rest.substr(0, rest.find_first_of(blanks));
    if (count < fields) found[count] = field;
    ++count;
    rest.remove_prefix(field.size());
  }
  if (count != fields) {
    return fail(Code::invalid_input, "cron text " + quoted(text) + ": has " + std::to_string(count) +
                                         " fields, not 5: minutes, hours, day of month, month, day of week");
  }
  return CronTexts{std::string(found[0]), std::string(found[1]), std::string(found[2]), std::string(found[3]), std::string(found[4])};
}

Result<Cron> parse_cron_text(std::string_view text) {
  const auto texts = split_cron_text(text);
  if (!texts) return fail(texts.error());
  return parse_cron(*texts);
}

CronTexts plain_texts(const Cron& cron) {
  const auto all_or_list = [](std::uint64_t set, const Field& field) { return set == bits(field.low, field.high) ? "*" : list_of(set); };
  return {all_or_list(cron.minutes, minutes_field), all_or_list(cron.hours, hours_field),
          cron.any_day_of_month ? "*" : list_of(cron.days_of_month), all_or_list(cron.months, month_field),
          cron.any_day_of_week ? "*" : list_of(cron.days_of_week)};
}

std::optional<std::int64_t> next_match(const Cron& cron, std::int64_t local_seconds) {
  if (local_seconds > calendar_seconds_max) return std::nullopt;
  if (local_seconds < calendar_seconds_min) local_seconds = calendar_seconds_min;
  const std::int64_t minute = floor_div(local_seconds + seconds_per_minute - 1, seconds_per_minute);
  auto [day, of_day, month, of_month, matching] = place_of(cron, minute);
  if ((matching & bit(of_month)) != 0) {
    if (const auto found = next_in_day(cron, of_day)) return within_calendar(day, *found);
  }
  matching &= static_cast<std::uint32_t>(~bits(0, of_month));
  for (int i = 0; i <= months_max; ++i) {
    if (matching != 0) {
      const auto found = first_of(month) + days{lowest(matching) - 1};
      return within_calendar(found, lowest(cron.hours) * minutes_per_hour + lowest(cron.minutes));
    }
    month += std::chrono::months{1};
    matching = matching_days(cron, month);
  }
  return std::nullopt;
}

std::optional<std::int64_t> last_match(const Cron& cron, std::int64_t local_seconds) {
  if (local_seconds < calendar_seconds_min) return std::nullopt;
  if (local_seconds > calendar_seconds_max) local_seconds = calendar_seconds_max;
  const std::int64_t minute = floor_div(local_seconds, seconds_per_minute);
  auto [day, of_day, month, of_month, matching] = place_of(cron, minute);
  if ((matching & bit(of_month)) != 0) {
    if (const auto found = last_in_day(cron, of_day)) return within_calendar(day, *found);
  }
  matching &= static_cast<std::uint32_t>(bits(0, of_month) & ~bit(of_month));
  for (int i = 0; i <= months_max; ++i) {
    if (matching != 0) {
      const auto found = first_of(month) + days{highest(matching) - 1};
      return within_calendar(found, highest(cron.hours) * minutes_per_hour + highest(cron.minutes));
    }
    month -= std::chrono::months{1};
    matching = matching_days(cron, month);
  }
  return std::nullopt;
}

}  // namespace abide
