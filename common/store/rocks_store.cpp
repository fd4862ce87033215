#include "common/store/rocks_store.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>
#include <unordered_set>
#include <utility>
#include <vector>

#include "common/store/durable_file.hpp"
#include "common/store/torn_log.hpp"

namespace abide {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view format_key = "m/format";
constexpr std::string_view newer_version_text = "is from a newer version of Abide";
constexpr const char* owner_file = "OWNER";  // locked by the owner, whose process id is in it

constexpr std::size_t block_bytes = 32U << 10U;  // what is read and compressed at once: lists read many rows, and events are much alike
constexpr int bottom_zstd_level = 1;             // level 3 makes files 1 % smaller for half as much work again
constexpr int write_buffers_max = 3;
constexpr int merge_nice = 10;  // how far threads that merge files are behind who commits and who reads
constexpr int nice_max = 19;
constexpr std::uint64_t wal_bytes_max = 64U << 20U;
constexpr int background_jobs_max = 2;
constexpr int open_files_max = 256;
constexpr int opening_threads = 2;  // RocksDB's 16 get in each other's way on a small machine
constexpr int checked_files_max = 16;
constexpr std::size_t info_log_bytes_max = 1U << 20U;
constexpr std::size_t info_logs_max = 3;
constexpr std::size_t write_overhead_max = 16;  // of one change in a WriteBatch: a tag and two lengths
constexpr int read_only_attempts_max = 10;

std::string_view view(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}
rocksdb::Slice slice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

Error error_of(const rocksdb::Status& status, std::string_view doing) {
  Code code = Code::unavailable;
  if (status.IsCorruption() || status.IsNotSupported() || status.IsInvalidArgument()) code = Code::corrupt;
  if (status.IsNotFound()) code = Code::not_found;
  std::string message(doing);
  message += ": ";
  if (status.IsNoSpace()) message += "the disk is full: ";
  return Error{code, message + status.ToString()};
}

Error error_of(int number, const std::string& doing) {
  const Code code = number == EACCES || number == EPERM || number == EROFS ? Code::denied : Code::unavailable;
  return Error{code, doing + ": " + std::generic_category().message(number)};
}

// Merging can wait; where a core is short it would take half of one. Where it falls behind for long, RocksDB holds commits back.
class MergeInBackground final : public rocksdb::EventListener {
 public:
  void OnCompactionBegin(rocksdb::DB*, const rocksdb::CompactionJobInfo&) override {
    thread_local bool nice = false;
    if (std::exchange(nice, true)) return;
    const auto thread = static_cast<id_t>(::gettid());
    ::setpriority(PRIO_PROCESS, thread, std::min(::getpriority(PRIO_PROCESS, thread) + merge_nice, nice_max));
  }
};

rocksdb::Options options_for(bool read_only, const StoreSize& size = {}) {
  rocksdb::Options options;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(size.cache_bytes);
  table.block_size = block_bytes;
  table.cache_index_and_filter_blocks = true;  // so that the cache's bound covers them
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.listeners.push_back(std::make_shared<MergeInBackground>());
  options.write_buffer_size = size.write_buffer_bytes;
  options.max_write_buffer_number = write_buffers_max;
  options.max_total_wal_size = wal_bytes_max;
  options.max_background_jobs = background_jobs_max;
  // A reader beside a running owner opens all files at once: those that the owner deletes later stay readable.
  options.max_open_files = read_only ? -1 : open_files_max;
  options.max_file_opening_threads = opening_threads;
  options.compression = rocksdb::kLZ4Compression;
  // What has sunk to the bottom is seldom merged again: nearly all events, and all rows of nodes that say nothing just now.
  options.bottommost_compression = rocksdb::kZSTD;
  options.bottommost_compression_opts.enabled = true;
  options.bottommost_compression_opts.level = bottom_zstd_level;
  options.paranoid_checks = true;
  // A record that was cut off at the end of the log was never acknowledged; any other damage is an error, never a loss. (But for
  // a torn one, see open_over_a_torn_commit.)
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.max_bgerror_resume_count = 0;  // after a failed write the owner stops; nothing repairs behind its back
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.max_log_file_size = info_log_bytes_max;
  options.keep_log_file_num = info_logs_max;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

// The exclusive right to a directory, while it lives. Of its own beside RocksDB's, whose refusal cannot be told from other
// I/O errors.
class OwnerLock {
 public:
  static Result<OwnerLock> take(const std::string& dir) {
    const std::string path = dir + "/" + owner_file;
    OwnerLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (lock.fd_ < 0) return fail(error_of(errno, "open " + path));
    if (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return fail(error_of(errno, "lock " + path));
      return fail(Code::conflict, "another process" + lock.holder() + " uses the state directory " + dir);
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    // The number is for people: a disk that is too full for it says so at the first commit.
    if (::ftruncate(lock.fd_, 0) != 0 || ::pwrite(lock.fd_, pid.data(), pid.size(), 0) < 0) errno = 0;
    return lock;
  }
  OwnerLock(OwnerLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnerLock& operator=(OwnerLock&&) = delete;
  ~OwnerLock() {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  explicit OwnerLock(int fd) : fd_(fd) {}
  [[nodiscard]] std::string holder() const {
    char text[16] = {};
    const ssize_t count = ::pread(fd_, text, sizeof text - 1, 0);
    long pid = 0;
    if (count <= 0 || std::from_chars(text, text + count, pid).ec != std::errc{}) return "";
    return " (pid " + std::to_string(pid) + ")";
  }
  int fd_;
};

// Is there a store in the directory? corrupt: parts of one, without the file that it begins with. RocksDB would make a new
// store beside them.
Result<bool> has_store(const std::string& dir) {
  std::error_code failure;
  bool current = false;
  std::string remains;
  for (fs::directory_iterator entry(dir, failure), end; !failure && entry != end; entry.increment(failure)) {
    const std::string name = entry->path().filename().string();
    current = current || name == "CURRENT";
    if (name.ends_with(".sst") || name.ends_with(".log")) remains = name;
  }
  if (failure) return fail(error_of(failure.value(), "read directory " + dir));
  if (!current && !remains.empty())
    return fail(Code::corrupt, "the store in " + dir + " has lost its file CURRENT (" + remains + " is there)");
  return current;
}

// Where the power went in the midst of a commit, that commit, which never returned, is left out. `open` opens with the options.
template <class Open>
Result<std::unique_ptr<rocksdb::DB>> open_over_a_torn_commit(rocksdb::Options options, const std::string& dir, Open open) {
  rocksdb::DB* db = nullptr;
  auto status = open(options, &db);
  if (status.IsCorruption() && ends_in_a_torn_commit(dir)) {
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    status = open(options, &db);
  }
  std::unique_ptr<rocksdb::DB> opened(db);
  if (!status.ok()) return fail(error_of(status, "open store " + dir));
  return opened;
}

Result<std::unique_ptr<rocksdb::DB>> open_for_reading(const std::string& dir) {
  return open_over_a_torn_commit(options_for(true), dir, [&](const rocksdb::Options& options, rocksdb::DB** db) {
    return rocksdb::DB::OpenForReadOnly(options, dir, db);
  });
}

// For reading one row: of the files only those are opened that it may be in, and nothing of them is kept.
Result<std::unique_ptr<rocksdb::DB>> open_for_a_look(const std::string& dir) {
  auto options = options_for(true);
  rocksdb::BlockBasedTableOptions table;
  table.cache_index_and_filter_blocks = true;  // and so are not read with the file; filters not at all
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.max_open_files = checked_files_max;
  options.max_file_opening_threads = 1;
  options.skip_stats_update_on_db_open = true;
  return open_over_a_torn_commit(
      options, dir, [&](const rocksdb::Options& with, rocksdb::DB** db) { return rocksdb::DB::OpenForReadOnly(with, dir, db); });
}

// Attempts in the order of what they lose: all that the log says behind its first damage; files that cannot be opened, and
// damaged records out of the midst of the log; all of the log, and what only newer sets of files say.
Result<std::unique_ptr<rocksdb::DB>> open_in_spite_of_damage(const std::string& dir) {
  auto options = options_for(true);
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  rocksdb::Status status;
  for (int attempt = 0; attempt < 3; ++attempt) {
    options.paranoid_checks = attempt == 0;
    options.best_efforts_recovery = attempt == 2;
    rocksdb::DB* db = nullptr;
    status = rocksdb::DB::OpenForReadOnly(options, dir, &db);
    std::unique_ptr<rocksdb::DB> opened(db);
    if (status.ok()) return opened;
  }
  return fail(error_of(status, "open store " + dir));
}

bool is_empty(rocksdb::DB& db) {
  const std::unique_ptr<rocksdb::Iterator> row(db.NewIterator(rocksdb::ReadOptions()));
  row->SeekToFirst();
  return !row->Valid() && row->status().ok();
}

// Nothing: a store that was not finished when it was created.
Result<std::optional<std::uint64_t>> format_of(rocksdb::DB& db, const std::string& dir) {
  std::string text;
  const auto status = db.Get(rocksdb::ReadOptions(), slice(format_key), &text);
  if (status.IsNotFound()) {
    if (is_empty(db)) return std::optional<std::uint64_t>{};
    return fail(Code::corrupt, "the store in " + dir + " is not one of Abide: it has rows, but no " + std::string(format_key));
  }
  if (!status.ok()) return fail(error_of(status, "read the format of store " + dir));
  std::uint64_t format = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, format);
  if (error != std::errc{} || stopped != end) return fail(Code::corrupt, "the format of store " + dir + " cannot be read");
  return std::optional(format);
}

Result<void> check_format(std::uint64_t format, const std::string& dir) {
  if (format <= store_format) return {};
  return fail(Code::conflict, "the state directory " + dir + " " + std::string(newer_version_text) + " (format " + std::to_string(format) +
                                  ", this one knows " + std::to_string(store_format) + "); nothing was changed");
}

// What tells whether the set of files has changed: the name of the manifest, and its size.
std::string manifest_mark(const std::string& dir) {
  std::string mark;
  std::error_code ignored;
  for (fs::directory_iterator entry(dir, ignored), end; !ignored && entry != end; entry.increment(ignored)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with("MANIFEST")) continue;
    std::error_code gone;
    mark += name + ":" + std::to_string(fs::file_size(entry->path(), gone)) + " ";
  }
  return mark;
}

Result<std::optional<std::string>> get_from(rocksdb::DB& db, const rocksdb::Snapshot* snapshot, std::string_view key) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  rocksdb::PinnableSlice value;
  const auto status = db.Get(options, db.DefaultColumnFamily(), slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>{};
  if (!status.ok()) return fail(error_of(status, "read from the store"));
  return std::optional(std::string(view(value)));
}

Result<void> scan_in(rocksdb::DB& db, const rocksdb::Snapshot* snapshot, std::string_view from, std::string_view to, const Visit& visit,
                     bool fill_cache = true) {
  if (!to.empty() && to <= from) return {};
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  const rocksdb::Slice end = slice(to);
  if (!to.empty()) options.iterate_upper_bound = &end;
  options.fill_cache = fill_cache;
  const std::unique_ptr<rocksdb::Iterator> row(db.NewIterator(options));
  for (row->Seek(slice(from)); row->Valid(); row->Next())
    if (!visit(view(row->key()), view(row->value()))) return {};
  if (!row->status().ok()) return fail(error_of(row->status(), "read from the store"));
  return {};
}

class CursorInRocks final : public Cursor {
 public:
  CursorInRocks(rocksdb::DB& db, const rocksdb::Snapshot* snapshot, std::string from, std::string to)
      : to_(std::move(to)), end_(slice(to_)) {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    if (!to_.empty()) options.iterate_upper_bound = &end_;
    options.fill_cache = false;  // much is read, and seldom twice: keeping it costs more memory than all that is made of it
    row_.reset(db.NewIterator(options));
    if (to_.empty() || from < to_) row_->Seek(slice(from));
  }
  [[nodiscard]] Result<std::optional<KeyAndValue>> next() override {
    if (!row_) return std::optional<KeyAndValue>{};
    if (std::exchange(given_, false)) row_->Next();
    if (row_->Valid()) {
      given_ = true;
      return std::optional(KeyAndValue{view(row_->key()), view(row_->value())});
    }
    const auto status = row_->status();
    row_.reset();
    if (!status.ok()) return fail(error_of(status, "read from the store"));
    return std::optional<KeyAndValue>{};
  }

 private:
  std::string to_;
  rocksdb::Slice end_;
  std::unique_ptr<rocksdb::Iterator> row_;  // none: behind the last, or an error
  bool given_ = false;                      // the row that it stands at
};

Result<void> write(rocksdb::DB& db, rocksdb::WriteBatch& batch) {
  rocksdb::WriteOptions options;
  options.sync = true;
  const auto status = db.Write(options, &batch);
  if (!status.ok()) return fail(error_of(status, "write to the store"));
  return {};
}

}  // namespace

struct RocksStore::Opened {
  std::optional<OwnerLock> lock;  // before db, so that it is given up after it
  std::unique_ptr<rocksdb::DB> db;
};

class RocksStore::Snapshot final : public Reader {
 public:
  explicit Snapshot(std::shared_ptr<Opened> opened) : opened_(std::move(opened)), snapshot_(opened_->db->GetSnapshot()) {}
  ~Snapshot() override { opened_->db->ReleaseSnapshot(snapshot_); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override {
    return get_from(*opened_->db, snapshot_, key);
  }
  [[nodiscard]] Result<void> scan(std::string_view from, std::string_view to, const Visit& visit) const override {
    return scan_in(*opened_->db, snapshot_, from, to, visit);
  }
  [[nodiscard]] std::unique_ptr<Cursor> cursor(std::string from, std::string to) const override {
    return std::make_unique<CursorInRocks>(*opened_->db, snapshot_, std::move(from), std::move(to));
  }

 private:
  std::shared_ptr<Opened> opened_;
  const rocksdb::Snapshot* snapshot_;
};

RocksStore::RocksStore(std::shared_ptr<Opened> opened) : opened_(std::move(opened)) {}
RocksStore::~RocksStore() = default;

Result<std::unique_ptr<RocksStore>> RocksStore::open(const std::string& dir, const StoreSize& size, Merging merging) {
  if (auto made = make_folder(dir); !made) return fail(made.error());
  auto lock = OwnerLock::take(dir);
  if (!lock) return fail(lock.error());
  auto present = has_store(dir);
  if (!present) return fail(present.error());
  std::optional<std::uint64_t> format;
  if (*present) {
    // Opening for writing rewrites files at once, so a store from a newer version must be recognised before.
    auto reader = open_for_a_look(dir);
    if (!reader) return fail(reader.error());
    auto read = format_of(**reader, dir);
    if (!read) return fail(read.error());
    format = *read;
    if (format)
      if (auto known = check_format(*format, dir); !known) return fail(known.error());
  }
  auto options = options_for(false, size);
  options.create_if_missing = true;
  options.disable_auto_compactions = merging == Merging::when_told;
  auto db = open_over_a_torn_commit(options, dir,
                                    [&](const rocksdb::Options& with, rocksdb::DB** into) { return rocksdb::DB::Open(with, dir, into); });
  if (!db) return fail(db.error());
  auto opened = std::make_shared<Opened>();
  opened->lock.emplace(std::move(*lock));
  opened->db = std::move(*db);
  if (!format) {
    rocksdb::WriteBatch batch;
    batch.Put(slice(format_key), std::to_string(store_format));
    if (auto written = write(*opened->db, batch); !written) return fail(written.error().in("create store " + dir));
  }
  return std::unique_ptr<RocksStore>(new RocksStore(std::move(opened)));
}

Result<std::unique_ptr<RocksStore>> RocksStore::open_read_only(const std::string& dir) {
  std::optional<Error> refused;
  for (int attempt = 0; attempt < read_only_attempts_max; ++attempt) {
    std::error_code ignored;
    if (!fs::exists(dir + "/CURRENT", ignored)) return fail(Code::not_found, "there is no store in " + dir);
    // A running owner may write rows from the log into a file and drop the log while both are being read. Then the
    // manifest has changed, and what was read may lack rows.
    const std::string before = manifest_mark(dir);
    auto reader = open_for_reading(dir);
    const bool steady = manifest_mark(dir) == before;
    if (reader && steady) {
      auto format = format_of(**reader, dir);
      if (!format) return fail(format.error());
      if (!*format) return fail(Code::not_found, "there is no store in " + dir + " yet");
      if (auto known = check_format(**format, dir); !known) return fail(known.error());
      auto opened = std::make_shared<Opened>();
      opened->db = std::move(*reader);
      return std::unique_ptr<RocksStore>(new RocksStore(std::move(opened)));
    }
    if (steady) return fail(reader.error());
    refused = reader ? Error{Code::unavailable, "open store " + dir + ": its owner keeps changing it"} : reader.error();
  }
  return fail(*refused);
}

Result<std::unique_ptr<RocksStore>> RocksStore::open_damaged(const std::string& dir) {
  auto reader = open_in_spite_of_damage(dir);
  if (!reader) return fail(reader.error());
  // The row of the format may be among what is lost; a newer one is refused all the same.
  if (auto format = format_of(**reader, dir); format && *format)
    if (auto known = check_format(**format, dir); !known) return fail(known.error());
  auto opened = std::make_shared<Opened>();
  opened->db = std::move(*reader);
  return std::unique_ptr<RocksStore>(new RocksStore(std::move(opened)));
}

Result<std::shared_ptr<void>> RocksStore::own(const std::string& dir) {
  auto lock = OwnerLock::take(dir);
  if (!lock) return fail(lock.error());
  return std::shared_ptr<void>(std::make_shared<OwnerLock>(std::move(*lock)));
}

Result<void> RocksStore::checkpoint(const std::string& dir) const {
  if (!opened_->lock) return fail(Code::denied, "the store is opened for reading only");
  std::error_code failure;
  const std::string whole = fs::absolute(dir, failure).string();
  if (failure) return fail(error_of(failure.value(), "find " + dir));
  if (fs::exists(whole, failure)) return fail(Code::conflict, "a checkpoint of the store is there already: " + whole);
  rocksdb::Checkpoint* made = nullptr;
  auto status = rocksdb::Checkpoint::Create(opened_->db.get(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  // What is in memory goes to a file first: the log that has to be copied is only what is committed meanwhile.
  if (status.ok()) status = checkpoint->CreateCheckpoint(whole, 0);
  if (!status.ok()) return fail(error_of(status, "make a checkpoint of the store"));
  return {};
}

Result<std::optional<std::string>> RocksStore::get(std::string_view key) const {
  return get_from(*opened_->db, nullptr, key);
}

Result<void> RocksStore::scan(std::string_view from, std::string_view to, const Visit& visit) const {
  // Who only looks at a store reads it from one end to the other, and seldom twice.
  return scan_in(*opened_->db, nullptr, from, to, visit, opened_->lock.has_value());
}

std::unique_ptr<Cursor> RocksStore::cursor(std::string from, std::string to) const {
  return std::make_unique<CursorInRocks>(*opened_->db, nullptr, std::move(from), std::move(to));
}

Result<void> RocksStore::commit(const Batch& batch) {
  if (!opened_->lock) return fail(Code::denied, "the store is opened for reading only");
  if (batch.empty()) return {};
  rocksdb::WriteBatch changes(batch.bytes() + batch.size() * write_overhead_max);
  // A journal's head and a node's row change with each event: only their last values need go to the log.
  std::unordered_set<std::string_view> keys;
  std::vector<const Batch::Change*> newest;
  for (auto change = batch.changes().rbegin(); change != batch.changes().rend(); ++change)
    if (keys.insert(change->key).second) newest.push_back(&*change);
  for (auto at = newest.rbegin(); at != newest.rend(); ++at) {
    const auto& change = **at;
    const auto status = change.value ? changes.Put(slice(change.key), slice(*change.value)) : changes.Delete(slice(change.key));
    if (!status.ok()) return fail(error_of(status, "write to the store"));
  }
  return write(*opened_->db, changes);
}

bool RocksStore::is_settled() const {
  using Properties = rocksdb::DB::Properties;
  for (const auto& name : {Properties::kNumRunningFlushes, Properties::kMemTableFlushPending, Properties::kNumRunningCompactions,
                           Properties::kCompactionPending}) {
    std::uint64_t count = 0;
    if (opened_->db->GetIntProperty(name, &count) && count != 0) return false;
  }
  return true;
}

Result<void> RocksStore::begin_merging() {
  if (!opened_->lock) return fail(Code::denied, "the store is opened for reading only");
  const auto status = opened_->db->EnableAutoCompaction({opened_->db->DefaultColumnFamily()});
  if (!status.ok()) return fail(error_of(status, "begin to merge the files of the store"));
  return {};
}

Result<void> RocksStore::merge_all() {
  if (!opened_->lock) return fail(Code::denied, "the store is opened for reading only");
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  const auto status = opened_->db->CompactRange(options, nullptr, nullptr);
  if (!status.ok()) return fail(error_of(status, "merge the files of the store"));
  return {};
}

std::shared_ptr<const Reader> RocksStore::snapshot() const {
  return std::make_shared<const Snapshot>(opened_);
}

bool is_newer_version(const Error& error) {
  return error.code == Code::conflict && error.message.find(newer_version_text) != std::string::npos;
}

}  // namespace abide
