#pragma once
// Requests and answers as the API sees them: plain data, without the HTTP library.
#include <array>
#include <cstdint>
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
  std::string target;  // path and query as sent, or the whole URL
  std::string body;
  std::string last_event_id;  // header Last-Event-ID
  std::string if_match;       // headers as sent; empty: none
  std::string if_none_match;
  std::string project;  // header ActiveProjectID, for paths that have none
};

// What was served since the start, and what is open now.
struct HttpStats {
  static constexpr std::array<std::int64_t, 6> bucket_ms = {5, 25, 100, 500, 2'500, 10'000};
  std::map<unsigned, std::uint64_t> answers;                    // by status
  std::array<std::uint64_t, bucket_ms.size()> within_bucket{};  // from the whole request to its answer, at most so long
  std::uint64_t timed = 0;
  std::int64_t took_ms = 0;  // all of them together
  std::size_t connections = 0;
  std::size_t streams = 0;
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
// The host and port of a target that is a whole URL; empty: it is a path.
std::string_view authority_of(std::string_view target);
// invalid_input: bad %XX, a control character, an empty value, a key twice, too many of either.
Result<Target> parse_target(std::string_view target);

// Whether a list of entity tags, as If-Match and If-None-Match have it, names this one; "*" names all. `weak` compares without
// the W/ of weak ones, which else match nothing. invalid_input: it is no such list.
Result<bool> names_tag(std::string_view list, std::string_view tag, bool weak);

// {"code":"InvalidArgument","message":"..."} with its HTTP status.
HttpResponse error_response(const Error& error);
HttpResponse error_response(unsigned status, std::string_view code, std::string_view message);

// What a stream gives next. Called on a thread for streams, one call at a time.
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
