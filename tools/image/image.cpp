#include "tools/image/image.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "common/core/hash.hpp"
#include "common/core/random.hpp"

namespace abide::image {
namespace {

constexpr std::size_t piece_bytes = std::size_t{1} << 20;

Unexpected from_errno(std::string_view doing, const std::string& path) {
  const Code code = errno == EACCES || errno == EPERM ? Code::denied : errno == ENOENT ? Code::not_found : Code::unavailable;
  return fail(code, fmt::format("{} {}: {}", doing, path, std::strerror(errno)));
}

class File {
 public:
  File(const std::string& path, int flags) : value_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
  ~File() {
    if (value_ >= 0) ::close(value_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int get() const { return value_; }

 private:
  int value_;
};

Result<void> write_all(int file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return from_errno("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// Little-endian, so that every machine writes the same bytes.
void fill_random(std::string& piece, Random& random) {
  for (std::size_t at = 0; at < piece.size(); at += 8) {
    std::uint64_t word = random.next();
    for (std::size_t byte = at; byte < std::min(at + 8, piece.size()); ++byte) {
      piece[byte] = static_cast<char>(word & 0xFF);
      word >>= 8;
    }
  }
}

// The part of `text`, which stands at `offset` of the image, that falls into the piece at `begin`.
void overlay(std::string& piece, std::uint64_t begin, std::string_view text, std::uint64_t offset) {
  const std::uint64_t from = std::max(begin, offset);
  const std::uint64_t to = std::min(begin + piece.size(), offset + text.size());
  if (from >= to) return;
  std::memcpy(piece.data() + (from - begin), text.data() + (from - offset), to - from);
}

Result<void> overlay_file(std::string& piece, std::uint64_t begin, int file, const std::string& path) {
  const std::uint64_t from = std::max<std::uint64_t>(begin, image_header_bytes);
  for (std::uint64_t at = from; at < begin + piece.size();) {
    const ssize_t got = ::pread(file, piece.data() + (at - begin), begin + piece.size() - at, static_cast<off_t>(at - image_header_bytes));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return from_errno("read", path);
    if (got == 0) break;
    at += static_cast<std::uint64_t>(got);
  }
  return {};
}

}  // namespace

Result<Patch> parse_patch(const std::string& text) {
  const std::size_t colon = text.find(':');
  Patch patch;
  const char* const end = text.data() + std::min(colon, text.size());
  const auto [read_to, error] = std::from_chars(text.data(), end, patch.offset);
  if (colon == std::string::npos || error != std::errc{} || read_to != end)
    return fail(Code::invalid_input, fmt::format("\"{}\" is not OFFSET:TEXT", text));
  patch.text = text.substr(colon + 1);
  return patch;
}

Result<Digest> create_image(const std::string& path, const Content& content) {
  const std::uint64_t size = content.header.raw_bytes;
  const Result<std::string> header = format_image_header(content.header);
  if (!header) return fail(header.error());
  for (const Patch& patch : content.patches) {
    if (patch.offset < image_header_bytes || patch.offset > size || patch.text.size() > size - patch.offset) {
      return fail(Code::invalid_input,
                  fmt::format("{} bytes at {} are not within bytes {} to {}", patch.text.size(), patch.offset, image_header_bytes, size));
    }
  }
  const File source(content.content_path.empty() ? "/dev/null" : content.content_path, O_RDONLY);
  if (source.get() < 0) return from_errno("open", content.content_path);
  const off_t source_bytes = ::lseek(source.get(), 0, SEEK_END);
  if (source_bytes > 0 && static_cast<std::uint64_t>(source_bytes) > size - image_header_bytes) {
    return fail(Code::invalid_input, fmt::format("{} is larger than the image", content.content_path));
  }
  const File file(path, O_WRONLY | O_CREAT | O_TRUNC);
  if (file.get() < 0) return from_errno("create", path);

  Sha256 hash;
  Random random{content.seed};
  std::string piece;
  for (std::uint64_t begin = 0; begin < size; begin += piece.size()) {
    piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, size - begin)));
    fill_random(piece, random);
    overlay(piece, begin, *header, 0);
    if (source_bytes > 0) {
      if (Result<void> read = overlay_file(piece, begin, source.get(), content.content_path); !read) return fail(read.error());
    }
    for (const Patch& patch : content.patches) overlay(piece, begin, patch.text, patch.offset);
    hash.update(std::as_bytes(std::span(piece.data(), piece.size())));
    if (Result<void> written = write_all(file.get(), piece, path); !written) return fail(written.error());
  }
  if (::fsync(file.get()) != 0) return from_errno("flush", path);
  return hash.finish();
}

}  // namespace abide::image
