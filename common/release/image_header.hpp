#pragma once
// What an OS image says of itself in its first 4 KiB: KEY=VALUE lines, padded with NUL bytes. The words are those of
// os-release and image-id.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/core/result.hpp"

namespace abide {

inline constexpr std::size_t image_header_bytes = 4096;

struct ImageHeader {
  std::string profile_name;     // PROFILE_NAME
  std::string os_image_id;      // IMAGE_ID
  std::string architecture;     // ARCHITECTURE
  std::uint64_t raw_bytes = 0;  // IMAGE_RAW_SIZE: of the whole image, this header included
  std::string build_number;     // BUILD_NUMBER; may be empty
  std::string build_date;       // IMAGE_BUILD_DATE; may be empty

  friend bool operator==(const ImageHeader&, const ImageHeader&) = default;
};

// `bytes` are the first image_header_bytes of a slot. corrupt, with the line or the key: not such lines, a key missing
// or twice, bytes after the padding began. Keys that it does not know are passed over.
Result<ImageHeader> parse_image_header(std::string_view bytes);

// The first 4 KiB of an image. invalid_input: a value that the lines cannot carry.
Result<std::string> format_image_header(const ImageHeader& header);

// The header of the image in a file or block device. not_found, unavailable, corrupt.
Result<ImageHeader> read_image_header(const std::string& path);

}  // namespace abide
