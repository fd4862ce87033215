#pragma once
// Semantic versions (semver.org 2.0.0): of packages of profiles, and of the orchestrator itself. Versions of OS images are
// another kind: version.hpp.
#include <compare>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"

namespace abide {

inline constexpr std::size_t semver_bytes_max = 256;

struct Semver {
  std::string major, minor, patch;      // decimal digits of any number, no leading zeros
  std::vector<std::string> prerelease;  // the parts after '-'
  std::string build;                    // after '+'; does not count

  [[nodiscard]] bool is_prerelease() const { return !prerelease.empty(); }
};

// invalid_input: not MAJOR.MINOR.PATCH[-PRERELEASE][+BUILD]; "v1.0.0", "1.0" and "01.0.0" are none.
Result<Semver> parse_semver(std::string_view text);

// By section 11: a pre-release is less than its release; build data do not count.
std::weak_ordering compare(const Semver& left, const Semver& right);

// ~X.Y.Z: the same major and minor, and not less. Pre-releases are in it only where the range names one itself.
struct TildeRange {
  Semver least;
};
Result<TildeRange> parse_tilde_range(std::string_view text);
bool contains(const TildeRange& range, const Semver& version);

}  // namespace abide
