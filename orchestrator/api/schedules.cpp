// Schedules: single and repeated ones, of hosts, sites and regions.
#include <algorithm>

#include "common/core/calendar.hpp"
#include "orchestrator/api/call.hpp"
#include "orchestrator/api/json_input.hpp"
#include "orchestrator/api/render.hpp"

namespace abide::api {

namespace {

constexpr std::int64_t seconds_max = 4'294'967'295;
constexpr std::size_t zone_bytes_max = 64;

std::optional<ScheduleStatus> parse_status(Fields& fields, bool whole) {
  const bool given = fields.has("scheduleStatus");
  const auto name =
      fields.one_of("scheduleStatus",
                    {"SCHEDULE_STATUS_UNSPECIFIED", "SCHEDULE_STATUS_MAINTENANCE", "SCHEDULE_STATUS_OS_UPDATE", "SCHEDULE_STATUS_BLACKOUT"},
                    whole || given);
  if (name == "SCHEDULE_STATUS_UNSPECIFIED") fields.fault("scheduleStatus", "must not be unspecified");
  if (name == "SCHEDULE_STATUS_MAINTENANCE") return ScheduleStatus::maintenance;
  if (name == "SCHEDULE_STATUS_OS_UPDATE") return ScheduleStatus::os_update;
  if (name == "SCHEDULE_STATUS_BLACKOUT") return ScheduleStatus::blackout;
  return std::nullopt;
}

struct Target {
  const char* key;
  std::string_view prefix;
  std::string Schedule::*id;
};
constexpr Target targets[] = {{"targetHostId", "host", &Schedule::host_id},
                              {"targetSiteId", "site", &Schedule::site_id},
                              {"targetRegionId", "region", &Schedule::region_id}};

// A target that is given takes the place of the present one; an empty id takes that one away.
void parse_targets(Fields& fields, Schedule& schedule, bool whole) {
  Schedule given;
  int count = 0;
  for (const auto& target : targets) {
    const bool has = fields.has(target.key);
    given.*target.id = fields.resource_id(target.key, target.prefix, true);
    if (whole || has) schedule.*target.id = given.*target.id;
    if (!(given.*target.id).empty() && ++count > 1) fields.fault(target.key, "is a second target: only one can be provided per schedule");
  }
  if (count != 1) return;
  for (const auto& target : targets) schedule.*target.id = given.*target.id;
}

void parse_single(Fields& fields, Schedule& schedule, bool whole) {
  const auto start = fields.integer("startSeconds", 1, seconds_max, whole);
  const auto end = fields.integer("endSeconds", 0, seconds_max);  // 0: open-ended
  if (whole || end) schedule.end_seconds = end.value_or(0);
  if (start) schedule.start_seconds = *start;
}

void parse_repeated(Fields& fields, Schedule& schedule, bool whole) {
  auto& repetition = *schedule.repetition;
  const auto cron = [&](const char* key, std::string& text) {
    const bool given = fields.has(key);
    auto value = fields.text(key, cron_field_bytes_max, Charset::any, whole || given);
    if (given) text = std::move(value);
  };
  cron("cronMinutes", repetition.cron.minutes);
  cron("cronHours", repetition.cron.hours);
  cron("cronDayMonth", repetition.cron.day_of_month);
  cron("cronMonth", repetition.cron.month);
  cron("cronDayWeek", repetition.cron.day_of_week);
  const auto duration = fields.integer("durationSeconds", 1, duration_seconds_max, whole);
  if (duration) repetition.duration_seconds = *duration;
  const bool has_zone = fields.has("timeZone");
  auto zone = fields.text("timeZone", zone_bytes_max, Charset::any);
  if (whole || has_zone) repetition.zone = std::move(zone);
}

// What of `schedule` the body gives. With `whole` everything is set anew, and what must be there is asked for.
Result<Schedule> parse_schedule(const Patch& patch, Schedule schedule, bool whole) {
  Fields fields(patch);
  const bool has_name = fields.has("name");
  const std::string name = fields.text("name", 50, Charset::name);
  if (const auto status = parse_status(fields, whole)) schedule.status = *status;
  if (schedule.repetition) {
    parse_repeated(fields, schedule, whole);
  } else {
    parse_single(fields, schedule, whole);
  }
  parse_targets(fields, schedule, whole);
  fields.ignore({"resourceId", "timestamps", "targetHost", "targetSite", "targetRegion", "note", "opensForUpdates"});
  fields.ignore({schedule.repetition ? "repeatedScheduleID" : "singleScheduleID"});
  if (schedule.id.empty() && patch.object.contains("resourceId")) fields.fault("resourceId", "is given by the server");
  if (auto finished = fields.finish(); !finished) return fail(finished.error());
  if (whole || has_name) schedule.name = name;
  return schedule;
}

bool open_at(const Schedule& schedule, std::int64_t at_seconds) {
  if (!schedule.repetition)
    return schedule.start_seconds <= at_seconds && (schedule.end_seconds == 0 || at_seconds <= schedule.end_seconds);
  const auto& repetition = *schedule.repetition;
  const auto repeat = make_repeat(repetition.cron, repetition.duration_seconds, repetition.zone);
  return repeat && open_around(*repeat, at_seconds).has_value();
}

struct ScheduleQuery {
  const Target* of = nullptr;    // none: all
  std::vector<std::string> ids;  // its targets: itself and what it lies in; empty: those that have no such target
  bool without = false;
  std::optional<std::int64_t> at_seconds;

  [[nodiscard]] bool matches(const Schedule& schedule) const {
    if (of != nullptr && without && !(schedule.*of->id).empty()) return false;
    if (of != nullptr && !without && std::none_of(std::begin(targets), std::end(targets), [&](const Target& target) {
          const std::string& id = schedule.*target.id;
          return !id.empty() && std::find(ids.begin(), ids.end(), id) != ids.end();
        }))
      return false;
    return !at_seconds || open_at(schedule, *at_seconds);
  }
};

// The thing itself and all places that it lies in; nothing that is unknown has any.
std::vector<std::string> targets_of(View& view, std::string_view prefix, const std::string& id) {
  std::vector<std::string> ids{id};
  std::string site = prefix == "site" ? id : "";
  std::string region = prefix == "region" ? id : "";
  if (prefix == "host") {
    const auto node = view.host(id);
    if (node != nullptr) site = node->site_id;
    if (!site.empty()) ids.push_back(site);
  }
  if (const auto found = view.site(site)) region = found->value.region_id;
  for (const auto& above : view.regions_from(region)) ids.push_back(above->value.id);
  return ids;
}

Result<ScheduleQuery> take_schedule_query(View& view, std::map<std::string, std::string, std::less<>>& query) {
  static constexpr const char* keys[] = {"hostId", "siteId", "regionId"};
  ScheduleQuery wanted;
  for (std::size_t i = 0; i < std::size(keys); ++i) {
    const auto found = query.find(keys[i]);
    if (found == query.end()) continue;
    if (wanted.of != nullptr) return fail(Code::invalid_input, "only one of hostId, siteId and regionId can be given");
    wanted.of = &targets[i];
    const std::string prefix(targets[i].prefix);
    wanted.without = found->second == "null";
    if (!wanted.without && !is_resource_id(found->second, prefix))
      return fail(Code::invalid_input, std::string(keys[i]) + ": must be " + prefix + "- and 8 hex digits, or null");
    if (!wanted.without) wanted.ids = targets_of(view, prefix, found->second);
    query.erase(found);
  }
  if (const auto found = query.find("unixEpoch"); found != query.end()) {
    auto at = parse_integer("unixEpoch", found->second, 0, seconds_max);
    if (!at) return fail(at.error());
    wanted.at_seconds = *at;
    query.erase(found);
  }
  return wanted;
}

Result<fleet::Stamped<Schedule>> find_schedule(View& view, const std::string& id, bool repeated) {
  auto schedule = view.schedule(id);
  if (schedule && schedule->value.repetition.has_value() != repeated)
    return fail(Code::not_found, std::string("no such ") + (repeated ? "repeated" : "single") + " schedule: " + id.substr(0, 100));
  return schedule;
}

Result<Json> made_schedule(View& view, const std::string& id) {
  auto schedule = view.schedule(id);
  if (!schedule) return fail(schedule.error());
  return schedule_json(view, *schedule);
}

// As the path says.
bool is_repeated(const std::vector<std::string>& segments) {
  const auto schedules = std::find(segments.begin() + 3, segments.end(), "schedules");  // after /v1/projects/{projectName}
  return schedules + 1 < segments.end() && *(schedules + 1) == "repeated";
}

}  // namespace

// Also of one kind only; both together are one list, the single ones first.
void Api::list_schedules(Call& call) {
  const bool singles = call.last != "repeated";
  const bool repeated = call.last != "single";
  auto query = take_list_query(call.target.query, nullptr);
  if (!query) return call.refuse(query.error());
  View view = call.view();
  auto wanted = take_schedule_query(view, call.target.query);
  if (!wanted) return call.refuse(wanted.error());
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  Pager pager(*query);
  for (const bool kind : {false, true}) {
    if (kind ? !repeated : !singles) continue;
    auto read = view.schedules([&](const auto& schedule) {
      if (schedule.value.repetition.has_value() == kind && wanted->matches(schedule.value))
        pager.add([&] { return schedule_json(view, schedule); });
    });
    if (!read) return call.refuse(read.error());
  }
  Json page = std::move(pager).finish("schedules");
  Json answer = Json::object();
  if (singles) answer["singleSchedules"] = Json::array();
  if (repeated) answer["repeatedSchedules"] = Json::array();
  for (auto& item : page["schedules"])
    answer[item.contains("repeatedScheduleID") ? "repeatedSchedules" : "singleSchedules"].push_back(std::move(item));
  answer["totalElements"] = page["totalElements"];
  answer["hasNext"] = page["hasNext"];
  call.answer(answer);
}

void Api::create_schedule(Call& call) {
  auto object = parse_object(call.request.body);
  if (!object) return call.refuse(object.error());
  Schedule anew;
  if (is_repeated(call.target.segments)) anew.repetition.emplace();
  auto schedule = parse_schedule({std::move(*object), std::nullopt}, std::move(anew), true);
  if (!schedule) return call.refuse(schedule.error());
  change(call, fleet::CreateSchedule{std::move(*schedule)},
         [](View& view, const fleet::Answer& answer) -> Result<Json> { return made_schedule(view, answer.id); });
}

void Api::get_schedule(Call& call) {
  View view = call.view();
  auto schedule = find_schedule(view, call.id, is_repeated(call.target.segments));
  if (!schedule) return call.refuse(schedule.error());
  call.answer_one(schedule_json(view, *schedule));
}

void Api::edit_schedule(Call& call) {
  const bool whole = call.request.method == Method::put;
  auto patch = call.take_patch();
  if (!patch) return call.refuse(patch.error());
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  View view = call.view();
  auto present = find_schedule(view, call.id, is_repeated(call.target.segments));
  if (!present) return call.refuse(present.error());
  if (!call.may_change(schedule_json(view, *present), present->value)) return;
  auto schedule = parse_schedule(*patch, present->value, whole);
  if (!schedule) return call.refuse(schedule.error());
  change(call, fleet::EditSchedule{std::move(*schedule)},
         [id = call.id](View& after, const fleet::Answer&) -> Result<Json> { return made_schedule(after, id); });
}

void Api::delete_schedule(Call& call) {
  View view = call.view();
  auto present = find_schedule(view, call.id, is_repeated(call.target.segments));
  if (!present) return call.refuse(present.error());
  if (!call.may_change(schedule_json(view, *present), present->value)) return;
  change(call, fleet::DeleteSchedule{call.id}, [](View&, const fleet::Answer&) -> Result<Json> { return Json(Json::object()); });
}

}  // namespace abide::api
