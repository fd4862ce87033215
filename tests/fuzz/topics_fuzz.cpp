// Any bytes as a topic, as a level and as a name.
#include <type_traits>
#include <variant>

#include "common/events/topics.hpp"
#include "tests/fuzz/require.hpp"

namespace {

std::string made_from(const abide::topics::Parsed& parsed) {
  using namespace abide::topics;
  return std::visit(
      []<class T>(const T& topic) {
        if constexpr (std::is_same_v<T, RollCallTopic>)
          return roll_call(topic.project);
        else if constexpr (std::is_same_v<T, ProfileTopic>)
          return profile_discovered(topic.project, topic.profile);
        else if constexpr (std::is_same_v<T, DocumentTopicOf>)
          return document(topic.project, topic.node, topic.topic);
        else if constexpr (std::is_same_v<T, ReceivedTopic>)
          return received(topic.project, topic.node);
        else
          return from_node(topic.project, topic.node, topic.what);
      },
      parsed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace abide;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto parsed = topics::parse(bytes)) fuzz::require(made_from(*parsed) == bytes, "a topic has one spelling");
  if (const auto name = topics::unescape(bytes)) fuzz::require(topics::escape(*name) == bytes, "a level has one spelling");
  if (!bytes.empty() && bytes.size() <= profile_name_bytes_max) {
    const auto back = topics::unescape(topics::escape(bytes));
    fuzz::require(back && *back == bytes, "every name goes there and back");
  }
  return 0;
}
