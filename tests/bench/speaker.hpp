#pragma once
// A node's side of its journal: what benches let nodes say.
#include <cstdint>
#include <string>
#include <utility>

#include "common/core/hash.hpp"
#include "common/events/codec.hpp"
#include "common/events/topics.hpp"

namespace abide::bench {

struct Speaker {
  NodeId id;
  std::string topic;
  JournalId journal;
  std::uint64_t sequence = 0;
  Chain chain;
};

// The n-th node of a project.
inline Speaker speaker_of(const std::string& project, std::size_t n) {
  Speaker speaker;
  speaker.id.bytes[0] = 0xAB;  // not all zero
  for (std::size_t byte = 0; byte < 4; ++byte) speaker.id.bytes[15 - byte] = static_cast<std::uint8_t>(n >> (8 * byte));
  speaker.topic = topics::from_node(project, speaker.id, topics::FromNode::status);
  speaker.journal = JournalId{n + 1};
  speaker.chain = chain_start(speaker.journal);
  return speaker;
}

inline std::size_t number_of(const NodeId& id) {
  std::size_t n = 0;
  for (std::size_t byte = 0; byte < 4; ++byte) n |= static_cast<std::size_t>(id.bytes[15 - byte]) << (8 * byte);
  return n;
}

inline Hello hello_of(const Speaker& speaker, LifeId life, std::string profile) {
  Hello hello;
  hello.life = life;
  hello.ask = 1;
  hello.nonce = Nonce{speaker.journal.value};
  hello.base_chain = speaker.chain;
  hello.boot = BootId{"9b0d5cd4-8cf7-4dd4-a3d1-0e0f6f6ac8a1"};
  hello.identity = {std::move(profile), "3.0.20260602.2200", "x86_64", sha256("image"), "0.1.0"};
  return hello;
}

// Phases as a node goes through them, without an end.
inline NodeEvent next_event(const Speaker& speaker) {
  switch (speaker.sequence % 4) {
    case 0:
      return ImageStaged{{}, Slot::b, sha256("image"), 1'500'000'000, 90'000, false};
    case 1:
      return SwitchBegan{};
    case 2:
      return SwitchWithdrawn{{}, "the window has closed"};
    default:
      return SwitchCleared{{}, "the window has closed"};
  }
}

// What it puts on its topic.
inline std::string said_by(Speaker& speaker, Payload payload, bool is_event) {
  Envelope envelope;
  envelope.journal = speaker.journal;
  envelope.session = SessionId{88};
  envelope.at_ms = 1'795'867'200'000;
  envelope.clock_trusted = true;
  envelope.payload = std::move(payload);
  if (is_event) {
    envelope.sequence = ++speaker.sequence;
    envelope.after = speaker.chain;
  }
  std::string bytes = encode(envelope);
  if (is_event) speaker.chain = chain_after(speaker.chain, bytes);
  return bytes;
}

}  // namespace abide::bench
