// Any bytes as the manifest of an OCI artifact: what is taken has a layer that may be asked for.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/release/manifest.hpp"
#include "orchestrator/discovery/oci.hpp"
#include "tests/fuzz/require.hpp"

using namespace abide;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto type : {std::string_view(), discovery::oci_manifest_type}) {
    const auto layer = discovery::parse_oci_manifest(text, type);
    if (!layer) {
      require(!layer.error().message.empty() && layer.error().message.size() < 1000, "a refusal says why, in a line");
      continue;
    }
    require(static_cast<bool>(layer->digest) && layer->size > 0 && layer->size <= manifest_bytes_max && !layer->title.empty(),
            "a whole layer");
  }
  return 0;
}
