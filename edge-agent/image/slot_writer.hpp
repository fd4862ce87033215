#pragma once
// The spare slot as a stream: bytes go in at one end, hashed as they come, through one fixed buffer. One thread.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "common/core/hash.hpp"
#include "common/core/ids.hpp"
#include "common/events/node_events.hpp"

namespace abide::agent {

struct StageFailure {
  Reason reason = Reason::write_failed;
  std::string detail;
};
using MaybeFailure = std::optional<StageFailure>;  // nothing: it is done

class SlotWriter {
 public:
  SlotWriter();
  ~SlotWriter();
  SlotWriter(const SlotWriter&) = delete;
  SlotWriter& operator=(const SlotWriter&) = delete;

  // The slot must exist; it is never made, lengthened or shortened here. Held against other writers until destroyed.
  [[nodiscard]] MaybeFailure open(const std::string& path);
  [[nodiscard]] std::uint64_t slot_bytes() const { return slot_bytes_; }

  // From here on, bytes are the image's from its first one.
  void restart();
  // The first `bytes` of the slot count as written: they are read again to rebuild the hash. False: cannot be read.
  [[nodiscard]] bool resume(std::uint64_t bytes);

  [[nodiscard]] MaybeFailure append(std::span<const std::byte> bytes);
  // Everything appended is on the disk, and no longer in the page cache.
  [[nodiscard]] MaybeFailure flush();
  [[nodiscard]] std::uint64_t position() const { return written_ + buffered_; }  // bytes appended
  [[nodiscard]] std::uint64_t flushed() const { return flushed_; }               // of these, safe on the disk
  [[nodiscard]] Digest digest();  // of all bytes appended; restart or resume before more is appended

 private:
  static constexpr std::size_t buffer_bytes = std::size_t{1} << 20;

  [[nodiscard]] MaybeFailure write_buffer();

  std::string path_;
  int file_ = -1;
  std::uint64_t slot_bytes_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t flushed_ = 0;
  std::size_t buffered_ = 0;
  std::unique_ptr<std::byte[]> buffer_;
  Sha256 hash_;
};

}  // namespace abide::agent
