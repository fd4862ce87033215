// Any bytes as the first 4 KiB of a slot.
#include <algorithm>
#include <string>

#include "common/release/image_header.hpp"
#include "tests/fuzz/require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace abide;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(parse_image_header(bytes));
  bytes.resize(image_header_bytes, '\0');
  const Result<ImageHeader> header = parse_image_header(bytes);
  if (!header) return 0;
  const Result<std::string> written = format_image_header(*header);
  fuzz::require(written && written->size() == image_header_bytes, "what was read can be written");
  const Result<ImageHeader> again = parse_image_header(*written);
  fuzz::require(again && *again == *header, "and reads the same again");
  return 0;
}
