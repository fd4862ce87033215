#pragma once
// Requests and answers as the API sees them: plain data, without the HTTP library.
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/core/result.hpp"

namespace abide::api {

inline constexpr std::size_t body_bytes_max = 100 * 1024;
inline constexpr std::size_t target_bytes_max = 8 * 1024;
inline constexpr std::size_t header_bytes_max = 16 * 1024;
inline constexpr std::size_t query_parameters_max = 32;
inline constexpr std::size_t path_segments_max = 16;

enum class Method { get, post, put, patch, erase, other };

struct HttpRequest {
  Method method = Method::get;
  std::string target;  // path and query as sent
  std::string body;
  std::string last_event_id;  // header Last-Event-ID
};

struct HttpResponse {
  unsigned status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
};

// A path in its decoded segments, and the query. Keys are unique.
struct Target {
  std::vector<std::string> segments;
  std::map<std::string, std::string, std::less<>> query;
};
// invalid_input: bad %XX, a control character, an empty value, a key twice, too many of either.
Result<Target> parse_target(std::string_view target);

// {"code":"InvalidArgument","message":"..."} with its HTTP status.
HttpResponse error_response(const Error& error);
HttpResponse error_response(unsigned status, std::string_view code, std::string_view message);

// What a stream gives next. Called on a reader thread, one call at a time.
class EventSource {
 public:
  virtual ~EventSource() = default;
  struct Chunk {
    std::string bytes;  // empty: nothing new yet
    bool more = false;  // ask again after these are written
    bool end = false;   // close after these are written
  };
  virtual Chunk next() = 0;
};

// One request's answer, to be given exactly once, from any thread; what comes later is dropped.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual void respond(HttpResponse response) = 0;
  // text/event-stream until the reader leaves or the source ends.
  virtual void stream(std::unique_ptr<EventSource> source) = 0;
};

// Called on a reader thread.
using Handler = std::function<void(HttpRequest request, std::shared_ptr<Exchange> exchange)>;

}  // namespace abide::api
