#pragma once
// abide-orchestrator backup DIR and abide-orchestrator restore DIR, as commands. A backup directory holds what
// common/store/backup.hpp makes, and a file that says that it does, and of which store.
#include <string>

#include "common/core/result.hpp"

namespace abide::orchestrator {

inline constexpr const char* backup_mark_file = "ABIDE-BACKUP";
inline constexpr std::size_t backups_kept = 7;
inline constexpr std::size_t backups_kept_max = 10'000;

// The exit code; argv[1] is the directory.
int run_backup(int argc, const char* const* argv);
int run_restore(int argc, const char* const* argv);

}  // namespace abide::orchestrator
