// The simulated broker: what it keeps, in which order it delivers, and what it may lose.
#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

#include "common/events/topics.hpp"
#include "simulators/world/broker.hpp"
#include "simulators/world/heap.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

// A world without machines: its broker has room for clients of the test.
struct Wire {
  explicit Wire(const std::vector<Fault>& faults = {}) : world(plan(faults)) {}
  static Plan plan(const std::vector<Fault>& faults) {
    Plan plan;
    plan.nodes = 0;
    plan.hours = 1'000;
    plan.operator_works = false;
    for (const auto fault : faults) plan.faults.add(fault);
    return plan;
  }
  static NodeId node(std::uint8_t number) {
    NodeId id;
    id.bytes[15] = number;
    return id;
  }
  static std::string received(std::uint8_t number) { return topics::received(project, node(number)); }
  static std::string presence(std::uint8_t number) { return topics::from_node(project, node(number), topics::FromNode::presence); }

  struct Client {
    std::vector<BusReceived> heard;
    std::vector<std::uint64_t> acknowledged;
    int connects = 0, disconnects = 0;
    [[nodiscard]] std::vector<std::string> payloads(const std::string& topic = {}) const {
      std::vector<std::string> list;
      for (const auto& message : heard)
        if (topic.empty() || message.topic == topic) list.push_back(message.payload);
      return list;
    }
  };
  void connect(std::size_t index, std::vector<std::string> filters, std::optional<BusMessage> will = std::nullopt) {
    world.broker().connect(index, std::move(filters), std::move(will), [this, index](BusEvent event) {
      auto& client = clients[index];
      if (std::holds_alternative<BusConnected>(event)) ++client.connects;
      if (std::holds_alternative<BusDisconnected>(event)) ++client.disconnects;
      if (const auto* published = std::get_if<BusPublished>(&event)) client.acknowledged.push_back(published->ticket);
      if (auto* message = std::get_if<BusReceived>(&event)) client.heard.push_back(std::move(*message));
    });
    world.pass(10'000);
  }
  void publish(std::size_t index, const std::string& topic, const std::string& payload, bool retain = false, std::uint64_t ticket = 1) {
    EXPECT_TRUE(world.broker().publish(index, {topic, payload, 1, retain}, ticket));
  }

  World world;
  std::map<std::size_t, Client> clients;
};

std::string only_node(std::uint8_t number) {
  return topics::node_filter(project, Wire::node(number));
}

TEST(SimulatedBroker, DeliversToEveryClientWhoseFilterMatchesAndToNoOther) {
  Wire wire;
  wire.connect(0, {only_node(1)});
  wire.connect(1, {only_node(1)});  // a clone
  wire.connect(2, {only_node(2), topics::roll_call(project)});
  wire.connect(3, {topics::orchestrator_filter(project, topics::FromNode::presence)});
  wire.publish(2, wire.received(1), "to one");
  wire.publish(2, wire.presence(7), "from seven");
  wire.publish(2, topics::profile_discovered(project, "nonrt"), "to nobody");
  wire.world.pass(10'000);
  EXPECT_EQ(wire.clients[0].payloads(), std::vector<std::string>{"to one"});
  EXPECT_EQ(wire.clients[1].payloads(), std::vector<std::string>{"to one"});
  EXPECT_EQ(wire.clients[2].payloads(wire.received(1)), std::vector<std::string>{});
  EXPECT_EQ(wire.clients[3].payloads(), std::vector<std::string>{"from seven"});
  EXPECT_EQ(wire.clients[2].acknowledged.size(), 3U) << "the broker has it, whoever wants it";
}

TEST(SimulatedBroker, KeepsTheOrderWithinATopicAndLetsTopicsOvertakeEachOther) {
  struct Case {
    std::vector<Fault> faults;
    bool overtakes;
  };
  for (const auto& one : {Case{{}, false}, Case{{Fault::delay, Fault::duplicate}, false}, Case{{Fault::reorder, Fault::delay}, true}}) {
    Wire wire(one.faults);
    wire.connect(0, {});
    wire.connect(1, {only_node(1), only_node(2)});
    constexpr int messages = 400;
    for (int i = 0; i < messages; ++i) {
      wire.publish(0, wire.received(i % 2 == 0 ? 1 : 2), std::to_string(1'000 + i));
      wire.world.pass(50);
    }
    wire.world.pass(100 * 3'600'000);
    for (const auto node : {std::uint8_t{1}, std::uint8_t{2}}) {
      auto told = wire.clients[1].payloads(wire.received(node));
      EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
      told.erase(std::unique(told.begin(), told.end()), told.end());
      EXPECT_EQ(told.size(), static_cast<std::size_t>(messages / 2)) << "nothing is lost";
    }
    const auto all = wire.clients[1].payloads();
    EXPECT_NE(std::is_sorted(all.begin(), all.end()), one.overtakes);
    EXPECT_EQ(all.size() > messages, one.faults.size() == 2 && one.faults[1] == Fault::duplicate);
  }
}

TEST(SimulatedBroker, GivesWhatItRetainsToWhoComesLater) {
  Wire wire;
  wire.connect(0, {});
  wire.connect(1, {only_node(1)});
  wire.publish(0, wire.received(1), "old", true);
  wire.world.pass(1'000);
  wire.publish(0, wire.received(1), "new", true);
  wire.publish(0, wire.received(1), "passing");
  wire.world.pass(1'000);
  wire.connect(2, {only_node(1)});
  ASSERT_EQ(wire.clients[1].payloads(), (std::vector<std::string>{"old", "new", "passing"}));
  EXPECT_FALSE(wire.clients[1].heard[0].retained);
  ASSERT_EQ(wire.clients[2].payloads(), (std::vector<std::string>{"new"}));
  EXPECT_TRUE(wire.clients[2].heard[0].retained);

  wire.world.broker().restart(false);
  EXPECT_EQ(wire.clients[2].disconnects, 1);
  wire.world.pass(300'000);
  wire.connect(3, {only_node(1)});
  EXPECT_EQ(wire.clients[3].payloads(), (std::vector<std::string>{"new"}));
  wire.world.broker().restart(true);
  wire.world.pass(300'000);
  wire.connect(4, {only_node(1)});
  EXPECT_TRUE(wire.clients[4].heard.empty()) << "it has forgotten";
}

TEST(SimulatedBroker, LetsNobodyInWhileItIsAwayOrTheNetworkIsDown) {
  Wire wire;
  wire.world.broker().restart(false);
  wire.connect(0, {});
  EXPECT_EQ(wire.clients[0].connects, 0);
  EXPECT_EQ(wire.clients[0].disconnects, 1) << "it is told, and may try again";
  wire.world.pass(300'000);
  wire.world.broker().wedge(0, true);
  wire.connect(0, {});
  EXPECT_EQ(wire.clients[0].connects, 0);
  wire.world.broker().wedge(0, false);
  wire.connect(0, {});
  EXPECT_EQ(wire.clients[0].connects, 1);
  EXPECT_TRUE(wire.world.broker().connected(0));
}

TEST(SimulatedBroker, TellsTheWillOfWhoIsGoneWithoutAWord) {
  for (const bool vanishes : {true, false}) {
    Wire wire;
    wire.connect(0, {topics::orchestrator_filter(project, topics::FromNode::presence)});
    wire.connect(1, {}, BusMessage{wire.presence(1), "offline", 1, true});
    if (vanishes)
      wire.world.broker().vanish(1);
    else
      wire.world.broker().lose_connection(1);
    EXPECT_FALSE(wire.world.broker().connected(1));
    EXPECT_FALSE(wire.world.broker().publish(1, {wire.presence(1), "online", 1, true}, 1));
    EXPECT_TRUE(wire.clients[0].heard.empty()) << "the broker notices it later";
    wire.world.pass(120'000);
    EXPECT_EQ(wire.clients[0].payloads(), std::vector<std::string>{"offline"});
    EXPECT_EQ(wire.clients[1].disconnects, vanishes ? 0 : 1);
    EXPECT_EQ(wire.world.broker().retained().count(wire.presence(1)), 1U);
  }
}

TEST(SimulatedBroker, LosesWhatIsUnderWayWithTheConnectionAndSometimesBringsItLate) {
  for (const bool late : {false, true}) {
    Wire wire(late ? std::vector{Fault::late_message} : std::vector<Fault>{});
    wire.connect(0, {only_node(1)});
    constexpr int messages = 60;
    for (int i = 0; i < messages; ++i) {
      wire.connect(1, {});
      wire.publish(1, wire.received(1), std::to_string(i));
      wire.world.broker().lose_connection(1);
    }
    wire.world.pass(8 * 3'600'000);
    EXPECT_EQ(wire.clients[1].acknowledged.size(), 0U);
    EXPECT_EQ(wire.clients[0].heard.empty(), !late);
    EXPECT_LT(wire.clients[0].heard.size(), static_cast<std::size_t>(messages));
  }
}

TEST(SimulatedBroker, MayAcknowledgeAMessageAndGiveItToNobody) {
  Wire wire({Fault::lose_message});
  wire.connect(0, {});
  wire.connect(1, {only_node(1)});
  constexpr std::uint64_t messages = 1'000;
  for (std::uint64_t i = 1; i <= messages; ++i) wire.publish(0, wire.received(1), "x", false, i);
  wire.world.pass(60'000);
  EXPECT_EQ(wire.clients[0].acknowledged.size(), messages);
  EXPECT_LT(wire.clients[1].heard.size(), messages);
  EXPECT_GT(wire.clients[1].heard.size(), messages / 2);
}

}  // namespace
}  // namespace abide::sim
