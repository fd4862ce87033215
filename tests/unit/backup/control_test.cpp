// What another process may ask of a running orchestrator.
#include "orchestrator/control.hpp"

#include <atomic>
#include <chrono>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include "common/store/backup.hpp"
#include "tests/unit/backup/state.hpp"

namespace abide::orchestrator {
namespace {

constexpr int looks_max = 1000;

class ControlTest : public StateTest {
 protected:
  void SetUp() override {
    fs::create_directories(state());
    store = open(state());
    control = Control::start(state(), {[this](const std::string& dir) { return store->checkpoint(dir); }, [] {}});
  }
  [[nodiscard]] std::string checkpoint() const { return state() + "/" + checkpoint_folder; }
  [[nodiscard]] bool goes_away() const {
    for (int i = 0; i < looks_max && fs::exists(checkpoint()); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return !fs::exists(checkpoint());
  }
  // What is answered to some bytes; nothing: the connection was closed.
  [[nodiscard]] std::string answer_to(const std::string& bytes) const {
    const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = state() + "/" + control_socket;
    EXPECT_LT(path.size(), sizeof address.sun_path);
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    ::shutdown(socket, SHUT_WR);
    std::string answer;
    char piece[256];
    for (ssize_t got = 0; (got = ::recv(socket, piece, sizeof piece, 0)) > 0;) answer.append(piece, static_cast<std::size_t>(got));
    ::close(socket);
    return answer;
  }
  std::unique_ptr<RocksStore> store;
  std::unique_ptr<Control> control;
};

TEST_F(ControlTest, ACheckpointIsThereAsLongAsItsAskerIs) {
  put(*store, "a", "1");
  {
    auto lease = Lease::ask(state());
    ASSERT_TRUE(lease) << lease.error().message;
    put(*store, "a", "2");
    auto seen = RocksStore::open_read_only(checkpoint());
    ASSERT_TRUE(seen) << seen.error().message;
    EXPECT_EQ((*seen)->get("a").value(), "1");
    const auto second = Lease::ask(state());
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("another backup"), std::string::npos);
    EXPECT_TRUE(fs::exists(checkpoint()));
  }
  EXPECT_TRUE(goes_away());
  EXPECT_TRUE(Lease::ask(state()));
}

TEST_F(ControlTest, WhatAKilledOrchestratorLeftIsRemoved) {
  control.reset();
  fs::create_directories(checkpoint() + ".tmp");
  fs::create_directories(checkpoint());
  std::ofstream(checkpoint() + "/000001.sst") << "x";
  control = Control::start(state(), {[this](const std::string& dir) { return store->checkpoint(dir); }, [] {}});
  EXPECT_FALSE(fs::exists(checkpoint()));
  EXPECT_TRUE(Lease::ask(state()));
}

TEST_F(ControlTest, NothingElseIsAnswered) {
  for (const char* bytes : {"\n", "checkpoint /etc\n", "checkpoint", ""}) EXPECT_EQ(answer_to(bytes).substr(0, 6), "error ") << bytes;
  (void)answer_to(std::string(10'000, 'x'));
  EXPECT_FALSE(fs::exists(checkpoint()));
  EXPECT_TRUE(Lease::ask(state()));
}

TEST_F(ControlTest, TheSocketIsForItsOwnerAndGoesWithTheProcess) {
  struct stat status {};
  ASSERT_EQ(::stat((state() + "/" + control_socket).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  control.reset();
  EXPECT_FALSE(fs::exists(state() + "/" + control_socket));
  EXPECT_EQ(Lease::ask(state()).error().code, Code::not_found);
}

TEST_F(ControlTest, BackupsUnderLoadAreEachOneMoment) {
  std::atomic<bool> going{true};
  std::thread writer([&] {
    for (std::uint64_t i = 1; going; ++i) {
      Batch batch;
      batch.put("left", std::to_string(i));
      batch.put("right", std::to_string(i));
      batch.put("row/" + std::to_string(i), std::string(2'000, 'x'));
      if (!store->commit(batch)) return;
    }
  });
  std::uint64_t before = 0;
  for (unsigned i = 1; i <= 8; ++i) {
    {
      auto lease = Lease::ask(state());
      ASSERT_TRUE(lease) << lease.error().message;
      auto added = add_backup(backups(), checkpoint(), "", 0);
      ASSERT_TRUE(added) << added.error().message;
    }
    ASSERT_TRUE(goes_away());
    const auto into = path("into-" + std::to_string(i));
    ASSERT_TRUE(restore_backup(backups(), i, into));
    const auto seen = open(into);
    const auto left = seen->get("left").value().value_or("0");
    EXPECT_EQ(left, seen->get("right").value().value_or("0"));
    const auto count = std::stoull(left);
    EXPECT_GE(count, before);
    std::uint64_t rows = 0;
    ASSERT_TRUE(seen->scan("row/", "row0", [&](auto, auto) { return ++rows, true; }));
    EXPECT_EQ(rows, count);
    before = count;
  }
  going = false;
  writer.join();
  EXPECT_GT(before, 0U);
}

}  // namespace
}  // namespace abide::orchestrator
