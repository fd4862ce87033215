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

struct Read {
  fleet::ProfilesRead profiles;  // `failures` are those of `rows`
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
// When more are known, those that a pass does not list are forgotten: what projects have made of them knows their digests still.
inline constexpr std::size_t known_images_max = 20'000;
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
  void good(const std::string& source) { ledger_.good(source); }  // it was asked, and the answer is right
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
