#pragma once
// Versions of OS images: numbers between dots, compared part by part as numbers of any length; a missing part is less
// than any. 3.0.20260602.0732 < 3.0.20260602.2200; 3.0.20260602 < 3.0.20260602.0000.
#include <compare>
#include <optional>
#include <string_view>

namespace abide {

// Nothing where either is not a version: 1 to 8 parts, each of decimal digits only.
std::optional<std::strong_ordering> compare_versions(std::string_view left, std::string_view right);
bool is_version(std::string_view text);

}  // namespace abide
