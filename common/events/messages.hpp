#pragma once
// What is said on the bus and is not history: sequence 0, never journaled.
#include <cstdint>
#include <optional>
#include <string>

#include "common/core/ids.hpp"
#include "common/events/document.hpp"
#include "common/events/node_events.hpp"

namespace abide {

struct RollCall {  // orchestrator -> all: a new life
  LifeId life;
  std::int64_t spread_ms = 0;  // say hello within this, at random
  std::uint64_t epoch = 0;
  friend bool operator==(const RollCall&, const RollCall&) = default;
};

struct Held {  // the newest document that a node holds
  Number number;
  Digest digest;
  Digest tag;
  friend bool operator==(const Held&, const Held&) = default;
};

struct Hello {  // node -> orchestrator. Journal and session are in the envelope
  LifeId life;             // of the roll call answered; none before any
  std::uint32_t ask = 0;   // the newest asking heard in that life
  Nonce nonce;
  std::uint64_t base = 0;  // last sequence that the node no longer has
  Chain base_chain;
  std::uint64_t last = 0;
  Held held;
  // the state after `last`
  Number offer;            // the open one, else none
  Phase phase = Phase::idle;
  Outcome outcome;         // the newest
  Slot slot = Slot::a;
  BootId boot;
  Identity identity;
  friend bool operator==(const Hello&, const Hello&) = default;
};

struct Welcome {
  Nonce nonce;             // of the hello answered
  Number head;             // number of this node's newest document
  std::int64_t now_ms = 0; // the orchestrator's wall clock
  friend bool operator==(const Welcome&, const Welcome&) = default;
};

struct Received {  // orchestrator -> node: everything up to `upto` of the node's current journal is safe
  LifeId life;
  std::uint32_t ask = 0;
  JournalId journal;       // current one of the node; none: unknown
  std::uint64_t upto = 0;
  Chain chain;             // chain(upto)
  std::optional<Welcome> welcome;
  friend bool operator==(const Received&, const Received&) = default;
};

struct Progress {  // node -> people, QoS 0
  Number offer;
  Phase phase = Phase::idle;
  std::uint32_t percent = 0;         // 0 to 100
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;
  std::uint64_t bytes_per_second = 0;
  friend bool operator==(const Progress&, const Progress&) = default;
};

struct Presence {  // a hint; the session is in the envelope
  bool online = false;
  friend bool operator==(const Presence&, const Presence&) = default;
};

struct ProfileDiscovered {  // for people and tools: the newest image of a profile
  std::string profile_name;
  std::string os_image_id;
  std::string os_resource_id;
  std::string architecture;
  Artifact artifact;
  std::string manifest;
  friend bool operator==(const ProfileDiscovered&, const ProfileDiscovered&) = default;
};

}  // namespace abide
