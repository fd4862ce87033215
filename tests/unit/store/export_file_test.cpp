// The file format of exported histories (docs/export-format.md).
#include "common/store/export_file.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <sys/stat.h>
#include <vector>

#include "common/core/hash.hpp"
#include "common/core/random.hpp"
#include "tests/support/child.hpp"

namespace abide {
namespace {

using Records = std::vector<std::pair<std::string, std::string>>;

const ExportHeader header = {{"kind", "agent"}, {"made_by", "a test"}};

std::string written(const Records& records) {
  std::ostringstream out;
  auto writer = ExportWriter::to(out, header);
  EXPECT_TRUE(writer);
  for (const auto& [key, value] : records) EXPECT_TRUE(writer->add(key, value));
  EXPECT_TRUE(writer->finish());
  EXPECT_EQ(writer->records(), records.size());
  EXPECT_EQ(writer->bytes(), out.str().size());
  return out.str();
}

struct Seen {
  Result<ExportRead> read = ExportRead{};
  Records records;
};
Seen seen_in(const std::string& bytes) {
  std::istringstream in(bytes);
  Seen seen;
  seen.read = read_export(in, [&](std::string_view key, std::string_view value) {
    seen.records.emplace_back(key, value);
    return true;
  });
  return seen;
}

Records some_records() {
  Random random{5};
  Records records = {{"", ""}, {"key", ""}, {std::string("\0\xff", 2), "bytes"}};
  for (int i = 0; i < 400; ++i) records.emplace_back("row/" + std::to_string(i), std::string(random.below(300), static_cast<char>(i)));
  records.emplace_back("large", std::string(3 * export_block_bytes, 'x'));
  records.emplace_back("last", "one");
  return records;
}

TEST(ExportFile, ReadsWhatWasWrittenInItsOrder) {
  for (const auto& records : {Records{}, Records{{"a", "b"}}, some_records()}) {
    const auto seen = seen_in(written(records));
    ASSERT_TRUE(seen.read) << seen.read.error().message;
    EXPECT_FALSE(seen.read->damage);
    EXPECT_EQ(seen.read->header, header);
    EXPECT_EQ(seen.read->records, records.size());
    EXPECT_EQ(seen.records, records);
  }
}

TEST(ExportFile, LooksAsItsPageSays) {
  const auto bytes = written({{"k", "vv"}});
  const std::string preamble(
      "\x89"
      "ABX\r\n\x1a\n\0\0\0\1\0\0\0\0",
      16);
  ASSERT_EQ(bytes.substr(0, 16), preamble);
  std::string head("H\0\0\0", 4);
  const std::string fields =
      std::string("\0\0\0\4\0\0\0\5", 8) + "kind" + "agent" + std::string("\0\0\0\7\0\0\0\6", 8) + "made_by" + "a test";
  head += std::string("\0\0\0", 3) + static_cast<char>(fields.size());
  ASSERT_EQ(bytes.substr(16, 8), head);
  ASSERT_EQ(bytes.substr(24, fields.size()), fields);
  const auto text = [](const Digest& digest) { return std::string(reinterpret_cast<const char*>(digest.bytes.data()), 32); };
  const auto first = sha256(text(sha256(preamble)) + head + fields);
  ASSERT_EQ(bytes.substr(24 + fields.size(), 32), text(first));
  const std::string record = std::string("R\0\0\0\0\0\0\x0b", 8) + std::string("\0\0\0\1\0\0\0\2", 8) + "kvv";
  const auto at = 24 + fields.size() + 32;
  ASSERT_EQ(bytes.substr(at, record.size()), record);
  EXPECT_EQ(bytes.substr(at + record.size(), 32), text(sha256(text(first) + record)));
}

TEST(ExportFile, CutOffAnywhereGivesWholeRecordsOnlyAndSaysSo) {
  const auto records = some_records();
  const auto bytes = written(records);
  for (std::size_t size = 0; size < bytes.size(); size += size < 300 ? 1 : 97) {
    const auto seen = seen_in(bytes.substr(0, size));
    ASSERT_LE(seen.records.size(), records.size());
    EXPECT_TRUE(std::equal(seen.records.begin(), seen.records.end(), records.begin()));
    if (seen.read) {
      ASSERT_TRUE(seen.read->damage) << size;
      EXPECT_NE(seen.read->damage->message.find(std::to_string(seen.records.size()) + " good records"), std::string::npos);
    } else {
      EXPECT_TRUE(seen.records.empty());
      EXPECT_LT(size, 100U) << seen.read.error().message;
    }
  }
}

TEST(ExportFile, AChangedByteIsNoticedWhereverItIs) {
  const auto records = some_records();
  const auto bytes = written(records);
  for (std::size_t at = 0; at < bytes.size(); at += at < 300 ? 1 : 131) {
    auto changed = bytes;
    changed[at] ^= 0x20;
    const auto seen = seen_in(changed);
    EXPECT_TRUE(!seen.read || seen.read->damage) << at;
    ASSERT_LE(seen.records.size(), records.size());
    EXPECT_TRUE(std::equal(seen.records.begin(), seen.records.end(), records.begin())) << at;
  }
}

TEST(ExportFile, ABlockThatIsMissingTwiceThereOrFollowedBySomethingIsNoticed) {
  Records records;
  for (int i = 0; i < 3; ++i) records.emplace_back("row" + std::to_string(i), std::string(export_block_bytes, static_cast<char>('a' + i)));
  const auto bytes = written(records);
  const auto block = 8 + 8 + 4 + export_block_bytes + 32;  // of each record
  const auto start = bytes.find(std::string("R\0\0\0", 4));
  ASSERT_NE(start, std::string::npos);
  auto without = bytes;
  without.erase(start + block, block);
  auto twice = bytes;
  twice.insert(start + block, bytes.substr(start, block));
  for (const auto& changed : {without, twice, bytes + "x"}) {
    const auto seen = seen_in(changed);
    ASSERT_TRUE(seen.read);
    EXPECT_TRUE(seen.read->damage);
  }
  EXPECT_EQ(seen_in(without).records.size(), 1U);
  EXPECT_EQ(seen_in(twice).records.size(), 1U);
  EXPECT_EQ(seen_in(bytes + "x").records.size(), 3U);
}

TEST(ExportFile, OfANewerVersionIsRefusedBeforeAnythingOfItIsRead) {
  auto bytes = written({{"a", "b"}});
  bytes[11] = 2;
  const auto seen = seen_in(bytes.substr(0, 40) + "whatever that version has here");
  ASSERT_FALSE(seen.read);
  EXPECT_EQ(seen.read.error().code, Code::conflict);
  EXPECT_NE(seen.read.error().message.find("newer version"), std::string::npos);
  EXPECT_NE(seen.read.error().message.find("format 2"), std::string::npos);
}

TEST(ExportFile, ALengthThatClaimsMoreThanThereIsCostsNoMemory) {
  auto bytes = written({{"a", "b"}});
  const auto at = bytes.find(std::string("R\0\0\0", 4));
  ASSERT_NE(at, std::string::npos);
  bytes[at + 4] = 0x3f;  // a GiB
  const auto seen = seen_in(bytes);
  ASSERT_TRUE(seen.read);
  EXPECT_TRUE(seen.read->damage);
}

TEST(ExportFile, EndsEarlyWhereItsReaderHasEnough) {
  const auto bytes = written(some_records());
  std::istringstream in(bytes);
  int seen = 0;
  auto read = read_export(in, [&](std::string_view, std::string_view) { return ++seen < 3; });
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->damage);
  EXPECT_EQ(seen, 3);
}

TEST(ExportFile, IsItsOwnersAloneNeverReplacesOneAndGoesWithAnUnfinishedWriter) {
  test::TemporaryDirectory directory;
  const auto path = directory / "file";
  {
    auto writer = ExportWriter::create(path, header);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->add("a", "b"));
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  {
    auto writer = ExportWriter::create(path, header);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->add("a", "b"));
    ASSERT_TRUE(writer->finish());
  }
  EXPECT_TRUE(is_export(path));
  EXPECT_EQ(ExportWriter::create(path, header).error().code, Code::conflict);
  auto loaded = load_export(path);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->rows, (MemoryStore::Content{{"a", "b"}}));
}

TEST(ExportFile, ThatIsNoneIsSaidToBeNone) {
  test::TemporaryDirectory directory;
  std::ofstream(directory / "text") << "a text that is long enough to be one";
  EXPECT_FALSE(is_export(directory / "text"));
  EXPECT_FALSE(is_export(directory / "nothing"));
  EXPECT_EQ(load_export(directory / "text").error().code, Code::invalid_input);
  EXPECT_EQ(load_export(directory / "nothing").error().code, Code::not_found);
}

}  // namespace
}  // namespace abide
