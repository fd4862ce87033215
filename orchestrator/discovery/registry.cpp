#include "orchestrator/discovery/registry.hpp"

#include "common/bus/mqtt_url.hpp"
#include "common/core/hash.hpp"
#include "common/release/manifest.hpp"

namespace abide::discovery {

namespace {

constexpr const char* catalog_scope = "_catalog";

// Of a query: everything but letters, digits and a few as %XX.
std::string escaped(std::string_view text) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string url;
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    const auto byte = static_cast<unsigned char>(c);
    if (plain) {
      url += c;
    } else {
      url += '%';
      url += digits[byte >> 4];
      url += digits[byte & 15];
    }
  }
  return url;
}

}  // namespace

Registry::Registry(OciAddress address, std::string user_password, std::int64_t connect_timeout_ms, std::int64_t request_timeout_ms)
    : address_(std::move(address)), user_password_(std::move(user_password)), http_(connect_timeout_ms, request_timeout_ms) {}

Result<HttpAnswer> Registry::send(const std::string& scope, const Ask& what) {
  HttpRequest request;
  request.url = address_.origin + what.path;
  request.bytes_max = what.bytes_max;
  request.accept = what.accept;
  request.etag = what.etag;
  if (basic_) request.user_password = user_password_;
  if (const auto token = tokens_.find(scope); token != tokens_.end()) request.authorization = "Bearer " + token->second;
  return http_.ask(request);
}

Result<HttpAnswer> Registry::ask(const std::string& scope, const Ask& what) {
  auto answer = send(scope, what);
  if (answer && answer->status == 401 && !answer->challenge.empty()) {
    // A token that has run out, or the first request of this scope: once.
    if (auto logged_in = log_in(scope, answer->challenge); !logged_in) return fail(logged_in.error());
    answer = send(scope, what);
    if (answer && answer->status == 401)
      return fail(Code::denied,
                  address_.authority + " does not take " + (basic_ ? "the user and password of releases-credentials" : "its own token"));
  }
  if (!answer) return fail(answer.error());
  if (answer->status != 200 && answer->status != 304)
    return fail(code_of_status(answer->status), address_.origin + what.path + ": HTTP status " + std::to_string(answer->status));
  return answer;
}

Result<void> Registry::log_in(const std::string& scope, const std::string& header) {
  auto challenge = parse_challenge(header);
  if (!challenge) return fail(challenge.error());
  if (!challenge->bearer) {
    if (user_password_.empty() || basic_)
      return fail(Code::denied, address_.authority +
                                    (basic_ ? " does not take the user and password of" : " asks for a user and password: none in") +
                                    std::string(" releases-credentials"));
    basic_ = true;
    return {};
  }
  auto token = fetch_token(*challenge);
  if (!token) return fail(token.error().in("token for " + scope));
  tokens_[scope] = *std::move(token);
  return {};
}

Result<std::string> Registry::fetch_token(const Challenge& challenge) {
  const auto place = place_of_url(challenge.realm);
  if (!place) return fail(place.error().in("realm"));
  HttpRequest request;
  request.url = challenge.realm + (challenge.realm.find('?') == std::string::npos ? '?' : '&') + "service=" + escaped(challenge.service);
  if (!challenge.scope.empty()) request.url += "&scope=" + escaped(challenge.scope);
  request.bytes_max = oci_token_bytes_max;
  if (!user_password_.empty()) {
    if (place->scheme != "https" && !is_loopback(place->host))
      return fail(Code::denied, "the password is not sent to " + place->origin + " in plain text");
    request.user_password = user_password_;
  }
  auto answer = http_.ask(request);
  if (!answer) return fail(answer.error());
  if (answer->status != 200) return fail(code_of_status(answer->status), place->origin + ": HTTP status " + std::to_string(answer->status));
  auto token = parse_token(answer->body);
  if (!token) return fail(token.error().in(place->origin));
  return token;
}

Result<void> Registry::check() {
  auto answer = send("", {"/v2/", oci_list_bytes_max, {}, {}});
  if (!answer) return fail(answer.error());
  if (code_of_status(answer->status) == Code::unavailable)
    return fail(Code::unavailable, address_.origin + "/v2/: HTTP status " + std::to_string(answer->status));
  return {};
}

Result<std::vector<std::string>> Registry::list(const std::string& scope, std::string path, const char* key) {
  std::vector<std::string> names;
  for (std::size_t page = 0; page < oci_pages_max; ++page) {
    auto answer = ask(scope, {path, oci_list_bytes_max, "application/json", {}});
    if (!answer) return fail(answer.error());
    auto more = parse_name_list(answer->body, key);
    if (!more) return fail(more.error().in(address_.origin + path));
    names.insert(names.end(), std::make_move_iterator(more->begin()), std::make_move_iterator(more->end()));
    if (names.size() > oci_names_max)
      return fail(Code::invalid_input, address_.origin + path + ": more than " + std::to_string(oci_names_max) + " " + key);
    auto next = next_page(answer->link, address_.origin);
    if (!next) return fail(next.error().in(address_.origin + path));
    if (next->empty()) return names;
    path = *std::move(next);
  }
  return fail(Code::invalid_input, address_.origin + path + ": more than " + std::to_string(oci_pages_max) + " pages");
}

Result<std::vector<std::string>> Registry::profiles() {
  auto repositories = list(catalog_scope, "/v2/_catalog?n=" + std::to_string(oci_page_names), "repositories");
  if (!repositories) return fail(repositories.error());
  std::vector<std::string> profiles;
  const std::string begin = address_.prefix + "/";
  for (const auto& repository : *repositories) {
    if (repository.starts_with(begin) && is_repository_part(std::string_view(repository).substr(begin.size())))
      profiles.push_back(repository.substr(begin.size()));
  }
  return profiles;
}

Result<std::vector<std::string>> Registry::tags(const std::string& profile) {
  return list(profile, "/v2/" + repository(profile) + "/tags/list?n=" + std::to_string(oci_page_names), "tags");
}

Result<Registry::Manifest> Registry::manifest(const std::string& profile, const std::string& tag, const std::string& etag) {
  auto answer =
      ask(profile, {"/v2/" + repository(profile) + "/manifests/" + tag, oci_manifest_bytes_max, std::string(oci_manifest_type), etag});
  if (!answer) return fail(answer.error());
  Manifest manifest;
  manifest.not_modified = answer->status == 304;
  if (manifest.not_modified) return manifest;
  const Digest digest = sha256(answer->body);
  if (!answer->content_digest.empty()) {
    auto told = parse_oci_digest(answer->content_digest);
    if (!told) return fail(told.error());
    if (*told != digest) return fail(Code::corrupt, "the manifest's SHA-256 is " + to_hex(digest) + ", the registry says " + to_hex(*told));
  }
  auto layer = parse_oci_manifest(answer->body, answer->content_type);
  if (!layer) return fail(layer.error());
  manifest.layer = *std::move(layer);
  manifest.etag = answer->etag.empty() ? "\"sha256:" + to_hex(digest) + "\"" : answer->etag;
  return manifest;
}

Result<std::string> Registry::blob(const std::string& profile, const OciLayer& layer) {
  auto answer = ask(profile, {"/v2/" + repository(profile) + "/blobs/sha256:" + to_hex(layer.digest), manifest_bytes_max, {}, {}});
  if (!answer) return fail(answer.error());
  if (answer->status != 200) return fail(Code::invalid_input, "the registry says 304 to a question that was not asked");
  if (answer->body.size() != layer.size)
    return fail(Code::corrupt,
                "the layer has " + std::to_string(answer->body.size()) + " bytes, the manifest says " + std::to_string(layer.size));
  if (sha256(answer->body) != layer.digest)
    return fail(Code::corrupt, "the layer's SHA-256 is " + to_hex(sha256(answer->body)) + ", the manifest says " + to_hex(layer.digest));
  return std::move(answer->body);
}

}  // namespace abide::discovery
