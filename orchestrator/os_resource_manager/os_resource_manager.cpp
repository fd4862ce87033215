#include "orchestrator/os_resource_manager/os_resource_manager.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace abide::os_resource_manager {
namespace {

using ReleaseKey = std::pair<std::string, std::string>;  // profile, version

// Empty: the same image. Manifests may differ in words; the bytes of the image may not. A size that is not told says nothing.
std::string difference(const OsResource& known, const OsResource& found) {
  const std::string again = found.profile_name + " " + found.image_id + " came again with ";
  const auto digests = [&](const char* what, const Digest& now, const Digest& before) {
    return again + what + to_hex(now) + ", known is " + to_hex(before);
  };
  const auto sizes = [&](const char* what, std::uint64_t now, std::uint64_t before) {
    return again + what + std::to_string(now) + " bytes, known are " + std::to_string(before);
  };
  const auto differ = [](std::uint64_t now, std::uint64_t before) { return now != 0 && before != 0 && now != before; };
  if (known.artifact.sha256 != found.artifact.sha256) return digests("another digest: ", found.artifact.sha256, known.artifact.sha256);
  if (known.raw.sha256 != found.raw.sha256) {
    if (!known.raw.sha256)
      return again + "osRawSha256 " + to_hex(found.raw.sha256) + ", known has none: delete its OS resource, and it is taken as it is now";
    if (!found.raw.sha256) return again + "no osRawSha256, known is " + to_hex(known.raw.sha256);
    return digests("another raw digest: ", found.raw.sha256, known.raw.sha256);
  }
  if (differ(found.artifact.size, known.artifact.size)) return sizes("the same digest and ", found.artifact.size, known.artifact.size);
  if (differ(found.raw.size, known.raw.size)) return sizes("the same raw digest and ", found.raw.size, known.raw.size);
  return {};
}

bool same_addresses(const OsResource& known, const OsResource& found) {
  return known.image_url == found.image_url && known.urls == found.urls && known.package_manifest_url == found.package_manifest_url &&
         known.existing_cves_url == found.existing_cves_url && known.fixed_cves_url == found.fixed_cves_url;
}

class Judge {
 public:
  explicit Judge(const Lookup& known) : known_(known) {}

  void take(const Found& one) {
    const OsResource& resource = *one.resource;
    if (resource.profile_name.empty() || resource.image_id.empty()) return listed(one.source, "a manifest without profile or version");
    const ReleaseKey key{resource.profile_name, resource.image_id};
    const auto* before = known_(key.first, key.second);
    if (before == nullptr) return take_new(one, key);
    const auto difference_is = difference(*before, resource);
    listed(one.source, difference_is);
    if (!difference_is.empty() || before->manifest.empty()) return;  // what was made by hand is its maker's
    auto& move = moves_.try_emplace(key, Move{one.source, before, one.resource}).first->second;
    if (same_addresses(*before, resource)) move.resource = nullptr;
  }
  void listed(const std::string& source, const std::string& error) {
    auto& present = errors_[source];
    if (present.empty()) present = error;
  }
  // It fails, and nobody says how.
  void untold(const std::string& source) {
    if (const auto at = errors_.find(source); at != errors_.end() && at->second.empty()) errors_.erase(at);
  }
  [[nodiscard]] bool lists(const std::string& source) const { return errors_.contains(source); }

  // New resources, then those that have moved, then the entries by name.
  std::vector<Finding> finish(bool complete, const std::map<std::string, std::string>& failing) && {
    if (complete) {
      for (const auto& [key, move] : moves_)
        if (move.resource != nullptr) findings_.emplace_back(move);
    }
    for (const auto& [source, error] : errors_) {
      const auto before = failing.find(source);
      const bool failed = before != failing.end() && !before->second.empty();
      if (!error.empty() && (!failed || before->second != error)) findings_.emplace_back(SourceFailed{source, error});
      if (error.empty() && failed) findings_.emplace_back(SourceRecovered{source, false});
    }
    return std::move(findings_);
  }

 private:
  void take_new(const Found& one, const ReleaseKey& key) {
    const auto [place, fresh] = in_pass_.emplace(key, &one);
    if (fresh) {
      if (in_pass_.size() <= created_per_pass_max) findings_.emplace_back(Create{one.source, one.resource});
      return listed(one.source, {});
    }
    const auto difference_is = difference(*place->second->resource, *one.resource);
    listed(one.source, difference_is.empty() ? "" : difference_is + ", in " + place->second->source + "; that one stays");
  }

  const Lookup& known_;
  std::vector<Finding> findings_;
  std::map<std::string, std::string> errors_;  // by source that this pass lists; empty: fine
  std::map<ReleaseKey, const Found*> in_pass_;
  std::map<ReleaseKey, Move> moves_;  // without resource: it is still where it was
};

}  // namespace

bool lies_in(std::string_view entry, std::string_view place) {
  if (!entry.starts_with(place)) return false;
  if (entry.size() == place.size() || place.ends_with('/')) return true;
  const char next = entry[place.size()];
  return next == '/' || next == ':' || next == '#';
}

std::vector<Finding> judge(const std::vector<Found>& found, const std::vector<Failure>& failures, const Reach& reach, const Lookup& known,
                           const std::map<std::string, std::string>& failing) {
  Judge judge(known);
  for (const auto& one : found) judge.take(one);
  for (const auto& [source, error] : failures) judge.listed(source, error.empty() ? "failed" : error);
  const std::set<std::string> untold(reach.untold.begin(), reach.untold.end());
  for (const auto& source : untold) judge.untold(source);
  const std::set<std::string> fine(reach.fine.begin(), reach.fine.end());
  std::vector<std::string> gone;
  const auto in_one_of = [](const std::vector<std::string>& places, const std::string& entry) {
    return std::any_of(places.begin(), places.end(), [&](const auto& place) { return lies_in(entry, place); });
  };
  for (const auto& [source, error] : failing) {
    if (error.empty() || judge.lists(source) || untold.contains(source)) continue;
    if (fine.contains(source)) {
      judge.listed(source, {});
    } else if (!in_one_of(reach.unread, source) && (reach.unread.empty() || in_one_of(reach.whole, source))) {
      gone.push_back(source);
    }
  }
  auto findings = std::move(judge).finish(reach.complete, failing);
  for (auto& source : gone) findings.emplace_back(SourceRecovered{std::move(source), true});
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
