// The fleet's own client against Mosquitto, by a loop as the fleet has one.
#include "simulators/node-fleet/node_bus.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <memory>

#include "tests/support/broker.hpp"

namespace abide::node_fleet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds patience{20};

// Clients on one network, turned by hand.
class Bench {
 public:
  Bench() {
    NetworkSettings settings;
    settings.broker_url = broker.url();
    auto opened = Network::open(settings);
    if (!opened) throw std::runtime_error(opened.error().message);
    network = *std::move(opened);
    weather.reconnect_ms_max = 50;
  }

  struct Client {
    std::unique_ptr<NodeBus> bus;
    std::vector<std::string> heard;  // "topic payload", with "retained " before it
    std::vector<std::uint64_t> acknowledged;
    int connected = 0, disconnected = 0;
  };
  Client& client(const std::string& name, std::vector<std::string> filters) {
    const auto index = clients.size();
    clients.push_back(std::make_unique<Client>());
    auto& made = *clients.back();
    made.bus = std::make_unique<NodeBus>(*network, weather, index, Random{index + 1});
    made.bus->introduce({name, std::move(filters), BusMessage{"abide/v1/p/from/" + name + "/presence", "gone", 1, false}});
    (void)made.bus->start([&made](BusEvent event) {
      if (std::holds_alternative<BusConnected>(event)) ++made.connected;
      if (std::holds_alternative<BusDisconnected>(event)) ++made.disconnected;
      if (const auto* published = std::get_if<BusPublished>(&event)) made.acknowledged.push_back(published->ticket);
      if (const auto* received = std::get_if<BusReceived>(&event))
        made.heard.push_back((received->retained ? "retained " : "") + received->topic + " " + received->payload);
    });
    return made;
  }
  // Rounds of the loop until it is so.
  bool until(const std::function<bool()>& reached, bool flushes = true) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!reached()) {
      const auto now = std::chrono::steady_clock::now();
      if (now > end) return false;
      auto next = now + milliseconds(50);
      for (const auto& one : clients) next = std::min(next, one->bus->next_moment());
      for (const auto& ready : network->wait(next)) clients[ready.tag]->bus->ready(ready.readable, ready.writable);
      for (const auto& one : clients) {
        one->bus->advance(std::chrono::steady_clock::now());
        if (flushes) one->bus->flush();
      }
    }
    return true;
  }

  test::Broker broker;
  BusWeather weather;
  std::unique_ptr<Network> network;
  std::vector<std::unique_ptr<Client>> clients;
};

const std::string node = "11111111-2222-3333-4444-555555555555";
const std::string status = "abide/v1/p/from/" + node + "/status";
const std::string to_node = "abide/v1/p/to/" + node + "/received";

TEST(FleetBus, PublishesAndHearsAtLeastOnceInOrder) {
  Bench bench;
  auto& server = bench.client("orchestrator", {"abide/v1/+/from/+/status"});
  auto& client = bench.client(node, {"abide/v1/p/to/" + node + "/+"});
  ASSERT_TRUE(bench.until([&] { return server.connected == 1 && client.connected == 1; }));
  std::vector<std::uint64_t> tickets;
  for (int i = 0; i < 50; ++i) {
    const auto ticket = client.bus->publish({status, std::to_string(i), 1, false});
    ASSERT_TRUE(ticket);
    tickets.push_back(*ticket);
  }
  EXPECT_EQ(*client.bus->publish({status, "last", 0, false}), 0u);
  ASSERT_TRUE(bench.until([&] { return server.heard.size() == 51 && client.acknowledged.size() == 50; }));
  EXPECT_EQ(client.acknowledged, tickets);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(server.heard[static_cast<std::size_t>(i)], status + " " + std::to_string(i));
}

TEST(FleetBus, SaysNothingBeforeItIsFlushed) {
  Bench bench;
  auto& server = bench.client("orchestrator", {"abide/v1/+/from/+/status"});
  auto& client = bench.client(node, {"abide/v1/p/to/" + node + "/+"});
  ASSERT_TRUE(bench.until([&] { return server.connected == 1 && client.connected == 1; }));
  ASSERT_TRUE(client.bus->publish({status, "first", 1, false}));
  // A message of the server's own, there and back, while the client's is held.
  ASSERT_TRUE(server.bus->publish({to_node, "x", 1, false}));
  server.bus->flush();
  ASSERT_TRUE(bench.until([&] { return client.heard.size() == 1; }, false));
  EXPECT_TRUE(server.heard.empty());
  ASSERT_TRUE(bench.until([&] { return server.heard.size() == 1; }));
}

TEST(FleetBus, HearsWhatWasRetainedOnlyAfterItSaidConnected) {
  Bench bench;
  auto& server = bench.client("orchestrator", {"abide/v1/+/from/+/status"});
  ASSERT_TRUE(bench.until([&] { return server.connected == 1; }));
  ASSERT_TRUE(server.bus->publish({to_node, "document", 1, true}));
  ASSERT_TRUE(bench.until([&] { return server.acknowledged.size() == 1; }));
  auto& client = bench.client(node, {"abide/v1/p/to/" + node + "/+"});
  ASSERT_TRUE(bench.until([&] {
    EXPECT_TRUE(client.heard.empty() || client.connected == 1);
    return client.heard.size() == 1;
  }));
  EXPECT_EQ(client.heard[0], "retained " + to_node + " document");
}

TEST(FleetBus, ComesBackAfterTheBrokerWasAwayAndForgetsWhatWasUnderWay) {
  Bench bench;
  auto& client = bench.client(node, {"abide/v1/p/to/" + node + "/+"});
  ASSERT_TRUE(bench.until([&] { return client.connected == 1; }));
  bench.broker.stop();
  ASSERT_TRUE(bench.until([&] { return client.disconnected == 1; }));
  EXPECT_EQ(client.bus->publish({status, "x", 1, false}).error().code, Code::unavailable);
  bench.broker.start();
  ASSERT_TRUE(bench.until([&] { return client.connected == 2; }));
  EXPECT_EQ(bench.network->traffic.losses, 1u);
  const auto ticket = client.bus->publish({status, "x", 1, false});
  ASSERT_TRUE(ticket);
  ASSERT_TRUE(bench.until([&] { return client.acknowledged.size() == 1; }));
  EXPECT_EQ(client.acknowledged[0], *ticket);
}

TEST(FleetBus, IsCutWithItsWillAndClosedWithoutIt) {
  Bench bench;
  auto& server = bench.client("orchestrator", {"abide/v1/+/from/+/presence"});
  auto& client = bench.client(node, {"abide/v1/p/to/" + node + "/+"});
  ASSERT_TRUE(bench.until([&] { return server.connected == 1 && client.connected == 1; }));
  client.bus->cut("a test");
  ASSERT_TRUE(bench.until([&] { return server.heard.size() == 1 && client.connected == 2; }));
  client.bus->stop();
  ASSERT_TRUE(bench.until([&] { return !client.bus->closing(); }));
  ASSERT_TRUE(server.bus->publish({"abide/v1/p/orchestrator", "x", 1, false}));
  ASSERT_TRUE(bench.until([&] { return server.acknowledged.size() == 1; }));
  EXPECT_EQ(server.heard.size(), 1u);
}

TEST(FleetBus, ThatIsHeldMakesNoAttemptUntilItIsLetGo) {
  Bench bench;
  auto& other = bench.client("observer", {"abide/v1/#"});
  auto& client = bench.client(node, {"abide/v1/p/to/" + node + "/+"});
  ASSERT_TRUE(bench.until([&] { return client.connected == 1 && other.connected == 1; }));
  client.bus->hold(true);
  EXPECT_EQ(client.disconnected, 1);
  EXPECT_EQ(client.bus->next_moment(), SteadyTime::max());
  ASSERT_TRUE(bench.until([&] { return other.heard.size() == 1; }));  // its will
  EXPECT_EQ(client.connected, 1);
  client.bus->hold(false);
  ASSERT_TRUE(bench.until([&] { return client.connected == 2; }));
}

TEST(FleetBus, AddsItsLatencyEitherWay) {
  Bench bench;
  auto& server = bench.client("orchestrator", {"abide/v1/+/from/+/status"});
  ASSERT_TRUE(bench.until([&] { return server.connected == 1; }));
  bench.weather.latency_ms = 40;
  auto& client = bench.client(node, {"abide/v1/p/to/" + node + "/+"});
  ASSERT_TRUE(bench.until([&] { return client.connected == 1; }));
  const auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(client.bus->publish({status, "x", 1, false}));
  ASSERT_TRUE(bench.until([&] { return client.acknowledged.size() == 1 && server.heard.size() == 1; }));
  EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds(80));
}

TEST(FleetBus, TakesNoMoreThanItsWindow) {
  Bench bench;
  auto& client = bench.client(node, {"abide/v1/p/to/" + node + "/+"});
  ASSERT_TRUE(bench.until([&] { return client.connected == 1; }));
  for (std::size_t i = 0; i < in_flight_max; ++i) ASSERT_TRUE(client.bus->publish({status, "x", 1, false}));
  EXPECT_EQ(client.bus->publish({status, "x", 1, false}).error().code, Code::unavailable);
  ASSERT_TRUE(bench.until([&] { return client.acknowledged.size() == in_flight_max; }));
  EXPECT_TRUE(client.bus->publish({status, "x", 1, false}));
}

TEST(FleetNetwork, RefusesWhatItCannotReachOrMayNot) {
  NetworkSettings settings;
  settings.broker_url = "mqtt://192.0.2.1:1883";
  EXPECT_EQ(Network::open(settings).error().code, Code::denied);
  settings.broker_url = "http://127.0.0.1";
  EXPECT_EQ(Network::open(settings).error().code, Code::invalid_input);
  settings.broker_url = "mqtts://127.0.0.1:1";
  settings.ca_file = "/no/such/file";
  EXPECT_EQ(Network::open(settings).error().code, Code::not_found);
}

TEST(FleetNetwork, ComesFromAsManyAddressesAsAsked) {
  test::Broker broker;
  NetworkSettings settings;
  settings.broker_url = broker.url();
  settings.source_addresses = 3;
  auto network = Network::open(settings);
  ASSERT_TRUE(network) << network.error().message;
  for (int i = 0; i < 6; ++i) {
    auto fd = (*network)->connect(0);
    ASSERT_TRUE(fd) << fd.error().message;
    (*network)->close(*fd);
  }
}

TEST(FleetNetwork, SaysHowFarTheLimitOfOpenFilesGoes) {
  EXPECT_TRUE(raise_descriptor_limit(64));
  const auto raised = raise_descriptor_limit(std::uint64_t{1} << 40U);
  ASSERT_FALSE(raised);
  EXPECT_EQ(raised.error().code, Code::denied);
  EXPECT_NE(raised.error().message.find("ulimit"), std::string::npos);
}

}  // namespace
}  // namespace abide::node_fleet
