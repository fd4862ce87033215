#include "orchestrator/translate.hpp"

#include <utility>

#include "common/core/hash.hpp"
#include "common/events/codec.hpp"
#include "common/events/topics.hpp"

namespace abide::orchestrator {

std::optional<Translated> translate_status(const NodeId& node, Envelope envelope, std::string bytes) {
  if (auto* hello = std::get_if<Hello>(&envelope.payload))
    return Translated{fleet::HelloHeard{node, envelope.journal, envelope.session, std::move(*hello)}, {}};
  auto* event = std::get_if<NodeEvent>(&envelope.payload);
  if (event == nullptr || envelope.sequence == 0 || !envelope.journal) return std::nullopt;
  fleet::NodeEventHeard heard;
  heard.node = node;
  heard.journal = envelope.journal;
  heard.sequence = envelope.sequence;
  heard.after = envelope.after;
  heard.chain = chain_after(envelope.after, bytes);
  heard.session = envelope.session;
  heard.at_ms = envelope.at_ms;
  heard.clock_trusted = envelope.clock_trusted;
  heard.envelope = std::move(bytes);
  heard.event = std::move(*event);
  Cause cause{heard.journal, heard.sequence, {}};
  return Translated{std::move(heard), std::move(cause)};
}

std::optional<BusMessage> bus_message(const Speaker& speaker, const fleet::Settings& settings, const fleet::State& state,
                                      const fleet::Link& link, const fleet::Message& message, const Now& now) {
  const auto written = [&](Payload payload) {
    Envelope envelope;
    envelope.life = link.life;
    envelope.session = speaker.session;
    envelope.at_ms = now.wall_ms;
    envelope.clock_trusted = now.trusted;
    envelope.payload = std::move(payload);
    return encode(envelope);
  };
  const auto& project = speaker.project;
  if (std::holds_alternative<fleet::CallRoll>(message))
    return BusMessage{topics::roll_call(project), written(fleet::make_roll_call(settings, state, link)), 1, true};
  if (const auto* received = std::get_if<fleet::SendReceived>(&message))
    return BusMessage{topics::received(project, received->node),
                      written(fleet::make_received(state, link, received->node, received->welcome, now)), 1, false};
  if (const auto* document = std::get_if<fleet::PublishDocument>(&message)) {
    const auto node = state.nodes.find(document->node);
    if (node == state.nodes.end()) return std::nullopt;
    const auto& newest = node->second.newest;
    return BusMessage{topics::document(project, document->node, newest.topic), written(newest.document), 1, true};
  }
  if (const auto* clear = std::get_if<fleet::ClearDocument>(&message))
    return BusMessage{topics::document(project, clear->node, clear->topic), {}, 1, true};
  if (const auto* announced = std::get_if<fleet::AnnounceProfile>(&message)) {
    const auto found = state.os_resources.find(announced->os_resource_id);
    if (found == state.os_resources.end()) return std::nullopt;
    const auto& resource = found->second.value;
    return BusMessage{topics::profile_discovered(project, resource.profile_name),
                      written(ProfileDiscovered{resource.profile_name, resource.image_id, resource.id, resource.architecture,
                                                resource.artifact, resource.manifest}),
                      1, true};
  }
  return std::nullopt;
}

}  // namespace abide::orchestrator
