#include "common/store/export_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <istream>
#include <ostream>
#include <span>
#include <unistd.h>
#include <utility>

#include "common/core/hash.hpp"

namespace abide {
namespace {

// The first bytes change where a file was copied as text, or cut to seven bits.
constexpr std::string_view magic =
    "\x89"
    "ABX\r\n\x1a\n";
constexpr std::size_t preamble_bytes = 16;  // magic, version, reserved
constexpr std::size_t block_head_bytes = 8;
constexpr std::size_t digest_bytes = 32;
constexpr std::size_t lengths_bytes = 8;  // before a record's key and value
constexpr std::size_t block_bytes_max = export_block_bytes + export_record_bytes_max + lengths_bytes;
constexpr std::size_t read_step_bytes = std::size_t{1} << 20;

constexpr char header_block = 'H';
constexpr char records_block = 'R';
constexpr char end_block = 'E';

std::string big_endian_32(std::size_t number) {
  return big_endian(number).substr(4);
}
std::size_t from_big_endian_32(std::string_view four_bytes) {
  return from_big_endian(std::string(4, '\0') + std::string(four_bytes));
}

void put_record(std::string& payload, std::string_view key, std::string_view value) {
  payload += big_endian_32(key.size());
  payload += big_endian_32(value.size());
  payload += key;
  payload += value;
}

// The digest of a block covers the block before it, so that none can be left out, doubled or moved.
Digest digest_of(const Digest& before, std::string_view head, std::string_view payload) {
  Sha256 sum;
  sum.update(std::as_bytes(std::span(before.bytes)));
  sum.update(std::as_bytes(std::span(head)));
  sum.update(std::as_bytes(std::span(payload)));
  return sum.finish();
}

std::string_view bytes_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

std::string preamble_of(std::uint32_t version) {
  return std::string(magic) + big_endian_32(version) + big_endian_32(0);
}

Error error_of(int number, std::string_view doing, const std::string& path) {
  const Code code = number == ENOENT                                         ? Code::not_found
                    : number == EACCES || number == EPERM || number == EROFS ? Code::denied
                    : number == EEXIST                                       ? Code::conflict
                                                                             : Code::unavailable;
  return {code, std::string(doing) + " " + path + ": " + std::strerror(number)};
}

// Splits a payload into records; false where its lengths do not fit.
bool each_record(std::string_view payload, const Visit& visit, bool& stopped) {
  while (!payload.empty() && !stopped) {
    if (payload.size() < lengths_bytes) return false;
    const std::size_t key = from_big_endian_32(payload.substr(0, 4));
    const std::size_t value = from_big_endian_32(payload.substr(4, 4));
    payload.remove_prefix(lengths_bytes);
    if (key > payload.size() || value > payload.size() - key) return false;
    stopped = !visit(payload.substr(0, key), payload.substr(key, value));
    payload.remove_prefix(key + value);
  }
  return true;
}

// The same without looking at what is in them.
std::optional<std::uint64_t> count_records(std::string_view payload) {
  std::uint64_t count = 0;
  bool stopped = false;
  const auto seen = [&](std::string_view, std::string_view) {
    ++count;
    return true;
  };
  if (!each_record(payload, seen, stopped)) return std::nullopt;
  return count;
}

struct Block {
  char type = 0;
  std::string payload;
  std::uint64_t bytes = 0;  // with head and digest
};

class BlockReader {
 public:
  BlockReader(std::istream& in, Digest before) : in_(in), before_(before) {}

  // Nothing: the file ends here.
  Result<std::optional<Block>> next() {
    auto head = take(block_head_bytes);
    if (head.empty()) return std::optional<Block>{};
    if (head.size() != block_head_bytes) return cut_off();
    Block block;
    block.type = head[0];
    const std::size_t length = from_big_endian_32(std::string_view(head).substr(4, 4));
    if ((block.type != header_block && block.type != records_block && block.type != end_block) || head[1] != 0 || head[2] != 0 ||
        head[3] != 0 || length > (block.type == header_block ? export_header_bytes_max : block_bytes_max))
      return fail(Code::corrupt, "what follows is no block of such a file");
    block.payload = take(length);
    if (block.payload.size() != length) return cut_off();
    const auto told = take(digest_bytes);
    if (told.size() != digest_bytes) return cut_off();
    const auto digest = digest_of(before_, head, block.payload);
    if (bytes_of(digest) != told) return fail(Code::corrupt, "the checksum of the next block does not fit");
    before_ = digest;
    block.bytes = block_head_bytes + length + digest_bytes;
    return std::optional(std::move(block));
  }

 private:
  static Unexpected cut_off() { return fail(Code::corrupt, "the file is cut off in the middle of a block"); }
  // As many as there are. Memory grows with what is really there, not with what a length claims.
  std::string take(std::size_t bytes) {
    std::string taken;
    while (taken.size() < bytes && in_) {
      const std::size_t step = std::min(bytes - taken.size(), read_step_bytes);
      const std::size_t before = taken.size();
      taken.resize(before + step);
      in_.read(taken.data() + before, static_cast<std::streamsize>(step));
      taken.resize(before + static_cast<std::size_t>(in_.gcount()));
    }
    return taken;
  }

  std::istream& in_;
  Digest before_;
};

}  // namespace

// ---- writing ---------------------------------------------------------------------------------------------------------------

struct ExportWriter::Opened {
  std::ostream* stream = nullptr;
  int fd = -1;
  std::string path;
  Digest before;
  std::string payload;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  bool finished = false;

  Result<void> write(std::string_view what) {
    bytes += what.size();
    if (stream != nullptr) {
      stream->write(what.data(), static_cast<std::streamsize>(what.size()));
      if (!*stream) return fail(Code::unavailable, "the stream does not take what is written");
      return {};
    }
    while (!what.empty()) {
      const ssize_t written = ::write(fd, what.data(), what.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return fail(error_of(errno, "write", path));
      what.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }

  Result<void> write_block(char type, std::string_view content) {
    const std::string head = std::string(1, type) + std::string(3, '\0') + big_endian_32(content.size());
    before = digest_of(before, head, content);
    if (auto done = write(head); !done) return done;
    if (auto done = write(content); !done) return done;
    return write(bytes_of(before));
  }

  Result<void> begin(const ExportHeader& header) {
    const std::string preamble = preamble_of(export_version);
    before = sha256(preamble);
    if (auto done = write(preamble); !done) return done;
    std::string content;
    for (const auto& [key, value] : header) put_record(content, key, value);
    if (content.size() > export_header_bytes_max) return fail(Code::invalid_input, "the header of an export is too long");
    return write_block(header_block, content);
  }
};

ExportWriter::ExportWriter(std::unique_ptr<Opened> opened) : opened_(std::move(opened)) {}
ExportWriter::ExportWriter(ExportWriter&&) noexcept = default;

ExportWriter& ExportWriter::operator=(ExportWriter&& other) noexcept {
  std::swap(opened_, other.opened_);
  return *this;
}

ExportWriter::~ExportWriter() {
  if (!opened_ || opened_->fd < 0) return;
  ::close(opened_->fd);
  if (!opened_->finished) ::unlink(opened_->path.c_str());
}

Result<ExportWriter> ExportWriter::create(const std::string& path, const ExportHeader& header) {
  auto opened = std::make_unique<Opened>();
  opened->path = path;
  opened->fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (opened->fd < 0) return fail(error_of(errno, "create", path));
  ExportWriter writer(std::move(opened));
  if (auto begun = writer.opened_->begin(header); !begun) return fail(begun.error());
  return writer;
}

Result<ExportWriter> ExportWriter::to(std::ostream& out, const ExportHeader& header) {
  ExportWriter writer(std::make_unique<Opened>());
  writer.opened_->stream = &out;
  if (auto begun = writer.opened_->begin(header); !begun) return fail(begun.error());
  return writer;
}

Result<void> ExportWriter::add(std::string_view key, std::string_view value) {
  auto& opened = *opened_;
  if (key.size() + value.size() > export_record_bytes_max) return fail(Code::invalid_input, "a row is too large for an export");
  put_record(opened.payload, key, value);
  ++opened.records;
  if (opened.payload.size() < export_block_bytes) return {};
  return opened.write_block(records_block, std::exchange(opened.payload, {}));
}

Result<void> ExportWriter::finish() {
  auto& opened = *opened_;
  if (!opened.payload.empty()) {
    if (auto done = opened.write_block(records_block, std::exchange(opened.payload, {})); !done) return done;
  }
  std::string content;
  put_record(content, "records", std::to_string(opened.records));
  if (auto done = opened.write_block(end_block, content); !done) return done;
  if (opened.stream != nullptr) {
    opened.stream->flush();
    if (!*opened.stream) return fail(Code::unavailable, "the stream does not take what is written");
  } else if (::fsync(opened.fd) != 0) {
    return fail(error_of(errno, "flush", opened.path));
  }
  opened.finished = true;
  return {};
}

std::uint64_t ExportWriter::records() const {
  return opened_->records;
}
std::uint64_t ExportWriter::bytes() const {
  return opened_->bytes;
}

// ---- reading ---------------------------------------------------------------------------------------------------------------

namespace {

// The version is looked at first: what comes after it is that version's business.
Result<Digest> read_preamble(std::istream& in) {
  std::array<char, preamble_bytes> bytes{};
  in.read(bytes.data(), bytes.size());
  const std::string_view preamble(bytes.data(), static_cast<std::size_t>(in.gcount()));
  if (preamble.size() < preamble_bytes || !preamble.starts_with(magic)) return fail(Code::invalid_input, "this is no exported history");
  const auto version = from_big_endian_32(preamble.substr(magic.size(), 4));
  if (version > export_version)
    return fail(Code::conflict, "the exported file is from a newer version of Abide (format " + std::to_string(version) +
                                    ", this one knows " + std::to_string(export_version) + ")");
  if (preamble != preamble_of(export_version)) return fail(Code::corrupt, "the first bytes of the exported file are damaged");
  return sha256(preamble);
}

Result<ExportHeader> read_header(BlockReader& blocks, std::uint64_t& bytes) {
  auto block = blocks.next();
  if (!block) return fail(block.error().in("header"));
  if (!*block || (*block)->type != header_block) return fail(Code::corrupt, "the exported file has no header");
  ExportHeader header;
  bool stopped = false;
  const auto keep = [&](std::string_view key, std::string_view value) {
    header.insert_or_assign(std::string(key), std::string(value));
    return true;
  };
  if (!each_record((*block)->payload, keep, stopped)) return fail(Code::corrupt, "the header of the exported file cannot be read");
  bytes += (*block)->bytes;
  return header;
}

std::optional<Error> check_end(std::string_view payload, std::uint64_t records) {
  std::string told;
  bool stopped = false;
  const auto look = [&](std::string_view key, std::string_view value) {
    if (key == "records") told = value;
    return true;
  };
  if (each_record(payload, look, stopped) && told == std::to_string(records)) return std::nullopt;
  return Error{Code::corrupt, "its end says " + told + " records, and there are " + std::to_string(records)};
}

}  // namespace

Result<ExportRead> read_export(std::istream& in, const Visit& visit, const std::function<void(std::uint64_t)>& at) {
  auto preamble = read_preamble(in);
  if (!preamble) return fail(preamble.error());
  BlockReader blocks(in, *preamble);
  ExportRead read;
  read.bytes = preamble_bytes;
  auto header = read_header(blocks, read.bytes);
  if (!header) return fail(header.error());
  read.header = std::move(*header);
  for (bool stopped = false; !stopped;) {
    auto block = blocks.next();
    const auto damaged = [&](const std::string& how) {
      read.damage = Error{Code::corrupt,
                          how + ", behind " + std::to_string(read.records) + " good records (byte " + std::to_string(read.bytes) + ")"};
      return read;
    };
    if (!block) return damaged(block.error().message);
    if (!*block) return damaged("the file is cut off: it has no end record");
    if ((*block)->type == end_block) {
      if (auto wrong = check_end((*block)->payload, read.records)) return damaged(wrong->message);
      read.bytes += (*block)->bytes;
      if (in.peek() != std::istream::traits_type::eof()) return damaged("something follows the end record");
      return read;
    }
    const auto count = (*block)->type == records_block ? count_records((*block)->payload) : std::nullopt;
    if (!count) return damaged("the next block cannot be read");
    (void)each_record((*block)->payload, visit, stopped);
    read.records += *count;
    read.bytes += (*block)->bytes;
    if (at) at(read.bytes);
  }
  return read;
}

Result<ExportRead> read_export(const std::string& path, const Visit& visit, const std::function<void(std::uint64_t)>& at) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(error_of(errno, "open", path));
  auto read = read_export(in, visit, at);
  if (!read) return fail(read.error().in(path));
  return read;
}

Result<LoadedExport> load_export(const std::string& path, const std::function<void(std::uint64_t)>& at) {
  LoadedExport loaded;
  const auto keep = [&](std::string_view key, std::string_view value) {
    loaded.rows.insert_or_assign(std::string(key), std::string(value));
    return true;
  };
  auto read = read_export(path, keep, at);
  if (!read) return fail(read.error());
  loaded.read = std::move(*read);
  return loaded;
}

bool is_export(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::array<char, magic.size()> bytes{};
  in.read(bytes.data(), bytes.size());
  return in && std::string_view(bytes.data(), bytes.size()) == magic;
}

}  // namespace abide
