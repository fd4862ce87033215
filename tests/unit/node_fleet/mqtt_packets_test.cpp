#include "simulators/node-fleet/mqtt_packets.hpp"

#include <gtest/gtest.h>

namespace abide::node_fleet::mqtt {
namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

TEST(FleetMqtt, SaysWhatTheSpecificationHas) {
  std::string out;
  append_connect(out, "c", "u", std::nullopt, 60);
  EXPECT_EQ(out, bytes({0x10, 16, 0, 4, 'M', 'Q', 'T', 'T', 4, 0x82, 0, 60, 0, 1, 'c', 0, 1, 'u'}));
  out.clear();
  append_connect(out, "c", "", BusMessage{"w", "xy", 1, true}, 1);
  EXPECT_EQ(out, bytes({0x10, 20, 0, 4, 'M', 'Q', 'T', 'T', 4, 0x2E, 0, 1, 0, 1, 'c', 0, 1, 'w', 0, 2, 'x', 'y'}));
  out.clear();
  append_subscribe(out, 0x0102, {"a", "bc"});
  EXPECT_EQ(out, bytes({0x82, 11, 1, 2, 0, 1, 'a', 1, 0, 2, 'b', 'c', 1}));
  out.clear();
  append_publish(out, 7, "t", "p", 1, true);
  append_publish(out, 9, "t", "p", 0, false);
  append_puback(out, 258);
  append_pingreq(out);
  append_disconnect(out);
  EXPECT_EQ(out, bytes({0x33, 6, 0, 1, 't', 0, 7, 'p', 0x30, 4, 0, 1, 't', 'p', 0x40, 2, 1, 2, 0xC0, 0, 0xE0, 0}));
}

TEST(FleetMqtt, HearsItsOwnPublishAtAnySizeAndOnlyOnceItIsWhole) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{120}, std::size_t{127}, std::size_t{128}, std::size_t{16'384}, std::size_t{1} << 20U}) {
    std::string out;
    append_publish(out, 513, "topic/of", std::string(size, 'x'), 1, true);
    for (const auto part : {std::size_t{0}, std::size_t{1}, std::size_t{2}, out.size() - 1}) {
      const auto less = next_packet(std::string_view(out).substr(0, part));
      ASSERT_TRUE(less);
      EXPECT_FALSE(*less) << size << " " << part;
    }
    const std::string both = out + "more";
    const auto taken = next_packet(both);
    ASSERT_TRUE(taken && *taken);
    EXPECT_EQ((*taken)->bytes, out.size());
    const auto& publish = std::get<Publish>((*taken)->packet);
    EXPECT_EQ(publish.topic, "topic/of");
    EXPECT_EQ(publish.payload.size(), size);
    EXPECT_EQ(publish.id, 513);
    EXPECT_EQ(publish.qos, 1);
    EXPECT_TRUE(publish.retained);
  }
}

TEST(FleetMqtt, TakesTheAnswersOfABroker) {
  const auto packet = [](const std::string& text) {
    auto taken = next_packet(text);
    return (**taken).packet;
  };
  EXPECT_EQ(std::get<Connack>(packet(bytes({0x20, 2, 0, 5}))).code, 5);
  EXPECT_TRUE(std::get<Suback>(packet(bytes({0x90, 4, 0, 9, 1, 0}))).granted);
  EXPECT_FALSE(std::get<Suback>(packet(bytes({0x90, 4, 0, 9, 1, 0x80}))).granted);
  EXPECT_EQ(std::get<Puback>(packet(bytes({0x40, 2, 1, 2}))).id, 258);
  EXPECT_TRUE(std::holds_alternative<Pingresp>(packet(bytes({0xD0, 0}))));
}

TEST(FleetMqtt, RefusesWhatNoBrokerSaysToAClientAtQosOne) {
  const std::string table[] = {
      bytes({0x20, 1, 0}),                       // CONNACK too short
      bytes({0x20, 3, 0, 0, 0}),                 // and too long
      bytes({0x21, 2, 0, 0}),                    // wrong flags
      bytes({0x90, 2, 0, 1}),                    // SUBACK without codes
      bytes({0x34, 5, 0, 1, 't', 0, 1}),         // PUBLISH of QoS 2
      bytes({0x32, 3, 0, 1, 't'}),               // QoS 1 without id
      bytes({0x32, 5, 0, 1, 't', 0, 0}),         // id 0
      bytes({0x30, 3, 0, 9, 't'}),               // topic beyond the end
      bytes({0x30, 2, 0, 0}),                    // empty topic
      bytes({0x30, 1, 0}),                       // no topic
      bytes({0x10, 0}),                          // CONNECT is ours to say
      bytes({0x00, 0}),                          // no such kind
      bytes({0x30, 0xFF, 0xFF, 0xFF, 0xFF, 1}),  // length of five bytes
      bytes({0x30, 0xFF, 0xFF, 0xFF, 0x7F}),     // a packet of 256 MiB
  };
  for (const auto& text : table) {
    const auto taken = next_packet(text);
    ASSERT_FALSE(taken) << static_cast<int>(text[0]) << " " << text.size();
    EXPECT_EQ(taken.error().code, Code::corrupt);
  }
}

}  // namespace
}  // namespace abide::node_fleet::mqtt
