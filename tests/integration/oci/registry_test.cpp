// Against Debian's docker-registry.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <thread>

#include "orchestrator/discovery/oci.hpp"
#include "tests/integration/oci/docker_registry.hpp"
#include "tests/integration/oci/sources.hpp"

namespace abide::discovery {
namespace {

namespace fs = std::filesystem;
using test::DockerRegistry;

class OciRegistry : public OciTest {
 protected:
  std::string push(const std::string& name, const std::string& tag, const std::string& yaml) {
    return registry.push_profile(prefix + "/" + name, tag, yaml);
  }
  Source& source(const std::string& revision, std::vector<std::string> enabled = {}) {
    source_ = open(settings_of(registry.authority(), revision, std::move(enabled)));
    return *source_;
  }
  DockerRegistry registry;
  std::unique_ptr<Source> source_;
};

TEST_F(OciRegistry, GivesOneTagOfEveryEnabledProfile) {
  push("harbour-gateway", "0.10.8", profile("harbour-gateway", "4.10.20260601"));
  push("harbour-gateway", "0.10.9", profile("harbour-gateway", "4.10.20260701"));
  push("depot-rt", "0.10.8", profile("depot-rt", "22.04"));
  push("other", "0.10.8", replaced(profile("depot-rt", "1.0"), "profileName: depot-rt", "profileName: other"));
  auto& oci = source("0.10.8", {"harbour-gateway", "depot-rt"});
  const auto read = oci.read(false);
  EXPECT_EQ(found(oci, read),
            (std::vector<std::string>{"depot-rt 22.04 from depot-rt:0.10.8", "harbour-gateway 4.10.20260601 from harbour-gateway:0.10.8"}));
  EXPECT_EQ(all(read), "");
  const auto& resource = read.profiles.found[1].resource;
  EXPECT_EQ(resource.manifest, profile("harbour-gateway", "4.10.20260601")) << "the very bytes";
  EXPECT_EQ(resource.urls, std::vector<std::string>{"http://files.example/images/harbour/gateway-4.10.20260601.raw.gz"});
  EXPECT_EQ(resource.metadata, R"({"hardened":"true","kernel":"v6.12.1+rt3","release":"0.0.0-dev"})");
}

TEST_F(OciRegistry, WithoutEnabledProfilesReadsAllThatItsCatalogHasBelowThePrefix) {
  push("harbour-gateway", "main", profile("harbour-gateway", "4.10"));
  push("depot-rt", "main", profile("depot-rt", "22.04"));
  registry.push_profile("edge/en/files", "main", profile("depot-rt", "1"));
  registry.push_profile(prefix + "/deeper/depot-rt", "main", profile("depot-rt", "2"));
  registry.push_profile(prefix + "-other/depot-rt", "main", profile("depot-rt", "3"));
  auto& oci = source("main");
  const auto read = oci.read(false);
  EXPECT_EQ(found(oci, read),
            (std::vector<std::string>{"depot-rt 22.04 from depot-rt:main", "harbour-gateway 4.10 from harbour-gateway:main"}));
  EXPECT_EQ(all(read), "");
}

TEST_F(OciRegistry, GivesEveryTagInARangeAndEveryVersionOnce) {
  for (const char* tag : {"0.9.1", "0.9.2", "0.9.3", "0.9.10", "0.10.0", "0.9.11-dev", "main"}) {
    // Every package stamps its own release into the same profile.
    push("depot-rt", tag, replaced(profile("depot-rt", std::string(tag) == "0.9.10" ? "23.0" : "22.04"), "0.0.0-dev", tag));
  }
  auto& oci = source("~0.9.2", {"depot-rt"});
  const auto read = oci.read(false);
  EXPECT_EQ(found(oci, read), (std::vector<std::string>{"depot-rt 22.04 from depot-rt:0.9.3", "depot-rt 23.0 from depot-rt:0.9.10"}));
  EXPECT_EQ(all(read), "") << "the same image under several tags is no failure";
}

TEST_F(OciRegistry, OneBrokenTagNeverStopsTheOthers) {
  const std::string repository = prefix + "/depot-rt";
  const auto yaml = [](const std::string& version) { return profile("depot-rt", version); };
  push("depot-rt", "0.9.0", yaml("1.0"));
  const auto raw = [&](const std::string& tag, const std::string& bytes, const std::string& manifest) {
    registry.push_blob(repository, bytes);
    registry.push_manifest(repository, tag, manifest);
  };
  const std::string damaged = push("depot-rt", "0.9.1", yaml("1.1"));
  std::ofstream(registry.blob_path(damaged)) << replaced(yaml("1.1"), "rt-1.1.raw", "rt-6.6.raw");
  raw("0.9.2", yaml("1.2"), DockerRegistry::manifest_of(yaml("1.2"), ""));
  push("depot-rt", "0.9.3", "spec: [");
  raw("0.9.4", "{}",
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/vnd.intel.orch.en","config":{"mediaType":"application/vnd.intel.orch.en","digest":")" +
          test::digest_of("{}") + R"(","size":2},"layers":[]})");
  raw("0.9.5", yaml("1.5"),
      replaced(replaced(DockerRegistry::manifest_of(yaml("1.5")), "intel.orch.en", "oci.other"), "intel.orch.en", "oci.other"));
  push("depot-rt", "0.9.6", replaced(yaml("1.6"), "profileName: depot-rt", "profileName: depot"));
  push("depot-rt", "0.9.7", yaml("1.7") + "  minOrchestratorVersion: 0.5.1\n");
  push("depot-rt", "0.9.8", yaml("1.8") + "  minOrchestratorVersion: 0.5.0\n  maxOrchestratorVersion: 0.5.0\n");
  push("depot-rt", "0.9.9", replaced(yaml("1.9"), "osImageSha256: ", "osImageSha256: z"));
  push("harbour-gateway", "0.9.0", profile("harbour-gateway", "4.10"));

  auto& oci = source("~0.9.0", {"depot-rt", "harbour-gateway", "nowhere"});
  const std::vector<std::string> good = {"depot-rt 1.0 from depot-rt:0.9.0", "depot-rt 1.8 from depot-rt:0.9.8",
                                         "harbour-gateway 4.10 from harbour-gateway:0.9.0"};
  const auto read = oci.read(false);
  EXPECT_EQ(found(oci, read), good);
  for (const auto& [place, error] : std::initializer_list<std::pair<const char*, const char*>>{
           {"depot-rt:0.9.1", "SHA-256 is"},
           {"depot-rt:0.9.2", "layer 1 has no annotation org.opencontainers.image.title"},
           {"depot-rt:0.9.3", "is not YAML"},
           {"depot-rt:0.9.4", "has no layers"},
           {"depot-rt:0.9.5", "artifact type \"application/vnd.oci.other\""},
           {"depot-rt:0.9.6", "profileName is depot, its repository says depot-rt"},
           {"depot-rt:0.9.7", "is not for this orchestrator: its version is 0.5.0, minOrchestratorVersion is 0.5.1"},
           {"depot-rt:0.9.9", "osImageSha256"},
           {"nowhere", "HTTP status 404"},
       }) {
    const auto* failure = row(oci, read, place);
    ASSERT_NE(failure, nullptr) << place << " is not in:\n" << all(read);
    EXPECT_NE(failure->error.find(error), std::string::npos) << failure->source << ": " << failure->error;
    EXPECT_EQ(failure->attempts, 1U);
  }
  EXPECT_EQ(read.rows.size(), 9U) << all(read);
  EXPECT_EQ(row(oci, read, "depot-rt:0.9.7")->next_at_wall_ms, 0) << "nothing that asking again mends";

  // Repaired, and nobody asked: it is seen when its time comes. Somebody asks: at once.
  push("depot-rt", "0.9.2", yaml("1.2"));
  clock_ms += 1000;
  const auto soon = oci.read(false);
  EXPECT_EQ(found(oci, soon), good);
  EXPECT_EQ(soon.rows.size(), 9U) << "what is held back is told all the same";
  EXPECT_EQ(row(oci, soon, "depot-rt:0.9.2")->attempts, 1U);
  const auto asked = oci.read(true);
  EXPECT_EQ(found(oci, asked).size(), 4U);
  EXPECT_EQ(row(oci, asked, "depot-rt:0.9.2"), nullptr);
  EXPECT_EQ(row(oci, asked, "depot-rt:0.9.3")->attempts, 2U);
  EXPECT_EQ(row(oci, asked, "depot-rt:0.9.3")->first_at_wall_ms, row(oci, read, "depot-rt:0.9.3")->first_at_wall_ms);
}

TEST_F(OciRegistry, SaysWhereAnEnabledProfileHasNoTagInTheRange) {
  push("depot-rt", "0.9.0", profile("depot-rt", "1.0"));
  push("depot-rt", "main", profile("depot-rt", "1.1"));
  push("harbour-gateway", "0.9.0", profile("harbour-gateway", "4.10"));
  fs::remove_all(registry.tag_path(prefix + "/harbour-gateway", "0.9.0"));
  auto& oci = source("~0.10.0", {"depot-rt", "harbour-gateway"});
  const auto read = oci.read(false);
  EXPECT_TRUE(read.profiles.found.empty());
  ASSERT_NE(row(oci, read, "depot-rt"), nullptr);
  EXPECT_EQ(error_at(oci, read, "depot-rt"), "none of its 2 tags is in ~0.10.0");
  ASSERT_NE(row(oci, read, "harbour-gateway"), nullptr);
  EXPECT_EQ(error_at(oci, read, "harbour-gateway"), "has no tags");
  EXPECT_EQ(all(source("~0.10.0").read(false)), "") << "of a profile that nobody named there need not be any";
}

TEST_F(OciRegistry, GivesEveryImageOfAVersionThatIsPublishedAgainToBeJudged) {
  push("depot-rt", "0.9.0", profile("depot-rt", "1.0", "first"));
  auto& oci = source("~0.9.0", {"depot-rt"});
  EXPECT_EQ(oci.read(false).profiles.found.size(), 1U);
  push("depot-rt", "0.9.1", profile("depot-rt", "1.0", "second"));
  push("depot-rt", "0.9.2", replaced(profile("depot-rt", "1.0", "first"), "0.0.0-dev", "0.9.2"));
  auto read = oci.read(false);
  EXPECT_EQ(found(oci, read), (std::vector<std::string>{"depot-rt 1.0 from depot-rt:0.9.2", "depot-rt 1.0 from depot-rt:0.9.1"}));
  EXPECT_EQ(all(read), "");
  push("depot-rt", "0.9.0", profile("depot-rt", "1.0", "third"));
  read = oci.read(false);
  EXPECT_EQ(read.profiles.found.size(), 3U) << "the very tag, with another image";
}

TEST_F(OciRegistry, ThatIsAwayIsOneFailureAndWhatWasKnownStays) {
  push("depot-rt", "0.9.0", profile("depot-rt", "1.0"));
  push("depot-rt", "0.9.1", "nonsense");
  auto& oci = source("~0.9.0", {"depot-rt", "harbour-gateway"});
  const auto before = oci.read(false);
  EXPECT_EQ(before.rows.size(), 2U);
  registry.stop();
  const auto away = oci.read(true);
  EXPECT_FALSE(away.complete);
  EXPECT_EQ(found(oci, away), found(oci, before));
  EXPECT_EQ(away.rows.size(), 3U) << all(away);
  ASSERT_NE(row(oci, away, ""), nullptr);
  registry.start();
  const auto back = oci.read(false);
  EXPECT_TRUE(back.complete);
  EXPECT_EQ(row(oci, back, ""), nullptr) << all(back);
  EXPECT_EQ(found(oci, back), found(oci, before));

  auto never = open(settings_of("127.0.0.1:1", "main"));
  const auto nothing = never->read(false);
  EXPECT_EQ(nothing.rows.size(), 1U) << all(nothing);
  EXPECT_EQ(nothing.rows[0].source, never->name());
}

TEST_F(OciRegistry, ThatHasNotChangedSaysSoInAFewBytes) {
  for (int patch = 0; patch < 20; ++patch)
    push("depot-rt", "0.9." + std::to_string(patch), profile("depot-rt", "1." + std::to_string(patch)));
  auto& oci = source("~0.9.0", {"depot-rt"});
  EXPECT_EQ(oci.read(false).profiles.found.size(), 20U);
  const auto lines_with = [&](const std::string& what, const std::string& status) {
    std::ifstream log(registry.log_path());
    std::size_t count = 0;
    for (std::string line; std::getline(log, line);)
      count += line.find("\"GET /v2/" + prefix + "/depot-rt/" + what) != std::string::npos &&
                       line.find("HTTP/1.1\" " + status) != std::string::npos
                   ? 1
                   : 0;
    return count;
  };
  EXPECT_EQ(oci.read(false).profiles.found.size(), 20U);
  EXPECT_EQ(oci.read(true).profiles.found.size(), 20U);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{10};  // the log comes after the answer
  while (lines_with("manifests/", "304") < 40 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  EXPECT_EQ(lines_with("manifests/", "304"), 40U);
  EXPECT_EQ(lines_with("manifests/", "200"), 20U);
  EXPECT_EQ(lines_with("blobs/", "200"), 20U);
  EXPECT_EQ(lines_with("tags/", "200"), 3U);
}

TEST(OciRegistryWithUsers, IsReadWithThePasswordOfAFileAndRefusedWithout) {
  DockerRegistry registry("ci:$2b$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n");
  registry.log_in("ci:open sesame");
  registry.push_profile(prefix + "/depot-rt", "main", profile("depot-rt", "1.0"));
  test::TemporaryDirectory directory;
  const std::string file = directory / "credentials";
  SourceSettings settings;
  settings.releases = "oci://" + registry.authority() + "/" + prefix;
  settings.files = "http://files.example";
  settings.profile_revision = "main";
  struct Row {
    std::string text;
    const char* error;
  };
  for (const auto& row : std::initializer_list<Row>{
           {registry.authority() + " ci:open sesame\n", nullptr},
           {registry.authority() + " ci:wrong\n", "does not take the user and password"},
           {"other.example ci:open sesame\n", "asks for a user and password"},
           {"", "asks for a user and password"},
       }) {
    std::ofstream(file) << row.text;
    ::chmod(file.c_str(), 0600);
    settings.credentials = file;
    auto source = Source::open(settings);
    ASSERT_TRUE(source) << source.error().message;
    const auto read = (*source)->read(false);
    EXPECT_EQ(read.profiles.found.size(), row.error == nullptr ? 1U : 0U);
    if (row.error != nullptr) {
      ASSERT_EQ(read.rows.size(), 1U);
      EXPECT_NE(read.rows[0].error.find(row.error), std::string::npos) << read.rows[0].error;
    }
  }
}

// tests/samples has files of the real ones' shape. ABIDE_REFERENCE_SAMPLES: a folder with the real ones, in os-profiles/ and
// release-service/.
class OciSamples : public OciRegistry {
 protected:
  void expect_loads_unchanged(const std::string& folder);
};

void OciSamples::expect_loads_unchanged(const std::string& folder) {
  std::size_t profiles = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(folder) / "os-profiles")) {
    if (entry.path().extension() != ".yaml") continue;
    push(entry.path().stem(), "0.10.8", test::read_file(entry.path()));
    ++profiles;
  }
  ASSERT_GT(profiles, 0U);
  auto& oci = source("~0.10.0");
  const auto read = oci.read(false);
  EXPECT_EQ(all(read), "");
  EXPECT_EQ(read.profiles.found.size(), profiles);
  for (const auto& [place, resource] : read.profiles.found)
    EXPECT_EQ(resource.manifest, test::read_file(fs::path(folder) / "os-profiles" / (resource.profile_name + ".yaml"))) << place;

  const auto service = [&](const char* name) { return test::read_file(fs::path(folder) / "release-service" / name); };
  EXPECT_TRUE(compact_list(ListKind::packages, service("package_manifest.json")));
  EXPECT_FALSE(compact_list(ListKind::packages, service("package_manifest_invalid.json")));
  EXPECT_TRUE(compact_list(ListKind::cves, service("existing_cves.json")));
  EXPECT_TRUE(compact_list(ListKind::cves, service("fixed_cves.json")));
  const auto tags = parse_name_list(service("oci_tags_list.json"), "tags");
  ASSERT_TRUE(tags);
  EXPECT_EQ(tags_in(*parse_revision("~0.9.2")->range, *tags), (std::vector<std::string>{"0.9.2", "0.9.3"}));
  const auto manifest = parse_oci_manifest(replaced(service("oci_manifest.json"), "<digest of the YAML below>", std::string(64, 'a')), "");
  EXPECT_TRUE(manifest) << manifest.error().message;
}

TEST_F(OciSamples, OfOurOwnLoadUnchanged) {
  expect_loads_unchanged(ABIDE_SOURCE_DIR "/tests/samples");
}

TEST_F(OciSamples, ThatAreRealLoadUnchanged) {
  const char* folder = std::getenv("ABIDE_REFERENCE_SAMPLES");
  if (folder == nullptr) GTEST_SKIP() << "ABIDE_REFERENCE_SAMPLES is not set";
  expect_loads_unchanged(folder);
}

}  // namespace
}  // namespace abide::discovery
