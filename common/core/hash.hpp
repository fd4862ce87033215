#pragma once
// SHA-256 and HMAC-SHA-256, over bytes as they are stored or sent. The only file of core that needs OpenSSL.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/core/ids.hpp"

namespace abide {

Digest sha256(std::string_view bytes);
Digest hmac_sha256(std::string_view key, std::string_view bytes);

// SHA-256 of a stream. Not copyable; one thread at a time.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::span<const std::byte> bytes);
  Digest finish();  // resets: the next update begins a new stream

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// chain(n) = first 8 bytes of SHA-256(chain(n-1) as 8 bytes big-endian, length of the event as 8 bytes big-endian,
// event as journaled); chain(0) = the journal's id.
Chain chain_after(Chain before, std::string_view event_bytes);
inline Chain chain_start(JournalId journal) { return Chain{journal.value}; }

// The tag of a document: HMAC-SHA-256(key, node (16 bytes), epoch, revision (8 bytes each, big-endian), body digest).
Digest document_tag(std::string_view key, const NodeId& node, Number number, const Digest& body);

}  // namespace abide
