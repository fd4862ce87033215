// Against a registry, token service and file server that say what a real one only says on a bad day.
#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <sys/stat.h>

#include "orchestrator/discovery/oci.hpp"
#include "tests/integration/oci/docker_registry.hpp"
#include "tests/integration/oci/http_server.hpp"
#include "tests/integration/oci/sources.hpp"

namespace abide::discovery {
namespace {

using test::Answer;
using test::Asked;
using test::digest_of;
using test::DockerRegistry;
using test::HttpServer;

// Files by path, with ETags; what a test puts into `instead` is answered first.
class Files {
 public:
  void put(const std::string& path, const std::string& body, std::map<std::string, std::string> headers = {}) {
    const std::lock_guard lock(mutex_);
    headers.emplace("ETag", "\"" + digest_of(body) + "\"");
    files_[path] = {200, body, std::move(headers)};
  }
  void remove(const std::string& path) {
    const std::lock_guard lock(mutex_);
    files_.erase(path);
  }
  void instead(std::function<std::optional<Answer>(const Asked&)> what) {
    const std::lock_guard lock(mutex_);
    instead_ = std::move(what);
  }
  Answer answer(const Asked& asked) {
    const std::lock_guard lock(mutex_);
    if (instead_) {
      if (auto answer = instead_(asked)) return *answer;
    }
    const auto file = files_.find(asked.path);
    if (file == files_.end()) return {404, "{}", {}};
    Answer answer = file->second;
    if (!asked.if_none_match.empty() && asked.if_none_match == answer.headers["ETag"]) answer.status = 304;
    return answer;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Answer> files_;
  std::function<std::optional<Answer>(const Asked&)> instead_;
};

const std::string page = "?n=" + std::to_string(oci_page_names);

class FakeRegistry : public OciTest {
 protected:
  static std::string repository(const std::string& name) { return "/v2/" + prefix + "/" + name; }
  void publish(const std::string& name, const std::string& tag, const std::string& yaml) {
    const std::string manifest = DockerRegistry::manifest_of(yaml);
    files.put(repository(name) + "/manifests/" + tag, manifest,
              {{"Content-Type", std::string(oci_manifest_type)}, {"Docker-Content-Digest", digest_of(manifest)}});
    files.put(repository(name) + "/blobs/" + digest_of(yaml), yaml);
  }
  void list(const std::string& name, const std::string& tags) {
    files.put(repository(name) + "/tags/list" + page, R"({"tags":[)" + tags + "]}");
  }
  std::unique_ptr<Source> source(const std::string& revision, std::vector<std::string> enabled = {"depot-rt"}) {
    return open(settings_of(server.authority(), revision, std::move(enabled)));
  }
  std::vector<std::string> asked() {
    std::vector<std::string> lines;
    for (const auto& one : server.take()) {
      const auto at = one.path.find(prefix);
      lines.push_back((at == std::string::npos ? one.path : one.path.substr(at + prefix.size())) + " " + std::to_string(one.status));
    }
    return lines;
  }
  Files files;
  HttpServer server{[this](const Asked& asked) { return files.answer(asked); }};
};

TEST_F(FakeRegistry, IsReadPageByPage) {
  publish("depot-rt", "0.9.1", profile("depot-rt", "1.1"));
  publish("depot-rt", "0.9.2", profile("depot-rt", "1.2"));
  const std::string tags = repository("depot-rt") + "/tags/list";
  files.put("/v2/_catalog" + page, R"({"repositories":["a","b"]})", {{"Link", "</v2/_catalog?last=b&n=2>; rel=\"next\""}});
  files.put("/v2/_catalog?last=b&n=2", R"({"repositories":[")" + prefix + R"(/depot-rt"]})");
  files.put(tags + page, R"({"tags":["0.9.1"]})", {{"Link", "<" + server.url() + tags + "?last=0.9.1&n=1>; rel=\"next\""}});
  files.put(tags + "?last=0.9.1&n=1", R"({"tags":["0.9.2"]})", {{"Link", "<" + tags + "?last=0.9.2&n=1>; rel=\"next\""}});
  files.put(tags + "?last=0.9.2&n=1", R"({"tags":null})");
  auto oci = source("~0.9.0", {});
  const auto read = oci->read(false);
  EXPECT_EQ(found(*oci, read), (std::vector<std::string>{"depot-rt 1.1 from depot-rt:0.9.1", "depot-rt 1.2 from depot-rt:0.9.2"}))
      << all(read);
}

TEST_F(FakeRegistry, WhosePagesNeverEndOrLeadElsewhereIsAFailureOfThatProfile) {
  publish("depot-rt", "0.9.1", profile("depot-rt", "1.1"));
  list("depot-rt", "\"0.9.1\"");
  const std::string endless = repository("endless") + "/tags/list";
  files.instead([=](const Asked& one) -> std::optional<Answer> {
    if (one.path.starts_with(endless)) return Answer{200, R"({"tags":["0.9.1"]})", {{"Link", "<" + endless + "?last=x>; rel=\"next\""}}};
    return std::nullopt;
  });
  files.put(repository("elsewhere") + "/tags/list" + page, R"({"tags":[]})", {{"Link", "<http://other.example/v2/x>; rel=\"next\""}});
  files.put(repository("large") + "/tags/list" + page, std::string(oci_list_bytes_max + 1, ' '));
  files.put(repository("nonsense") + "/tags/list" + page, "<html>");
  auto oci = source("~0.9.0", {"depot-rt", "endless", "elsewhere", "large", "nonsense"});
  const auto read = oci->read(false);
  EXPECT_EQ(read.profiles.found.size(), 1U);
  ASSERT_EQ(read.rows.size(), 4U) << all(read);
  EXPECT_NE(error_at(*oci, read, "endless").find("more than 1000 pages"), std::string::npos) << all(read);
  EXPECT_NE(error_at(*oci, read, "elsewhere").find("would be elsewhere"), std::string::npos);
  EXPECT_NE(error_at(*oci, read, "large").find("larger than"), std::string::npos);
  EXPECT_NE(error_at(*oci, read, "nonsense").find("not a JSON object"), std::string::npos);
}

TEST_F(FakeRegistry, IsAskedOnlyWhetherSomethingChanged) {
  publish("depot-rt", "0.9.1", profile("depot-rt", "1.1"));
  publish("depot-rt", "0.9.2", profile("depot-rt", "1.2"));
  list("depot-rt", R"("0.9.1","0.9.2")");
  auto oci = source("~0.9.0");
  EXPECT_EQ(oci->read(false).profiles.found.size(), 2U);
  const std::string tags = "/depot-rt/tags/list" + page + " 200";
  EXPECT_EQ(asked(), (std::vector<std::string>{
                         tags, "/depot-rt/manifests/0.9.1 200", "/depot-rt/blobs/" + digest_of(profile("depot-rt", "1.1")) + " 200",
                         "/depot-rt/manifests/0.9.2 200", "/depot-rt/blobs/" + digest_of(profile("depot-rt", "1.2")) + " 200"}));
  EXPECT_EQ(oci->read(true).profiles.found.size(), 2U);
  EXPECT_EQ(asked(), (std::vector<std::string>{tags, "/depot-rt/manifests/0.9.1 304", "/depot-rt/manifests/0.9.2 304"}));
  publish("depot-rt", "0.9.2", profile("depot-rt", "1.3"));
  const auto read = oci->read(false);
  EXPECT_EQ(found(*oci, read), (std::vector<std::string>{"depot-rt 1.1 from depot-rt:0.9.1", "depot-rt 1.3 from depot-rt:0.9.2"}));
  EXPECT_EQ(asked(), (std::vector<std::string>{tags, "/depot-rt/manifests/0.9.1 304", "/depot-rt/manifests/0.9.2 200",
                                               "/depot-rt/blobs/" + digest_of(profile("depot-rt", "1.3")) + " 200"}));
}

TEST_F(FakeRegistry, WithABrokenTagIsAskedForItLessAndLessWhileTheOthersGoOn) {
  publish("depot-rt", "0.9.1", profile("depot-rt", "1.1"));
  list("depot-rt", R"("0.9.1","0.9.2")");
  auto oci = source("~0.9.0");
  std::size_t broken = 0, good = 0;
  for (int pass = 0; pass < 96; ++pass) {  // a day
    const auto read = oci->read(false);
    EXPECT_EQ(read.profiles.found.size(), 1U);
    ASSERT_EQ(read.rows.size(), 1U);
    for (const auto& line : asked()) {
      broken += line == "/depot-rt/manifests/0.9.2 404" ? 1 : 0;
      good += line.starts_with("/depot-rt/manifests/0.9.1") ? 1 : 0;
    }
    EXPECT_EQ(read.rows[0].attempts, broken);
    clock_ms += url_poll_ms;
  }
  EXPECT_EQ(good, 96U);
  EXPECT_GE(broken, 7U);
  EXPECT_LE(broken, 14U);
}

TEST_F(FakeRegistry, ThatLiesAboutDigestsAndSizesIsNotBelieved) {
  const auto yaml = [](const char* version) { return profile("depot-rt", version); };
  for (const char* tag : {"0.9.1", "0.9.2", "0.9.3", "0.9.4"}) publish("depot-rt", tag, yaml(tag));
  list("depot-rt", R"("0.9.1","0.9.2","0.9.3","0.9.4")");
  files.put(repository("depot-rt") + "/manifests/0.9.1", DockerRegistry::manifest_of(yaml("0.9.1")),
            {{"Docker-Content-Digest", digest_of("other")}});
  files.put(repository("depot-rt") + "/blobs/" + digest_of(yaml("0.9.2")), yaml("0.9.2") + "# more\n");
  files.put(repository("depot-rt") + "/blobs/" + digest_of(yaml("0.9.3")), std::string(yaml("0.9.3").size(), 'x'));
  auto oci = source("~0.9.0");
  const auto read = oci->read(false);
  EXPECT_EQ(found(*oci, read), std::vector<std::string>{"depot-rt 0.9.4 from depot-rt:0.9.4"});
  EXPECT_NE(error_at(*oci, read, "depot-rt:0.9.1").find("the manifest's SHA-256 is"), std::string::npos);
  EXPECT_NE(error_at(*oci, read, "depot-rt:0.9.2").find("bytes, the manifest says"), std::string::npos);
  EXPECT_NE(error_at(*oci, read, "depot-rt:0.9.3").find("the layer's SHA-256 is"), std::string::npos);
}

TEST_F(FakeRegistry, ThatIsOverloadedIsOneFailureAndOneTagThatIsNotIsItsOwn) {
  for (const char* tag : {"0.9.1", "0.9.2"}) publish("depot-rt", tag, profile("depot-rt", tag));
  list("depot-rt", R"("0.9.1","0.9.2")");
  auto oci = source("~0.9.0");
  files.instead([](const Asked& one) -> std::optional<Answer> {
    if (one.path.ends_with("0.9.1")) return Answer{503, "", {}};
    return std::nullopt;
  });
  auto read = oci->read(false);
  EXPECT_TRUE(read.complete);
  EXPECT_EQ(found(*oci, read), std::vector<std::string>{"depot-rt 0.9.2 from depot-rt:0.9.2"});
  ASSERT_NE(row(*oci, read, "depot-rt:0.9.1"), nullptr) << all(read);
  files.instead([](const Asked&) { return Answer{429, "", {}}; });
  (void)asked();
  read = oci->read(true);
  EXPECT_FALSE(read.complete);
  EXPECT_EQ(found(*oci, read), std::vector<std::string>{"depot-rt 0.9.2 from depot-rt:0.9.2"});
  EXPECT_NE(row(*oci, read, ""), nullptr) << all(read);
  EXPECT_EQ(asked().size(), 2U) << "no more is asked of one that has too much to do";
}

TEST_F(FakeRegistry, WhoseListsAreBrokenKeepsWhatWasKnownOfThem) {
  for (const char* name : {"depot-rt", "harbour-gateway"}) {
    publish(name, "0.9.1", profile(name, "1.0"));
    list(name, "\"0.9.1\"");
  }
  const std::string catalog = R"({"repositories":[")" + prefix + R"(/depot-rt",")" + prefix + R"(/harbour-gateway"]})";
  files.put("/v2/_catalog" + page, catalog);
  auto oci = source("~0.9.0", {});
  const std::vector<std::string> both = {"depot-rt 1.0 from depot-rt:0.9.1", "harbour-gateway 1.0 from harbour-gateway:0.9.1"};
  EXPECT_EQ(found(*oci, oci->read(false)), both);
  files.put(repository("depot-rt") + "/tags/list" + page, "nonsense");
  auto read = oci->read(false);
  EXPECT_TRUE(read.complete);
  EXPECT_EQ(found(*oci, read), (std::vector<std::string>{both[1], both[0]}));
  EXPECT_NE(error_at(*oci, read, "depot-rt").find("not a JSON object"), std::string::npos) << all(read);
  read = oci->read(false);
  EXPECT_EQ(read.profiles.found.size(), 2U) << "also while the list is not asked for";
  files.remove("/v2/_catalog" + page);
  read = oci->read(true);
  EXPECT_FALSE(read.complete);
  EXPECT_EQ(found(*oci, read), both);
  EXPECT_NE(error_at(*oci, read, "_catalog").find("404"), std::string::npos) << all(read);
  files.put("/v2/_catalog" + page, replaced(catalog, prefix + R"(/depot-rt",")", ""));
  read = oci->read(true);
  EXPECT_EQ(found(*oci, read), std::vector<std::string>{both[1]}) << "the catalog says that it is gone";
  EXPECT_EQ(all(read), "");
}

TEST_F(FakeRegistry, ThatIsSlowBringsSomethingNewWithEveryPass) {
  std::string tags;
  for (int patch = 0; patch < 9; ++patch) {
    publish("depot-rt", "0.9." + std::to_string(patch), profile("depot-rt", "1." + std::to_string(patch)));
    tags += std::string(patch == 0 ? "" : ",") + "\"0.9." + std::to_string(patch) + "\"";
  }
  list("depot-rt", tags);
  auto settings = settings_of(server.authority(), "~0.9.0", {"depot-rt"});
  settings.pass_timeout_ms = 5'000;
  settings.now = [this] { return Now{clock_ms += 1'000, clock_ms, {}, false}; };  // everything takes a second
  auto oci = open(settings);
  std::size_t found_before = 0;
  while (found_before < 9) {
    const auto read = oci->read(false);
    ASSERT_GT(read.profiles.found.size(), found_before) << all(read);
    found_before = read.profiles.found.size();
    EXPECT_EQ(read.rows.size(), 9 - found_before) << all(read);
  }
}

TEST_F(FakeRegistry, ThatWantsTokensGetsThem) {
  publish("depot-rt", "main", profile("depot-rt", "1.0"));
  test::TemporaryDirectory directory;
  std::ofstream(directory / "credentials") << server.authority() << " ci:secret\n";
  ::chmod((directory / "credentials").c_str(), 0600);
  std::atomic<int> valid{1};  // the token that is good now
  Files tokens;
  HttpServer token_service([&](const Asked& one) { return tokens.answer(one); });
  tokens.instead([&](const Asked& one) -> std::optional<Answer> {
    if (one.authorization != "Basic Y2k6c2VjcmV0") return Answer{401, "{}", {}};
    return Answer{200, R"({"token":"t)" + std::to_string(valid) + R"("})", {}};
  });
  const std::string challenge =
      "Bearer realm=\"" + token_service.url() + "/token\",service=\"the registry\",scope=\"repository:" + prefix + "/depot-rt:pull\"";
  files.instead([&](const Asked& one) -> std::optional<Answer> {
    if (one.authorization == "Bearer t" + std::to_string(valid)) return std::nullopt;
    return Answer{401, "", {{"WWW-Authenticate", challenge}}};
  });
  auto settings = settings_of(server.authority(), "main", {"depot-rt"});
  settings.credentials = directory / "credentials";
  auto oci = open(settings);
  auto read = oci->read(false);
  EXPECT_EQ(read.profiles.found.size(), 1U) << all(read);
  auto told = token_service.take();
  ASSERT_EQ(told.size(), 1U) << "one token for all requests of a repository";
  EXPECT_EQ(told[0].path, "/token?service=the%20registry&scope=repository%3Aedge%2Fen%2Ffiles%2Fos-profile%2Fdepot-rt%3Apull");
  for (const auto& one : server.take())
    EXPECT_EQ(one.authorization.find("Basic"), std::string::npos) << "the password goes to the token service only";
  ++valid;  // it has run out
  read = oci->read(true);
  EXPECT_EQ(read.profiles.found.size(), 1U) << all(read);
  EXPECT_EQ(token_service.take().size(), 1U);

  auto anonymous = open(settings_of(server.authority(), "main", {"depot-rt"}));
  read = anonymous->read(false);
  ASSERT_EQ(read.rows.size(), 1U);
  EXPECT_NE(read.rows[0].error.find("token for depot-rt"), std::string::npos) << read.rows[0].error;

  files.instead([&](const Asked&) {
    return Answer{401, "", {{"WWW-Authenticate", "Bearer realm=\"http://tokens.example/t\",service=\"x\""}}};
  });
  read = oci->read(true);
  ASSERT_EQ(read.rows.size(), 1U);
  EXPECT_NE(read.rows[0].error.find("not sent to http://tokens.example:80 in plain text"), std::string::npos) << read.rows[0].error;
}

TEST_F(FakeRegistry, DoesNotGetItsTokenSentElsewhereByARedirect) {
  publish("depot-rt", "main", profile("depot-rt", "1.0"));
  Files store;
  store.put("/blob", profile("depot-rt", "1.0"));
  HttpServer elsewhere([&](const Asked& one) { return store.answer(one); });
  files.put("/token?service=", R"({"token":"t"})");
  files.instead([&](const Asked& one) -> std::optional<Answer> {
    if (one.path.starts_with("/token")) return std::nullopt;
    if (one.authorization != "Bearer t") return Answer{401, "", {{"WWW-Authenticate", "Bearer realm=\"" + server.url() + "/token\""}}};
    if (one.path.find("/blobs/") != std::string::npos) return Answer{307, "", {{"Location", elsewhere.url() + "/blob"}}};
    return std::nullopt;
  });
  auto oci = source("main");
  const auto read = oci->read(false);
  EXPECT_EQ(read.profiles.found.size(), 1U) << all(read);
  const auto told = elsewhere.take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].authorization, "");
}

TEST_F(FakeRegistry, SaysWhichPartsNobodyCouldLookInto) {
  for (const char* name : {"depot-rt", "harbour-gateway"}) {
    publish(name, "0.9.1", profile(name, "1.0"));
    list(name, R"("0.9.1","0.9.2")");
  }
  auto oci = source("~0.9.0", {"depot-rt", "harbour-gateway"});
  EXPECT_EQ(oci->read(false).rows.size(), 2U) << "of each profile a tag that is not there";
  files.put(repository("depot-rt") + "/tags/list" + page, "nonsense");
  const auto read = oci->read(false);
  EXPECT_EQ(read.profiles.reach.whole, std::vector<std::string>{oci->name()});
  EXPECT_EQ(read.profiles.reach.unread, std::vector<std::string>{oci->name() + "/depot-rt"});
  EXPECT_FALSE(read.profiles.reach.complete);
  EXPECT_NE(row(*oci, read, "depot-rt:0.9.2"), nullptr) << all(read);
}

// ---- an index

class IndexOverHttp : public OciTest {
 protected:
  void publish(const std::vector<std::string>& versions) {
    std::string entries;
    for (const auto& version : versions) {
      const std::string yaml = profile("depot-rt", version);
      files.put("/" + version + ".yaml", yaml);
      entries += (entries.empty() ? "" : ",") + std::string(R"({"profileName":"depot-rt","osImageVersion":")") + version +
                 R"(","manifest":")" + version + R"(.yaml","sha256":")" + digest_of(yaml).substr(7) + "\"}";
    }
    files.put("/index.json", "{\"profiles\":[" + entries + "]}");
  }
  Files files;
  HttpServer server{[this](const Asked& asked) { return files.answer(asked); }};
};

TEST_F(IndexOverHttp, ThatCannotBeHadIsOneFailureThatIsLookedAtWithEveryPassAndKeepsWhatWasRead) {
  publish({"1.0", "1.1"});
  auto settings = settings_of("", "");
  settings.releases = server.url();
  auto http = open(settings);
  EXPECT_EQ(http->read(false).profiles.found.size(), 2U);
  for (const bool nonsense : {false, true}) {
    SCOPED_TRACE(nonsense);
    files.instead([=](const Asked& one) -> std::optional<Answer> {
      if (!nonsense) return Answer{503, "", {}};
      return one.path == "/index.json" ? std::optional(Answer{200, "nonsense", {}}) : std::nullopt;
    });
    for (std::uint32_t pass = 0; pass < 3; ++pass) {
      const auto read = http->read(false);
      EXPECT_FALSE(read.complete);
      EXPECT_EQ(read.profiles.found.size(), 2U);
      ASSERT_EQ(read.rows.size(), 1U) << all(read);
      EXPECT_EQ(read.rows[0].source, server.url());
      EXPECT_EQ(read.rows[0].next_at_wall_ms, 0);
      clock_ms += url_poll_ms;
    }
  }
  files.instead(nullptr);
  publish({"1.1"});
  const auto read = http->read(false);
  EXPECT_EQ(read.profiles.found.size(), 1U) << all(read);
  EXPECT_EQ(all(read), "");
}

// ---- package manifests and CVE lists

const std::string packages = "{ \"Repo\": [ { \"Name\": \"a b\", \"Version\": \"1\" } ] }";
const std::string cves = "[ { \"cve_id\": \"CVE-1\", \"priority\": \"HIGH\" } ]";

class ListsOfReleases : public OciTest {
 protected:
  Read read_of(const std::vector<std::string>& versions) {
    Read read;
    for (const auto& version : versions)
      read.profiles.found.push_back({"place " + version, *resource_of(profile("harbour-gateway", version), {}, Rules{server.url(), ""})});
    return read;
  }
  Files files;
  HttpServer server{[this](const Asked& asked) { return files.answer(asked); }};
};

TEST_F(ListsOfReleases, AreReadBesideTheProfilesAndEachFailsAlone) {
  files.put("/lists/harbour-1.packages.json", packages);
  files.put("/lists/harbour-1.cves.json", "[]");
  files.put("/lists/harbour-2.packages.json", packages);
  files.put("/lists/harbour-2.cves.json", cves);
  files.put("/lists/harbour-2.fixed.json", cves);
  SourceSettings settings = settings_of("127.0.0.1:1", "main");
  Lists lists(settings, server.url(), url_poll_ms);
  Read read = read_of({"1", "2"});
  EXPECT_TRUE(lists.refresh(read, false));
  lists.add_known(read);
  EXPECT_EQ(text_of(read, {"harbour-gateway", "1"}, &fleet::ReleaseLists::installed_packages),
            R"({"Repo":[{"Name":"a b","Version":"1"}]})");
  EXPECT_EQ(text_of(read, {"harbour-gateway", "1"}, &fleet::ReleaseLists::existing_cves), "");
  EXPECT_EQ(text_of(read, {"harbour-gateway", "2"}, &fleet::ReleaseLists::fixed_cves), R"([{"cve_id":"CVE-1","priority":"HIGH"}])");
  ASSERT_EQ(read.rows.size(), 2U) << all(read);
  EXPECT_EQ(read.rows[0].source, server.url() + "/lists/harbour-1.cves.json");
  EXPECT_EQ(read.rows[0].error, "the list is empty");
  EXPECT_EQ(read.rows[1].source, server.url() + "/lists/harbour-1.fixed.json");
  EXPECT_EQ(read.profiles.failures.size(), 2U);
  EXPECT_EQ(read.profiles.found.size(), 2U);
}

TEST_F(ListsOfReleases, ThatAreGoodAreAskedForNowAndThenAndOnlyWhetherTheyChanged) {
  for (const char* kind : {"packages", "cves", "fixed"})
    files.put(std::string("/lists/harbour-1.") + kind + ".json", std::string(kind) == "packages" ? packages : cves);
  SourceSettings settings = settings_of("127.0.0.1:1", "main");
  Lists lists(settings, server.url(), url_poll_ms);
  const Read read = read_of({"1"});
  EXPECT_TRUE(lists.refresh(read, false));
  EXPECT_EQ(server.take().size(), 3U);
  EXPECT_FALSE(lists.refresh(read, false));
  EXPECT_TRUE(server.take().empty()) << "they were good a moment ago";
  EXPECT_FALSE(lists.refresh(read, true)) << "somebody asked";
  for (const auto& one : server.take()) EXPECT_EQ(one.status, 304U) << one.path;
  clock_ms += list_fresh_ms;
  files.put("/lists/harbour-1.cves.json", replaced(cves, "HIGH", "LOW"));
  EXPECT_TRUE(lists.refresh(read, false));
  EXPECT_EQ(server.take().size(), 3U);
  files.put("/lists/harbour-1.cves.json", "broken");
  EXPECT_TRUE(lists.refresh(read, true));
  Read with = read;
  lists.add_known(with);
  EXPECT_EQ(text_of(with, {"harbour-gateway", "1"}, &fleet::ReleaseLists::existing_cves), R"([{"cve_id":"CVE-1","priority":"LOW"}])")
      << "what was good stays";
  ASSERT_EQ(with.rows.size(), 1U);
  EXPECT_FALSE(lists.refresh(read, false));
  with = read;
  lists.add_known(with);
  EXPECT_EQ(with.rows.size(), 1U) << "its row stays until it is asked for again";
}

TEST_F(ListsOfReleases, OfAFileServerThatIsAwayCostAPassThreeAttempts) {
  server.stop();
  SourceSettings settings = settings_of("127.0.0.1:1", "main");
  Lists lists(settings, server.url(), url_poll_ms);
  Read read = read_of({"1", "2", "3", "4", "5", "6"});
  EXPECT_TRUE(lists.refresh(read, false));
  lists.add_known(read);
  EXPECT_EQ(read.rows.size(), 3U) << all(read);
  EXPECT_EQ(read.profiles.found.size(), 6U);
}

TEST_F(ListsOfReleases, OfADirectoryAreReadFromIt) {
  test::TemporaryDirectory directory;
  ::mkdir((directory / "lists").c_str(), 0755);
  std::ofstream(directory / "lists/harbour-1.packages.json") << packages;
  SourceSettings settings;
  settings.releases = directory.path();
  auto source = Source::open(settings);
  ASSERT_TRUE(source);
  Lists lists(settings, (*source)->files_root(), directory_poll_ms);
  std::ofstream(directory / "harbour.yaml") << replaced(profile("harbour-gateway", "1"), "lists/harbour-1.cves.json", "../outside.json");
  Read read = (*source)->read(false);
  ASSERT_EQ(read.profiles.found.size(), 1U) << all(read);
  Read before = read;
  lists.add_known(before);
  EXPECT_EQ(before.profiles.reach.unread, std::vector<std::string>{(*source)->files_root()}) << "no list was looked at yet";
  EXPECT_TRUE(lists.refresh(read, false));
  lists.add_known(read);
  EXPECT_TRUE(read.profiles.reach.unread.empty());
  for (const auto& one : read.rows) EXPECT_EQ(one.next_at_wall_ms, 0) << one.source << ": looking at a file costs nothing";
  EXPECT_EQ(text_of(read, {"harbour-gateway", "1"}, &fleet::ReleaseLists::installed_packages),
            R"({"Repo":[{"Name":"a b","Version":"1"}]})");
  ASSERT_EQ(read.rows.size(), 2U) << all(read);
  EXPECT_NE(all(read).find("no path below the file server: ../outside.json"), std::string::npos);
  EXPECT_NE(all(read).find("no such file"), std::string::npos);
}

}  // namespace
}  // namespace abide::discovery
