// Any bytes as what a broker sends.
#include "simulators/node-fleet/mqtt_packets.hpp"
#include "tests/fuzz/require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace abide;
  namespace mqtt = node_fleet::mqtt;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  while (true) {
    const auto taken = mqtt::next_packet(bytes);
    if (!taken || !*taken) return 0;
    const auto& [packet, used] = **taken;
    fuzz::require(used >= 2 && used <= bytes.size(), "a packet is within its bytes");
    fuzz::require(!*mqtt::next_packet(bytes.substr(0, used - 1)), "one byte less is not enough");
    if (const auto* publish = std::get_if<mqtt::Publish>(&packet)) {
      std::string again;
      mqtt::append_publish(again, publish->id, publish->topic, publish->payload, publish->qos, publish->retained);
      const auto same = mqtt::next_packet(again);
      fuzz::require(same && *same && std::get<mqtt::Publish>((*same)->packet).payload == publish->payload, "said again, it is heard again");
    }
    bytes.remove_prefix(used);
  }
}
