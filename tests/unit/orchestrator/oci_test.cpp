#include "orchestrator/discovery/oci.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/hash.hpp"
#include "orchestrator/discovery/ledger.hpp"
#include "orchestrator/discovery/lists.hpp"

namespace abide::discovery {
namespace {

TEST(OciUrl, IsPlainOnLoopbackAndWhereItIsAskedForAndElseTls) {
  struct Row {
    const char* url;
    const char* origin;
    const char* prefix;
  };
  for (const auto& row : std::initializer_list<Row>{
           {"oci://127.0.0.1:5000/edge/os", "http://127.0.0.1:5000", "edge/os"},
           {"oci://localhost/os/", "http://localhost", "os"},
           {"oci://[::1]:5000/os", "http://[::1]:5000", "os"},
           {"oci://127.0.0.1.example.org/os", "https://127.0.0.1.example.org", "os"},
           {"oci://registry.example.org/a/b-c/d_e/f.g", "https://registry.example.org", "a/b-c/d_e/f.g"},
           {"oci+http://rs-proxy:8081/edge-orch/en/files/os-profile/", "http://rs-proxy:8081", "edge-orch/en/files/os-profile"},
       }) {
    const auto address = parse_oci_url(row.url);
    ASSERT_TRUE(address) << row.url << ": " << address.error().message;
    EXPECT_EQ(address->origin, row.origin);
    EXPECT_EQ(address->prefix, row.prefix);
    EXPECT_FALSE(address->name.ends_with('/'));
  }
  for (const char* url : {"", "oci://", "oci:///os", "oci://h", "oci://h/", "oci://h:0/os", "oci://h:65536/os", "oci://h:x/os",
                          "oci://u:p@h/os", "oci://h/Os", "oci://h/a//b", "oci://h/../b", "oci://h/a b", "oci://h/a?x", "oci://[::1/os",
                          "http://h/os", "oci://h/a/-b", "oci://h /os"})
    EXPECT_FALSE(parse_oci_url(url)) << url;
}

TEST(OciNames, AreThoseThatTheSpecificationAllows) {
  for (const char* name : {"a", "a1", "a.b", "a_b", "a__b", "a-b", "a---b", "microvisor-nonrt", "ubuntu-22.04-lts-generic"})
    EXPECT_TRUE(is_repository_part(name)) << name;
  for (const char* name : {"", "A", "-a", "a-", "a..b", "a___b", "a._b", "a/b", "a b", ".a", "a."})
    EXPECT_FALSE(is_repository_part(name)) << name;
  for (const char* tag : {"1.0.0", "main", "_x", "v1-rc.2", "0.11.5-dev"}) EXPECT_TRUE(is_tag(tag)) << tag;
  for (const char* tag : {"", ".a", "-a", "a/b", "a+b", "a b", "a:b", "~1.0.0"}) EXPECT_FALSE(is_tag(tag)) << tag;
  EXPECT_FALSE(is_tag(std::string(129, 'a')));
}

TEST(Revision, IsOneTagOrARangeThatBranchesAndPreReleasesAreNeverIn) {
  EXPECT_FALSE(parse_revision("0.10.8")->range);
  EXPECT_FALSE(parse_revision("main")->range);
  const std::vector<std::string> tags = {"main",  "0.9.10", "0.9.2", "0.10.0", "0.9.1",      "0.9.3-dev",
                                         "0.9.3", "v0.9.4", "0.9",   "0.9.3",  "release-0.9"};
  EXPECT_EQ(tags_in(*parse_revision("~0.9.2")->range, tags), (std::vector<std::string>{"0.9.2", "0.9.3", "0.9.10"}));
  EXPECT_EQ(tags_in(*parse_revision("~0.9.3-0")->range, tags), (std::vector<std::string>{"0.9.3-dev", "0.9.3", "0.9.10"}));
  EXPECT_TRUE(tags_in(*parse_revision("~0.0.0")->range, tags).empty()) << "main is no 0.0.0";
  for (const char* text : {"", "~", "~0.9", "~main", "a b", "*"}) EXPECT_FALSE(parse_revision(text)) << text;
}

std::string layer(const std::string& change_from = "", const std::string& change_to = "") {
  std::string json = R"({"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:)" + std::string(64, 'a') +
                     R"(","size":1186,"annotations":{"org.opencontainers.image.title":"demo.yaml"}})";
  if (!change_from.empty()) json.replace(json.find(change_from), change_from.size(), change_to);
  return json;
}

std::string oci(const std::string& layers, const std::string& types = R"("artifactType":"application/vnd.intel.orch.en",)",
                const std::string& media_type = R"("mediaType":"application/vnd.oci.image.manifest.v1+json",)") {
  return R"({"schemaVersion":2,)" + media_type + types + R"("config":{"mediaType":"application/vnd.intel.orch.en"},"layers":[)" + layers +
         "]}";
}

TEST(OciManifest, GivesItsFirstLayer) {
  const auto parsed = parse_oci_manifest(oci(layer() + "," + layer("1186", "9")), "");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(to_hex(parsed->digest), std::string(64, 'a'));
  EXPECT_EQ(parsed->size, 1186U);
  EXPECT_EQ(parsed->title, "demo.yaml");
  EXPECT_TRUE(parse_oci_manifest(oci(layer(), ""), "")) << "the older way: by the config's type";
  EXPECT_TRUE(parse_oci_manifest(oci(layer(), "", ""), "application/vnd.oci.image.manifest.v1+json; charset=utf-8")) << "by the header";
}

TEST(OciManifest, IsRefusedWithTheReason) {
  struct Row {
    std::string json;
    const char* error;
  };
  for (const auto& row : std::initializer_list<Row>{
           {"", "not a JSON object"},
           {"[]", "not a JSON object"},
           {oci("", "", R"("mediaType":"application/vnd.oci.image.index.v1+json",)"), "image.index.v1+json"},
           {oci(layer(), "", ""), "media type \"\""},
           {oci(layer(), R"("artifactType":"application/vnd.other",)"), "artifact type \"application/vnd.other\""},
           {oci(""), "no layers"},
           {oci("7"), "layer 1 is not an object"},
           {oci(layer("org.opencontainers.image.title", "title")), "layer 1 has no annotation org.opencontainers.image.title"},
           {oci(layer("demo.yaml", "")), "layer 1 has no annotation"},
           {oci(layer() + "," + layer("demo.yaml", "")), "layer 2 has no annotation"},
           {oci(layer("v1.tar", "v1.tar+gzip")), "layer 1 has the media type"},
           {oci(layer("sha256:", "sha512:")), "layer 1: the digest is not sha256"},
           {oci(layer("aaaa", "zzzz")), "layer 1: the digest is not sha256"},
           {oci(layer("1186", "0")), "layer 1 has no size"},
           {oci(layer("1186", "-1")), "layer 1 has no size"},
           {oci(layer("1186", "\"1186\"")), "layer 1 has no size"},
           {oci(layer("1186", "99999999")), "larger than"},
       }) {
    const auto parsed = parse_oci_manifest(row.json, "");
    ASSERT_FALSE(parsed) << row.json;
    EXPECT_NE(parsed.error().message.find(row.error), std::string::npos) << parsed.error().message;
  }
  std::string many = layer();
  for (std::size_t i = 0; i < oci_layers_max; ++i) many += "," + layer();
  EXPECT_FALSE(parse_oci_manifest(oci(many), ""));
}

TEST(OciLists, AreNamesAndALinkToTheNextPage) {
  EXPECT_EQ(parse_name_list(R"({"name":"x","tags":["a","b"]})", "tags").value(), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(parse_name_list(R"({"name":"x","tags":null})", "tags")->empty()) << "what a registry says of a repository without tags";
  for (const char* json : {"", "{}", R"({"tags":7})", R"({"tags":["a",7]})", "[\"a\"]"})
    EXPECT_FALSE(parse_name_list(json, "tags")) << json;

  const std::string origin = "http://h:5000";
  EXPECT_EQ(next_page("", origin).value(), "");
  EXPECT_EQ(next_page(R"(</v2/a/tags/list?last=b&n=2>; rel="next")", origin).value(), "/v2/a/tags/list?last=b&n=2");
  EXPECT_EQ(next_page(R"(<http://h:5000/v2/_catalog?last=b>; rel="next")", origin).value(), "/v2/_catalog?last=b");
  EXPECT_EQ(next_page(R"(</v2/x>; rel="prev", </v2/y,z>; rel="next")", origin).value(), "/v2/y,z");
  EXPECT_EQ(next_page(R"(</v2/x>; rel="prev")", origin).value(), "");
  for (const char* link :
       {R"(<http://other/v2/x>; rel="next")", R"(<http://h:50001/v2/x>; rel="next")", R"(<x>; rel="next")", R"(</v2/../x>; rel="next")"})
    EXPECT_FALSE(next_page(link, origin)) << link;
}

TEST(OciChallenge, SaysWhereTokensComeFrom) {
  const auto bearer =
      parse_challenge(R"(Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push")");
  ASSERT_TRUE(bearer);
  EXPECT_TRUE(bearer->bearer);
  EXPECT_EQ(bearer->realm, "https://auth.example/token");
  EXPECT_EQ(bearer->service, "registry.example");
  EXPECT_EQ(bearer->scope, "repository:a/b:pull,push");
  EXPECT_FALSE(parse_challenge("Basic realm=\"x\"")->bearer);
  for (const char* header : {"", "Bearer", "Bearer service=\"x\"", "Digest realm=\"x\"", "Negotiate"})
    EXPECT_FALSE(parse_challenge(header)) << header;
  EXPECT_EQ(parse_token(R"({"token":"abc","expires_in":300})").value(), "abc");
  EXPECT_EQ(parse_token(R"({"access_token":"abc"})").value(), "abc");
  for (const char* json : {"", "{}", R"({"token":7})", R"({"token":"a\r\nX: y"})", R"({"token":""})"})
    EXPECT_FALSE(parse_token(json)) << json;
}

TEST(OciCredentials, AreReadOnlyFromAFileForItsOwnersEyes) {
  const auto parsed = parse_credentials("# registries\n\nr.example:5000 user:pass word:x\r\nother ci:s\n");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->at("r.example:5000"), "user:pass word:x");
  for (const char* text : {"r.example", "r.example user", "r.example :x", "a b:c\na d:e", "http://x u:p"})
    EXPECT_FALSE(parse_credentials(text)) << text;
  EXPECT_EQ(parse_credentials("x SECRETSECRET").error().message.find("SECRET"), std::string::npos) << "a password is never shown";

  const auto path = std::filesystem::temp_directory_path() / ("abide-credentials-" + std::to_string(::getpid()));
  std::ofstream(path) << "r.example u:p\n";
  ::chmod(path.c_str(), 0640);
  EXPECT_EQ(read_credentials(path).error().code, Code::denied);
  ::chmod(path.c_str(), 0600);
  EXPECT_EQ(read_credentials(path)->size(), 1U);
  std::filesystem::remove(path);
  EXPECT_FALSE(read_credentials(path));
}

TEST(OciSettings, AreCheckedBeforeAnythingStarts) {
  SourceSettings good;
  good.releases = "oci://127.0.0.1:1/os";
  good.files = "http://files.example";
  good.profile_revision = "~0.9.0";
  ASSERT_TRUE(Source::open(good));
  struct Row {
    const char* setting;
    std::function<void(SourceSettings&)> spoil;
  };
  for (const auto& row : std::initializer_list<Row>{
           {"releases", [](auto& s) { s.releases = "oci://h"; }},
           {"files", [](auto& s) { s.files.clear(); }},
           {"profile-revision", [](auto& s) { s.profile_revision.clear(); }},
           {"profile-revision", [](auto& s) { s.profile_revision = "~0.9"; }},
           {"enabled-profiles",
            [](auto& s) {
              s.enabled_profiles = {"ok", "Not_ok_"};
            }},
           {"releases-credentials", [](auto& s) { s.credentials = "/nowhere/at/all"; }},
       }) {
    SourceSettings settings = good;
    row.spoil(settings);
    const auto source = Source::open(settings);
    ASSERT_FALSE(source) << row.setting;
    EXPECT_EQ(source.error().message.find(row.setting), 0U) << source.error().message;
  }
}

TEST(Retry, DoublesWithEachFailureAndIsSpread) {
  constexpr std::int64_t base = 15 * 60'000;
  for (std::uint32_t attempts = 1; attempts < 40; ++attempts) {
    const std::int64_t pause = std::min(base << std::min(attempts - 1, 10U), retry_ms_max);
    EXPECT_EQ(retry_after_ms(base, attempts, 0), pause / 2) << attempts;
    Random random{attempts};
    for (int i = 0; i < 100; ++i) {
      const auto after = retry_after_ms(base, attempts, random.next());
      EXPECT_GE(after, pause / 2);
      EXPECT_LE(after, pause);
    }
  }
  EXPECT_GE(retry_after_ms(0, 1, 0), 0);
  EXPECT_EQ(retry_after_ms(retry_ms_max * 10, 4'000'000'000U, 0), retry_ms_max / 2);
}

TEST(Ledger, HoldsABrokenEntryBackAndTellsItAllTheSame) {
  Ledger ledger(60'000, Random{7});
  const auto at = [](std::int64_t s) { return Now{1'000'000'000 + s * 1000, s * 1000, {}, false}; };
  int asked = 0;
  for (std::int64_t s = 0; s < 3600; s += 60) {
    ledger.begin(at(s), false);
    if (ledger.ask("a")) {
      ++asked;
      ledger.failed("a", "broken");
    }
    EXPECT_TRUE(ledger.ask("b"));
    const auto rows = ledger.finish(true);
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].source, "a");
    EXPECT_EQ(rows[0].attempts, static_cast<std::uint32_t>(asked));
    EXPECT_EQ(rows[0].first_at_wall_ms, 1'000'000'000);
    EXPECT_GT(rows[0].next_at_wall_ms, rows[0].last_at_wall_ms);
  }
  EXPECT_GE(asked, 5);
  EXPECT_LE(asked, 9) << "an hour of passes, and only so many attempts";
  ledger.begin(at(3600), true);
  EXPECT_TRUE(ledger.ask("a")) << "somebody asked for everything";
  EXPECT_TRUE(ledger.finish(true).empty()) << "and it was good";
}

TEST(Ledger, ForgetsWhatAWholePassDoesNotNameAndKeepsItInOneThatWasCut) {
  Ledger ledger(1000, Random{1});
  ledger.begin({}, false);
  ledger.failed("a", "x");
  ledger.refused("b", "y");
  EXPECT_EQ(ledger.finish(true).size(), 2U);
  ledger.begin({}, false);
  EXPECT_EQ(ledger.finish(false).size(), 2U);
  ledger.begin({}, false);
  EXPECT_TRUE(ledger.ask("b")) << "asking costs nothing";
  ledger.refused("b", "y");
  EXPECT_EQ(ledger.finish(true).size(), 1U);
}

TEST(Ledger, KnowsWhenAnEntryWasFineTheLastTime) {
  Ledger ledger(1000, Random{1});
  const auto begin = [&](std::int64_t s) { ledger.begin(Now{s * 1000, s * 1000, {}, false}, true); };
  begin(10);
  ledger.good("a");
  ledger.good("b");
  ledger.failed("b", "and yet wrong");
  auto rows = ledger.finish(true);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].good_at_wall_ms, 0) << "never since the start";
  for (const std::int64_t s : {20, 30}) {
    begin(s);
    ledger.ask("a");
    ledger.failed("a", "broken");
    ledger.ask("b");
    ledger.good("b");
    rows = ledger.finish(true);
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].source, "a");
    EXPECT_EQ(rows[0].good_at_wall_ms, 10'000);
  }
  begin(40);
  ledger.failed("b", "broken");
  ASSERT_EQ(ledger.finish(true).size(), 1U);
  begin(50);
  for (std::size_t i = 0; i <= good_max; ++i) ledger.good("entry " + std::to_string(i));
  ledger.failed("b", "broken");
  rows = ledger.finish(true);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].good_at_wall_ms, 30'000) << "what fails is known also where there are too many to know";
  begin(60);
  ledger.failed("entry 0", "broken");
  ASSERT_EQ(ledger.finish(true).size(), 1U);
  begin(70);
  ledger.failed("entry 0", "broken");
  EXPECT_EQ(ledger.finish(true).at(0).good_at_wall_ms, 0);
}

TEST(Ledger, KeepsWhatLiesInAPartThatCouldNotBeRead) {
  Ledger ledger(1000, Random{1});
  ledger.begin({}, false);
  for (const char* entry : {"r/p:1", "r/q:1"}) ledger.failed(entry, "x");
  EXPECT_EQ(ledger.finish(true).size(), 2U);
  ledger.begin({}, false);
  const auto rows = ledger.finish(true, {"r/q"});
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].source, "r/q:1");
}

TEST(ReleaseLists, LoseOnlyTheBlanksBetweenTheirParts) {
  EXPECT_EQ(
      compact_list(ListKind::packages, "{\n \"Repo\" : [ {\"Name\": \"a  b\\n\", \"Version\": \"1 . 0\", \"Z\": 1, \"A\": [ ] } ]\n}\n")
          .value(),
      R"({"Repo":[{"Name":"a  b\n","Version":"1 . 0","Z":1,"A":[]}]})");
  EXPECT_EQ(compact_list(ListKind::cves, R"([ {"cve_id": "CVE-1", "priority": "HIGH", "affected_packages": [ "a b" ]} ])").value(),
            R"([{"cve_id":"CVE-1","priority":"HIGH","affected_packages":["a b"]}])");
  EXPECT_TRUE(compact_list(ListKind::packages, R"({"repo":[{"name":"a","VERSION":"1"},{}]})"))
      << "keys in any case; only the first entry counts";
}

TEST(ReleaseLists, AreRefusedWithTheReason) {
  struct Row {
    ListKind kind;
    std::string json;
    const char* error;
  };
  const auto packages = ListKind::packages;
  const auto cves = ListKind::cves;
  for (const auto& row : std::initializer_list<Row>{
           {packages, "", "not JSON"},
           {packages, "<html>", "not JSON"},
           {packages, "[]", "list `Repo`"},
           {packages, R"({"Repo":{}})", "list `Repo`"},
           {packages, R"({"Repo":[]})", "`Repo` is empty"},
           {packages, R"({"Repo":[7]})", "the first entry of `Repo` is not an object"},
           {packages, R"({"Repo":[{"Version":"1"}]})", "has no `Name`"},
           {packages, R"({"Repo":[{"Name":"a"}]})", "has no `Version`"},
           {packages, R"({"Repo":[{"Name":"a","Version":""}]})", "has no `Version`"},
           {packages, R"({"Repo":[{"Name":"a","Version":1}]})", "has no `Version`"},
           {cves, "{}", "not a list of CVEs"},
           {cves, "[]", "the list is empty"},
           {cves, R"([{"priority":"HIGH"}])", "has no `cve_id`"},
           {cves, R"([{"cve_id":"CVE-1"}])", "has no `priority`"},
           {cves, std::string(list_depth_max + 1, '[') + std::string(list_depth_max + 1, ']'), "deeper"},
           {cves, std::string(100'000, '['), "deeper"},
           {cves, R"([{"cve_id":"CVE-1","priority":"HIGH","x":")" + std::string(list_text_bytes_max, 'x') + "\"}]", "without blanks"},
           {cves, std::string(list_bytes_max + 1, ' '), "larger than"},
       }) {
    const auto text = compact_list(row.kind, row.json);
    ASSERT_FALSE(text) << row.json.substr(0, 100);
    EXPECT_NE(text.error().message.find(row.error), std::string::npos) << text.error().message;
  }
}

}  // namespace
}  // namespace abide::discovery
