#pragma once
// What a look at release services brings, put together. Pure.
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/core/ids.hpp"
#include "orchestrator/discovery/ledger.hpp"
#include "orchestrator/fleet/machine.hpp"

namespace abide::discovery {

using ReleaseKey = std::pair<std::string, std::string>;  // profile, version

// Lists that belong to a release, as compact JSON. Empty: its manifest names none, or it could not be read yet.
struct Details {
  std::string installed_packages;  // {"Repo":[{"Name","Version",...}]}
  std::string existing_cves;       // [{"cve_id","priority",...}]
  std::string fixed_cves;
  friend bool operator==(const Details&, const Details&) = default;
};

struct Read {
  fleet::ProfilesRead profiles;  // `failures` are those of `rows`
  std::map<ReleaseKey, Details> details;
  std::vector<FailureRow> rows;
  bool complete = true;  // false: the service as a whole could not be read; what is not here may still be there
};

// A profile and version that is there more than once is one resource: the one that was known first, here or in an earlier
// pass, stays. The same image under other words (every package of profiles writes its own version into them) is no matter;
// another image is a failure that names both places.
struct Known {
  Digest artifact, raw;
};
using KnownImages = std::map<ReleaseKey, Known>;
std::vector<fleet::ProfilesRead::Found> settle(std::vector<fleet::ProfilesRead::Found> found, KnownImages& known, Ledger& ledger);

// Rows as the fleet takes them.
std::vector<fleet::ProfilesRead::Failure> failures_of(const std::vector<FailureRow>& rows);

// Collects one pass over one service.
class Pass {
 public:
  // `enabled`: profiles that are taken; empty: all.
  Pass(Ledger& ledger, KnownImages& known, const std::set<std::string>& enabled) : ledger_(ledger), known_(known), enabled_(enabled) {}
  void found(const std::string& source, OsResource resource);
  bool ask(const std::string& source) { return ledger_.ask(source); }
  void failed(const std::string& source, const std::string& error) { ledger_.failed(source, error); }
  void refused(const std::string& source, const std::string& reason) { ledger_.refused(source, reason); }
  void failed(const std::string& source, const Error& error);  // conflict: refused
  Read finish(bool complete) &&;

 private:
  Ledger& ledger_;
  KnownImages& known_;
  const std::set<std::string>& enabled_;
  std::vector<fleet::ProfilesRead::Found> found_;
};

}  // namespace abide::discovery
