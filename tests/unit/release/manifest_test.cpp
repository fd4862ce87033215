#include "common/release/manifest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

namespace abide {
namespace {

using ::testing::HasSubstr;

const std::string sha_1(64, '1');
const std::string sha_2(64, '2');

// A profile in the published form: comments, an SPDX head, an empty bundle, values that YAML would read as numbers.
std::string profile(const std::string& more_spec = "") {
  return R"(---
# SPDX-FileCopyrightText: (C) 2026 Someone
# SPDX-License-Identifier: Apache-2.0

appVersion: apps/v1
metadata:
  release: 1.2
  hardened: true
  base: v1.32.4+k3s1
spec:
  name: Harbour Gateway 4.1 (hardened)
  type: OS_TYPE_IMMUTABLE
  provider: OS_PROVIDER_KIND_INFRA
  architecture: x86_64
  profileName: harbour-gateway  # as the file is called
  osImageUrl: images/harbour/harbour-gateway-4.10.raw
  osImageVersion: 4.10
  osImageSha256: )" +
         sha_1 + R"(
  osPackageManifestURL: images/harbour/harbour-gateway-4.10.packages.json
  osExistingCvesURL: ""
  securityFeature: SECURITY_FEATURE_NONE
  description: >-
    Gateway for
    harbour sites
  platformBundle:
)" + more_spec;
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) return "the test looks for what is not there: " + from;
  return text.replace(at, from.size(), to);
}

std::string error_of(const std::string& yaml) {
  const Result<Manifest> manifest = parse_manifest(yaml);
  if (manifest) return "no error";
  EXPECT_EQ(manifest.error().code, Code::invalid_input);
  return manifest.error().message;
}

TEST(Manifest, ReadsAProfileAsPublished) {
  const Result<Manifest> manifest = parse_manifest(profile());
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->name, "Harbour Gateway 4.1 (hardened)");
  EXPECT_EQ(manifest->type, "OS_TYPE_IMMUTABLE");
  EXPECT_EQ(manifest->provider, "OS_PROVIDER_KIND_INFRA");
  EXPECT_EQ(manifest->architecture, "x86_64");
  EXPECT_EQ(manifest->profile_name, "harbour-gateway");
  EXPECT_EQ(manifest->image_url, "images/harbour/harbour-gateway-4.10.raw");
  EXPECT_EQ(to_hex(manifest->image_sha256), sha_1);
  EXPECT_EQ(manifest->package_manifest_url, "images/harbour/harbour-gateway-4.10.packages.json");
  EXPECT_EQ(manifest->existing_cves_url, "");
  EXPECT_EQ(manifest->fixed_cves_url, "");
  EXPECT_EQ(manifest->security_feature, "SECURITY_FEATURE_NONE");
  EXPECT_EQ(manifest->description, "Gateway for harbour sites");
}

TEST(Manifest, SaysForWhichOrchestratorsItIs) {
  struct Row {
    const char* keys;
    const char* orchestrator;
    const char* refusal;  // nullptr: it may be used
  };
  for (const auto& row : std::initializer_list<Row>{
           {"", "0.1.0", nullptr},
           {"  minOrchestratorVersion: 0.1.0\n", "0.1.0", nullptr},
           {"  minOrchestratorVersion: 0.10.0\n", "0.9.5", "its version is 0.9.5, minOrchestratorVersion is 0.10.0"},
           {"  minOrchestratorVersion: 0.10.0\n", "0.10.0-dev", "minOrchestratorVersion is 0.10.0"},
           {"  minOrchestratorVersion: 0.10.0-0\n", "0.10.0-dev", nullptr},
           {"  maxOrchestratorVersion: 0.10.0\n", "0.10.0+build", nullptr},
           {"  maxOrchestratorVersion: 0.10.0\n", "0.10.1", "its version is 0.10.1, maxOrchestratorVersion is 0.10.0"},
           {"  minOrchestratorVersion: 1.0.0\n  maxOrchestratorVersion: 1.9.0\n", "1.10.0", "maxOrchestratorVersion is 1.9.0"},
       }) {
    const auto manifest = parse_manifest(profile(row.keys));
    ASSERT_TRUE(manifest) << manifest.error().message;
    const auto checked = check_orchestrator(*manifest, row.orchestrator);
    EXPECT_EQ(checked.has_value(), row.refusal == nullptr) << row.keys << row.orchestrator;
    if (!checked && row.refusal != nullptr) {
      EXPECT_THAT(checked.error().message, HasSubstr(row.refusal));
    }
  }
  EXPECT_THAT(error_of(profile("  minOrchestratorVersion: 1.0\n")),
              HasSubstr("spec.minOrchestratorVersion (line 26): \"1.0\" is no semantic version"));
  EXPECT_THAT(error_of(profile("  maxOrchestratorVersion: main\n")), HasSubstr("\"main\" is no semantic version"));
  EXPECT_THAT(error_of(profile("  minOrchestratorVersion: 2.0.0\n  maxOrchestratorVersion: 1.0.0\n")),
              HasSubstr("is less than minOrchestratorVersion"));
}

TEST(Manifest, KeepsAVersionThatLooksLikeANumberAsItIsWritten) {
  ASSERT_TRUE(parse_manifest(profile()));
  EXPECT_EQ(parse_manifest(profile())->image_version, "4.10");
}

TEST(Manifest, GivesMetadataAsCompactJsonOfTextsWithSortedKeys) {
  ASSERT_TRUE(parse_manifest(profile()));
  EXPECT_EQ(parse_manifest(profile())->metadata, R"({"base":"v1.32.4+k3s1","hardened":"true","release":"1.2"})");
}

TEST(Manifest, GivesAnEmptyBundleAsNothingAndAFullOneAsJson) {
  ASSERT_TRUE(parse_manifest(profile()));
  EXPECT_EQ(parse_manifest(profile())->platform_bundle, "");
  const Result<Manifest> full = parse_manifest(profile("    zScript: a/z:1.1.5\n    aScript: a/b:1\n"));
  ASSERT_TRUE(full) << full.error().message;
  EXPECT_EQ(full->platform_bundle, R"({"aScript":"a/b:1","zScript":"a/z:1.1.5"})");
}

TEST(Manifest, TakesKeysThatItDoesNotKnow) {
  const Result<Manifest> manifest = parse_manifest(profile("  tlsCaCertificate: abc\n  futureKey: [1, 2]\n"));
  EXPECT_TRUE(manifest) << manifest.error().message;
}

TEST(Manifest, LeavesOptionalPartsEmpty) {
  const Result<Manifest> manifest = parse_manifest(
      "spec: {name: N, type: OS_TYPE_MUTABLE, provider: OS_PROVIDER_KIND_LENOVO, architecture: a,"
      " profileName: p, osImageUrl: 'https://h/i.iso', osImageVersion: v1, osImageSha256: " +
      sha_2 + ", securityFeature: SECURITY_FEATURE_NONE}");
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->metadata, "");
  EXPECT_EQ(manifest->platform_bundle, "");
  EXPECT_EQ(manifest->description, "");
  EXPECT_EQ(manifest->image_size, 0u);
  EXPECT_EQ(manifest->raw_size, 0u);
}

TEST(Manifest, TakesTheArtifactsValuesForAnUncompressedRawImage) {
  const Result<Manifest> manifest = parse_manifest(profile("  osImageSize: 67108864\n"));
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->raw_size, 67108864u);
  EXPECT_EQ(to_hex(manifest->raw_sha256), sha_1);
}

TEST(Manifest, TakesTheSizeOfAnUncompressedImageFromEitherKey) {
  const Result<Manifest> manifest = parse_manifest(profile("  osRawSize: 4096\n"));
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->image_size, 4096u);
}

TEST(Manifest, KeepsTheRawValuesOfACompressedImageApart) {
  const std::string text = with(profile("  osImageSize: 100\n  osRawSize: 400\n  osRawSha256: " + sha_2 + "\n"), "4.10.raw", "4.10.raw.gz");
  const Result<Manifest> manifest = parse_manifest(text);
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->image_size, 100u);
  EXPECT_EQ(manifest->raw_size, 400u);
  EXPECT_EQ(to_hex(manifest->image_sha256), sha_1);
  EXPECT_EQ(to_hex(manifest->raw_sha256), sha_2);
}

TEST(Manifest, SaysNothingOfTheRawImageWhereACompressedOneDoesNot) {
  const Result<Manifest> manifest = parse_manifest(with(profile(), "4.10.raw", "4.10.raw.gz"));
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_FALSE(manifest->raw_sha256);
  EXPECT_EQ(manifest->raw_size, 0u);
}

struct Refusal {
  std::string what;
  std::string from;  // replaced in profile() ...
  std::string to;    // ... by this
  std::string error;
};

class RefusedManifest : public ::testing::TestWithParam<Refusal> {};

TEST_P(RefusedManifest, NamesTheKeyThatIsWrong) {
  EXPECT_THAT(error_of(with(profile(), GetParam().from, GetParam().to)), HasSubstr(GetParam().error));
}

INSTANTIATE_TEST_SUITE_P(
    Manifest, RefusedManifest,
    ::testing::Values(
        Refusal{"NoName", "  name: Harbour Gateway 4.1 (hardened)\n", "", "spec.name: is missing"},
        Refusal{"EmptyName", "Harbour Gateway 4.1 (hardened)", "\"\"", "spec.name (line 11): is empty"},
        Refusal{"LongName", "Harbour", std::string(129, 'a'), "spec.name (line 11): is longer than 128 bytes"},
        Refusal{"NameWithStrangeCharacters", "Harbour", "H\xc3\xa4rbour", "spec.name (line 11): has characters that are not allowed"},
        Refusal{"NameIsAMap", "Harbour Gateway 4.1 (hardened)", "{a: b}", "spec.name (line 11): must be a text"},
        Refusal{"UnknownType", "OS_TYPE_IMMUTABLE", "OS_TYPE_UNSPECIFIED", "spec.type (line 12): \"OS_TYPE_UNSPECIFIED\" is none of"},
        Refusal{"UnknownProvider", "KIND_INFRA", "KIND_UNSPECIFIED", "spec.provider (line 13)"},
        Refusal{"UnknownSecurityFeature", "SECURITY_FEATURE_NONE", "SECURITY_FEATURE_UNSPECIFIED", "spec.securityFeature"},
        Refusal{"LongArchitecture", "x86_64", std::string(21, 'x'), "spec.architecture (line 14): is longer than 20"},
        Refusal{"LongProfile", "profileName: harbour-gateway", "profileName: " + std::string(129, 'p'), "spec.profileName"},
        Refusal{"NoVersion", "osImageVersion: 4.10", "osImageVersion:", "spec.osImageVersion (line 17): is empty"},
        Refusal{"ShortDigest", sha_1, "11", "spec.osImageSha256 (line 18): is not 64 hex digits"},
        Refusal{"DigestInUpperCase", sha_1, std::string(64, 'A'), "spec.osImageSha256 (line 18): is not 64 hex digits in lower case"},
        Refusal{"DigestOfZeroes", sha_1, std::string(64, '0'), "spec.osImageSha256"},
        Refusal{"ImageOutsideTheRoot", "images/harbour/", "images/../../etc/", "spec.osImageUrl (line 16): has a part \"..\""},
        Refusal{"SizeWithUnit", "  osImageVersion", "  osImageSize: 64MiB\n  osImageVersion",
                "spec.osImageSize (line 17): \"64MiB\" is not a number"},
        Refusal{"SizeOfZero", "  osImageVersion", "  osImageSize: 0\n  osImageVersion", "spec.osImageSize"},
        Refusal{"HugeSize", "  osImageVersion", "  osImageSize: 99999999999999999999\n  osImageVersion", "spec.osImageSize"},
        Refusal{"RawSizeDiffersThoughNotCompressed", "  osImageVersion", "  osImageSize: 4\n  osRawSize: 5\n  osImageVersion",
                "spec.osRawSize (line 18)"},
        Refusal{"RawDigestDiffersThoughNotCompressed", "  osImageVersion", "  osRawSha256: " + sha_2 + "\n  osImageVersion",
                "spec.osRawSha256"},
        Refusal{"NestedMetadata", "hardened: true", "hardened: {a: b}", "metadata.hardened (line 8): must be a text"},
        Refusal{"MetadataIsAList", "metadata:\n  release: 1.2\n  hardened: true\n  base: v1.32.4+k3s1", "metadata: [1]",
                "metadata (line 6): must be a map"},
        Refusal{"LongMetadata", "hardened: true", "hardened: " + std::string(501, 't'), "metadata (line 6): is longer than 500 bytes"},
        Refusal{"KeyTwice", "  architecture: x86_64", "  architecture: x86_64\n  architecture: arm64",
                "line 15: key \"architecture\" comes twice"},
        Refusal{"Anchor", "name: Harbour", "name: &n Harbour", "line 11: anchors are not allowed"},
        Refusal{"Tag", "name: Harbour", "name: !!str Harbour", "tags are not allowed"},
        Refusal{"NoSpec", "spec:", "specs:", "spec: is missing"},
        Refusal{"TwoDocuments", "  platformBundle:\n", "  platformBundle:\n---\na: b\n", "more than one document"},
        Refusal{"NotYaml", "  type: OS", "  type: [OS", "is not YAML"}),
    [](const auto& tested) { return tested.param.what; });

TEST(Manifest, RefusesATextThatIsTooLongBeforeReadingIt) {
  EXPECT_THAT(error_of(profile("#" + std::string(manifest_bytes_max, ' '))), HasSubstr("longer than"));
}

TEST(Manifest, RefusesAliasesSoThatNoBombCanGoOff) {
  EXPECT_THAT(error_of("a: &a [1, 2]\nb: [*a, *a]\n"), HasSubstr("not allowed"));
}

TEST(Manifest, RefusesDepthAndNumber) {
  EXPECT_THAT(error_of("a: " + std::string(20, '[') + std::string(20, ']')), HasSubstr("deeper than 8 levels"));
  EXPECT_NE(error_of("a: " + std::string(100'000, '[')), "no error");
  std::string many = "a:\n";
  for (int i = 0; i < 5000; ++i) many += "- x\n";
  EXPECT_THAT(error_of(many), HasSubstr("more than 4096 values"));
}

TEST(Manifest, RefusesEmptyAndBinaryText) {
  EXPECT_NE(error_of(""), "no error");
  EXPECT_NE(error_of(std::string(1000, '\0')), "no error");
  EXPECT_NE(error_of("\xff\xfe\x00\x01spec"), "no error");
  EXPECT_NE(error_of("just text"), "no error");
}

Release release_of(const Manifest& manifest) {
  Release release;
  release.profile_name = manifest.profile_name;
  release.os_image_id = manifest.image_version;
  release.architecture = manifest.architecture;
  release.artifact = {manifest.image_sha256, manifest.image_size};
  release.raw = {manifest.raw_sha256, manifest.raw_size};
  return release;
}

TEST(ManifestCheck, TakesAReleaseThatSaysTheSame) {
  const Result<Manifest> manifest = parse_manifest(profile("  osImageSize: 4096\n"));
  ASSERT_TRUE(manifest);
  EXPECT_TRUE(check_release(release_of(*manifest), *manifest));
}

TEST(ManifestCheck, TakesASizeFromElsewhereWhereTheManifestTellsNone) {
  const Result<Manifest> manifest = parse_manifest(profile());
  ASSERT_TRUE(manifest);
  Release release = release_of(*manifest);
  release.artifact.size = release.raw.size = 4096;
  EXPECT_TRUE(check_release(release, *manifest));
}

TEST(ManifestCheck, NamesTheFirstDifference) {
  const Result<Manifest> manifest = parse_manifest(profile("  osImageSize: 4096\n"));
  ASSERT_TRUE(manifest);
  const auto difference = [&](auto change) {
    Release release = release_of(*manifest);
    change(release);
    const Result<void> checked = check_release(release, *manifest);
    return checked ? std::string("none") : checked.error().message;
  };
  EXPECT_THAT(difference([](Release& r) { r.profile_name = "x"; }), HasSubstr("profileName is \"x\" in the link and \"harbour-gateway\""));
  EXPECT_THAT(difference([](Release& r) { r.os_image_id = "4.1"; }), HasSubstr("osImageVersion"));
  EXPECT_THAT(difference([](Release& r) { r.architecture = "arm64"; }), HasSubstr("architecture"));
  EXPECT_THAT(difference([](Release& r) { r.artifact.sha256 = *parse_digest(sha_2); }), HasSubstr("osImageSha256"));
  EXPECT_THAT(difference([](Release& r) { r.artifact.size = 1; }), HasSubstr("osImageSize"));
  EXPECT_THAT(difference([](Release& r) { r.raw.sha256 = *parse_digest(sha_2); }), HasSubstr("osRawSha256"));
  EXPECT_THAT(difference([](Release& r) { r.raw.size = 1; }), HasSubstr("osRawSize"));
}

TEST(Manifest, KnowsCompressedImagesByTheirEnding) {
  EXPECT_TRUE(is_compressed_image("a/b.raw.gz"));
  EXPECT_TRUE(is_compressed_image("a/b.raw.XZ?token=1"));
  EXPECT_TRUE(is_compressed_image("b.zst"));
  EXPECT_TRUE(is_compressed_image("b.bz2#x"));
  EXPECT_FALSE(is_compressed_image("b.raw"));
  EXPECT_FALSE(is_compressed_image("b.raw?x=.gz"));
  EXPECT_FALSE(is_compressed_image("gz"));
}

}  // namespace
}  // namespace abide
