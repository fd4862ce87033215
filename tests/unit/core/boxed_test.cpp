// A value that lies elsewhere: for who holds it as a std::optional is.
#include "common/core/boxed.hpp"

#include <gtest/gtest.h>
#include <string>
#include <type_traits>

namespace abide {
namespace {

TEST(Boxed, IsEmptyUntilItIsGivenAValueAndAfterItIsReset) {
  Boxed<std::string> box;
  EXPECT_FALSE(box);
  EXPECT_FALSE(box.has_value());
  box = std::string("a");
  ASSERT_TRUE(box);
  EXPECT_EQ(*box, "a");
  EXPECT_EQ(box->size(), 1U);
  EXPECT_EQ(box.emplace(), "") << "a new one";
  box.reset();
  EXPECT_FALSE(box);
  box = std::string("b");
  box = std::nullopt;
  EXPECT_FALSE(box);
}

TEST(Boxed, CopiesHaveTheirOwnValue) {
  Boxed<std::string> box(std::string("a"));
  Boxed<std::string> copy = box;
  *copy += "b";
  EXPECT_EQ(*box, "a");
  box = copy;
  *copy += "c";
  EXPECT_EQ(*box, "ab");
  const auto& same = box;
  box = same;
  EXPECT_EQ(*box, "ab");
  const Boxed<std::string> moved = std::move(box);
  EXPECT_EQ(*moved, "ab");
  copy = Boxed<std::string>();
  EXPECT_FALSE(copy);
}

TEST(Boxed, IsEqualWhereItsValuesAre) {
  const Boxed<std::string> none, a(std::string("a")), other_a(std::string("a")), b(std::string("b")), empty{std::string()};
  EXPECT_EQ(none, Boxed<std::string>());
  EXPECT_EQ(a, other_a);
  EXPECT_FALSE(a == b);
  EXPECT_FALSE(a == none);
  EXPECT_FALSE(none == empty);
}

TEST(Boxed, IsMadeOfAnOptionalAndBecomesOne) {
  const Boxed<std::string> none = std::optional<std::string>(), a = std::optional<std::string>("a");
  EXPECT_FALSE(none);
  EXPECT_EQ(*a, "a");
  const std::optional<std::string> back = a, nothing = none;
  EXPECT_EQ(back, "a");
  EXPECT_FALSE(nothing);
  EXPECT_EQ(sizeof(Boxed<std::string>), sizeof(void*));
}

}  // namespace
}  // namespace abide
