// What else a registry says, and what an operator writes about it: lists of names, links, challenges, tokens, URLs, revisions,
// credentials. The first byte says which.
#include <cstddef>
#include <cstdint>
#include <string>

#include "orchestrator/discovery/oci.hpp"
#include "tests/fuzz/require.hpp"

using namespace abide;
using namespace abide::discovery;
using fuzz::require;

namespace {

void check_list(std::string_view text) {
  const auto names = parse_name_list(text, "tags");
  if (!names) return;
  require(names->size() <= oci_names_max, "so many names");
  const auto range = parse_tilde_range("~0.9.0");
  for (const auto& tag : tags_in(*range, *names)) require(is_tag(tag) && parse_semver(tag)->minor == "9", "a tag that a URL can carry");
}

void check_link(std::string_view text) {
  const auto page = next_page(text, "http://h:5000");
  if (!page || page->empty()) return;
  require(page->starts_with("/v2/") && page->find_first_of(" \r\n") == std::string::npos && page->find("..") == std::string::npos,
          "a page of this registry");
}

void check_url(std::string_view text) {
  const auto address = parse_oci_url(text);
  if (!address) return;
  require(address->origin == (address->plain ? "http://" : "https://") + address->authority, "an origin");
  require(address->plain == (address->loopback || text.starts_with("oci+http://")),
          "plain text only where it was asked for, or stays here");
  require(address->prefix.find("..") == std::string::npos && address->authority.find('@') == std::string::npos, "a prefix and a host");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'n':
      check_list(text);
      break;
    case 'l':
      check_link(text);
      break;
    case 'u':
      check_url(text);
      break;
    case 'c': {
      const auto challenge = parse_challenge(text);
      require(!challenge || challenge->bearer != challenge->realm.empty(), "a realm with Bearer");
      break;
    }
    case 't': {
      const auto token = parse_token(text);
      require(!token || (!token->empty() && token->find_first_of(" \r\n") == std::string::npos), "a token that a header can carry");
      break;
    }
    case 'r': {
      const auto revision = parse_revision(text);
      require(!revision || revision->range || is_tag(revision->text), "a tag or a range");
      break;
    }
    case 'p':
      (void)parse_credentials(text);
      break;
    default:
      break;
  }
  return 0;
}
