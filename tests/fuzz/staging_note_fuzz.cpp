// Any bytes as the note of a download under way.
#include <string_view>

#include "edge-agent/image/staging_note.hpp"
#include "tests/fuzz/require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace abide::agent;
  const auto note = parse_note({reinterpret_cast<const char*>(data), size});
  if (note) abide::fuzz::require(parse_note(format_note(*note)) == note, "a note reads the same again");
  return 0;
}
