#pragma once
// Rows of a store in one file, to be carried away: docs/export-format.md. Streamed both ways: in memory is one block, and no
// more than the file really holds of it. One thread.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/result.hpp"
#include "common/store/memory_store.hpp"

namespace abide {

inline constexpr std::uint32_t export_version = 1;
inline constexpr std::size_t export_block_bytes = 16 * 1024;                           // a block ends with the record that reaches this
inline constexpr std::size_t export_record_bytes_max = (std::size_t{1} << 30) + 4096;  // the largest row there is: a snapshot
inline constexpr std::size_t export_header_bytes_max = 64 * 1024;

// What the file says of itself, in words. Known: kind (orchestrator, agent), source, made_at, made_by, secrets (included, left
// out), and where it is a part: project, node, since, until.
using ExportHeader = std::map<std::string, std::string>;

class ExportWriter {
 public:
  // A new file, readable for its owner only. conflict: there is one of that name; denied, unavailable: cannot be written.
  static Result<ExportWriter> create(const std::string& path, const ExportHeader& header);
  // The same into a stream that outlives the writer.
  static Result<ExportWriter> to(std::ostream& out, const ExportHeader& header);
  ExportWriter(ExportWriter&&) noexcept;
  ExportWriter& operator=(ExportWriter&&) noexcept;
  ~ExportWriter();  // without finish() a file is removed again

  Result<void> add(std::string_view key, std::string_view value);
  // The end record; the file is on disk when this returns.
  Result<void> finish();
  [[nodiscard]] std::uint64_t records() const;
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  struct Opened;
  explicit ExportWriter(std::unique_ptr<Opened> opened);
  std::unique_ptr<Opened> opened_;
};

struct ExportRead {
  ExportHeader header;
  std::uint64_t records = 0;  // good ones
  std::uint64_t bytes = 0;    // up to the end of the last good block
  // Cut off or damaged behind `records`: what came before is whole and was seen. Nothing: the file is complete.
  std::optional<Error> damage;
};
// Sees the records in their order until it returns false. `at` is told how many bytes are read.
// invalid_input: not such a file. conflict: of a newer version. corrupt: its header is damaged, nothing was seen.
Result<ExportRead> read_export(std::istream& in, const Visit& visit, const std::function<void(std::uint64_t)>& at = {});
// The same from a file; not_found, denied, unavailable, too.
Result<ExportRead> read_export(const std::string& path, const Visit& visit, const std::function<void(std::uint64_t)>& at = {});

// All of it in memory, to be read as a store.
struct LoadedExport {
  ExportRead read;
  MemoryStore::Content rows;
};
Result<LoadedExport> load_export(const std::string& path, const std::function<void(std::uint64_t)>& at = {});

// By its first bytes. False also where it cannot be read.
bool is_export(const std::string& path);

}  // namespace abide
