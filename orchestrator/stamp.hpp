#pragma once
// Is this state directory the one that this orchestrator wrote last, or did somebody put an older one in its place? A stamp beside
// the store says what the directory was: its inode, when it was made, the device, the machine, the stamp's own inode, and how far
// the journals had come. No copy has the same, and no backup of ours has it at all. Written at every start, every minute in which
// something was committed, and at the end.
#include <optional>
#include <string>

#include "common/core/result.hpp"
#include "common/store/store.hpp"

namespace abide::orchestrator {

inline constexpr std::size_t stamp_bytes_max = 1U << 20U;

// Files of a state directory that are not the store's.
inline constexpr const char* stamp_file = "STAMP";
inline constexpr const char* restored_file =
    "RESTORED";  // a restore put the store here, and no orchestrator has begun on it: says what it is
inline constexpr const char* restoring_file = "RESTORING";  // a restore has begun to put one here, and has not ended

// Which store this is, for ever, its backups included; drawn at the first start. Nothing: no orchestrator has begun on it.
Result<std::optional<std::string>> store_id(const Reader& store);
// Gives the store its id where it has none, and its stamp with it.
Result<void> begin_store(Store& store, const std::string& dir);

// Before the store is opened. corrupt: a restore into the directory was begun and has not ended.
Result<void> check_restore_ended(const std::string& dir);
// Empty: it is the state that was stamped. Else why it is held to be an older one, for people.
Result<std::string> why_restored(const Reader& store, const std::string& dir);
// From now on it is the state to compare with. Only after what why_restored led to is committed.
Result<void> write_stamp(const Reader& store, const std::string& dir);
// The same where the journals have come further than `last` says, which it then raises.
Result<void> stamp_progress(const Reader& store, const std::string& dir, std::string& last);

}  // namespace abide::orchestrator
