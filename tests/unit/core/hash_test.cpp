#include "common/core/hash.hpp"

#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace abide {
namespace {

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST(Hashes, GiveThePublishedValuesOfSha256) {  // FIPS 180-2, appendix B
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 stream;
  for (int i = 0; i < 1000; ++i) stream.update(bytes(std::string(1000, 'a')));
  EXPECT_EQ(to_hex(stream.finish()), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Hashes, GiveThePublishedValuesOfHmac) {  // RFC 4231, cases 1, 2 and 6; an empty key by RFC 2104
  EXPECT_EQ(to_hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(to_hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(to_hex(hmac_sha256(std::string_view(), "")), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Hashes, OfAStreamBeginAnewAfterFinish) {
  Sha256 stream;
  stream.update(bytes("something else"));
  EXPECT_EQ(stream.finish(), sha256("something else"));
  stream.update(bytes("a"));
  stream.update({});
  stream.update(bytes("bc"));
  EXPECT_EQ(stream.finish(), sha256("abc"));
  EXPECT_EQ(stream.finish(), sha256(""));
}

TEST(Hashes, OfAStreamMoveWithIt) {
  Sha256 first;
  first.update(bytes("ab"));
  Sha256 second = std::move(first);
  second.update(bytes("c"));
  EXPECT_EQ(second.finish(), sha256("abc"));
}

// By hand: SHA-256(8 bytes of the chain before, 8 bytes of length, the event).
TEST(Chains, CoverAllBeforeTheLengthAndTheEvent) {
  const Chain start = chain_start(JournalId{0x0102030405060708});
  EXPECT_EQ(start.value, 0x0102030405060708U);
  const Digest by_hand =
      sha256(std::string_view("\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x00\x00\x00\x00\x00\x05"
                              "event",
                              21));
  EXPECT_EQ(to_hex(chain_after(start, "event")), to_hex(by_hand).substr(0, 16));
  EXPECT_NE(chain_after(start, "event"), chain_after(Chain{start.value + 1}, "event"));
  EXPECT_NE(chain_after(chain_after(start, "a"), "b"), chain_after(chain_after(start, "b"), "a"));
}

TEST(Chains, AreTheSameFromEveryThread) {
  const Chain expected = chain_after(Chain{7}, std::string(1000, 'e'));
  std::vector<std::thread> threads;
  std::vector<Chain> found(8);
  for (auto& chain : found) threads.emplace_back([&chain] { chain = chain_after(Chain{7}, std::string(1000, 'e')); });
  for (auto& thread : threads) thread.join();
  for (const auto& chain : found) EXPECT_EQ(chain, expected);
}

TEST(DocumentTags, AreAnHmacOverNodeNumberAndBody) {
  NodeId node;
  node.bytes[15] = 1;
  const Digest body = sha256("body");
  const Number number{2, 3};
  std::string by_hand(node.bytes.begin(), node.bytes.end());
  by_hand += std::string("\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3", 16);
  by_hand.append(body.bytes.begin(), body.bytes.end());
  const Digest tag = document_tag("key", node, number, body);
  EXPECT_EQ(tag, hmac_sha256("key", by_hand));
  EXPECT_NE(tag, document_tag("yek", node, number, body));
  EXPECT_NE(tag, document_tag("key", NodeId{}, number, body));
  EXPECT_NE(tag, document_tag("key", node, Number{2, 4}, body));
  EXPECT_NE(tag, document_tag("key", node, Number{3, 3}, body));
  EXPECT_NE(tag, document_tag("key", node, number, sha256("other")));
}

}  // namespace
}  // namespace abide
