// What was released stays: in every table and enum the released entries come first, unchanged. `flatc --conform`
// (tests/schemas) does not see a last field that is gone; this does.
#include <algorithm>
#include <filesystem>
#include <gtest/gtest.h>

#include "tests/unit/events/listed.hpp"
#include "tests/unit/events/schema.hpp"

namespace abide {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> released_versions() {
  std::vector<std::string> versions;
  for (const auto& entry : fs::directory_iterator(fs::path(ABIDE_SOURCE_DIR) / "schemas/released"))
    versions.push_back("released/" + entry.path().filename().string() + "/");
  return versions;
}

template <class List>
bool begins_with(const List& list, const List& beginning) {
  return list.size() >= beginning.size() && std::equal(beginning.begin(), beginning.end(), list.begin());
}

std::vector<std::pair<std::string, std::int64_t>> values_of(const flatbuffers::EnumDef& definition) {
  std::vector<std::pair<std::string, std::int64_t>> values;
  for (const auto* value : definition.Vals()) values.emplace_back(value->name, value->GetAsInt64());
  return values;
}

void expect_kept(const flatbuffers::Parser& now, const flatbuffers::Parser& before, const std::string& version) {
  for (const auto* table : before.structs_.vec) {
    const auto* found = now.LookupStruct("abide.wire." + table->name);
    ASSERT_NE(found, nullptr) << version << table->name;
    EXPECT_TRUE(begins_with(test::listed_in_schema(*found), test::listed_in_schema(*table))) << version << table->name;
  }
  for (const auto* definition : before.enums_.vec) {
    const auto* found = now.enums_.Lookup("abide.wire." + definition->name);
    ASSERT_NE(found, nullptr) << version << definition->name;
    EXPECT_TRUE(begins_with(values_of(*found), values_of(*definition))) << version << definition->name;
  }
}

TEST(ReleasedSchemas, AreOnlyEverAppendedTo) {
  ASSERT_FALSE(released_versions().empty());
  struct Root {
    std::string file, name, identifier;
  };
  for (const auto& root : {Root{"envelope.fbs", "Envelope", "ABD1"}, Root{"rows_node.fbs", "NodeState", "ABDN"},
                           Root{"rows_fleet.fbs", "FleetSnapshot", "ABDF"}}) {
    const auto now = test::parse_schema(test::joined_schemas(root.file), root.name, root.identifier);
    for (const auto& version : released_versions()) {
      const auto before = test::parse_schema(test::joined_schemas(root.file, version), root.name, root.identifier);
      expect_kept(*now, *before, version);
    }
  }
}

}  // namespace
}  // namespace abide
