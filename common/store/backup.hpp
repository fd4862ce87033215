#pragma once
// Backups of a store in a directory of their own: every one whole, those after the first only what was new. An interrupted one
// is none: it is listed when all of it is flushed, not before. docs/decisions has why it is done so.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/core/result.hpp"

namespace abide {

struct Backup {
  std::uint32_t number = 0;  // 1, 2, ...
  std::int64_t made_ms = 0;  // to the second
  std::uint64_t bytes = 0;   // of all of it; much of that is shared with the ones before
  std::string about;         // as add_backup was told
};

struct AddedBackup {
  Backup backup;
  std::uint64_t bytes_added = 0;  // that the directory has grown by
};

// Another backup in `dir`, from a checkpoint of a store (RocksStore::checkpoint), which is opened for it. Older ones than the
// newest `kept` are then deleted; 0: none is. unavailable: no space; nothing of what is there already is harmed.
Result<AddedBackup> add_backup(const std::string& dir, const std::string& checkpoint, const std::string& about, std::size_t kept);
struct Backups {
  std::vector<Backup> whole;           // the oldest first; their bytes are not looked at
  std::vector<std::uint32_t> damaged;  // once complete, and files of them are gone or of another size
};
// not_found: there is no such directory.
Result<Backups> list_backups(const std::string& dir);
// All of one, every byte checked against its checksum, as a store in `into`, which is made. corrupt: it is damaged.
Result<void> restore_backup(const std::string& dir, std::uint32_t number, const std::string& into);

}  // namespace abide
