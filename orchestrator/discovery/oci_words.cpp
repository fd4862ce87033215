// What a registry says, read.
#include <algorithm>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "common/bus/mqtt_url.hpp"
#include "common/release/manifest.hpp"
#include "orchestrator/discovery/oci.hpp"

namespace abide::discovery {

namespace {

constexpr std::size_t repository_bytes_max = 255;
constexpr std::size_t tag_bytes_max = 128;
constexpr std::size_t credentials_bytes_max = 64 * 1024;
constexpr std::string_view title_key = "org.opencontainers.image.title";
constexpr std::string_view layer_type = "application/vnd.oci.image.layer.v1.tar";

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_letter_or_digit(char c) {
  return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

// For an error: what a server said, cut and made harmless.
std::string shown(std::string_view text) {
  std::string line;
  for (const char c : text.substr(0, 100)) line += c >= ' ' && c <= '~' ? c : '?';
  return '"' + line + '"';
}

std::string text_of(const nlohmann::json& object, std::string_view key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<nlohmann::json> parse_object(std::string_view json, const char* what) {
  auto root = nlohmann::json::parse(json, nullptr, false);
  if (root.is_discarded() || !root.is_object()) return fail(Code::invalid_input, std::string(what) + " is not a JSON object");
  return root;
}

bool is_authority(std::string_view text) {
  if (text.empty() || text.size() > 255) return false;
  std::string_view host = text;
  std::string_view port;
  if (text.front() == '[') {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return false;
    host = text.substr(1, end - 1);
    if (host.empty() || !std::all_of(host.begin(), host.end(), [](char c) { return is_letter_or_digit(c) || c == ':' || c == '.'; }))
      return false;
    port = text.substr(end + 1);
  } else {
    const auto colon = text.find(':');
    host = text.substr(0, colon);
    port = colon == std::string_view::npos ? "" : text.substr(colon);
    const auto good = [](char c) { return is_letter_or_digit(c) || c == '-' || c == '.'; };
    if (host.empty() || !std::all_of(host.begin(), host.end(), good)) return false;
  }
  if (port.empty()) return true;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), number);
  return port.front() == ':' && error == std::errc{} && end == port.data() + port.size() && number >= 1 && number <= 65'535;
}

std::string_view host_of(std::string_view authority) {
  if (authority.front() == '[') return authority.substr(1, authority.find(']') - 1);
  return authority.substr(0, authority.find(':'));
}

Result<OciLayer> parse_layer(const nlohmann::json& layer, std::size_t number) {
  const std::string place = "layer " + std::to_string(number);
  if (!layer.is_object()) return fail(Code::invalid_input, place + " is not an object");
  OciLayer parsed;
  const auto annotations = layer.find("annotations");
  if (annotations != layer.end() && annotations->is_object()) parsed.title = text_of(*annotations, title_key);
  if (parsed.title.empty()) return fail(Code::invalid_input, place + " has no annotation " + std::string(title_key));
  const std::string type = text_of(layer, "mediaType");
  if (type != layer_type && type != "application/yaml" && type != "application/x-yaml" && type != "text/yaml")
    return fail(Code::invalid_input, place + " has the media type " + shown(type) + ", not " + std::string(layer_type));
  auto digest = parse_oci_digest(text_of(layer, "digest"));
  if (!digest) return fail(digest.error().in(place));
  parsed.digest = *digest;
  const auto size = layer.find("size");
  if (size == layer.end() || !size->is_number_unsigned() || size->get<std::uint64_t>() == 0)
    return fail(Code::invalid_input, place + " has no size");
  parsed.size = size->get<std::uint64_t>();
  return parsed;
}

}  // namespace

bool is_oci_url(std::string_view text) {
  return text.starts_with("oci://") || text.starts_with("oci+http://");
}

Result<OciAddress> parse_oci_url(std::string_view url) {
  OciAddress address;
  const bool asked_plain = url.starts_with("oci+http://");
  if (!is_oci_url(url)) return fail(Code::invalid_input, "is not oci://HOST[:PORT]/PREFIX");
  while (url.ends_with('/')) url.remove_suffix(1);
  address.name = url;
  std::string_view rest = url;
  rest.remove_prefix(std::min(rest.size(), rest.find("//") + 2));
  const auto slash = rest.find('/');
  address.authority = rest.substr(0, slash);
  if (!is_authority(address.authority))
    return fail(Code::invalid_input, "is not oci://HOST[:PORT]/PREFIX: the host is " + shown(address.authority));
  if (slash == std::string_view::npos || slash + 1 == rest.size())
    return fail(Code::invalid_input, "is not oci://HOST[:PORT]/PREFIX: it has no prefix, as edge-orch/en/files/os-profile is one");
  address.prefix = rest.substr(slash + 1);
  std::string_view parts = address.prefix;
  if (parts.size() > repository_bytes_max)
    return fail(Code::invalid_input, "the prefix is longer than " + std::to_string(repository_bytes_max) + " bytes");
  while (true) {
    const auto end = parts.find('/');
    if (!is_repository_part(parts.substr(0, end)))
      return fail(Code::invalid_input, "the prefix has a part that no repository can have: " + shown(parts.substr(0, end)));
    if (end == std::string_view::npos) break;
    parts.remove_prefix(end + 1);
  }
  address.loopback = is_loopback(host_of(address.authority));
  address.plain = asked_plain || address.loopback;
  address.origin = (address.plain ? "http://" : "https://") + address.authority;
  return address;
}

bool is_repository_part(std::string_view text) {
  if (text.empty() || text.size() > repository_bytes_max || !is_lower_or_digit(text.front()) || !is_lower_or_digit(text.back()))
    return false;
  for (std::size_t i = 0; i < text.size();) {
    if (is_lower_or_digit(text[i])) {
      ++i;
      continue;
    }
    const std::size_t begin = i;
    while (i < text.size() && text[i] == text[begin]) ++i;
    const std::size_t length = i - begin;
    const char c = text[begin];
    // One ".", one or two "_", any number of "-", and then a letter or digit again.
    if (!((c == '.' && length == 1) || (c == '_' && length <= 2) || c == '-') || i == text.size() || !is_lower_or_digit(text[i]))
      return false;
  }
  return true;
}

bool is_tag(std::string_view text) {
  if (text.empty() || text.size() > tag_bytes_max || text.front() == '.' || text.front() == '-') return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_letter_or_digit(c) || c == '_' || c == '.' || c == '-'; });
}

Result<Revision> parse_revision(std::string_view text) {
  Revision revision;
  revision.text = text;
  if (text.starts_with('~')) {
    auto range = parse_tilde_range(text);
    if (!range) return fail(range.error());
    revision.range = *std::move(range);
  } else if (!is_tag(text)) {
    return fail(Code::invalid_input, "must be a tag, as 0.10.8, or a range ~X.Y.Z, not " + shown(text));
  }
  return revision;
}

std::vector<std::string> tags_in(const TildeRange& range, const std::vector<std::string>& tags) {
  std::vector<std::pair<Semver, std::string>> in;
  for (const auto& tag : tags) {
    auto version = parse_semver(tag);
    if (version && contains(range, *version)) in.emplace_back(*std::move(version), tag);
  }
  std::sort(in.begin(), in.end(), [](const auto& left, const auto& right) { return compare(left.first, right.first) < 0; });
  std::vector<std::string> sorted;
  for (auto& [version, tag] : in) {
    if (sorted.empty() || sorted.back() != tag) sorted.push_back(std::move(tag));
  }
  return sorted;
}

Result<OciLayer> parse_oci_manifest(std::string_view json, std::string_view content_type) {
  auto root = parse_object(json, "the manifest");
  if (!root) return fail(root.error());
  std::string type = text_of(*root, "mediaType");
  if (type.empty()) type = content_type.substr(0, content_type.find_first_of("; "));
  if (type != oci_manifest_type)
    return fail(Code::invalid_input, "the manifest has the media type " + shown(type) + ", not " + std::string(oci_manifest_type));
  const auto config = root->find("config");
  std::string artifact = text_of(*root, "artifactType");
  if (artifact.empty() && config != root->end() && config->is_object()) artifact = text_of(*config, "mediaType");
  if (artifact != artifact_type)
    return fail(Code::invalid_input, "the manifest has the artifact type " + shown(artifact) + ", not " + std::string(artifact_type));
  const auto layers = root->find("layers");
  if (layers == root->end() || !layers->is_array() || layers->empty()) return fail(Code::invalid_input, "the manifest has no layers");
  if (layers->size() > oci_layers_max)
    return fail(Code::invalid_input,
                "the manifest has " + std::to_string(layers->size()) + " layers, more than " + std::to_string(oci_layers_max));
  std::optional<OciLayer> first;
  for (std::size_t i = 0; i < layers->size(); ++i) {
    auto layer = parse_layer((*layers)[i], i + 1);
    if (!layer) return fail(layer.error());
    if (!first) first = *std::move(layer);
  }
  if (first->size > manifest_bytes_max)
    return fail(Code::invalid_input,
                "layer 1 is larger than " + std::to_string(manifest_bytes_max) + " bytes: " + std::to_string(first->size));
  return *std::move(first);
}

Result<std::vector<std::string>> parse_name_list(std::string_view json, const char* key) {
  auto root = parse_object(json, "the list");
  if (!root) return fail(root.error());
  const auto names = root->find(key);
  if (names == root->end() || (!names->is_null() && !names->is_array()))
    return fail(Code::invalid_input, std::string("the list has no `") + key + "`");
  std::vector<std::string> list;
  for (const auto& name : *names) {
    if (!name.is_string()) return fail(Code::invalid_input, std::string("`") + key + "` has something in it that is no text");
    list.push_back(name.get<std::string>());
    if (list.size() > oci_names_max)
      return fail(Code::invalid_input, std::string("`") + key + "` has more than " + std::to_string(oci_names_max) + " names");
  }
  return list;
}

Result<std::string> next_page(std::string_view link, const std::string& origin) {
  // <URL>; rel="next", several of them with commas between. A comma within <> belongs to the URL.
  while (!link.empty()) {
    const auto begin = link.find('<');
    const auto end = link.find('>', begin == std::string_view::npos ? 0 : begin);
    if (begin == std::string_view::npos || end == std::string_view::npos) return std::string();
    std::string_view url = link.substr(begin + 1, end - begin - 1);
    const auto comma = link.find(',', end);
    const std::string_view words = link.substr(end + 1, comma == std::string_view::npos ? comma : comma - end - 1);
    link = comma == std::string_view::npos ? std::string_view() : link.substr(comma + 1);
    if (words.find("rel=\"next\"") == std::string_view::npos && words.find("rel=next") == std::string_view::npos) continue;
    if (url.starts_with(origin)) url.remove_prefix(origin.size());
    const bool printable = std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c <= '~'; });
    if (!url.starts_with("/v2/") || !printable || url.find("..") != std::string_view::npos)
      return fail(Code::invalid_input, "the next page would be elsewhere: " + shown(url));
    return std::string(url);
  }
  return std::string();
}

Result<Digest> parse_oci_digest(std::string_view text) {
  constexpr std::string_view algorithm = "sha256:";
  if (text.starts_with(algorithm)) {
    const auto digest = parse_digest(text.substr(algorithm.size()));
    if (digest && *digest) return *digest;
  }
  return fail(Code::invalid_input, "the digest is not sha256 with 64 hex digits: " + shown(text));
}

Result<Challenge> parse_challenge(std::string_view header) {
  const auto scheme_end = header.find(' ');
  std::string scheme(header.substr(0, scheme_end));
  std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  Challenge challenge;
  if (scheme == "basic") return challenge;
  if (scheme != "bearer" || scheme_end == std::string_view::npos)
    return fail(Code::denied, "the registry asks for a way to log in that is not known here: " + shown(header));
  challenge.bearer = true;
  std::string_view rest = header.substr(scheme_end + 1);
  while (true) {
    rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(" ,\t")));
    const auto equals = rest.find('=');
    if (equals == std::string_view::npos) break;
    const std::string_view name = rest.substr(0, equals);
    rest.remove_prefix(equals + 1);
    std::string value;
    if (rest.starts_with('"')) {
      std::size_t i = 1;
      for (; i < rest.size() && rest[i] != '"'; ++i) {
        if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
        value += rest[i];
      }
      rest.remove_prefix(std::min(rest.size(), i + 1));
    } else {
      const auto end = std::min(rest.size(), rest.find_first_of(", \t"));
      value = rest.substr(0, end);
      rest.remove_prefix(end);
    }
    if (name == "realm") challenge.realm = value;
    if (name == "service") challenge.service = value;
    if (name == "scope") challenge.scope = value;
  }
  if (challenge.realm.empty()) return fail(Code::denied, "the registry does not say where tokens come from: " + shown(header));
  return challenge;
}

Result<std::string> parse_token(std::string_view json) {
  auto root = parse_object(json, "the answer");
  if (!root) return fail(root.error());
  std::string token = text_of(*root, "token");
  if (token.empty()) token = text_of(*root, "access_token");
  if (token.empty()) return fail(Code::invalid_input, "the answer has no token");
  if (!std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; }))
    return fail(Code::invalid_input, "the token has characters that no header can carry");
  return token;
}

Result<Credentials> parse_credentials(std::string_view text) {
  Credentials credentials;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    const auto blank = line.find(' ');
    const std::string_view host = line.substr(0, blank);
    const std::string_view secret = blank == std::string_view::npos ? std::string_view() : line.substr(blank + 1);
    // The line itself is never shown.
    if (!is_authority(host) || secret.find(':') == std::string_view::npos || secret.front() == ':')
      return fail(Code::invalid_input, "line " + std::to_string(number) + " is not HOST[:PORT] USER:PASSWORD");
    if (!credentials.emplace(host, secret).second)
      return fail(Code::invalid_input, "line " + std::to_string(number) + " names a host again");
  }
  return credentials;
}

Result<Credentials> read_credentials(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return fail(Code::invalid_input, path + ": no such file");
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) return fail(Code::denied, path + ": others may read or write it; chmod 600");
  if (static_cast<std::uint64_t>(status.st_size) > credentials_bytes_max)
    return fail(Code::invalid_input, path + ": larger than " + std::to_string(credentials_bytes_max) + " bytes");
  std::ifstream file(path, std::ios::binary);
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file && !text.empty()) return fail(Code::invalid_input, path + ": cannot be read");
  auto credentials = parse_credentials(text);
  if (!credentials) return fail(credentials.error().in(path));
  return credentials;
}

}  // namespace abide::discovery
