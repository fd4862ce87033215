// Any bytes as an envelope: refused with a reason, or read to something that is written and read back the same.
#include "common/events/codec.hpp"
#include "common/events/print.hpp"
#include "tests/fuzz/require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace abide;
  const auto decoded = decode({reinterpret_cast<const char*>(data), size});
  if (!decoded) {
    fuzz::require(!decoded.error().message.empty(), "a refusal says why");
    return 0;
  }
  const auto bytes = encode(*decoded);
  const auto again = decode(bytes);
  fuzz::require(again.has_value(), "what was read can be written and read");
  fuzz::require(*again == *decoded, "reading gives what was written");
  fuzz::require(encode(*again) == bytes, "the same value has the same bytes");
  auto fitted = decoded->payload;
  fit(fitted);
  fuzz::require(fitted == decoded->payload, "what was read fits");
  fuzz::require(!print(*decoded).empty(), "it has a line");
  return 0;
}
