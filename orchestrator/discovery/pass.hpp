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
  fleet::ProfilesRead profiles;  // `failures` are those of `rows`, where this is what is delivered
  std::vector<FailureRow> rows;
  bool complete = true;           // false: the service as a whole could not be read; what is not here may still be there
  std::set<std::string> missing;  // profiles that were asked for by name, and of which it has nothing
};

// A profile and version that a service has more than once as the same image is one release, with the words that come last:
// every package of profiles writes its own into them. Another image of the same version is for each project to judge.
std::vector<fleet::ProfilesRead::Found> without_doubles(std::vector<fleet::ProfilesRead::Found> found);

// Rows as the fleet takes them.
std::vector<fleet::ProfilesRead::Failure> failures_of(const std::vector<FailureRow>& rows);

// Collects one pass over one service.
class Pass {
 public:
  // `enabled`: profiles that are taken; empty: all.
  Pass(Ledger& ledger, const std::set<std::string>& enabled) : ledger_(ledger), enabled_(enabled) {}
  void found(const std::string& source, OsResource resource);
  bool ask(const std::string& source) { return ledger_.ask(source); }
  void good(const std::string& source);  // it was asked, and the answer is right
  void failed(const std::string& source, const std::string& error) { ledger_.failed(source, error); }
  void refused(const std::string& source, const std::string& reason) { ledger_.refused(source, reason); }
  void failed(const std::string& source, const Error& error);          // conflict: refused
  void unread(const std::string& place) { unread_.push_back(place); }  // nobody could look what is in it
  // `service`: its name. `complete`: all of it was looked at, but for what is unread.
  Read finish(const std::string& service, bool complete) &&;
  // The same, and `missing` is told: of a service that does not tell it itself.
  Read finish_and_tell_missing(const std::string& service, bool complete) &&;

 private:
  Ledger& ledger_;
  const std::set<std::string>& enabled_;
  std::set<std::string> seen_;  // profiles, also of those that are not taken
  std::vector<std::string> good_, unread_;
  std::vector<fleet::ProfilesRead::Found> found_;
};

}  // namespace abide::discovery
