#pragma once
// What the tests of this folder share: profiles from files, and a source whose clock the test turns.
#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "common/core/hash.hpp"
#include "orchestrator/discovery/lists.hpp"
#include "orchestrator/discovery/source.hpp"
#include "tests/support/child.hpp"

namespace abide::discovery {

inline const std::string prefix = "edge/en/files/os-profile";

// profiles/NAME.yaml with a version, and an image whose digest is that of `image` (empty: of the version).
inline std::string profile(const std::string& name, const std::string& version, const std::string& image = "") {
  std::string text = test::read_file(std::string(ABIDE_SOURCE_DIR) + "/tests/integration/oci/profiles/" + name + ".yaml");
  for (const auto& [word, value] :
       {std::pair<std::string, std::string>{"@VERSION@", version}, {"@SHA256@", to_hex(sha256(image.empty() ? version : image))}}) {
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word)) text.replace(at, word.size(), value);
  }
  return text;
}

inline std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  if (at == std::string::npos) throw std::runtime_error("not there: " + what);
  return text.replace(at, what.size(), by);
}

class OciTest : public ::testing::Test {
 protected:
  SourceSettings settings_of(const std::string& authority, const std::string& revision, std::vector<std::string> enabled = {}) {
    SourceSettings settings;
    settings.releases = "oci://" + authority + "/" + prefix;
    settings.files = "http://files.example";
    settings.enabled_profiles = std::move(enabled);
    settings.profile_revision = revision;
    settings.orchestrator_version = "0.5.0";
    settings.connect_timeout_ms = 2'000;
    settings.request_timeout_ms = 10'000;
    settings.now = [this] { return Now{1'700'000'000'000 + clock_ms, clock_ms, {}, false}; };
    return settings;
  }
  static std::unique_ptr<Source> open(const SourceSettings& settings) {
    auto source = Source::open(settings);
    EXPECT_TRUE(source) << source.error().message;
    return *std::move(source);
  }
  // "PROFILE VERSION from SOURCE", without what all sources begin with.
  static std::vector<std::string> found(const Source& source, const Read& read) {
    std::vector<std::string> lines;
    for (const auto& [place, resource] : read.profiles.found)
      lines.push_back(resource.profile_name + " " + resource.image_id + " from " + place.substr(source.name().size() + 1));
    return lines;
  }
  static const FailureRow* row(const Source& source, const Read& read, const std::string& place) {
    const std::string name = place.empty() ? source.name() : source.name() + "/" + place;
    const auto found = std::find_if(read.rows.begin(), read.rows.end(), [&](const auto& any) { return any.source == name; });
    return found == read.rows.end() ? nullptr : &*found;
  }
  static std::string error_at(const Source& source, const Read& read, const std::string& place) {
    const auto* failure = row(source, read, place);
    return failure == nullptr ? "" : failure->error;
  }
  // A list of a release; empty: it has none.
  static std::string text_of(const Read& read, const ReleaseKey& release,
                             std::shared_ptr<const fleet::ReleaseList> fleet::ReleaseLists::*which) {
    const auto found = read.profiles.lists.find(release);
    return found == read.profiles.lists.end() || found->second.*which == nullptr ? "" : (found->second.*which)->text;
  }
  static std::string all(const Read& read) {
    std::string text;
    for (const auto& one : read.rows) text += one.source + ": " + one.error + "\n";
    return text;
  }

  std::int64_t clock_ms = 1'000;
};

}  // namespace abide::discovery
