#pragma once
// Package manifests and CVE lists of releases, from the file server: read beside the profiles, asked for again now and then
// only if they changed, and each with a failure of its own. What was good stays until something better is there.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"
#include "orchestrator/discovery/http.hpp"
#include "orchestrator/discovery/source.hpp"

namespace abide::discovery {

inline constexpr std::size_t list_bytes_max = 4 * 1024 * 1024;         // as it is served
inline constexpr std::size_t list_text_bytes_max = os_list_bytes_max;  // compact
inline constexpr std::size_t lists_bytes_max = 128UL * 1024 * 1024;    // of all texts of one source
inline constexpr std::size_t list_depth_max = 16;
inline constexpr std::int64_t list_fresh_ms = 3'600'000;  // a list that was good is asked for again after this long

enum class ListKind { packages, cves };

// The same JSON without blanks between its parts. invalid_input: no JSON, too deep, too large, or not of this kind:
// packages: {"Repo":[{"Name","Version",...}]}; cves: [{"cve_id","priority",...}]; only the first entry is looked at, and keys
// are found in any case.
Result<std::string> compact_list(ListKind kind, std::string_view json);

class Lists {
 public:
  // `settings`: those of the source; `files_root` its own.
  Lists(const SourceSettings& settings, std::string files_root, std::int64_t poll_ms);
  void cancel() { http_.cancel(); }

  // Adds what is known by now to a pass: no I/O.
  void add_known(Read& read);
  // Reads the lists of the pass's releases. True: add_known would add something else than before.
  bool refresh(const Read& read, bool everything);

 private:
  struct List {
    std::shared_ptr<const fleet::ReleaseList> good;  // nothing: not yet
    std::string etag, last_modified;
    std::int64_t good_at_mono_ms = 0;
    bool wanted = false;
  };
  struct Wanted {
    ListKind kind;
    std::string path;
  };
  static std::vector<Wanted> lists_of(const OsResource& resource);
  [[nodiscard]] std::string place_of(const std::string& path) const;
  // Whether a text changed, and whether all were looked at.
  std::pair<bool, bool> refresh_all(const std::vector<std::pair<std::string, ListKind>>& urls, const Now& now, bool everything);
  Result<bool> fetch(const std::string& url, ListKind kind, List& list);  // whether its text changed
  Result<Fetched> get(const std::string& url, const List& list);

  std::string files_root_;
  std::int64_t pass_timeout_ms_;
  std::function<Now()> now_;
  Ledger ledger_;
  Http http_;
  std::map<std::string, List> lists_;  // by URL: profiles share them
  std::size_t bytes_ = 0;              // of all texts
  std::vector<FailureRow> rows_;
  bool whole_ = false;  // the last refresh looked at every list
};

}  // namespace abide::discovery
