#pragma once
// Keys of a store that the owners of the rows keep to themselves, as far as a history needs them.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/store/base.hpp"
#include "common/store/store.hpp"

namespace abide::replay {

inline constexpr std::string_view agent_prefix = "node/";
inline constexpr std::string_view agent_owner_key = "node/m/owner";  // project, line end, UUID

// Only in what was exported: the event's secret was left out, so its chain cannot be computed from it (docs/export-format.md).
// Without a sequence: the prefix of all of them.
inline std::string secretless_key(const std::string& prefix, std::optional<std::uint64_t> sequence) {
  return prefix + "m/without-secret/" + (sequence ? big_endian(*sequence) : "");
}

}  // namespace abide::replay
