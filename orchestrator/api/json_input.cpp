#include "orchestrator/api/json_input.hpp"

#include <vector>

namespace abide::api {

using nlohmann::json;

Result<json> parse_object(std::string_view body) {
  std::vector<std::set<std::string>> keys;
  std::optional<std::string> fault;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    if (fault) return false;
    switch (event) {
      case json::parse_event_t::object_start:
      case json::parse_event_t::array_start:
        if (depth > json_depth_max) fault = "the body is nested more than " + std::to_string(json_depth_max) + " deep";
        if (event == json::parse_event_t::object_start) keys.emplace_back();
        break;
      case json::parse_event_t::key:
        if (!keys.back().insert(parsed.get<std::string>()).second) fault = "the field " + parsed.get<std::string>() + " is given twice";
        break;
      case json::parse_event_t::object_end:
        keys.pop_back();
        break;
      default:
        break;
    }
    return !fault;
  };
  json parsed = json::parse(body, watch, false);
  if (fault) return fail(Code::invalid_input, *fault);
  if (parsed.is_discarded()) return fail(Code::invalid_input, "the body is not JSON");
  if (!parsed.is_object()) return fail(Code::invalid_input, "the body is not a JSON object");
  return parsed;
}

bool matches(Charset charset, std::string_view text) {
  std::string_view more;
  switch (charset) {
    case Charset::any:
      for (const char c : text) {
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f) return false;
      }
      return true;
    case Charset::name:
      more = "-_./: ";
      break;
    case Charset::os_name:
      more = "-_./: ()";
      break;
    case Charset::description:
      more = "-_./:;=?@!#,<>*() ";
      break;
    case Charset::os_text:
      more = "-_./:;=@?!#,<>*()\"\\ ";
      break;
    case Charset::os_description:
      more = "-_.:;=@?!#,<>*(){}&%$`^+ ";
      break;
    case Charset::version:
      more = "-_.";
      break;
  }
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && more.find(c) == std::string_view::npos) return false;
  }
  return true;
}

bool is_resource_id(std::string_view text, std::string_view prefix) {
  if (text.size() != prefix.size() + 9 || !text.starts_with(prefix) || text[prefix.size()] != '-') return false;
  for (const char c : text.substr(prefix.size() + 1)) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

void Fields::fault(std::string_view key, std::string_view what) {
  if (!fault_) fault_ = Error{Code::invalid_input, std::string(key) + ": " + std::string(what)};
}

const json* Fields::find(const char* key, bool required) {
  known_.insert(key);
  const auto found = object_.find(key);
  if (found == object_.end() || found->is_null()) {
    if (required) fault(key, "is required");
    return nullptr;
  }
  return &*found;
}

bool Fields::has(const char* key) {
  return find(key, false) != nullptr;
}

std::string Fields::text(const char* key, std::size_t bytes_max, Charset charset, bool required) {
  const json* value = find(key, required);
  if (value == nullptr) return {};
  if (!value->is_string()) {
    fault(key, "must be a text");
    return {};
  }
  const auto& text = value->get_ref<const std::string&>();
  if (required && text.empty()) {
    fault(key, "must not be empty");
  } else if (text.size() > bytes_max) {
    fault(key, "is longer than " + std::to_string(bytes_max) + " bytes");
  } else if (!matches(charset, text)) {
    fault(key, "has a character that is not allowed");
  } else {
    return text;
  }
  return {};
}

std::optional<std::int64_t> Fields::integer(const char* key, std::int64_t least, std::int64_t most, bool required) {
  const json* value = find(key, required);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer()) {
    fault(key, "must be an integer");
    return std::nullopt;
  }
  const bool beyond = value->is_number_unsigned() && value->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
  if (beyond || value->get<std::int64_t>() < least || value->get<std::int64_t>() > most) {
    fault(key, "must be between " + std::to_string(least) + " and " + std::to_string(most));
    return std::nullopt;
  }
  return value->get<std::int64_t>();
}

std::optional<bool> Fields::boolean(const char* key) {
  const json* value = find(key, false);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) {
    fault(key, "must be true or false");
    return std::nullopt;
  }
  return value->get<bool>();
}

std::string Fields::one_of(const char* key, std::initializer_list<std::string_view> names, bool required) {
  const std::string value = text(key, 128, Charset::any, required);
  if (value.empty()) return {};
  std::string all;
  for (const auto name : names) {
    if (value == name) return value;
    all += (all.empty() ? "" : ", ") + std::string(name);
  }
  fault(key, "must be one of " + all);
  return {};
}

std::string Fields::resource_id(const char* key, std::string_view prefix, bool empty_allowed, bool required) {
  const json* value = find(key, required);
  if (value == nullptr) return {};
  if (!value->is_string()) {
    fault(key, "must be a text");
    return {};
  }
  const auto& text = value->get_ref<const std::string&>();
  if (!(text.empty() && empty_allowed) && !is_resource_id(text, prefix)) {
    fault(key, "must be " + std::string(prefix) + "- and 8 hex digits");
    return {};
  }
  return text;
}

void Fields::ignore(std::initializer_list<const char*> keys) {
  for (const char* key : keys) known_.insert(key);
}

void Fields::not_served(std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (const json* value = find(key, false); value != nullptr && !(value->is_string() && value->get_ref<const std::string&>().empty()))
      fault(key, "is not served by this version");
  }
}

Result<void> Fields::finish() {
  for (const auto& [key, value] : object_.items()) {
    if (known_.count(key) == 0) fault(key.substr(0, 100), "is not a known field");
  }
  if (fault_) return fail(*fault_);
  return {};
}

}  // namespace abide::api
