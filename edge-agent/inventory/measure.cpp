#include "edge-agent/inventory/measure.hpp"

#include "common/release/image_header.hpp"
#include "common/store/durable_file.hpp"

namespace abide::agent {

Result<Identity> measure(const std::string& slot_path, std::string_view agent_version) {
  const Result<ImageHeader> header = read_image_header(slot_path);
  if (!header) return fail(header.error().in("measure"));
  const Result<Digest> digest = digest_of_slot(slot_path, header->raw_bytes);
  if (!digest) return fail(digest.error().in("measure"));
  Identity identity;
  identity.profile_name = header->profile_name;
  identity.os_image_id = header->os_image_id;
  identity.architecture = header->architecture;
  identity.digest = *digest;
  identity.agent_version = agent_version;
  return identity;
}

}  // namespace abide::agent
