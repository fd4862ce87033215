#include "common/events/print.hpp"

#include <algorithm>
#include <type_traits>

#include "common/core/time.hpp"
#include "common/events/field_list.hpp"
#include "common/events/fields.hpp"
#include "common/events/text.hpp"

namespace abide {
namespace {

constexpr std::size_t line_value_bytes_max = 200;  // of one value in a line; fields_of gives all of it
constexpr std::size_t line_digest_digits = 12;     // enough to tell images apart in a log

std::vector<ListedField> list_fields(const NodeEvent& event);

template <class T>
std::vector<ListedField> list_of(const T& value) {
  auto list = listed(value);
  if constexpr (std::is_same_v<T, NodeEventStored>) {
    list.push_back({"event", std::string(name_of(value.event))});
    for (auto& field : list_fields(value.event)) list.push_back({"event." + field.name, std::move(field.value), field.digest});
  }
  return list;
}

std::vector<ListedField> list_fields(const NodeEvent& event) {
  return std::visit([](const auto& e) { return list_of(e); }, event);
}
std::vector<ListedField> list_fields(const OrchestratorEvent& event) {
  return std::visit([](const auto& e) { return list_of(e); }, event);
}
std::vector<ListedField> list_fields(const Payload& payload) {
  return std::visit(
      []<class T>(const T& held) {
        if constexpr (std::is_same_v<T, NodeEvent> || std::is_same_v<T, OrchestratorEvent>)
          return list_fields(held);
        else
          return list_of(held);
      },
      payload);
}

template <class P>
Fields without_kinds(const P& value) {
  Fields result;
  for (auto& field : list_fields(value)) result.emplace_back(std::move(field.name), std::move(field.value));
  return result;
}

// Most values.
bool is_ascii_word(std::string_view value) {
  if (value.empty() || value.size() > line_value_bytes_max) return false;
  return std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; });
}

// A value as it stands in a line: quoted where it would not be one word, cut where it is long.
std::string quoted(std::string_view value) {
  if (is_ascii_word(value)) return std::string(value);
  std::string cut;
  const bool too_long = value.size() > line_value_bytes_max;
  if (too_long) {
    cut = clip_text(value, line_value_bytes_max) + "...";
    value = cut;
  }
  bool plain = !value.empty() && is_utf8(value);
  for (const char c : value)
    if (static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '\\' || c == 0x7f) plain = false;
  if (plain) return std::string(value);
  constexpr std::string_view digits = "0123456789abcdef";
  const bool utf8 = is_utf8(value);
  std::string result = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (c == '\n') {
      result += "\\n";
    } else if (byte < ' ' || byte == 0x7f || (byte >= 0x80 && !utf8)) {
      result += "\\x";
      result += digits[byte >> 4];
      result += digits[byte & 15];
    } else {
      result += c;
    }
  }
  return result + '"';
}

template <class P>
std::string line_of(const P& value) {
  std::string line(name_of(value));
  for (const auto& field : list_fields(value)) {
    line += ' ';
    line += field.name;
    line += '=';
    if (field.digest)
      line.append(field.value, 0, line_digest_digits);
    else if (is_ascii_word(field.value))
      line += field.value;
    else
      line += quoted(field.value);
  }
  return line;
}

}  // namespace

std::string_view name_of(const NodeEvent& event) {
  return std::visit([]<class T>(const T&) { return T::name; }, event);
}
std::string_view name_of(const OrchestratorEvent& event) {
  return std::visit([]<class T>(const T&) { return T::name; }, event);
}
std::string_view name_of(const Payload& payload) {
  return std::visit(
      []<class T>(const T& held) {
        if constexpr (std::is_same_v<T, NodeEvent> || std::is_same_v<T, OrchestratorEvent>)
          return name_of(held);
        else
          return name_of_type<T>();
      },
      payload);
}

Fields fields_of(const NodeEvent& event) {
  return without_kinds(event);
}
Fields fields_of(const OrchestratorEvent& event) {
  return without_kinds(event);
}
Fields fields_of(const Payload& payload) {
  return without_kinds(payload);
}

std::string print(const NodeEvent& event) {
  return line_of(event);
}
std::string print(const OrchestratorEvent& event) {
  return line_of(event);
}
std::string print(const Payload& payload) {
  return line_of(payload);
}

std::string print(const Envelope& envelope) {
  std::string line = to_rfc3339(envelope.at_ms);
  if (!envelope.clock_trusted) line += '?';
  line += ' ';
  line += envelope.life ? "life " + to_hex(envelope.life) : to_hex(envelope.journal);
  if (envelope.sequence != 0) line += "/" + std::to_string(envelope.sequence);
  line += " " + print(envelope.payload);
  if (envelope.omitted != 0) line += " omitted=" + std::to_string(envelope.omitted);
  if (!envelope.cause.request.empty())
    line += " cause=" + quoted(envelope.cause.request);
  else if (envelope.cause.journal)
    line += " cause=" + to_hex(envelope.cause.journal) + "/" + std::to_string(envelope.cause.sequence);
  return line;
}

}  // namespace abide
