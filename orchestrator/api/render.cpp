#include "orchestrator/api/render.hpp"

#include "common/core/hash.hpp"
#include "common/core/time.hpp"

namespace abide::api {

namespace {

void put(Json& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}

void put_status(Json& object, const std::string& name, const std::string& text, fleet::Indicator indicator, std::int64_t at_seconds) {
  object[name] = text;
  object[name + "Indicator"] = std::string(fleet::to_string(indicator));
  object[name + "Timestamp"] = at_seconds;
}

const char* schedule_status_name(ScheduleStatus status) {
  switch (status) {
    case ScheduleStatus::unspecified:
      return "SCHEDULE_STATUS_UNSPECIFIED";
    case ScheduleStatus::maintenance:
      return "SCHEDULE_STATUS_MAINTENANCE";
    case ScheduleStatus::os_update:
      return "SCHEDULE_STATUS_OS_UPDATE";
    case ScheduleStatus::blackout:
      return "SCHEDULE_STATUS_BLACKOUT";
  }
  return "SCHEDULE_STATUS_UNSPECIFIED";
}

Json progress_json(const fleet::Node& node, const fleet::LiveNode& live) {
  Json json = Json::object();
  json["phase"] = std::string(to_string(node.phase));
  std::int64_t at_ms = node.heard_ms.value_or(node.registered_ms);
  // Live progress counts only where it tells of what the journal tells of, too.
  if (live.progress && live.progress->phase == node.phase && live.progress->offer == node.offer) {
    json["percent"] = live.progress->percent;
    json["bytesDone"] = live.progress->bytes_done;
    json["bytesTotal"] = live.progress->bytes_total;
    json["bytesPerSecond"] = live.progress->bytes_per_second;
    at_ms = live.progress_at_ms;
  }
  json["at"] = to_rfc3339(at_ms);
  return json;
}

Json window_json(const Window& window) {
  Json json = Json::object();
  json["scheduleId"] = window.id;
  json["opensAt"] = to_rfc3339(window.opens_at_ms);
  if (window.closes_at_ms != 0) json["closesAt"] = to_rfc3339(window.closes_at_ms);
  return json;
}

Json outcome_json(const Outcome& outcome) {
  Json json = Json::object();
  json["offer"] = to_string(outcome.offer);
  json["kind"] = std::string(to_string(outcome.kind));
  json["reason"] = std::string(to_string(outcome.reason));
  return json;
}

// What the bus knows of the machine. Not in the contract that the rest follows.
Json node_json(const fleet::Node& node, const fleet::LiveNode& live) {
  Json json = Json::object();
  json["uuid"] = to_string(node.id);
  if (live.online) json["online"] = *live.online;
  if (node.heard_ms) json["heardAt"] = to_rfc3339(*node.heard_ms);
  json["phase"] = std::string(to_string(node.phase));
  put(json, "profileName", node.identity.profile_name);
  put(json, "osImageId", node.identity.os_image_id);
  put(json, "architecture", node.identity.architecture);
  if (node.identity.digest) json["digest"] = to_hex(node.identity.digest);
  put(json, "agentVersion", node.identity.agent_version);
  if (node.heard_ms) json["slot"] = std::string(to_string(node.slot));
  put(json, "boot", node.boot.text);
  if (node.journal) {
    json["journal"] = to_hex(node.journal);
    json["upto"] = node.upto;
  }
  if (node.offer) json["offer"] = to_string(node.offer);
  if (node.outcome.kind != OutcomeKind::none) json["outcome"] = outcome_json(node.outcome);
  json["conflict"] = node.conflict;
  if (node.conflict_with) json["conflictWith"] = to_hex(node.conflict_with);
  json["held"] = node.held;
  put(json, "heldWhy", node.held_why);
  json["paused"] = node.paused;
  put(json, "linkFault", node.link_fault);
  if (node.newest.document.number) {
    Json document = Json::object();
    document["number"] = to_string(node.newest.document.number);
    document["takenByNode"] = node.taken >= node.newest.document.number;
    if (node.newest.link) {
      const auto& link = *node.newest.link;
      document["offer"] = to_string(link.offer);
      document["osResourceId"] = link.release.os_resource_id;
      document["osImageId"] = link.release.os_image_id;
      document["paused"] = link.paused;
      document["aborted"] = link.aborted;
    }
    if (node.newest.window) document["window"] = window_json(*node.newest.window);
    json["document"] = std::move(document);
  }
  json["windowOpen"] = node.open_window.has_value();
  return json;
}

Json shown_json(const fleet::Node& node, const fleet::Confirmation& told) {
  Json json = Json::object();
  if (told.holds) {
    json["document"] = to_string(told.holds);
    json["documentKnown"] = told.known;
  }
  json["phase"] = std::string(to_string(node.phase));
  put(json, "osImageId", node.identity.os_image_id);
  if (node.offer) json["offer"] = to_string(node.offer);
  if (node.outcome.kind != OutcomeKind::none) json["outcome"] = outcome_json(node.outcome);
  return json;
}

Json bare_host(View& view, const fleet::Node& node, const fleet::LiveNode& live) {
  using fleet::Indicator;
  Json json = Json::object();
  json["resourceId"] = node.host_id;
  json["name"] = node.name;
  json["uuid"] = to_string(node.id);
  json["desiredState"] = "HOST_STATE_ONBOARDED";
  json["currentState"] = node.heard_ms ? "HOST_STATE_ONBOARDED" : "HOST_STATE_REGISTERED";
  put(json, "cpuArchitecture", node.identity.architecture);
  put_place(json, view, node);
  const std::int64_t heard = node.heard_ms.value_or(node.registered_ms) / 1000;
  const std::int64_t seen = live.online ? live.online_at_ms / 1000 : heard;
  if (node.conflict) {
    put_status(json, "hostStatus", "Duplicate identity", Indicator::error, heard);
  } else if (!node.heard_ms) {
    put_status(json, "hostStatus", "Not Connected", Indicator::unspecified, node.registered_ms / 1000);
  } else if (live.online && !*live.online && node.phase == Phase::rebooting) {
    put_status(json, "hostStatus", "Rebooting", Indicator::in_progress, seen);
  } else if (live.online && !*live.online) {
    put_status(json, "hostStatus", "No Connection", Indicator::error, seen);
  } else if (live.online) {
    put_status(json, "hostStatus", "Running", Indicator::idle, seen);
  } else {
    put_status(json, "hostStatus", "Unknown", Indicator::unspecified, heard);
  }
  json["timestamps"] = timestamps_json(node.registered_ms, node.updated_ms);
  return json;
}

Json bare_instance(View& view, const fleet::Node& node, const fleet::LiveNode& live) {
  using fleet::Indicator;
  Json json = Json::object();
  json["resourceId"] = node.instance_id;
  json["instanceID"] = node.instance_id;
  json["kind"] = "INSTANCE_KIND_METAL";
  json["name"] = node.name;
  json["desiredState"] = "INSTANCE_STATE_RUNNING";
  json["currentState"] = node.heard_ms ? "INSTANCE_STATE_RUNNING" : "INSTANCE_STATE_UNSPECIFIED";
  if (const auto os = view.os_resource(node.os_resource_id)) {
    json["os"] = os_resource_json(*os);
    put(json, "securityFeature", os->value.security_feature);
  }
  if (const auto policy = view.policy(node.policy_id)) json["updatePolicy"] = policy_json(view, *policy);
  if (const auto applied = view.applied_policy(node); applied.policy != nullptr) {
    Json& which = json["appliedUpdatePolicy"] = Json::object();
    which["policy"] = policy_json(view, *applied.policy);
    which["from"] = applied.from;
    which["resourceId"] = applied.resource_id;
  }
  const std::int64_t heard = node.heard_ms.value_or(0) / 1000;
  put_status(json, "updateStatus", node.status.text, node.status.indicator, node.status.at_seconds);
  if (node.heard_ms) {
    put_status(json, "instanceStatus", "Running", Indicator::idle, heard);
    put_status(json, "provisioningStatus", "Provisioned", Indicator::idle, node.registered_ms / 1000);
  } else {
    put_status(json, "instanceStatus", "Not Installed", Indicator::unspecified, node.registered_ms / 1000);
    put_status(json, "provisioningStatus", "Not Provisioned", Indicator::unspecified, node.registered_ms / 1000);
  }
  json["osUpdateAvailable"] = node.os_update_available;
  json["updateProgress"] = progress_json(node, live);
  json["node"] = node_json(node, live);
  json["timestamps"] = timestamps_json(node.registered_ms, node.updated_ms);
  return json;
}

Json reference_to_instance(const fleet::Node& node) {
  Json json = Json::object();
  json["resourceId"] = node.instance_id;
  json["instanceID"] = node.instance_id;
  json["name"] = node.name;
  Json host = Json::object();
  host["resourceId"] = node.host_id;
  host["name"] = node.name;
  json["host"] = std::move(host);
  return json;
}

}  // namespace

Json confirmation_json(const fleet::Node& node, const fleet::Confirmation& told) {
  Json json = Json::object();
  json["resourceId"] = node.host_id;
  json["name"] = node.name;
  json["uuid"] = to_string(node.id);
  json["held"] = told.held;
  put(json, "heldWhy", node.held_why);
  json["shows"] = shown_json(node, told);
  Json& asks = json["asks"] = Json::object();
  put(asks, "policyName", told.policy);
  put(asks, "osImageId", told.image);
  put(asks, "nothing", told.nothing);
  asks["aborted"] = told.aborted;
  asks["paused"] = told.paused;
  if (told.window) asks["window"] = window_json(*told.window);
  asks["windowOpen"] = told.open_now;
  json["differences"] = told.differences;
  return json;
}

Json timestamps_json(std::int64_t created_ms, std::int64_t updated_ms) {
  Json stamps = Json::object();
  stamps["createdAt"] = to_rfc3339(created_ms);
  stamps["updatedAt"] = to_rfc3339(updated_ms == 0 ? created_ms : updated_ms);
  return stamps;
}

Json os_resource_json(const fleet::Stamped<OsResource>& stamped) {
  const auto& resource = stamped.value;
  Json json = Json::object();
  json["resourceId"] = resource.id;
  json["osResourceID"] = resource.id;
  put(json, "name", resource.name);
  put(json, "architecture", resource.architecture);
  put(json, "imageUrl", resource.image_url);
  put(json, "imageId", resource.image_id);
  json["sha256"] = to_hex(resource.artifact.sha256);
  put(json, "profileName", resource.profile_name);
  put(json, "securityFeature", resource.security_feature);
  put(json, "osType", resource.os_type);
  put(json, "osProvider", resource.os_provider);
  put(json, "description", resource.description);
  put(json, "metadata", resource.metadata);
  put(json, "platformBundle", resource.platform_bundle);
  put(json, "installedPackagesUrl", resource.package_manifest_url);
  put(json, "existingCvesUrl", resource.existing_cves_url);
  put(json, "fixedCvesUrl", resource.fixed_cves_url);
  if (resource.artifact.size != 0) json["imageSizeBytes"] = resource.artifact.size;
  if (resource.raw.size != 0) json["rawSizeBytes"] = resource.raw.size;
  if (resource.raw.sha256) json["rawSha256"] = to_hex(resource.raw.sha256);
  json["timestamps"] = timestamps_json(stamped.created_ms, stamped.updated_ms);
  return json;
}

Json os_resource_json(View& view, const fleet::Stamped<OsResource>& stamped) {
  Json json = os_resource_json(stamped);
  put(json, "installedPackages", view.os_list(stamped.value.id, OsList::installed_packages));
  put(json, "existingCves", view.os_list(stamped.value.id, OsList::existing_cves));
  put(json, "fixedCves", view.os_list(stamped.value.id, OsList::fixed_cves));
  return json;
}

Json policy_json(View& view, const fleet::Stamped<Policy>& stamped) {
  const auto& policy = stamped.value;
  Json json = Json::object();
  json["resourceId"] = policy.id;
  json["name"] = policy.name;
  put(json, "description", policy.description);
  json["updatePolicy"] = policy.update_policy == UpdatePolicy::latest ? "UPDATE_POLICY_LATEST" : "UPDATE_POLICY_TARGET";
  if (const auto os = view.os_resource(policy.target_os_id)) json["targetOs"] = os_resource_json(*os);
  if (policy.allow_downgrade) json["allowDowngrade"] = true;
  if (policy.allow_profile_change) json["allowProfileChange"] = true;
  json["timestamps"] = timestamps_json(stamped.created_ms, stamped.updated_ms);
  return json;
}

Json schedule_json(View& view, const fleet::Stamped<Schedule>& stamped) {
  const auto& schedule = stamped.value;
  Json json = Json::object();
  json["resourceId"] = schedule.id;
  json[schedule.repetition ? "repeatedScheduleID" : "singleScheduleID"] = schedule.id;
  json["scheduleStatus"] = schedule_status_name(schedule.status);
  put(json, "name", schedule.name);
  if (const auto node = view.host(schedule.host_id)) {
    Json host = Json::object();
    host["resourceId"] = node->host_id;
    host["name"] = node->name;
    json["targetHost"] = std::move(host);
  }
  if (const auto site = view.site(schedule.site_id)) json["targetSite"] = bare_site_json(view, *site);
  if (const auto region = view.region(schedule.region_id)) json["targetRegion"] = bare_region_json(view, *region);
  if (const auto& repetition = schedule.repetition) {
    json["durationSeconds"] = repetition->duration_seconds;
    json["cronMinutes"] = repetition->cron.minutes;
    json["cronHours"] = repetition->cron.hours;
    json["cronDayMonth"] = repetition->cron.day_of_month;
    json["cronMonth"] = repetition->cron.month;
    json["cronDayWeek"] = repetition->cron.day_of_week;
    put(json, "timeZone", repetition->zone);
  } else {
    json["startSeconds"] = schedule.start_seconds;
    if (schedule.end_seconds != 0) json["endSeconds"] = schedule.end_seconds;
  }
  json["timestamps"] = timestamps_json(stamped.created_ms, stamped.updated_ms);
  return json;
}

Json run_json(View& view, const fleet::Run& run, bool compatible) {
  Json json = Json::object();
  json["resourceId"] = run.id;
  json["name"] = run.name;
  put(json, "description", run.from_os_image_id.empty() ? "" : "OS update for " + run.from_os_image_id);
  if (const auto policy = view.policy(run.policy_id)) json["appliedPolicy"] = policy_json(view, *policy);
  if (const auto node = view.cached_node(run.node)) json["instance"] = reference_to_instance(*node);
  put_status(json, "status", run.status.text, run.status.indicator, run.status.at_seconds);
  json["statusDetails"] = run.status_details;
  json["startTime"] = (run.start_ms != 0 ? run.start_ms : run.opened_ms) / 1000;
  if (run.end_ms != 0 || compatible) json["endTime"] = run.end_ms != 0 ? run.end_ms / 1000 : open_run_end_seconds;
  json["offer"] = to_string(run.offer);
  json["accepted"] = run.start_ms != 0;
  put(json, "fromOsImageId", run.from_os_image_id);
  put(json, "toOsImageId", run.to_os_image_id);
  put(json, "toOsResourceId", run.to_os_resource_id);
  if (run.outcome != OutcomeKind::none) {
    json["outcome"] = std::string(to_string(run.outcome));
    if (run.silent) json["silent"] = true;
    if (run.reason != Reason::none) json["reason"] = std::string(to_string(run.reason));
    Json evidence = Json::object();
    put(evidence, "check", run.evidence.check);
    put(evidence, "outputTail", run.evidence.output_tail);
    if (run.evidence.attempts != 0) evidence["attempts"] = run.evidence.attempts;
    if (run.outcome == OutcomeKind::rolled_back) evidence["bootCause"] = std::string(to_string(run.evidence.boot_cause));
    put(evidence, "detail", run.evidence.detail);
    if (!evidence.empty()) json["evidence"] = std::move(evidence);
  }
  json["timestamps"] = timestamps_json(run.opened_ms, run.end_ms != 0 ? run.end_ms : run.status.at_seconds * 1000);
  return json;
}

std::string tag_of_all(const Json& json) {
  return "\"" + to_hex(sha256(json.dump(-1, ' ', false, Json::error_handler_t::replace))).substr(0, 32) + "\"";
}

std::string tag_of(const Json& json) {
  if (!json.is_object() || !json.contains("timestamps")) return {};
  const auto& id = json["resourceId"].get_ref<const std::string&>();
  if (!id.starts_with("host-") && !id.starts_with("inst-")) {
    Json whole = json;
    whole.erase("note");
    return tag_of_all(whole);
  }
  const bool is_host = id.starts_with("host-");
  const Json nothing = Json::object();
  const Json& host = is_host ? json : json.value("host", nothing);
  const Json& instance = is_host ? json.value("instance", nothing) : json;
  Json set = Json::object();
  set["id"] = id;
  set["name"] = json.value("name", "");
  set["site"] = host.value("site", nothing).value("resourceId", "");
  set["metadata"] = host.value("metadata", Json::array());
  set["policy"] = instance.value("updatePolicy", nothing).value("resourceId", "");
  return tag_of_all(set);
}

Json instance_json(View& view, const fleet::Node& node, const fleet::LiveNode& live) {
  Json json = bare_instance(view, node, live);
  json["host"] = bare_host(view, node, live);
  return json;
}

Json host_json(View& view, const fleet::Node& node, const fleet::LiveNode& live) {
  Json json = bare_host(view, node, live);
  json["instance"] = bare_instance(view, node, live);
  return json;
}

void put_os_lists(Json& instance, View& view, const fleet::Node& node) {
  const auto os = view.os_resource(node.os_resource_id);
  if (os == nullptr) return;
  instance["os"] = os_resource_json(view, *os);
  put(instance, "existingCves", view.os_list(node.os_resource_id, OsList::existing_cves));
}

Json source_json(const fleet::Source* source, const SourceTimes* times) {
  Json json = Json::object();
  json["name"] = source != nullptr ? source->name : times->name;
  json["error"] = source != nullptr ? source->error : times->error;
  const auto at = [&](const char* key, std::int64_t ms) {
    if (ms != 0) json[key] = to_rfc3339(ms);
  };
  at("since", source != nullptr ? source->since_ms : times->since_ms);
  if (times == nullptr) return json;
  if (times->service) json["found"] = times->found;
  if (times->attempts != 0) json["attempts"] = times->attempts;
  at("lastTryAt", times->tried_at_ms);
  at("lastSuccessAt", times->good_at_ms);
  at("nextTryAt", times->next_at_ms);
  return json;
}

}  // namespace abide::api
