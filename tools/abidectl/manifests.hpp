#pragma once
// YAML files of what is to be made, in the form of the platform's own tools: `spec`, and here also `kind`. Asks no server: what
// a document names (an OS profile, a site) stays a name until it is made.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/core/result.hpp"
#include "tools/abidectl/kinds.hpp"

namespace abide::ctl {

inline constexpr std::size_t manifest_bytes_max = 1U << 20U;
inline constexpr std::size_t manifest_files_max = 1'000;  // of a folder
inline constexpr std::size_t documents_max = 1'000;       // of one call

// A member that must be an id, and the name that the document has for it.
struct NamedMember {
  std::string member;
  const Kind* kind = nullptr;
  std::string name;
  std::string where;
};

struct Manifest {
  std::string where;  // "sites.yaml:12": its spec
  const Kind* kind = nullptr;
  std::string path;  // of the API, to be posted to
  std::string name;
  Json body;
  std::vector<NamedMember> names;
};

// All documents of a text. `kind` null: each says itself what it is, by `kind`, or by members that only one kind has. Notes are
// what is left out, for people. invalid_input with the line.
Result<std::vector<Manifest>> read_manifests(const std::string& source, const std::string& text, const Kind* kind, std::int64_t now_ms,
                                             std::vector<std::string>& notes);

// What others name comes before them: OS profiles, policies, regions (outer before inner), sites, hosts, schedules; else as
// they were. invalid_input where regions lie in each other.
Result<std::vector<Manifest>> in_order_of_making(std::vector<Manifest> manifests);

}  // namespace abide::ctl
