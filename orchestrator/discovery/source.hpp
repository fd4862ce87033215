#pragma once
// A release service, read: a directory, an index over http(s), or an OCI registry; every manifest checked against its digest
// and parsed. One broken entry is a failure of its own and never stops the others. Does I/O; one thread at a time.
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/core/ids.hpp"
#include "common/core/result.hpp"
#include "common/core/time.hpp"
#include "common/release/paths.hpp"
#include "orchestrator/discovery/pass.hpp"
#include "orchestrator/fleet/machine.hpp"

namespace abide::discovery {

inline constexpr std::size_t index_bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t entries_max = 10'000;
inline constexpr int directory_depth_max = 8;
inline constexpr std::int64_t directory_poll_ms = 10'000;
inline constexpr std::int64_t url_poll_ms = 15 * 60'000;

Now system_now();

struct SourceSettings {
  std::string releases;                       // a directory, file://DIR, http://..., https://..., oci://..., or oci+http://...
  std::string files;                          // where `osImageUrl` is relative to; empty: `releases`, which a registry cannot be
  std::vector<std::string> enabled_profiles;  // empty: all
  std::string profile_revision;               // with a registry: a tag, or ~X.Y.Z
  std::string credentials;                    // with a registry: a file of lines HOST[:PORT] USER:PASSWORD, for its owner's eyes only
  std::string orchestrator_version;           // empty: manifests are for every one
  std::int64_t poll_ms = 0;                   // between two passes; 0: by the kind of source
  std::int64_t connect_timeout_ms = 5'000;
  std::int64_t request_timeout_ms = 60'000;
  std::int64_t pass_timeout_ms = 5 * 60'000;  // for all entries together; the rest is read in the next pass
  std::function<Now()> now = system_now;
  std::uint64_t seed = 1;  // of the pauses between attempts
};

class Source {
 public:
  // invalid_input: the settings, by name.
  static Result<std::unique_ptr<Source>> open(SourceSettings settings);
  virtual ~Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // One pass. What is wrong with the service as a whole is one failure under its own name. `everything`: also what is broken
  // and not yet due again.
  virtual Read read(bool everything) = 0;
  // Makes a running read end soon. From any thread.
  virtual void cancel() = 0;
  [[nodiscard]] virtual std::int64_t poll_ms() const = 0;
  [[nodiscard]] virtual const std::string& name() const = 0;
  [[nodiscard]] virtual const std::string& files_root() const = 0;  // absolute URL that image paths are relative to

 protected:
  Source() = default;
};

// What every kind of source needs to make passes.
struct PassMaker {
  PassMaker(const SourceSettings& settings, std::int64_t poll_ms);
  Pass begin(bool everything);

  std::function<Now()> now;
  std::set<std::string> enabled;
  Ledger ledger;
};

struct Rules {
  std::string files_root;
  std::string orchestrator_version;  // empty: any
};

// One manifest's bytes as an OS resource without id. invalid_input; corrupt; conflict: not for this orchestrator.
struct Expected {  // what is known of an entry beforehand; empty and none: nothing
  std::string_view by = "the index";
  std::string profile_name;
  std::string os_image_version;
  Digest sha256;
};
Result<OsResource> resource_of(std::string_view manifest, const Expected& expected, const Rules& rules);

struct IndexEntry {
  Expected expected;
  std::string path;
};
struct Index {
  std::vector<IndexEntry> entries;
  std::vector<fleet::ProfilesRead::Failure> failures;  // entries that are wrong; the rest stands
};
// {"profiles":[{"profileName","osImageVersion","manifest","sha256"}]}. invalid_input: not that at all.
Result<Index> parse_index(std::string_view json, const std::string& source);

}  // namespace abide::discovery
