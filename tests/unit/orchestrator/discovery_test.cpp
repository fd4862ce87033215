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

TEST_F(Directory, GivesTheSameImageOnceAndEveryOtherImageOfItsVersionToBeJudged) {
  const auto of_image = [](const std::string& image) {
    std::string text = manifest("1.0");
    return text.replace(text.find(to_hex(sha256("1.0"))), 64, to_hex(sha256(image)));
  };
  write("a.yaml", manifest("1.0"));
  write("b.yaml", manifest("1.0", "  description: other words\n"));
  write("c.yaml", of_image("other"));
  const auto found = read();
  ASSERT_EQ(found.found.size(), 2U);
  EXPECT_EQ(found.found[0].source, (root / "b.yaml").string()) << "the words that come last";
  EXPECT_EQ(found.found[0].resource.description, "other words");
  EXPECT_EQ(found.found[1].source, (root / "c.yaml").string());
  EXPECT_TRUE(found.failures.empty());
  EXPECT_EQ(found.reach.fine.size(), 3U);
}

// A file costs nothing to read: no broken one is ever held back.
TEST_F(Directory, LooksAtABrokenFileWithEveryPass) {
  std::int64_t clock_ms = 1'000;
  SourceSettings settings;
  settings.releases = root.string();
  settings.now = [&] { return Now{1'700'000'000'000 + clock_ms, clock_ms, {}, false}; };
  auto source = *Source::open(settings);
  for (const bool with_index : {false, true}) {
    SCOPED_TRACE(with_index);
    write("broken.yaml", "spec: [");
    if (with_index)
      write("index.json", R"({"profiles":[7,{"profileName":"demo","osImageVersion":"1.0","manifest":"broken.yaml","sha256":")" +
                              to_hex(sha256("spec: [")) + "\"}]}");
    for (std::uint32_t pass = 1; pass <= 20; ++pass) {
      const auto rows = source->read(false).rows;
      ASSERT_EQ(rows.size(), with_index ? 2U : 1U);
      for (const auto& row : rows) EXPECT_EQ(row.next_at_wall_ms, 0) << row.source;
      clock_ms += directory_poll_ms;
    }
    write("broken.yaml", manifest("1.0"));
    if (with_index) write("index.json", "{\"profiles\":[]}");
    EXPECT_TRUE(source->read(false).rows.empty()) << "mended, and seen at once";
  }
  fs::remove_all(root);
  EXPECT_EQ(source->read(false).rows.at(0).next_at_wall_ms, 0);
}

TEST_F(Directory, SaysWhichProfilesItHasNothingOf) {
  write("1.0.yaml", manifest("1.0"));
  SourceSettings settings;
  settings.releases = root.string();
  settings.enabled_profiles = {"demo", "dmo"};
  auto source = *Source::open(settings);
  EXPECT_EQ(source->read(false).missing, std::set<std::string>{"dmo"});
  fs::remove_all(root);
  EXPECT_TRUE(source->read(false).missing.empty()) << "nobody knows";
}

TEST_F(Directory, SaysWhetherItWasReadWhole) {
  write("1.0.yaml", manifest("1.0"));
  const auto whole = read().reach;
  EXPECT_EQ(whole.whole, std::vector<std::string>{root.string()});
  EXPECT_TRUE(whole.unread.empty());
  EXPECT_TRUE(whole.complete);
  write("index.json", "nonsense");
  const auto broken = read().reach;
  EXPECT_TRUE(broken.whole.empty());
  EXPECT_EQ(broken.unread, std::vector<std::string>{root.string()});
  EXPECT_FALSE(broken.complete);
}

TEST(Failures, AreToldUpToALimitServicesFirstAndTheRestByName) {
  std::vector<FailureRow> rows;
  for (std::size_t i = 0; i < failures_max + 50; ++i) rows.push_back({"x" + std::to_string(i), "no"});
  rows.push_back({"service", "away"});
  std::vector<std::string> untold;
  const auto told = cut(rows, {"service"}, untold);
  ASSERT_EQ(told.size(), failures_max);
  EXPECT_EQ(told[0].source, "service");
  EXPECT_EQ(told[1].source, "x0");
  EXPECT_NE(told.back().error.find("51 more failures"), std::string::npos) << told.back().error;
  ASSERT_EQ(untold.size(), 51U);
  EXPECT_EQ(untold.back(), rows[failures_max + 49].source);
  untold.clear();
  rows.resize(failures_max);
  EXPECT_EQ(cut(rows, {}, untold).back().error, "no");
  EXPECT_TRUE(untold.empty());
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
  EXPECT_EQ((*open_source("http://x"))->poll_ms(), 900'000) << "15 minutes";
  EXPECT_EQ(directory_poll_ms, 10'000);
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
    read.complete = whole;
    (whole ? read.profiles.reach.whole : read.profiles.reach.unread).push_back(name_);
    read.profiles.reach.complete = whole;
    read.missing = missing;
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
  bool whole = true;
  std::set<std::string> missing;
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
  EXPECT_LE(service.next_at_wall_ms, service.tried_at_wall_ms + source_poll + source_poll / 10);
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
  ASSERT_EQ(pass->profiles.found.size(), 2U) << "both were read; which of two images of a version counts is judged later";
  EXPECT_EQ(pass->profiles.found[0].source, "left:1");
  EXPECT_EQ(pass->profiles.found[1].source, "right:1");
  EXPECT_EQ(worker.last().found, 1U) << "one release";
  EXPECT_EQ(pass->profiles.reach.whole, (std::vector<std::string>{"left", "right"}));
  EXPECT_TRUE(pass->profiles.reach.unread.empty() && pass->profiles.reach.complete);
  std::promise<void> refreshed;
  ASSERT_TRUE(worker.refresh([&] { refreshed.set_value(); }));
  refreshed.get_future().wait();
  EXPECT_EQ(left->passes, 2);
  EXPECT_EQ(right->passes, 2);
}

TEST(Worker, SaysOfWhichServicesNothingIsKnownAndWhichProfilesNoneHas) {
  struct Row {
    bool left_whole;
    std::set<std::string> left, right;
    std::vector<std::string> whole, unread, failures;
  };
  for (const auto& row : std::initializer_list<Row>{
           {true, {"a", "b"}, {"b"}, {"left", "right"}, {}, {"left#b"}},
           {true, {"a"}, {"b"}, {"left", "right"}, {}, {}},
           {false, {}, {"b"}, {"right"}, {"left"}, {}},
       }) {
    auto* left = new Scripted("left");
    auto* right = new Scripted("right");
    left->whole = row.left_whole;
    left->missing = row.left;
    right->missing = row.right;
    std::promise<Worker::Pass> first;
    std::atomic<int> told{0};
    Worker worker(services({left, right}), Random{1}, [&](const Worker::Pass& pass, std::vector<Worker::Refreshed>) {
      if (++told == 1) first.set_value(pass);
    });
    worker.start();
    const auto pass = first.get_future().get();
    worker.stop();
    const auto& reach = pass->profiles.reach;
    EXPECT_EQ(reach.whole, row.whole);
    EXPECT_EQ(reach.unread, row.unread);
    EXPECT_EQ(reach.fine, row.whole) << "the services as such";
    EXPECT_EQ(reach.complete, row.left_whole);
    std::vector<std::string> failures;
    for (const auto& failure : pass->profiles.failures) failures.push_back(failure.source);
    EXPECT_EQ(failures, row.failures);
  }
}

TEST(Worker, SpreadsItsPassesOverATenthOfThePause) {
  std::set<std::int64_t> pauses;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    auto* source = new Scripted;
    std::promise<void> first;
    Worker worker(services({source}), Random{seed}, [&](const Worker::Pass&, std::vector<Worker::Refreshed>) { first.set_value(); });
    worker.start();
    first.get_future().wait();
    worker.stop();
    const auto service = worker.last().services.at(0);
    pauses.insert(service.next_at_wall_ms - service.tried_at_wall_ms);
  }
  EXPECT_GE(*pauses.begin(), 3'600'000);
  EXPECT_LE(*pauses.rbegin(), 3'960'000);
  EXPECT_GE(pauses.size(), 19U) << "no two at the same time";
  EXPECT_GE(*pauses.rbegin() - *pauses.begin(), 180'000) << "and not close to each other";
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
