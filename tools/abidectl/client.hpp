#pragma once
// The REST API of one project, over HTTP. One thread. Errors as exits.hpp sorts them: not_found 404, conflict 409 or FailedPrecondition,
// unavailable and timeout where no server answers, denied for every other refusal, in the server's words.
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/core/result.hpp"
#include "tools/abidectl/json.hpp"

namespace abide::ctl {

using Query = std::vector<std::pair<std::string, std::string>>;

class Client {
 public:
  Client(std::string server, std::string project);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Paths are below /v1/projects/{project}: "/compute/hosts". The body is null where there is none.
  Result<Json> get(const std::string& path, const Query& query = {});
  Result<Json> send(const std::string& method, const std::string& path, const Json& body);
  // All pages of a list: the elements under `key`.
  Result<Json> list(const std::string& path, const std::string& key, const Query& query = {});
  // Server-sent events: `data` of each, until the function says false (then it is no error) or the stream ends.
  Result<void> stream(const std::string& path, const Query& query, const std::function<bool(const std::string& data)>& take);

  // From now on an answer that takes its time is none: for what nobody waits for.
  void hurry();

  [[nodiscard]] const std::string& server() const { return server_; }

 private:
  struct Curl;
  Result<Json> perform(const std::string& method, const std::string& path, const Query& query, const std::string& body);
  [[nodiscard]] std::string url_of(const std::string& path, const Query& query) const;

  std::string server_;
  std::string project_;
  bool hurries_ = false;
  std::unique_ptr<Curl> curl_;
};

}  // namespace abide::ctl
