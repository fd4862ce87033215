#include "common/core/time.hpp"

#include <array>
#include <optional>

namespace abide {
namespace {

constexpr std::int64_t ms_per_second = 1000;
constexpr std::int64_t ms_per_minute = 60 * ms_per_second;
constexpr std::int64_t ms_per_hour = 60 * ms_per_minute;
constexpr std::int64_t ms_per_day = 24 * ms_per_hour;
constexpr std::int64_t days_per_era = 146'097;   // 400 years of the Gregorian calendar
constexpr std::int64_t days_to_epoch = 719'468;  // 0000-03-01 to 1970-01-01
// What four digits of a year can say.
constexpr std::int64_t wall_ms_min = -62'167'219'200'000;  // 0000-01-01T00:00:00Z
constexpr std::int64_t wall_ms_max = 253'402'300'799'999;  // 9999-12-31T23:59:59.999Z

struct Date {
  std::int64_t year = 1970;
  std::int64_t month = 1;
  std::int64_t day = 1;
};

constexpr std::int64_t floor_div(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

// Both count years from 1 March, so that the leap day is the last of its year, in eras of 400 years.
constexpr std::int64_t days_of(Date date) {
  const std::int64_t year = date.month <= 2 ? date.year - 1 : date.year;
  const std::int64_t era = floor_div(year, 400);
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t month_from_march = (date.month + 9) % 12;
  const std::int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
  const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * days_per_era + day_of_era - days_to_epoch;
}

constexpr Date date_of(std::int64_t days) {
  days += days_to_epoch;
  const std::int64_t era = floor_div(days, days_per_era);
  const std::int64_t day_of_era = days - era * days_per_era;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const std::int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  return {era * 400 + year_of_era + (month <= 2 ? 1 : 0), month, day_of_year - (153 * month_from_march + 2) / 5 + 1};
}

static_assert(days_of({1970, 1, 1}) == 0 && days_of({2000, 3, 1}) == 11'017);

constexpr bool leap(std::int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}
constexpr std::int64_t days_in(std::int64_t year, std::int64_t month) {
  constexpr std::array<std::int64_t, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && leap(year) ? 29 : days[static_cast<std::size_t>(month - 1)];
}

void append_digits(std::string& text, std::int64_t value, int width) {
  std::string digits(static_cast<std::size_t>(width), '0');
  for (auto at = digits.rbegin(); at != digits.rend(); ++at, value /= 10) *at = static_cast<char>('0' + value % 10);
  text += digits;
}

// Reads a text from left to right; after the first thing that is not there, everything fails.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  std::int64_t digits(std::size_t count) {
    if (rest_.size() < count) return give_up();
    std::int64_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') return give_up();
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }
  std::int64_t digits(std::size_t count, std::int64_t low, std::int64_t high) {
    const std::int64_t value = digits(count);
    if (value < low || value > high) return give_up();
    return value;
  }
  // One of the characters, or 0.
  char one_of(std::string_view any) {
    if (rest_.empty() || any.find(rest_.front()) == std::string_view::npos) return static_cast<char>(give_up());
    const char found = rest_.front();
    rest_.remove_prefix(1);
    return found;
  }
  [[nodiscard]] bool at(char c) const { return !rest_.empty() && rest_.front() == c; }
  [[nodiscard]] bool at_digit() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }
  [[nodiscard]] bool done() const { return good_ && rest_.empty(); }

 private:
  std::int64_t give_up() {
    good_ = false;
    rest_ = {};
    return 0;
  }
  std::string_view rest_;
  bool good_ = true;
};

constexpr std::size_t fraction_digits_max = 9;

std::optional<std::int64_t> read_rfc3339(std::string_view text) {
  Scanner scan(text);
  Date date;
  date.year = scan.digits(4);
  scan.one_of("-");
  date.month = scan.digits(2, 1, 12);
  scan.one_of("-");
  date.day = scan.digits(2, 1, 31);
  scan.one_of("Tt ");
  const std::int64_t hour = scan.digits(2, 0, 23);
  scan.one_of(":");
  const std::int64_t minute = scan.digits(2, 0, 59);
  scan.one_of(":");
  const std::int64_t second = scan.digits(2, 0, 60);  // 60: a leap second, which POSIX time counts as the next second
  std::int64_t ms = 0;
  if (scan.at('.')) {
    scan.one_of(".");
    std::int64_t weight = 100;  // digits below a millisecond are dropped
    std::size_t count = 0;
    do {
      ms += scan.digits(1) * weight;
      weight /= 10;
    } while (scan.at_digit() && ++count < fraction_digits_max);
  }
  std::int64_t offset_ms = 0;
  if (const char sign = scan.one_of("Zz+-"); sign == '+' || sign == '-') {
    offset_ms = scan.digits(2, 0, 23) * ms_per_hour;
    scan.one_of(":");
    offset_ms += scan.digits(2, 0, 59) * ms_per_minute;
    if (sign == '-') offset_ms = -offset_ms;
  }
  if (!scan.done() || date.day > days_in(date.year, date.month)) return std::nullopt;
  const std::int64_t wall_ms =
      days_of(date) * ms_per_day + hour * ms_per_hour + minute * ms_per_minute + second * ms_per_second + ms - offset_ms;
  if (wall_ms < wall_ms_min || wall_ms > wall_ms_max) return std::nullopt;
  return wall_ms;
}

}  // namespace

std::string to_rfc3339(std::int64_t wall_ms) {
  if (wall_ms < wall_ms_min) wall_ms = wall_ms_min;  // total: what no year of four digits can say is its nearest end
  if (wall_ms > wall_ms_max) wall_ms = wall_ms_max;
  const std::int64_t days = floor_div(wall_ms, ms_per_day);
  const std::int64_t of_day = wall_ms - days * ms_per_day;
  const Date date = date_of(days);
  std::string text;
  text.reserve(24);
  append_digits(text, date.year, 4);
  text += '-';
  append_digits(text, date.month, 2);
  text += '-';
  append_digits(text, date.day, 2);
  text += 'T';
  append_digits(text, of_day / ms_per_hour, 2);
  text += ':';
  append_digits(text, of_day / ms_per_minute % 60, 2);
  text += ':';
  append_digits(text, of_day / ms_per_second % 60, 2);
  text += '.';
  append_digits(text, of_day % ms_per_second, 3);
  text += 'Z';
  return text;
}

Result<std::int64_t> parse_rfc3339(std::string_view text) {
  if (const auto wall_ms = read_rfc3339(text)) return *wall_ms;
  constexpr std::size_t quoted_bytes_max = 60;
  return fail(Code::invalid_input,
              "\"" + std::string(text.substr(0, quoted_bytes_max)) + "\" is no time as RFC 3339 writes it (2026-11-24T16:00:00Z)");
}

}  // namespace abide
