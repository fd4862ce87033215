// Bytes that nobody honest would send. Decoding is total: it gives a value or says what is wrong, and what it gives can be
// encoded again.
#include <cstring>
#include <gtest/gtest.h>

#include "common/events/codec.hpp"
#include "common/events/print.hpp"
#include "tests/support/filled.hpp"
#include "tests/unit/events/schema.hpp"

namespace abide {
namespace {

// Whatever came out must be within what can be written, and stay the same when it is.
void expect_total(const Result<Envelope>& decoded) {
  if (!decoded) {
    EXPECT_FALSE(decoded.error().message.empty());
    return;
  }
  EXPECT_FALSE(print(*decoded).empty());
  const auto again = decode(encode(*decoded));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, *decoded);
}

TEST(HostileBytes, CutOffAtEveryLength) {
  for (const auto& envelope : test::every_envelope()) {
    const auto bytes = encode(envelope);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      const std::string cut = bytes.substr(0, length);
      const auto decoded = decode(cut);
      expect_total(decoded);
      if (decoded) {
        EXPECT_EQ(*decoded, envelope) << "only what carries nothing may be missing";
      }
    }
  }
}

TEST(HostileBytes, EachByteChanged) {
  for (const auto& envelope : test::every_envelope()) {
    const auto bytes = encode(envelope);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      for (const unsigned flip : {0x01U, 0x80U, 0xFFU}) {
        std::string changed = bytes;
        changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ flip);
        expect_total(decode(changed));
      }
    }
  }
}

TEST(HostileBytes, EachByteOfABodyChanged) {
  const auto bytes = encode_body(test::filled_from<DocumentBody>());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const unsigned flip : {0x01U, 0x80U, 0xFFU}) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ flip);
      const auto decoded = decode_body(changed);
      if (decoded) {
        EXPECT_EQ(*decode_body(encode_body(*decoded)), *decoded);
      }
    }
    EXPECT_FALSE(decode_body(bytes.substr(0, i)) && i < 64);
  }
}

TEST(HostileBytes, AnotherIdentifierIsCorrupt) {
  auto bytes = encode(test::filled_envelope(Presence{true}));
  bytes.replace(4, 4, "ABDB");
  EXPECT_EQ(decode(bytes).error().code, Code::corrupt);
  auto body = encode_body(test::filled_from<DocumentBody>());
  body.replace(4, 4, "ABD1");
  EXPECT_EQ(decode_body(body).error().code, Code::corrupt);
}

TEST(HostileBytes, LongerThanAllowedIsNotEvenLookedAt) {
  const std::string bytes(envelope_bytes_max + 1, '\0');
  EXPECT_EQ(decode(bytes).error().code, Code::corrupt);
  EXPECT_NE(decode(bytes).error().message.find("at most"), std::string::npos);
}

TEST(HostileBytes, AnEnvelopeThatSaysNothingButItsLength) {
  for (std::size_t length : {0, 1, 4, 7, 8, 12, 16, 64, 4096})
    for (const char byte : {'\0', '\x01', '\x7f', '\xff'}) {
      std::string bytes(length, byte);
      if (length >= 8) bytes.replace(4, 4, "ABD1");
      EXPECT_EQ(decode(bytes).error().code, Code::corrupt);
    }
}

// ---- well-formed, and wrong --------------------------------------------------------------------------------------------

std::string times(std::size_t count, const std::string& item) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += (i == 0 ? "" : ",") + item;
  return all;
}

std::string of(const std::string& type, const std::string& payload) {
  return R"({"payload_type":")" + type + R"(","payload":)" + payload + "}";
}

const std::string uuid = R"("node":"00112233-4455-6677-8899-aabbccddeeff")";

TEST(HostileBytes, LimitsRangesAndFormsOfEveryKindOfField) {
  const auto schema = test::parse_schema(test::joined_schemas("envelope.fbs"));
  struct Row {
    std::string json;
    Code code;
    std::string message;  // part of it
  };
  const std::string long_name(257, 'n');
  const std::string long_text(2049, 't');
  const std::vector<Row> rows = {
      // text
      {of("SwitchCleared", R"({"why":")" + long_name + R"("})"), Code::corrupt, "SwitchCleared: why: 257 bytes"},
      {of("SwitchCleared", R"({"why":"\xff"})"), Code::corrupt, "not UTF-8"},
      {of("Failed", R"({"evidence":{"output_tail":")" + long_text + R"("}})"), Code::corrupt, "Failed: evidence: output_tail: 2049 bytes"},
      {of("AgentStarted", R"({"boot":")" + std::string(65, 'b') + R"("})"), Code::corrupt, "boot: 65 bytes"},
      {of("Accepted", R"({"release":{"urls":[")" + long_text + R"("]}})"), Code::corrupt, "urls: 2049 bytes"},
      {R"({"cause":{"request":")" + std::string(129, 'r') + R"("},"payload_type":"Presence","payload":{}})", Code::corrupt, "cause"},
      // lists
      {of("Accepted", R"({"release":{"urls":[)" + times(17, R"("u")") + "]}}"), Code::corrupt, "urls: 17 items"},
      {of("TrialPassed", R"({"checks":[)" + times(65, "{}") + "]}"), Code::corrupt, "checks: 65 items"},
      {of("TrialPassed", R"({"checks":[)" + times(5000, "{}") + "]}"), Code::corrupt, "not a well-formed buffer"},  // too many tables
      {of("ProjectCreated", R"({"key":[)" + times(33, "1") + "]}"), Code::corrupt, "key: 33 bytes"},
      {of("ProfileDiscovered", R"({"manifest":[)" + times(manifest_bytes_max + 1, "7") + "]}"), Code::corrupt, "manifest: 262145 bytes"},
      // enums of a later version, or of nobody
      {of("Failed", R"({"reason":28})"), Code::unavailable, "Failed: reason: value 28 is not known to this version"},
      {of("Failed", R"({"reason":255})"), Code::unavailable, "reason"},
      {of("Progress", R"({"phase":8})"), Code::unavailable, "Progress: phase"},
      {of("AgentStarted", R"({"slot":2})"), Code::unavailable, "slot"},
      {of("AgentStarted", R"({"boot_cause":2})"), Code::unavailable, "boot_cause"},
      {of("Hello", R"({"outcome":{"kind":5}})"), Code::unavailable, "Hello: outcome: kind"},
      {of("DocumentIssued", "{" + uuid + R"(,"topic":3})"), Code::unavailable, "topic"},
      {of("PolicyCreated", R"({"policy":{"update_policy":3}})"), Code::unavailable, "update_policy"},
      {of("PolicyCreated", R"({"policy":{}})"), Code::unavailable, "update_policy: value 0"},
      {of("PolicyCreated", "{}"), Code::unavailable, "update_policy: value 0"},
      {of("WindowScheduled", R"({"schedule":{"status":2}})"), Code::unavailable, "status"},
      // digests
      {of("Succeeded", R"({"digest":"abcd"})"), Code::corrupt, "digest: a digest of 4 digits"},
      {of("Succeeded", R"({"digest":")" + std::string(64, 'A') + R"("})"), Code::corrupt, "lower-case"},
      {of("Succeeded", R"({"digest":")" + std::string(64, 'g') + R"("})"), Code::corrupt, "lower-case"},
      {of("Succeeded", R"({"digest":")" + std::string(64, '0') + R"("})"), Code::corrupt, "zeros"},
      {of("Succeeded", R"({"digest":")" + std::string(66, 'a') + R"("})"), Code::corrupt, "66 digits"},
      // UUIDs
      {of("NodeConfirmed", R"({"node":"00112233-4455-6677-8899-AABBCCDDEEFF"})"), Code::corrupt, "lower case"},
      {of("NodeConfirmed", R"({"node":""})"), Code::corrupt, "UUID"},
      // numbers
      {of("Progress", R"({"percent":101})"), Code::corrupt, "percent: 101 is more than 100"},
      {of("RollCall", R"({"spread_ms":9223372036854775807})"), Code::corrupt, "spread_ms"},
      {of("Received", R"({"welcome":{"now_ms":-9223372036854775808}})"), Code::corrupt, "Received: welcome: now_ms"},
      {R"({"at_ms":9007199254740993,"payload_type":"Presence","payload":{}})", Code::corrupt, "at_ms"},
      // parts in parts
      {of("Document", R"({"number":{"epoch":1,"revision":1}})"), Code::corrupt, "Document: body"},
      {of("DocumentIssued", "{" + uuid + R"(,"link":{"release":{"raw":{"sha256":"1"}}}})"), Code::corrupt,
       "DocumentIssued: link: release: raw: sha256"},
      {of("NodeEventStored", "{" + uuid + R"(,"envelope":[1,2,3]})"), Code::corrupt, "NodeEventStored: envelope"},
      {of("NodeEventStored", "{" + uuid + R"(,"envelope":[]})"), Code::corrupt, "NodeEventStored: envelope"},
  };
  for (const auto& row : rows) {
    const auto decoded = decode(test::from_json(*schema, row.json));
    ASSERT_FALSE(decoded) << row.json.substr(0, 200);
    EXPECT_EQ(decoded.error().code, row.code) << row.json.substr(0, 200) << ": " << decoded.error().message;
    EXPECT_NE(decoded.error().message.find(row.message), std::string::npos) << decoded.error().message;
  }
}

TEST(HostileBytes, WhatOthersEncodeIsReadAsOurs) {
  const auto schema = test::parse_schema(test::joined_schemas("envelope.fbs"));
  const auto decoded = decode(test::from_json(*schema, R"({
    "journal": 81985529216486895, "sequence": 43, "after": 5, "session": 6, "at_ms": 1764000000123, "clock_trusted": true,
    "payload_type": "ImageStaged",
    "payload": {"offer": {"epoch": 7, "revision": 13}, "slot": "b", "bytes": 67108864, "took_ms": 1500, "reused": true,
                "digest": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"}})"));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(print(*decoded),
            "2025-11-24T16:00:00.123Z 0123456789abcdef/43 ImageStaged offer=7.13 slot=b digest=000102030405 bytes=67108864 took_ms=1500 "
            "reused=true");
}

TEST(HostileBytes, AnEnvelopeInAnEnvelopeEndsThere) {
  NodeEventStored stored;
  const auto inside = test::filled_from<NodeEventStored>();
  stored.envelope = encode(test::filled_envelope(OrchestratorEvent(inside)));
  const auto decoded = decode(encode(test::filled_envelope(OrchestratorEvent(stored))));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Code::corrupt);
  EXPECT_NE(decoded.error().message.find("no event of a node"), std::string::npos) << decoded.error().message;
  EXPECT_FALSE(decode_node_event(encode(test::filled_envelope(Presence{true}))));
}

TEST(HostileBytes, ANodesEventThatCouldNotBeStoredIsRefused) {
  // Padding that no reader looks at.
  auto bytes = encode(test::filled_envelope(NodeEvent(SwitchBegan{{1, 1}})));
  bytes.append(envelope_bytes.bytes_max, '\0');
  const auto decoded = decode(bytes);
  ASSERT_FALSE(decoded);
  EXPECT_NE(decoded.error().message.find("too many for a node's event"), std::string::npos) << decoded.error().message;
}

// ---- of a later version ------------------------------------------------------------------------------------------------

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return at == std::string::npos ? text : text.replace(at, what.size(), with);
}

std::string with_a_later_member(const std::string& schema) {
  return replaced(replaced(schema, "OsResourceMoved\n}", "OsResourceMoved, Later\n}"), "union Payload",
                  "table Later { what:string; }\nunion Payload");
}

TEST(LaterVersions, APayloadThatIsNotKnownIsUnavailable) {
  const auto later = test::parse_schema(with_a_later_member(test::joined_schemas("envelope.fbs")));
  const auto decoded = decode(test::from_json(*later, of("Later", R"({"what":"new"})")));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Code::unavailable);
  EXPECT_EQ(decoded.error().message, "envelope: payload 68 is not known to this version");
}

TEST(LaterVersions, AStoredEventThatIsNotKnownIsUnavailable) {
  const auto later = test::parse_schema(with_a_later_member(test::joined_schemas("envelope.fbs")));
  NodeEventStored stored;
  stored.envelope = test::from_json(*later, of("Later", "{}"));
  const auto decoded = decode(encode(test::filled_envelope(OrchestratorEvent(stored))));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Code::unavailable);
}

TEST(LaterVersions, AFieldThatIsNotKnownIsPassedOver) {
  const auto later = test::parse_schema(
      replaced(test::joined_schemas("envelope.fbs"), "  online:bool;\n", "  online:bool;\n  battery:uint;\n  note:string;\n"));
  const auto decoded = decode(test::from_json(*later, of("Presence", R"({"online":true,"battery":80,"note":"x"})")));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->payload, Payload(Presence{true}));
}

}  // namespace
}  // namespace abide
