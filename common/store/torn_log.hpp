#pragma once
// What a power cut in the midst of a commit leaves at the end of RocksDB's write-ahead log. The commit's bytes reach the disk in
// any order: where a later block is there and an earlier one is not, RocksDB sees a checksum that does not fit, and can only be
// told to take every damage for an error or none. Here is told which it is: there is never more than one commit that is not
// flushed, so a torn one has no other behind it.
#include <string>
#include <string_view>

namespace abide {

enum class LogEnd {
  whole,    // no damage; the last record may be cut short
  torn,     // damage, and behind it nothing that begins a commit
  damaged,  // damage in the midst: what was committed would be lost
};

// Of the bytes of one log.
LogEnd end_of_log(std::string_view bytes);

// Of a store's directory: are all its logs whole, but for the last with anything in it, which is torn? False also where it cannot
// be read.
bool ends_in_a_torn_commit(const std::string& dir);

}  // namespace abide
