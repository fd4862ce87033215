#include "tools/abidectl/update_plan.hpp"

#include <map>
#include <set>
#include <utility>

#include "common/core/calendar.hpp"
#include "common/core/version.hpp"
#include "orchestrator/policy_manager/policy_manager.hpp"

namespace abide::ctl {

namespace {

constexpr std::int64_t horizon_seconds = std::int64_t{366} * 86'400;

OsResource resource_of(const Json& os) {
  OsResource resource;
  resource.id = text_at(os, "resourceId");
  resource.name = text_at(os, "name");
  resource.architecture = text_at(os, "architecture");
  resource.image_id = text_at(os, "imageId");
  resource.profile_name = text_at(os, "profileName");
  resource.os_type = text_at(os, "osType");
  if (const auto raw = parse_digest(text_at(os, "rawSha256"))) resource.raw.sha256 = *raw;
  return resource;
}

// The newest immutable image of a profile and an architecture, as LATEST means it.
class Newest {
 public:
  explicit Newest(const Json& all) {
    if (!all.is_array()) return;
    for (const auto& os : all) {
      auto resource = resource_of(os);
      if (resource.os_type != "OS_TYPE_IMMUTABLE") continue;
      const auto key = std::pair{resource.profile_name, resource.architecture};
      const auto found = newest_.find(key);
      if (found == newest_.end()) {
        if (is_version(resource.image_id)) newest_.emplace(key, std::move(resource));
        continue;
      }
      const auto order = compare_versions(resource.image_id, found->second.image_id);
      if (order && *order > 0) found->second = std::move(resource);
    }
  }
  [[nodiscard]] const OsResource* of(const Identity& running) const {
    const auto found = newest_.find({running.profile_name, running.architecture});
    return found == newest_.end() ? nullptr : &found->second;
  }

 private:
  std::map<std::pair<std::string, std::string>, OsResource> newest_;
};

// Schedules by what they are of: the id of a host, a site or a region.
class Calendar {
 public:
  explicit Calendar(const Json& schedules) {
    if (!schedules.is_array()) return;
    for (const auto& schedule : schedules) {
      const auto status = text_at(schedule, "scheduleStatus");
      const auto told = text_at(schedule, "opensForUpdates");  // an older orchestrator does not tell
      const bool opens = told.empty() ? status == "SCHEDULE_STATUS_OS_UPDATE" : told == "true";
      if (!opens && status != "SCHEDULE_STATUS_BLACKOUT") continue;
      std::string target;
      for (const char* member : {"targetHost.resourceId", "targetSite.resourceId", "targetRegion.resourceId"})
        if (target.empty()) target = text_at(schedule, member);
      if (target.empty()) continue;
      auto& sets = by_target_[target];
      put(opens ? sets.first : sets.second, schedule);
    }
  }
  // Without what blackouts take away.
  [[nodiscard]] std::optional<Interval> window(const std::vector<std::string>& targets, const std::optional<Interval>& more,
                                               std::int64_t at) const {
    WindowSet open;
    WindowSet blackouts;
    for (const auto& target : targets) {
      const auto found = by_target_.find(target);
      if (found == by_target_.end()) continue;
      add(open, found->second.first);
      add(blackouts, found->second.second);
    }
    if (more) open.singles.push_back(*more);
    return window_at(open, blackouts, at, horizon_seconds);
  }

 private:
  static void put(WindowSet& set, const Json& schedule) {
    const auto duration = number_at(schedule, "durationSeconds");
    if (!duration) {
      set.singles.push_back(single_window(number_at(schedule, "startSeconds").value_or(0), number_at(schedule, "endSeconds").value_or(0)));
      return;
    }
    auto repeat = make_repeat({text_at(schedule, "cronMinutes"), text_at(schedule, "cronHours"), text_at(schedule, "cronDayMonth"),
                               text_at(schedule, "cronMonth"), text_at(schedule, "cronDayWeek")},
                              *duration, text_at(schedule, "timeZone"));
    if (!repeat) return;
    repeat->until_clocks_show_end = text_at(schedule, "scheduleStatus") == "SCHEDULE_STATUS_BLACKOUT";
    set.repeats.push_back(std::move(*repeat));
  }
  static void add(WindowSet& to, const WindowSet& more) {
    to.singles.insert(to.singles.end(), more.singles.begin(), more.singles.end());
    to.repeats.insert(to.repeats.end(), more.repeats.begin(), more.repeats.end());
  }

  std::map<std::string, std::pair<WindowSet, WindowSet>> by_target_;  // what opens, and blackouts
};

// The host itself, its site, and all regions that this lies in.
std::vector<std::string> targets_of(const Json& host) {
  std::vector<std::string> targets{text_at(host, "resourceId")};
  if (auto site = text_at(host, "site.resourceId"); !site.empty()) targets.push_back(std::move(site));
  for (const Json* region = &member_at(host, "site.region"); region->is_object(); region = &member_at(*region, "parentRegion"))
    targets.push_back(text_at(*region, "resourceId"));
  return targets;
}

struct Applied {
  Json policy;        // null: none
  std::string from;   // "", "site", "region"
  bool anew = false;  // it is not what applies now
};

// Which policy counts once the wish is fulfilled: the nearest one.
Applied applied_then(const Json& host, const UpdateWish& wish) {
  const Json& present = member_at(host, "instance.appliedUpdatePolicy");
  const auto from = text_at(present, "from");
  Applied applied{member_at(present, "policy"), from == "instance" ? "" : from};
  if (!wish.policy) return applied;
  const bool to_host = wish.site_id.empty() && wish.region_id.empty();
  bool nearer = from == "instance";  // what it has now is nearer than what is to be linked
  if (!wish.region_id.empty() && from == "site") nearer = true;
  if (!wish.region_id.empty() && from == "region") {
    const auto at = text_at(present, "resourceId");
    for (const Json* region = &member_at(host, "site.region"); region->is_object(); region = &member_at(*region, "parentRegion")) {
      const auto id = text_at(*region, "resourceId");
      if (id == wish.region_id) break;
      if (id == at) nearer = true;
    }
  }
  if (nearer && !to_host) return applied;
  const bool same = text_at(applied.policy, "resourceId") == text_at(*wish.policy, "resourceId");
  return {*wish.policy, to_host ? "" : wish.site_id.empty() ? "region" : "site", !same};
}

struct Asked {
  bool open = false;  // an offer without an outcome
  bool ended = false;
  std::string image, outcome;
};

Asked asked_of(const Json& node) {
  Asked asked;
  const auto offer = text_at(node, "document.offer");
  if (offer.empty()) return asked;
  asked.image = text_at(node, "document.osImageId");
  asked.ended = text_at(node, "outcome.offer") == offer;
  asked.open = !asked.ended && text_at(node, "document.aborted") != "true";
  if (asked.ended) asked.outcome = text_at(node, "outcome.kind") + ", " + text_at(node, "outcome.reason");
  return asked;
}

Policy policy_of(const Json& policy) {
  Policy known;
  known.id = text_at(policy, "resourceId");
  known.name = text_at(policy, "name");
  known.update_policy = text_at(policy, "updatePolicy") == "UPDATE_POLICY_TARGET" ? UpdatePolicy::target : UpdatePolicy::latest;
  known.target_os_id = text_at(policy, "targetOs.resourceId");
  known.allow_downgrade = text_at(policy, "allowDowngrade") == "true";
  known.allow_profile_change = text_at(policy, "allowProfileChange") == "true";
  return known;
}

// What its policy wants of it; the window comes afterwards.
void judge(PlannedHost& planned, const Json& host, const Applied& applied, const Newest& newest, const UpdateWish& wish) {
  const Json& node = member_at(host, "instance.node");
  const auto refuse = [&](std::string why) {
    planned.verdict = Verdict::refused;
    planned.why = std::move(why);
  };
  if (planned.instance_id.empty()) return refuse("it has no instance");
  if (text_at(node, "conflict") == "true")
    return refuse("two machines have its UUID: abidectl resolve host " + planned.name + " --journal ID");
  if (text_at(node, "held") == "true") return refuse("it is held: abidectl confirm host " + planned.name);
  if (!applied.policy.is_object()) return refuse("no policy applies to it: give --policy");
  const Identity running{text_at(node, "profileName"), text_at(node, "osImageId"), text_at(node, "architecture"), {}, {}};
  const auto policy = policy_of(applied.policy);
  const Json& target_os = member_at(applied.policy, "targetOs");
  const OsResource target = resource_of(target_os);
  const auto resolution = policy_manager::resolve(policy, running, target_os.is_object() ? &target : nullptr, newest.of(running));
  if (!resolution.fault.empty()) return refuse(resolution.fault);
  if (resolution.resource == nullptr) {
    planned.verdict = Verdict::current;
    planned.why = resolution.nothing;
    return;
  }
  planned.to = resolution.resource->image_id;
  const auto asked = asked_of(node);
  if (asked.open && asked.image == planned.to && !applied.anew) {
    planned.verdict = Verdict::goes_on;
    planned.why = "before, without an outcome yet; goes on in that window";
    return;
  }
  if (planned.to == running.os_image_id && resolution.resource->profile_name == running.profile_name) {
    planned.verdict = Verdict::current;
    planned.why = "runs it already";
    return;
  }
  // Nothing is tried again unless somebody says so, host by host.
  const bool by_hand = wish.policy && planned.links;
  if (asked.ended && asked.image == planned.to && !applied.anew && !by_hand)
    return refuse("it ended before: " + asked.outcome + "; again with: abidectl link policy " + policy.name + " --host " + planned.name);
  planned.verdict = Verdict::updates;
  if (asked.ended && asked.image == planned.to) planned.why = "tried again: " + asked.outcome;
}

void note(PlannedHost& planned, const std::string& text) {
  planned.why += (planned.why.empty() ? "" : "; ") + text;
}

}  // namespace

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::updates:
      return "updates";
    case Verdict::goes_on:
      return "asked";
    case Verdict::current:
      return "current";
    case Verdict::waits:
      return "waits";
    case Verdict::refused:
      return "refused";
  }
  return "";
}

std::vector<PlannedHost> plan_update(const UpdateFacts& facts, const UpdateWish& wish) {
  const Newest newest(facts.os_resources);
  const Calendar calendar(facts.schedules);
  std::vector<PlannedHost> all;
  if (!facts.hosts.is_array()) return all;
  for (const auto& host : facts.hosts) {
    PlannedHost planned;
    planned.host_id = text_at(host, "resourceId");
    planned.instance_id = text_at(host, "instance.resourceId");
    planned.name = text_at(host, "name");
    planned.from = text_at(host, "instance.node.osImageId");
    planned.links = wish.policy && wish.site_id.empty() && wish.region_id.empty();
    const auto applied = applied_then(host, wish);
    planned.policy = text_at(applied.policy, "name");
    if (!planned.policy.empty() && !applied.from.empty()) planned.policy += " (" + applied.from + ")";
    judge(planned, host, applied, newest, wish);
    if (planned.verdict == Verdict::updates || planned.verdict == Verdict::goes_on) {
      planned.window = calendar.window(targets_of(host), wish.window, wish.now_seconds);
      if (!planned.window) {
        planned.verdict = Verdict::waits;
        note(planned, wish.window ? "blackouts cover the window" : "no window is scheduled: give --now or --at");
      }
      if (text_at(host, "instance.node.paused") == "true") note(planned, "is paused: abidectl resume host " + planned.name);
      if (text_at(host, "instance.node.online") == "false") note(planned, "is not connected: once it is back");
    }
    all.push_back(std::move(planned));
  }
  return all;
}

}  // namespace abide::ctl
