#include "common/release/image_header.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

namespace abide {
namespace {

using ::testing::HasSubstr;

std::string padded(std::string text) {
  text.resize(image_header_bytes, '\0');
  return text;
}
const std::string plain = "PROFILE_NAME=p\nIMAGE_ID=1.2.3\nARCHITECTURE=x86_64\nIMAGE_RAW_SIZE=67108864\n";

std::string error_of(const std::string& bytes) {
  const Result<ImageHeader> header = parse_image_header(bytes);
  if (header) return "no error";
  EXPECT_EQ(header.error().code, Code::corrupt);
  return header.error().message;
}

TEST(ImageHeader, ReadsOsReleaseLikeLines) {
  const Result<ImageHeader> header = parse_image_header(
      padded("# made by hand\n\n" + plain + "BUILD_NUMBER=2200\nIMAGE_BUILD_DATE=\"20260602220000\"\nIMAGE_UUID='4f1c'\n"));
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->profile_name, "p");
  EXPECT_EQ(header->os_image_id, "1.2.3");
  EXPECT_EQ(header->architecture, "x86_64");
  EXPECT_EQ(header->raw_bytes, 67108864u);
  EXPECT_EQ(header->build_number, "2200");
  EXPECT_EQ(header->build_date, "20260602220000");
}

TEST(ImageHeader, TakesMoreBytesThanItNeeds) {
  EXPECT_TRUE(parse_image_header(padded(plain) + "payload"));
}

TEST(ImageHeader, GivesBackWhatWasWritten) {
  const ImageHeader header{"microvisor nonrt", "3.0.1", "x86_64", 4096, "7", ""};
  const Result<std::string> bytes = format_image_header(header);
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_EQ(bytes->size(), image_header_bytes);
  EXPECT_EQ(parse_image_header(*bytes).value(), header);
}

TEST(ImageHeader, IsNotWrittenWithValuesThatItCannotCarry) {
  for (const char* const wrong : {"a\nb", "\"a\"", "a'b", "", "\x01", "\xc3\xa4"}) {
    EXPECT_FALSE(format_image_header({wrong, "1", "x", 4096, "", ""})) << wrong;
  }
  EXPECT_FALSE(format_image_header({"p", "1", "x", 4095, "", ""}));
  EXPECT_FALSE(format_image_header({std::string(501, 'p'), "1", "x", 4096, "", ""}));
}

struct Broken {
  std::string bytes;
  std::string error;
};

TEST(ImageHeader, SaysWhatIsBroken) {
  std::string after_padding = padded(plain);
  after_padding.back() = 'x';
  for (const Broken& broken : {
           Broken{std::string(4096, '\0'), "is empty"},
           Broken{plain, "74 bytes instead of 4096"},
           Broken{after_padding, "bytes after the padding began"},
           Broken{padded(plain + "no equals\n"), "line 5: is not KEY=VALUE"},
           Broken{padded(plain + "=x\n"), "line 5: is not KEY=VALUE"},
           Broken{padded(plain + "lower=x\n"), "line 5: is not KEY=VALUE"},
           Broken{padded(plain + "IMAGE_ID=2\n"), "line 5: IMAGE_ID comes twice"},
           Broken{padded(plain + "IMAGE_RAW_SIZE=4096\n"), "line 5: IMAGE_RAW_SIZE comes twice"},
           Broken{padded(plain + "BUILD_NUMBER=\"1\n"), "line 5: an open quote"},
           Broken{padded(plain + "BUILD_NUMBER=a'b\n"), "line 5: a quote"},
           Broken{padded(plain + "BUILD_NUMBER=\x7f\n"), "line 5: has characters"},
           Broken{padded(plain + "OTHER=" + std::string(501, 'x')), "line 5: a value is longer"},
           Broken{padded("PROFILE_NAME=p\nIMAGE_ID=1\nIMAGE_RAW_SIZE=4096\n"), "ARCHITECTURE is missing"},
           Broken{padded("PROFILE_NAME=\nIMAGE_ID=1\nARCHITECTURE=x\nIMAGE_RAW_SIZE=4096\n"), "PROFILE_NAME is missing"},
           Broken{padded("PROFILE_NAME=p\nIMAGE_ID=1\nARCHITECTURE=x\n"), "IMAGE_RAW_SIZE is missing"},
           Broken{padded("IMAGE_RAW_SIZE=64MiB\n"), "line 1: IMAGE_RAW_SIZE is not a number"},
           Broken{padded("IMAGE_RAW_SIZE=4095\n"), "line 1: IMAGE_RAW_SIZE is not a number"},
           Broken{padded("IMAGE_RAW_SIZE=99999999999999999999\n"), "line 1: IMAGE_RAW_SIZE is not a number"},
           Broken{padded(std::string(100, '\n')), "more than 64 lines"},
       }) {
    EXPECT_THAT(error_of(broken.bytes), HasSubstr(broken.error));
  }
}

}  // namespace
}  // namespace abide
