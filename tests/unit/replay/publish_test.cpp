// A history on a real Mosquitto: what the tools that read the bus would see.
#include "tools/replay/publish.hpp"

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include "common/bus/mqtt_bus.hpp"
#include "common/events/codec.hpp"
#include "common/events/topics.hpp"
#include "tests/support/broker.hpp"
#include "tests/unit/replay/histories.hpp"
#include "tools/replay/commands.hpp"

namespace abide::replay {
namespace {

using namespace std::chrono_literals;

// Hears everything of one project.
class Observer {
 public:
  Observer(const std::string& url, const std::string& project) : bus_(settings(url, project)) {
    const auto started = bus_.start([this](BusEvent event) {
      const std::lock_guard lock(mutex_);
      if (std::holds_alternative<BusConnected>(event)) connected_ = true;
      if (auto* received = std::get_if<BusReceived>(&event)) heard_.push_back(std::move(*received));
      changed_.notify_all();
    });
    EXPECT_TRUE(started);
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 20s, [&] { return connected_; }));
  }
  ~Observer() { bus_.stop(); }
  std::vector<BusReceived> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 20s, [&] { return heard_.size() >= count; })) << heard_.size() << " of " << count;
    return heard_;
  }

 private:
  static BusSettings settings(const std::string& url, const std::string& project) {
    BusSettings bus;
    bus.url = url;
    bus.client_id = random_client_id();
    bus.user_name = "observer";
    bus.filters = {"abide/v1/" + project + "/#"};
    return bus;
  }
  MqttBus bus_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool connected_ = false;
  std::vector<BusReceived> heard_;
};

struct Ran {
  int code = 0;
  std::string out, err;
};
Ran publish(const std::vector<std::string>& words) {
  std::vector<const char*> all = {"abide-replay", "publish"};
  for (const auto& word : words) all.push_back(word.c_str());
  std::ostringstream out;
  std::ostringstream err;
  Surroundings around;
  around.out = &out;
  around.err = &err;
  Ran ran;
  ran.code = run(static_cast<int>(all.size()), all.data(), around);
  ran.out = out.str();
  ran.err = err.str();
  return ran;
}

std::size_t events_of(const test::World& world, std::size_t machine) {
  return world.seen(machine).upto;
}

TEST(Publish, SaysNodesEventsAndDocumentsUnderAnotherProjectsName) {
  const auto& world = finished_world();
  const test::TemporaryDirectory directory;
  put_store(directory.path(), fleet_rows(world));
  const test::Broker broker("mosquitto-sandbox.conf", "");
  Observer observer(broker.url(), "replay-plant");
  const auto ran = publish({directory.path(), "--broker", broker.url(), "--speed", "max"});
  EXPECT_EQ(ran.code, exit_done) << ran.err;
  EXPECT_NE(ran.out.find("as project replay-plant"), std::string::npos) << ran.out;

  const auto heard = observer.wait_for(static_cast<std::size_t>(std::stoul(ran.out.substr(ran.out.find(' ')))));
  std::map<std::string, std::size_t> counts;
  std::uint64_t last_of_first = 0;
  for (const auto& message : heard) {
    const auto parsed = topics::parse(message.topic);
    ASSERT_TRUE(parsed) << message.topic;
    const auto envelope = decode(message.payload);
    ASSERT_TRUE(envelope) << message.topic;
    if (const auto* from = std::get_if<topics::FromNodeTopic>(&*parsed)) {
      EXPECT_EQ(from->project, "replay-plant");
      ++counts[from->what == topics::FromNode::status ? "status" : "rollback"];
      if (from->what == topics::FromNode::status && from->node == world.machines[0].id) {
        EXPECT_EQ(envelope->sequence, ++last_of_first) << "each event once, in order";
      }
      if (from->what == topics::FromNode::rollback) {
        EXPECT_TRUE(std::holds_alternative<RolledBack>(std::get<NodeEvent>(envelope->payload)));
      }
    }
    if (std::holds_alternative<topics::DocumentTopicOf>(*parsed)) {
      ++counts["document"];
      EXPECT_TRUE(std::holds_alternative<Document>(envelope->payload));
    }
    if (std::holds_alternative<topics::ProfileTopic>(*parsed)) ++counts["profile"];
  }
  EXPECT_EQ(counts["status"], events_of(world, 0) + events_of(world, 1));
  EXPECT_EQ(counts["rollback"], 1U);
  EXPECT_EQ(counts["profile"], 3U);
  EXPECT_GT(counts["document"], 3U);

  // Who comes later finds the documents and images retained, and no event.
  Observer later(broker.url(), "replay-plant");
  for (const auto& message : later.wait_for(3)) EXPECT_TRUE(message.retained) << message.topic;
}

TEST(Publish, SaysAnAgentsOwnEventsAsItJournaledThem) {
  const auto& world = finished_world();
  const test::TemporaryDirectory directory;
  put_store(directory.path(), node_rows(world.machines[1]));
  const test::Broker broker("mosquitto-sandbox.conf", "");
  Observer observer(broker.url(), "replay-plant");
  const auto ran = publish({directory.path(), "--broker", broker.url(), "--speed", "max"});
  EXPECT_EQ(ran.code, exit_done) << ran.err;
  EXPECT_EQ(observer.wait_for(events_of(world, 1) + 1).size(), events_of(world, 1) + 1) << "and the copy of its rollback";
}

TEST(Publish, RefusesTheRecordedProjectsNameAndPlainTextToOtherMachines) {
  const test::TemporaryDirectory directory;
  put_store(directory.path(), fleet_rows(finished_world()));
  const auto same = publish({directory.path(), "--broker", "mqtt://127.0.0.1:1", "--as", "plant"});
  EXPECT_EQ(same.code, exit_usage) << same.err;
  EXPECT_NE(same.err.find("--same-project"), std::string::npos) << same.err;
  const auto plain = publish({directory.path(), "--broker", "mqtt://broker.example"});
  EXPECT_EQ(plain.code, exit_denied) << plain.err;
  const auto speed = publish({directory.path(), "--broker", "mqtt://127.0.0.1:1", "--speed", "fast"});
  EXPECT_EQ(speed.code, exit_usage) << speed.err;
}

// An ACL lets a node say its own and nobody else anything for it; the broker acknowledges what it denies all the same.
TEST(Publish, SaysThatTheBrokersAclLetsItSpeakToNobody) {
  const test::TemporaryDirectory directory;
  put_store(directory.path(), node_rows(finished_world().machines[1]));
  const test::Broker broker;
  const auto ran = publish({directory.path(), "--broker", broker.url(), "--speed", "max"});
  EXPECT_EQ(ran.code, exit_denied) << ran.err;
  EXPECT_NE(ran.err.find("ACL"), std::string::npos) << ran.err;
}

// ---- pace, on a bus that is played --------------------------------------------------------------------------------------

// Acknowledges when it is told to.
class SlowBus final : public Bus {
 public:
  Result<void> start(BusHandler handler) override {
    handler_ = std::move(handler);
    handler_(BusConnected{});
    return {};
  }
  void stop() override {}
  Result<std::uint64_t> publish(BusMessage message) override {
    said.push_back({std::chrono::steady_clock::now(), std::move(message)});
    const std::uint64_t ticket = ++count;
    if (acknowledges) handler_(BusPublished{ticket});
    return ticket;
  }
  bool acknowledges = true;
  std::atomic<std::size_t> count{0};
  std::vector<std::pair<std::chrono::steady_clock::time_point, BusMessage>> said;

 private:
  BusHandler handler_;
};

TEST(PublishPace, KeepsTheTimesBetweenEventsAtTheSpeedAsked) {
  SlowBus bus;
  std::atomic<bool> stop{false};
  Publisher publisher(bus, 10, stop);
  ASSERT_TRUE(publisher.connect());
  ASSERT_TRUE(publisher.say(1'000, {{"t", "a", 1, true}}));
  ASSERT_TRUE(publisher.say(3'000, {{"t", "b", 1, true}}));
  ASSERT_TRUE(publisher.say(2'000, {{"t", "c", 1, true}})) << "a clock that was set back waits for nothing";
  EXPECT_TRUE(publisher.finish());
  ASSERT_EQ(bus.said.size(), 3U);
  EXPECT_GE(bus.said[1].first - bus.said[0].first, 200ms);
  EXPECT_LT(bus.said[2].first - bus.said[1].first, 150ms);
}

TEST(PublishPace, HasNoMoreUnderWayThanItsWindowAndEndsWhenItIsStopped) {
  SlowBus bus;
  bus.acknowledges = false;
  std::atomic<bool> stop{false};
  Publisher publisher(bus, 0, stop);
  ASSERT_TRUE(publisher.connect());
  std::thread speaker([&] {
    bool going = true;
    for (std::size_t i = 0; i < 2 * in_flight_max && going; ++i) {
      const auto said = publisher.say(0, {{"t", "x", 1, true}});
      going = said && *said;
    }
    EXPECT_FALSE(going);
  });
  while (bus.count < in_flight_max) std::this_thread::yield();
  stop = true;
  speaker.join();
  EXPECT_EQ(bus.said.size(), in_flight_max);
}

TEST(PublishPace, ReadsSpeeds) {
  EXPECT_EQ(*parse_speed("max"), 0);
  EXPECT_EQ(*parse_speed("1x"), 1);
  EXPECT_EQ(*parse_speed("2.5x"), 2.5);
  for (const char* wrong : {"", "x", "0x", "-1x", "1", "fastx", "1xx"}) EXPECT_FALSE(parse_speed(wrong)) << wrong;
}

}  // namespace
}  // namespace abide::replay
