#include "tools/abidectl/kinds.hpp"

#include <algorithm>
#include <cassert>
#include <cctype>
#include <nlohmann/json.hpp>

#include "common/core/calendar.hpp"
#include "common/core/time.hpp"
#include "tools/abidectl/times.hpp"

namespace abide::ctl {

namespace {

// What an API that counts in 32 bits answers for "not finished".
constexpr std::int64_t open_end_seconds_32 = 1410065407;
constexpr std::int64_t open_end_seconds = 9999999999;

Column plain(std::string head, std::string path, bool wide = false) {
  return {std::move(head), wide, [path = std::move(path)](const Json& object, const Reading&) { return text_at(object, path); }};
}

Column seconds(std::string head, std::string path, bool wide = false) {
  return {std::move(head), wide, [path = std::move(path)](const Json& object, const Reading& reading) {
            const auto at = number_at(object, path);
            if (!at || *at == open_end_seconds_32 || *at == open_end_seconds) return std::string();
            return shown_time(*at * 1000, reading);
          }};
}

Column stamp(std::string head, std::string path) {
  return {std::move(head), true, [path = std::move(path)](const Json& object, const Reading& reading) {
            const auto at = parse_rfc3339(text_at(object, path));
            return at ? shown_time(*at, reading) : std::string();
          }};
}

Column moment(std::string head, std::string path) {
  Column column = stamp(std::move(head), std::move(path));
  column.wide = false;
  return column;
}

// Degrees times 10^7, as the API has them.
Column degrees(std::string head, std::string path) {
  return {std::move(head), true, [path = std::move(path)](const Json& object, const Reading&) {
            const auto e7 = number_at(object, path);
            return e7 ? shown_degrees(*e7) : std::string();
          }};
}

// "UPDATE_POLICY_LATEST" as "LATEST".
Column enumeration(std::string head, std::string path, std::string prefix, bool wide = false) {
  return {std::move(head), wide, [path = std::move(path), prefix = std::move(prefix)](const Json& object, const Reading&) {
            auto text = text_at(object, path);
            return text.compare(0, prefix.size(), prefix) == 0 ? text.substr(prefix.size()) : text;
          }};
}

// The update status, and what else keeps the host from going on: "Update failed (unhealthy)", "Download complete (paused)",
// "Update policy cannot be applied (its target rt 1.0 is no immutable OS)".
std::string status_with_notes(const Json& host) {
  std::string notes;
  const auto note = [&](const std::string& text) { notes += (notes.empty() ? "" : ", ") + text; };
  const auto status = text_at(host, "instance.updateStatus");
  if (text_at(host, "instance.updateStatusIndicator") == "STATUS_INDICATION_ERROR" && text_at(host, "instance.node.phase") == "Idle") {
    const auto fault = text_at(host, "instance.node.linkFault");
    if (const auto reason = fault.empty() ? text_at(host, "instance.node.outcome.reason") : fault; !reason.empty()) note(reason);
  }
  if (text_at(host, "instance.node.paused") == "true") note("paused");
  if (text_at(host, "instance.node.held") == "true") note("held");
  if (text_at(host, "hostStatusIndicator") == "STATUS_INDICATION_ERROR") note(text_at(host, "hostStatus"));
  return notes.empty() ? status : status + " (" + notes + ")";
}

std::string metadata_text(const Json& object, const char* key) {
  std::string text;
  const Json& pairs = member_at(object, key);
  if (!pairs.is_array()) return text;
  for (const auto& pair : pairs) text += (text.empty() ? "" : ",") + text_at(pair, "key") + "=" + text_at(pair, "value");
  return text;
}

std::string target_of(const Json& schedule) {
  for (const auto& [member, word] : {std::pair{"targetHost", "host"}, {"targetSite", "site"}, {"targetRegion", "region"}})
    if (member_at(schedule, member).is_object()) return std::string(word) + " " + text_at(schedule, std::string(member) + ".name");
  return {};
}

std::optional<std::int64_t> next_opening_ms(const Json& schedule, std::int64_t now_ms) {
  const auto repeat = make_repeat({text_at(schedule, "cronMinutes"), text_at(schedule, "cronHours"), text_at(schedule, "cronDayMonth"),
                                   text_at(schedule, "cronMonth"), text_at(schedule, "cronDayWeek")},
                                  number_at(schedule, "durationSeconds").value_or(0), text_at(schedule, "timeZone"));
  if (!repeat) return std::nullopt;
  const auto next = next_opening(*repeat, now_ms / 1000);
  if (!next) return std::nullopt;
  return *next * 1000;
}

Column opens() {
  return {"OPENS", false, [](const Json& schedule, const Reading& reading) {
            if (schedule.contains("durationSeconds")) return shown_cron(schedule);
            return shown_time(number_at(schedule, "startSeconds").value_or(0) * 1000, reading);
          }};
}

Column closes() {
  return {"CLOSES", false, [](const Json& schedule, const Reading& reading) {
            if (const auto lasts = number_at(schedule, "durationSeconds"); lasts) return "after " + shown_duration(*lasts);
            const auto end = number_at(schedule, "endSeconds").value_or(0);
            return end == 0 ? std::string("never") : shown_time(end * 1000, reading);
          }};
}

Column next_column() {
  return {"NEXT", true, [](const Json& schedule, const Reading& reading) {
            if (!schedule.contains("durationSeconds")) return std::string();
            return shown_time(next_opening_ms(schedule, reading.now_ms), reading);
          }};
}

Column metadata_column(std::string head, std::string key) {
  return {std::move(head), true, [key = std::move(key)](const Json& object, const Reading&) { return metadata_text(object, key.c_str()); }};
}

std::vector<Kind> make_kinds() {
  std::vector<Kind> all;
  all.push_back({"host",
                 {"hosts"},
                 "/compute/hosts",
                 "hosts",
                 "host-",
                 {plain("NAME", "name"),
                  plain("IMAGE", "instance.os.imageId"),
                  {"PHASE", false, [](const Json& host, const Reading&) { return shown_progress(host, 0); }},
                  {"STATUS", false, [](const Json& host, const Reading&) { return status_with_notes(host); }},
                  {"POLICY", false, [](const Json& host, const Reading&) { return shown_policy(member_at(host, "instance")); }},
                  plain("AVAILABLE", "instance.osUpdateAvailable"),
                  plain("SITE", "site.name", true),
                  plain("HOST STATUS", "hostStatus", true),
                  plain("ID", "resourceId", true),
                  plain("UUID", "uuid", true),
                  seconds("SINCE", "instance.updateStatusTimestamp", true)},
                 std::nullopt,
                 true,
                 "uuid"});
  all.push_back({"instance",
                 {"instances"},
                 "/compute/instances",
                 "instances",
                 "inst-",
                 {plain("NAME", "name"),
                  plain("HOST", "host.name"),
                  plain("OS", "os.name"),
                  plain("IMAGE", "os.imageId"),
                  plain("STATUS", "updateStatus"),
                  {"POLICY", false, [](const Json& instance, const Reading&) { return shown_policy(instance); }},
                  plain("ID", "resourceId", true),
                  seconds("SINCE", "updateStatusTimestamp", true)},
                 std::nullopt,
                 true,
                 "host.uuid"});
  all.push_back({"osprofile",
                 {"osprofiles", "os"},
                 "/compute/os",
                 "OperatingSystemResources",
                 "os-",
                 {plain("NAME", "name"), plain("PROFILE", "profileName"), plain("IMAGE", "imageId"), plain("ARCHITECTURE", "architecture"),
                  plain("ID", "resourceId"), enumeration("SECURITY", "securityFeature", "SECURITY_FEATURE_", true),
                  plain("SHA256", "sha256", true), stamp("CREATED", "timestamps.createdAt")}});
  all.push_back({"osupdatepolicy",
                 {"osupdatepolicies", "policy", "policies"},
                 "/os-update-policies",
                 "osUpdatePolicies",
                 "osupdatepolicy-",
                 {plain("NAME", "name"), enumeration("UPDATES TO", "updatePolicy", "UPDATE_POLICY_"), plain("TARGET", "targetOs.name"),
                  plain("ID", "resourceId"), plain("DESCRIPTION", "description", true), stamp("CREATED", "timestamps.createdAt")}});
  all.push_back(
      {"osupdaterun",
       {"osupdateruns", "run", "runs"},
       "/os-update-runs",
       "osUpdateRuns",
       "osupdaterun-",
       {plain("NAME", "name"), plain("STATUS", "status"), plain("REASON", "reason"), plain("POLICY", "appliedPolicy.name"),
        seconds("STARTED", "startTime"), seconds("ENDED", "endTime"), plain("ID", "resourceId", true), plain("FROM", "fromOsImageId", true),
        plain("TO", "toOsImageId", true), plain("CHECK", "evidence.check", true), plain("DETAIL", "evidence.detail", true)}});
  all.push_back({"schedule",
                 {"schedules"},
                 "/schedules/single",
                 "singleSchedules",
                 "singlesche-",
                 {plain("NAME", "name"),
                  enumeration("TYPE", "scheduleStatus", "SCHEDULE_STATUS_"),
                  {"FOR", false, [](const Json& schedule, const Reading&) { return target_of(schedule); }},
                  opens(),
                  closes(),
                  next_column(),
                  plain("ID", "resourceId", true)},
                 Beside{"/schedules/repeated", "repeatedSchedules", "repeatedsche-"},
                 false});
  all.push_back({"site",
                 {"sites"},
                 "/sites",
                 "sites",
                 "site-",
                 {plain("NAME", "name"),
                  {"REGION", false, [](const Json& site, const Reading&) { return shown_region(member_at(site, "region")); }},
                  plain("POLICY", "updatePolicy.name"),
                  plain("ID", "resourceId"),
                  degrees("LATITUDE", "siteLat"),
                  degrees("LONGITUDE", "siteLng"),
                  metadata_column("METADATA", "metadata"),
                  stamp("CREATED", "timestamps.createdAt")}});
  all.push_back({"region",
                 {"regions"},
                 "/regions",
                 "regions",
                 "region-",
                 {plain("NAME", "name"),
                  {"IN", false, [](const Json& region, const Reading&) { return shown_region(member_at(region, "parentRegion")); }},
                  plain("SITES", "totalSites"),
                  plain("POLICY", "updatePolicy.name"),
                  plain("ID", "resourceId"),
                  metadata_column("METADATA", "metadata"),
                  stamp("CREATED", "timestamps.createdAt")}});
  all.push_back(
      {"source",
       {"sources"},
       "/sources",
       "sources",
       "",
       {plain("NAME", "name"), plain("ERROR", "error"), moment("LAST SUCCESS", "lastSuccessAt"), moment("NEXT TRY", "nextTryAt"),
        plain("FOUND", "found", true), plain("ATTEMPTS", "attempts", true), stamp("LAST TRY", "lastTryAt"), stamp("SINCE", "since")},
       {},
       false});
  return all;
}

}  // namespace

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = make_kinds();
  return all;
}

const Kind& kind_of(const std::string& noun) {
  for (const auto& kind : kinds()) {
    if (kind.noun == noun) return kind;
  }
  assert(false && "no such noun");
  return kinds().front();
}

const Kind* kind_called(const std::string& word) {
  std::string lower = word;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& kind : kinds())
    if (kind.noun == lower || std::find(kind.aliases.begin(), kind.aliases.end(), lower) != kind.aliases.end()) return &kind;
  return nullptr;
}

namespace {

bool has_prefix(const std::string& text, const std::string& prefix) {
  return !prefix.empty() && text.compare(0, prefix.size(), prefix) == 0;
}

bool is_id_with(const std::string& text, const std::string& prefix) {
  constexpr std::size_t digits = 8;
  return has_prefix(text, prefix) && text.size() == prefix.size() + digits &&
         text.find_first_not_of("0123456789abcdef", prefix.size()) == std::string::npos;
}

}  // namespace

std::string path_of(const Kind& kind, const std::string& id) {
  return (kind.beside && has_prefix(id, kind.beside->id_prefix) ? kind.beside->path : kind.path) + "/" + id;
}

bool is_resource_id(const Kind& kind, const std::string& text) {
  return is_id_with(text, kind.id_prefix) || (kind.beside && is_id_with(text, kind.beside->id_prefix));
}

std::string shown_policy(const Json& instance) {
  const auto name = text_at(instance, "appliedUpdatePolicy.policy.name");
  if (name.empty()) return text_at(instance, "updatePolicy.name");
  const auto from = text_at(instance, "appliedUpdatePolicy.from");
  return from.empty() || from == "instance" ? name : name + " (" + from + ")";
}

std::string shown_region(const Json& region) {
  std::string path = text_at(region, "name");
  for (const Json* above = &member_at(region, "parentRegion"); above->is_object(); above = &member_at(*above, "parentRegion"))
    path = text_at(*above, "name") + "/" + path;
  return path;
}

std::string shown_cron(const Json& schedule) {
  std::string text;
  for (const char* field : {"cronMinutes", "cronHours", "cronDayMonth", "cronMonth", "cronDayWeek", "timeZone"}) {
    const auto part = text_at(schedule, field);
    if (!part.empty()) text += (text.empty() ? "" : " ") + part;
  }
  return text;
}

bool natural_less(const std::string& left, const std::string& right) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < left.size() && j < right.size()) {
    if (!is_digit(left[i]) || !is_digit(right[j])) {
      if (left[i] != right[j]) return left[i] < right[j];
      ++i;
      ++j;
      continue;
    }
    // Runs of digits compare as numbers: the longer one without its leading zeros is the greater.
    while (i < left.size() && left[i] == '0') ++i;
    while (j < right.size() && right[j] == '0') ++j;
    std::size_t left_end = i;
    std::size_t right_end = j;
    while (left_end < left.size() && is_digit(left[left_end])) ++left_end;
    while (right_end < right.size() && is_digit(right[right_end])) ++right_end;
    if (left_end - i != right_end - j) return left_end - i < right_end - j;
    const int order = left.compare(i, left_end - i, right, j, right_end - j);
    if (order != 0) return order < 0;
    i = left_end;
    j = right_end;
  }
  return left.size() - i < right.size() - j;
}

Table table_of(const Kind& kind, const Json& objects, const Reading& reading) {
  Table table;
  for (const auto& column : kind.columns) {
    if (!column.wide || reading.output == Output::wide) table.heads.push_back(column.head);
  }
  for (const auto& object : objects) {
    auto& row = table.rows.emplace_back();
    for (const auto& column : kind.columns) {
      if (!column.wide || reading.output == Output::wide) row.push_back(column.text(object, reading));
    }
  }
  return table;
}

std::string shown_time(std::optional<std::int64_t> at_ms, const Reading& reading) {
  if (!at_ms || *at_ms == 0) return {};
  const auto text = local_rfc3339(*at_ms);
  return reading.output == Output::wide ? text + " (" + relative(*at_ms, reading.now_ms) + ")" : text;
}

std::string shown_progress(const Json& host, int bar_cells) {
  auto phase = text_at(host, "instance.updateProgress.phase");
  if (phase.empty()) return {};
  const auto percent = number_at(host, "instance.updateProgress.percent");
  if (!percent || phase != "Staging") return phase;
  return phase + " " + (bar_cells > 0 ? progress_bar(static_cast<int>(*percent), bar_cells) : std::to_string(*percent) + "%");
}

}  // namespace abide::ctl
