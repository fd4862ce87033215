#include "orchestrator/api/render.hpp"

#include <algorithm>

#include "common/core/hash.hpp"
#include "common/core/time.hpp"
#include "orchestrator/maintenance_manager/maintenance_manager.hpp"

namespace abide::api {

namespace {

void put(Json& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}

struct StatusNames {
  const char *text, *indicator, *at;
};
constexpr StatusNames host_status{"hostStatus", "hostStatusIndicator", "hostStatusTimestamp"};
constexpr StatusNames update_status{"updateStatus", "updateStatusIndicator", "updateStatusTimestamp"};
constexpr StatusNames instance_status{"instanceStatus", "instanceStatusIndicator", "instanceStatusTimestamp"};
constexpr StatusNames provisioning_status{"provisioningStatus", "provisioningStatusIndicator", "provisioningStatusTimestamp"};
constexpr StatusNames onboarding_status{"onboardingStatus", "onboardingStatusIndicator", "onboardingStatusTimestamp"};
constexpr StatusNames registration_status{"registrationStatus", "registrationStatusIndicator", "registrationStatusTimestamp"};
constexpr StatusNames attestation_status{"trustedAttestationStatus", "trustedAttestationStatusIndicator",
                                         "trustedAttestationStatusTimestamp"};
constexpr StatusNames run_status{"status", "statusIndicator", "statusTimestamp"};

void put_status(Part& part, const StatusNames& names, std::string_view text, fleet::Indicator indicator, std::int64_t at_seconds) {
  part.set(names.text, text);
  part.set(names.indicator, fleet::to_string(indicator));
  part.set(names.at, at_seconds);
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

Json document_json(const fleet::Node& node) {
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
  return document;
}

// What the bus knows of the machine. Not in the contract that the rest follows.
Json node_json(const fleet::Node& node, const fleet::LiveNode& live, const Wanted& wanted) {
  Part part(wanted);
  part.make("uuid", [&](const Wanted&) { return to_string(node.id); });
  if (live.online) part.set("online", *live.online);
  if (node.heard_ms) part.make("heardAt", [&](const Wanted&) { return to_rfc3339(*node.heard_ms); });
  part.set("phase", to_string(node.phase));
  part.put("profileName", node.identity.profile_name);
  part.put("osImageId", node.identity.os_image_id);
  part.put("architecture", node.identity.architecture);
  if (node.identity.digest) part.make("digest", [&](const Wanted&) { return to_hex(node.identity.digest); });
  part.put("agentVersion", node.identity.agent_version);
  if (node.heard_ms) part.set("slot", to_string(node.slot));
  part.put("boot", node.boot.text);
  if (node.journal) {
    part.make("journal", [&](const Wanted&) { return to_hex(node.journal); });
    part.set("upto", node.upto);
  }
  if (node.offer) part.make("offer", [&](const Wanted&) { return to_string(node.offer); });
  if (node.outcome.kind != OutcomeKind::none) part.make("outcome", [&](const Wanted&) { return outcome_json(node.outcome); });
  part.set("conflict", node.conflict);
  if (node.conflict_with) part.make("conflictWith", [&](const Wanted&) { return to_hex(node.conflict_with); });
  part.set("held", node.held);
  part.put("heldWhy", node.held_why);
  part.set("paused", node.paused);
  part.put("linkFault", node.link_fault);
  if (node.newest.document.number) part.make("document", [&](const Wanted&) { return document_json(node); });
  part.set("windowOpen", node.open_window.has_value());
  return std::move(part).take();
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

void put_timestamps(Part& part, std::int64_t created_ms, std::int64_t updated_ms) {
  part.make("timestamps", [&](const Wanted&) { return timestamps_json(created_ms, updated_ms); });
}

void put_host(Part& part, View& view, const fleet::Node& node, const fleet::LiveNode& live) {
  using fleet::Indicator;
  part.set("resourceId", node.host_id);
  part.set("name", node.name);
  part.make("uuid", [&](const Wanted&) { return to_string(node.id); });
  part.set("desiredState", "HOST_STATE_ONBOARDED");
  part.set("currentState", node.heard_ms ? "HOST_STATE_ONBOARDED" : "HOST_STATE_REGISTERED");
  part.put("cpuArchitecture", node.identity.architecture);
  put_place(part, view, node);
  const std::int64_t heard = node.heard_ms.value_or(node.registered_ms) / 1000;
  const std::int64_t seen = live.online ? live.online_at_ms / 1000 : heard;
  if (node.conflict) {
    put_status(part, host_status, "Duplicate identity", Indicator::error, heard);
  } else if (!node.heard_ms) {
    put_status(part, host_status, "Not Connected", Indicator::unspecified, node.registered_ms / 1000);
  } else if (live.online && !*live.online && node.phase == Phase::rebooting) {
    put_status(part, host_status, "Rebooting", Indicator::in_progress, seen);
  } else if (live.online && !*live.online) {
    put_status(part, host_status, "No Connection", Indicator::error, seen);
  } else if (live.online) {
    put_status(part, host_status, "Running", Indicator::idle, seen);
  } else {
    put_status(part, host_status, "Unknown", Indicator::unspecified, heard);
  }
  const std::int64_t registered = node.registered_ms / 1000;
  if (node.heard_ms) {
    put_status(part, onboarding_status, "Onboarded", Indicator::idle, registered);
  } else {
    put_status(part, onboarding_status, "Not Connected", Indicator::unspecified, registered);
  }
  put_status(part, registration_status, "Host is Registered", Indicator::idle, registered);
  put_timestamps(part, node.registered_ms, node.updated_ms);
}

void put_instance(Part& part, View& view, const fleet::Node& node, const fleet::LiveNode& live) {
  using fleet::Indicator;
  part.set("resourceId", node.instance_id);
  part.set("instanceID", node.instance_id);
  part.set("kind", "INSTANCE_KIND_METAL");
  part.set("name", node.name);
  part.set("desiredState", "INSTANCE_STATE_RUNNING");
  part.set("currentState", node.heard_ms ? "INSTANCE_STATE_RUNNING" : "INSTANCE_STATE_UNSPECIFIED");
  if (part.wants("os") || part.wants("securityFeature")) {
    if (const auto os = view.os_resource(node.os_resource_id)) {
      part.make("os", [&](const Wanted& wanted) { return os_resource_json(*os, wanted); });
      part.put("securityFeature", os->value.security_feature);
    }
  }
  if (part.wants("updatePolicy")) {
    if (const auto policy = view.policy(node.policy_id))
      part.make("updatePolicy", [&](const Wanted& wanted) { return policy_json(view, *policy, wanted); });
  }
  if (part.wants("appliedUpdatePolicy")) {
    if (const auto applied = view.applied_policy(node); applied.policy != nullptr) {
      part.make("appliedUpdatePolicy", [&](const Wanted& wanted) {
        Part which(wanted);
        which.make("policy", [&](const Wanted& of_policy) { return policy_json(view, *applied.policy, of_policy); });
        which.set("from", applied.from);
        which.set("resourceId", applied.resource_id);
        return std::move(which).take();
      });
    }
  }
  const std::int64_t heard = node.heard_ms.value_or(0) / 1000;
  put_status(part, update_status, node.status.text, node.status.indicator, node.status.at_seconds);
  if (node.heard_ms) {
    put_status(part, instance_status, "Running", Indicator::idle, heard);
    put_status(part, provisioning_status, "Provisioned", Indicator::idle, node.registered_ms / 1000);
  } else {
    put_status(part, instance_status, "Not Installed", Indicator::unspecified, node.registered_ms / 1000);
    put_status(part, provisioning_status, "Not Provisioned", Indicator::unspecified, node.registered_ms / 1000);
  }
  // What keeps it from being updated, if anything does.
  part.put("instanceStatusDetail", node.conflict ? "two machines have its UUID" : node.held ? node.held_why : node.link_fault);
  put_status(part, attestation_status, "Unknown", Indicator::unspecified, node.registered_ms / 1000);  // nobody attests
  part.set("osUpdateAvailable", node.os_update_available);
  part.make("updateProgress", [&](const Wanted&) { return progress_json(node, live); });
  part.make("node", [&](const Wanted& wanted) { return node_json(node, live, wanted); });
  put_timestamps(part, node.registered_ms, node.updated_ms);
}

// By the name of the image that ran, which is one of the node's profile, or of that of the image it was asked for.
std::string description_of(View& view, const fleet::Run& run) {
  if (run.from_os_image_id.empty()) return {};
  std::string name;
  if (const auto to = view.os_resource(run.to_os_resource_id)) name = view.os_name(to->value.profile_name, run.from_os_image_id);
  if (name.empty()) {
    if (const auto node = view.cached_node(run.node)) name = view.os_name(node->identity.profile_name, run.from_os_image_id);
  }
  return "OS update for " + (name.empty() ? run.from_os_image_id : name);
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

Json os_resource_json(const fleet::Stamped<OsResource>& stamped, const Wanted& wanted) {
  const auto& resource = stamped.value;
  Part part(wanted);
  part.set("resourceId", resource.id);
  part.set("osResourceID", resource.id);
  part.put("name", resource.name);
  part.put("architecture", resource.architecture);
  part.put("imageUrl", resource.image_url);
  part.put("imageId", resource.image_id);
  part.make("sha256", [&](const Wanted&) { return to_hex(resource.artifact.sha256); });
  part.put("profileName", resource.profile_name);
  part.put("securityFeature", resource.security_feature);
  part.put("osType", resource.os_type);
  part.put("osProvider", resource.os_provider);
  part.put("description", resource.description);
  part.put("metadata", resource.metadata);
  part.put("platformBundle", resource.platform_bundle);
  part.put("installedPackagesUrl", resource.package_manifest_url);
  part.put("existingCvesUrl", resource.existing_cves_url);
  part.put("fixedCvesUrl", resource.fixed_cves_url);
  if (resource.artifact.size != 0) part.set("imageSizeBytes", resource.artifact.size);
  if (resource.raw.size != 0) part.set("rawSizeBytes", resource.raw.size);
  if (resource.raw.sha256) part.make("rawSha256", [&](const Wanted&) { return to_hex(resource.raw.sha256); });
  put_timestamps(part, stamped.created_ms, stamped.updated_ms);
  return std::move(part).take();
}

Json os_resource_json(View& view, const fleet::Stamped<OsResource>& stamped) {
  Json json = os_resource_json(stamped);
  put(json, "installedPackages", view.os_list(stamped.value.id, OsList::installed_packages));
  put(json, "existingCves", view.os_list(stamped.value.id, OsList::existing_cves));
  put(json, "fixedCves", view.os_list(stamped.value.id, OsList::fixed_cves));
  return json;
}

Json policy_json(View& view, const fleet::Stamped<Policy>& stamped, const Wanted& wanted) {
  const auto& policy = stamped.value;
  Part part(wanted);
  part.set("resourceId", policy.id);
  part.set("name", policy.name);
  part.put("description", policy.description);
  part.set("updatePolicy", policy.update_policy == UpdatePolicy::latest ? "UPDATE_POLICY_LATEST" : "UPDATE_POLICY_TARGET");
  if (part.wants("targetOs")) {
    if (const auto os = view.os_resource(policy.target_os_id))
      part.make("targetOs", [&](const Wanted& of_os) { return os_resource_json(*os, of_os); });
  }
  if (policy.allow_downgrade) part.set("allowDowngrade", true);
  if (policy.allow_profile_change) part.set("allowProfileChange", true);
  put_timestamps(part, stamped.created_ms, stamped.updated_ms);
  return std::move(part).take();
}

Json schedule_json(View& view, const fleet::Stamped<Schedule>& stamped) {
  const auto& schedule = stamped.value;
  Json json = Json::object();
  json["resourceId"] = schedule.id;
  json[schedule.repetition ? "repeatedScheduleID" : "singleScheduleID"] = schedule.id;
  json["scheduleStatus"] = schedule_status_name(schedule.status);
  json["opensForUpdates"] = maintenance_manager::opens(schedule, view.maintenance_updates());
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

Json run_json(View& view, const fleet::Run& run, bool compatible, const Wanted& wanted) {
  Part part(wanted);
  part.set("resourceId", run.id);
  part.set("name", run.name);
  if (part.wants("description")) part.put("description", description_of(view, run));
  if (part.wants("appliedPolicy")) {
    if (const auto policy = view.policy(run.policy_id))
      part.make("appliedPolicy", [&](const Wanted& of_policy) { return policy_json(view, *policy, of_policy); });
  }
  if (part.wants("instance")) {
    if (const auto node = view.cached_node(run.node)) part.make("instance", [&](const Wanted&) { return reference_to_instance(*node); });
  }
  put_status(part, run_status, run.status.text, run.status.indicator, run.status.at_seconds);
  part.set("statusDetails", run.status_details);
  part.set("startTime", (run.start_ms != 0 ? run.start_ms : run.opened_ms) / 1000);
  if (run.end_ms != 0 || compatible) part.set("endTime", run.end_ms != 0 ? run.end_ms / 1000 : open_run_end_seconds);
  part.make("offer", [&](const Wanted&) { return to_string(run.offer); });
  part.set("accepted", run.start_ms != 0);
  part.put("fromOsImageId", run.from_os_image_id);
  part.put("toOsImageId", run.to_os_image_id);
  part.put("toOsResourceId", run.to_os_resource_id);
  if (run.outcome != OutcomeKind::none) {
    part.set("outcome", to_string(run.outcome));
    if (run.silent) part.set("silent", true);
    if (run.reason != Reason::none) part.set("reason", to_string(run.reason));
    Json evidence = Json::object();
    put(evidence, "check", run.evidence.check);
    put(evidence, "outputTail", run.evidence.output_tail);
    if (run.evidence.attempts != 0) evidence["attempts"] = run.evidence.attempts;
    if (run.outcome == OutcomeKind::rolled_back) evidence["bootCause"] = std::string(to_string(run.evidence.boot_cause));
    put(evidence, "detail", run.evidence.detail);
    if (!evidence.empty()) part.set("evidence", std::move(evidence));
  }
  put_timestamps(part, run.opened_ms, run.end_ms != 0 ? run.end_ms : run.status.at_seconds * 1000);
  return std::move(part).take();
}

namespace {

bool wants_any(const Wanted& wanted, std::initializer_list<const char*> names) {
  return std::any_of(names.begin(), names.end(), [&](const char* name) { return wanted.has(name); });
}

void add_needs_of_host(NodeNeeds& needs, const Wanted& wanted) {
  needs.parts.identity |= wanted.has("cpuArchitecture");
  needs.live |= wants_any(wanted, {host_status.text, host_status.indicator, host_status.at});
}

void add_needs_of_instance(NodeNeeds& needs, const Wanted& wanted) {
  const Wanted& node = wanted.in("node");
  needs.parts.identity |= wants_any(node, {"profileName", "osImageId", "architecture", "digest", "agentVersion"});
  needs.parts.documents |= wants_any(node, {"boot", "outcome", "heldWhy", "linkFault", "document", "windowOpen"});
  needs.parts.documents |= wanted.has("instanceStatusDetail");
  needs.live |= wanted.has("updateProgress") || node.has("online");
}

}  // namespace

NodeNeeds needs_of_host(const Wanted& wanted) {
  NodeNeeds needs;
  add_needs_of_host(needs, wanted);
  add_needs_of_instance(needs, wanted.in("instance"));
  return needs;
}

NodeNeeds needs_of_instance(const Wanted& wanted) {
  NodeNeeds needs;
  add_needs_of_instance(needs, wanted);
  add_needs_of_host(needs, wanted.in("host"));
  return needs;
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

namespace {

using Put = void(Part&, View&, const fleet::Node&, const fleet::LiveNode&);

// The one, with the other in it.
Json one_with(Put* put, const char* name, Put* put_other, View& view, const fleet::Node& node, const fleet::LiveNode& live,
              const Wanted& wanted) {
  Part one(wanted);
  put(one, view, node, live);
  one.make(name, [&](const Wanted& of_other) {
    Part other(of_other);
    put_other(other, view, node, live);
    return std::move(other).take();
  });
  return std::move(one).take();
}

}  // namespace

Json instance_json(View& view, const fleet::Node& node, const fleet::LiveNode& live, const Wanted& wanted) {
  return one_with(put_instance, "host", put_host, view, node, live, wanted);
}

Json host_json(View& view, const fleet::Node& node, const fleet::LiveNode& live, const Wanted& wanted) {
  return one_with(put_host, "instance", put_instance, view, node, live, wanted);
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
