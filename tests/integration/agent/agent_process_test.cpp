// The real abide-agent, with image files as its machine, on a real Mosquitto, with images from a real HTTP server; the
// orchestrator alone is played.
#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <mutex>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <sys/stat.h>

#include "common/bus/mqtt_bus.hpp"
#include "common/store/rocks_store.hpp"
#include "edge-agent/boot/image_file.hpp"
#include "tests/support/broker.hpp"
#include "tests/support/fake_orchestrator.hpp"

namespace abide::agent {
namespace {

using namespace std::chrono_literals;
constexpr auto patience = 30s;
const std::string agent_program = std::string(ABIDE_BINARY_DIR) + "/bin/abide-agent";
const std::string good = "3.0.2";
const std::string bad = "3.0.9";  // its bytes are nines, which the health check does not like

std::int64_t wall_now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// A machine with two slots and an agent on it.
class Machine {
 public:
  Machine(const test::Broker& broker, const std::string& uuid) : broker_(broker), uuid_(uuid) {
    std::ofstream(directory_ / "base.raw", std::ios::binary) << make_image("3.0.1");
    std::ofstream(directory_ / "check")
        << "#!/bin/sh\n! grep -q 99999999 \"$ABIDE_SLOT_PATH\" || { echo 'nines do not answer'; exit 1; }\n";
    chmod((directory_ / "check").c_str(), 0755);
    const auto created = create_image_file_node(folder(), directory_ / "base.raw", 4 * image_bytes);
    if (!created) throw std::runtime_error(created.error().message);
  }
  void start() { process_ = run({}); }
  test::Child run(const std::vector<std::pair<std::string, std::string>>& more, const std::string& error_file = "") {
    std::vector<std::pair<std::string, std::string>> flags = {{"--state", state_dir()},
                                                              {"--broker", broker_.url()},
                                                              {"--project", project},
                                                              {"--uuid", uuid_},
                                                              {"--boot", "image_file:" + folder()},
                                                              {"--check", "answers@1s=" + (directory_ / "check")},
                                                              {"--trial-deadline", "20s"},
                                                              {"--trial-grace", "0s"},
                                                              {"--switch-time", "1s"},
                                                              {"--check-again-every", "100ms"},
                                                              {"--progress-every", "20ms"},
                                                              {"--reconnect-max", "100ms"},
                                                              {"--effect-retry", "200ms"},
                                                              {"--download-backoff", "50ms"},
                                                              {"--clock", "trusted"}};
    for (const auto& [flag, value] : more) {
      std::erase_if(flags, [&, name = flag](const auto& one) { return one.first == name; });
      flags.emplace_back(flag, value);
    }
    std::vector<std::string> command = {agent_program};
    for (const auto& [flag, value] : flags) command.insert(command.end(), {flag, value});
    return test::Child::start(command, out_file(), error_file.empty() ? log_file() : error_file);
  }
  // The one line of `abide-agent check`, and its exit code.
  std::pair<nlohmann::json, int> check() {
    const auto out = directory_ / ("check.json" + std::to_string(++checks_));
    auto child = test::Child::start({agent_program, "check", "--state", state_dir()}, out, log_file());
    const int code = child.wait(patience).value_or(-1);
    return {nlohmann::json::parse(test::read_file(out), nullptr, false), code};
  }
  test::Child& process() { return process_; }
  [[nodiscard]] std::string folder() const { return directory_ / "node"; }
  [[nodiscard]] std::string state_dir() const { return directory_ / "state"; }
  [[nodiscard]] std::string out_file() const { return directory_ / "out"; }
  [[nodiscard]] std::string log_file() const { return directory_ / "log"; }
  [[nodiscard]] std::string log() const { return test::read_file(log_file()); }
  [[nodiscard]] std::string file(const std::string& name) const { return directory_ / name; }
  [[nodiscard]] nlohmann::json boot() const { return nlohmann::json::parse(test::read_file(folder() + "/boot.json")); }
  [[nodiscard]] bool slot_holds(const std::string& slot, const std::string& version) const {
    return test::read_file(folder() + "/slot-" + slot).substr(0, image_bytes) == make_image(version);
  }

 private:
  const test::Broker& broker_;
  std::string uuid_;
  test::TemporaryDirectory directory_;
  test::Child process_;
  int checks_ = 0;
};

// Images over HTTP.
class FileServer {
 public:
  FileServer() {
    for (const auto& version : {good, bad}) std::ofstream(directory_ / (version + ".raw"), std::ios::binary) << make_image(version);
    port_ = test::free_port();
    process_ = test::Child::start(
        {"python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", directory_.path(), std::to_string(port_)}, "", "");
  }
  [[nodiscard]] Release release(const std::string& version) const {
    auto made = make_release(version);
    made.urls = {"http://127.0.0.1:" + std::to_string(port_) + "/" + version + ".raw"};
    return made;
  }

 private:
  test::TemporaryDirectory directory_;
  std::uint16_t port_ = 0;
  test::Child process_;
};

// The fake orchestrator on a real bus: it hears and answers while the test waits.
class Site {
 public:
  Site() : bus_(settings(broker)), orchestrator(bus_) {
    const auto started = bus_.start([this](BusEvent event) {
      const std::lock_guard lock(mutex_);
      events_.push_back(std::move(event));
      changed_.notify_all();
    });
    EXPECT_TRUE(started);
    EXPECT_TRUE(wait([&] { return life_ > 0; }));
  }
  template <class Predicate>
  bool wait(Predicate predicate, std::chrono::milliseconds at_most = patience) {
    const auto until = std::chrono::steady_clock::now() + at_most;
    while (!predicate()) {
      std::optional<BusEvent> event;
      {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, 20ms, [&] { return !events_.empty(); });
        if (!events_.empty()) {
          event = std::move(events_.front());
          events_.pop_front();
        }
      }
      orchestrator.now_ms = wall_now_ms();
      if (event && std::holds_alternative<BusConnected>(*event)) orchestrator.call(++life_);
      if (event) {
        if (const auto* received = std::get_if<BusReceived>(&*event)) orchestrator.hear(*received);
      }
      if (std::chrono::steady_clock::now() >= until) return predicate();
    }
    return true;
  }
  template <class Event>
  bool wait_event() {
    return wait([&] { return orchestrator.find<Event>() != nullptr; });
  }
  static Window open_window() { return {"singlesche-00000001", wall_now_ms() - 60'000, wall_now_ms() + 3'600'000}; }

  test::Broker broker;

 private:
  static BusSettings settings(const test::Broker& broker) {
    auto made = orchestrator_settings();
    made.url = broker.url();
    made.reconnect_ms_max = 100;
    return made;
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<BusEvent> events_;
  std::uint64_t life_ = 0;
  MqttBus bus_;

 public:
  FakeOrchestrator orchestrator;
};

const std::string uuid = to_string(node_id);

TEST(AgentProcess, UpdatesAndStays) {
  Site site;
  FileServer files;
  Machine machine(site.broker, uuid);
  machine.start();
  ASSERT_TRUE(site.wait_event<BootCleared>()) << machine.log();
  site.orchestrator.link(files.release(good), site.open_window());
  ASSERT_TRUE(site.wait_event<Succeeded>()) << machine.log();
  EXPECT_TRUE(machine.slot_holds("b", good));
  EXPECT_EQ(machine.boot()["running"], "b");
  EXPECT_EQ(machine.boot()["default"], "b");
  const auto [line, code] = machine.check();
  EXPECT_EQ(code, 0);
  EXPECT_EQ(line["differences"], 0);
  EXPECT_EQ(line["phase"], "Idle");
  EXPECT_EQ(line["outcome"], "Succeeded");
  EXPECT_EQ(line["os_image_id"], good);
  EXPECT_EQ(line["last"], site.orchestrator.upto);
  const auto ready = test::read_file(machine.out_file());
  EXPECT_NE(ready.find("ready node=" + uuid), std::string::npos) << ready;
}

TEST(AgentProcess, RollsBackABadImageAndSaysWhichCheckFailed) {
  Site site;
  FileServer files;
  Machine machine(site.broker, uuid);
  machine.start();
  ASSERT_TRUE(site.wait_event<BootCleared>()) << machine.log();
  site.orchestrator.link(files.release(bad), site.open_window());
  ASSERT_TRUE(site.wait_event<RolledBack>()) << machine.log();
  const auto& rolled_back = *site.orchestrator.find<RolledBack>();
  EXPECT_EQ(rolled_back.reason, Reason::unhealthy);
  EXPECT_EQ(rolled_back.evidence.check, "answers");
  EXPECT_NE(rolled_back.evidence.output_tail.find("nines do not answer"), std::string::npos);
  EXPECT_EQ(machine.boot()["running"], "a");
  EXPECT_TRUE(machine.slot_holds("a", "3.0.1")) << "the running slot is never written";
  EXPECT_EQ(machine.check().first["differences"], 0);
}

TEST(AgentProcess, GoesOnWhenItIsKilledAgainAndAgain) {
  Site site;
  FileServer files;
  Machine machine(site.broker, uuid);
  machine.start();
  ASSERT_TRUE(site.wait_event<BootCleared>()) << machine.log();
  site.orchestrator.link(files.release(good), site.open_window());
  // Where it hits differs from run to run; what comes of it must not.
  for (int kill = 0; kill < 12; ++kill) {
    (void)site.wait([] { return false; }, std::chrono::milliseconds(15 + 20 * kill));
    machine.process().signal(SIGKILL);
    (void)machine.process().wait(patience);
    machine.start();
  }
  ASSERT_TRUE(site.wait([&] { return site.orchestrator.find<Succeeded>() != nullptr; })) << machine.log();
  EXPECT_TRUE(machine.slot_holds("b", good));
  EXPECT_EQ(machine.check().first["differences"], 0);
  ASSERT_TRUE(site.wait([&] { return site.orchestrator.upto == machine.check().first["last"]; }));
}

TEST(AgentProcess, SurvivesABrokerThatRestartsWithoutItsMemory) {
  Site site;
  FileServer files;
  Machine machine(site.broker, uuid);
  machine.start();
  ASSERT_TRUE(site.wait_event<BootCleared>()) << machine.log();
  site.broker.stop();
  site.broker.start();
  site.orchestrator.link(files.release(good), site.open_window());  // lost: the orchestrator is not connected yet
  ASSERT_TRUE(site.wait_event<Succeeded>()) << machine.log();
}

TEST(AgentProcess, LeavesTheStateDirectoryToWhoHasItAndSaysSo) {
  Site site;
  Machine machine(site.broker, uuid);
  machine.start();
  ASSERT_TRUE(site.wait_event<BootCleared>()) << machine.log();
  auto second = machine.run({}, machine.file("second"));
  EXPECT_EQ(second.wait(patience), 3);
  const auto line = test::read_file(machine.file("second"));
  EXPECT_NE(line.find("another process"), std::string::npos) << line;
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
  EXPECT_FALSE(machine.process().ended());
}

TEST(AgentProcess, StopsCleanlyAndIsOfflineThen) {
  Site site;
  Machine machine(site.broker, uuid);
  machine.start();
  ASSERT_TRUE(site.wait_event<BootCleared>()) << machine.log();
  const auto last_presence = [&] {
    std::optional<bool> online;
    for (const auto& envelope : site.orchestrator.heard)
      if (const auto* presence = std::get_if<Presence>(&envelope.payload)) online = presence->online;
    return online;
  };
  ASSERT_TRUE(site.wait([&] { return last_presence() == true; }));
  machine.process().signal(SIGTERM);
  EXPECT_TRUE(site.wait([&] { return last_presence() == false; }));
  EXPECT_EQ(machine.process().wait(patience), 0);
  machine.start();
  ASSERT_TRUE(site.wait([&] { return last_presence() == true; }));
  machine.process().signal(SIGKILL);
  EXPECT_TRUE(site.wait([&] { return last_presence() == false; })) << "the will";
}

TEST(AgentProcess, SaysOnceWhichProjectItWaitsIn) {
  test::Broker broker;
  Machine machine(broker, uuid);
  auto process = machine.run({{"--roll-call-warning", "200ms"}});
  const auto until = std::chrono::steady_clock::now() + patience;
  while (machine.log().find("no orchestrator has called project=demo") == std::string::npos && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(10ms);
  EXPECT_NE(machine.log().find("no orchestrator has called project=demo"), std::string::npos) << machine.log();
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(patience), 0);
}

TEST(AgentProcess, EndsWithOneLineAndItsCodeWhereItCannotStart) {
  test::Broker broker;
  struct Row {
    std::pair<std::string, std::string> flag;
    int code;
    std::string says;
  };
  Machine machine(broker, uuid);
  int number = 0;
  for (const auto& row :
       {Row{{"--broker", "mqtt://broker.example.org"}, 2, "plain text"}, Row{{"--uuid", "1234"}, 2, "--uuid"},
        Row{{"--boot", "grub"}, 2, "image_file:DIR"}, Row{{"--check", "x"}, 2, "name=command"},
        Row{{"--check", "x=/no/such/program"}, 2, "/no/such/program"}, Row{{"--key-file", "x"}, 2, "go together"},
        Row{{"--boot", "image_file:/no/such/folder"}, 1, "/no/such/folder"}, Row{{"--state", "/dev/null/x"}, 6, "/dev/null"}}) {
    const auto error = machine.file("error" + std::to_string(++number));
    auto process = machine.run({row.flag}, error);
    EXPECT_EQ(process.wait(patience), row.code) << row.flag.first << " " << row.flag.second << ": " << test::read_file(error);
    const auto line = test::read_file(error);
    EXPECT_NE(line.find(row.says), std::string::npos) << line;
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
  }
}

TEST(AgentProcess, EndsWithOneLineWhereItsMachineCannotBeRead) {
  test::Broker broker;
  Machine machine(broker, uuid);
  std::ofstream(machine.folder() + "/boot.json") << "{";
  auto process = machine.run({});
  EXPECT_EQ(process.wait(patience), 1);
  EXPECT_NE(machine.log().find("boot.json"), std::string::npos) << machine.log();
}

TEST(AgentProcess, LeavesAStateDirectoryOfANewerVersionAsItIs) {
  test::Broker broker;
  Machine machine(broker, uuid);
  {
    auto store = RocksStore::open(machine.state_dir());
    ASSERT_TRUE(store);
    Batch batch;
    batch.put("m/format", std::to_string(store_format + 1));
    ASSERT_TRUE((*store)->commit(batch));
  }
  auto process = machine.run({});
  EXPECT_EQ(process.wait(patience), 4);
  EXPECT_NE(machine.log().find("newer"), std::string::npos) << machine.log();
}

TEST(AgentProcess, BeginsAnewWhereItsStateDirectoryWasLost) {
  Site site;
  FileServer files;
  Machine machine(site.broker, uuid);
  machine.start();
  ASSERT_TRUE(site.wait_event<BootCleared>()) << machine.log();
  const auto journal = site.orchestrator.journal;
  machine.process().signal(SIGKILL);
  (void)machine.process().wait(patience);
  std::filesystem::remove_all(machine.state_dir());
  machine.start();
  ASSERT_TRUE(site.wait([&] { return site.orchestrator.journal != journal && site.orchestrator.upto >= 2; })) << machine.log();
  site.orchestrator.link(files.release(good), site.open_window());
  EXPECT_TRUE(site.wait_event<Succeeded>()) << machine.log();
}

TEST(AgentCheck, SaysWhatIsNotAStore) {
  test::TemporaryDirectory directory;
  auto child = test::Child::start({agent_program, "check", "--state", directory / "nothing"}, "", directory / "error");
  EXPECT_EQ(child.wait(patience), 2);
  EXPECT_NE(test::read_file(directory / "error").find("nothing"), std::string::npos);
}

}  // namespace
}  // namespace abide::agent
