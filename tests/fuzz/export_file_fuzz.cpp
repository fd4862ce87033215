// Any bytes as an exported history; and any damage to one that was written here.
#include <sstream>
#include <vector>

#include "common/store/export_file.hpp"
#include "tests/fuzz/require.hpp"

namespace {

using namespace abide;
using Records = std::vector<std::pair<std::string, std::string>>;

std::string written(const ExportHeader& header, const Records& records) {
  std::ostringstream out;
  auto writer = ExportWriter::to(out, header);
  fuzz::require(writer.has_value(), "a header that was read can be written");
  for (const auto& [key, value] : records) fuzz::require(writer->add(key, value).has_value(), "a record can be written");
  fuzz::require(writer->finish().has_value(), "a file can be ended");
  return out.str();
}

Records records_in(const std::string& bytes, Result<ExportRead>& read) {
  Records records;
  std::istringstream in(bytes);
  read = read_export(in, [&](std::string_view key, std::string_view value) {
    records.emplace_back(key, value);
    return true;
  });
  return records;
}

// Whatever is read of any bytes, is read the same of what is written from it.
void read_any(std::string_view bytes) {
  Result<ExportRead> read = ExportRead{};
  const auto records = records_in(std::string(bytes), read);
  if (!read) return;
  fuzz::require(read->records == records.size(), "records are counted");
  Result<ExportRead> again = ExportRead{};
  fuzz::require(records_in(written(read->header, records), again) == records, "records read the same again");
  fuzz::require(again.has_value() && !again->damage && again->header == read->header, "what was written is whole");
}

// Records of the input's bytes, one byte of their file changed, or the file cut off there: never another record than was
// written, and never without a word.
void damage_one(std::string_view bytes) {
  if (bytes.size() < 6) return;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const std::size_t place = byte(0) << 16U | byte(1) << 8U | byte(2);
  const auto change = static_cast<char>(bytes[3]);
  const std::size_t step = byte(4) + 1U;
  const std::size_t times = byte(5) + 1U;  // so that a few bytes fill several blocks
  Records records;
  for (std::size_t at = 6; at < bytes.size(); at += step)
    records.emplace_back(std::string(bytes.substr(at, 1)), std::string(times, bytes[at]) + std::string(bytes.substr(at, step)));
  auto file = written({{"kind", "agent"}}, records);
  const std::size_t at = place % file.size();
  if (change == 0)
    file.resize(at);
  else
    file[at] = static_cast<char>(file[at] ^ change);
  Result<ExportRead> read = ExportRead{};
  const auto seen = records_in(file, read);
  fuzz::require(!read || read->damage.has_value(), "damage is told");
  fuzz::require(seen.size() <= records.size(), "no record comes of damage");
  for (std::size_t i = 0; i < seen.size(); ++i)
    fuzz::require(seen[i] == records[i], "records before the damage are those that were written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.starts_with("\x89"))
    read_any(bytes);
  else
    damage_one(bytes);
  return 0;
}
