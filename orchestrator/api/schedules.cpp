// Schedules; and the lists of what this version does not have yet.
#include <algorithm>

#include "orchestrator/api/call.hpp"
#include "orchestrator/api/json_input.hpp"
#include "orchestrator/api/render.hpp"

namespace abide::api {

namespace {

constexpr std::int64_t seconds_max = 4'294'967'295;
constexpr std::initializer_list<const char*> read_only = {"resourceId", "singleScheduleID", "timestamps",
                                                          "targetHost", "targetSite",       "targetRegion"};

// What of `schedule` the body gives. With `whole` everything is set anew, and what must be there is asked for.
Result<Schedule> parse_schedule(const std::string& body, Schedule schedule, bool whole) {
  auto object = parse_object(body);
  if (!object) return fail(object.error());
  Fields fields(*object);
  const bool has_name = fields.has("name");
  const std::string name = fields.text("name", 50, Charset::name);
  const auto status =
      fields.one_of("scheduleStatus", {"SCHEDULE_STATUS_UNSPECIFIED", "SCHEDULE_STATUS_MAINTENANCE", "SCHEDULE_STATUS_OS_UPDATE"}, whole);
  const auto start = fields.integer("startSeconds", 1, seconds_max, whole);
  const auto end = fields.integer("endSeconds", 0, seconds_max);  // 0: open-ended
  const bool has_target = fields.has("targetHostId");
  const std::string target = fields.resource_id("targetHostId", "host", true);
  fields.not_served({"targetSiteId", "targetRegionId"});
  fields.ignore(read_only);
  if (status == "SCHEDULE_STATUS_UNSPECIFIED") fields.fault("scheduleStatus", "must not be unspecified");
  if (auto finished = fields.finish(); !finished) return fail(finished.error());
  if (whole || has_name) schedule.name = name;
  if (whole || has_target) schedule.host_id = target;
  if (whole || end) schedule.end_seconds = end.value_or(0);
  if (start) schedule.start_seconds = *start;
  if (!status.empty()) schedule.status = status == "SCHEDULE_STATUS_MAINTENANCE" ? ScheduleStatus::maintenance : ScheduleStatus::os_update;
  return schedule;
}

struct ScheduleQuery {
  std::optional<std::string> host_id;  // "null": those without a host
  bool none = false;                   // a site or region that nothing can have
  std::optional<std::int64_t> at_seconds;

  [[nodiscard]] bool matches(const Schedule& schedule) const {
    if (none) return false;
    if (host_id && (*host_id == "null" ? !schedule.host_id.empty() : schedule.host_id != *host_id)) return false;
    return !at_seconds || (schedule.start_seconds <= *at_seconds && (schedule.end_seconds == 0 || *at_seconds <= schedule.end_seconds));
  }
};

Result<ScheduleQuery> take_schedule_query(std::map<std::string, std::string, std::less<>>& query) {
  ScheduleQuery wanted;
  int targets = 0;
  for (const char* key : {"hostId", "siteId", "regionId"}) {
    const auto found = query.find(key);
    if (found == query.end()) continue;
    ++targets;
    const std::string prefix = std::string_view(key) == "hostId" ? "host" : std::string_view(key) == "siteId" ? "site" : "region";
    if (found->second != "null" && !is_resource_id(found->second, prefix))
      return fail(Code::invalid_input, std::string(key) + ": must be " + prefix + "- and 8 hex digits, or null");
    if (prefix == "host") wanted.host_id = found->second;
    if (prefix != "host" && found->second != "null") wanted.none = true;
    query.erase(found);
  }
  if (targets > 1) return fail(Code::invalid_input, "only one of hostId, siteId and regionId can be given");
  if (const auto found = query.find("unixEpoch"); found != query.end()) {
    auto at = parse_integer("unixEpoch", found->second, 0, INT64_MAX);
    if (!at) return fail(at.error());
    wanted.at_seconds = *at;
    query.erase(found);
  }
  return wanted;
}

Result<Json> made_schedule(View& view, const std::string& id) {
  auto schedule = view.schedule(id);
  if (!schedule) return fail(schedule.error());
  return schedule_json(view, *schedule);
}

}  // namespace

void Api::list_single_schedules(Call& call) {
  auto query = take_list_query(call.target.query, nullptr);
  if (!query) return call.refuse(query.error());
  auto wanted = take_schedule_query(call.target.query);
  if (!wanted) return call.refuse(wanted.error());
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  View view = call.view();
  std::vector<Json> items;
  auto read = view.schedules([&](const auto& schedule) {
    if (wanted->matches(schedule.value)) items.push_back(schedule_json(view, schedule));
  });
  if (!read) return call.refuse(read.error());
  Json page = list_page("singleSchedules", std::move(items), *query);
  if (call.last == "single") return call.answer(page);
  Json both = Json::object();
  both["singleSchedules"] = std::move(page["singleSchedules"]);
  both["repeatedSchedules"] = Json::array();
  both["totalElements"] = page["totalElements"];
  both["hasNext"] = page["hasNext"];
  call.answer(both);
}

void Api::list_schedules(Call& call) {
  list_single_schedules(call);
}

void Api::create_schedule(Call& call) {
  auto schedule = parse_schedule(call.request.body, {}, true);
  if (!schedule) return call.refuse(schedule.error());
  change(call, fleet::CreateSchedule{std::move(*schedule)},
         [](View& view, const fleet::Answer& answer) -> Result<Json> { return made_schedule(view, answer.id); });
}

void Api::get_schedule(Call& call) {
  View view = call.view();
  call.answer(made_schedule(view, call.id));
}

void Api::put_schedule(Call& call) {
  View view = call.view();
  auto present = view.schedule(call.id);
  if (!present) return call.refuse(present.error());
  Schedule anew;
  anew.id = call.id;
  auto schedule = parse_schedule(call.request.body, anew, true);
  if (!schedule) return call.refuse(schedule.error());
  change(call, fleet::EditSchedule{std::move(*schedule)},
         [id = call.id](View& after, const fleet::Answer&) -> Result<Json> { return made_schedule(after, id); });
}

void Api::patch_schedule(Call& call) {
  View view = call.view();
  auto present = view.schedule(call.id);
  if (!present) return call.refuse(present.error());
  auto schedule = parse_schedule(call.request.body, present->value, false);
  if (!schedule) return call.refuse(schedule.error());
  change(call, fleet::EditSchedule{std::move(*schedule)},
         [id = call.id](View& after, const fleet::Answer&) -> Result<Json> { return made_schedule(after, id); });
}

void Api::delete_schedule(Call& call) {
  change(call, fleet::DeleteSchedule{call.id}, [](View&, const fleet::Answer&) -> Result<Json> { return Json(Json::object()); });
}

void Api::nothing_yet(Call& call) {
  if (call.last == "locations") {
    Json json = Json::object();
    json["nodes"] = Json::array();
    json["totalElements"] = 0;
    json["outputElements"] = 0;
    return call.answer(json);
  }
  auto query = take_list_query(call.target.query, nullptr);
  if (!query) return call.refuse(query.error());
  const char* key = call.last == "sites" ? "sites" : call.last == "regions" ? "regions" : "repeatedSchedules";
  call.answer(list_page(key, {}, *query));
}

}  // namespace abide::api
