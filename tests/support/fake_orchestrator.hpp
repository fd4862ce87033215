#pragma once
// An orchestrator that plays its half of the protocol for one node, with a memory and without rules of its own. And the
// images and releases that tests of the agent use. One thread: whoever calls hear().
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/bus/bus.hpp"
#include "common/core/hash.hpp"
#include "common/events/codec.hpp"
#include "common/events/topics.hpp"
#include "common/release/image_header.hpp"

namespace abide::agent {

inline const std::string project = "demo";
inline const NodeId node_id = *parse_node_id("11111111-2222-3333-4444-555555555555");
inline constexpr std::uint64_t image_bytes = 64 * 1024;
inline constexpr std::int64_t noon_ms = 1'764'000'000'000;

inline std::string make_image(const std::string& version) {
  std::string image = *format_image_header({"microvisor-nonrt", version, "x86_64", image_bytes, "", ""});
  image.resize(image_bytes, version.back());
  return image;
}

inline Release make_release(const std::string& version) {
  const auto image = make_image(version);
  Release release;
  release.os_resource_id = "os-00000001";
  release.profile_name = "microvisor-nonrt";
  release.os_image_id = version;
  release.architecture = "x86_64";
  release.artifact = {sha256(image), image_bytes};
  release.raw = release.artifact;
  release.urls = {"http://127.0.0.1:1/" + version + ".raw"};
  release.policy_id = "osupdatepolicy-00000001";
  return release;
}

// The orchestrator's half, as far as a node can tell.
inline BusSettings orchestrator_settings() {
  BusSettings made;
  made.client_id = "orchestrator";
  made.user_name = "orchestrator";
  made.filters = {"abide/v1/demo/from/+/+"};
  return made;
}

class FakeOrchestrator {
 public:
  explicit FakeOrchestrator(Bus& bus) : bus_(bus) {}
  void call(std::uint64_t life) {
    life_ = LifeId{life};
    ask_ = 1;
    Envelope envelope;
    envelope.life = life_;
    envelope.payload = RollCall{life_, 0, 1};
    publish(topics::roll_call(project), encode(envelope), true);
  }
  void link(const Release& release, std::optional<Window> window, const std::string& manifest = "") {
    number_.epoch = 1;
    ++number_.revision;
    body_ = {};
    body_.link = LinkedRelease{number_, release, false, false, false};
    body_.window = std::move(window);
    body_.manifest = manifest;
    issue();
  }
  void unlink() {
    change([](DocumentBody& body) { body.link.reset(); });
  }
  void abort() {
    change([](DocumentBody& body) { body.link->aborted = true; });
  }
  template <class Change>
  void change(Change change) {
    ++number_.revision;
    change(body_);
    issue();
  }
  void publish(const std::string& topic, std::string bytes, bool retain = false) {
    (void)bus_.publish({topic, std::move(bytes), 1, retain});
  }
  [[nodiscard]] std::string document_bytes() const {
    Envelope envelope;
    envelope.life = life_;
    const auto body = encode_body(body_);
    envelope.payload = Document{number_, document_tag("key", node_id, number_, sha256(body)), body};
    return encode(envelope);
  }

  void hear(const BusReceived& received) {
    auto envelope = decode(received.payload);
    if (!envelope) return;
    heard.push_back(*envelope);
    heard_topics.push_back(received.topic);
    if (received.topic != topics::from_node(project, node_id, topics::FromNode::status)) return;
    if (const auto* hello = std::get_if<Hello>(&envelope->payload)) {
      ++hellos;
      if (silent) return;
      if (envelope->journal != journal) {
        journal = envelope->journal;
        upto = hello->base;
        chain = hello->base_chain;
      }
      if (hello->held.number < number_) issue();
      answer(Welcome{hello->nonce, number_, now_ms});
    } else if (envelope->sequence == upto + 1 && envelope->after == chain && !silent) {
      upto = envelope->sequence;
      chain = chain_after(chain, received.payload);
      events.push_back(std::get<NodeEvent>(envelope->payload));
      answer(std::nullopt);
    }
  }

  bool silent = false;          // answers nothing
  std::vector<Envelope> heard;  // everything on from/+/#, decoded
  std::vector<std::string> heard_topics;
  std::vector<NodeEvent> events;  // of the journal, in sequence, once
  std::size_t hellos = 0;
  std::uint64_t upto = 0;
  Chain chain;
  JournalId journal;
  std::int64_t now_ms = noon_ms;

  template <class Event>
  [[nodiscard]] const Event* find() const {
    for (const auto& event : events)
      if (const auto* found = std::get_if<Event>(&event)) return found;
    return nullptr;
  }

 private:
  void issue() { publish(topics::document(project, node_id, DocumentTopic::policy_linked), document_bytes(), true); }
  void answer(std::optional<Welcome> welcome) {
    Envelope envelope;
    envelope.life = life_;
    envelope.payload = Received{life_, ask_, journal, upto, chain, welcome};
    publish(topics::received(project, node_id), encode(envelope));
  }

  LifeId life_;
  std::uint32_t ask_ = 1;
  Number number_;
  DocumentBody body_;
  Bus& bus_;
};

}  // namespace abide::agent
