#pragma once
// An OS image of the simulated release service, and how it behaves on the simulated hardware.
#include <cstdint>
#include <optional>
#include <string>

#include "common/core/ids.hpp"
#include "common/events/orchestrator_events.hpp"

namespace abide::sim {

struct Image {
  std::string version;  // "3.0.20260101.0417": os_image_id
  std::string profile = "nonrt";
  std::string architecture = "x86_64";
  std::uint64_t bytes = 0;
  enum class Nature : std::uint8_t {
    good,
    unhealthy,       // a health check says no at once
    late_unhealthy,  // ... shortly before the deadline
    silent,          // no verdict in time
    dead,            // does not come up: the loader falls back
    hung,            // comes up; the watchdog resets it before the agent starts
    restless,        // restarts by itself in each trial
    wrong_digest,    // its bytes are not what the manifest says
    unreachable,     // cannot be downloaded
    too_large,       // for a slot
  } nature = Nature::good;

  std::optional<OsResource> known;  // of a history that is gone on from: published so

  [[nodiscard]] Digest raw() const;           // of its bytes, as a slot that holds it reads back
  [[nodiscard]] Digest promised() const;      // what the manifest says
  [[nodiscard]] OsResource resource() const;  // as discovery finds it
};
std::string_view to_string(Image::Nature nature);

// What every machine runs at first.
inline constexpr const char* base_version = "3.0.20260101.0000";
Image base_image();

}  // namespace abide::sim
