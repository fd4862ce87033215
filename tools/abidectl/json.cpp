#include "tools/abidectl/json.hpp"

#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

namespace abide::ctl {

namespace {

const Json nothing;

void emit(YAML::Emitter& out, const Json& value) {
  switch (value.type()) {
    case Json::value_t::object:
      out << YAML::BeginMap;
      for (const auto& [key, member] : value.items()) {
        out << YAML::Key << key << YAML::Value;
        emit(out, member);
      }
      out << YAML::EndMap;
      return;
    case Json::value_t::array:
      out << YAML::BeginSeq;
      for (const auto& element : value) emit(out, element);
      out << YAML::EndSeq;
      return;
    case Json::value_t::string: {
      // A text that YAML would read as something else ("1.10", "no", "null") keeps its quotes.
      const auto& text = value.get_ref<const std::string&>();
      bool plain = !text.empty() && text.find_first_not_of("0123456789+-.eExXoO_:") != std::string::npos;
      for (const char* word : {"true", "false", "yes", "no", "on", "off", "null", "~", "y", "n"}) {
        if (text == word) plain = false;
      }
      if (!plain) out << YAML::DoubleQuoted;
      out << text;
      return;
    }
    case Json::value_t::null:
      out << YAML::Null;
      return;
    case Json::value_t::boolean:
      out << value.get<bool>();
      return;
    case Json::value_t::number_integer:
      out << value.get<std::int64_t>();
      return;
    case Json::value_t::number_unsigned:
      out << value.get<std::uint64_t>();
      return;
    case Json::value_t::number_float:
      out << value.get<double>();
      return;
    case Json::value_t::binary:
    case Json::value_t::discarded:
      return;
  }
}

}  // namespace

const Json& member_at(const Json& object, std::string_view path) {
  const Json* at = &object;
  while (!path.empty()) {
    const auto dot = path.find('.');
    const std::string key(path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
    if (!at->is_object()) return nothing;
    const auto found = at->find(key);
    if (found == at->end()) return nothing;
    at = &*found;
  }
  return *at;
}

std::string text_at(const Json& object, std::string_view path) {
  const Json& member = member_at(object, path);
  if (member.is_string()) return member.get<std::string>();
  if (member.is_number() || member.is_boolean()) return member.dump();
  return {};
}

std::optional<std::int64_t> number_at(const Json& object, std::string_view path) {
  const Json& member = member_at(object, path);
  if (member.is_number_integer()) return member.get<std::int64_t>();
  if (member.is_number()) return static_cast<std::int64_t>(member.get<double>());
  return std::nullopt;
}

std::string to_yaml(const Json& value) {
  YAML::Emitter out;
  emit(out, value);
  return std::string(out.c_str()) + "\n";
}

}  // namespace abide::ctl
