#include "orchestrator/api/http.hpp"

#include <nlohmann/json.hpp>

namespace abide::api {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> percent_decoded(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0)
        return fail(Code::invalid_input, "the URL has a % without two hex digits");
      c = static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else if (c == '+' && plus_is_blank) {
      c = ' ';
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return fail(Code::invalid_input, "the URL has a character that is not printable");
    out += c;
  }
  return out;
}

Result<void> parse_query(std::string_view query, Target& target) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto key = percent_decoded(pair.substr(0, equals), true);
    auto value = percent_decoded(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!key) return fail(key.error());
    if (!value) return fail(value.error());
    if (value->empty()) return fail(Code::invalid_input, "query parameter " + *key + " is empty");
    if (target.query.size() >= query_parameters_max) return fail(Code::invalid_input, "too many query parameters");
    if (!target.query.emplace(*key, *value).second) return fail(Code::invalid_input, "query parameter " + *key + " is given twice");
  }
  return {};
}

}  // namespace

std::string_view authority_of(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    return target.substr(0, target.find_first_of("/?"));
  }
  return {};
}

Result<Target> parse_target(std::string_view text) {
  Target target;
  std::string whole;
  if (const auto authority = authority_of(text); !authority.empty()) {
    text.remove_prefix(static_cast<std::size_t>(authority.data() + authority.size() - text.data()));
    if (!text.starts_with('/')) text = whole = "/" + std::string(text);
  }
  const std::size_t question = std::min(text.find('?'), text.size());
  std::string_view path = text.substr(0, question);
  if (path.empty() || path.front() != '/') return fail(Code::invalid_input, "the URL's path does not begin with /");
  path.remove_prefix(1);
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    auto segment = percent_decoded(path.substr(0, end), false);
    if (!segment) return fail(segment.error());
    if (target.segments.size() >= path_segments_max) return fail(Code::not_found, "no such path");
    target.segments.push_back(std::move(*segment));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  if (question < text.size()) {
    if (auto parsed = parse_query(text.substr(question + 1), target); !parsed) return fail(parsed.error());
  }
  return target;
}

Result<bool> names_tag(std::string_view list, std::string_view tag, bool weak) {
  const auto wrong = [] { return fail(Code::invalid_input, "If-Match and If-None-Match are * or entity tags in double quotes"); };
  const auto blanks = [&] { list.remove_prefix(std::min(list.find_first_not_of(" \t"), list.size())); };
  blanks();
  if (list.starts_with('*')) {
    list.remove_prefix(1);
    blanks();
    if (!list.empty()) return wrong();
    return true;
  }
  bool found = false;
  while (true) {
    blanks();
    const bool is_weak = list.starts_with("W/");
    if (is_weak) list.remove_prefix(2);
    const std::size_t end = list.find('"', 1);
    if (!list.starts_with('"') || end == std::string_view::npos) return wrong();
    found = found || (list.substr(0, end + 1) == tag && (weak || !is_weak));
    list.remove_prefix(end + 1);
    blanks();
    if (list.empty()) return found;
    if (!list.starts_with(',')) return wrong();
    list.remove_prefix(1);
  }
}

HttpResponse error_response(unsigned status, std::string_view code, std::string_view message) {
  nlohmann::ordered_json body;
  body["code"] = code;
  body["message"] = message;
  HttpResponse response;
  response.status = status;
  response.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return response;
}

HttpResponse error_response(const Error& error) {
  switch (error.code) {
    case Code::invalid_input:
      return error_response(400, "InvalidArgument", error.message);
    case Code::not_found:
      return error_response(404, "NotFound", error.message);
    case Code::conflict:
      return error_response(400, "FailedPrecondition", error.message);
    case Code::denied:
      return error_response(403, "PermissionDenied", error.message);
    case Code::unavailable:
      return error_response(503, "Unavailable", error.message);
    case Code::timeout:
      return error_response(503, "Unavailable", error.message);
    case Code::corrupt:
      return error_response(500, "Internal", error.message);
  }
  return error_response(500, "Internal", error.message);
}

}  // namespace abide::api
