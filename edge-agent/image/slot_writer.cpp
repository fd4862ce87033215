#include "edge-agent/image/slot_writer.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace abide::agent {
namespace {

StageFailure from_errno(std::string_view doing, const std::string& path) {
  const int error = errno;
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return {full ? Reason::no_space : Reason::write_failed, fmt::format("{} {}: {}", doing, path, std::strerror(error))};
}

}  // namespace

SlotWriter::SlotWriter() : buffer_(std::make_unique<std::byte[]>(buffer_bytes)) {}

SlotWriter::~SlotWriter() {
  if (file_ >= 0) ::close(file_);
}

MaybeFailure SlotWriter::open(const std::string& path) {
  assert(file_ < 0);
  path_ = path;
  file_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file_ < 0) return from_errno("open slot", path);
  if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
    return StageFailure{Reason::write_failed, fmt::format("open slot {}: another process writes it", path)};
  }
  const off_t end = ::lseek(file_, 0, SEEK_END);  // the size of a block device, too
  if (end < 0) return from_errno("size of slot", path);
  slot_bytes_ = static_cast<std::uint64_t>(end);
  return {};
}

void SlotWriter::restart() {
  written_ = flushed_ = 0;
  buffered_ = 0;
  hash_ = Sha256();
}

bool SlotWriter::resume(std::uint64_t bytes) {
  restart();
  if (bytes > slot_bytes_) return false;
  while (written_ < bytes) {
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer_bytes, bytes - written_));
    const ssize_t got = ::pread(file_, buffer_.get(), wanted, static_cast<off_t>(written_));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      restart();
      return false;
    }
    hash_.update({buffer_.get(), static_cast<std::size_t>(got)});
    written_ += static_cast<std::uint64_t>(got);
  }
  flushed_ = written_;
  static_cast<void>(::posix_fadvise(file_, 0, 0, POSIX_FADV_DONTNEED));
  return true;
}

MaybeFailure SlotWriter::append(std::span<const std::byte> bytes) {
  // The caller bounds what it appends by the image's size; this is the last fence before bytes that are not the slot's.
  assert(position() + bytes.size() <= slot_bytes_);
  hash_.update(bytes);
  while (!bytes.empty()) {
    const std::size_t taken = std::min(bytes.size(), buffer_bytes - buffered_);
    std::memcpy(buffer_.get() + buffered_, bytes.data(), taken);
    buffered_ += taken;
    bytes = bytes.subspan(taken);
    if (buffered_ < buffer_bytes) continue;
    if (MaybeFailure failure = write_buffer()) return failure;
  }
  return {};
}

MaybeFailure SlotWriter::write_buffer() {
  for (std::size_t done = 0; done < buffered_;) {
    const ssize_t wrote = ::pwrite(file_, buffer_.get() + done, buffered_ - done, static_cast<off_t>(written_ + done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return from_errno("write slot", path_);
    if (wrote == 0) return StageFailure{Reason::write_failed, fmt::format("write slot {}: takes no more bytes", path_)};
    done += static_cast<std::size_t>(wrote);
  }
  written_ += buffered_;
  buffered_ = 0;
  return {};
}

MaybeFailure SlotWriter::flush() {
  if (MaybeFailure failure = write_buffer()) return failure;
  if (::fsync(file_) != 0) return from_errno("flush slot", path_);
  static_cast<void>(::posix_fadvise(file_, 0, 0, POSIX_FADV_DONTNEED));
  flushed_ = written_;
  return {};
}

Digest SlotWriter::digest() {
  return hash_.finish();
}

}  // namespace abide::agent
