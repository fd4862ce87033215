#include "common/store/backup.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <rocksdb/db.h>
#include <rocksdb/utilities/backup_engine.h>

#include "common/store/durable_file.hpp"

namespace abide {
namespace {

namespace fs = std::filesystem;

Error error_of(const rocksdb::Status& status, const std::string& doing) {
  Code code = Code::unavailable;
  if (status.IsCorruption() || status.IsNotSupported() || status.IsInvalidArgument()) code = Code::corrupt;
  if (status.IsNotFound()) code = Code::not_found;
  return Error{code, doing + ": " + (status.IsNoSpace() ? "the disk is full: " : "") + status.ToString()};
}

rocksdb::BackupEngineOptions options_for(const std::string& dir) {
  rocksdb::BackupEngineOptions options(dir);
  options.share_table_files = true;
  options.share_files_with_checksum = true;  // files of the same number and another content are two
  options.sync = true;
  return options;
}

std::uint64_t bytes_in(const std::string& dir) {
  std::uint64_t bytes = 0;
  std::error_code failure;
  for (fs::recursive_directory_iterator entry(dir, failure), end; !failure && entry != end; entry.increment(failure)) {
    std::error_code gone;
    if (entry->is_regular_file(gone)) bytes += entry->file_size(gone);
  }
  return bytes;
}

Backup backup_of(const rocksdb::BackupInfo& info) {
  return {info.backup_id, info.timestamp * 1000, info.size, info.app_metadata};
}

Result<std::unique_ptr<rocksdb::BackupEngineReadOnly>> open_to_read(const std::string& dir) {
  std::error_code ignored;
  if (!fs::is_directory(dir + "/meta", ignored)) return fail(Code::not_found, "there are no backups in " + dir);
  rocksdb::BackupEngineReadOnly* opened = nullptr;
  const auto status = rocksdb::BackupEngineReadOnly::Open(options_for(dir), rocksdb::Env::Default(), &opened);
  std::unique_ptr<rocksdb::BackupEngineReadOnly> engine(opened);
  if (!status.ok()) return fail(error_of(status, "read the backups in " + dir));
  return engine;
}

// Not for its rows: a backup is made of an open store. What was in its log becomes a file, nothing else is touched.
Result<std::unique_ptr<rocksdb::DB>> open_checkpoint(const std::string& dir) {
  rocksdb::Options options;
  options.disable_auto_compactions = true;
  options.compression = rocksdb::kLZ4Compression;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  rocksdb::DB* opened = nullptr;
  const auto status = rocksdb::DB::Open(options, dir, &opened);
  std::unique_ptr<rocksdb::DB> db(opened);
  if (!status.ok()) return fail(error_of(status, "open the checkpoint " + dir));
  return db;
}

}  // namespace

Result<AddedBackup> add_backup(const std::string& dir, const std::string& checkpoint, const std::string& about, std::size_t kept) {
  if (auto made = make_folder(dir); !made) return fail(made.error());
  const std::uint64_t before = bytes_in(dir);
  auto db = open_checkpoint(checkpoint);
  if (!db) return fail(db.error());
  rocksdb::BackupEngine* opened = nullptr;
  auto status = rocksdb::Status(rocksdb::BackupEngine::Open(options_for(dir), rocksdb::Env::Default(), &opened));
  const std::unique_ptr<rocksdb::BackupEngine> engine(opened);
  if (!status.ok()) return fail(error_of(status, "open the backups in " + dir));
  rocksdb::BackupID number = 0;
  status = engine->CreateNewBackupWithMetadata(rocksdb::CreateBackupOptions(), db->get(), about, &number);
  if (!status.ok()) return fail(error_of(status, "write a backup to " + dir));
  status = engine->VerifyBackup(number, false);
  if (!status.ok()) return fail(error_of(status, "look at backup " + std::to_string(number) + " in " + dir));
  rocksdb::BackupInfo info;
  status = engine->GetBackupInfo(number, &info);
  if (!status.ok()) return fail(error_of(status, "look at backup " + std::to_string(number) + " in " + dir));
  AddedBackup added{backup_of(info), 0};
  const std::uint64_t after = bytes_in(dir);
  added.bytes_added = after > before ? after - before : 0;
  if (kept != 0) {
    status = engine->PurgeOldBackups(static_cast<std::uint32_t>(std::min<std::size_t>(kept, UINT32_MAX)));
    if (!status.ok()) return fail(error_of(status, "delete old backups in " + dir + " (the new one is whole)"));
  }
  return added;
}

Result<Backups> list_backups(const std::string& dir) {
  auto engine = open_to_read(dir);
  if (!engine) return fail(engine.error());
  std::vector<rocksdb::BackupInfo> infos;
  (*engine)->GetBackupInfo(&infos);
  Backups backups;
  for (const auto& info : infos) backups.whole.push_back(backup_of(info));
  std::sort(backups.whole.begin(), backups.whole.end(), [](const Backup& left, const Backup& right) { return left.number < right.number; });
  (*engine)->GetCorruptedBackups(&backups.damaged);
  std::sort(backups.damaged.begin(), backups.damaged.end());
  return backups;
}

Result<void> restore_backup(const std::string& dir, std::uint32_t number, const std::string& into) {
  auto engine = open_to_read(dir);
  if (!engine) return fail(engine.error());
  const std::string name = "backup " + std::to_string(number) + " in " + dir;
  auto status = rocksdb::Status((*engine)->VerifyBackup(number, true));
  if (!status.ok()) {
    Error error = error_of(status, name + " is not whole");
    if (status.IsNotFound() || status.IsPathNotFound()) error.code = Code::corrupt;
    return fail(error);
  }
  if (auto made = make_folder(into); !made) return fail(made.error());
  status = (*engine)->RestoreDBFromBackup(number, into, into);
  if (!status.ok()) return fail(error_of(status, "restore " + name));
  return {};
}

}  // namespace abide
