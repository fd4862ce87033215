#pragma once
// What this node runs, read from the running slot: its header, and the digest of exactly the image's bytes.
#include <string>
#include <string_view>

#include "common/core/result.hpp"
#include "common/events/node_events.hpp"

namespace abide::agent {

// Reads the whole image past the page cache: seconds for a large one. corrupt: the slot has no header, or is shorter
// than its header says; not_found; unavailable. Any thread.
Result<Identity> measure(const std::string& slot_path, std::string_view agent_version);

}  // namespace abide::agent
