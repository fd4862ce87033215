#include "edge-agent/translate.hpp"

#include <algorithm>

#include "common/core/hash.hpp"
#include "common/events/codec.hpp"
#include "common/events/topics.hpp"
#include "common/release/manifest.hpp"

namespace abide::agent {

namespace {

Fault fault(Reason reason, std::string detail) {
  if (detail.size() > detail_bytes_max) detail.resize(detail_bytes_max);
  return {reason, std::move(detail)};
}

template <class Message>
Result<Envelope> envelope_with(const BusReceived& message) {
  auto envelope = decode(message.payload);
  if (!envelope) return fail(envelope.error());
  if (!std::holds_alternative<Message>(envelope->payload))
    return fail(Code::invalid_input, "another kind of message belongs on this topic");
  return envelope;
}

Cause cause_of(const Envelope& envelope) {
  if (envelope.sequence != 0) return {envelope.journal, envelope.sequence, ""};
  return envelope.cause;
}

Result<Translated> roll_call(const BusReceived& message) {
  auto envelope = envelope_with<RollCall>(message);
  if (!envelope) return fail(envelope.error());
  const auto& call = std::get<RollCall>(envelope->payload);
  if (!call.life) return fail(Code::invalid_input, "a roll call without a life");
  return Translated{node::RollCallHeard{call}, cause_of(*envelope)};
}

Result<Translated> received(const BusReceived& message) {
  auto envelope = envelope_with<Received>(message);
  if (!envelope) return fail(envelope.error());
  return Translated{node::ReceivedHeard{std::get<Received>(envelope->payload), std::nullopt}, cause_of(*envelope)};
}

Result<Translated> document(const BusReceived& message) {
  auto envelope = envelope_with<Document>(message);
  if (!envelope) return fail(envelope.error());
  auto& document = std::get<Document>(envelope->payload);
  if (!document.number) return fail(Code::invalid_input, "a document without a number");
  auto body = decode_body(document.body);
  if (!body) return fail(body.error().in("document " + to_string(document.number)));
  node::DocumentHeard heard;
  heard.number = document.number;
  heard.digest = sha256(document.body);
  heard.tag = document.tag;
  auto judged = judge_manifest(*body);
  heard.fault = judged.reason;
  heard.fault_detail = std::move(judged.detail);
  heard.link = std::move(body->link);
  heard.window = std::move(body->window);
  heard.body = std::move(document.body);
  return Translated{std::move(heard), cause_of(*envelope)};
}

}  // namespace

Fault judge_manifest(const DocumentBody& body) {
  if (!body.link || body.link->aborted) return {};
  const auto& release = body.link->release;
  if (std::any_of(release.urls.begin(), release.urls.end(), [](const auto& url) { return is_compressed_image(url); }))
    return fault(Reason::unsupported_image, "compressed images are not supported");
  // An OS resource that was made by hand has no manifest; its digests come with the document.
  if (body.manifest.empty() && !release.manifest) return {};
  if (sha256(body.manifest) != release.manifest)
    return fault(Reason::manifest_mismatch,
                 "the manifest's digest is " + to_hex(sha256(body.manifest)) + ", the document says " + to_hex(release.manifest));
  auto manifest = parse_manifest(body.manifest);
  if (!manifest) return fault(Reason::manifest_mismatch, manifest.error().message);
  if (is_compressed_image(manifest->image_url)) return fault(Reason::unsupported_image, "compressed images are not supported");
  if (auto same = check_release(release, *manifest); !same) return fault(Reason::manifest_mismatch, same.error().message);
  return {};
}

Result<Translated> translate(const BusReceived& message, const Addressed& self) {
  auto topic = topics::parse(message.topic);
  if (!topic) return fail(topic.error());
  if (const auto* call = std::get_if<topics::RollCallTopic>(&*topic); call != nullptr && call->project == self.project)
    return roll_call(message);
  if (const auto* answer = std::get_if<topics::ReceivedTopic>(&*topic);
      answer != nullptr && answer->project == self.project && answer->node == self.node)
    return received(message);
  if (const auto* state = std::get_if<topics::DocumentTopicOf>(&*topic);
      state != nullptr && state->project == self.project && state->node == self.node)
    return document(message);
  return fail(Code::invalid_input, "not for this node");
}

}  // namespace abide::agent
