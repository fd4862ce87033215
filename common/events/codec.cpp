#include "common/events/codec.hpp"

#include "common/events/codec_tables.hpp"
#include "schemas/envelope_generated.h"

namespace abide {
namespace {

using tables::Aligned;
using tables::Limits;

constexpr const char* envelope_identifier = "ABD1";
constexpr const char* body_identifier = "ABDB";

// Ids in the table Envelope.
enum class At : flatbuffers::voffset_t {
  journal = wire::Envelope::VT_JOURNAL,
  life = wire::Envelope::VT_LIFE,
  sequence = wire::Envelope::VT_SEQUENCE,
  after = wire::Envelope::VT_AFTER,
  session = wire::Envelope::VT_SESSION,
  at_ms = wire::Envelope::VT_AT_MS,
  clock_trusted = wire::Envelope::VT_CLOCK_TRUSTED,
  omitted = wire::Envelope::VT_OMITTED,
  cause = wire::Envelope::VT_CAUSE,
  payload_type = wire::Envelope::VT_PAYLOAD_TYPE,
  payload = wire::Envelope::VT_PAYLOAD,
};
constexpr flatbuffers::voffset_t at(At field) {
  return static_cast<flatbuffers::voffset_t>(field);
}

template <class T, class Tuple>
struct Place;
template <class T, class... Rest>
struct Place<T, std::tuple<T, Rest...>> : std::integral_constant<std::uint8_t, 1> {};
template <class T, class First, class... Rest>
struct Place<T, std::tuple<First, Rest...>> : std::integral_constant<std::uint8_t, Place<T, std::tuple<Rest...>>::value + 1> {};

constexpr std::size_t members = std::tuple_size_v<PayloadMembers>;
static_assert(static_cast<std::size_t>(wire::Payload::MAX) == members, "the union of schemas/envelope.fbs and PayloadMembers differ");

template <class T, class Variant>
struct IsOneOf : std::false_type {};
template <class T, class... Ts>
struct IsOneOf<T, std::variant<Ts...>> : std::disjunction<std::is_same<T, Ts>...> {};

template <class T>
Payload to_payload(T value) {
  if constexpr (IsOneOf<T, NodeEvent>::value)
    return NodeEvent(std::move(value));
  else if constexpr (IsOneOf<T, OrchestratorEvent>::value)
    return OrchestratorEvent(std::move(value));
  else
    return value;
}

// f(value) for the value that a payload holds at the end of its variants.
template <class P, class F>
decltype(auto) visit_payload(P& payload, const F& f) {
  return std::visit(
      [&](auto& held) {
        using T = std::remove_cvref_t<decltype(held)>;
        if constexpr (std::same_as<T, NodeEvent> || std::same_as<T, OrchestratorEvent>)
          return std::visit(f, held);
        else
          return f(held);
      },
      payload);
}

// What lies inside of a payload as bytes is checked with it.
template <class T>
void complete(T& value, std::optional<Error>& error) {
  if constexpr (std::same_as<T, Document>) {
    if (auto body = decode_body(value.body); !body) error = body.error().in("body");
  } else if constexpr (std::same_as<T, NodeEventStored>) {
    auto envelope = decode_node_event(value.envelope);
    if (!envelope)
      error = envelope.error().in("envelope");
    else
      value.event = std::get<NodeEvent>(std::move(envelope->payload));
  }
}

template <class T>
Payload read_payload(const flatbuffers::Table& table, std::optional<Error>& error) {
  T value;
  tables::read(table, value, error);
  if (!error) complete(value, error);
  if (error) error = error->in(name_of_type<T>());
  return to_payload(std::move(value));
}

using ReadPayload = Payload (*)(const flatbuffers::Table&, std::optional<Error>&);
template <std::size_t... I>
constexpr std::array<ReadPayload, members> readers(std::index_sequence<I...>) {
  return {&read_payload<std::tuple_element_t<I, PayloadMembers>>...};
}
constexpr auto read_payloads = readers(std::make_index_sequence<members>{});

constexpr std::uint8_t last_node_event = Place<JournalForked, PayloadMembers>::value;

// `only_node_events`: an envelope inside of another may not hold a third.
Result<Envelope> decode_envelope(std::string_view bytes, bool only_node_events) {
  const Aligned aligned(bytes);
  auto verified = tables::verified<wire::Envelope>(aligned, envelope_bytes_max, envelope_identifier, Limits{});
  if (!verified) return fail(verified.error().in("envelope"));
  const flatbuffers::Table& table = **verified;
  const auto type = table.GetField<std::uint8_t>(at(At::payload_type), 0);
  if (type == 0) return fail(Code::corrupt, "envelope: no payload");
  if (type > members) return fail(Code::unavailable, "envelope: payload " + std::to_string(type) + " is not known to this version");
  if (type <= last_node_event && bytes.size() > envelope_bytes.bytes_max)  // it could not be stored inside of another
    return fail(Code::corrupt, "envelope: " + std::to_string(bytes.size()) + " bytes are too many for a node's event");
  if (only_node_events && type > last_node_event) return fail(Code::corrupt, "envelope: the payload is no event of a node");

  Envelope envelope;
  envelope.journal.value = table.GetField<std::uint64_t>(at(At::journal), 0);
  envelope.life.value = table.GetField<std::uint64_t>(at(At::life), 0);
  envelope.sequence = table.GetField<std::uint64_t>(at(At::sequence), 0);
  envelope.after.value = table.GetField<std::uint64_t>(at(At::after), 0);
  envelope.session.value = table.GetField<std::uint64_t>(at(At::session), 0);
  envelope.at_ms = table.GetField<std::int64_t>(at(At::at_ms), 0);
  envelope.clock_trusted = table.GetField<std::uint8_t>(at(At::clock_trusted), 0) != 0;
  envelope.omitted = table.GetField<std::uint32_t>(at(At::omitted), 0);
  if (envelope.at_ms < -whole_max || envelope.at_ms > whole_max) return fail(Code::corrupt, "envelope: at_ms is out of range");
  std::optional<Error> error;
  if (const auto* cause = table.GetPointer<const flatbuffers::Table*>(at(At::cause))) tables::read(*cause, envelope.cause, error);
  if (error) return fail(error->in("envelope: cause"));
  const auto* payload = table.GetPointer<const flatbuffers::Table*>(at(At::payload));
  if (payload == nullptr) return fail(Code::corrupt, "envelope: no payload");
  envelope.payload = read_payloads[type - 1](*payload, error);
  if (error) return fail(*error);
  return envelope;
}

}  // namespace

std::string encode(const Envelope& envelope) {
  flatbuffers::FlatBufferBuilder builder(1024);
  std::uint8_t type = 0;
  const auto payload = visit_payload(envelope.payload, [&]<class T>(const T& value) {
    type = Place<T, PayloadMembers>::value;
    return tables::write(builder, value);
  });
  const auto cause = envelope.cause == Cause{} ? tables::Offset{0} : tables::write(builder, envelope.cause);
  const auto start = builder.StartTable();
  builder.AddElement<std::uint64_t>(at(At::journal), envelope.journal.value, 0);
  builder.AddElement<std::uint64_t>(at(At::life), envelope.life.value, 0);
  builder.AddElement<std::uint64_t>(at(At::sequence), envelope.sequence, 0);
  builder.AddElement<std::uint64_t>(at(At::after), envelope.after.value, 0);
  builder.AddElement<std::uint64_t>(at(At::session), envelope.session.value, 0);
  builder.AddElement<std::int64_t>(at(At::at_ms), tables::clamp_whole(envelope.at_ms), 0);
  builder.AddElement<std::uint8_t>(at(At::clock_trusted), envelope.clock_trusted ? 1 : 0, 0);
  builder.AddElement<std::uint32_t>(at(At::omitted), envelope.omitted, 0);
  if (cause != 0) builder.AddOffset(at(At::cause), flatbuffers::Offset<void>(cause));
  builder.AddElement<std::uint8_t>(at(At::payload_type), type, 0);
  builder.AddOffset(at(At::payload), flatbuffers::Offset<void>(payload));
  auto bytes = tables::finish(builder, builder.EndTable(start), envelope_identifier);
  assert(bytes.size() <= envelope_bytes_max);
  return bytes;
}

Result<Envelope> decode(std::string_view bytes) {
  return decode_envelope(bytes, false);
}

Result<Envelope> decode_node_event(std::string_view bytes) { return decode_envelope(bytes, true); }

Result<EnvelopePlace> decode_place(std::string_view bytes) {
  const Aligned aligned(bytes);
  auto verified = tables::verified<wire::Envelope>(aligned, envelope_bytes_max, envelope_identifier, Limits{});
  if (!verified) return fail(verified.error().in("envelope"));
  const flatbuffers::Table& table = **verified;
  EnvelopePlace place;
  place.journal.value = table.GetField<std::uint64_t>(at(At::journal), 0);
  place.sequence = table.GetField<std::uint64_t>(at(At::sequence), 0);
  place.after.value = table.GetField<std::uint64_t>(at(At::after), 0);
  return place;
}

std::string encode_body(const DocumentBody& body) {
  flatbuffers::FlatBufferBuilder builder(1024);
  const auto root = tables::write(builder, body);
  return tables::finish(builder, root, body_identifier);
}

Result<DocumentBody> decode_body(std::string_view bytes) {
  const Aligned aligned(bytes);
  auto verified = tables::verified<wire::DocumentBody>(aligned, body_bytes.bytes_max, body_identifier, Limits{});
  if (!verified) return fail(verified.error().in("document body"));
  DocumentBody body;
  std::optional<Error> error;
  tables::read(**verified, body, error);
  if (error) return fail(error->in("document body"));
  return body;
}

void fit(Payload& payload) {
  visit_payload(payload, []<class T>(T& value) {
    tables::Fit fit;
    fields(fit, value);
  });
}

void fit(Envelope& envelope) {
  envelope.at_ms = tables::clamp_whole(envelope.at_ms);
  tables::Fit cause;
  fields(cause, envelope.cause);
  fit(envelope.payload);
}

}  // namespace abide
