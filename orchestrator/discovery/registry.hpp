#pragma once
// A client of an OCI registry: lists, manifests and blobs, with their limits, and the ways to log in. One thread at a time.
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/discovery/http.hpp"
#include "orchestrator/discovery/oci.hpp"

namespace abide::discovery {

// Of every call: not_found, denied, unavailable, timeout as Http::get; invalid_input: an answer that is none; corrupt: bytes
// that have not the digest they were promised to have.
class Registry {
 public:
  Registry(OciAddress address, std::string user_password, std::int64_t connect_timeout_ms, std::int64_t request_timeout_ms);

  // unavailable, timeout: nothing can be had of it now. Any answer below 500 counts, since a proxy may hide /v2/ itself.
  Result<void> check();
  // Names of the repositories right below the prefix.
  Result<std::vector<std::string>> profiles();
  Result<std::vector<std::string>> tags(const std::string& profile);

  struct Manifest {
    bool not_modified = false;
    std::string etag;  // for the next time
    OciLayer layer;
  };
  Result<Manifest> manifest(const std::string& profile, const std::string& tag, const std::string& etag);
  Result<std::string> blob(const std::string& profile, const OciLayer& layer);

  void cancel() { http_.cancel(); }
  [[nodiscard]] bool cancelled() const { return http_.cancelled(); }
  [[nodiscard]] const OciAddress& address() const { return address_; }

 private:
  struct Ask {
    std::string path;
    std::size_t bytes_max = 0;
    std::string accept;
    std::string etag;
  };
  // `scope`: a token is good for one repository; requests of one scope share it.
  Result<HttpAnswer> ask(const std::string& scope, const Ask& what);
  Result<HttpAnswer> send(const std::string& scope, const Ask& what);
  Result<void> log_in(const std::string& scope, const std::string& challenge);
  Result<std::string> fetch_token(const Challenge& challenge);
  Result<std::vector<std::string>> list(const std::string& scope, std::string path, const char* key);
  [[nodiscard]] std::string repository(const std::string& profile) const { return address_.prefix + "/" + profile; }

  OciAddress address_;
  std::string user_password_;
  Http http_;
  bool basic_ = false;                         // the registry asks for user and password itself
  std::map<std::string, std::string> tokens_;  // by scope
};

}  // namespace abide::discovery
