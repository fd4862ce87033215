#include "orchestrator/discovery/pass.hpp"

#include <optional>

namespace abide::discovery {

namespace {

bool same_image(const Known& known, const OsResource& resource) {
  return known.artifact == resource.artifact.sha256 && known.raw == resource.raw.sha256;
}

std::string digest_text(const OsResource& resource, const OsResource& other) {
  return resource.artifact.sha256 == other.artifact.sha256 ? "raw " + to_hex(resource.raw.sha256) : to_hex(resource.artifact.sha256);
}

}  // namespace

std::vector<fleet::ProfilesRead::Found> settle(std::vector<fleet::ProfilesRead::Found> found, KnownImages& known, Ledger& ledger) {
  std::map<ReleaseKey, std::size_t> chosen;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const ReleaseKey key{found[i].resource.profile_name, found[i].resource.image_id};
    const auto [place, first] = chosen.emplace(key, i);
    const auto before = known.find(key);
    if (first || before == known.end()) continue;
    if (!same_image(before->second, found[place->second].resource) && same_image(before->second, found[i].resource)) place->second = i;
  }
  std::vector<bool> stays(found.size(), false);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const OsResource& resource = found[i].resource;
    const ReleaseKey key{resource.profile_name, resource.image_id};
    const std::size_t winner = chosen.at(key);
    stays[i] = winner == i;
    const OsResource& other = found[winner].resource;
    if (stays[i]) {
      known.emplace(key, Known{resource.artifact.sha256, resource.raw.sha256});
    } else if (!same_image({other.artifact.sha256, other.raw.sha256}, resource)) {
      ledger.refused(found[i].source, key.first + " " + key.second + " is another image here, " + digest_text(resource, other) +
                                          ", than in " + found[winner].source + ", " + digest_text(other, resource) + "; that one stays");
    }
  }
  if (known.size() > known_images_max && known.size() > chosen.size())
    std::erase_if(known, [&](const auto& entry) { return !chosen.contains(entry.first); });
  std::vector<fleet::ProfilesRead::Found> settled;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (stays[i]) settled.push_back(std::move(found[i]));
  }
  return settled;
}

std::vector<fleet::ProfilesRead::Failure> failures_of(const std::vector<FailureRow>& rows) {
  std::vector<fleet::ProfilesRead::Failure> failures;
  failures.reserve(rows.size());
  for (const auto& row : rows) failures.push_back({row.source, row.error});
  return failures;
}

void Pass::found(const std::string& source, OsResource resource) {
  if (enabled_.empty() || enabled_.contains(resource.profile_name)) found_.push_back({source, std::move(resource)});
}

void Pass::failed(const std::string& source, const Error& error) {
  if (error.code == Code::conflict) return refused(source, error.message);
  failed(source, error.message);
}

Read Pass::finish(bool complete) && {
  Read read;
  read.profiles.found = settle(std::move(found_), known_, ledger_);
  read.rows = cut(ledger_.finish(complete));
  read.profiles.failures = failures_of(read.rows);
  read.complete = complete;
  return read;
}

}  // namespace abide::discovery
