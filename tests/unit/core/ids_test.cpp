#include "common/core/ids.hpp"

#include <gtest/gtest.h>
#include <limits>

namespace abide {
namespace {

TEST(Ids, AreWrittenAsSixteenLowerCaseHexDigits) {
  EXPECT_EQ(to_hex(JournalId{0x0123456789ABCDEF}), "0123456789abcdef");
  EXPECT_EQ(to_hex(LifeId{1}), "0000000000000001");
  EXPECT_EQ(to_hex(Chain{std::numeric_limits<std::uint64_t>::max()}), "ffffffffffffffff");
  EXPECT_EQ(to_hex(Nonce{}), "0000000000000000");
  EXPECT_EQ(to_hex(SessionId{0xF0}), "00000000000000f0");
}

TEST(Numbers, AreComparedByEpochFirst) {
  EXPECT_LT((Number{1, 9}), (Number{2, 0}));
  EXPECT_LT((Number{2, 0}), (Number{2, 1}));
  EXPECT_FALSE(Number{});
  EXPECT_TRUE((Number{0, 1}));
  EXPECT_TRUE((Number{1, 0}));
}

TEST(Numbers, ComeBackFromTheirText) {
  for (const Number number : {Number{}, Number{1'764'000'000'000, 17}, Number{std::numeric_limits<std::uint64_t>::max(), 0}}) {
    const auto parsed = parse_number(to_string(number));
    ASSERT_TRUE(parsed) << to_string(number);
    EXPECT_EQ(*parsed, number);
  }
}

TEST(Numbers, AreRefusedInAnyOtherForm) {
  for (const char* text :
       {"", ".", "1", "1.", ".1", "1.2.3", "-1.2", "+1.2", " 1.2", "1.2 ", "0x1.2", "1.18446744073709551616", "01.2", "1.02"}) {
    const auto parsed = parse_number(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::invalid_input) << text;
  }
}

TEST(NodeIds, AreReadInEitherCaseAndWrittenInLowerCase) {
  const auto node = parse_node_id("6F7AEF82-0001-4abc-8DEF-00000000000a");
  ASSERT_TRUE(node);
  EXPECT_EQ(to_string(*node), "6f7aef82-0001-4abc-8def-00000000000a");
  EXPECT_EQ(node->bytes[0], 0x6F);
  EXPECT_EQ(node->bytes[15], 0x0A);
}

TEST(NodeIds, AreRefusedInAnyOtherForm) {
  for (const char* text :
       {"", "6f7aef82", "6f7aef8200014abc8def00000000000a", "6f7aef82-0001-4abc-8def-00000000000", "6f7aef82-0001-4abc-8def-00000000000ab",
        "6f7aef82-0001-4abc-8defx00000000000a", "6f7aef82-0001-4abc-8def-00000000000g", "{6f7aef82-0001-4abc-8def-0000000000}"}) {
    EXPECT_FALSE(parse_node_id(text)) << text;
  }
}

TEST(Digests, ComeBackFromTheirText) {
  const std::string hex = "00ff10aa00ff10aa00ff10aa00ff10aa00ff10aa00ff10aa00ff10aa00ff10ab";
  const auto digest = parse_digest(hex);
  ASSERT_TRUE(digest);
  EXPECT_EQ(to_hex(*digest), hex);
  EXPECT_TRUE(*digest);
  EXPECT_FALSE(Digest{});
  EXPECT_FALSE(parse_digest(hex + "0"));
  EXPECT_FALSE(parse_digest(hex.substr(2)));
  EXPECT_FALSE(parse_digest("0g" + hex.substr(2)));
}

TEST(ProjectNames, MayBeAnyPrintableUtf8OfHundredBytes) {
  for (const std::string& name : {std::string("demo"), std::string("Werk Köln"), std::string("工場 1"), std::string("a/b+c#"),
                                  std::string("🛰"), std::string(100, 'x')})
    EXPECT_TRUE(check_project_name(name)) << name;
}

TEST(ProjectNames, AreRefusedWhenEmptyTooLongNotUtf8OrWithControlCharacters) {
  const std::string names[] = {"",
                               std::string(101, 'x'),
                               "a\nb",
                               std::string("a\0b", 3),
                               "\x7F",
                               "\xC2\x85",          // U+0085, a control character of two bytes
                               "\xFF",              // never in UTF-8
                               "\xC0\xAF",          // overlong
                               "\xE0\x80\xAF",      // overlong
                               "\xED\xA0\x80",      // a surrogate
                               "\xF4\x90\x80\x80",  // beyond U+10FFFF
                               "ab\xC3"};           // cut off
  for (const auto& name : names) {
    const auto checked = check_project_name(name);
    ASSERT_FALSE(checked) << testing::PrintToString(name);
    EXPECT_EQ(checked.error().code, Code::invalid_input);
    for (const char c : checked.error().message) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << "a control character in a message";
  }
}

TEST(Codes, HaveAName) {
  EXPECT_EQ(to_string(Code::invalid_input), "invalid_input");
  EXPECT_EQ(to_string(Code::denied), "denied");
}

TEST(Errors, SayFromOutsideInWhatWasBeingDone) {
  const Error error{Code::denied, "permission denied"};
  EXPECT_EQ(error.in("/x").in("open store").message, "open store: /x: permission denied");
  EXPECT_EQ(error.in("a").code, Code::denied);
}

TEST(Results, HoldAValueOrAnError) {
  Result<int> good = 3;
  Result<int> bad = fail(Code::timeout, "no answer");
  EXPECT_EQ(*good, 3);
  EXPECT_EQ(bad.value_or(7), 7);
  EXPECT_EQ(bad.error().code, Code::timeout);
  EXPECT_DEATH(static_cast<void>(*bad), "has_value");  // asserts stay on
  EXPECT_DEATH(static_cast<void>(good.error()), "has_value");
}

}  // namespace
}  // namespace abide
