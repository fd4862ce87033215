#include "simulators/world/image.hpp"

#include "common/core/hash.hpp"

namespace abide::sim {

Digest Image::raw() const {
  if (known) return known->raw.sha256;
  return sha256("bytes of " + profile + " " + version);
}

Digest Image::promised() const {
  if (known) return known->raw.sha256;
  return nature == Nature::wrong_digest ? sha256("promise of " + profile + " " + version) : raw();
}

OsResource Image::resource() const {
  if (known) return *known;
  OsResource resource;
  resource.name = "Microvisor " + profile + " " + version;
  resource.architecture = architecture;
  resource.image_url = "images/" + profile + "-" + version + ".raw";
  resource.image_id = version;
  resource.artifact = {promised(), bytes};
  resource.raw = resource.artifact;
  resource.profile_name = profile;
  resource.os_type = "OS_TYPE_IMMUTABLE";
  resource.os_provider = "OS_PROVIDER_KIND_INFRA";
  resource.urls = {"http://releases/" + resource.image_url};
  return resource;
}

std::string_view to_string(Image::Nature nature) {
  switch (nature) {
    case Image::Nature::good:
      return "good";
    case Image::Nature::unhealthy:
      return "unhealthy";
    case Image::Nature::late_unhealthy:
      return "late-unhealthy";
    case Image::Nature::silent:
      return "silent";
    case Image::Nature::dead:
      return "dead";
    case Image::Nature::hung:
      return "hung";
    case Image::Nature::restless:
      return "restless";
    case Image::Nature::wrong_digest:
      return "wrong-digest";
    case Image::Nature::unreachable:
      return "unreachable";
    case Image::Nature::too_large:
      return "too-large";
  }
  return "";
}

Image base_image() {
  Image image;
  image.version = base_version;
  image.bytes = 800'000'000;
  return image;
}

}  // namespace abide::sim
