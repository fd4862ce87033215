// The staging pipeline against Debian's nginx, whose access log says what a download cost.
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "common/release/image_header.hpp"
#include "common/store/durable_file.hpp"
#include "edge-agent/boot/image_file.hpp"
#include "edge-agent/image/stager.hpp"
#include "tests/support/broker.hpp"
#include "tests/support/child.hpp"

namespace abide::agent {
namespace {

constexpr std::uint64_t image_bytes = std::uint64_t{64} << 20;
constexpr std::uint64_t slot_bytes = std::uint64_t{66} << 20;

class Nginx {
 public:
  explicit Nginx(const std::string& root) {
    for (int attempt = 0; attempt < 5; ++attempt) {  // the port may be taken between the look and the bind
      port_ = test::free_port();
      write_configuration(root);
      process_ = test::Child::start({"/usr/sbin/nginx", "-c", folder_ / "nginx.conf", "-p", folder_.path()}, "", folder_ / "stderr");
      const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
      while (std::chrono::steady_clock::now() < until && !process_.ended()) {
        if (!test::read_file(folder_ / "pid").empty()) return;
        std::this_thread::yield();
      }
    }
    throw std::runtime_error("nginx does not start: " + test::read_file(folder_ / "error.log"));
  }

  // Its master ends its workers; killed, it would leave them behind, with every file that this test has open.
  ~Nginx() {
    process_.signal(SIGTERM);
    EXPECT_EQ(process_.wait(std::chrono::seconds(20)), 0) << "nginx does not end";
  }
  Nginx(const Nginx&) = delete;
  Nginx& operator=(const Nginx&) = delete;

  [[nodiscard]] std::string url() const { return fmt::format("http://127.0.0.1:{}/image.raw", port_); }
  // Its workers finish within this much and then close what is still open, as at every change of its configuration.
  void reload() const { process_.signal(SIGHUP); }

  struct Line {
    int status = 0;
    std::uint64_t bytes = 0;
  };
  // Once there are `count` lines: a line is written when its request is over.
  [[nodiscard]] std::vector<Line> log(std::size_t count) const {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    std::vector<Line> lines;
    while (lines.size() < count && std::chrono::steady_clock::now() < until) {
      lines.clear();
      std::istringstream text(test::read_file(folder_ / "access.log"));
      for (Line line; text >> line.status >> line.bytes;) lines.push_back(line);
      std::this_thread::yield();
    }
    return lines;
  }

 private:
  void write_configuration(const std::string& root) {
    std::ofstream(folder_ / "nginx.conf") << fmt::format(
        "daemon off; pid {0}/pid; error_log {0}/error.log; {1}\n"
        "worker_processes 1; worker_shutdown_timeout 50ms;\n"
        "events {{}}\n"
        "http {{\n"
        "  log_format cost '$status $bytes_sent'; access_log {0}/access.log cost;\n"
        "  client_body_temp_path {0}/t1; proxy_temp_path {0}/t2; fastcgi_temp_path {0}/t3; uwsgi_temp_path {0}/t4; scgi_temp_path {0}/t5;\n"
        "  server {{ listen 127.0.0.1:{2}; root {3}; limit_rate 48m; }}\n"
        "}}\n",
        folder_.path(), ::geteuid() == 0 ? "user root;" : "", port_, root);
  }

  test::TemporaryDirectory folder_;
  std::uint16_t port_ = 0;
  test::Child process_;
};

class StagerAndNginx : public ::testing::Test {
 protected:
  StagerAndNginx() {
    make_image(base, "1.0.0", 1);
    order.release.raw = order.release.artifact = {make_image(web + "/image.raw", "2.0.0", 2), image_bytes};
    EXPECT_TRUE(create_image_file_node(folder / "node", base, slot_bytes));
    boot = ImageFileBoot::open(folder / "node").value();
    settings.work_folder = folder.path();
    settings.backoff_first_ms = 10;
    settings.progress_every_ms = 0;
    order.offer = {1, 1};
    order.boot = boot->read()->boot;
  }

  Digest make_image(const std::string& path, const std::string& version, std::uint64_t seed) {
    ::mkdir(web.c_str(), 0755);
    std::ofstream file(path, std::ios::binary);
    file << format_image_header({"harbour", version, "x86_64", image_bytes, "", ""}).value();
    Random random{seed};
    std::string piece(image_header_bytes, '\0');
    for (std::uint64_t at = image_header_bytes; at < image_bytes; at += piece.size()) {
      for (char& c : piece) c = static_cast<char>(random.next() & 0xFF);
      file << piece;
    }
    file.close();
    return digest_of_slot(path, image_bytes).value();
  }

  // Begins to stage, and returns once half of the image is there.
  void start_and_wait_for_half(Stager& stager) {
    stager.start(
        order,
        [this](const Progress& progress) {
          const std::lock_guard lock(mutex);
          bytes_done = progress.bytes_done;
          changed.notify_all();
        },
        [this](node::StagingEnded told) {
          const std::lock_guard lock(mutex);
          end = std::move(told);
          changed.notify_all();
        });
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return bytes_done >= image_bytes / 2 || end; });
  }
  node::StagingEnded wait_for_end() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return end.has_value(); });
    return *end;
  }
  static std::uint64_t sum(const std::vector<Nginx::Line>& lines) {
    std::uint64_t bytes = 0;
    for (const Nginx::Line& line : lines) bytes += line.bytes;
    return bytes;
  }

  test::TemporaryDirectory folder;
  std::string web = folder / "web";
  std::string base = folder / "base.raw";
  std::unique_ptr<ImageFileBoot> boot;
  StagerSettings settings;
  StageOrder order;
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t bytes_done = 0;
  std::optional<node::StagingEnded> end;
};

TEST_F(StagerAndNginx, AConnectionThatIsCutHalfWayCostsLessThanATenthMore) {
  const Nginx nginx(web);
  order.release.urls = {nginx.url()};
  Stager stager(*boot, settings, Random{1});
  start_and_wait_for_half(stager);
  nginx.reload();
  const node::StagingEnded told = wait_for_end();
  EXPECT_EQ(told.failure, Reason::none) << told.evidence.detail;
  EXPECT_EQ(told.digest, order.release.raw.sha256);
  const std::vector<Nginx::Line> log = nginx.log(2);
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[0].status, 200);
  EXPECT_EQ(log[1].status, 206);
  EXPECT_LT(sum(log), image_bytes * 11 / 10);
  RecordProperty("bytes_sent_per_mille", static_cast<int>(sum(log) * 1000 / image_bytes));
}

TEST_F(StagerAndNginx, AnAgentThatIsStartedAgainHalfWayCostsLessThanATenthMore) {
  const Nginx nginx(web);
  order.release.urls = {nginx.url()};
  {
    Stager stager(*boot, settings, Random{1});
    start_and_wait_for_half(stager);
  }
  EXPECT_FALSE(end);
  Stager stager(*boot, settings, Random{2});
  start_and_wait_for_half(stager);
  const node::StagingEnded told = wait_for_end();
  EXPECT_EQ(told.failure, Reason::none) << told.evidence.detail;
  const std::vector<Nginx::Line> log = nginx.log(2);
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[1].status, 206);
  EXPECT_LT(sum(log), image_bytes * 11 / 10);
  RecordProperty("bytes_sent_per_mille", static_cast<int>(sum(log) * 1000 / image_bytes));
}

TEST_F(StagerAndNginx, WhatWasStagedBootsAsWhatItIs) {
  const Nginx nginx(web);
  order.release.urls = {nginx.url()};
  Stager stager(*boot, settings, Random{1});
  start_and_wait_for_half(stager);
  ASSERT_EQ(wait_for_end().failure, Reason::none);
  ASSERT_TRUE(boot->arm_once(Slot::b));
  ASSERT_TRUE(reset_image_file_node(folder / "node", BootCause::other));
  EXPECT_EQ(boot->read()->running, Slot::b);
  EXPECT_TRUE(boot->read()->came_up);
  EXPECT_EQ(read_image_header(boot->path_of(Slot::b))->os_image_id, "2.0.0");
}

}  // namespace
}  // namespace abide::agent
