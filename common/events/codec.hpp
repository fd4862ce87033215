#pragma once
// Bytes of the contract (schemas/*.fbs) to plain structs and back. codec.cpp is the only file that sees
// FlatBuffers (and the rows.cpp of each component, for state rows).
#include <string>
#include <string_view>

#include "common/core/machine.hpp"
#include "common/core/result.hpp"
#include "common/events/document.hpp"
#include "common/events/envelope.hpp"

namespace abide {

inline constexpr std::size_t envelope_bytes_max = 1024 * 1024;

// The same envelope always gives the same bytes.
std::string encode(const Envelope& envelope);

// Verifies first: identifier, structure, sizes, every string's and list's limit, every enum's range; nothing is read
// before. corrupt: these bytes are not an envelope. unavailable: a newer version's payload, or value of an enum, that is not
// known here.
Result<Envelope> decode(std::string_view bytes);

// The same, for an event of a node's journal: corrupt where the payload is anything else.
Result<Envelope> decode_node_event(std::string_view bytes);

// Where an envelope says that it stands in its journal; nothing more of it is looked at than must be to read that.
struct EnvelopePlace {
  JournalId journal;
  std::uint64_t sequence = 0;
  Chain after;
};
Result<EnvelopePlace> decode_place(std::string_view bytes);

// An event of a journal, of nodes or of an orchestrator, into one that may have been used before: all that it said is replaced, and its
// memory is used again. `chain`, of which the bytes say nothing, stays. `inner` is where an event of a node that lies in it, as in
// NodeEventStored, stands in its own journal. False: it is an envelope, but not of such an event. Then, and after an error, `into` has no
// meaning.
template <class Event>
Result<bool> decode_event(std::string_view bytes, Recorded<Event>& into, EnvelopePlace& inner);

// Cuts texts and lists to the limits of the contract, which is what encode() does, too: what is applied to a state must be
// what its journal will say.
void fit(Payload& payload);
void fit(Envelope& envelope);  // its cause and its time, too

// The body of a document, which digest and tag are over. Decoding does not check the tag.
std::string encode_body(const DocumentBody& body);
Result<DocumentBody> decode_body(std::string_view bytes);

}  // namespace abide
