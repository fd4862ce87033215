#include <filesystem>
#include <fstream>
#include <future>
#include <gtest/gtest.h>
#include <unistd.h>
#include <utility>

#include "common/core/hash.hpp"
#include "orchestrator/discovery/source.hpp"
#include "orchestrator/discovery/worker.hpp"

namespace abide::discovery {
namespace {

namespace fs = std::filesystem;

std::string manifest(const std::string& version, const std::string& more = "") {
  return "appVersion: apps/v1\nspec:\n  name: Demo " + version +
         "\n  type: OS_TYPE_IMMUTABLE\n  provider: OS_PROVIDER_KIND_INFRA\n  architecture: x86_64\n  profileName: demo\n"
         "  osImageUrl: images/demo " +
         version + ".raw\n  osImageVersion: " + version + "\n  osImageSha256: " + to_hex(sha256(version)) +
         "\n  osImageSize: 4096\n  securityFeature: SECURITY_FEATURE_NONE\n" + more;
}

Result<std::unique_ptr<Source>> open_source(const std::string& releases, const std::string& files = "") {
  SourceSettings settings;
  settings.releases = releases;
  settings.files = files;
  return Source::open(settings);
}

class Directory : public ::testing::Test {
 protected:
  void SetUp() override {
    root = fs::temp_directory_path() /
           ("abide-discovery-" + std::to_string(::getpid()) + "-" + ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(root);
  }
  void TearDown() override { fs::remove_all(root); }
  void write(const std::string& path, const std::string& content) {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path, std::ios::binary) << content;
  }
  fleet::ProfilesRead read(const std::string& files = "") {
    auto source = open_source(root.string(), files);
    return (*source)->read(false).profiles;
  }
  static std::string entry(const std::string& version, const std::string& sha) {
    return R"({"profileName":"demo","osImageVersion":")" + version + R"(","manifest":"profiles/)" + version + R"(.yaml","sha256":")" + sha +
           "\"}";
  }
  fs::path root;
};

TEST_F(Directory, WithoutAnIndexIsScannedForManifests) {
  write("a/1.0.yaml", manifest("1.0"));
  write("a/b/c/1.1.yaml", manifest("1.1"));
  write("a/readme.txt", "nothing");
  write("broken.yaml", "spec: [");
  const auto found = read();
  ASSERT_EQ(found.found.size(), 2U);
  EXPECT_EQ(found.found[0].resource.image_id, "1.0");
  EXPECT_EQ(found.found[0].resource.manifest, manifest("1.0")) << "the very bytes";
  EXPECT_EQ(found.found[0].resource.urls, std::vector<std::string>{"file://" + root.string() + "/images/demo%201.0.raw"});
  EXPECT_EQ(found.found[0].resource.raw.sha256, sha256("1.0"));
  ASSERT_EQ(found.failures.size(), 1U);
  EXPECT_EQ(found.failures[0].source, (root / "broken.yaml").string());
}

TEST_F(Directory, TakesImagesFromWhereItIsTold) {
  write("1.0.yaml", manifest("1.0"));
  EXPECT_EQ(read("http://images.example/edge/").found[0].resource.urls,
            std::vector<std::string>{"http://images.example/edge/images/demo%201.0.raw"});
}

TEST_F(Directory, WithAnIndexReadsWhatItNamesAndChecksEachDigest) {
  write("profiles/1.0.yaml", manifest("1.0"));
  write("profiles/1.1.yaml", manifest("1.1"));
  write("profiles/1.2.yaml", manifest("1.2"));
  write("profiles/stray.yaml", manifest("9.9"));
  const auto sha = [](const std::string& version) { return to_hex(sha256(manifest(version))); };
  write("index.json", "{\"profiles\":[" + entry("1.0", sha("1.0")) + "," + entry("1.1", sha("1.0")) + "," + entry("1.2", "zz") + "," +
                          entry("1.3", sha("1.0")) + R"(,7,{"manifest":"../outside.yaml"},)" +
                          R"({"profileName":"demo","osImageVersion":"8.8","manifest":"profiles/1.2.yaml","sha256":")" + sha("1.2") +
                          "\"}]}");
  const auto found = read();
  ASSERT_EQ(found.found.size(), 1U);
  EXPECT_EQ(found.found[0].resource.image_id, "1.0");
  std::string errors;
  for (const auto& failure : found.failures) errors += failure.source + ": " + failure.error + "\n";
  EXPECT_EQ(found.failures.size(), 5U) << errors;
  EXPECT_NE(errors.find("SHA-256 is"), std::string::npos) << errors;
  EXPECT_NE(errors.find("`sha256` is not 64 hex digits"), std::string::npos) << errors;
  EXPECT_NE(errors.find("no path below the release service"), std::string::npos) << errors;
  EXPECT_NE(errors.find("osImageVersion is 1.2, the index says 8.8"), std::string::npos) << errors;
}

TEST_F(Directory, ThatIsNotThereIsOneFailure) {
  fs::remove_all(root);
  const auto found = read();
  EXPECT_TRUE(found.found.empty());
  ASSERT_EQ(found.failures.size(), 1U);
  EXPECT_EQ(found.failures[0].source, root.string());
}

TEST_F(Directory, GivesTheSameVersionOnceAndSaysWhereTwoImagesDiffer) {
  const auto of_image = [](const std::string& image) {
    std::string text = manifest("1.0");
    return text.replace(text.find(to_hex(sha256("1.0"))), 64, to_hex(sha256(image)));
  };
  write("a.yaml", manifest("1.0"));
  write("b.yaml", manifest("1.0", "  description: other words\n"));
  write("c.yaml", of_image("other"));
  auto source = open_source(root.string());
  for (const bool a_is_there : {true, false}) {
    if (!a_is_there) write("a.yaml", of_image("other"));
    const auto found = (*source)->read(false).profiles;
    ASSERT_EQ(found.found.size(), 1U);
    EXPECT_EQ(found.found[0].source, (root / (a_is_there ? "a.yaml" : "b.yaml")).string()) << "the image that was known first";
    ASSERT_EQ(found.failures.size(), a_is_there ? 1U : 2U);
    EXPECT_EQ(found.failures.back().source, (root / "c.yaml").string());
    EXPECT_NE(found.failures.back().error.find(found.found[0].source + ", " + to_hex(sha256("1.0")) + "; that one stays"),
              std::string::npos)
        << found.failures.back().error;
  }
}

TEST_F(Directory, TellsOnlySoManyFailures) {
  for (int i = 0; i < 150; ++i) write("x" + std::to_string(i) + ".yaml", "no");
  const auto found = read();
  EXPECT_EQ(found.failures.size(), failures_max);
  EXPECT_NE(found.failures.back().error.find("50 more failures"), std::string::npos) << found.failures.back().error;
}

TEST_F(Directory, SkipsAManifestThatIsTooLarge) {
  write("large.yaml", manifest("1.0") + std::string(manifest_bytes_max, '#'));
  write("small.yaml", manifest("1.1"));
  EXPECT_EQ(read().found.size(), 1U);
}

TEST(Paths, OutsideOfTheReleaseServiceAreRefused) {
  for (const char* path : {"a", "a/b.yaml", "..a/b", "a..b"}) EXPECT_TRUE(is_safe_relative_path(path)) << path;
  for (const char* path : {"", "/a", "..", "../a", "a/..", "a/../b", "http://x/a", "a\\b", "a\nb"})
    EXPECT_FALSE(is_safe_relative_path(path)) << path;
  EXPECT_EQ(absolute_url("http://h/root/", "a b/c%?.raw"), "http://h/root/a%20b/c%25%3F.raw");
  EXPECT_EQ(absolute_url("http://h", "https://other/x"), "https://other/x");
}

TEST(SourceSettings, AreCheckedBeforeAnythingStarts) {
  EXPECT_FALSE(open_source(""));
  EXPECT_FALSE(open_source("ftp://x"));
  EXPECT_FALSE(open_source("/tmp", "images"));
  EXPECT_TRUE(open_source("http://x/"));
  EXPECT_EQ((*open_source("http://x/y//"))->files_root(), "http://x/y");
  EXPECT_EQ((*open_source("file:///tmp"))->poll_ms(), directory_poll_ms);
  EXPECT_EQ((*open_source("http://x"))->poll_ms(), url_poll_ms);
}

TEST(Http, ToAPortThatNobodyListensOnIsUnavailable) {
  Http http(200, 1000);
  const auto got = http.get("http://127.0.0.1:1/index.json", 10, "", "");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::unavailable);
  EXPECT_FALSE(http.get("file:///etc/passwd", 10'000, "", "")) << "no other protocol";
}

class Scripted final : public Source {
 public:
  explicit Scripted(std::string name = "scripted") : name_(std::move(name)) {}
  Read read(bool everything) override {
    if (gate != nullptr && passes == 1) gate->get_future().wait();
    ++passes;
    everything_asked = everything;
    Read read;
    if (passes > 1) read.rows.push_back({"x", "wrong", 1, 1, 1, 1});
    read.profiles.failures = failures_of(read.rows);
    if (!image.empty()) {
      OsResource resource;
      resource.profile_name = "demo";
      resource.image_id = "1.0";
      resource.artifact.sha256 = sha256(image);
      read.profiles.found.push_back({name_ + ":1", resource});
    }
    return read;
  }
  void cancel() override {
    if (gate != nullptr && !opened.exchange(true)) gate->set_value();
  }
  [[nodiscard]] std::int64_t poll_ms() const override { return poll; }
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] const std::string& files_root() const override { return name_; }
  std::atomic<int> passes{0};
  std::atomic<bool> everything_asked{false};
  std::string image;
  std::promise<void>* gate = nullptr;
  std::int64_t poll = 3'600'000;
  std::atomic<bool> opened{false};

 private:
  std::string name_;
};

std::vector<Worker::Service> services(std::vector<Scripted*> sources) {
  std::vector<Worker::Service> all;
  for (auto* source : sources) all.push_back({std::unique_ptr<Source>(source), nullptr});
  return all;
}

TEST(Worker, ReadsAtOnceWhenAskedAndTellsOnlyWhatIsNew) {
  auto* source = new Scripted;
  std::mutex mutex;
  std::vector<std::size_t> told;  // failures of each pass that was delivered
  std::promise<void> first;
  Worker worker(services({source}), Random{1}, [&](const Worker::Pass& pass, std::vector<Worker::Refreshed> asked) {
    {
      const std::lock_guard lock(mutex);
      told.push_back(pass->profiles.failures.size());
      if (told.size() == 1) first.set_value();
    }
    for (auto& done : asked) done();
  });
  worker.start();
  first.get_future().wait();
  EXPECT_FALSE(source->everything_asked);
  for (int i = 0; i < 2; ++i) {
    std::promise<void> refreshed;
    ASSERT_TRUE(worker.refresh([&] { refreshed.set_value(); }));
    refreshed.get_future().wait();
  }
  EXPECT_TRUE(source->everything_asked) << "who asks wants it all";
  const auto source_poll = source->poll;
  worker.stop();
  EXPECT_EQ(told, (std::vector<std::size_t>{0, 1, 1}));
  EXPECT_EQ(worker.last().failures.size(), 1U);
  EXPECT_EQ(worker.last().rows.size(), 1U);
  ASSERT_EQ(worker.last().services.size(), 1U);
  const auto service = worker.last().services[0];
  EXPECT_EQ(service.name, "scripted");
  EXPECT_EQ(service.error, "") << "it is an entry that fails";
  EXPECT_GE(service.good_at_wall_ms, service.good_since_wall_ms);
  EXPECT_GE(service.next_at_wall_ms, service.tried_at_wall_ms + source_poll);
  EXPECT_FALSE(worker.refresh([] {})) << "stopped";
}

TEST(Worker, ReadsEveryServiceAndDeliversThemTogether) {
  auto* left = new Scripted("left");
  auto* right = new Scripted("right");
  left->image = "one";
  right->image = "two";
  std::promise<Worker::Pass> first;
  std::atomic<int> told{0};
  Worker worker(services({left, right}), Random{1}, [&](const Worker::Pass& pass, std::vector<Worker::Refreshed> asked) {
    if (++told == 1) first.set_value(pass);
    for (auto& done : asked) done();
  });
  EXPECT_EQ(worker.source_name(), "left, right");
  worker.start();
  const auto pass = first.get_future().get();
  ASSERT_EQ(pass->profiles.found.size(), 1U) << "both were read, and the image that the first one has stays";
  EXPECT_EQ(pass->profiles.found[0].source, "left:1");
  ASSERT_EQ(pass->profiles.failures.size(), 1U);
  EXPECT_EQ(pass->profiles.failures[0].source, "right:1");
  EXPECT_NE(pass->profiles.failures[0].error.find("left:1"), std::string::npos);
  std::promise<void> refreshed;
  ASSERT_TRUE(worker.refresh([&] { refreshed.set_value(); }));
  refreshed.get_future().wait();
  EXPECT_EQ(left->passes, 2);
  EXPECT_EQ(right->passes, 2);
}

TEST(Worker, IsNotHeldUpByAServiceThatHangsOnceItWasRead) {
  auto* quick = new Scripted("quick");
  auto* slow = new Scripted("slow");
  quick->poll = slow->poll = 1;
  std::promise<void> gate;
  slow->gate = &gate;  // from its second pass on
  std::promise<void> news;
  bool told = false;
  Worker worker(services({quick, slow}), Random{1}, [&](const Worker::Pass& pass, std::vector<Worker::Refreshed>) {
    if (!pass->profiles.failures.empty() && !std::exchange(told, true)) news.set_value();
  });
  worker.start();
  news.get_future().wait();
  EXPECT_EQ(slow->passes, 1);
  EXPECT_EQ(worker.last().failures.size(), 1U) << "what quick said in its second pass";
  worker.stop();
}

}  // namespace
}  // namespace abide::discovery
