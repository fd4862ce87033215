#pragma once
// A history to go on from: what an orchestrator, or an agent, has left behind (an exported file, docs/export-format.md), as
// disks and hardware of a world. Each node gets the journal that the orchestrator has stored of it, and the slots that its
// events speak of, as if power had been cut at its last event; a node whose journal is not there from its first event on
// comes back re-imaged. Its images are as good as they proved to be. Secrets are drawn anew.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/core/ids.hpp"
#include "common/core/result.hpp"
#include "common/store/memory_store.hpp"
#include "simulators/world/image.hpp"

namespace abide::sim {

struct PastNode {
  NodeId id;
  std::optional<MemoryStore::Content> disk;  // of the agent; none: re-imaged
  std::array<std::string, 2> slots;          // version in it; empty: nothing whole
  Slot running = Slot::a;                    // that was confirmed, and is the default
  std::optional<Slot> one_shot;
  bool came_up = false;
  std::uint64_t boots = 0;  // boot ids from here on are new ones
};

struct Past {
  std::int64_t now_ms = 0;                      // right after its last event
  std::optional<MemoryStore::Content> control;  // the orchestrator's disk; none: only a node's history is known
  std::vector<PastNode> nodes;
  std::vector<Image> images;
};

inline constexpr std::size_t past_nodes_max = 1'000;

// `rows`: of an exported file. `project`: which of an orchestrator's; empty: the only one. invalid_input: there are several,
// or none; too many nodes. corrupt: an event that cannot be read, or does not fold.
Result<Past> past_of(const MemoryStore::Content& rows, const std::string& project);

}  // namespace abide::sim
