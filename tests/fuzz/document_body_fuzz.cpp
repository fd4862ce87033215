// Any bytes as a document's body.
#include "common/events/codec.hpp"
#include "tests/fuzz/require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace abide;
  const auto decoded = decode_body({reinterpret_cast<const char*>(data), size});
  if (!decoded) {
    fuzz::require(!decoded.error().message.empty(), "a refusal says why");
    return 0;
  }
  const auto bytes = encode_body(*decoded);
  const auto again = decode_body(bytes);
  fuzz::require(again.has_value(), "what was read can be written and read");
  fuzz::require(*again == *decoded, "reading gives what was written");
  fuzz::require(encode_body(*again) == bytes, "the same value has the same bytes");
  return 0;
}
