// Package manifests and CVE lists: the compact text says the same, and is taken again unchanged.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "orchestrator/discovery/lists.hpp"
#include "tests/fuzz/require.hpp"

using namespace abide;
using namespace abide::discovery;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  for (const auto kind : {ListKind::packages, ListKind::cves}) {
    const auto text = compact_list(kind, json);
    if (!text) continue;
    require(text->size() <= list_text_bytes_max, "a limit");
    const auto again = compact_list(kind, *text);
    require(again && *again == *text, "compact as it is");
    require(nlohmann::ordered_json::parse(json, nullptr, false) == nlohmann::ordered_json::parse(*text, nullptr, false), "the same values");
  }
  return 0;
}
