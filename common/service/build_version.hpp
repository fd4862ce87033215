#pragma once
// What this program was built from.
#include <string>
#include <string_view>

namespace abide {

std::string_view build_version();  // "0.1.0"
std::string_view build_commit();   // "v0.1.0-12-gabcdef0" or "abcdef0", "-dirty" where files differed; "unknown" outside a clone
std::string version_line(std::string_view program);  // "abide-agent 0.1.0 (abcdef0)"

}  // namespace abide
