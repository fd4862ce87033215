#pragma once
// Small files over http(s), into memory, with limits. One thread at a time, but for cancel().
#include <cstdint>
#include <memory>
#include <string>

#include "common/core/result.hpp"

namespace abide::discovery {

struct HttpRequest {
  std::string url;
  std::size_t bytes_max = 0;  // of the body
  std::string accept;         // each empty: not sent
  std::string authorization;  // never follows a redirect to another host
  std::string user_password;  // "user:password", for Basic; neither does this
  std::string etag;
  std::string last_modified;
};

struct HttpAnswer {
  long status = 0;
  std::string body;
  std::string etag, last_modified, content_type, link, content_digest, challenge;  // headers; empty: not there, or too long
};

// An HTTP answer that is not an error. `not_modified`: the caller's copy is good.
struct Fetched {
  bool not_modified = false;
  std::string body;
  std::string etag;
  std::string last_modified;
};

class Http {
 public:
  Http(std::int64_t connect_timeout_ms, std::int64_t request_timeout_ms);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;
  // GET, whatever the status is. unavailable: no connection, or cut; timeout; invalid_input: the URL, or a body that is too
  // large. https never leads to http.
  Result<HttpAnswer> ask(const HttpRequest& request);
  // The same, and not_found: 404, 410; denied: 401, 403; unavailable: 408, 429, 5xx; invalid_input: anything else but 200 and 304.
  Result<Fetched> get(const std::string& url, std::size_t bytes_max, const std::string& etag, const std::string& last_modified);
  // Makes a running request end soon with `unavailable`, and each after it. From any thread.
  void cancel();
  [[nodiscard]] bool cancelled() const;

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

Code code_of_status(long status);

struct UrlPlace {
  std::string scheme, host;  // in lower case; without the brackets of an IPv6 address
  std::string origin;        // scheme://host:port
};
// invalid_input: no absolute http(s) URL.
Result<UrlPlace> place_of_url(const std::string& url);
// What file:///... names.
std::string path_of_file_url(const std::string& url);

}  // namespace abide::discovery
