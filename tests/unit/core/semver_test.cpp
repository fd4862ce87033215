#include "common/core/semver.hpp"

#include <gtest/gtest.h>

namespace abide {
namespace {

std::weak_ordering order_of(const std::string& left, const std::string& right) {
  const auto a = parse_semver(left);
  const auto b = parse_semver(right);
  EXPECT_TRUE(a && b) << left << " and " << right;
  return compare(*a, *b);
}

TEST(Semver, IsOrderedAsItsSpecificationSays) {
  // Each is less than the next. The pre-releases of 1.0.0 are the chain of section 11.4.
  const std::string ascending[] = {"0.0.0",
                                   "0.3.0",
                                   "0.3.1-dev",
                                   "0.3.1",
                                   "0.10.8",
                                   "1.0.0-0",
                                   "1.0.0-2",
                                   "1.0.0-11",
                                   "1.0.0--",
                                   "1.0.0-Alpha",
                                   "1.0.0-alpha",
                                   "1.0.0-alpha.1",
                                   "1.0.0-alpha.1.0",
                                   "1.0.0-alpha.beta",
                                   "1.0.0-beta",
                                   "1.0.0-beta.2",
                                   "1.0.0-beta.11",
                                   "1.0.0-rc.1",
                                   "1.0.0",
                                   "2.0.0",
                                   "2.1.0",
                                   "2.1.1",
                                   "2.1.123456789012345678901234567890",
                                   "10.0.0"};
  for (std::size_t i = 0; i < std::size(ascending); ++i) {
    for (std::size_t j = 0; j < std::size(ascending); ++j)
      EXPECT_EQ(order_of(ascending[i], ascending[j]), i <=> j) << ascending[i] << " and " << ascending[j];
  }
}

TEST(Semver, IsEqualWhateverTheBuildDataAre) {
  EXPECT_EQ(order_of("1.0.0+a", "1.0.0+b.1"), std::weak_ordering::equivalent);
  EXPECT_EQ(order_of("1.0.0-rc.1+a", "1.0.0-rc.1"), std::weak_ordering::equivalent);
}

TEST(Semver, IsThreeNumbersAndWhatTheSpecificationAllowsBehind) {
  for (const char* text :
       {"0.0.4", "1.2.3", "10.20.30", "1.1.2-prerelease+meta", "1.1.2+meta", "1.1.2+meta-valid", "1.0.0-alpha", "1.0.0-alpha.beta.1",
        "1.0.0-alpha0.valid", "1.0.0-rc.1+build.1", "2.0.0-rc.1+build.123", "1.2.3----RC-SNAPSHOT.12.9.1--.12+788", "1.0.0-0A.is.legal",
        "1.0.0+0.build.1-rc.10000aaa-kk-0.1", "99999999999999999999999.999999999999999999.99999999999999999", "1.0.0+001", "1.0.0-a-b"})
    EXPECT_TRUE(parse_semver(text)) << text;
  for (const char* text :
       {"",         "1",      "1.2",    "1.2.3.4",   "v1.2.3",    "1.2.3-", "1.2.3+", "1.2.3-a..b", "1.2.3-01", "1.2.3-0123.0123",
        "01.1.1",   "1.01.1", "1.1.01", "1.2.3-a_b", "1.2.3+a+b", "-1.2.3", "1.2.-3", " 1.2.3",     "1.2.3 ",   "main",
        "1.2.3-\n", "alpha",  "1..3",   "1.1.2+.123"})
    EXPECT_FALSE(parse_semver(text)) << text;
  EXPECT_FALSE(parse_semver("1.0." + std::string(semver_bytes_max, '1')));
}

TEST(TildeRange, IsSameMajorAndMinorAndNotLess) {
  struct Row {
    const char* range;
    const char* version;
    bool in;
  };
  for (const auto& row : std::initializer_list<Row>{
           {"~0.9.2", "0.9.2", true},
           {"~0.9.2", "0.9.3", true},
           {"~0.9.2", "0.9.10", true},
           {"~0.9.2", "0.9.1", false},
           {"~0.9.2", "0.10.2", false},
           {"~0.9.2", "1.9.2", false},
           {"~0.0.0", "0.0.7", true},
           {"~0.3.0", "0.3.1-dev", false},
           {"~0.3.0", "0.3.0-dev", false},
           {"~0.3.1", "0.3.1-dev", false},
           {"~0.3.0-dev", "0.3.0", true},
           {"~0.3.0-dev", "0.3.0-dev", true},
           {"~0.3.0-dev", "0.3.1-dev", true},
           {"~0.3.0-dev", "0.3.0-a", false},
           {"~0.3.1-rc.2", "0.3.1-rc.10", true},
           {"~0.3.0-dev", "0.4.0-dev", false},
           {"~1.0.0", "1.0.1+build", true},
       })
    EXPECT_EQ(contains(*parse_tilde_range(row.range), *parse_semver(row.version)), row.in) << row.range << " and " << row.version;
  for (const char* text : {"", "~", "0.9.2", "~0.9", "~0", "~main", "~ 0.9.2", "~~0.9.2", "~v0.9.2"})
    EXPECT_FALSE(parse_tilde_range(text)) << text;
}

}  // namespace
}  // namespace abide
