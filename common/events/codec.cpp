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

// The T of a variant: the one that is there, or a new one.
template <class T, class Variant>
T& held(Variant& variant) {
  if (auto* const there = std::get_if<T>(&variant)) return *there;
  return variant.template emplace<T>();
}
template <class T>
T& held_in_payload(Payload& payload) {
  if constexpr (IsOneOf<T, NodeEvent>::value)
    return held<T>(held<NodeEvent>(payload));
  else if constexpr (IsOneOf<T, OrchestratorEvent>::value)
    return held<T>(held<OrchestratorEvent>(payload));
  else
    return held<T>(payload);
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

constexpr std::uint8_t last_node_event = Place<JournalForked, PayloadMembers>::value;

// An envelope whose structure may be read. Its bytes must outlive it.
class ReadEnvelope {
 public:
  // `only_node_events`: an envelope inside of another may not hold a third.
  ReadEnvelope(std::string_view bytes, bool only_node_events) : aligned_(bytes) {
    auto verified = tables::verified<wire::Envelope>(aligned_, envelope_bytes_max, envelope_identifier, Limits{});
    if (!verified) {
      error = verified.error().in("envelope");
      return;
    }
    table_ = *verified;
    type_ = table_->GetField<std::uint8_t>(at(At::payload_type), 0);
    if (type_ == 0)
      refuse(Code::corrupt, "envelope: no payload");
    else if (type_ > members)
      refuse(Code::unavailable, "envelope: payload " + std::to_string(type_) + " is not known to this version");
    else if (type_ <= last_node_event && bytes.size() > envelope_bytes.bytes_max)  // it could not be stored inside of another
      refuse(Code::corrupt, "envelope: " + std::to_string(bytes.size()) + " bytes are too many for a node's event");
    else if (only_node_events && type_ > last_node_event)
      refuse(Code::corrupt, "envelope: the payload is no event of a node");
  }

  std::optional<Error> error;  // then nothing of it may be asked
  [[nodiscard]] std::uint8_t type() const { return type_; }
  [[nodiscard]] EnvelopePlace place() const { return {JournalId{number(At::journal)}, number(At::sequence), Chain{number(At::after)}}; }
  [[nodiscard]] std::uint64_t number(At field) const { return table_->GetField<std::uint64_t>(at(field), 0); }
  [[nodiscard]] std::uint32_t omitted() const { return table_->GetField<std::uint32_t>(at(At::omitted), 0); }

  // What Envelope and Recorded have in common, and then the payload, which `read(table)` reads.
  template <class Head, class Read>
  void read(Head& head, const Read& read) {
    head.journal.value = number(At::journal);
    head.sequence = number(At::sequence);
    head.after.value = number(At::after);
    head.session.value = number(At::session);
    head.at_ms = table_->GetField<std::int64_t>(at(At::at_ms), 0);
    head.clock_trusted = table_->GetField<std::uint8_t>(at(At::clock_trusted), 0) != 0;
    if (head.at_ms < -whole_max || head.at_ms > whole_max) return refuse(Code::corrupt, "envelope: at_ms is out of range");
    if (const auto* cause = table_->GetPointer<const flatbuffers::Table*>(at(At::cause)))
      tables::read(*cause, head.cause, error);
    else
      none(head.cause);
    if (error) {
      error = error->in("envelope: cause");
      return;
    }
    const auto* payload = table_->GetPointer<const flatbuffers::Table*>(at(At::payload));
    if (payload == nullptr) return refuse(Code::corrupt, "envelope: no payload");
    read(*payload);
  }

 private:
  void refuse(Code code, std::string what) { error = Error{code, std::move(what)}; }
  static void none(Cause& cause) {
    cause.journal = {};
    cause.sequence = 0;
    cause.request.clear();
  }

  Aligned aligned_;
  const flatbuffers::Table* table_ = nullptr;
  std::uint8_t type_ = 0;
};

std::optional<Error> read_inner(std::string_view bytes, NodeEvent& event, EnvelopePlace& place);

// What lies inside of a payload as bytes is checked with it.
template <class T>
void complete(T& value, std::optional<Error>& error, EnvelopePlace& inner) {
  if constexpr (std::same_as<T, Document>) {
    if (auto body = decode_body(value.body); !body) error = body.error().in("body");
  } else if constexpr (std::same_as<T, NodeEventStored>) {
    if (auto wrong = read_inner(value.envelope, value.event, inner)) error = wrong->in("envelope");
  }
}

template <class T>
void read_value(const flatbuffers::Table& table, T& value, std::optional<Error>& error, EnvelopePlace& inner) {
  tables::read(table, value, error);
  if (!error) complete(value, error, inner);
  if (error) error = error->in(name_of_type<T>());
}

// For each payload: how it is read into a Payload, or into one of the two kinds of events; null: it is none of that kind.
template <class Into>
using ReadInto = void (*)(const flatbuffers::Table&, Into&, std::optional<Error>&, EnvelopePlace&);

template <class T>
void read_payload(const flatbuffers::Table& table, Payload& into, std::optional<Error>& error, EnvelopePlace& inner) {
  read_value(table, held_in_payload<T>(into), error, inner);
}
template <class T, class Event>
void read_event(const flatbuffers::Table& table, Event& into, std::optional<Error>& error, EnvelopePlace& inner) {
  read_value(table, held<T>(into), error, inner);
}
template <class Into, class T>
constexpr ReadInto<Into> reader_of() {
  if constexpr (std::same_as<Into, Payload>)
    return &read_payload<T>;
  else if constexpr (IsOneOf<T, Into>::value)
    return &read_event<T, Into>;
  else
    return nullptr;
}
template <class Into, std::size_t... I>
constexpr std::array<ReadInto<Into>, members> readers(std::index_sequence<I...>) {
  return {reader_of<Into, std::tuple_element_t<I, PayloadMembers>>()...};
}
template <class Into>
constexpr auto readers_of = readers<Into>(std::make_index_sequence<members>{});

std::optional<Error> read_inner(std::string_view bytes, NodeEvent& event, EnvelopePlace& place) {
  ReadEnvelope envelope(bytes, true);
  if (envelope.error) return std::move(envelope.error);
  place = envelope.place();
  struct {
    JournalId journal;
    std::uint64_t sequence = 0;
    Chain after;
    SessionId session;
    std::int64_t at_ms = 0;
    bool clock_trusted = false;
    Cause cause;
  } head;
  EnvelopePlace none;
  envelope.read(
      head, [&](const flatbuffers::Table& payload) { readers_of<NodeEvent>[envelope.type() - 1](payload, event, envelope.error, none); });
  return std::move(envelope.error);
}

Result<Envelope> decode_envelope(std::string_view bytes, bool only_node_events) {
  ReadEnvelope read(bytes, only_node_events);
  if (read.error) return fail(std::move(*read.error));
  Envelope envelope;
  envelope.life.value = read.number(At::life);
  envelope.omitted = read.omitted();
  EnvelopePlace inner;
  read.read(envelope,
            [&](const flatbuffers::Table& payload) { readers_of<Payload>[read.type() - 1](payload, envelope.payload, read.error, inner); });
  if (read.error) return fail(std::move(*read.error));
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

Result<Envelope> decode_node_event(std::string_view bytes) {
  return decode_envelope(bytes, true);
}

template <class Event>
Result<bool> decode_event(std::string_view bytes, Recorded<Event>& into, EnvelopePlace& inner) {
  ReadEnvelope read(bytes, false);
  if (read.error) return fail(std::move(*read.error));
  const auto reader = readers_of<Event>[read.type() - 1];
  if (reader == nullptr) {  // whether it is an envelope at all is said as of any
    if (auto other = decode(bytes); !other) return fail(other.error());
    return false;
  }
  read.read(into, [&](const flatbuffers::Table& payload) { reader(payload, into.event, read.error, inner); });
  if (read.error) return fail(std::move(*read.error));
  return true;
}
template Result<bool> decode_event(std::string_view, Recorded<NodeEvent>&, EnvelopePlace&);
template Result<bool> decode_event(std::string_view, Recorded<OrchestratorEvent>&, EnvelopePlace&);

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
