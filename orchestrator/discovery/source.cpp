#include "orchestrator/discovery/source.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>

#include "common/core/hash.hpp"

namespace abide::discovery {

namespace fs = std::filesystem;

namespace {

// Collects what a pass finds; (profile, version) twice is one resource, and a difference between the two a failure.
class Pass {
 public:
  void found(const std::string& source, OsResource resource) {
    const auto key = std::make_pair(resource.profile_name, resource.image_id);
    const auto known = first_.find(key);
    if (known != first_.end()) {
      if (read_.found[known->second].resource.manifest != resource.manifest)
        failed(source, "the same profile and version as " + read_.found[known->second].source + ", with other content");
      return;
    }
    first_.emplace(key, read_.found.size());
    read_.found.push_back({source, std::move(resource)});
  }
  void failed(const std::string& source, const std::string& error) {
    ++failures_;
    if (read_.failures.size() < failures_max) read_.failures.push_back({source, error});
  }
  fleet::ProfilesRead finish() && {
    if (failures_ > failures_max)
      read_.failures.back().error += " (and " + std::to_string(failures_ - failures_max) + " more failures in this pass)";
    return std::move(read_);
  }

 private:
  fleet::ProfilesRead read_;
  std::map<std::pair<std::string, std::string>, std::size_t> first_;
  std::size_t failures_ = 0;
};

Result<std::string> read_file(const fs::path& path, std::size_t bytes_max) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return fail(error ? Code::unavailable : Code::not_found, error ? error.message() : "no such file");
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::unavailable, "cannot be opened");
  std::string bytes(bytes_max + 1, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (file.bad()) return fail(Code::unavailable, "cannot be read");
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  if (bytes.size() > bytes_max) return fail(Code::invalid_input, "larger than " + std::to_string(bytes_max) + " bytes");
  return bytes;
}

class DirectorySource final : public Source {
 public:
  DirectorySource(std::string root, std::string files_root) : root_(std::move(root)), files_root_(std::move(files_root)) {}
  void cancel() override { cancelled_ = true; }
  [[nodiscard]] bool is_directory() const override { return true; }
  [[nodiscard]] const std::string& name() const override { return root_; }
  [[nodiscard]] const std::string& files_root() const override { return files_root_; }

  fleet::ProfilesRead read() override {
    Pass pass;
    std::error_code error;
    if (!fs::is_directory(root_, error)) {
      pass.failed(root_, error ? error.message() : "no such directory");
      return std::move(pass).finish();
    }
    const fs::path index_path = fs::path(root_) / "index.json";
    if (fs::exists(index_path, error)) {
      read_index(index_path, pass);
    } else {
      scan(pass);
    }
    return std::move(pass).finish();
  }

 private:
  void read_index(const fs::path& path, Pass& pass) {
    auto bytes = read_file(path, index_bytes_max);
    if (!bytes) return pass.failed(path.string(), bytes.error().message);
    auto index = parse_index(*bytes, root_);
    if (!index) return pass.failed(path.string(), index.error().message);
    for (auto& failure : index->failures) pass.failed(failure.source, failure.error);
    for (const auto& entry : index->entries) {
      if (cancelled_) return;
      read_manifest(fs::path(root_) / entry.path, entry.expected, pass);
    }
  }

  void scan(Pass& pass) {
    std::error_code error;
    std::set<fs::path> paths;  // in the order of their names, whatever the directory's order is
    fs::recursive_directory_iterator at(root_, fs::directory_options::skip_permission_denied, error);
    for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
      if (at.depth() >= directory_depth_max) at.disable_recursion_pending();
      if (at->path().extension() == ".yaml") paths.insert(at->path());
      if (paths.size() > entries_max) return pass.failed(root_, "more than " + std::to_string(entries_max) + " files *.yaml");
    }
    if (error) pass.failed(root_, error.message());
    for (const auto& path : paths) {
      if (cancelled_) return;
      read_manifest(path, {}, pass);
    }
  }

  void read_manifest(const fs::path& path, const Expected& expected, Pass& pass) const {
    auto bytes = read_file(path, manifest_bytes_max);
    if (!bytes) return pass.failed(path.string(), bytes.error().message);
    auto resource = resource_of(*bytes, expected, files_root_);
    if (!resource) return pass.failed(path.string(), resource.error().message);
    pass.found(path.string(), std::move(*resource));
  }

  std::string root_, files_root_;
  std::atomic<bool> cancelled_{false};
};

class HttpSource final : public Source {
 public:
  HttpSource(std::string root, std::string files_root, const SourceSettings& settings)
      : root_(std::move(root)),
        files_root_(std::move(files_root)),
        pass_timeout_(settings.pass_timeout_ms),
        http_(settings.connect_timeout_ms, settings.request_timeout_ms) {}
  void cancel() override { http_.cancel(); }
  [[nodiscard]] bool is_directory() const override { return false; }
  [[nodiscard]] const std::string& name() const override { return root_; }
  [[nodiscard]] const std::string& files_root() const override { return files_root_; }

  fleet::ProfilesRead read() override {
    Pass pass;
    const auto until = std::chrono::steady_clock::now() + pass_timeout_;
    const std::string url = root_ + "/index.json";
    auto fetched = http_.get(url, index_bytes_max, index_.body.empty() ? "" : index_.etag, index_.body.empty() ? "" : index_.last_modified);
    if (!fetched) {
      pass.failed(root_, fetched.error().message);
      return std::move(pass).finish();
    }
    if (!fetched->not_modified) index_ = std::move(*fetched);
    auto index = parse_index(index_.body, root_);
    if (!index) {
      index_ = {};
      pass.failed(root_, index.error().message);
      return std::move(pass).finish();
    }
    for (auto& failure : index->failures) pass.failed(failure.source, failure.error);
    std::map<Digest, std::string> still;
    for (const auto& entry : index->entries) read_entry(entry, until, still, pass);
    manifests_ = std::move(still);  // what the index no longer names is forgotten
    return std::move(pass).finish();
  }

 private:
  // Manifests are named by their digest: the bytes of one that was read before are not asked for again.
  void read_entry(const IndexEntry& entry, std::chrono::steady_clock::time_point until, std::map<Digest, std::string>& still, Pass& pass) {
    const std::string url = absolute_url(root_, entry.path);
    auto known = manifests_.find(entry.expected.sha256);
    std::string bytes;
    if (known != manifests_.end()) {
      bytes = known->second;
    } else {
      if (std::chrono::steady_clock::now() > until) return pass.failed(url, "not read: the time for one pass is over");
      auto fetched = http_.get(url, manifest_bytes_max, "", "");
      if (!fetched) return pass.failed(url, fetched.error().message);
      bytes = std::move(fetched->body);
    }
    auto resource = resource_of(bytes, entry.expected, files_root_);
    if (!resource) return pass.failed(url, resource.error().message);
    still.emplace(entry.expected.sha256, std::move(bytes));
    pass.found(url, std::move(*resource));
  }

  std::string root_, files_root_;
  std::chrono::milliseconds pass_timeout_;
  Http http_;
  Fetched index_;
  std::map<Digest, std::string> manifests_;
};

}  // namespace

Result<std::unique_ptr<Source>> Source::open(SourceSettings settings) {
  const auto is_http = [](const std::string& text) { return text.starts_with("http://") || text.starts_with("https://"); };
  if (settings.releases.empty()) return fail(Code::invalid_input, "releases: neither a directory nor a URL is given");
  if (!settings.files.empty() && !is_http(settings.files) && !settings.files.starts_with("file:///"))
    return fail(Code::invalid_input, "files: must be a URL, http://, https:// or file:///: " + settings.files);
  std::string root = settings.releases;
  if (is_http(root)) {
    while (root.ends_with('/')) root.pop_back();
    std::string files = settings.files.empty() ? root : settings.files;
    return std::unique_ptr<Source>(std::make_unique<HttpSource>(std::move(root), std::move(files), settings));
  }
  if (root.starts_with("file://")) root = root.substr(7);
  if (root.find("://") != std::string::npos) return fail(Code::invalid_input, "releases: neither a directory nor an http(s) URL: " + root);
  std::error_code error;
  const fs::path absolute = fs::absolute(root, error).lexically_normal();
  if (error) return fail(Code::invalid_input, "releases: " + root + ": " + error.message());
  root = absolute.string();
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  std::string files = settings.files.empty() ? "file://" + absolute_url("", std::string_view(root).substr(1)) : settings.files;
  return std::unique_ptr<Source>(std::make_unique<DirectorySource>(std::move(root), std::move(files)));
}

}  // namespace abide::discovery
