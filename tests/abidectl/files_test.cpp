// create -f: what files say, what is wrong with them and where, and the order in which it is made.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include "tests/abidectl/project.hpp"

namespace abide::ctl {
namespace {

class AbidectlFiles : public AbidectlCommands {};

// Like those of the platform's own tools.
const char* const policy_file =
    "---\n# of plant 3\nappVersion: apps/v1\nspec:\n  name: myupdate\n  description: \"an update profile\"\n"
    "  updatePolicy: \"UPDATE_POLICY_TARGET\"\n  targetOs: \"EMT 3.0.2\"\n";
const char* const profile_file =
    "---\nappVersion: apps/v1\nmetadata:\n  release: 0.1.0\n  version: 0.1.0\nspec:\n  name: demo\n  type: OS_TYPE_IMMUTABLE\n"
    "  provider: OS_PROVIDER_KIND_INFRA\n  architecture: x86_64\n  profileName: demo\n  osImageUrl: url.raw.gz\n  osImageVersion: 0.0.1\n"
    "  osImageSha256: 133975d949e3de495048afd55eb484475e311a19898c2744608cf0f69fe39502\n  osPackageManifestURL: sample.json\n"
    "  osImageSize: 17\n  securityFeature: SECURITY_FEATURE_NONE\n  platformBundle: \"\"\n  futureKey: x\n  metadata: \n    key1: value1\n";

TEST_F(AbidectlFiles, OfThePlatformsToolsSayByTheirMembersWhatTheyAre) {
  const std::string policy =
      R"(POST /os-update-policies {"name":"myupdate","description":"an update profile","updatePolicy":"UPDATE_POLICY_TARGET","targetOsId":"os-00000002"})";
  const std::string profile =
      R"(POST /compute/os {"name":"demo","osType":"OS_TYPE_IMMUTABLE","osProvider":"OS_PROVIDER_KIND_INFRA","architecture":"x86_64","profileName":"demo","imageUrl":"url.raw.gz","imageId":"0.0.1","sha256":"133975d949e3de495048afd55eb484475e311a19898c2744608cf0f69fe39502","installedPackagesUrl":"sample.json","imageSizeBytes":17,"securityFeature":"SECURITY_FEATURE_NONE","metadata":"{\"key1\":\"value1\"}"})";
  EXPECT_EQ(on({"create", "policy", "-f", "-"}, policy_file).code, 0);
  EXPECT_EQ(changes(), Changes{policy});
  EXPECT_EQ(on({"create", "-f", "-"}, policy_file).code, 0);
  EXPECT_EQ(changes(), Changes{policy});
  const auto called = on({"create", "os", "-f", "-"}, profile_file);
  EXPECT_EQ(called.code, 0) << called.err;
  EXPECT_EQ(called.err, "standard input:19: spec.futureKey is left out: the API has nothing for it\n");
  EXPECT_EQ(changes(), Changes{profile});
  // The profile comes first, though the policy is in front.
  EXPECT_EQ(on({"create", "-f", "-"}, std::string(policy_file) + profile_file).code, 0);
  EXPECT_EQ(changes(), (Changes{profile, policy}));
}

// ---- one file for each sample of the platform's own command line ---------------------------------------------------------

const std::pair<const char*, const char*> samples[] = {{"immutableosupdateprofile.yaml", "osupdatepolicy"},
                                                       {"latestosupdateprofile.yaml", "osupdatepolicy"},
                                                       {"mutableosupdateprofile.yaml", "osupdatepolicy"},
                                                       {"osprofile.yaml", "osprofile"}};

class AbidectlSamples : public AbidectlCommands {
 protected:
  // What is sent for a file, by noun and by its members alone; the same, or it is empty.
  std::string sent(const std::filesystem::path& file, const char* noun) {
    std::string first;
    for (const auto& words :
         std::vector<std::vector<std::string>>{{"create", noun, "-f", file.string()}, {"create", "-f", file.string()}}) {
      const auto called = on(words);
      EXPECT_EQ(called.code, 0) << file << ": " << called.err;
      EXPECT_EQ(called.err, "") << file;
      const auto all = changes();
      if (all.size() != 1 || (!first.empty() && all[0] != first)) return {};
      first = all[0];
    }
    return first;
  }
};

TEST_F(AbidectlSamples, OfOurOwnAreSentWhole) {
  project.systems = R"({"resourceId":"os-00000002","name":"Press OS 3.0.2","imageId":"3.0.2"})";
  const char* const expected[] = {
      R"(POST /os-update-policies {"name":"presses-pinned","description":"exactly one image","updatePolicy":"UPDATE_POLICY_TARGET","targetOsId":"os-00000002"})",
      R"(POST /os-update-policies {"name":"presses-newest","description":"what is released","updatePolicy":"UPDATE_POLICY_LATEST"})",
      R"(POST /os-update-policies {"name":"gateways-packages","updatePolicy":"UPDATE_POLICY_TARGET","description":"packages and a kernel command","updatePackages":"nano","updateKernelCommand":"isolcpus=3","updateSources":["first","second"]})",
      R"(POST /compute/os {"name":"Press OS 3.0.2","osType":"OS_TYPE_IMMUTABLE","osProvider":"OS_PROVIDER_KIND_INFRA","architecture":"x86_64","profileName":"press","imageUrl":"images/press-3.0.2.raw.gz","imageId":"3.0.2","sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","installedPackagesUrl":"manifests/press-3.0.2.json","securityFeature":"SECURITY_FEATURE_NONE","metadata":"{\"line\":\"three\"}"})"};
  for (std::size_t i = 0; i < std::size(samples); ++i)
    EXPECT_EQ(sent(std::filesystem::path(ABIDECTL_SAMPLES) / samples[i].first, samples[i].second), expected[i]);
}

// ABIDE_REFERENCE_SAMPLES: a folder with the real ones in cli/.
TEST_F(AbidectlSamples, OfThePlatformHaveTheShapeOfOurs) {
  const char* folder = std::getenv("ABIDE_REFERENCE_SAMPLES");
  if (folder == nullptr) GTEST_SKIP() << "ABIDE_REFERENCE_SAMPLES is not set";
  project.systems = R"({"resourceId":"os-00000001","name":"Edge Microvisor Toolkit 3.0.20250504","imageId":"3.0.20250504"},
    {"resourceId":"os-00000002","name":"Press OS 3.0.2","imageId":"3.0.2"})";
  const auto shape = [](const std::string& sent) {
    const auto body = sent.find('{');
    std::string text = sent.substr(0, body);
    const auto members = Json::parse(sent.substr(body));
    for (const auto& [key, value] : members.items()) text += key + ":" + value.type_name() + " ";
    return text;
  };
  for (const auto& [name, noun] : samples) {
    const auto real = sent(std::filesystem::path(folder) / "cli" / name, noun);
    ASSERT_NE(real, "") << name;
    EXPECT_EQ(shape(real), shape(sent(std::filesystem::path(ABIDECTL_SAMPLES) / name, noun))) << name;
  }
}

TEST_F(AbidectlFiles, DescribeAllKindsAndAreMadeInTheOrderInWhichTheyNeedEachOther) {
  const auto called = on({"create", "-f", "-"}, R"(kind: schedule
spec: {name: nightly, type: osupdate, region: europe, cron: '0 3 * * *', duration: 1h, zone: Europe/Berlin}
---
kind: Host
spec:
  name: e
  uuid: 0F6ADFF7-dadd-5c31-af8e-566accbb1971
  site: munich
---
kind: Site
spec: {name: berlin, region: bavaria, latitude: 52.5, longitude: 13.4, metadata: {grid: north}}
---
kind: Region
spec: {name: inner, parent: outer}
---
kind: Region
spec: {name: outer, parent: europe}
---
)");
  EXPECT_EQ(called.code, 3);  // the made-up server does not know what it has made
  EXPECT_NE(called.err.find("standard input:14: no region goes by \"outer\""), std::string::npos) << called.err;
  EXPECT_NE(called.err.find("1 of 5 documents are made"), std::string::npos) << called.err;
  EXPECT_EQ(changes(), (Changes{R"(POST /regions {"name":"outer","parentId":"region-0000000a"})"}));
  EXPECT_EQ(on({"create", "-f", "-"}, R"(kind: schedule
spec: {name: nightly, type: osupdate, region: europe, cron: '0 3 * * *', duration: 1h}
---
kind: Site
spec: {name: berlin, region: bavaria, latitude: 52.5, longitude: 13.4, metadata: {grid: north}}
)")
                .code,
            0);
  EXPECT_EQ(
      changes(),
      (Changes{
          R"(POST /sites {"name":"berlin","siteLat":525000000,"siteLng":134000000,"metadata":[{"key":"grid","value":"north"}],"regionId":"region-0000000b"})",
          R"(POST /schedules/repeated {"name":"nightly","scheduleStatus":"SCHEDULE_STATUS_OS_UPDATE","durationSeconds":3600,"cronMinutes":"0","cronHours":"3","cronDayMonth":"*","cronMonth":"*","cronDayWeek":"*","targetRegionId":"region-0000000a"})"}));
}

TEST_F(AbidectlFiles, WithAnythingWrongAreToldWithTheLineAndChangeNothing) {
  const std::string fine = "kind: region\nspec: {name: a}\n---\n";  // lines 1 to 3
  const std::pair<const char*, const char*> table[] = {
      {"a: [", "standard input:"},
      {"- 1", "4: is no map"},
      {"kind: region\nspec: 3\n", "5: there is no map \"spec\""},
      {"kind: unicorn\nspec: {name: a}\n", "4: kind \"unicorn\" is unknown"},
      {"spec: {name: a}\n", "4: what is it?"},
      {"kind: run\nspec: {name: a}\n", "5: a osupdaterun cannot be made"},
      {"kind: region\nspecs: {}\nspec: {name: a}\n", "5: \"specs\" is unknown"},
      {"kind: region\nspec:\n  name: a\n  colour: red\n", "7: spec.colour is unknown; a region has name, parent, metadata"},
      {"kind: region\nspec:\n  name: a\n  name: b\n", "7: spec.name comes twice"},
      {"kind: region\nspec:\n  parent: a\n", "6: spec.name is missing"},
      {"kind: region\nspec:\n  name: [a]\n", "6: spec.name is one value"},
      {"kind: site\nspec:\n  name: a\n  latitude: north\n", "7: spec.latitude: \"north\""},
      {"kind: site\nspec:\n  name: a\n  latitude: 91\n", "7: spec.latitude: \"91\""},
      {"kind: site\nspec:\n  name: a\n  metadata: x\n", "7: spec.metadata is a map"},
      {"kind: host\nspec:\n  name: a\n  uuid: 7\n", "7: spec.uuid"},
      {"kind: policy\nspec:\n  name: a\n  updatePolicy: NEWEST\n", "7: spec.updatePolicy is UPDATE_POLICY_LATEST"},
      {"kind: policy\nspec:\n  name: a\n  updatePolicy: UPDATE_POLICY_LATEST\n  allowDowngrade: perhaps\n",
       "8: spec.allowDowngrade is true or false"},
      {"kind: os\nspec:\n  osImageSize: -1\n", "6: spec.osImageSize is a whole number"},
      {"kind: schedule\nspec:\n  name: a\n  type: lunch\n  start: now\n  host: h\n", "7: spec.type: is osupdate"},
      {"kind: schedule\nspec:\n  name: a\n  type: osupdate\n  cron: 0 3 * *\n  duration: 1h\n  host: h\n", "8: spec.cron"},
      {"kind: schedule\nspec:\n  name: a\n  type: osupdate\n  start: now\n", "6: a schedule is of one of host, site and region"},
      {"kind: region\nspec: {name: x, parent: y}\n---\nkind: region\nspec: {name: y, parent: x}\n", "5: region x lies in itself"},
  };
  for (const auto& [text, message] : table) {
    const auto called = on({"create", "-f", "-"}, fine + text);
    EXPECT_EQ(called.code, 2) << text;
    EXPECT_NE(called.err.find(message), std::string::npos) << text << "\n" << called.err;
    EXPECT_EQ(changes(), Changes{}) << text;
  }
  EXPECT_EQ(on({"create", "site", "-f", "-"}, fine).code, 2);  // is a region
  EXPECT_EQ(on({"create", "-f", "-"}, std::string(2U << 20U, ' ')).code, 2);
  EXPECT_EQ(on({"create", "-f", "-"}, std::string(5'000, '[')).code, 2);
}

TEST_F(AbidectlFiles, OfAFolderAreReadByNameAndARefusalSaysWhatWasMade) {
  const auto folder = std::filesystem::temp_directory_path() / ("abidectl-files-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  EXPECT_EQ(on({"create", "-f", folder.string()}).code, 2);
  std::ofstream(folder / "b.yaml") << "kind: region\nspec: {name: b}\n";
  std::ofstream(folder / "a.yml") << "kind: region\nspec: {name: a}\n---\nkind: region\nspec: {name: c}\n";
  std::ofstream(folder / "notes.txt") << "[";
  const auto all = on({"create", "regions", "-f", folder.string()});
  EXPECT_EQ(all.code, 0) << all.err;
  EXPECT_EQ(changes(), (Changes{R"(POST /regions {"name":"a"})", R"(POST /regions {"name":"c"})", R"(POST /regions {"name":"b"})"}));
  project.refuse_with = "\"c\"";
  const auto called = on({"create", "-f", folder.string()});
  EXPECT_EQ(called.code, 1);
  EXPECT_EQ(called.out, "region a (made-00000001) created\n");
  EXPECT_NE(called.err.find("a.yml:5: region c: not with this\n1 of 3 documents are made"), std::string::npos) << called.err;
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace abide::ctl
