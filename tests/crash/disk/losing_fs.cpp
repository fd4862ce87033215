// losing-fs MOUNTPOINT: a file system in memory that loses on command what was not flushed (disk.hpp), over FUSE. It is told what
// to do on standard input, one line each, and answers each with one line; the end of its input is its end.
//
//   keep                                  everything that is there is durable now               ok
//   cut all | cut torn:SEED               the power is cut: from now on every call fails        ok
//   cut-at KIND N before|after all|torn:SEED
//                                         the same at the n-th flush (KIND flush) or the n-th   ok
//                                         change, flush included (KIND change); whose call it
//                                         was dies of it, by SIGKILL
//   power                                 it is back; descriptors of before stay dead           ok
//   counts                                flush N change N cut 0|1
//
// Says "ready" when it is mounted. Exit code 77: there is no FUSE here.
#define FUSE_USE_VERSION 312
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <thread>

#include "tests/crash/disk/disk.hpp"

namespace abide::test {
namespace {

constexpr int no_fuse_here = 77;

struct Open {
  std::shared_ptr<DiskNode> node;
  bool synced = false;           // O_SYNC or O_DSYNC
  std::uint64_t powered_up = 0;  // in which life of the machine it was opened
};

struct CutAt {
  bool flushes_only = false;
  std::uint64_t number = 0;
  bool before = true;
  std::uint64_t seed = 0;
};

struct State {
  std::mutex mutex;
  Disk disk;
  std::map<std::uint64_t, Open> open;
  std::uint64_t next_handle = 1;
  std::uint64_t powered_up = 1;
  bool cut = false;
  std::uint64_t flushes = 0, changes = 0;
  std::optional<CutAt> cut_at;
};

State& state() {
  static State instance;
  return instance;
}

void cut(std::uint64_t seed) {
  state().disk.cut(seed);
  state().cut = true;
  ++state().powered_up;
}

// The moment of a change, which may be the one to cut at. EIO: it was.
int moment(bool is_flush, bool before) {
  auto& now = state();
  if (!now.cut_at || now.cut_at->before != before || (now.cut_at->flushes_only && !is_flush)) return 0;
  if ((now.cut_at->flushes_only ? now.flushes : now.changes) != now.cut_at->number) return 0;
  cut(now.cut_at->seed);
  now.cut_at.reset();
  // The thread whose call this is, and with it its process.
  static_cast<void>(::kill(fuse_get_context()->pid, SIGKILL));
  return -EIO;
}

template <class Act>
int change(bool is_flush, Act act) {
  auto& now = state();
  if (now.cut) return -EIO;
  ++now.changes;
  if (is_flush) ++now.flushes;
  if (const int stopped = moment(is_flush, true); stopped != 0) return stopped;
  const int result = act();
  if (const int stopped = moment(is_flush, false); stopped != 0) return stopped;
  return result;
}

using Lock = std::lock_guard<std::mutex>;

// What a call is about: by its descriptor, else by its path.
std::shared_ptr<DiskNode> node_of(const char* path, const fuse_file_info* info, int& error) {
  error = 0;
  if (state().cut) {
    error = -EIO;
    return nullptr;
  }
  if (info != nullptr && info->fh != 0) {
    const auto found = state().open.find(info->fh);
    if (found != state().open.end() && found->second.powered_up == state().powered_up) return found->second.node;
    error = -EIO;
    return nullptr;
  }
  auto node = path == nullptr ? nullptr : state().disk.find(path);
  if (!node) error = -ENOENT;
  return node;
}

void remember(std::shared_ptr<DiskNode> node, fuse_file_info& info) {
  info.fh = state().next_handle++;
  info.direct_io = 1;  // no page of it is kept by the kernel, so none can outlive the cut
  state().open[info.fh] = {std::move(node), (info.flags & (O_SYNC | O_DSYNC)) != 0, state().powered_up};
}

int do_getattr(const char* path, struct stat* into, fuse_file_info* info) {
  const Lock lock(state().mutex);
  int error = 0;
  const auto node = node_of(path, info, error);
  if (!node) return error;
  std::memset(into, 0, sizeof *into);
  into->st_ino = node->number;
  into->st_mode = node->mode;
  into->st_nlink = 1;
  into->st_size = static_cast<off_t>(node->bytes.size());
  into->st_blksize = disk_block_bytes;
  into->st_blocks = static_cast<blkcnt_t>((node->bytes.size() + 511) / 512);
  return 0;
}

int make(const char* path, mode_t mode, bool directory, fuse_file_info* info) {
  const Lock lock(state().mutex);
  return change(false, [&] {
    std::string name;
    const auto parent = state().disk.parent_of(path, name);
    if (!parent) return -ENOENT;
    auto& entry = parent->names[name];
    if (entry) return -EEXIST;
    entry = std::make_shared<DiskNode>();
    entry->directory = directory;
    entry->mode = (directory ? S_IFDIR : S_IFREG) | (mode & 07777U);
    if (info != nullptr) remember(entry, *info);
    return 0;
  });
}

int do_mkdir(const char* path, mode_t mode) {
  return make(path, mode, true, nullptr);
}
int do_create(const char* path, mode_t mode, fuse_file_info* info) {
  return make(path, mode, false, info);
}

int do_open(const char* path, fuse_file_info* info) {
  const Lock lock(state().mutex);
  int error = 0;
  auto node = node_of(path, nullptr, error);
  if (!node) return error;
  if ((info->flags & O_TRUNC) != 0 && !node->directory) {
    error = change(false, [&] {
      Disk::truncate(*node, 0);
      return 0;
    });
    if (error != 0) return error;
  }
  remember(std::move(node), *info);
  return 0;
}

int do_release(const char*, fuse_file_info* info) {
  const Lock lock(state().mutex);
  state().open.erase(info->fh);
  return 0;
}

int remove_name(const char* path, bool directory) {
  const Lock lock(state().mutex);
  return change(false, [&] {
    std::string name;
    const auto parent = state().disk.parent_of(path, name);
    const auto found = state().disk.find(path);
    if (!parent || !found) return -ENOENT;
    if (found->directory != directory) return directory ? -ENOTDIR : -EISDIR;
    if (!found->names.empty()) return -ENOTEMPTY;
    parent->names.erase(name);
    return 0;
  });
}

int do_unlink(const char* path) {
  return remove_name(path, false);
}
int do_rmdir(const char* path) {
  return remove_name(path, true);
}

int do_rename(const char* from, const char* to, unsigned flags) {
  if (flags != 0) return -EINVAL;
  const Lock lock(state().mutex);
  return change(false, [&] {
    std::string old_name;
    std::string new_name;
    const auto old_parent = state().disk.parent_of(from, old_name);
    const auto new_parent = state().disk.parent_of(to, new_name);
    const auto node = state().disk.find(from);
    if (!old_parent || !new_parent || !node) return -ENOENT;
    old_parent->names.erase(old_name);
    new_parent->names[new_name] = node;
    return 0;
  });
}

int do_chmod(const char* path, mode_t mode, fuse_file_info* info) {
  const Lock lock(state().mutex);
  int error = 0;
  const auto node = node_of(path, info, error);
  if (node) node->mode = (node->mode & static_cast<mode_t>(S_IFMT)) | (mode & 07777U);
  return error;
}
int do_chown(const char*, uid_t, gid_t, fuse_file_info*) {
  return 0;
}
int do_utimens(const char*, const struct timespec*, fuse_file_info*) {
  return 0;
}

int do_truncate(const char* path, off_t size, fuse_file_info* info) {
  const Lock lock(state().mutex);
  int error = 0;
  const auto node = node_of(path, info, error);
  if (!node) return error;
  return change(false, [&] {
    Disk::truncate(*node, static_cast<std::size_t>(size));
    return 0;
  });
}

int do_read(const char* path, char* into, std::size_t count, off_t offset, fuse_file_info* info) {
  const Lock lock(state().mutex);
  int error = 0;
  const auto node = node_of(path, info, error);
  if (!node) return error;
  const auto from = static_cast<std::size_t>(offset);
  if (from >= node->bytes.size()) return 0;
  return static_cast<int>(node->bytes.copy(into, count, from));
}

int do_write(const char* path, const char* bytes, std::size_t count, off_t offset, fuse_file_info* info) {
  const Lock lock(state().mutex);
  int error = 0;
  const auto node = node_of(path, info, error);
  if (!node) return error;
  const bool synced = state().open[info->fh].synced;
  return change(synced, [&] {
    Disk::write(*node, {bytes, count}, static_cast<std::size_t>(offset));
    if (synced) Disk::flush(*node);
    return static_cast<int>(count);
  });
}

int do_fsync(const char* path, int, fuse_file_info* info) {
  const Lock lock(state().mutex);
  int error = 0;
  const auto node = node_of(path, info, error);
  if (!node) return error;
  return change(true, [&] {
    Disk::flush(*node);
    return 0;
  });
}

int do_readdir(const char* path, void* buffer, fuse_fill_dir_t fill, off_t, fuse_file_info* info, fuse_readdir_flags) {
  const Lock lock(state().mutex);
  int error = 0;
  const auto node = node_of(path, info, error);
  if (!node) return error;
  constexpr auto plain = static_cast<fuse_fill_dir_flags>(0);
  fill(buffer, ".", nullptr, 0, plain);
  fill(buffer, "..", nullptr, 0, plain);
  for (const auto& [name, below] : node->names) fill(buffer, name.c_str(), nullptr, 0, plain);
  return 0;
}

int do_statfs(const char*, struct statvfs* into) {
  std::memset(into, 0, sizeof *into);
  into->f_bsize = into->f_frsize = disk_block_bytes;
  into->f_blocks = into->f_bfree = into->f_bavail = 1U << 20U;
  into->f_namemax = 255;
  return 0;
}

void* do_init(fuse_conn_info*, fuse_config* config) {
  config->hard_remove = 1;  // a file that is open and has no name stays a file
  config->nullpath_ok = 1;
  config->use_ino = 1;  // the same file is the same one after a cut
  config->direct_io = 1;
  config->entry_timeout = config->attr_timeout = config->negative_timeout = 0;
  return nullptr;
}

fuse_operations operations() {
  fuse_operations all{};
  all.init = do_init;
  all.getattr = do_getattr;
  all.mkdir = do_mkdir;
  all.create = do_create;
  all.open = do_open;
  all.opendir = do_open;
  all.release = do_release;
  all.releasedir = do_release;
  all.unlink = do_unlink;
  all.rmdir = do_rmdir;
  all.rename = do_rename;
  all.chmod = do_chmod;
  all.chown = do_chown;
  all.utimens = do_utimens;
  all.truncate = do_truncate;
  all.read = do_read;
  all.write = do_write;
  all.fsync = do_fsync;
  all.fsyncdir = do_fsync;
  all.readdir = do_readdir;
  all.statfs = do_statfs;
  return all;
}

// "all" is 0, "torn:7" is 7; nothing: neither.
std::optional<std::uint64_t> parse_seed(const std::string& text) {
  if (text == "all") return 0;
  std::uint64_t seed = 0;
  if (std::sscanf(text.c_str(), "torn:%lu", &seed) != 1 || seed == 0) return std::nullopt;
  return seed;
}

std::string answer(const std::string& line) {
  const Lock lock(state().mutex);
  auto& now = state();
  std::istringstream words(line);
  std::string what;
  words >> what;
  if (what == "keep") {
    now.disk.flush_all();
    return "ok";
  }
  if (what == "power") {
    now.cut = false;
    now.cut_at.reset();
    return "ok";
  }
  if (what == "counts")
    return "flush " + std::to_string(now.flushes) + " change " + std::to_string(now.changes) + " cut " + (now.cut ? "1" : "0");
  std::string seed_text;
  if (what == "cut") {
    words >> seed_text;
    const auto seed = parse_seed(seed_text);
    if (!seed) return "what is to be lost?";
    cut(*seed);
    return "ok";
  }
  if (what == "cut-at") {
    CutAt at;
    std::string kind;
    std::string when;
    words >> kind >> at.number >> when >> seed_text;
    const auto seed = parse_seed(seed_text);
    if (!seed || at.number == 0 || (kind != "flush" && kind != "change") || (when != "before" && when != "after")) return "where?";
    at.flushes_only = kind == "flush";
    at.before = when == "before";
    at.seed = *seed;
    now.cut_at = at;
    now.flushes = now.changes = 0;
    return "ok";
  }
  return "no such command";
}

int serve(const char* program, const char* mount_point) {
  char name[] = "losing-fs";
  char option[] = "-ofsname=losing-fs";
  char* arguments[] = {name, option, nullptr};
  fuse_args args = FUSE_ARGS_INIT(2, arguments);
  const auto all = operations();
  fuse* const mounted = fuse_new(&args, &all, sizeof all, nullptr);
  if (mounted == nullptr || fuse_mount(mounted, mount_point) != 0) {
    std::fprintf(stderr, "%s: cannot mount %s: is there no /dev/fuse here?\n", program, mount_point);
    return no_fuse_here;
  }
  std::cout << "ready" << std::endl;
  std::thread loop([&] { static_cast<void>(fuse_loop(mounted)); });
  for (std::string line; std::getline(std::cin, line);) std::cout << answer(line) << std::endl;
  fuse_unmount(mounted);
  loop.join();
  return 0;
}

}  // namespace
}  // namespace abide::test

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: losing-fs MOUNTPOINT\n");
    return 2;
  }
  return abide::test::serve(argv[0], argv[1]);
}
