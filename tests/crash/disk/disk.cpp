#include "tests/crash/disk/disk.hpp"

#include <algorithm>
#include <sys/stat.h>

#include "common/core/random.hpp"

namespace abide::test {
namespace {

void flush_below(DiskNode& node) {
  Disk::flush(node);
  for (const auto& [name, below] : node.names) flush_below(*below);
}

// Which of its unflushed blocks and lengths the disk had written by itself.
void tear(DiskNode& file, Random& lots) {
  std::string left = file.kept_bytes;
  const bool grown = lots.below(2) == 0;
  if (grown || file.bytes.size() < left.size()) left.resize(grown ? file.bytes.size() : left.size());
  for (const std::size_t block : file.unflushed) {
    const bool kept = lots.below(2) == 0;
    const std::size_t from = block * disk_block_bytes;
    if (!kept || from >= left.size() || from >= file.bytes.size()) continue;
    const std::size_t count = std::min({disk_block_bytes, left.size() - from, file.bytes.size() - from});
    left.replace(from, count, file.bytes, from, count);
  }
  file.kept_bytes = std::move(left);
}

void cut_below(DiskNode& node, Random* lots) {
  if (!node.directory) {
    if (lots != nullptr) tear(node, *lots);
    node.bytes = node.kept_bytes;
    node.unflushed.clear();
    return;
  }
  if (lots != nullptr && lots->below(2) == 0) node.kept_names = node.names;
  node.names = node.kept_names;
  for (const auto& [name, below] : node.names) cut_below(*below, lots);
}

}  // namespace

Disk::Disk() : root_(std::make_shared<DiskNode>()) {
  root_->directory = true;
  root_->mode = S_IFDIR | 0700;
}

std::shared_ptr<DiskNode> Disk::find(std::string_view path) const {
  auto node = root_;
  while (node) {
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    if (path.empty()) return node;
    const auto end = std::min(path.find('/'), path.size());
    const auto found = node->names.find(std::string(path.substr(0, end)));
    if (!node->directory || found == node->names.end()) return nullptr;
    node = found->second;
    path.remove_prefix(end);
  }
  return nullptr;
}

std::shared_ptr<DiskNode> Disk::parent_of(std::string_view path, std::string& name) const {
  const auto slash = path.rfind('/');
  name = std::string(path.substr(slash + 1));
  auto parent = find(path.substr(0, slash));
  return parent && parent->directory && !name.empty() ? parent : nullptr;
}

void Disk::write(DiskNode& file, std::string_view bytes, std::size_t offset) {
  if (bytes.empty()) return;
  if (file.bytes.size() < offset + bytes.size()) truncate(file, offset + bytes.size());
  file.bytes.replace(offset, bytes.size(), bytes);
  for (std::size_t block = offset / disk_block_bytes; block <= (offset + bytes.size() - 1) / disk_block_bytes; ++block)
    file.unflushed.insert(block);
}

void Disk::truncate(DiskNode& file, std::size_t size) {
  // What lies behind the old end counts as written: zeros, in place of what a longer file once had there.
  const std::size_t from = std::min(file.bytes.size(), size);
  for (std::size_t block = from / disk_block_bytes; block * disk_block_bytes < std::max(file.bytes.size(), size); ++block)
    file.unflushed.insert(block);
  file.bytes.resize(size);
}

void Disk::flush(DiskNode& node) {
  node.kept_names = node.names;
  node.kept_bytes.resize(node.bytes.size());
  for (const std::size_t block : node.unflushed) {
    const std::size_t from = block * disk_block_bytes;
    if (from < node.bytes.size()) node.kept_bytes.replace(from, disk_block_bytes, node.bytes, from, disk_block_bytes);
  }
  node.unflushed.clear();
}

void Disk::flush_all() {
  flush_below(*root_);
}

void Disk::cut(std::uint64_t seed) {
  Random lots{seed};
  cut_below(*root_, seed == 0 ? nullptr : &lots);
}

}  // namespace abide::test
