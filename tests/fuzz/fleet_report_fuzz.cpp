// Any bytes as the report of an earlier run.
#include <cmath>

#include "simulators/node-fleet/report.hpp"
#include "tests/fuzz/require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace abide;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto earlier = node_fleet::parse_earlier(text);
  if (!earlier) {
    fuzz::require(earlier.error().code == Code::invalid_input, "what is no report is refused as such");
    return 0;
  }
  node_fleet::Report report;
  report.nodes = 1;
  fuzz::require(!node_fleet::comparison_text(*earlier, report).empty(), "it can be set beside another");
  const auto page = node_fleet::html_of(report, *earlier);
  fuzz::require(page.find("<script") == std::string::npos, "what stands in it is text");
  return 0;
}
