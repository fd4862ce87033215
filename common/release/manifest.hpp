#pragma once
// A profile's manifest: YAML as the release service publishes it. The one parser that orchestrator and node share.
#include <cstdint>
#include <string>
#include <string_view>

#include "common/core/ids.hpp"
#include "common/core/result.hpp"
#include "common/events/document.hpp"

namespace abide {

struct Manifest {
  std::string name;
  std::string type;  // OS_TYPE_IMMUTABLE, ...
  std::string provider;
  std::string architecture;
  std::string profile_name;
  std::string image_url;
  std::string image_version;
  Digest image_sha256;           // of the artifact
  std::uint64_t image_size = 0;  // osImageSize; 0: not told
  Digest raw_sha256;             // osRawSha256; for an uncompressed .raw the artifact's
  std::uint64_t raw_size = 0;
  std::string package_manifest_url;
  std::string existing_cves_url;
  std::string fixed_cves_url;
  std::string security_feature;
  std::string description;
  std::string min_orchestrator_version;  // semantic versions, both inclusive; empty: any
  std::string max_orchestrator_version;
  std::string metadata;         // compact JSON object of texts, keys sorted; empty where there is none
  std::string platform_bundle;  // compact JSON, or empty
};

// invalid_input, with the key that is wrong: not YAML, too large, a key missing, a name or number out of its range
// (lengths and patterns of the REST contract), an unknown type, provider or security feature.
Result<Manifest> parse_manifest(std::string_view yaml);

// Whether an orchestrator of this version may use the manifest, by minOrchestratorVersion and maxOrchestratorVersion.
// conflict says which of the two it is not; a pre-release is less than its release.
Result<void> check_orchestrator(const Manifest& manifest, std::string_view orchestrator_version);

// Whether a link's release says what its manifest says. invalid_input names the first difference.
Result<void> check_release(const Release& release, const Manifest& manifest);

bool is_compressed_image(std::string_view image_url);  // .gz, .xz, .zst, .bz2

}  // namespace abide
