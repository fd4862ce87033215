#pragma once
// OS images for demo and tests: a header, random bytes from a seed, and texts put into them.
#include <cstdint>
#include <string>
#include <vector>

#include "common/core/ids.hpp"
#include "common/core/result.hpp"
#include "common/release/image_header.hpp"

namespace abide::image {

struct Patch {
  std::uint64_t offset = 0;  // from the image's first byte; not in the header
  std::string text;
};
Result<Patch> parse_patch(const std::string& text);  // OFFSET:TEXT

struct Content {
  ImageHeader header;        // raw_bytes is the size of the image
  std::uint64_t seed = 1;    // of the random bytes behind the header
  std::string content_path;  // a file that stands right behind the header; empty: none
  std::vector<Patch> patches;
};

// Writes the image and gives its digest. The same content gives the same bytes on every machine. invalid_input: it does
// not fit; unavailable, denied: the file cannot be written.
Result<Digest> create_image(const std::string& path, const Content& content);

}  // namespace abide::image
