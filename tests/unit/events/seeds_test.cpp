// The fuzzer's seeds are bytes that an earlier build wrote. They must be read by every later one, and written the same:
// journals, and the chains over them, outlive the program.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

#include "common/events/codec.hpp"
#include "common/events/fields.hpp"
#include "common/events/print.hpp"

namespace abide {
namespace {

TEST(Seeds, OfEveryPayloadAreReadAndWrittenUnchanged) {
  std::size_t seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(ABIDE_SOURCE_DIR "/tests/fuzz/corpus/codec")) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    const auto name = entry.path().filename().string();
    const auto decoded = decode(bytes);
    if (name.starts_with("found-")) continue;  // what the fuzzer found need not be well-formed
    ASSERT_TRUE(decoded) << name << ": " << decoded.error().message;
    EXPECT_EQ(name_of(decoded->payload), name);
    EXPECT_EQ(encode(*decoded), bytes) << name;
    ++seen;
  }
  EXPECT_EQ(seen, std::tuple_size_v<PayloadMembers>) << "make-fuzz-seeds tests/fuzz/corpus writes those that are missing";
}

}  // namespace
}  // namespace abide
