#pragma once
// The document: the whole desired state of one node, under one number that only grows (docs/wire.md).
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/core/ids.hpp"

namespace abide {

struct Artifact {
  Digest sha256;
  std::uint64_t size = 0;  // bytes; 0: not told

  friend bool operator==(const Artifact&, const Artifact&) = default;
};

// What a node needs to know to stage an OS image. `manifest` is told by digest here, the bytes are beside it.
struct Release {
  std::string os_resource_id;
  std::string profile_name;
  std::string os_image_id;     // version, "3.0.20260602.2200"
  std::string architecture;
  Artifact artifact;           // the file at the URLs, maybe compressed
  Artifact raw;                // what must stand in the slot; equals `artifact` for an uncompressed image
  std::vector<std::string> urls;  // absolute, tried in order
  std::string policy_id;
  Digest manifest;

  friend bool operator==(const Release&, const Release&) = default;
};

// What a policy asks of a node.
struct LinkedRelease {
  Number offer;  // number of the document that first asked for it
  Release release;
  bool allow_downgrade = false;
  bool paused = false;
  bool aborted = false;
  bool allow_profile_change = false;

  friend bool operator==(const LinkedRelease&, const LinkedRelease&) = default;
};

struct Window {
  std::string id;                    // of the schedule
  std::int64_t opens_at_ms = 0;      // wall clock, ms since 1970 UTC
  std::int64_t closes_at_ms = 0;     // 0: open-ended

  friend bool operator==(const Window&, const Window&) = default;
};

// The part of a document that its digest and tag cover. Travels as bytes inside Document, and is never re-encoded.
struct DocumentBody {
  std::optional<LinkedRelease> link;
  std::optional<Window> window;
  std::string manifest;   // the bytes that the release service published; empty without link
  std::string signature;  // detached, over `manifest`; empty: none

  friend bool operator==(const DocumentBody&, const DocumentBody&) = default;
};

// As it travels.
struct Document {
  Number number;
  Digest tag;         // HMAC by the orchestrator's key
  std::string body;   // encoded DocumentBody

  friend bool operator==(const Document&, const Document&) = default;
};

// What has changed, and so the topic; the node does not care.
enum class DocumentTopic : std::uint8_t { policy_linked = 0, window_scheduled = 1, window_opened = 2 };

inline constexpr std::size_t manifest_bytes_max = 256 * 1024;
inline constexpr std::size_t urls_max = 16;

}  // namespace abide
