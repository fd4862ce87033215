#include "tools/abidectl/orch_words.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>

#include "common/core/time.hpp"
#include "common/core/zone.hpp"
#include "tools/abidectl/commands.hpp"

namespace abide::ctl {

namespace {

constexpr std::size_t csv_fields_max = 3;

Unexpected wrong(const std::string& message) {
  return fail(Code::invalid_input, message);
}

bool digits_at(std::string_view text, std::string_view form) {
  if (text.size() != form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i)
    if (form[i] == '0' ? std::isdigit(static_cast<unsigned char>(text[i])) == 0 : text[i] != form[i]) return false;
  return true;
}

// "10:05" as minutes and hours of a cron text.
struct Clock {
  int hours = 0, minutes = 0;
};
std::optional<Clock> clock_of(std::string_view text) {
  if (!digits_at(text, "00:00")) return std::nullopt;
  const Clock clock{(text[0] - '0') * 10 + text[1] - '0', (text[3] - '0') * 10 + text[4] - '0'};
  if (clock.hours > 23 || clock.minutes > 59) return std::nullopt;
  return clock;
}

// "2026-12-01 20:20", as clocks in the zone show it, with its offset.
std::optional<std::string> instant_of(const std::string& text, const Zone& zone) {
  if (!digits_at(text, "0000-00-00 00:00")) return std::nullopt;
  const auto local = parse_rfc3339(text.substr(0, 10) + "T" + text.substr(11) + ":00Z");
  if (!local) return std::nullopt;
  return to_rfc3339(zone, zone.instant_of(*local / 1000));
}

struct Range {
  const char* flag;
  const char* what;
  int least, most;
  bool has_names;
};
constexpr Range days_of_week = {"--day-of-week", "sun, mon, tue, wed, thu, fri, sat or 0-6", 0, 6, true};
constexpr Range days_of_month = {"--day-of-month", "1-31", 1, 31, false};
constexpr Range months = {"--months", "1-12", 1, 12, false};

std::optional<int> number_of(std::string text, const Range& range) {
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (range.has_names) {
    static constexpr std::array<std::string_view, 7> names = {"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};
    for (std::size_t day = 0; day < names.size(); ++day)
      if (text == names[day] || text == names[day].substr(0, 3)) return static_cast<int>(day);
  }
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || number < range.least || number > range.most)
    return std::nullopt;
  return number;
}

// "mon,3-5" as "1,3,4,5".
Result<std::string> expanded(const std::string& text, const Range& range) {
  std::set<int> all;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    const auto part = text.substr(begin, end - begin);
    begin = end + 1;
    const auto dash = part.find('-');
    const auto first = number_of(part.substr(0, dash), range);
    const auto last = dash == std::string::npos ? first : number_of(part.substr(dash + 1), range);
    if (!first || !last || *first > *last)
      return wrong(std::string(range.flag) + ": invalid \"" + part + "\", must be one of " + range.what + ", or a range of them upwards");
    for (int number = *first; number <= *last; ++number) all.insert(number);
  }
  std::string list;
  for (const int number : all) list += (list.empty() ? "" : ",") + std::to_string(number);
  return list;
}

Result<Zone> zone_of(const std::string& name) {
  if (name.empty()) return wrong("timezone must be specified: --timezone, such as Europe/Berlin");
  auto zone = find_zone(name);
  if (!zone) return fail(zone.error().in("invalid timezone"));
  return zone;
}

Result<std::string> type_of(const std::string& type) {
  if (type != "maintenance" && type != "osupdate") return wrong("invalid maintenance type, must be 'maintenance' or 'osupdate'");
  return type;
}

struct Days {
  std::string of_month, of_week;
};
Result<Days> days_of(const OrchSchedule& words, std::vector<std::string>& notes) {
  if (words.frequency != "weekly" && words.frequency != "monthly") return wrong("invalid --frequency, must be 'weekly' or 'monthly'");
  const bool weekly = words.frequency == "weekly";
  const auto& days = weekly ? words.day_of_week : words.day_of_month;
  const Range& range = weekly ? days_of_week : days_of_month;
  if (days.empty()) return wrong(std::string(range.flag) + " must be specified for " + words.frequency + " frequency");
  auto list = expanded(days, range);
  if (!list) return fail(list.error());
  if (!(weekly ? words.day_of_month : words.day_of_week).empty())
    notes.push_back(std::string((weekly ? days_of_month : days_of_week).flag) + " should not be specified for " + words.frequency +
                    " frequency - ignoring");
  return weekly ? Days{"*", *list} : Days{*list, "*"};
}

// "host-1234abcd", or "host:edge-1".
Result<void> put_target(const std::string& target, NewSchedule& schedule) {
  if (target.empty()) return wrong("target must be specified: --target host-1234abcd, or host:edge-1");
  const auto end = target.find_first_of("-:");
  const auto type = target.substr(0, end);
  std::string* member = type == "host" ? &schedule.host : type == "site" ? &schedule.site : type == "region" ? &schedule.region : nullptr;
  if (member == nullptr) return wrong("invalid target type '" + type + "', must be one of: host, region, site");
  const bool named = end != std::string::npos && target[end] == ':';
  *member = named ? target.substr(end + 1) : target;
  if (member->empty() || (!named && !is_resource_id(kind_of(type), target)))
    return wrong("target must be a resource id (host-1234abcd), or a type with a name (host:edge-1), not \"" + target + "\"");
  return {};
}

std::string cron_of(const Clock& clock, const Days& days, const std::string& month) {
  return std::to_string(clock.minutes) + " " + std::to_string(clock.hours) + " " + days.of_month + " " + month + " " + days.of_week;
}

constexpr const char* repeated_start = "repeated schedule --start-time must be specified in format \"HH:MM\"";
constexpr const char* single_start = "single schedule --start-time must be specified in format \"YYYY-MM-DD HH:MM\"";
constexpr const char* single_end = "end-time must be specified in format \"YYYY-MM-DD HH:MM\"";

}  // namespace

bool OrchSchedule::given() const {
  for (const auto* word :
       {&timezone, &frequency_type, &maintenance_type, &target, &start_time, &end_time, &frequency, &day_of_week, &day_of_month, &months})
    if (!word->empty()) return true;
  return false;
}

Result<NewSchedule> from_orch(const OrchSchedule& words, const NewSchedule& own, std::vector<std::string>& notes) {
  const bool mixed = !(own.host + own.site + own.region + own.type + own.start + own.end + own.cron + own.zone).empty();
  if (mixed)
    return wrong(
        "--timezone, --frequency-type, --maintenance-type, --target, --start-time and what belongs to them stand in place of --host, "
        "--site, --region, --type, --start, --end, --cron and --zone, not beside them");
  NewSchedule schedule;
  schedule.name = own.name;
  const auto zone = zone_of(words.timezone);
  if (!zone) return fail(zone.error());
  if (words.frequency_type != "single" && words.frequency_type != "repeated")
    return wrong("invalid schedule type, must be 'single' or 'repeated': --frequency-type");
  auto type = type_of(words.maintenance_type);
  if (!type) return fail(type.error());
  schedule.type = std::move(*type);
  if (auto put = put_target(words.target, schedule); !put) return fail(put.error());
  if (words.frequency_type == "single") {
    if (!(words.frequency + words.day_of_week + words.day_of_month + words.months + own.duration).empty())
      return wrong("--frequency, --day-of-week, --day-of-month, --months and --duration go with --frequency-type repeated");
    const auto start = instant_of(words.start_time, *zone);
    if (!start) return wrong(single_start);
    schedule.start = *start;
    if (words.end_time.empty()) return schedule;
    const auto end = instant_of(words.end_time, *zone);
    if (!end) return wrong(single_end);
    schedule.end = *end;
    return schedule;
  }
  if (!words.end_time.empty()) return wrong("--end-time goes with --frequency-type single; a repeated schedule has a --duration");
  const auto clock = clock_of(words.start_time);
  if (!clock) return wrong(repeated_start);
  const auto days = days_of(words, notes);
  if (!days) return fail(days.error());
  if (words.months.empty()) return wrong("months must be specified in format --months \"1,2,5-8\"");
  const auto month = expanded(words.months, months);
  if (!month) return fail(month.error());
  if (own.duration.empty() || own.duration.find_first_not_of('0') == std::string::npos || own.duration.front() == '-')
    return wrong("duration must be a positive integer representing seconds");
  schedule.duration = own.duration;
  schedule.cron = cron_of(*clock, *days, *month);
  schedule.zone = zone->name();
  return schedule;
}

Result<ScheduleEdit> from_orch(const OrchSchedule& words, const ScheduleEdit& own, const PresentSchedule& present,
                               std::vector<std::string>& notes) {
  ScheduleEdit edit = own;
  edit.orch = {};
  if (!words.frequency_type.empty() || !words.target.empty()) return wrong("--frequency-type and --target of a schedule stay as they are");
  if (!words.maintenance_type.empty()) {
    auto type = type_of(words.maintenance_type);
    if (!type) return fail(type.error());
    edit.type = std::move(*type);
  }
  Zone zone;
  if (!words.start_time.empty() || !words.end_time.empty()) {
    const auto named = zone_of(words.timezone);
    if (!named) return fail(named.error());
    zone = *named;
  }
  if (!present.repeated) {
    if (!(words.frequency + words.day_of_week + words.day_of_month + words.months).empty())
      return wrong("schedule " + own.name + " is a single one: it has no --frequency, --day-of-week, --day-of-month or --months");
    for (const auto& [text, member, message] :
         {std::tuple{&words.start_time, &edit.start, single_start}, {&words.end_time, &edit.end, single_end}}) {
      if (text->empty()) continue;
      auto at = instant_of(*text, zone);
      if (!at) return wrong(message);
      *member = std::move(*at);
    }
    return edit;
  }
  if (!words.end_time.empty()) return wrong("schedule " + own.name + " is a repeated one: it has a --duration, and no --end-time");
  PresentSchedule then = present;
  if (!words.start_time.empty()) {
    const auto clock = clock_of(words.start_time);
    if (!clock) return wrong(repeated_start);
    then.minutes = std::to_string(clock->minutes);
    then.hours = std::to_string(clock->hours);
    edit.zone = zone.is_utc() ? "UTC" : zone.name();
  }
  if (!(words.frequency + words.day_of_week + words.day_of_month).empty()) {
    auto days = days_of(words, notes);
    if (!days) return fail(days.error());
    then.day_of_month = std::move(days->of_month);
    then.day_of_week = std::move(days->of_week);
  }
  if (!words.months.empty()) {
    auto month = expanded(words.months, months);
    if (!month) return fail(month.error());
    then.month = std::move(*month);
  }
  edit.cron = then.minutes + " " + then.hours + " " + then.day_of_month + " " + then.month + " " + then.day_of_week;
  return edit;
}

Result<std::vector<OrchCsvRow>> read_orch_csv(const std::string& source, const std::string& text) {
  std::vector<OrchCsvRow> rows;
  std::set<std::string> hosts;
  int number = 0;
  bool head = true;
  std::string_view rest = text;
  if (rest.substr(0, 3) == "\xef\xbb\xbf") rest.remove_prefix(3);
  while (!rest.empty()) {
    auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    ++number;
    const auto here = [&](const std::string& message) { return wrong(source + ":" + std::to_string(number) + ": " + message); };
    if (line.empty()) continue;
    if (head) {
      if (line != orch_csv_head) return here(std::string("the first line is not \"") + orch_csv_head + "\"");
      head = false;
      continue;
    }
    std::vector<std::string> fields(1);
    for (const char c : line) {
      if (c == ',') {
        fields.emplace_back();
      } else {
        fields.back() += c;
      }
    }
    if (fields.size() < 2 || fields.size() > csv_fields_max) return here("is not \"name,resource id\" or \"name,resource id,policy\"");
    fields.resize(csv_fields_max);
    if (fields[0].empty()) return here("the name is missing");
    if (!is_resource_id(kind_of("host"), fields[1])) return here("\"" + fields[1] + "\" is no resource id of a host");
    if (!hosts.insert(fields[1]).second) return here("host " + fields[1] + " comes twice");
    rows.push_back({number, fields[0], fields[1], fields[2]});
  }
  if (rows.empty()) return wrong(source + ": there is no host in it");
  return rows;
}

}  // namespace abide::ctl
