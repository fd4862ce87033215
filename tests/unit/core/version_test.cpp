#include "common/core/version.hpp"

#include <gtest/gtest.h>
#include <string>

namespace abide {
namespace {

TEST(Versions, AreComparedPartByPartAsNumbersOfAnyLength) {
  // Each is less than the next.
  const std::string ascending[] = {"0",
                                   "1",
                                   "2.9",
                                   "2.10",
                                   "2.10.0",
                                   "3.0.20260602",
                                   "3.0.20260602.0000",
                                   "3.0.20260602.0732",
                                   "3.0.20260602.2200",
                                   "3.0.20260603.1",
                                   "3.0.123456789012345678901234567890",
                                   "3.1",
                                   "10"};
  for (std::size_t i = 0; i < std::size(ascending); ++i) {
    for (std::size_t j = 0; j < std::size(ascending); ++j) {
      const auto order = compare_versions(ascending[i], ascending[j]);
      ASSERT_TRUE(order.has_value()) << ascending[i];
      EXPECT_EQ(*order, i <=> j) << ascending[i] << " and " << ascending[j];
    }
  }
}

TEST(Versions, AreEqualWhateverZerosLead) {
  EXPECT_EQ(compare_versions("3.07.1", "3.7.001"), std::strong_ordering::equal);
  EXPECT_EQ(compare_versions("0.00", "00.0"), std::strong_ordering::equal);
}

TEST(Versions, AreOneToEightPartsOfDigits) {
  for (const char* text : {"0", "1.2.3.4.5.6.7.8", "3.0.20260602.2200"}) EXPECT_TRUE(is_version(text)) << text;
  for (const char* text : {"", ".", "1.", ".1", "1..2", "1.2.3.4.5.6.7.8.9", "v1", "1.2-rc1", "1.2 ", "-1", "1.x"}) {
    EXPECT_FALSE(is_version(text)) << text;
    EXPECT_FALSE(compare_versions(text, "1")) << text;
    EXPECT_FALSE(compare_versions("1", text)) << text;
  }
}

}  // namespace
}  // namespace abide
