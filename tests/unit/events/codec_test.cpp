#include "common/events/codec.hpp"

#include <algorithm>
#include <gtest/gtest.h>

#include "common/core/hash.hpp"
#include "common/events/print.hpp"
#include "common/events/text.hpp"
#include "tests/support/filled.hpp"

namespace abide {
namespace {

template <class F>
void visit_event(Payload& payload, const F& f) {
  if (auto* event = std::get_if<NodeEvent>(&payload)) std::visit(f, *event);
  if (auto* event = std::get_if<OrchestratorEvent>(&payload)) std::visit(f, *event);
}

TEST(Codec, KeepsEveryFieldOfEveryPayload) {
  for (const auto& envelope : test::every_envelope()) {
    const auto decoded = decode(encode(envelope));
    ASSERT_TRUE(decoded) << name_of(envelope.payload) << ": " << decoded.error().message;
    EXPECT_EQ(*decoded, envelope) << name_of(envelope.payload);
  }
}

template <class T>
Envelope bare() {
  Envelope envelope;
  envelope.payload = test::payload_of(T{});
  return envelope;
}

TEST(Codec, KeepsDefaultsOfEveryPayload) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto check = []<class T>(std::type_identity<T>) {
      if constexpr (!std::is_same_v<T, Document> && !std::is_same_v<T, NodeEventStored>) {  // never without their bytes
        const auto envelope = bare<T>();
        const auto decoded = decode(encode(envelope));
        ASSERT_TRUE(decoded) << name_of(envelope.payload) << ": " << decoded.error().message;
        EXPECT_EQ(*decoded, envelope) << name_of(envelope.payload);
      }
    };
    (check(std::type_identity<std::tuple_element_t<I, PayloadMembers>>{}), ...);
  }
  (std::make_index_sequence<std::tuple_size_v<PayloadMembers>>{});
}

TEST(Codec, TellsAFieldThatIsSetFromTheSameOneInAnotherValue) {
  const auto first = test::every_envelope(0);
  const auto second = test::every_envelope(1000);
  for (std::size_t i = 0; i < first.size(); ++i)
    if (!std::holds_alternative<Presence>(first[i].payload)) {
      EXPECT_NE(encode(first[i]), encode(second[i])) << name_of(first[i].payload);
    }
}

TEST(Codec, GivesTheSameBytesForTheSameEnvelope) {
  for (const auto& envelope : test::every_envelope()) {
    const auto bytes = encode(envelope);
    EXPECT_EQ(encode(envelope), bytes);
    EXPECT_EQ(encode(*decode(bytes)), bytes) << name_of(envelope.payload);
  }
}

// Journals and chains are over these bytes, and a node's successor versions read what it wrote: a change here is a change of
// the contract, and needs a look at schemas/released.
TEST(Codec, BytesAreThoseOfTheContract) {
  Envelope envelope;
  envelope.journal.value = 0x0102030405060708ULL;
  envelope.sequence = 2;
  envelope.at_ms = 1;
  envelope.payload = NodeEvent(SwitchBegan{{3, 4}});
  const std::string bytes = encode(envelope);
  EXPECT_EQ(bytes.substr(4, 4), "ABD1");
  EXPECT_EQ(to_hex(sha256(bytes)), "fcbceff9b82d2abcdbe3b1f45bf93742b456891d7206d493de9e87d0669fbd1f");
  EXPECT_EQ(to_hex(sha256(encode_body(test::filled_from<DocumentBody>()))),
            "04e60e45a4c1875447bbd07eecea10fc5f4bde0e1b049f7375cc040f308fb6f7");
}

TEST(Codec, ReadsFromAnyAddress) {
  for (const auto& envelope : test::every_envelope()) {
    for (std::size_t shift = 0; shift < 8; ++shift) {
      const std::string moved = std::string(shift, 'x') + encode(envelope);
      const auto decoded = decode(std::string_view(moved).substr(shift));
      ASSERT_TRUE(decoded) << decoded.error().message;
      EXPECT_EQ(*decoded, envelope);
    }
  }
}

TEST(Codec, KeepsADocumentsBody) {
  const auto body = test::filled_from<DocumentBody>();
  auto decoded = decode_body(encode_body(body));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, body);
  decoded = decode_body(encode_body(DocumentBody{}));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, DocumentBody{});
}

TEST(Codec, SendsADocumentsBodyByteForByte) {
  auto document = test::filled_from<Document>();
  const auto decoded = decode(encode(test::filled_envelope(document)));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(std::get<Document>(decoded->payload).body, document.body);
}

TEST(Codec, TakesAStoredEventFromTheEnvelopeInside) {
  auto stored = test::filled_from<NodeEventStored>();
  stored.event = SwitchBegan{};  // what is beside the bytes does not travel
  const auto decoded = decode(encode(test::filled_envelope(OrchestratorEvent(stored))));
  ASSERT_TRUE(decoded) << decoded.error().message;
  const auto& event = std::get<NodeEventStored>(std::get<OrchestratorEvent>(decoded->payload));
  EXPECT_EQ(event.envelope, stored.envelope);
  EXPECT_TRUE(std::holds_alternative<RolledBack>(event.event));
}

// Every payload after every other of another fill: nothing of what was there before may be left.
template <class Event>
void expect_read_into_used() {
  std::vector<Envelope> envelopes = test::every_envelope(0);
  for (auto& envelope : test::every_envelope(1000)) envelopes.push_back(std::move(envelope));
  for (const auto& envelope : test::every_envelope(0)) {  // and with as little as there can be
    auto bare = envelope;
    bare.cause = {};
    bare.session = {};
    bare.clock_trusted = false;
    visit_event(bare.payload, []<class T>(T& event) {
      if constexpr (!std::is_same_v<T, NodeEventStored>) event = T{};
    });
    envelopes.push_back(std::move(bare));
  }
  std::size_t events = 0, others = 0;
  Recorded<Event> used;
  used.chain = Chain{7};
  EnvelopePlace inner;
  for (std::size_t step = 1; step < 4; ++step) {  // in several orders
    for (std::size_t at = 0; at < envelopes.size(); ++at) {
      const auto& envelope = envelopes[at * (2 * step + 1) % envelopes.size()];
      SCOPED_TRACE(name_of(envelope.payload));
      const auto* event = std::get_if<Event>(&envelope.payload);
      const auto read = decode_event(encode(envelope), used, inner);
      ASSERT_TRUE(read) << read.error().message;
      ASSERT_EQ(*read, event != nullptr);
      ++(event != nullptr ? events : others);
      if (event == nullptr) continue;
      EXPECT_EQ(used.event, *event);
      EXPECT_EQ(used.journal, envelope.journal);
      EXPECT_EQ(used.sequence, envelope.sequence);
      EXPECT_EQ(used.after, envelope.after);
      EXPECT_EQ(used.session, envelope.session);
      EXPECT_EQ(used.at_ms, envelope.at_ms);
      EXPECT_EQ(used.clock_trusted, envelope.clock_trusted);
      EXPECT_EQ(used.cause, envelope.cause);
      EXPECT_EQ(used.chain, Chain{7}) << "of which the bytes say nothing";
    }
  }
  EXPECT_GT(events, 10U);
  EXPECT_GT(others, 10U);
}

TEST(Codec, ReadsAnEventIntoOneThatWasUsedBefore) {
  expect_read_into_used<NodeEvent>();
  expect_read_into_used<OrchestratorEvent>();
}

TEST(Codec, SaysWhereAnEventThatIsStoredInAnotherStands) {
  const auto stored = test::filled_from<NodeEventStored>();
  const auto told = decode_place(stored.envelope);
  ASSERT_TRUE(told);
  Recorded<OrchestratorEvent> into;
  EnvelopePlace inner;
  ASSERT_TRUE(decode_event(encode(test::filled_envelope(OrchestratorEvent(stored))), into, inner));
  EXPECT_EQ(inner.journal, told->journal);
  EXPECT_EQ(inner.sequence, told->sequence);
  EXPECT_EQ(inner.after, told->after);
  EXPECT_NE(inner.after, into.after);
}

TEST(Codec, RefusesIntoAUsedEventWhatItRefusesElsewhere) {
  auto inside = test::filled_from<NodeEventStored>();
  Recorded<OrchestratorEvent> into;
  EnvelopePlace inner;
  for (const auto& envelope : test::every_envelope()) {
    const auto whole = encode(envelope);
    for (std::size_t size = 0; size < whole.size(); size += 1 + whole.size() / 40) {
      const auto cut = std::string_view(whole).substr(0, size);
      const auto read = decode_event(cut, into, inner);
      const auto wanted = decode(cut);
      ASSERT_EQ(read.has_value(), wanted.has_value());
      if (!read) {
        EXPECT_EQ(read.error(), wanted.error());
      }
    }
  }
  inside.envelope = "no envelope";
  const auto bytes = encode(test::filled_envelope(OrchestratorEvent(inside)));
  const auto read = decode_event(bytes, into, inner);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error(), decode(bytes).error());
  EXPECT_NE(read.error().message.find("NodeEventStored: envelope: "), std::string::npos) << read.error().message;
}

// ---- limits ------------------------------------------------------------------------------------------------------------

TEST(Codec, CutsTextToItsLimitAndFitDoesTheSame) {
  RolledBack event;
  event.from = std::string(300, 'f');
  event.evidence.output_tail = std::string(output_tail_bytes_max - 1, 'x') + "\xC3\xA4";  // the last character lies across the limit
  event.evidence.detail = "broken \xFF byte";
  Payload payload = NodeEvent(event);
  const auto decoded = decode(encode(test::filled_envelope(payload)));
  ASSERT_TRUE(decoded) << decoded.error().message;
  fit(payload);
  EXPECT_EQ(decoded->payload, payload);
  const auto& fitted = std::get<RolledBack>(std::get<NodeEvent>(payload));
  EXPECT_EQ(fitted.from, std::string(256, 'f'));
  EXPECT_EQ(fitted.evidence.output_tail, std::string(output_tail_bytes_max - 1, 'x'));
  EXPECT_EQ(fitted.evidence.detail, "broken ? byte");
}

TEST(Codec, CutsListsNumbersAndTimesToTheirLimitsAndFitDoesTheSame) {
  TrialPassed passed;
  passed.checks.resize(100);
  passed.checks[0].took_ms = INT64_MAX;
  Accepted accepted;
  accepted.release.urls.assign(40, std::string(3000, 'u'));
  Progress progress;
  progress.percent = 4000;
  RollCall roll_call;
  roll_call.spread_ms = INT64_MIN;
  for (Payload payload : {Payload(NodeEvent(passed)), Payload(NodeEvent(accepted)), Payload(progress), Payload(roll_call)}) {
    const auto before = payload;
    const auto decoded = decode(encode(test::filled_envelope(payload)));
    ASSERT_TRUE(decoded) << decoded.error().message;
    fit(payload);
    EXPECT_EQ(decoded->payload, payload) << name_of(payload);
    EXPECT_NE(payload, before) << name_of(payload);
  }
}

TEST(Codec, FitLeavesAloneWhatFits) {
  for (auto envelope : test::every_envelope()) {
    const auto before = envelope.payload;
    fit(envelope.payload);
    EXPECT_EQ(envelope.payload, before) << name_of(before);
  }
}

// A string of `size` bytes in every text, as many items in every list.
class Stuffer {
 public:
  template <class T, class... Specs>
  void operator()(std::string_view, T& member, Specs... specs) {
    stuff(member, specs...);
  }

 private:
  template <class T>
  void stuff(T& member) {
    if constexpr (Described<T>) fields(*this, member);
  }
  template <class T>
  void stuff(std::optional<T>& member) {
    stuff(member.emplace());
  }
  template <class T, class Spec>
  void stuff(T&, Spec) {}
  void stuff(std::string& member, Text text) { member.assign(text.bytes_max, 't'); }
  void stuff(std::string& member, Bytes bytes) { member.assign(bytes.bytes_max, 'b'); }
  void stuff(std::vector<std::string>& members, Items items, Text text) {
    members.assign(items.count_max, std::string(text.bytes_max, 'u'));
  }
  template <class T>
  void stuff(std::vector<T>& members, Items items) {
    members.resize(items.count_max);
    for (auto& member : members) stuff(member);
  }
};

TEST(Codec, TellsThePlaceOfAnEnvelopeWithoutItsPayload) {
  auto envelope = test::filled_envelope(NodeEvent(ClockDistrusted{}));
  envelope.sequence = 17;
  const auto bytes = encode(envelope);
  const auto place = decode_place(bytes);
  ASSERT_TRUE(place) << place.error().message;
  EXPECT_EQ(place->journal, envelope.journal);
  EXPECT_EQ(place->sequence, 17U);
  EXPECT_EQ(place->after, envelope.after);
  for (std::size_t size = 0; size < bytes.size(); ++size) (void)decode_place(bytes.substr(0, size));
  EXPECT_FALSE(decode_place(bytes.substr(0, bytes.size() / 2)));
  EXPECT_FALSE(decode_place(""));
  EXPECT_FALSE(decode_place(encode_body(DocumentBody{})));
}

TEST(Codec, TheLargestEventOfANodeFitsIntoTheOneThatStoresIt) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto check = []<class T>(std::type_identity<T>) {
      T event;
      Stuffer stuffer;
      fields(stuffer, event);
      const auto bytes = encode(test::filled_envelope(NodeEvent(event)));
      EXPECT_LE(bytes.size(), envelope_bytes.bytes_max) << T::name;
      const auto decoded = decode_node_event(bytes);
      ASSERT_TRUE(decoded) << decoded.error().message;
      NodeEventStored stored;
      stored.envelope = bytes;
      stored.event = event;
      const auto kept = decode(encode(test::filled_envelope(OrchestratorEvent(stored))));
      ASSERT_TRUE(kept) << kept.error().message;
      EXPECT_EQ(std::get<OrchestratorEvent>(kept->payload), OrchestratorEvent(stored));
    };
    (check(std::type_identity<std::variant_alternative_t<I, NodeEvent>>{}), ...);
  }
  (std::make_index_sequence<std::variant_size_v<NodeEvent>>{});
}

TEST(Codec, TheLargestDocumentAndTheLargestResourceFitIntoAnEnvelope) {
  DocumentBody body;
  Stuffer stuffer;
  fields(stuffer, body);
  Document document;
  document.body = encode_body(body);
  EXPECT_LE(document.body.size(), body_bytes.bytes_max);
  DocumentIssued issued;
  fields(stuffer, issued);
  issued.document = document;
  OsResourceCreated created;
  fields(stuffer, created);
  for (const auto& payload : {Payload(document), Payload(OrchestratorEvent(issued)), Payload(OrchestratorEvent(created))}) {
    const auto decoded = decode(encode(test::filled_envelope(payload)));
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(decoded->payload, payload);
  }
}

TEST(CodecDeathTest, BytesOverTheirLimitAreAnInvariantBroken) {
  DocumentBody body;
  body.manifest.assign(manifest_bytes_max + 1, 'm');
  EXPECT_DEATH(static_cast<void>(encode_body(body)), "bytes_max");
}

// ---- text --------------------------------------------------------------------------------------------------------------

TEST(Text, KnowsUtf8) {
  struct Row {
    std::string_view bytes;
    bool utf8;
    std::string_view clipped;
  };
  const std::vector<Row> rows = {
      {"", true, ""},
      {"plain", true, "plain"},
      {"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x9A\x80", true, "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x9A\x80"},
      {"\xC0\x80", false, "??"},            // overlong
      {"\xE0\x80\x80", false, "???"},       // overlong
      {"\xF0\x80\x80\x80", false, "????"},  // overlong
      {"\xED\xA0\x80", false, "???"},       // surrogate
      {"\xF4\x90\x80\x80", false, "????"},  // above U+10FFFF
      {"a\xC3", false, "a?"},               // cut
      {"\xE2\x82", false, "??"},            // cut
      {"\x80", false, "?"},                 // tail alone
      {"\xF4\x8F\xBF\xBF", true, "\xF4\x8F\xBF\xBF"},
      {"\xED\x9F\xBF", true, "\xED\x9F\xBF"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(is_utf8(row.bytes), row.utf8) << testing::PrintToString(row.bytes);
    EXPECT_EQ(clip_text(row.bytes, 100), row.clipped);
  }
}

TEST(Text, IsCutAfterAWholeCharacter) {
  EXPECT_EQ(clip_text("\xE2\x82\xAC\xE2\x82\xAC", 5), "\xE2\x82\xAC");
  EXPECT_EQ(clip_text("\xE2\x82\xAC\xE2\x82\xAC", 6), "\xE2\x82\xAC\xE2\x82\xAC");
  EXPECT_EQ(clip_text("abc", 0), "");
}

template <class T>
T with_offer(Number offer, Reason reason = Reason::none) {
  T event;
  event.offer = offer;
  if constexpr (requires { event.reason; }) event.reason = reason;
  if constexpr (std::is_same_v<T, Cancelled>) event.why = reason;
  return event;
}

TEST(NodeEvents, KnowTheirOfferAndTheirOutcome) {
  const Number offer{7, 12};
  EXPECT_EQ(offer_of(with_offer<ImageStaged>(offer)), offer);
  EXPECT_EQ(offer_of(with_offer<JournalForked>(offer)), offer);
  EXPECT_EQ(offer_of(AgentStarted{}), Number{});
  EXPECT_EQ(outcome_of(with_offer<Succeeded>(offer)), (Outcome{offer, OutcomeKind::succeeded, Reason::none}));
  EXPECT_EQ(outcome_of(with_offer<Failed>(offer, Reason::download)), (Outcome{offer, OutcomeKind::failed, Reason::download}));
  EXPECT_EQ(outcome_of(with_offer<RolledBack>(offer, Reason::unhealthy)), (Outcome{offer, OutcomeKind::rolled_back, Reason::unhealthy}));
  EXPECT_EQ(outcome_of(with_offer<Cancelled>(offer, Reason::aborted)), (Outcome{offer, OutcomeKind::cancelled, Reason::aborted}));
  EXPECT_EQ(outcome_of(with_offer<SwitchBegan>(offer)), Outcome{});
}

}  // namespace
}  // namespace abide
