#pragma once
// Debian's docker-registry on a free loopback port, with its storage in a directory of its own, and ways to publish profiles.
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/child.hpp"

namespace abide::test {

std::string digest_of(const std::string& bytes);  // sha256:HEX

class DockerRegistry {
 public:
  // `users`: lines of an htpasswd file; empty: anybody. Throws where it does not come up.
  explicit DockerRegistry(const std::string& users = "");
  [[nodiscard]] std::string authority() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] const std::string& log_path() const { return log_; }
  [[nodiscard]] std::string blob_path(const std::string& digest) const;
  [[nodiscard]] std::string tag_path(const std::string& repository, const std::string& tag) const;
  void stop();
  void start();  // on the same port

  // All throw where the registry refuses. `user_password`: for all that follows.
  void log_in(const std::string& user_password) { user_password_ = user_password; }
  void push_blob(const std::string& repository, const std::string& bytes);
  void push_manifest(const std::string& repository, const std::string& tag, const std::string& json);
  // A profile as it is published: its YAML as the one layer, with the title. Gives the layer's digest.
  std::string push_profile(const std::string& repository, const std::string& tag, const std::string& yaml);
  // The manifest that push_profile makes.
  static std::string manifest_of(const std::string& yaml, const std::string& title = "profile.yaml");

 private:
  bool come_up();
  long send(const char* method, const std::string& url, const std::string& body, const std::string& type, std::string* location) const;

  TemporaryDirectory directory_;
  std::string log_, user_password_;
  std::uint16_t port_ = 0;
  Child process_;
};

}  // namespace abide::test
