#include "orchestrator/discovery/source.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <set>

#include "orchestrator/discovery/files.hpp"
#include "orchestrator/discovery/http.hpp"
#include "orchestrator/discovery/oci.hpp"

namespace abide::discovery {

namespace fs = std::filesystem;

namespace {

class DirectorySource final : public Source {
 public:
  DirectorySource(std::string root, Rules rules, const SourceSettings& settings)
      : root_(std::move(root)),
        rules_(std::move(rules)),
        poll_ms_(settings.poll_ms != 0 ? settings.poll_ms : directory_poll_ms),
        passes_(settings, poll_ms_) {}
  void cancel() override { cancelled_ = true; }
  [[nodiscard]] std::int64_t poll_ms() const override { return poll_ms_; }
  [[nodiscard]] const std::string& name() const override { return root_; }
  [[nodiscard]] const std::string& files_root() const override { return rules_.files_root; }

  Read read(bool everything) override {
    Pass pass = passes_.begin(everything);
    std::error_code error;
    if (!fs::is_directory(root_, error)) {
      pass.refused(root_, error ? error.message() : "no such directory");
      return std::move(pass).finish(root_, false);
    }
    const fs::path index_path = fs::path(root_) / "index.json";
    const bool complete = fs::exists(index_path, error) ? read_index(index_path, pass) : scan(pass);
    return std::move(pass).finish_and_tell_missing(root_, complete && !cancelled_);
  }

 private:
  // Reading a file costs nothing: what is broken is looked at again with every pass.
  bool read_index(const fs::path& path, Pass& pass) {
    auto bytes = read_file(path, index_bytes_max);
    auto index = bytes ? parse_index(*bytes, root_) : fail(bytes.error());
    if (!index) {
      pass.refused(path.string(), index.error().message);
      return false;
    }
    pass.good(path.string());
    for (auto& failure : index->failures) pass.refused(failure.source, failure.error);
    for (const auto& entry : index->entries) {
      if (cancelled_) break;
      read_manifest(fs::path(root_) / entry.path, entry.expected, pass);
    }
    return true;
  }

  bool scan(Pass& pass) {
    std::error_code error;
    std::set<fs::path> paths;  // in the order of their names, whatever the directory's order is
    fs::recursive_directory_iterator at(root_, fs::directory_options::skip_permission_denied, error);
    for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
      if (at.depth() >= directory_depth_max) at.disable_recursion_pending();
      if (at->path().extension() == ".yaml") paths.insert(at->path());
      if (paths.size() > entries_max) {
        pass.refused(root_, "more than " + std::to_string(entries_max) + " files *.yaml");
        return false;
      }
    }
    if (error) pass.refused(root_, error.message());
    const bool whole = !error;
    for (const auto& path : paths) {
      if (cancelled_) break;
      read_manifest(path, {}, pass);
    }
    return whole;
  }

  void read_manifest(const fs::path& path, const Expected& expected, Pass& pass) const {
    auto bytes = read_file(path, manifest_bytes_max);
    auto resource = bytes ? resource_of(*bytes, expected, rules_) : fail(bytes.error());
    if (!resource) return pass.refused(path.string(), resource.error().message);
    pass.good(path.string());
    pass.found(path.string(), std::move(*resource));
  }

  std::string root_;
  Rules rules_;
  std::int64_t poll_ms_;
  PassMaker passes_;
  std::atomic<bool> cancelled_{false};
};

class HttpSource final : public Source {
 public:
  HttpSource(std::string root, Rules rules, const SourceSettings& settings)
      : root_(std::move(root)),
        rules_(std::move(rules)),
        poll_ms_(settings.poll_ms != 0 ? settings.poll_ms : url_poll_ms),
        pass_timeout_ms_(settings.pass_timeout_ms),
        passes_(settings, poll_ms_),
        http_(settings.connect_timeout_ms, settings.request_timeout_ms) {}
  void cancel() override { http_.cancel(); }
  [[nodiscard]] std::int64_t poll_ms() const override { return poll_ms_; }
  [[nodiscard]] const std::string& name() const override { return root_; }
  [[nodiscard]] const std::string& files_root() const override { return rules_.files_root; }

  Read read(bool everything) override {
    Pass pass = passes_.begin(everything);
    until_mono_ms_ = passes_.now().mono_ms + pass_timeout_ms_;
    auto index = read_index();
    if (!index) {
      pass.refused(root_, index.error().message);
      tell_what_was_read(pass);
      return std::move(pass).finish(root_, false);
    }
    for (auto& failure : index->failures) pass.refused(failure.source, failure.error);
    std::map<Digest, std::string> still;
    for (const auto& entry : index->entries) read_entry(entry, still, pass);
    manifests_ = std::move(still);  // what the index no longer names is forgotten
    entries_ = std::move(index->entries);
    return std::move(pass).finish_and_tell_missing(root_, !http_.cancelled());
  }

 private:
  Result<Index> read_index() {
    auto fetched = http_.get(root_ + "/index.json", index_bytes_max, index_.etag, index_.last_modified);
    if (!fetched) return fail(fetched.error());
    if (!fetched->not_modified) index_ = std::move(*fetched);
    auto index = parse_index(index_.body, root_);
    if (!index) index_ = {};
    return index;
  }

  // While the index cannot be had, nobody has said that what it named is gone.
  void tell_what_was_read(Pass& pass) {
    for (const auto& entry : entries_) {
      const auto known = manifests_.find(entry.expected.sha256);
      if (known == manifests_.end()) continue;
      if (auto resource = resource_of(known->second, entry.expected, rules_))
        pass.found(absolute_url(root_, entry.path), *std::move(resource));
    }
  }

  // Manifests are named by their digest: the bytes of one that was read before are not asked for again.
  void read_entry(const IndexEntry& entry, std::map<Digest, std::string>& still, Pass& pass) {
    const std::string url = absolute_url(root_, entry.path);
    if (!pass.ask(url)) return;
    auto known = manifests_.find(entry.expected.sha256);
    std::string bytes;
    if (known != manifests_.end()) {
      bytes = known->second;
    } else {
      if (passes_.now().mono_ms > until_mono_ms_) return pass.refused(url, "not read: the time for one pass is over");
      auto fetched = http_.get(url, manifest_bytes_max, "", "");
      if (!fetched) return pass.failed(url, fetched.error());
      bytes = std::move(fetched->body);
    }
    auto resource = resource_of(bytes, entry.expected, rules_);
    if (!resource && resource.error().code != Code::conflict) return pass.failed(url, resource.error());
    still.emplace(entry.expected.sha256, std::move(bytes));
    if (!resource) return pass.failed(url, resource.error());
    pass.good(url);
    pass.found(url, std::move(*resource));
  }

  std::string root_;
  Rules rules_;
  std::int64_t poll_ms_, pass_timeout_ms_;
  std::int64_t until_mono_ms_ = 0;
  PassMaker passes_;
  Http http_;
  Fetched index_;                    // the last good one
  std::vector<IndexEntry> entries_;  // and what it named
  std::map<Digest, std::string> manifests_;
};

}  // namespace

Now system_now() {
  const auto ms = [](auto since) { return std::chrono::duration_cast<std::chrono::milliseconds>(since).count(); };
  return {ms(std::chrono::system_clock::now().time_since_epoch()), ms(std::chrono::steady_clock::now().time_since_epoch()), {}, false};
}

PassMaker::PassMaker(const SourceSettings& settings, std::int64_t poll_ms)
    : now(settings.now),
      enabled(settings.enabled_profiles.begin(), settings.enabled_profiles.end()),
      ledger(poll_ms, Random{settings.seed}) {}

Pass PassMaker::begin(bool everything) {
  ledger.begin(now(), everything);
  return {ledger, enabled};
}

Result<std::unique_ptr<Source>> Source::open(SourceSettings settings) {
  const auto is_http = [](const std::string& text) { return text.starts_with("http://") || text.starts_with("https://"); };
  if (settings.releases.empty()) return fail(Code::invalid_input, "releases: neither a directory nor a URL is given");
  if (!settings.files.empty() && !is_http(settings.files) && !settings.files.starts_with("file:///"))
    return fail(Code::invalid_input, "files: must be a URL, http://, https:// or file:///: " + settings.files);
  std::string root = settings.releases;
  if (is_oci_url(root)) return open_oci(settings);
  Rules rules{settings.files, settings.orchestrator_version};
  if (is_http(root)) {
    while (root.ends_with('/')) root.pop_back();
    if (rules.files_root.empty()) rules.files_root = root;
    return std::unique_ptr<Source>(std::make_unique<HttpSource>(std::move(root), std::move(rules), settings));
  }
  if (root.starts_with("file://")) root = root.substr(7);
  if (root.find("://") != std::string::npos)
    return fail(Code::invalid_input, "releases: neither a directory nor a URL http(s)://, oci:// or oci+http://: " + root);
  std::error_code error;
  const fs::path absolute = fs::absolute(root, error).lexically_normal();
  if (error) return fail(Code::invalid_input, "releases: " + root + ": " + error.message());
  root = absolute.string();
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  if (rules.files_root.empty()) rules.files_root = "file://" + absolute_url("", std::string_view(root).substr(1));
  return std::unique_ptr<Source>(std::make_unique<DirectorySource>(std::move(root), std::move(rules), settings));
}

}  // namespace abide::discovery
