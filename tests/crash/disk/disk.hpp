#pragma once
// A disk with a volatile cache: what it holds now, and beside it what a power cut leaves. Only a flush moves something from one
// to the other, and only what it was asked for:
//
//   fsync, fdatasync of a file   its bytes and its length; not its name
//   fsync of a directory         which names it has; not what stands in the files behind them
//   a write through O_SYNC or O_DSYNC is followed by such a flush; O_DIRECT goes past the cache of the kernel, not past this one
//
// So a file that was written, flushed and renamed has its old name after a cut until its directory is flushed, and one that was
// renamed unflushed may be empty. That is as little as POSIX promises, and less than ext4 keeps. Modes and times are durable at once.
//
// Not thread-safe: losing_fs.cpp locks.
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace abide::test {

inline constexpr std::size_t disk_block_bytes = 4096;

struct DiskNode {
  using Names = std::map<std::string, std::shared_ptr<DiskNode>>;

  bool directory = false;
  mode_t mode = 0;
  std::uint64_t number = next_number();  // for ever, as an inode's
  std::string bytes, kept_bytes;         // of a file
  std::set<std::size_t> unflushed;       // its blocks that were written since the last flush
  Names names, kept_names;               // of a directory

 private:
  static std::uint64_t next_number() {
    static std::uint64_t last = 1;
    return ++last;
  }
};

class Disk {
 public:
  Disk();

  // What is there; nothing: no such path. The root is "/".
  [[nodiscard]] std::shared_ptr<DiskNode> find(std::string_view path) const;
  // The directory that has, or would have, this path; nothing: there is none. `name` is the path's last part.
  [[nodiscard]] std::shared_ptr<DiskNode> parent_of(std::string_view path, std::string& name) const;

  static void write(DiskNode& file, std::string_view bytes, std::size_t offset);
  static void truncate(DiskNode& file, std::size_t size);
  static void flush(DiskNode& node);

  void flush_all();
  // The cut. Without a seed everything that was not flushed is gone. With one, each block, each length and each directory is kept
  // as it is or lost, by lot: a disk writes in the order that it likes.
  void cut(std::uint64_t seed);

 private:
  std::shared_ptr<DiskNode> root_;
};

}  // namespace abide::test
