// abidectl create schedule, edit schedule: single and repeated ones.
#include <nlohmann/json.hpp>
#include <ostream>

#include "common/core/calendar.hpp"
#include "tools/abidectl/commands.hpp"
#include "tools/abidectl/times.hpp"

namespace abide::ctl {

namespace {

// What is wrong begins with the name of a member; on the command line that is a flag.
Error by_flag(const Error& error) {
  return {error.code, "--" + error.message};
}

Result<std::string> status_of(const std::string& type) {
  if (type == "osupdate") return std::string("SCHEDULE_STATUS_OS_UPDATE");
  if (type == "maintenance") return std::string("SCHEDULE_STATUS_MAINTENANCE");
  if (type == "blackout") return std::string("SCHEDULE_STATUS_BLACKOUT");
  return fail(Code::invalid_input, "type: is osupdate, maintenance or blackout, not \"" + type + "\"");
}

// The API refuses a start that has passed; "now" means as soon as that allows.
Result<std::int64_t> start_seconds(const std::string& when, std::int64_t now_ms) {
  const auto at = parse_when(when, now_ms);
  if (!at) return fail(at.error().in("start"));
  return *at / 1000 + (when == "now" ? 1 : 0);
}

Result<std::int64_t> end_seconds(const std::string& when, std::int64_t now_ms) {
  if (when == "never") return 0;
  const auto at = parse_when(when, now_ms);
  if (!at) return fail(at.error().in("end"));
  return *at / 1000;
}

// "1h30m"; a number alone is seconds.
Result<std::int64_t> parse_lasting_ms(const std::string& duration) {
  const bool number = !duration.empty() && duration.find_first_not_of("0123456789") == std::string::npos;
  return parse_duration_ms(number ? duration + "s" : duration);
}

Result<std::int64_t> lasting_seconds(const std::string& duration) {
  const auto lasts = parse_lasting_ms(duration);
  if (!lasts) return fail(lasts.error().in("duration"));
  const auto seconds = *lasts / 1000;
  if (seconds < 1 || seconds > duration_seconds_max) return fail(Code::invalid_input, "duration: is from 1s to 24h, not " + duration);
  return seconds;
}

void put_cron(Json& body, const CronTexts& texts) {
  body["cronMinutes"] = texts.minutes;
  body["cronHours"] = texts.hours;
  body["cronDayMonth"] = texts.day_of_month;
  body["cronMonth"] = texts.month;
  body["cronDayWeek"] = texts.day_of_week;
}

// What is wrong with a text is said here, with the flag's name; the server looks again.
Result<CronTexts> cron_texts(const std::string& cron, std::int64_t duration_seconds, const std::string& zone) {
  const auto texts = split_cron_text(cron);
  if (!texts) return fail(texts.error().in("cron"));
  if (const auto repeat = make_repeat(*texts, duration_seconds, zone); !repeat) return fail(repeat.error().in("cron"));
  return *texts;
}

Result<void> put_target(Session& session, Json& body, const char* noun, const std::string& name, const char* member) {
  if (name.empty()) return {};
  auto target = find(session, kind_of(noun), name);
  if (!target) return fail(target.error());
  body[member] = text_at(*target, "resourceId");
  return {};
}

Result<void> put_targets(Session& session, Json& body, const std::string& host, const std::string& site, const std::string& region) {
  if (auto put = put_target(session, body, "host", host, "targetHostId"); !put) return put;
  if (auto put = put_target(session, body, "site", site, "targetSiteId"); !put) return put;
  return put_target(session, body, "region", region, "targetRegionId");
}

Result<Json> single_changes(const ScheduleEdit& edit, std::int64_t now_ms) {
  if (edit.cron || edit.duration || edit.zone)
    return fail(Code::invalid_input,
                "schedule " + edit.name + " is a single one: it has --start and --end, and no --cron, --duration or --zone");
  Json body = Json::object();
  if (edit.start) {
    const auto start = start_seconds(*edit.start, now_ms);
    if (!start) return fail(by_flag(start.error()));
    body["startSeconds"] = *start;
  }
  if (edit.end) {
    const auto end = end_seconds(*edit.end, now_ms);
    if (!end) return fail(by_flag(end.error()));
    body["endSeconds"] = *end;
  }
  return body;
}

Result<Json> repeated_changes(const ScheduleEdit& edit, const Json& present) {
  if (edit.start || edit.end)
    return fail(Code::invalid_input,
                "schedule " + edit.name + " is a repeated one: it has --cron, --duration and --zone, and no --start or --end");
  Json body = Json::object();
  std::int64_t duration = number_at(present, "durationSeconds").value_or(1);
  if (edit.duration) {
    const auto lasts = lasting_seconds(*edit.duration);
    if (!lasts) return fail(by_flag(lasts.error()));
    body["durationSeconds"] = duration = *lasts;
  }
  std::string zone = text_at(present, "timeZone");
  if (edit.zone) body["timeZone"] = zone = *edit.zone == "UTC" ? "" : *edit.zone;
  if (edit.cron) {
    const auto texts = cron_texts(*edit.cron, duration, zone);
    if (!texts) return fail(by_flag(texts.error()));
    put_cron(body, *texts);
  }
  return body;
}

}  // namespace

Result<Json> schedule_body(const NewSchedule& schedule, std::int64_t now_ms) {
  const auto status = status_of(schedule.type);
  if (!status) return fail(status.error());
  Json body = {{"name", schedule.name}, {"scheduleStatus", *status}};
  if (!schedule.cron.empty()) {
    if (!schedule.start.empty() || !schedule.end.empty())
      return fail(Code::invalid_input, "cron: a repeated schedule has a duration, and no start or end");
    if (schedule.duration.empty()) return fail(Code::invalid_input, "duration: is missing: how long each opening lasts, 1s to 24h");
    const auto duration = lasting_seconds(schedule.duration);
    if (!duration) return fail(duration.error());
    const auto texts = cron_texts(schedule.cron, *duration, schedule.zone);
    if (!texts) return fail(texts.error());
    body["durationSeconds"] = *duration;
    put_cron(body, *texts);
    if (!schedule.zone.empty() && schedule.zone != "UTC") body["timeZone"] = schedule.zone;
    return body;
  }
  if (schedule.start.empty())
    return fail(Code::invalid_input, "start: is missing: a time for a single schedule, or cron for a repeated one");
  if (!schedule.zone.empty()) return fail(Code::invalid_input, "zone: goes with cron; a start says its own offset");
  if (!schedule.duration.empty() && !schedule.end.empty())
    return fail(Code::invalid_input, "duration: goes instead of an end, not beside it");
  const auto start = start_seconds(schedule.start, now_ms);
  if (!start) return fail(start.error());
  body["startSeconds"] = *start;
  if (!schedule.duration.empty()) {
    const auto lasts = parse_lasting_ms(schedule.duration);
    if (!lasts) return fail(lasts.error().in("duration"));
    if (*lasts < 1000) return fail(Code::invalid_input, "duration: is at least 1s");
    body["endSeconds"] = *start + *lasts / 1000;
  } else if (!schedule.end.empty() && schedule.end != "never") {
    const auto end = end_seconds(schedule.end, now_ms);
    if (!end) return fail(end.error());
    if (*end <= *start) return fail(Code::invalid_input, "end: is not after start");
    body["endSeconds"] = *end;
  }
  return body;
}

Result<void> create_schedule(Session& session, const NewSchedule& given) {
  NewSchedule schedule = given;
  if (given.orch.given()) {
    std::vector<std::string> notes;
    auto ours = from_orch(given.orch, given, notes);
    if (!ours) return fail(ours.error());
    schedule = std::move(*ours);
    for (const auto& note : notes) *session.around.err << note << "\n";
  }
  auto body = schedule_body(schedule, session.around.now_ms());
  if (!body) return fail(by_flag(body.error()));
  if (auto put = put_targets(session, *body, schedule.host, schedule.site, schedule.region); !put) return put;
  const Kind& kind = kind_of("schedule");
  auto made = session.client.send("POST", schedule.cron.empty() ? kind.path : kind.beside->path, *body);
  if (!made) return fail(made.error());
  print_done(session, kind, *made, "created");
  return {};
}

namespace {

PresentSchedule present_schedule(const Json& schedule) {
  return {schedule.contains("durationSeconds"), text_at(schedule, "cronMinutes"), text_at(schedule, "cronHours"),
          text_at(schedule, "cronDayMonth"),    text_at(schedule, "cronMonth"),   text_at(schedule, "cronDayWeek")};
}

Result<Json> schedule_changes(Session& session, const ScheduleEdit& given, const Json& present) {
  ScheduleEdit edit = given;
  if (given.orch.given()) {
    std::vector<std::string> notes;
    auto ours = from_orch(given.orch, given, present_schedule(present), notes);
    if (!ours) return fail(ours.error());
    edit = std::move(*ours);
    for (const auto& note : notes) *session.around.err << note << "\n";
  }
  auto body = present.contains("durationSeconds") ? repeated_changes(edit, present) : single_changes(edit, session.around.now_ms());
  if (!body) return body;
  if (edit.new_name) (*body)["name"] = *edit.new_name;
  if (edit.type) {
    auto status = status_of(*edit.type);
    if (!status) return fail(by_flag(status.error()));
    (*body)["scheduleStatus"] = std::move(*status);
  }
  if (auto put = put_targets(session, *body, edit.host.value_or(""), edit.site.value_or(""), edit.region.value_or("")); !put)
    return fail(put.error());
  return body;
}

}  // namespace

Result<void> edit_schedule(Session& session, const ScheduleEdit& edit) {
  const Kind& kind = kind_of("schedule");
  if (!edit.orch.given() && !edit.new_name && !edit.type && !edit.start && !edit.end && !edit.cron && !edit.duration && !edit.zone &&
      !edit.host && !edit.site && !edit.region)
    return fail(Code::invalid_input,
                "nothing to edit: give --name, --type, --start, --end, --cron, --duration, --zone, --host, --site or --region");
  if (edit.type)
    if (const auto status = status_of(*edit.type); !status) return fail(by_flag(status.error()));
  auto found = find(session, kind, edit.name);
  if (!found) return fail(found.error());
  auto changed = change(session, path_of(kind, text_at(*found, "resourceId")),
                        [&](const Json& present) { return schedule_changes(session, edit, present); });
  if (!changed) return fail(changed.error());
  print_done(session, kind, *changed, "changed");
  return {};
}

}  // namespace abide::ctl
