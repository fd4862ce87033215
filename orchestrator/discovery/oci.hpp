#pragma once
// An OCI registry as a release service: `PREFIX/PROFILE:TAG` holds one profile's manifest as its first layer. Here the words
// of the protocol, pure but for open_oci.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/ids.hpp"
#include "common/core/result.hpp"
#include "common/core/semver.hpp"
#include "orchestrator/discovery/source.hpp"

namespace abide::discovery {

inline constexpr std::string_view artifact_type = "application/vnd.intel.orch.en";
inline constexpr std::string_view oci_manifest_type = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::size_t oci_manifest_bytes_max = 256 * 1024;
inline constexpr std::size_t oci_list_bytes_max = 1024 * 1024;  // one page of tags or repositories
inline constexpr std::size_t oci_page_names = 200;              // asked for; Debian's registry refuses more than 1,000
inline constexpr std::size_t oci_pages_max = 1'000;             // of one list
inline constexpr std::size_t oci_names_max = 10'000;            // of one list
inline constexpr std::size_t oci_layers_max = 32;
inline constexpr std::size_t oci_token_bytes_max = 64 * 1024;

struct OciAddress {
  std::string origin;     // http://HOST:PORT on loopback and with oci+http://, else https://HOST:PORT
  std::string authority;  // HOST[:PORT] as given
  std::string prefix;     // "edge-orch/en/files/os-profile"
  std::string name;       // the URL without "/" at its end
  bool plain = false;     // http
  bool loopback = false;
};
bool is_oci_url(std::string_view text);
// oci://HOST[:PORT]/PREFIX or oci+http://HOST[:PORT]/PREFIX, the latter always in plain text.
Result<OciAddress> parse_oci_url(std::string_view url);
bool is_repository_part(std::string_view text);  // one name between "/" of a repository
bool is_tag(std::string_view text);

// Which tags are read: one, or those in a range of semantic versions.
struct Revision {
  std::string text;
  std::optional<TildeRange> range;
};
Result<Revision> parse_revision(std::string_view text);
// Of the tags those in the range, the least first.
std::vector<std::string> tags_in(const TildeRange& range, const std::vector<std::string>& tags);

struct OciLayer {
  Digest digest;
  std::uint64_t size = 0;
  std::string title;
};
// The first layer, after a check of all. `content_type`: the answer's header, for a manifest that does not tell its own type.
Result<OciLayer> parse_oci_manifest(std::string_view json, std::string_view content_type);
// `key`: "tags" or "repositories".
Result<std::vector<std::string>> parse_name_list(std::string_view json, const char* key);
// The path of the next page of a Link header; empty: there is none. invalid_input: it leads elsewhere.
Result<std::string> next_page(std::string_view link, const std::string& origin);
// sha256:HEX.
Result<Digest> parse_oci_digest(std::string_view text);

// WWW-Authenticate: Bearer realm="...",service="...",scope="...", or Basic.
struct Challenge {
  bool bearer = false;
  std::string realm, service, scope;
};
Result<Challenge> parse_challenge(std::string_view header);
Result<std::string> parse_token(std::string_view json);

// Lines HOST[:PORT] USER:PASSWORD; blank lines and those that begin with # do not count.
using Credentials = std::map<std::string, std::string>;
Result<Credentials> parse_credentials(std::string_view text);
// denied: others than its owner may read or write the file.
Result<Credentials> read_credentials(const std::string& path);

Result<std::unique_ptr<Source>> open_oci(const SourceSettings& settings);

}  // namespace abide::discovery
