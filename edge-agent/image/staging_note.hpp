#pragma once
// How far a download has come, so that the next start of the agent goes on from there. Only a hint: what the slot holds
// is read again, and the digest decides.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/ids.hpp"
#include "common/core/result.hpp"

namespace abide::agent {

struct StagingNote {
  Digest artifact;
  Slot slot = Slot::b;
  std::uint64_t flushed = 0;  // bytes of the image that are safe in the slot
  std::string url;            // that they came from
  std::string validator;      // of that file there: ETag or date; may be empty

  friend bool operator==(const StagingNote&, const StagingNote&) = default;
};

std::string format_note(const StagingNote& note);
std::optional<StagingNote> parse_note(std::string_view text);  // nothing: not such a note

std::optional<StagingNote> read_note(const std::string& folder);
Result<void> write_note(const std::string& folder, const StagingNote& note);
void remove_note(const std::string& folder);

}  // namespace abide::agent
