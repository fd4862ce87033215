// MqttBus against a real Mosquitto with the project's configuration and ACL.
#include "common/bus/mqtt_bus.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <gtest/gtest.h>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <set>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/broker.hpp"

namespace abide {
namespace {

using namespace std::chrono_literals;
constexpr auto patience = 20s;

const std::string node_1 = "11111111-1111-1111-1111-111111111111";
const std::string node_2 = "22222222-2222-2222-2222-222222222222";
std::string from(const std::string& node, const std::string& what) {
  return "abide/v1/demo/from/" + node + "/" + what;
}
std::string to(const std::string& node, const std::string& what) {
  return "abide/v1/demo/to/" + node + "/" + what;
}
const std::string roll_call = "abide/v1/demo/orchestrator";

// A client that remembers what it was told.
class Client {
 public:
  Client(const std::string& url, const std::string& user_name, std::vector<std::string> filters,
         const std::function<void(BusSettings&)>& change = {}, BusDeadlines deadlines = {})
      : bus_(settings(url, user_name, std::move(filters), change), deadlines) {
    const auto started = bus_.start([this](BusEvent event) {
      const std::lock_guard lock(mutex_);
      if (in_handler_.exchange(true)) overlapped_ = true;
      events_.push_back(std::move(event));
      in_handler_ = false;
      changed_.notify_all();
    });
    EXPECT_TRUE(started);
  }
  ~Client() { EXPECT_FALSE(overlapped_) << "the handler was called by two threads at once"; }

  template <class Predicate>
  bool wait(Predicate predicate, std::chrono::milliseconds at_most = patience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, at_most, [&] { return predicate(events_); });
  }
  template <class Event>
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return count_of<Event>(events_);
  }
  template <class Event>
  bool wait_count(std::size_t number) {
    return wait([&](const auto& events) { return count_of<Event>(events) >= number; });
  }
  bool wait_message(const std::string& topic, const std::string& payload) {
    return wait([&](const auto& events) {
      return std::any_of(events.begin(), events.end(), [&](const auto& event) {
        const auto* received = std::get_if<BusReceived>(&event);
        return received != nullptr && received->topic == topic && received->payload == payload;
      });
    });
  }
  std::vector<std::string> payloads() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> all;
    for (const auto& event : events_)
      if (const auto* received = std::get_if<BusReceived>(&event)) all.push_back(received->payload);
    return all;
  }
  std::vector<BusEvent> events() {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  MqttBus& bus() { return bus_; }

 private:
  static BusSettings settings(const std::string& url, const std::string& user_name, std::vector<std::string> filters,
                              const std::function<void(BusSettings&)>& change) {
    BusSettings made;
    made.url = url;
    made.client_id = random_client_id();
    made.user_name = user_name;
    made.filters = std::move(filters);
    made.reconnect_ms_max = 50;
    if (change) change(made);
    return made;
  }
  template <class Event>
  static std::size_t count_of(const std::vector<BusEvent>& events) {
    return static_cast<std::size_t>(
        std::count_if(events.begin(), events.end(), [](const auto& event) { return std::holds_alternative<Event>(event); }));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<BusEvent> events_;
  std::atomic<bool> in_handler_ = false;
  std::atomic<bool> overlapped_ = false;
  MqttBus bus_;  // last: it stops before what its handler uses goes
};

Client node(const test::Broker& broker, const std::string& uuid, const std::function<void(BusSettings&)>& change = {}) {
  return {broker.url(), uuid, {"abide/v1/demo/to/" + uuid + "/+", roll_call}, change};
}
Client orchestrator(const test::Broker& broker, const std::function<void(BusSettings&)>& change = {}) {
  return {broker.url(), "orchestrator", {"abide/v1/demo/from/+/status", "abide/v1/demo/from/+/presence", roll_call}, change};
}

TEST(MqttBusOnMosquitto, CarriesMessagesBothWaysAndSaysWhenTheBrokerHasThem) {
  test::Broker broker;
  auto orchestrator_side = orchestrator(broker);
  auto node_side = node(broker, node_1);
  ASSERT_TRUE(orchestrator_side.wait_count<BusConnected>(1));
  ASSERT_TRUE(node_side.wait_count<BusConnected>(1));
  const std::string bytes("\0binary\xff", 8);
  const auto ticket = node_side.bus().publish({from(node_1, "status"), bytes, 1, false});
  ASSERT_TRUE(ticket);
  EXPECT_GT(*ticket, 0U);
  EXPECT_TRUE(orchestrator_side.wait_message(from(node_1, "status"), bytes));
  EXPECT_TRUE(node_side.wait([&](const auto& events) {
    return std::any_of(events.begin(), events.end(), [&](const auto& event) {
      const auto* published = std::get_if<BusPublished>(&event);
      return published != nullptr && published->ticket == *ticket;
    });
  }));
  EXPECT_EQ(node_side.bus().publish({from(node_1, "status"), "quick", 0, false}).value(), 0U);
  EXPECT_TRUE(orchestrator_side.wait_message(from(node_1, "status"), "quick"));
  ASSERT_TRUE(orchestrator_side.bus().publish({to(node_1, "received"), "answer", 1, false}));
  EXPECT_TRUE(node_side.wait_message(to(node_1, "received"), "answer"));
}

TEST(MqttBusOnMosquitto, TellsConnectedBeforeTheRetainedMessagesThatItWasSubscribedTo) {
  test::Broker broker;
  auto orchestrator_side = orchestrator(broker);
  ASSERT_TRUE(orchestrator_side.wait_count<BusConnected>(1));
  ASSERT_TRUE(orchestrator_side.bus().publish({roll_call, "life 1", 1, true}));
  ASSERT_TRUE(orchestrator_side.bus().publish({to(node_1, "policy-linked"), "document", 1, true}));
  ASSERT_TRUE(orchestrator_side.wait_count<BusPublished>(2));
  auto node_side = node(broker, node_1);
  ASSERT_TRUE(node_side.wait_message(roll_call, "life 1"));
  ASSERT_TRUE(node_side.wait_message(to(node_1, "policy-linked"), "document"));
  const auto events = node_side.events();
  EXPECT_TRUE(std::holds_alternative<BusConnected>(events.front()));
  for (const auto& event : events) {
    if (const auto* received = std::get_if<BusReceived>(&event)) {
      EXPECT_TRUE(received->retained) << received->topic;
    }
  }
}

TEST(MqttBusOnMosquitto, ComesBackAndSubscribesAnewAfterTheBrokerRestartedWithoutItsMemory) {
  test::Broker broker;
  auto orchestrator_side = orchestrator(broker);
  auto node_side = node(broker, node_1);
  ASSERT_TRUE(node_side.wait_count<BusConnected>(1));
  ASSERT_TRUE(orchestrator_side.wait_count<BusConnected>(1));
  ASSERT_TRUE(orchestrator_side.bus().publish({roll_call, "before", 1, true}));
  ASSERT_TRUE(node_side.wait_message(roll_call, "before"));
  for (std::size_t round = 1; round <= 3; ++round) {
    broker.stop();
    ASSERT_TRUE(node_side.wait_count<BusDisconnected>(round));
    ASSERT_TRUE(orchestrator_side.wait_count<BusDisconnected>(round));
    EXPECT_EQ(node_side.bus().publish({from(node_1, "status"), "lost", 1, false}).error().code, Code::unavailable);
    broker.start();
    ASSERT_TRUE(node_side.wait_count<BusConnected>(round + 1));
    ASSERT_TRUE(orchestrator_side.wait_count<BusConnected>(round + 1));
    const std::string word = "after " + std::to_string(round);
    ASSERT_TRUE(orchestrator_side.bus().publish({to(node_1, "received"), word, 1, false}));
    ASSERT_TRUE(node_side.wait_message(to(node_1, "received"), word));
  }
  EXPECT_EQ(node_side.count<BusConnected>(), 4U);
  const auto payloads = node_side.payloads();
  EXPECT_EQ(std::count(payloads.begin(), payloads.end(), "before"), 1) << "nothing is retained by a broker that has forgotten";
}

TEST(MqttBusOnMosquitto, KeepsTryingWhereNoBrokerIsYet) {
  test::Broker broker;
  broker.stop();
  auto node_side = node(broker, node_1);
  EXPECT_EQ(node_side.count<BusConnected>(), 0U);
  broker.start();
  EXPECT_TRUE(node_side.wait_count<BusConnected>(1));
  EXPECT_EQ(node_side.count<BusDisconnected>(), 0U) << "what never was connected is not told to be lost";
}

TEST(MqttBusOnMosquitto, SendsNothingOfAnOldConnectionInTheNext) {
  test::Broker broker;
  auto orchestrator_side = orchestrator(broker);
  auto node_side = node(broker, node_1, [](BusSettings& settings) { settings.in_flight_max = 4; });
  ASSERT_TRUE(node_side.wait_count<BusConnected>(1));
  ASSERT_TRUE(orchestrator_side.wait_count<BusConnected>(1));
  broker.suspend();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(node_side.bus().publish({from(node_1, "status"), "old", 1, false}));
  broker.resume();
  broker.stop();
  ASSERT_TRUE(node_side.wait_count<BusDisconnected>(1));
  broker.start();
  ASSERT_TRUE(node_side.wait_count<BusConnected>(2));
  ASSERT_TRUE(orchestrator_side.wait_count<BusConnected>(2));
  const auto before = orchestrator_side.payloads().size();
  ASSERT_TRUE(node_side.bus().publish({from(node_1, "status"), "new", 1, false}));
  ASSERT_TRUE(orchestrator_side.wait_message(from(node_1, "status"), "new"));
  EXPECT_EQ(orchestrator_side.payloads().size(), before + 1);
}

TEST(MqttBusOnMosquitto, PublishesTheWillOfALostConnectionAndNotOfAStoppedOne) {
  test::Broker broker;
  auto orchestrator_side = orchestrator(broker);
  ASSERT_TRUE(orchestrator_side.wait_count<BusConnected>(1));
  const auto will = [](const std::string& uuid) {
    return [uuid](BusSettings& settings) {
      settings.will = BusMessage{from(uuid, "presence"), "offline " + uuid, 1, true};
      settings.keep_alive_s = 1;
    };
  };
  {
    auto stopped = node(broker, node_1, will(node_1));
    ASSERT_TRUE(stopped.wait_count<BusConnected>(1));
    ASSERT_TRUE(stopped.bus().publish({from(node_1, "presence"), "stopping", 1, true}));
    stopped.bus().stop();
    EXPECT_TRUE(orchestrator_side.wait_message(from(node_1, "presence"), "stopping")) << "stop sends what is queued";
  }
  // A second client with the same id throws the first off the broker: its connection is lost.
  std::string id;
  auto lost = node(broker, node_2, [&](BusSettings& settings) {
    will(node_2)(settings);
    id = settings.client_id;
    settings.reconnect_ms_max = 60'000;
  });
  ASSERT_TRUE(lost.wait_count<BusConnected>(1));
  auto usurper = node(broker, node_2, [&](BusSettings& settings) { settings.client_id = id; });
  ASSERT_TRUE(usurper.wait_count<BusConnected>(1));
  EXPECT_TRUE(orchestrator_side.wait_message(from(node_2, "presence"), "offline " + node_2));
  const auto payloads = orchestrator_side.payloads();
  EXPECT_EQ(std::count(payloads.begin(), payloads.end(), "offline " + node_1), 0);
}

TEST(MqttBusOnMosquitto, IsToldWhenAnotherClientOfItsNameThrowsItOff) {
  test::Broker broker;
  const auto same = [](BusSettings& settings) {
    settings.client_id = "same";
    settings.reconnect_ms_max = 60'000;
  };
  auto first = node(broker, node_1, same);
  ASSERT_TRUE(first.wait_count<BusConnected>(1));
  auto second = node(broker, node_1, same);
  ASSERT_TRUE(second.wait_count<BusConnected>(1));
  ASSERT_TRUE(first.wait_count<BusDisconnected>(1));
}

TEST(MqttBusOnMosquitto, HasTheAclKeepNodesToTheirOwnTopics) {
  test::Broker broker;
  auto orchestrator_side = orchestrator(broker);
  auto first = node(broker, node_1);
  // A curious one, that subscribes to what is not its own.
  Client second(broker.url(), node_2, {"abide/v1/demo/#"});
  Client nobody(broker.url(), "", {"abide/v1/demo/#"});
  Client observer(broker.url(), "observer", {"abide/v1/demo/#"});
  for (auto* client : {&orchestrator_side, &first, &second, &nobody, &observer}) ASSERT_TRUE(client->wait_count<BusConnected>(1));

  const std::vector<std::pair<Client*, BusMessage>> denied = {{&second, {from(node_1, "status"), "forged event", 1, false}},
                                                              {&second, {from(node_1, "presence"), "forged presence", 1, true}},
                                                              {&second, {to(node_1, "policy-linked"), "forged document", 1, true}},
                                                              {&second, {to(node_2, "policy-linked"), "own document", 1, true}},
                                                              {&second, {roll_call, "forged roll call", 1, true}},
                                                              {&nobody, {from(node_1, "status"), "from nobody", 1, false}},
                                                              {&observer, {from(node_1, "status"), "from an observer", 1, false}},
                                                              {&orchestrator_side, {from(node_1, "status"), "as a node", 1, false}}};
  std::map<Client*, std::size_t> sent;
  for (const auto& [client, message] : denied) {
    ASSERT_TRUE(client->bus().publish(message)) << message.payload;
    ASSERT_TRUE(client->wait_count<BusPublished>(++sent[client])) << "denied, and acknowledged all the same: " << message.payload;
  }
  // What is allowed, behind all that.
  ASSERT_TRUE(second.bus().publish({from(node_2, "status"), "own event", 1, false}));
  ASSERT_TRUE(orchestrator_side.bus().publish({roll_call, "life", 1, true}));
  ASSERT_TRUE(orchestrator_side.bus().publish({to(node_1, "received"), "for the first", 1, false}));
  ASSERT_TRUE(orchestrator_side.wait_message(from(node_2, "status"), "own event"));
  ASSERT_TRUE(first.wait_message(to(node_1, "received"), "for the first"));
  ASSERT_TRUE(observer.wait_message(to(node_1, "received"), "for the first"));
  ASSERT_TRUE(second.wait_message(roll_call, "life"));
  ASSERT_TRUE(nobody.wait_message(roll_call, "life"));

  // Messages of different senders have no order.
  const auto heard = [](Client& client) {
    const auto payloads = client.payloads();
    return std::set<std::string>(payloads.begin(), payloads.end());
  };
  EXPECT_EQ(heard(orchestrator_side), (std::set<std::string>{"own event", "life"}));
  EXPECT_EQ(first.payloads(), (std::vector<std::string>{"life", "for the first"}));
  EXPECT_EQ(second.payloads(), (std::vector<std::string>{"life"})) << "neither what is for the first, nor what it said itself";
  EXPECT_EQ(nobody.payloads(), (std::vector<std::string>{"life"}));
}

TEST(MqttBusOnMosquitto, KeepsItsWindowAndRefusesWhatItsQueueCannotHold) {
  test::Broker broker;
  auto orchestrator_side = orchestrator(broker);
  auto node_side = node(broker, node_1, [](BusSettings& settings) {
    settings.in_flight_max = 8;
    settings.queue_max = 100;
  });
  ASSERT_TRUE(node_side.wait_count<BusConnected>(1));
  ASSERT_TRUE(orchestrator_side.wait_count<BusConnected>(1));
  broker.suspend();
  std::size_t accepted = 0;
  while (accepted < 1'000 && node_side.bus().publish({from(node_1, "status"), std::to_string(accepted), 1, false})) ++accepted;
  EXPECT_GE(accepted, 100U);
  EXPECT_LE(accepted, 108U) << "the window and the queue, no more";
  EXPECT_EQ(node_side.bus().publish({from(node_1, "status"), "x", 1, false}).error().code, Code::unavailable);
  broker.resume();
  ASSERT_TRUE(node_side.wait_count<BusPublished>(accepted));
  ASSERT_TRUE(orchestrator_side.wait_message(from(node_1, "status"), std::to_string(accepted - 1)));
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < accepted; ++i) expected.push_back(std::to_string(i));
  EXPECT_EQ(orchestrator_side.payloads(), expected) << "all, in order, once";
  EXPECT_TRUE(node_side.bus().publish({from(node_1, "status"), "x", 1, false}));
}

// A broker that reads nothing for a while: all of the window waits in this process.
TEST(MqttBusOnMosquitto, KeepsTheConnectionWhereAWideWindowFillsWhileTheBrokerDoesNotRead) {
  test::Broker broker;
  constexpr std::size_t messages = 1'000;
  const std::string large(100'000, 'x');
  auto node_side = node(broker, node_1, [](BusSettings& settings) { settings.in_flight_max = messages; });
  ASSERT_TRUE(node_side.wait_count<BusConnected>(1));
  broker.suspend();
  for (std::size_t i = 0; i < messages; ++i) ASSERT_TRUE(node_side.bus().publish({from(node_1, "status"), large, 1, false}));
  broker.resume();
  ASSERT_TRUE(node_side.wait_count<BusPublished>(messages));
  EXPECT_EQ(node_side.count<BusDisconnected>(), 0U);
}

// Room at a receiver, given by the test.
class Room {
 public:
  BusRoom ask() {
    return [this](std::chrono::milliseconds at_most) {
      std::unique_lock lock(mutex_);
      if (!changed_.wait_for(lock, at_most, [&] { return room_ > 0; })) return false;
      --room_;
      return true;
    };
  }
  void give(std::size_t messages) {
    const std::lock_guard lock(mutex_);
    room_ += messages;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t room_ = 0;
};

TEST(MqttBusOnMosquitto, LeavesWithTheBrokerWhatFindsNoRoomAndBringsItInOrderLater) {
  test::Broker broker;
  constexpr std::size_t messages = 500;
  Room room;
  BusDeadlines deadlines;
  deadlines.hold_ms = 3'600'000;
  Client held{
      broker.url(), "orchestrator", {"abide/v1/demo/from/+/status"}, [&](BusSettings& settings) { settings.room = room.ask(); }, deadlines};
  ASSERT_TRUE(held.wait_count<BusConnected>(1));
  room.give(100);
  // Another process: while one client of this one is held, Paho lets no other speak.
  const test::TemporaryDirectory directory;
  std::vector<std::string> expected;
  std::ofstream lines(directory / "lines");
  for (std::size_t i = 0; i < messages; ++i) {
    expected.push_back(std::to_string(i));
    lines << expected.back() << '\n';
  }
  lines.close();
  auto speaker = test::Child::start({"sh", "-c", "exec mosquitto_pub -h 127.0.0.1 -p \"$1\" -u \"$2\" -t \"$3\" -q 1 -l < \"$4\"", "sh",
                                     std::to_string(broker.port()), node_1, from(node_1, "status"), directory / "lines"},
                                    "", "");
  ASSERT_EQ(speaker.wait(patience), 0) << "the broker has them";
  ASSERT_TRUE(held.wait_count<BusReceived>(100));
  EXPECT_EQ(held.count<BusReceived>(), 100U);
  room.give(messages);
  ASSERT_TRUE(held.wait_count<BusReceived>(messages));
  EXPECT_EQ(held.payloads(), expected);
}

TEST(MqttBusOnMosquitto, BringsAMessageWithoutRoomAfterABoundedTime) {
  test::Broker broker;
  Room room;
  BusDeadlines deadlines;
  deadlines.hold_ms = 1;
  Client held{
      broker.url(), "orchestrator", {"abide/v1/demo/from/+/status"}, [&](BusSettings& settings) { settings.room = room.ask(); }, deadlines};
  auto node_side = node(broker, node_1);
  ASSERT_TRUE(held.wait_count<BusConnected>(1));
  ASSERT_TRUE(node_side.wait_count<BusConnected>(1));
  ASSERT_TRUE(node_side.bus().publish({from(node_1, "status"), "x", 1, false}));
  EXPECT_TRUE(held.wait_message(from(node_1, "status"), "x"));
}

TEST(MqttBusOnMosquitto, StopsWhileAMessageWaitsForRoom) {
  test::Broker broker;
  Room room;
  BusDeadlines deadlines;
  deadlines.hold_ms = 3'600'000;
  std::atomic<bool> asked{false};
  Client held{broker.url(),
              "orchestrator",
              {"abide/v1/demo/from/+/status"},
              [&](BusSettings& settings) {
                settings.room = [&asked, ask = room.ask()](std::chrono::milliseconds at_most) {
                  asked = true;
                  return ask(at_most);
                };
              },
              deadlines};
  auto node_side = node(broker, node_1);
  ASSERT_TRUE(held.wait_count<BusConnected>(1));
  ASSERT_TRUE(node_side.wait_count<BusConnected>(1));
  ASSERT_TRUE(node_side.bus().publish({from(node_1, "status"), "x", 1, false}));
  for (const auto until = std::chrono::steady_clock::now() + patience; !asked && std::chrono::steady_clock::now() < until;)
    std::this_thread::yield();
  ASSERT_TRUE(asked);
  held.bus().stop();
  EXPECT_EQ(held.count<BusDisconnected>(), 1U);
  EXPECT_EQ(held.count<BusReceived>(), 0U);
}

TEST(MqttBusOnMosquitto, DeliversTenThousandMessagesInOrder) {
  test::Broker broker;
  constexpr std::size_t messages = 10'000;
  auto orchestrator_side = orchestrator(broker, [](BusSettings& settings) { settings.queue_max = messages; });
  auto node_side = node(broker, node_1);
  ASSERT_TRUE(node_side.wait_count<BusConnected>(1));
  ASSERT_TRUE(orchestrator_side.wait_count<BusConnected>(1));
  for (std::size_t i = 0; i < messages; ++i)
    ASSERT_TRUE(orchestrator_side.bus().publish({to(node_1, "policy"), std::to_string(i), 1, false}));
  ASSERT_TRUE(node_side.wait_count<BusReceived>(messages));
  ASSERT_TRUE(orchestrator_side.wait_count<BusPublished>(messages));
  const auto payloads = node_side.payloads();
  for (std::size_t i = 0; i < messages; ++i) ASSERT_EQ(payloads[i], std::to_string(i));
  const auto events = orchestrator_side.events();
  std::uint64_t before = 0;
  for (const auto& event : events) {
    if (const auto* published = std::get_if<BusPublished>(&event)) {
      ASSERT_GT(published->ticket, before);
      before = published->ticket;
    }
  }
}

TEST(MqttBusOnMosquitto, GivesNobodyWhatANodeSaysAboveItsAllowance) {
  test::Broker broker;
  constexpr std::size_t at_once = 512, a_second = 1'000;  // of broker-config/mosquitto.conf
  constexpr std::size_t messages = 10'000;
  auto orchestrator_side = orchestrator(broker);
  ASSERT_TRUE(orchestrator_side.wait_count<BusConnected>(1));
  const auto began = std::chrono::steady_clock::now();
  // In two connections: the second has what the first has left of the allowance.
  for (int connection = 0; connection < 2; ++connection) {
    auto loud = node(broker, node_1, [](BusSettings& settings) { settings.queue_max = messages; });
    ASSERT_TRUE(loud.wait_count<BusConnected>(1));
    for (std::size_t i = 0; i < messages; ++i) ASSERT_TRUE(loud.bus().publish({from(node_1, "status"), "loud", 1, false}));
    ASSERT_TRUE(loud.wait_count<BusPublished>(messages));
    EXPECT_EQ(loud.count<BusDisconnected>(), 0U);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  auto quiet = node(broker, node_2);
  ASSERT_TRUE(quiet.wait_count<BusConnected>(1));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(quiet.bus().publish({from(node_2, "status"), "quiet " + std::to_string(i), 1, false}));
  // In one line behind what was let through of the other.
  ASSERT_TRUE(orchestrator_side.wait_message(from(node_2, "status"), "quiet 19"));
  const auto payloads = orchestrator_side.payloads();
  const auto loud = static_cast<std::size_t>(std::count(payloads.begin(), payloads.end(), "loud"));
  EXPECT_EQ(payloads.size() - loud, 20U);
  EXPECT_GE(loud, at_once);
  EXPECT_LE(static_cast<double>(loud), at_once + 1 + a_second * (took.count() + 0.1));
  EXPECT_NE(broker.log().find("abide limits: client " + node_1 + " says more than it may"), std::string::npos) << broker.log();
  EXPECT_EQ(broker.log().find("abide limits: client " + node_2), std::string::npos);
}

TEST(MqttBusOnMosquitto, LetsAWholeFleetWaitToBeAccepted) {
  test::Broker broker;
  auto first = node(broker, node_1);
  ASSERT_TRUE(first.wait_count<BusConnected>(1));
  broker.suspend();  // it accepts nobody: whoever is connected waits in the kernel
  std::vector<pollfd> sockets(1'000);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(broker.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (auto& one : sockets) {
    one = {::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), POLLOUT, 0};
    ::connect(one.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  std::size_t connected = 0;
  for (auto& one : sockets) {
    int error = 0;
    socklen_t size = sizeof error;
    if (::poll(&one, 1, 1'000) != 1) break;  // with one that is kept out, so are all behind it
    if (::getsockopt(one.fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0) ++connected;
  }
  EXPECT_EQ(connected, sockets.size());
  for (const auto& one : sockets) ::close(one.fd);
  broker.resume();
}

TEST(MqttBusOnMosquitto, TakesABrokerForDeadThatAcknowledgesNothing) {
  test::Broker broker;
  BusDeadlines deadlines;
  deadlines.acknowledge_ms = 500;
  deadlines.connect_ms = 3'000;
  Client node_side(broker.url(), node_1, {roll_call}, {}, deadlines);
  ASSERT_TRUE(node_side.wait_count<BusConnected>(1));
  broker.suspend();
  ASSERT_TRUE(node_side.bus().publish({from(node_1, "status"), "x", 1, false}));
  EXPECT_TRUE(node_side.wait_count<BusDisconnected>(1));
  broker.resume();
  EXPECT_TRUE(node_side.wait_count<BusConnected>(2));
}

TEST(MqttBusOnMosquitto, StopsInBoundedTimeWhateverTheBrokerDoes) {
  struct Row {
    std::string_view broker_is;
    void (*prepare)(test::Broker&);
  };
  for (const auto& row : {Row{"well", [](test::Broker&) {}}, Row{"silent", [](test::Broker& broker) { broker.suspend(); }},
                          Row{"away", [](test::Broker& broker) { broker.stop(); }}}) {
    test::Broker broker;
    auto node_side = node(broker, node_1);
    ASSERT_TRUE(node_side.wait_count<BusConnected>(1));
    row.prepare(broker);
    (void)node_side.bus().publish({from(node_1, "status"), "x", 1, false});
    const auto began = std::chrono::steady_clock::now();
    node_side.bus().stop();
    EXPECT_LT(std::chrono::steady_clock::now() - began, 6s) << row.broker_is;
    const auto heard = node_side.events().size();
    broker.resume();
    EXPECT_EQ(node_side.events().size(), heard) << "nothing is heard after stop";
  }
}

TEST(MqttBusOnMosquitto, SurvivesClientsThatComeAndGoAllTheTime) {
  // Paho's threads and locks are shared by all clients of a process: this is where it would hang.
  test::Broker broker;
  auto orchestrator_side = orchestrator(broker);
  ASSERT_TRUE(orchestrator_side.wait_count<BusConnected>(1));
  std::vector<std::thread> threads;
  std::atomic<int> done = 0;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10; ++round) {
        auto client = node(broker, node_1);
        if (!client.wait_count<BusConnected>(1)) return;
        for (int i = 0; i < 20; ++i) (void)client.bus().publish({from(node_1, "status"), "x", 1, false});
        if (round % 2 == 0) (void)client.wait_count<BusPublished>(20);
      }
      ++done;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(done, 4);
}

}  // namespace
}  // namespace abide
