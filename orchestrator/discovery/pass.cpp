#include "orchestrator/discovery/pass.hpp"

#include <tuple>

namespace abide::discovery {

std::vector<fleet::ProfilesRead::Found> without_doubles(std::vector<fleet::ProfilesRead::Found> found) {
  std::map<std::tuple<std::string, std::string, Digest, Digest>, std::size_t> places;
  std::vector<fleet::ProfilesRead::Found> once;
  for (auto& one : found) {
    const OsResource& resource = one.resource;
    const auto [place, fresh] =
        places.emplace(std::tuple{resource.profile_name, resource.image_id, resource.artifact.sha256, resource.raw.sha256}, once.size());
    if (fresh) {
      once.push_back(std::move(one));
    } else {
      once[place->second] = std::move(one);
    }
  }
  return once;
}

std::vector<fleet::ProfilesRead::Failure> failures_of(const std::vector<FailureRow>& rows) {
  std::vector<fleet::ProfilesRead::Failure> failures;
  failures.reserve(rows.size());
  for (const auto& row : rows) failures.push_back({row.source, row.error});
  return failures;
}

void Pass::found(const std::string& source, OsResource resource) {
  seen_.insert(resource.profile_name);
  if (enabled_.empty() || enabled_.contains(resource.profile_name)) found_.push_back({source, std::move(resource)});
}

void Pass::good(const std::string& source) {
  ledger_.good(source);
  good_.push_back(source);
}

void Pass::failed(const std::string& source, const Error& error) {
  if (error.code == Code::conflict) return refused(source, error.message);
  failed(source, error.message);
}

Read Pass::finish(const std::string& service, bool complete) && {
  Read read;
  read.profiles.found = without_doubles(std::move(found_));
  read.rows = ledger_.finish(complete, unread_);
  read.profiles.failures = failures_of(read.rows);
  read.complete = complete;
  auto& reach = read.profiles.reach;
  reach.fine = std::move(good_);
  reach.complete = complete && unread_.empty();
  (complete ? reach.whole : reach.unread).push_back(service);
  reach.unread.insert(reach.unread.end(), std::make_move_iterator(unread_.begin()), std::make_move_iterator(unread_.end()));
  return read;
}

Read Pass::finish_and_tell_missing(const std::string& service, bool complete) && {
  std::set<std::string> missing;
  for (const auto& profile : enabled_) {
    if (complete && !seen_.contains(profile)) missing.insert(profile);
  }
  Read read = std::move(*this).finish(service, complete);
  read.missing = std::move(missing);
  return read;
}

}  // namespace abide::discovery
