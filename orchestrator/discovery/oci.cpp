#include "orchestrator/discovery/oci.hpp"

#include <algorithm>

#include "orchestrator/discovery/registry.hpp"

namespace abide::discovery {

namespace {

constexpr const char* late_text = "not read: the time for one pass is over";

class OciSource final : public Source {
 public:
  OciSource(OciAddress address, Revision revision, std::string user_password, const SourceSettings& settings)
      : name_(address.name),
        revision_(std::move(revision)),
        rules_{settings.files, settings.orchestrator_version},
        poll_ms_(settings.poll_ms != 0 ? settings.poll_ms : url_poll_ms),
        pass_timeout_ms_(settings.pass_timeout_ms),
        passes_(settings, poll_ms_),
        registry_(std::move(address), std::move(user_password), settings.connect_timeout_ms, settings.request_timeout_ms) {}

  void cancel() override { registry_.cancel(); }
  [[nodiscard]] std::int64_t poll_ms() const override { return poll_ms_; }
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] const std::string& files_root() const override { return rules_.files_root; }

  Read read(bool everything) override {
    Pass pass = passes_.begin(everything);
    until_mono_ms_ = passes_.now().mono_ms + pass_timeout_ms_;
    down_ = unlisted_all_ = false;
    unlisted_.clear();
    const std::vector<Entry> entries = list_entries(pass);
    // What was never read goes first, so that a slow registry brings something new with every pass.
    std::vector<const Entry*> order;
    for (const auto& entry : entries) order.push_back(&entry);
    std::stable_partition(order.begin(), order.end(), [&](const Entry* entry) { return !read_before_.contains(entry->source); });
    for (const auto* entry : order) {
      if (!down_) read_tag(*entry, pass);
    }
    const bool complete = !down_ && !unlisted_all_ && !registry_.cancelled();
    tell(entries, complete, pass);
    for (const auto& profile : unlisted_) pass.unread(name_ + "/" + profile);
    return std::move(pass).finish(name_, complete);
  }

 private:
  struct Entry {
    std::string profile, tag, source;
  };
  struct ReadBefore {
    std::string etag;
    Digest blob;
    OsResource resource;
    std::string refused;  // not for this orchestrator: why
  };

  std::vector<Entry> list_entries(Pass& pass) {
    std::vector<Entry> entries;
    for (const auto& profile : profiles(pass)) {
      for (auto& tag : tags(profile, pass)) {
        std::string source = name_ + "/" + profile + ":" + tag;
        entries.push_back({profile, std::move(tag), std::move(source)});
      }
      if (down_) break;
      if (entries.size() > entries_max) {
        pass.refused(name_, "more than " + std::to_string(entries_max) + " tags: the rest is not read");
        entries.resize(entries_max);
        break;
      }
    }
    return entries;
  }

  [[nodiscard]] bool is_late() const { return passes_.now().mono_ms > until_mono_ms_; }

  // Where an error is the registry's as a whole, it is told once, under its own name, and ends the pass.
  void failed(const std::string& source, const Error& error, Pass& pass, bool waits = true) {
    if (registry_.cancelled()) {
      down_ = true;
      return;
    }
    if (error.code == Code::unavailable || error.code == Code::timeout) {
      if (auto up = registry_.check(); !up) {
        down_ = true;
        return pass.refused(name_, up.error().message);
      }
    }
    if (!waits) return pass.refused(source, error.message);
    pass.failed(source, error);
  }

  std::vector<std::string> profiles(Pass& pass) {
    if (!passes_.enabled.empty()) return {passes_.enabled.begin(), passes_.enabled.end()};
    auto profiles = registry_.profiles();
    if (profiles) return *std::move(profiles);
    unlisted_all_ = true;
    failed(name_ + "/_catalog", profiles.error(), pass, false);
    return {};
  }

  std::vector<std::string> tags(const std::string& profile, Pass& pass) {
    if (!revision_.range) return {revision_.text};
    const std::string source = name_ + "/" + profile;
    if (is_late()) {
      unlisted_.insert(profile);
      pass.refused(source, late_text);
      return {};
    }
    auto listed = pass.ask(source) ? registry_.tags(profile) : fail(Code::conflict, "not asked");
    if (!listed) {
      unlisted_.insert(profile);
      if (listed.error().code != Code::conflict) failed(source, listed.error(), pass);
      return {};
    }
    pass.good(source);
    auto tags = tags_in(*revision_.range, *listed);
    // Whoever names a profile wants to hear that there is none of it; a registry may well have others.
    if (tags.empty() && !passes_.enabled.empty())
      pass.failed(source,
                  listed->empty() ? "has no tags" : "none of its " + std::to_string(listed->size()) + " tags is in " + revision_.text);
    return tags;
  }

  void read_tag(const Entry& entry, Pass& pass) {
    if (!pass.ask(entry.source)) return;
    if (is_late()) {
      if (!read_before_.contains(entry.source)) pass.refused(entry.source, late_text);
      return;
    }
    const auto before = read_before_.find(entry.source);
    auto manifest = registry_.manifest(entry.profile, entry.tag, before == read_before_.end() ? "" : before->second.etag);
    if (manifest && manifest->not_modified && before == read_before_.end())
      manifest = fail(Code::invalid_input, "the registry says 304 to a question that was not asked");
    if (!manifest) return forget(entry, manifest.error(), pass);
    if (manifest->not_modified) return pass.good(entry.source);
    if (before != read_before_.end() && before->second.blob == manifest->layer.digest) {
      before->second.etag = manifest->etag;
      return pass.good(entry.source);
    }
    auto bytes = registry_.blob(entry.profile, manifest->layer);
    if (!bytes) return forget(entry, bytes.error(), pass);
    const Expected expected{"its repository", entry.profile, {}, {}};
    auto resource = resource_of(*bytes, expected, rules_);
    if (resource) {
      pass.good(entry.source);
      read_before_[entry.source] = {manifest->etag, manifest->layer.digest, *std::move(resource), {}};
    } else if (resource.error().code == Code::conflict) {
      read_before_[entry.source] = {manifest->etag, manifest->layer.digest, {}, resource.error().message};
    } else {
      forget(entry, resource.error(), pass);
    }
  }

  // It failed: the next time it is read from the beginning. While the registry is away, what was read before stays.
  void forget(const Entry& entry, const Error& error, Pass& pass) {
    failed(entry.source, error, pass);
    if (!down_) read_before_.erase(entry.source);
  }

  void tell(const std::vector<Entry>& entries, bool complete, Pass& pass) {
    std::map<std::string, ReadBefore> still;
    const auto say = [&](std::map<std::string, ReadBefore>::iterator read) {
      if (read->second.refused.empty()) {
        pass.found(read->first, read->second.resource);
      } else {
        pass.refused(read->first, read->second.refused);
      }
      still.insert(read_before_.extract(read));
    };
    for (const auto& entry : entries) {
      if (const auto read = read_before_.find(entry.source); read != read_before_.end()) say(read);
    }
    // Where a list could not be read, nobody has said that its tags are gone.
    for (auto at = read_before_.begin(); at != read_before_.end();) {
      const auto read = at++;
      if (!complete || unlisted_.contains(profile_of(read->first))) say(read);
    }
    read_before_ = std::move(still);
  }

  [[nodiscard]] std::string profile_of(const std::string& source) const {
    return source.substr(name_.size() + 1, source.rfind(':') - name_.size() - 1);
  }

  std::string name_;
  Revision revision_;
  Rules rules_;
  std::int64_t poll_ms_, pass_timeout_ms_;
  std::int64_t until_mono_ms_ = 0;
  // Of the pass that runs: the registry is away; its catalog, or the tags of a profile, could not be read.
  bool down_ = false;
  bool unlisted_all_ = false;
  std::set<std::string> unlisted_;
  PassMaker passes_;
  Registry registry_;
  std::map<std::string, ReadBefore> read_before_;  // by source
};

}  // namespace

Result<std::unique_ptr<Source>> open_oci(const SourceSettings& settings) {
  auto address = parse_oci_url(settings.releases);
  if (!address) return fail(address.error().in("releases: " + settings.releases));
  if (settings.files.empty())
    return fail(Code::invalid_input, "files: is needed with " + address->name + ": a registry has no images; which URL has them?");
  if (settings.profile_revision.empty())
    return fail(Code::invalid_input, "profile-revision: is needed with " + address->name + ": a tag, as 0.10.8, or a range, as ~0.10.0");
  auto revision = parse_revision(settings.profile_revision);
  if (!revision) return fail(revision.error().in("profile-revision: " + settings.profile_revision));
  for (const auto& profile : settings.enabled_profiles) {
    if (!is_repository_part(profile)) return fail(Code::invalid_input, "enabled-profiles: no repository can have the name " + profile);
  }
  std::string user_password;
  if (!settings.credentials.empty()) {
    auto credentials = read_credentials(settings.credentials);
    if (!credentials) return fail(credentials.error().in("releases-credentials"));
    if (const auto found = credentials->find(address->authority); found != credentials->end()) user_password = found->second;
  }
  if (!user_password.empty() && address->plain && !address->loopback)
    return fail(Code::denied, "releases-credentials: the password for " + address->authority + " is not sent in plain text: use oci://");
  return std::unique_ptr<Source>(
      std::make_unique<OciSource>(*std::move(address), *std::move(revision), std::move(user_password), settings));
}

}  // namespace abide::discovery
