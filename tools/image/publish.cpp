#include "tools/image/publish.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>

#include "common/core/hash.hpp"
#include "common/release/image_header.hpp"
#include "common/release/manifest.hpp"
#include "common/store/durable_file.hpp"

namespace abide::image {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t index_bytes_max = std::size_t{16} << 20;
constexpr unsigned public_mode = 0644;  // a web server of another user reads it

// Part of a path below the root.
Result<void> check_path_part(std::string_view what, const std::string& part) {
  if (part.empty() || part.front() == '.' || part.find('/') != std::string::npos) {
    return fail(Code::invalid_input, fmt::format("{} \"{}\" cannot be part of a path", what, part));
  }
  return {};
}

std::string default_url(const ImageHeader& header) {
  return fmt::format("images/{0}/{0}-{1}.raw", header.profile_name, header.os_image_id);
}

std::string yaml_text(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', true);
}

// One publisher at a time; a reader needs no lock.
class RootLock {
 public:
  explicit RootLock(const std::string& root) : file_(::open((root + "/.publish.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    while (file_ >= 0 && ::flock(file_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  ~RootLock() {
    if (file_ >= 0) ::close(file_);
  }
  RootLock(const RootLock&) = delete;
  RootLock& operator=(const RootLock&) = delete;
  [[nodiscard]] bool held() const { return file_ >= 0; }

 private:
  int file_;
};

Result<void> make_folder_of(const std::string& path) {
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  if (error) return fail(Code::unavailable, fmt::format("create {}: {}", fs::path(path).parent_path().string(), error.message()));
  return {};
}

Result<void> place_image(const std::string& from, const std::string& to) {
  std::error_code error;
  if (fs::equivalent(from, to, error)) return {};
  const std::string temporary = to + ".new";
  fs::copy_file(from, temporary, fs::copy_options::overwrite_existing, error);
  if (!error) fs::permissions(temporary, static_cast<fs::perms>(public_mode), error);
  if (!error) {
    const int file = ::open(temporary.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0 || ::fsync(file) != 0) error = std::error_code(errno, std::generic_category());
    if (file >= 0) ::close(file);
  }
  if (!error) fs::rename(temporary, to, error);
  if (error) return fail(Code::unavailable, fmt::format("copy {} to {}: {}", from, to, error.message()));
  return {};
}

Result<nlohmann::ordered_json> read_index(const std::string& path) {
  const Result<std::string> text = read_file(path, index_bytes_max);
  if (!text && text.error().code == Code::not_found) return nlohmann::ordered_json{{"profiles", nlohmann::ordered_json::array()}};
  if (!text) return fail(text.error());
  nlohmann::ordered_json index = nlohmann::ordered_json::parse(*text, nullptr, false);
  if (!index.is_object() || !index.contains("profiles") || !index["profiles"].is_array()) {
    return fail(Code::corrupt, fmt::format("{} has no list of profiles", path));
  }
  return index;
}

// nullptr: there is none.
nlohmann::ordered_json* entry_of(nlohmann::ordered_json& index, const std::string& profile, const std::string& version) {
  for (nlohmann::ordered_json& entry : index["profiles"]) {
    if (entry.is_object() && entry.value("profileName", "") == profile && entry.value("osImageVersion", "") == version) return &entry;
  }
  return nullptr;
}

}  // namespace

Result<std::string> write_manifest(const std::string& image_path, const ManifestWords& words) {
  const Result<ImageHeader> header = read_image_header(image_path);
  if (!header) return fail(header.error());
  std::error_code error;
  const std::uint64_t size = fs::file_size(image_path, error);
  if (error || size != header->raw_bytes) {
    return fail(Code::invalid_input, fmt::format("{} has {} bytes, its header says {}", image_path, size, header->raw_bytes));
  }
  const Result<Digest> digest = digest_of_slot(image_path, size);
  if (!digest) return fail(digest.error());
  const std::string name = words.name.empty() ? fmt::format("{} {}", header->profile_name, header->os_image_id) : words.name;
  std::string yaml = "appVersion: apps/v1\nspec:\n";
  const auto line = [&](std::string_view key, const std::string& value) { yaml += fmt::format("  {}: {}\n", key, value); };
  line("name", yaml_text(name));
  line("type", words.type);
  line("provider", words.provider);
  line("architecture", yaml_text(header->architecture));
  line("profileName", yaml_text(header->profile_name));
  line("osImageUrl", yaml_text(words.image_url.empty() ? default_url(*header) : words.image_url));
  line("osImageVersion", yaml_text(header->os_image_id));
  line("osImageSha256", to_hex(*digest));
  line("osImageSize", std::to_string(size));
  line("osRawSize", std::to_string(size));
  line("osRawSha256", to_hex(*digest));
  line("securityFeature", words.security_feature);
  line("description", yaml_text(words.description));
  // Nothing is published that our own reader would refuse.
  if (const Result<Manifest> parsed = parse_manifest(yaml); !parsed) return fail(parsed.error());
  return yaml;
}

Result<Published> publish(const std::string& root, const std::string& image_path, const ManifestWords& words, bool replace) {
  const Result<std::string> yaml = write_manifest(image_path, words);
  if (!yaml) return fail(yaml.error());
  const Result<Manifest> manifest = parse_manifest(*yaml);
  if (!manifest) return fail(manifest.error());
  if (Result<void> checked = check_path_part("profile", manifest->profile_name); !checked) return fail(checked.error());
  if (Result<void> checked = check_path_part("version", manifest->image_version); !checked) return fail(checked.error());
  if (manifest->image_url.find("://") != std::string::npos || manifest->image_url.front() == '/') {
    return fail(Code::invalid_input, fmt::format("\"{}\" is no path below the root", manifest->image_url));
  }
  std::error_code error;
  fs::create_directories(root, error);
  const RootLock lock(root);
  if (!lock.held()) return fail(Code::unavailable, fmt::format("lock {}: {}", root, std::strerror(errno)));

  Published published;
  published.image = manifest->image_url;
  published.manifest = fmt::format("profiles/{}/{}.yaml", manifest->profile_name, manifest->image_version);
  published.manifest_sha256 = sha256(*yaml);
  const std::string index_path = root + "/index.json";
  Result<nlohmann::ordered_json> index = read_index(index_path);
  if (!index) return fail(index.error());
  nlohmann::ordered_json* entry = entry_of(*index, manifest->profile_name, manifest->image_version);
  if (entry != nullptr && entry->value("sha256", "") != to_hex(published.manifest_sha256) && !replace) {
    return fail(Code::conflict,
                fmt::format("{} {} is published already, with another manifest", manifest->profile_name, manifest->image_version));
  }
  for (const std::string& path : {published.image, published.manifest}) {
    if (Result<void> made = make_folder_of(root + "/" + path); !made) return fail(made.error());
  }
  if (Result<void> placed = place_image(image_path, root + "/" + published.image); !placed) return fail(placed.error());
  if (Result<void> written = replace_file(root + "/" + published.manifest, *yaml, public_mode); !written) return fail(written.error());
  if (entry == nullptr) entry = &(*index)["profiles"].emplace_back(nlohmann::ordered_json::object());
  (*entry)["profileName"] = manifest->profile_name;
  (*entry)["osImageVersion"] = manifest->image_version;
  (*entry)["manifest"] = published.manifest;
  (*entry)["sha256"] = to_hex(published.manifest_sha256);
  if (Result<void> written = replace_file(index_path, index->dump(2) + "\n", public_mode); !written) return fail(written.error());
  return published;
}

}  // namespace abide::image
