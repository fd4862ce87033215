#include "orchestrator/api/json_input.hpp"

#include <algorithm>

#include "orchestrator/api/query.hpp"

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

Result<Patch> parse_patch(std::string_view body, std::map<std::string, std::string, std::less<>>& query) {
  auto object = parse_object(body);
  if (!object) return fail(object.error());
  Patch patch{std::move(*object), std::nullopt};
  const auto mask = query.find("fieldMask");
  if (mask == query.end()) return patch;
  patch.mask.emplace();
  std::string_view rest = mask->second;
  while (true) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    std::string_view name = rest.substr(0, comma);
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    patch.mask->emplace_back(name);
    if (comma == rest.size()) break;
    rest.remove_prefix(comma + 1);
  }
  query.erase(mask);
  return patch;
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

bool Fields::masked(std::string_view key) const {
  return mask_ != nullptr && std::any_of(mask_->begin(), mask_->end(), [&](const auto& name) { return folded(name) == folded(key); });
}

const json* Fields::find(const char* key, bool required, const json& initial) {
  known_.insert(key);
  const bool named = masked(key);
  const auto found = mask_ != nullptr && !named ? object_.end() : object_.find(key);
  if (found != object_.end() && !found->is_null()) return &*found;
  if (named && !initial.is_null()) return &initial;
  if (required) fault(key, "is required");
  return nullptr;
}

bool Fields::has(const char* key) {
  return find(key, false) != nullptr || masked(key);
}

std::string Fields::text(const char* key, std::size_t bytes_max, Charset charset, bool required) {
  static const json nothing = "";
  const json* value = find(key, required, nothing);
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
  static const json zero = 0;
  const json* value = find(key, required, zero);
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
  static const json no = false;
  const json* value = find(key, false, no);
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
  static const json nothing = "";
  const json* value = find(key, required, nothing);
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

namespace {

// "prefix/name", each part of it as the contract says; the name alone begins and ends with a letter or a digit.
bool is_metadata_key(std::string_view key) {
  if (key.empty()) return true;
  const auto is_name = [](std::string_view name) {
    const auto alone = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    if (!alone(name.front()) || !alone(name.back())) return false;
    return std::all_of(name.begin(), name.end(), [&](char c) { return alone(c) || c == '-' || c == '_' || c == '.'; });
  };
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) return is_name(key) && !(key.size() == 1 && key[0] >= '0' && key[0] <= '9');
  const std::string_view prefix = key.substr(0, slash);
  const std::string_view name = key.substr(slash + 1);
  return !prefix.empty() && std::all_of(prefix.begin(), prefix.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '.'; }) &&
         (name.empty() || is_name(name));
}

bool is_metadata_value(std::string_view value) {
  return value.empty() || (value.find('/') == std::string_view::npos && is_metadata_key("x/" + std::string(value)));
}

// What is wrong with the item; empty: nothing.
std::string_view metadata_fault(const json& item) {
  if (!item.is_object() || item.size() != 2 || !item.contains("key") || !item.contains("value") || !item["key"].is_string() ||
      !item["value"].is_string())
    return "must be a list of objects with the texts key and value";
  const auto& key = item["key"].get_ref<const std::string&>();
  const auto& value = item["value"].get_ref<const std::string&>();
  if (key.size() > metadata_key_bytes_max || !is_metadata_key(key))
    return "has a key that is not allowed: at most 316 lower-case letters, digits and -_. between letters or digits, with a prefix/ or "
           "without";
  if (value.size() > metadata_value_bytes_max || !is_metadata_value(value))
    return "has a value that is not allowed: at most 63 lower-case letters, digits and -_. between letters or digits";
  return {};
}

}  // namespace

std::optional<std::vector<Metadata>> Fields::metadata(const char* key) {
  static const json none = json::array();
  const json* list = find(key, false, none);
  if (list == nullptr) return std::nullopt;
  if (!list->is_array() || list->size() > metadata_items_max) {
    fault(key, "must be a list of at most " + std::to_string(metadata_items_max) + " items");
    return std::nullopt;
  }
  std::vector<Metadata> items;
  std::set<std::string, std::less<>> keys;
  for (const json& item : *list) {
    if (const auto wrong = metadata_fault(item); !wrong.empty()) {
      fault(key, wrong);
      return std::nullopt;
    }
    items.push_back({item["key"].get<std::string>(), item["value"].get<std::string>()});
    if (!keys.insert(items.back().key).second) {
      fault(key, "has the key " + items.back().key + " twice");
      return std::nullopt;
    }
  }
  return items;
}

void Fields::ignore(std::initializer_list<const char*> keys) {
  for (const char* key : keys) known_.insert(key);
}

namespace {

bool is_initial(const json& value) {
  return value.is_null() || value == json("") || value == json(0) || value == json(false) || value == json::array();
}

}  // namespace

void Fields::not_served(std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (const json* value = find(key, false); value != nullptr && !is_initial(*value)) fault(key, "is not served by this version");
  }
}

void Fields::fixed(const char* key, const json& present) {
  const json* value = find(key, false);
  if (value == nullptr && !masked(key)) return;
  const bool same = value == nullptr || is_initial(*value) ? is_initial(present) : *value == present;
  if (!same) fault(key, "cannot change");
}

Result<void> Fields::finish() {
  for (const auto& [key, value] : object_.items()) {
    if (known_.count(key) == 0) fault(key.substr(0, 100), "is not a known field");
  }
  for (const auto& name : mask_ != nullptr ? *mask_ : std::vector<std::string>{}) {
    const auto is_it = [&](const auto& key) { return folded(key) == folded(name); };
    if (std::none_of(known_.begin(), known_.end(), is_it)) fault("fieldMask", "no such field: " + name.substr(0, 100));
  }
  if (fault_) return fail(*fault_);
  return {};
}

}  // namespace abide::api
