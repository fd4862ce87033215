#pragma once
// A release service, read: index.json (or the *.yaml files of a directory), every manifest checked against its digest and
// parsed. One broken entry is a failure of its own and never stops the others. Does I/O; one thread at a time.
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "common/core/ids.hpp"
#include "common/core/result.hpp"
#include "orchestrator/fleet/machine.hpp"

namespace abide::discovery {

inline constexpr std::size_t index_bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t entries_max = 10'000;
inline constexpr std::size_t failures_max = 100;  // told of one pass; what is beyond is counted in the last one
inline constexpr int directory_depth_max = 8;

struct SourceSettings {
  std::string releases;  // a directory, file://DIR, http://... or https://...
  std::string files;     // where `osImageUrl` is relative to; empty: `releases`
  std::int64_t connect_timeout_ms = 5'000;
  std::int64_t request_timeout_ms = 60'000;
  std::int64_t pass_timeout_ms = 5 * 60'000;  // for all entries together; the rest is read in the next pass
};

// An HTTP answer that is not an error. `not_modified`: the caller's copy is good.
struct Fetched {
  bool not_modified = false;
  std::string body;
  std::string etag;
  std::string last_modified;
};

// GET of a small file over http(s). unavailable: connection, 5xx, 429; not_found: 404, 410; denied: 401, 403; timeout;
// invalid_input: anything else that the server refuses, or a body larger than `bytes_max`.
class Http {
 public:
  Http(std::int64_t connect_timeout_ms, std::int64_t request_timeout_ms);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;
  Result<Fetched> get(const std::string& url, std::size_t bytes_max, const std::string& etag, const std::string& last_modified);
  // Makes a running get end soon with `unavailable`. From any thread.
  void cancel();

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

class Source {
 public:
  // invalid_input: the settings, by name.
  static Result<std::unique_ptr<Source>> open(SourceSettings settings);
  virtual ~Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // One pass. What is wrong with the service as a whole is one failure under its own name, and then nothing is found.
  virtual fleet::ProfilesRead read() = 0;
  // Makes a running read end soon. From any thread.
  virtual void cancel() = 0;
  [[nodiscard]] virtual bool is_directory() const = 0;
  [[nodiscard]] virtual const std::string& name() const = 0;
  [[nodiscard]] virtual const std::string& files_root() const = 0;  // absolute URL that image paths are relative to

 protected:
  Source() = default;
};

// One manifest's bytes as an OS resource without id. invalid_input, corrupt.
struct Expected {  // what an index says of an entry; empty and none: nothing
  std::string profile_name;
  std::string os_image_version;
  Digest sha256;
};
Result<OsResource> resource_of(std::string_view manifest, const Expected& expected, const std::string& files_root);

// "root" + "/" + relative path, each byte that a URL cannot carry written %XX. An absolute http(s) URL stays as it is.
std::string absolute_url(std::string_view root, std::string_view path);
// A relative path below the root: no scheme, no leading "/", no "..", no control characters.
bool is_safe_relative_path(std::string_view path);

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
