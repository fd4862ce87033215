#include "tests/integration/oci/docker_registry.hpp"

#include <chrono>
#include <curl/curl.h>
#include <fstream>
#include <signal.h>
#include <stdexcept>

#include "common/core/hash.hpp"
#include "tests/support/broker.hpp"

namespace abide::test {

namespace {

constexpr int attempts_max = 5;
constexpr std::chrono::seconds come_up_max{15};
constexpr std::chrono::milliseconds poll_every{5};
constexpr const char* artifact_type = "application/vnd.intel.orch.en";
constexpr const char* manifest_type = "application/vnd.oci.image.manifest.v1+json";

std::size_t drop(char*, std::size_t size, std::size_t count, void*) {
  return size * count;
}

std::size_t keep_location(char* bytes, std::size_t size, std::size_t count, void* context) {
  const std::string line(bytes, size * count);
  if (line.starts_with("Location: ")) {
    auto& location = *static_cast<std::string*>(context);
    location = line.substr(10);
    while (location.ends_with('\n') || location.ends_with('\r')) location.pop_back();
  }
  return size * count;
}

}  // namespace

std::string digest_of(const std::string& bytes) {
  return "sha256:" + to_hex(sha256(bytes));
}

DockerRegistry::DockerRegistry(const std::string& users) : log_(directory_ / "log") {
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    port_ = free_port();
    std::string auth;
    if (!users.empty()) {
      std::ofstream(directory_ / "htpasswd") << users;
      auth = "auth:\n  htpasswd:\n    realm: test\n    path: " + (directory_ / "htpasswd") + "\n";
    }
    std::ofstream(directory_ / "config.yml") << "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: " << directory_ / "storage"
                                             << "\nhttp:\n  addr: " << authority() << "\n"
                                             << auth;
    if (come_up()) return;
  }
  throw std::runtime_error("docker-registry does not start: " + read_file(log_));
}

bool DockerRegistry::come_up() {
  process_ = Child::start({"docker-registry", "serve", directory_ / "config.yml"}, log_, log_, {"OTEL_TRACES_EXPORTER=none"});
  const auto until = std::chrono::steady_clock::now() + come_up_max;
  while (std::chrono::steady_clock::now() < until) {
    if (send("GET", "http://" + authority() + "/v2/", "", "", nullptr) != 0) return true;
    if (process_.wait(poll_every)) return false;
  }
  return false;
}

void DockerRegistry::stop() {
  process_.signal(SIGKILL);
  process_.wait(std::chrono::seconds{10});
}

void DockerRegistry::start() {
  if (!come_up()) throw std::runtime_error("docker-registry does not come back: " + read_file(log_));
}

std::string DockerRegistry::blob_path(const std::string& digest) const {
  const std::string hex = digest.substr(7);
  return directory_ / "storage/docker/registry/v2/blobs/sha256/" + hex.substr(0, 2) + "/" + hex + "/data";
}

std::string DockerRegistry::tag_path(const std::string& repository, const std::string& tag) const {
  return directory_ / "storage/docker/registry/v2/repositories/" + repository + "/_manifests/tags/" + tag;
}

long DockerRegistry::send(const char* method, const std::string& url, const std::string& body, const std::string& type,
                          std::string* location) const {
  CURL* curl = curl_easy_init();
  curl_slist* headers = curl_slist_append(nullptr, ("Content-Type: " + type).c_str());
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
  if (std::string(method) != "GET") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  if (!user_password_.empty()) curl_easy_setopt(curl, CURLOPT_USERPWD, user_password_.c_str());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &drop);
  if (location != nullptr) {
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &keep_location);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, location);
  }
  long status = 0;
  if (curl_easy_perform(curl) == CURLE_OK) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_slist_free_all(headers);
  curl_easy_cleanup(curl);
  return status;
}

void DockerRegistry::push_blob(const std::string& repository, const std::string& bytes) {
  std::string location;
  const long begun = send("POST", "http://" + authority() + "/v2/" + repository + "/blobs/uploads/", "", "text/plain", &location);
  if (begun != 202 || location.empty()) throw std::runtime_error("upload refused with " + std::to_string(begun));
  location += (location.find('?') == std::string::npos ? '?' : '&') + ("digest=" + digest_of(bytes));
  const long done = send("PUT", location, bytes, "application/octet-stream", nullptr);
  if (done != 201) throw std::runtime_error("blob refused with " + std::to_string(done));
}

void DockerRegistry::push_manifest(const std::string& repository, const std::string& tag, const std::string& json) {
  const long done = send("PUT", "http://" + authority() + "/v2/" + repository + "/manifests/" + tag, json, manifest_type, nullptr);
  if (done != 201) throw std::runtime_error("manifest refused with " + std::to_string(done));
}

std::string DockerRegistry::manifest_of(const std::string& yaml, const std::string& title) {
  const std::string annotations = title.empty() ? "" : R"(,"annotations":{"org.opencontainers.image.title":")" + title + "\"}";
  return std::string(R"({"schemaVersion":2,"mediaType":")") + manifest_type + R"(","artifactType":")" + artifact_type +
         R"(","config":{"mediaType":")" + artifact_type + R"(","digest":")" + digest_of("{}") +
         R"(","size":2},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":")" + digest_of(yaml) + R"(","size":)" +
         std::to_string(yaml.size()) + annotations + "}]}";
}

std::string DockerRegistry::push_profile(const std::string& repository, const std::string& tag, const std::string& yaml) {
  push_blob(repository, "{}");
  push_blob(repository, yaml);
  push_manifest(repository, tag, manifest_of(yaml));
  return digest_of(yaml);
}

}  // namespace abide::test
