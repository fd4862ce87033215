#include <nlohmann/json.hpp>

#include "common/core/hash.hpp"
#include "common/release/manifest.hpp"
#include "orchestrator/discovery/source.hpp"

namespace abide::discovery {

namespace {

std::string text_of(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Result<OsResource> resource_of(std::string_view manifest, const Expected& expected, const Rules& rules) {
  const std::string says = ", " + std::string(expected.by) + " says ";
  if (manifest.size() > manifest_bytes_max)
    return fail(Code::invalid_input, "larger than " + std::to_string(manifest_bytes_max) + " bytes");
  if (expected.sha256 && sha256(manifest) != expected.sha256)
    return fail(Code::corrupt, "SHA-256 is " + to_hex(sha256(manifest)) + says + to_hex(expected.sha256));
  auto parsed = parse_manifest(manifest);
  if (!parsed) return fail(parsed.error());
  if (!expected.profile_name.empty() && parsed->profile_name != expected.profile_name)
    return fail(Code::invalid_input, "profileName is " + parsed->profile_name + says + expected.profile_name);
  if (!expected.os_image_version.empty() && parsed->image_version != expected.os_image_version)
    return fail(Code::invalid_input, "osImageVersion is " + parsed->image_version + says + expected.os_image_version);
  if (!is_absolute_url(parsed->image_url) && !is_safe_relative_path(parsed->image_url))
    return fail(Code::invalid_input, "osImageUrl is no path below the release service: " + parsed->image_url);
  if (!rules.orchestrator_version.empty()) {
    if (auto fits = check_orchestrator(*parsed, rules.orchestrator_version); !fits) return fail(fits.error());
  }
  OsResource resource;
  resource.name = parsed->name;
  resource.architecture = parsed->architecture;
  resource.image_url = parsed->image_url;
  resource.image_id = parsed->image_version;
  resource.artifact = {parsed->image_sha256, parsed->image_size};
  resource.raw = {parsed->raw_sha256, parsed->raw_size};
  resource.profile_name = parsed->profile_name;
  resource.security_feature = parsed->security_feature;
  resource.os_type = parsed->type;
  resource.os_provider = parsed->provider;
  resource.description = parsed->description;
  resource.metadata = parsed->metadata;
  resource.platform_bundle = parsed->platform_bundle;
  resource.package_manifest_url = parsed->package_manifest_url;
  resource.existing_cves_url = parsed->existing_cves_url;
  resource.fixed_cves_url = parsed->fixed_cves_url;
  resource.manifest = std::string(manifest);
  resource.urls = {absolute_url(rules.files_root, parsed->image_url)};
  return resource;
}

Result<Index> parse_index(std::string_view json, const std::string& source) {
  const auto root = nlohmann::json::parse(json, nullptr, false);
  if (root.is_discarded() || !root.is_object()) return fail(Code::invalid_input, "index.json is not a JSON object");
  const auto profiles = root.find("profiles");
  if (profiles == root.end() || !profiles->is_array()) return fail(Code::invalid_input, "index.json has no list `profiles`");
  if (profiles->size() > entries_max)
    return fail(Code::invalid_input,
                "index.json has " + std::to_string(profiles->size()) + " entries, more than " + std::to_string(entries_max));
  Index index;
  std::size_t position = 0;
  for (const auto& item : *profiles) {
    const std::string place = source + "/index.json#" + std::to_string(position++);
    if (!item.is_object()) {
      index.failures.push_back({place, "the entry is not an object"});
      continue;
    }
    IndexEntry entry;
    entry.path = text_of(item, "manifest");
    entry.expected.profile_name = text_of(item, "profileName");
    entry.expected.os_image_version = text_of(item, "osImageVersion");
    if (!is_safe_relative_path(entry.path)) {
      index.failures.push_back({place, "`manifest` is no path below the release service"});
      continue;
    }
    const std::string name = source + "/" + entry.path;
    const auto digest = parse_digest(text_of(item, "sha256"));
    if (!digest || !*digest) {
      index.failures.push_back({name, "`sha256` is not 64 hex digits"});
    } else if (entry.expected.profile_name.empty() || entry.expected.os_image_version.empty()) {
      index.failures.push_back({name, "`profileName` or `osImageVersion` is missing"});
    } else {
      entry.expected.sha256 = *digest;
      index.entries.push_back(std::move(entry));
    }
  }
  return index;
}

}  // namespace abide::discovery
