#include "common/store/durable_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/hash.hpp"

namespace abide {
namespace {

constexpr std::size_t read_bytes = std::size_t{1} << 20;
constexpr std::size_t direct_alignment = 4096;  // fits every device that has O_DIRECT

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return value_; }
  // The error of close counts where bytes were written.
  [[nodiscard]] bool close() {
    const int result = ::close(value_);
    value_ = -1;
    return result == 0;
  }

 private:
  int value_;
};

struct FreeBuffer {
  void operator()(void* buffer) const { std::free(buffer); }
};

Unexpected from_errno(std::string_view doing, const std::string& path) {
  const int error = errno;
  const Code code = error == ENOENT                     ? Code::not_found
                    : error == EACCES || error == EPERM ? Code::denied
                    : error == EIO                      ? Code::corrupt
                                                        : Code::unavailable;
  return fail(code, fmt::format("{} {}: {}", doing, path, std::strerror(error)));
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> write_all(int descriptor, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return from_errno("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

using Make = std::function<Result<std::string>(int descriptor)>;

Result<void> write_new(const std::string& path, const Make& make, unsigned mode) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode));
  if (file.get() < 0) return from_errno("create", path);
  const auto bytes = make(file.get());
  if (!bytes) return fail(bytes.error());
  if (Result<void> written = write_all(file.get(), *bytes, path); !written) return written;
  if (::fsync(file.get()) != 0) return from_errno("flush", path);
  if (!file.close()) return from_errno("close", path);
  return {};
}

}  // namespace

Result<void> flush_folder(const std::string& folder) {
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) return from_errno("open", folder);
  if (::fsync(directory.get()) != 0) return from_errno("flush", folder);
  return {};
}

namespace {

bool is_folder(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// Its last part made where it is missing, and its name flushed.
Result<void> make_one_folder(const std::string& path, unsigned mode) {
  const bool there = is_folder(path);
  if (!there && ::mkdir(path.c_str(), mode) != 0 && (errno != EEXIST || !is_folder(path))) return from_errno("create folder", path);
  Result<void> flushed = flush_folder(folder_of(path));
  // A folder that somebody else made, in one that is not ours to read.
  if (!flushed && there && flushed.error().code == Code::denied) return {};
  return flushed;
}

}  // namespace

Result<void> make_folder(const std::string& path) {
  std::string whole = path;
  while (whole.size() > 1 && whole.back() == '/') whole.pop_back();
  for (std::size_t slash = whole.find('/', 1); slash != std::string::npos; slash = whole.find('/', slash + 1)) {
    const std::string above = whole.substr(0, slash);
    if (is_folder(above)) continue;
    if (Result<void> made = make_one_folder(above, 0777); !made) return fail(made.error().in("make folder " + path));
  }
  return make_one_folder(whole, 0700);
}

Result<void> replace_file(const std::string& path, std::string_view bytes, unsigned mode) {
  return replace_file(
      path, [&](int) -> Result<std::string> { return std::string(bytes); }, mode);
}

Result<void> replace_file(const std::string& path, const Make& make, unsigned mode) {
  const std::string temporary = path + ".new";
  if (Result<void> written = write_new(temporary, make, mode); !written) {
    ::unlink(temporary.c_str());
    return written;
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const Unexpected failure = from_errno("rename to", path);
    ::unlink(temporary.c_str());
    return failure;
  }
  return flush_folder(folder_of(path));
}

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return from_errno("open", path);
  std::string bytes;
  for (;;) {
    char piece[4096];
    const ssize_t got = ::read(file.get(), piece, sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return from_errno("read", path);
    if (got == 0) return bytes;
    if (bytes.size() + static_cast<std::size_t>(got) > bytes_max) {
      return fail(Code::corrupt, fmt::format("read {}: longer than {} bytes", path, bytes_max));
    }
    bytes.append(piece, static_cast<std::size_t>(got));
  }
}

Result<Digest> digest_of_slot(const std::string& path, std::uint64_t bytes, const std::atomic<bool>* stop) {
  const Descriptor cached(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (cached.get() < 0) return from_errno("open", path);
  // Dirty pages are not dropped, so they are written first. Not every file allows it when opened for reading only.
  if (::fdatasync(cached.get()) != 0 && errno == EIO) return from_errno("flush", path);
  static_cast<void>(::posix_fadvise(cached.get(), 0, 0, POSIX_FADV_DONTNEED));
  const Descriptor direct(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT));

  const std::unique_ptr<void, FreeBuffer> buffer(std::aligned_alloc(direct_alignment, read_bytes));
  if (buffer == nullptr) return fail(Code::unavailable, fmt::format("read {}: out of memory", path));
  Sha256 hash;
  bool past_cache = direct.get() >= 0;
  for (std::uint64_t offset = 0; offset < bytes;) {
    if (stop != nullptr && stop->load()) return fail(Code::unavailable, fmt::format("read {}: stopped", path));
    const ssize_t got = ::pread(past_cache ? direct.get() : cached.get(), buffer.get(), read_bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EINVAL && past_cache) {  // no O_DIRECT here after all, or not at this offset
      past_cache = false;
      continue;
    }
    if (got < 0) return from_errno("read", path);
    if (got == 0) return fail(Code::corrupt, fmt::format("read {}: ends after {} bytes, {} were expected", path, offset, bytes));
    const std::uint64_t wanted = std::min(static_cast<std::uint64_t>(got), bytes - offset);
    hash.update({static_cast<const std::byte*>(buffer.get()), static_cast<std::size_t>(wanted)});
    offset += wanted;
    // A read that ends in the middle of a block leaves an offset that O_DIRECT does not take.
    if (offset % direct_alignment != 0) past_cache = false;
  }
  return hash.finish();
}

}  // namespace abide
