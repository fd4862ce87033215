#pragma once
// One line an event, the same in log, transcript and replay: "ImageStaged offer=1764000000000.3 slot=b digest=6f7aef82 ...".
// Never a secret, never a payload's bytes.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/events/envelope.hpp"

namespace abide {

using Fields = std::vector<std::pair<std::string, std::string>>;

std::string_view name_of(const NodeEvent& event);
std::string_view name_of(const OrchestratorEvent& event);
std::string_view name_of(const Payload& payload);

// Names and values in the order of the schema, values as people read them (hex, RFC 3339, names of enums).
Fields fields_of(const NodeEvent& event);
Fields fields_of(const OrchestratorEvent& event);
Fields fields_of(const Payload& payload);

// Quotes a value where it has blanks or quotes.
std::string print(const NodeEvent& event);
std::string print(const OrchestratorEvent& event);
std::string print(const Payload& payload);
std::string print(const Envelope& envelope);

}  // namespace abide
