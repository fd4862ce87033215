#pragma once
// When a repeated schedule opens: five cron fields, as texts and as sets of numbers. Knows nothing of zones: its times are
// what a clock on the wall shows, counted in seconds as if that clock were UTC ("local seconds").
//
// A field is `*`, or a comma list of numbers. Beyond these, which the model product takes, an item of a list may be a range
// (1-5), a step over a range or over all (1-30/5, */15), and a name (mon, jan; any case; only in its own field; also in a
// range). Numbers have no leading zeros; Sunday is 0 and never 7; ranges go upwards.
//
// Where both day fields are restricted, a day matches if either does (the rule of Vixie's cron and of the library that the
// model product's nodes use): "0 2 1 * 1" is each Monday and each 1st. A day field is unrestricted if it is `*` or `*/1`, and
// restricted otherwise, even if it lists every day.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/result.hpp"

namespace abide {

inline constexpr std::size_t cron_field_bytes_max = 256;  // all sixty minutes as a list are 169
inline constexpr std::size_t cron_text_bytes_max = 1'024;
// No match is further away: 29 February at the turn of a century that is no leap year (2096, 2104).
inline constexpr int cron_years_max = 8;
// What four digits of a year can say; nothing opens outside: 0000-01-01T00:00:00 to 9999-12-31T23:59:59.
inline constexpr std::int64_t calendar_seconds_min = -62'167'219'200;
inline constexpr std::int64_t calendar_seconds_max = 253'402'300'799;

struct CronTexts {
  std::string minutes = "*";
  std::string hours = "*";
  std::string day_of_month = "*";
  std::string month = "*";
  std::string day_of_week = "*";

  friend bool operator==(const CronTexts&, const CronTexts&) = default;
};

// Bit n of a set: the number n is in it. Made by parse_cron, which leaves no set empty.
struct Cron {
  std::uint64_t minutes = 0;
  std::uint32_t hours = 0;
  std::uint32_t days_of_month = 0;  // 1 to 31
  std::uint32_t months = 0;         // 1 to 12
  std::uint32_t days_of_week = 0;   // 0 (Sunday) to 6
  bool any_day_of_month = false;    // unrestricted
  bool any_day_of_week = false;

  friend bool operator==(const Cron&, const Cron&) = default;
};

// invalid_input, with field, text and what is allowed; also where the fields name only days that no calendar has (31 Feb).
Result<Cron> parse_cron(const CronTexts& texts);

// "30 2 * * mon": five fields with blanks (spaces, tabs) between them, in the order of CronTexts.
Result<CronTexts> split_cron_text(std::string_view text);
Result<Cron> parse_cron_text(std::string_view text);

// In the grammar of the model product: `*` and lists of numbers. Parsed again it is the same Cron.
CronTexts plain_texts(const Cron& cron);

// The first match at or after, the last match at or before. Nothing: none within cron_years_max, or outside the calendar.
// They jump from month to day to hour to minute: at most 12 * cron_years_max months, and no walk over minutes.
std::optional<std::int64_t> next_match(const Cron& cron, std::int64_t local_seconds);
std::optional<std::int64_t> last_match(const Cron& cron, std::int64_t local_seconds);

}  // namespace abide
