// index.json of a release service: every entry that is taken names a path below the root, and a digest.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "orchestrator/discovery/source.hpp"
#include "tests/fuzz/require.hpp"

using namespace abide;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto index = discovery::parse_index(std::string_view(reinterpret_cast<const char*>(data), size), "http://releases.example");
  if (!index) return 0;
  for (const auto& entry : index->entries) {
    require(is_safe_relative_path(entry.path), "a path below the root");
    require(static_cast<bool>(entry.expected.sha256), "a digest");
    require(absolute_url("http://h", entry.path).starts_with("http://h/"), "a URL below the root");
  }
  return 0;
}
