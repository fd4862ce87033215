#pragma once
// A release service as a folder: images, manifests, index.json. Each file is replaced as a whole and the index comes
// last, so that a reader finds a release either complete or not at all.
#include <string>

#include "common/core/ids.hpp"
#include "common/core/result.hpp"

namespace abide::image {

// What a manifest says beside what the image says of itself.
struct ManifestWords {
  std::string name;  // empty: "<profile> <version>"
  std::string description;
  std::string type = "OS_TYPE_IMMUTABLE";
  std::string provider = "OS_PROVIDER_KIND_INFRA";
  std::string security_feature = "SECURITY_FEATURE_NONE";
  std::string image_url;  // osImageUrl; empty: images/<profile>/<profile>-<version>.raw
};

// The manifest of the image at `image_path`, with its digest and sizes. invalid_input, or what reading it gives.
Result<std::string> write_manifest(const std::string& image_path, const ManifestWords& words);

struct Published {
  std::string image;  // paths below the root
  std::string manifest;
  Digest manifest_sha256;
};

// conflict: this profile and version is published already, with another manifest, and `replace` was not asked for.
Result<Published> publish(const std::string& root, const std::string& image_path, const ManifestWords& words, bool replace);

}  // namespace abide::image
