#include "orchestrator/policy_manager/policy_manager.hpp"

#include <compare>

#include "common/core/version.hpp"

namespace abide::policy_manager {
namespace {

constexpr std::string_view immutable = "OS_TYPE_IMMUTABLE";

Resolution ask(const OsResource& resource) {
  return {&resource, {}, {}};
}
Resolution fault(std::string why) {
  return {nullptr, std::move(why), {}};
}
Resolution nothing(std::string why) {
  return {nullptr, {}, std::move(why)};
}

// What a node writes is read back and must have a digest that its release names.
bool can_be_verified(const OsResource& resource) {
  return static_cast<bool>(resource.raw.sha256);
}
constexpr std::string_view unverified = ", and a node writes nothing that it cannot verify";

Resolution resolve_target(const Policy& policy, const Identity& running, const OsResource* target) {
  if (target == nullptr) return fault("its target " + policy.target_os_id + " does not exist");
  const std::string name = target->profile_name + " " + target->image_id;
  if (target->os_type != immutable) return fault("its target " + name + " is no immutable OS");
  const bool other_profile = target->profile_name != running.profile_name;
  if (other_profile && !policy.allow_profile_change)
    return fault("its target is profile " + target->profile_name + ", the node runs profile " + running.profile_name);
  if (target->architecture != running.architecture)
    return fault("its target is for " + target->architecture + ", the node is " + running.architecture);
  if (!can_be_verified(*target)) {
    if (!other_profile && target->image_id == running.os_image_id) return nothing("it runs " + target->image_id + " already");
    return fault("its target " + name + " has no osRawSha256 in its profile" + std::string(unverified));
  }
  // Versions of two profiles say nothing of each other.
  if (other_profile || policy.allow_downgrade || target->image_id == running.os_image_id) return ask(*target);
  const auto order = compare_versions(target->image_id, running.os_image_id);
  if (!order) return fault("its target " + target->image_id + " cannot be compared with " + running.os_image_id + ", which runs");
  if (*order < 0)
    return fault("its target " + target->image_id + " is older than " + running.os_image_id + ", which runs, and it allows no downgrade");
  return ask(*target);
}

Resolution resolve_latest(const Identity& running, const OsResource* newest) {
  if (newest == nullptr) return nothing("no image of profile " + running.profile_name + " for " + running.architecture + " is known");
  const auto order = compare_versions(newest->image_id, running.os_image_id);
  if (!order) return fault("the newest image " + newest->image_id + " cannot be compared with " + running.os_image_id + ", which runs");
  if (*order <= 0) return nothing("nothing is newer than " + running.os_image_id + ", which runs");
  if (!can_be_verified(*newest))
    return fault("the newest image " + newest->image_id + " has no osRawSha256 in its profile" + std::string(unverified));
  return ask(*newest);
}

}  // namespace

Result<void> check_new(const Policy& policy, const OsResource* target) {
  switch (policy.update_policy) {
    case UpdatePolicy::latest:
      if (!policy.target_os_id.empty() || policy.allow_downgrade || policy.allow_profile_change)
        return fail(Code::invalid_input, "With Policy LATEST, no fields should be set");
      return {};
    case UpdatePolicy::target:
      if (policy.target_os_id.empty()) return fail(Code::invalid_input, "Fields for mutable and immutable OSes are mutually exclusive");
      if (target == nullptr) return fail(Code::not_found, "no OS resource " + policy.target_os_id);
      if (target->os_type != immutable)
        return fail(Code::invalid_input, "OS resource " + target->id + " is not immutable: " + target->os_type);
      return {};
  }
  return fail(Code::invalid_input, "OS Update Policy type cannot be unspecified");
}

Result<void> check_delete(const Policy& policy, std::size_t instances, std::size_t places) {
  if (instances == 0 && places == 0) return {};
  const auto counted = [](std::size_t count, std::string_view what) {
    return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
  };
  std::string to = instances == 0 ? "" : counted(instances, "instance");
  if (places != 0) to += (to.empty() ? "" : " and ") + counted(places, "place");
  return fail(Code::conflict, "policy " + policy.id + " is linked to " + to);
}

Resolution resolve(const Policy& policy, const Identity& running, const OsResource* target, const OsResource* newest) {
  if (running.profile_name.empty()) return fault("the node has not told yet what it runs");
  return policy.update_policy == UpdatePolicy::target ? resolve_target(policy, running, target) : resolve_latest(running, newest);
}

LinkDecision link(bool same, const Present& present, const Resolution& resolution) {
  if (same && present.asked && !present.ended) {
    if (present.aborted) return {false, false, "nothing to change: the abort is not yet confirmed by the node"};
    return {false, false, "nothing to change: image " + present.os_image_id + " is asked for already and has no outcome yet"};
  }
  if (resolution.resource != nullptr) return {true, false, {}};
  // A retry of what cannot be asked leaves the ended link where it is; another policy takes it back.
  const std::string& why = resolution.fault.empty() ? resolution.nothing : resolution.fault;
  return {false, !same && present.asked, "nothing is asked of the node: " + why};
}

bool ask_by_itself(const Policy& policy, const Present& present, const Resolution& resolution) {
  if (resolution.resource == nullptr) return false;
  if (!present.asked) return true;
  if (present.moved && !present.ended && !present.aborted) return true;
  if (policy.update_policy != UpdatePolicy::latest) return false;
  const auto order = compare_versions(resolution.resource->image_id, present.os_image_id);
  return order && *order > 0;
}

}  // namespace abide::policy_manager
