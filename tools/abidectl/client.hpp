#pragma once
// The REST API of one project, over HTTP. One thread. Errors as exits.hpp sorts them: not_found 404, conflict 409 or FailedPrecondition,
// unavailable and timeout where no server answers, denied for every other refusal, in the server's words.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/core/result.hpp"
#include "tools/abidectl/json.hpp"

namespace abide::ctl {

using Query = std::vector<std::pair<std::string, std::string>>;

// A text as one segment of a path.
std::string path_segment(const std::string& text);

// One connection to an event stream, and where it stands.
struct EventPlace {
  std::string id;       // of the last event: the stream goes on behind it; empty: from now on
  bool opened = false;  // the server answered
  bool heard = false;   // an event or a sign of life came after that
};

class Client {
 public:
  Client(std::string server, std::string project);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Paths are below /v1/projects/{project}: "/compute/hosts". The body is null where there is none.
  Result<Json> get(const std::string& path, const Query& query = {});
  // With an entity tag: only as long as the resource is the one that had it; else conflict, and changed_meanwhile().
  Result<Json> send(const std::string& method, const std::string& path, const Json& body, const std::string& if_match = {});
  // Of the last answer.
  [[nodiscard]] const std::string& tag() const { return tag_; }  // empty: it had none
  [[nodiscard]] bool changed_meanwhile() const;

  using Visit = std::function<void(Json&& element)>;
  // All pages of a list: the elements under `key`. By offset, which ends at 10,000.
  Result<void> list(const std::string& path, const std::string& key, const Query& query, const Visit& visit);
  // The same page by page behind the UUID that the last element has at `uuid_path`: as many as there are.
  Result<void> list_by_uuid(const std::string& path, const std::string& key, const std::string& uuid_path, const Query& query,
                            const Visit& visit);
  // Server-sent events: `data` of each, until the function says false (then it is no error) or the stream ends. A stream on
  // which nothing comes for `silence_seconds`, not even a sign of life, has ended: timeout.
  Result<void> stream(const std::string& path, const Query& query, EventPlace& place, std::int64_t silence_seconds,
                      const std::function<bool(const std::string& data)>& take);

  // From now on an answer that takes its time is none: for what nobody waits for.
  void hurry();

  [[nodiscard]] const std::string& server() const { return server_; }

 private:
  struct Curl;
  Result<Json> perform(const std::string& method, const std::string& path, const Query& query, const std::string& body,
                       const std::string& if_match = {});
  Result<bool> page(const std::string& path, const std::string& key, const Query& query, const Visit& visit);  // there are more
  [[nodiscard]] std::string url_of(const std::string& path, const Query& query) const;

  std::string server_;
  std::string project_;
  bool hurries_ = false;
  long status_ = 0;
  std::string tag_;
  std::unique_ptr<Curl> curl_;
};

}  // namespace abide::ctl
