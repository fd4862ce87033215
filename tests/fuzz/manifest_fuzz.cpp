// Any bytes as a profile's manifest.
#include <string_view>

#include "common/release/manifest.hpp"
#include "tests/fuzz/require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace abide;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Result<Manifest> manifest = parse_manifest(bytes);
  if (!manifest) {
    fuzz::require(!manifest.error().message.empty() && manifest.error().code == Code::invalid_input, "a refusal says why");
    return 0;
  }
  fuzz::require(!manifest->profile_name.empty() && manifest->profile_name.size() <= profile_name_bytes_max, "a profile has a name");
  fuzz::require(!manifest->image_version.empty() && manifest->image_sha256, "an image has version and digest");
  fuzz::require(manifest->metadata.size() <= 500, "metadata fits the REST contract");
  Release release;
  release.profile_name = manifest->profile_name;
  release.os_image_id = manifest->image_version;
  release.architecture = manifest->architecture;
  release.artifact = {manifest->image_sha256, manifest->image_size};
  release.raw = {manifest->raw_sha256, manifest->raw_size};
  fuzz::require(check_release(release, *manifest).has_value(), "a release made from a manifest agrees with it");
  return 0;
}
