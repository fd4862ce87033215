#include "common/bus/memory_bus.hpp"

#include <gtest/gtest.h>

namespace abide {
namespace {

TEST(TopicFilter, MatchesLevelByLevel) {
  struct Row {
    std::string_view filter, topic;
    bool matches;
  };
  for (const auto& row : {Row{"a/b", "a/b", true}, Row{"a/b", "a/c", false}, Row{"a/+", "a/b", true}, Row{"a/+", "a/b/c", false},
                          Row{"a/+", "a", false}, Row{"a/#", "a/b/c", true}, Row{"a/#", "a", true}, Row{"#", "a/b", true},
                          Row{"+/b", "a/b", true}, Row{"+", "a/b", false}, Row{"#", "$SYS/x", false}, Row{"+/x", "$SYS/x", false},
                          Row{"a/+/c", "a//c", true}, Row{"a", "a/b", false}, Row{"a/b", "a", false}, Row{"+/+", "/a", true}})
    EXPECT_EQ(topic_matches(row.filter, row.topic), row.matches) << row.filter << " " << row.topic;
}

// A client that remembers what it was told, in short words.
struct Client {
  Client(MemoryBroker& broker, const std::string& id, std::vector<std::string> filters, std::optional<BusMessage> will = {})
      : bus(broker, make(id, std::move(filters), std::move(will))) {
    EXPECT_TRUE(bus.start([this](BusEvent event) {
      if (std::holds_alternative<BusConnected>(event)) heard.emplace_back("connected");
      if (std::holds_alternative<BusDisconnected>(event)) heard.emplace_back("disconnected");
      if (const auto* received = std::get_if<BusReceived>(&event))
        heard.push_back(received->topic + "=" + received->payload + (received->retained ? " retained" : ""));
      if (const auto* published = std::get_if<BusPublished>(&event)) heard.push_back("published " + std::to_string(published->ticket));
    }));
  }
  static BusSettings make(const std::string& id, std::vector<std::string> filters, std::optional<BusMessage> will) {
    BusSettings settings;
    settings.client_id = id;
    settings.filters = std::move(filters);
    settings.will = std::move(will);
    settings.in_flight_max = 2;
    settings.queue_max = 1;
    return settings;
  }
  std::vector<std::string> heard;
  MemoryBus bus;
};
using Heard = std::vector<std::string>;

TEST(MemoryBroker, GivesAMessageToAllWhoseFilterMatchesAndAcknowledgesIt) {
  MemoryBroker broker;
  Client one(broker, "one", {});
  Client two(broker, "two", {"a/+", "a/#"});
  EXPECT_EQ(one.bus.publish({"a/b", "early"}).error().code, Code::unavailable) << "nobody is connected before the pump";
  broker.pump();
  EXPECT_EQ(one.bus.publish({"a/b", "x"}).value(), 1U);
  EXPECT_EQ(one.bus.publish({"a/b", "y", 0}).value(), 0U) << "QoS 0 has no ticket";
  EXPECT_EQ(one.heard, Heard{"connected"}) << "nothing moves without the pump";
  broker.pump();
  EXPECT_EQ(one.heard, (Heard{"connected", "published 1"}));
  EXPECT_EQ(two.heard, (Heard{"connected", "a/b=x", "a/b=y"})) << "once each, though two filters match";
}

TEST(MemoryBroker, KeepsRetainedMessagesForWhoComesLaterAndAnEmptyOneClears) {
  MemoryBroker broker;
  Client one(broker, "one", {});
  broker.pump();
  ASSERT_TRUE(one.bus.publish({"a", "1", 1, true}));
  ASSERT_TRUE(one.bus.publish({"b", "2", 1, true}));
  broker.pump();
  ASSERT_TRUE(one.bus.publish({"b", "", 1, true}));
  broker.pump();
  Client late(broker, "late", {"#"});
  broker.pump();
  EXPECT_EQ(late.heard, (Heard{"connected", "a=1 retained"}));
}

TEST(MemoryBroker, PublishesTheWillOfAClientThatIsCutAndNotOfOneThatStops) {
  MemoryBroker broker;
  Client watcher(broker, "watcher", {"will/+"});
  Client cut(broker, "cut", {}, BusMessage{"will/cut", "gone", 1, true});
  {
    Client stopped(broker, "stopped", {}, BusMessage{"will/stopped", "gone", 1, true});
    broker.pump();
  }
  broker.cut(cut.bus);
  broker.pump();
  EXPECT_EQ(watcher.heard, (Heard{"connected", "will/cut=gone"}));
  EXPECT_EQ(cut.heard, (Heard{"connected", "disconnected"}));
  broker.allow(cut.bus);
  broker.pump();
  EXPECT_EQ(cut.heard.back(), "connected");
}

TEST(MemoryBroker, LosesWhatWasUnderWayWhenAConnectionEnds) {
  MemoryBroker broker;
  Client one(broker, "one", {});
  Client two(broker, "two", {"a"});
  broker.pump();
  ASSERT_TRUE(one.bus.publish({"a", "x", 1, true}));
  broker.stop(true);
  broker.start();
  broker.pump();
  EXPECT_EQ(one.heard, (Heard{"connected", "disconnected", "connected"})) << "no acknowledgement";
  EXPECT_EQ(two.heard, (Heard{"connected", "disconnected", "connected"})) << "and the retained one is forgotten";
}

TEST(MemoryBroker, SwallowsWhatItIsToldTo) {
  MemoryBroker broker;
  Client one(broker, "one", {"a"});
  broker.pump();
  broker.swallow("a", 1);
  ASSERT_TRUE(one.bus.publish({"a", "lost"}));
  ASSERT_TRUE(one.bus.publish({"a", "found"}));
  broker.pump();
  EXPECT_EQ(one.heard, (Heard{"connected", "published 1", "a=found", "published 2"}));
}

TEST(MemoryBus, RefusesWhatGoesBeyondItsQueue) {
  MemoryBroker broker;
  Client one(broker, "one", {});
  broker.pump();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(one.bus.publish({"a", "x"}));
  EXPECT_EQ(one.bus.publish({"a", "x"}).error().code, Code::unavailable);
  broker.pump();
  EXPECT_TRUE(one.bus.publish({"a", "x"}));
}

}  // namespace
}  // namespace abide
