#pragma once
// The store in RocksDB. One process owns a directory, others may look at it. What a commit has returned for survives
// kill -9 and power loss. journal.hpp has the layout of the rows.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "common/store/store.hpp"

namespace abide {

// The layout of rows that this program writes, kept in the row m/format. Raised when an older program would misread it.
inline constexpr std::uint64_t store_format = 1;

// Bounds of what a store costs its process: a node's is some MiB, so by default small.
struct StoreSize {
  std::size_t cache_bytes = std::size_t{32} << 20U;        // of what was read
  std::size_t write_buffer_bytes = std::size_t{8} << 20U;  // of what was committed and is in the log only, up to three times
};
// An orchestrator's of 100,000 nodes: their rows are some 130 MiB, and operators ask for any of them. Of a smaller fleet it fills as much
// as that has.
inline constexpr StoreSize fleet_store_size{std::size_t{256} << 20U, std::size_t{32} << 20U};

// Files are merged in the background; whoever opens a store to read much of it at once has no use for that before it is read.
enum class Merging : std::uint8_t { at_once, when_told };

class RocksStore final : public Store {
 public:
  // Creates the directory (readable for its owner only) where there is none. On failure nothing has been changed.
  //   conflict     another process uses it, or it is from a newer version: is_newer_version() tells which
  //   corrupt      what is in it is damaged, or not of this program
  //   denied       no right to read and write it
  //   unavailable  disk full, I/O error
  // With Merging::when_told it must be told soon, by begin_merging: commits that are not merged make reads slow.
  static Result<std::unique_ptr<RocksStore>> open(const std::string& dir, const StoreSize& size = {}, Merging merging = Merging::at_once);
  // The rows as they are now, for looking at a store while its owner runs (or not). Takes no lock, writes nothing; later
  // commits of the owner do not show. commit() says denied. not_found: there is no store in the directory.
  static Result<std::unique_ptr<RocksStore>> open_read_only(const std::string& dir);

  // The same for a store that open_read_only calls corrupt: whatever can still be read of it. What lies behind the damage in
  // its log, and files that are gone or broken, are missing, so nothing about the rows is promised.
  static Result<std::unique_ptr<RocksStore>> open_damaged(const std::string& dir);

  // The exclusive right to a directory, without opening what is in it, while what is returned lives. conflict, denied, unavailable.
  static Result<std::shared_ptr<void>> own(const std::string& dir);

  // The store as it is at one moment of the call, whole, in a new directory beside its files: those that are never changed by a
  // second name (on the same file system), the rest copied. Any thread, also while commits go on. The owner only. conflict: the
  // directory is there already.
  [[nodiscard]] Result<void> checkpoint(const std::string& dir) const;

  // Nothing is being moved to files or merged, and nothing waits for that. Any thread.
  [[nodiscard]] bool is_settled() const;
  // The owner only. unavailable: the disk is full.
  [[nodiscard]] Result<void> begin_merging();
  // Merges all files; returns when it is done. The owner only.
  [[nodiscard]] Result<void> merge_all();

  ~RocksStore() override;
  RocksStore(const RocksStore&) = delete;
  RocksStore& operator=(const RocksStore&) = delete;

  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override;
  [[nodiscard]] Result<void> scan(std::string_view from, std::string_view to, const Visit& visit) const override;
  [[nodiscard]] std::unique_ptr<Cursor> cursor(std::string from, std::string to) const override;
  [[nodiscard]] Result<void> commit(const Batch& batch) override;
  [[nodiscard]] std::shared_ptr<const Reader> snapshot() const override;

 private:
  struct Opened;
  class Snapshot;
  explicit RocksStore(std::shared_ptr<Opened> opened);

  std::shared_ptr<Opened> opened_;  // shared with snapshots, which may outlive the store
};

// The two conflicts of open() have different exit codes; this tells them apart.
bool is_newer_version(const Error& error);

}  // namespace abide
