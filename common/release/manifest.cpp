#include "common/release/manifest.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>

#include "common/core/semver.hpp"
#include "common/release/yaml_tree.hpp"

namespace abide {
namespace {

// Lengths and characters are those of the REST contract, so that every profile that is read can be shown.
constexpr std::string_view letters_and_digits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
constexpr std::string_view name_characters = "-_./: ()";
constexpr std::string_view wide_characters = "-_./:;=@?!#,<>*()\" ";
constexpr std::string_view url_characters = "-_./:;=@?!#,<>*()\"\\ ";
constexpr std::string_view link_characters = "-_./:;=@?!#,<>*()~%&+$'";
constexpr std::string_view semver_characters = "-.+";
constexpr std::string_view description_characters = "-_.:;=@?!#,<>*(){}&%$`^+ ";

constexpr std::size_t json_bytes_max = 500;
constexpr std::size_t platform_bundle_bytes_max = 10'000;
constexpr std::size_t shown_bytes_max = 80;  // of a wrong value, in an error

constexpr std::array<std::string_view, 2> types = {"OS_TYPE_MUTABLE", "OS_TYPE_IMMUTABLE"};
constexpr std::array<std::string_view, 2> providers = {"OS_PROVIDER_KIND_INFRA", "OS_PROVIDER_KIND_LENOVO"};
constexpr std::array<std::string_view, 2> security_features = {"SECURITY_FEATURE_NONE",
                                                               "SECURITY_FEATURE_SECURE_BOOT_AND_FULL_DISK_ENCRYPTION"};

std::string shown(std::string_view value) {
  std::string text;
  for (const char c : value.substr(0, shown_bytes_max)) text += (c >= ' ' && c <= '~') ? c : '?';
  return value.size() > shown_bytes_max ? text + "..." : text;
}

Unexpected wrong(std::string_view key, int line, std::string_view what) {
  return fail(Code::invalid_input,
              line > 0 ? fmt::format("spec.{} (line {}): {}", key, line, what) : fmt::format("spec.{}: {}", key, what));
}

// Reads the texts of one map and remembers the first thing that was wrong, so that a manifest is read in a straight line.
class FieldReader {
 public:
  explicit FieldReader(const YamlNode& spec) : spec_(spec) {}

  std::string text(std::string_view key, bool required, std::size_t bytes_max, std::string_view characters) {
    const YamlNode* node = spec_.find(key);
    const int line = node != nullptr ? node->line : 0;
    if (node != nullptr && node->kind != YamlNode::Kind::null && node->kind != YamlNode::Kind::text) {
      note(wrong(key, line, "must be a text"));
      return {};
    }
    if (node == nullptr || node->text.empty()) {
      if (required) note(wrong(key, line, node == nullptr ? "is missing" : "is empty"));
      return {};
    }
    if (node->text.size() > bytes_max) {
      note(wrong(key, line, fmt::format("is longer than {} bytes", bytes_max)));
      return {};
    }
    const auto allowed = [&](char c) {
      return letters_and_digits.find(c) != std::string_view::npos || characters.find(c) != std::string_view::npos;
    };
    if (!std::all_of(node->text.begin(), node->text.end(), allowed)) {
      note(wrong(key, line, fmt::format("has characters that are not allowed: \"{}\"", shown(node->text))));
      return {};
    }
    return node->text;
  }

  template <std::size_t n>
  std::string one_of(std::string_view key, const std::array<std::string_view, n>& values) {
    const std::string value = text(key, true, 128, wide_characters);
    if (!value.empty() && std::find(values.begin(), values.end(), value) == values.end()) {
      note(wrong(key, line_of(key), fmt::format("\"{}\" is none of {}", shown(value), fmt::join(values, ", "))));
    }
    return value;
  }

  Digest digest(std::string_view key, bool required) {
    const std::string value = text(key, required, 64, {});
    if (value.empty()) return {};
    const bool lower = std::all_of(value.begin(), value.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    const Result<Digest> digest = parse_digest(value);
    if (!lower || !digest || !*digest) {
      note(wrong(key, line_of(key), "is not 64 hex digits in lower case"));
      return {};
    }
    return *digest;
  }

  std::uint64_t size(std::string_view key) {
    const std::string value = text(key, false, 20, {});
    if (value.empty()) return 0;
    std::uint64_t bytes = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), bytes);
    if (error != std::errc{} || end != value.data() + value.size() || bytes == 0 || bytes > image_bytes_max) {
      note(wrong(key, line_of(key), fmt::format("\"{}\" is not a number of bytes between 1 and {}", shown(value), image_bytes_max)));
      return 0;
    }
    return bytes;
  }

  std::string semantic_version(std::string_view key) {
    const std::string value = text(key, false, semver_bytes_max, semver_characters);
    if (const auto version = value.empty() ? Result<Semver>(Semver{}) : parse_semver(value); !version)
      note(wrong(key, line_of(key), fmt::format("\"{}\" {}", shown(value), version.error().message)));
    return value;
  }

  void note(Unexpected problem) {
    if (!problem_) problem_ = std::move(problem.error);
  }
  [[nodiscard]] int line_of(std::string_view key) const {
    const YamlNode* node = spec_.find(key);
    return node != nullptr ? node->line : 0;
  }
  [[nodiscard]] const std::optional<Error>& problem() const { return problem_; }

 private:
  static constexpr std::uint64_t image_bytes_max = std::uint64_t{1} << 50;

  const YamlNode& spec_;
  std::optional<Error> problem_;
};

nlohmann::json to_json(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::map) {
    nlohmann::json object = nlohmann::json::object();
    for (const auto& [key, value] : node.fields) object[key] = to_json(value);
    return object;
  }
  if (node.kind == YamlNode::Kind::sequence) {
    nlohmann::json array = nlohmann::json::array();
    for (const YamlNode& item : node.items) array.push_back(to_json(item));
    return array;
  }
  return node.text;
}

// A map as compact JSON with sorted keys; "" where it is missing or has nothing in it.
Result<std::string> compact_json(const YamlNode* map, std::string_view key, std::size_t bytes_max, bool flat) {
  if (map == nullptr || map->kind == YamlNode::Kind::null) return std::string{};
  if (map->kind == YamlNode::Kind::text && map->text.empty()) return std::string{};
  if (map->kind != YamlNode::Kind::map) return fail(Code::invalid_input, fmt::format("{} (line {}): must be a map", key, map->line));
  if (map->fields.empty()) return std::string{};
  for (const auto& [name, value] : map->fields) {
    if (flat && (value.kind == YamlNode::Kind::map || value.kind == YamlNode::Kind::sequence)) {
      return fail(Code::invalid_input, fmt::format("{}.{} (line {}): must be a text", key, shown(name), value.line));
    }
  }
  try {
    std::string json = to_json(*map).dump();
    if (json.size() > bytes_max) {
      return fail(Code::invalid_input, fmt::format("{} (line {}): is longer than {} bytes of JSON", key, map->line, bytes_max));
    }
    return json;
  } catch (const nlohmann::json::exception&) {
    return fail(Code::invalid_input, fmt::format("{} (line {}): is not UTF-8", key, map->line));
  }
}

std::string_view path_of_url(std::string_view url) {
  return url.substr(0, url.find_first_of("?#"));
}

bool ends_with_any_case(std::string_view text, std::string_view end) {
  if (text.size() < end.size()) return false;
  const std::string_view tail = text.substr(text.size() - end.size());
  return std::equal(tail.begin(), tail.end(), end.begin(), [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

bool climbs_out(std::string_view url) {
  const std::string_view path = path_of_url(url);
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (path.substr(begin, end - begin) == "..") return true;
    begin = end + 1;
  }
  return false;
}

// Of semantic versions; false where either is none.
bool is_less(std::string_view left, std::string_view right) {
  const auto a = parse_semver(left);
  const auto b = parse_semver(right);
  return a && b && compare(*a, *b) < 0;
}

// For an uncompressed image the artifact is what stands in the slot: what is told of one is true of the other.
void settle_raw_image(Manifest& manifest, FieldReader& fields) {
  if (!ends_with_any_case(path_of_url(manifest.image_url), ".raw")) return;
  if (manifest.raw_sha256 && manifest.raw_sha256 != manifest.image_sha256) {
    fields.note(wrong("osRawSha256", fields.line_of("osRawSha256"), "is not osImageSha256, though the image is not compressed"));
  }
  if (manifest.raw_size != 0 && manifest.image_size != 0 && manifest.raw_size != manifest.image_size) {
    fields.note(wrong("osRawSize", fields.line_of("osRawSize"), "is not osImageSize, though the image is not compressed"));
  }
  if (manifest.image_size == 0) manifest.image_size = manifest.raw_size;
  manifest.raw_size = manifest.image_size;
  manifest.raw_sha256 = manifest.image_sha256;
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view yaml) {
  if (yaml.size() > manifest_bytes_max)
    return fail(Code::invalid_input, fmt::format("manifest is longer than {} bytes", manifest_bytes_max));
  const Result<YamlNode> root = parse_yaml(yaml);
  if (!root) return fail(root.error().in("manifest"));
  if (root->kind != YamlNode::Kind::map) return fail(Code::invalid_input, "manifest: is not a map");
  const YamlNode* spec = root->find("spec");
  if (spec == nullptr || spec->kind != YamlNode::Kind::map) return fail(Code::invalid_input, "manifest: spec: is missing, or not a map");

  FieldReader fields(*spec);
  Manifest manifest;
  manifest.name = fields.text("name", true, 128, name_characters);
  manifest.type = fields.one_of("type", types);
  manifest.provider = fields.one_of("provider", providers);
  manifest.architecture = fields.text("architecture", true, 20, wide_characters);
  manifest.profile_name = fields.text("profileName", true, profile_name_bytes_max, wide_characters);
  manifest.image_url = fields.text("osImageUrl", true, 500, url_characters);
  manifest.image_version = fields.text("osImageVersion", true, 500, wide_characters);
  manifest.image_sha256 = fields.digest("osImageSha256", true);
  manifest.image_size = fields.size("osImageSize");
  manifest.raw_sha256 = fields.digest("osRawSha256", false);
  manifest.raw_size = fields.size("osRawSize");
  manifest.package_manifest_url = fields.text("osPackageManifestURL", false, 200, link_characters);
  manifest.existing_cves_url = fields.text("osExistingCvesURL", false, 500, link_characters);
  manifest.fixed_cves_url = fields.text("osFixedCvesURL", false, 500, link_characters);
  manifest.security_feature = fields.one_of("securityFeature", security_features);
  manifest.description = fields.text("description", false, 1000, description_characters);
  manifest.min_orchestrator_version = fields.semantic_version("minOrchestratorVersion");
  manifest.max_orchestrator_version = fields.semantic_version("maxOrchestratorVersion");
  if (is_less(manifest.max_orchestrator_version, manifest.min_orchestrator_version))
    fields.note(wrong("maxOrchestratorVersion", fields.line_of("maxOrchestratorVersion"), "is less than minOrchestratorVersion"));
  if (climbs_out(manifest.image_url)) fields.note(wrong("osImageUrl", fields.line_of("osImageUrl"), "has a part \"..\""));
  settle_raw_image(manifest, fields);
  if (fields.problem()) return fail(fields.problem()->in("manifest"));

  Result<std::string> metadata = compact_json(root->find("metadata"), "metadata", json_bytes_max, true);
  if (!metadata) return fail(metadata.error().in("manifest"));
  manifest.metadata = *std::move(metadata);
  Result<std::string> bundle = compact_json(spec->find("platformBundle"), "spec.platformBundle", platform_bundle_bytes_max, false);
  if (!bundle) return fail(bundle.error().in("manifest"));
  manifest.platform_bundle = *std::move(bundle);
  return manifest;
}

Result<void> check_orchestrator(const Manifest& manifest, std::string_view orchestrator_version) {
  const auto refused = [&](std::string_view key, std::string_view limit) {
    return fail(Code::conflict,
                fmt::format("is not for this orchestrator: its version is {}, {} is {}", shown(orchestrator_version), key, limit));
  };
  if (is_less(orchestrator_version, manifest.min_orchestrator_version))
    return refused("minOrchestratorVersion", manifest.min_orchestrator_version);
  if (is_less(manifest.max_orchestrator_version, orchestrator_version))
    return refused("maxOrchestratorVersion", manifest.max_orchestrator_version);
  return {};
}

Result<void> check_release(const Release& release, const Manifest& manifest) {
  const auto differs = [](std::string_view what, std::string_view link, std::string_view told) {
    return fail(Code::invalid_input, fmt::format("{} is \"{}\" in the link and \"{}\" in the manifest", what, shown(link), shown(told)));
  };
  const auto size_differs = [&](std::string_view what, std::uint64_t link, std::uint64_t told) {
    return differs(what, std::to_string(link), std::to_string(told));
  };
  if (release.profile_name != manifest.profile_name) return differs("profileName", release.profile_name, manifest.profile_name);
  if (release.os_image_id != manifest.image_version) return differs("osImageVersion", release.os_image_id, manifest.image_version);
  if (release.architecture != manifest.architecture) return differs("architecture", release.architecture, manifest.architecture);
  if (release.artifact.sha256 != manifest.image_sha256) {
    return differs("osImageSha256", to_hex(release.artifact.sha256), to_hex(manifest.image_sha256));
  }
  if (manifest.image_size != 0 && release.artifact.size != manifest.image_size) {
    return size_differs("osImageSize", release.artifact.size, manifest.image_size);
  }
  if (manifest.raw_sha256 && release.raw.sha256 != manifest.raw_sha256) {
    return differs("osRawSha256", to_hex(release.raw.sha256), to_hex(manifest.raw_sha256));
  }
  if (manifest.raw_size != 0 && release.raw.size != manifest.raw_size)
    return size_differs("osRawSize", release.raw.size, manifest.raw_size);
  return {};
}

bool is_compressed_image(std::string_view image_url) {
  const std::string_view path = path_of_url(image_url);
  constexpr std::array<std::string_view, 4> endings = {".gz", ".xz", ".zst", ".bz2"};
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return ends_with_any_case(path, ending); });
}

}  // namespace abide
