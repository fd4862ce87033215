#include "orchestrator/os_resource_manager/os_resource_manager.hpp"

#include <utility>

namespace abide::os_resource_manager {
namespace {

// Empty: the same image. Manifests may differ in words; the bytes of the image may not.
std::string difference(const OsResource& known, const OsResource& found) {
  const std::string which = found.profile_name + " " + found.image_id;
  if (known.artifact.sha256 != found.artifact.sha256)
    return which + " came again with another digest: " + to_hex(found.artifact.sha256) + ", known is " + to_hex(known.artifact.sha256);
  if (known.raw.sha256 != found.raw.sha256)
    return which + " came again with another raw digest: " + to_hex(found.raw.sha256) + ", known is " + to_hex(known.raw.sha256);
  return {};
}

}  // namespace

std::vector<Finding> judge(const std::vector<Found>& found, const std::vector<Failure>& failures, const Lookup& known,
                           const std::map<std::string, std::string>& failing) {
  std::vector<Finding> findings;
  std::map<std::string, std::string> errors;  // by source that this pass lists; empty: fine
  std::map<std::pair<std::string, std::string>, const OsResource*> in_pass;
  const auto listed = [&](const std::string& source, const std::string& error) {
    auto& present = errors[source];
    if (present.empty()) present = error;
  };
  for (const auto& [source, resource] : found) {
    if (resource->profile_name.empty() || resource->image_id.empty()) {
      listed(source, "a manifest without profile or version");
      continue;
    }
    const auto* other = known(resource->profile_name, resource->image_id);
    if (other == nullptr) {
      const auto [place, fresh] = in_pass.emplace(std::pair{resource->profile_name, resource->image_id}, resource);
      if (fresh && in_pass.size() <= created_per_pass_max) findings.emplace_back(Create{source, resource});
      other = place->second;
    }
    listed(source, difference(*other, *resource));
  }
  for (const auto& [source, error] : failures) listed(source, error.empty() ? "failed" : error);
  for (const auto& [source, error] : errors) {
    const auto before = failing.find(source);
    const bool failed = before != failing.end() && !before->second.empty();
    if (!error.empty() && (!failed || before->second != error)) findings.emplace_back(SourceFailed{source, error});
    if (error.empty() && failed) findings.emplace_back(SourceRecovered{source});
  }
  if (!found.empty()) {
    for (const auto& [source, error] : failing)
      if (!error.empty() && !errors.contains(source)) findings.emplace_back(SourceRecovered{source});
  }
  return findings;
}

Result<void> check_new(const OsResource& resource, const OsResource* same_image, bool name_taken) {
  if (resource.os_type.empty() || resource.os_type == "OS_TYPE_UNSPECIFIED")
    return fail(Code::invalid_input, "osType cannot be unspecified");
  if (resource.os_provider.empty() || resource.os_provider == "OS_PROVIDER_KIND_UNSPECIFIED")
    return fail(Code::invalid_input, "osProvider cannot be unspecified");
  if (same_image != nullptr)
    return fail(Code::conflict, "OS resource " + same_image->id + " is " + resource.profile_name + " " + resource.image_id + " already");
  if (name_taken) return fail(Code::conflict, "an OS resource is named " + resource.name + " already");
  return {};
}

Result<void> check_edit(const OsResource& before, const OsResource& after, std::size_t running, std::size_t targeting) {
  if (after.architecture == before.architecture) return {};
  const std::string architecture = "the architecture of OS resource " + before.id;
  if (!before.manifest.empty()) return fail(Code::conflict, architecture + " is what its published manifest says");
  if (running != 0 || targeting != 0)
    return fail(Code::conflict, architecture + " cannot change while " + (running != 0 ? "an instance runs it" : "a policy targets it"));
  return {};
}

Result<void> check_delete(const OsResource& resource, std::size_t running, std::size_t targeting) {
  if (running != 0)
    return fail(Code::conflict,
                "OS resource " + resource.id + " runs on " + std::to_string(running) + (running == 1 ? " instance" : " instances"));
  if (targeting != 0)
    return fail(Code::conflict, "OS resource " + resource.id + " is the target of " + std::to_string(targeting) +
                                    (targeting == 1 ? " policy" : " policies"));
  return {};
}

}  // namespace abide::os_resource_manager
