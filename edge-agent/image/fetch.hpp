#pragma once
// One HTTP(S) request for the rest of a file, as a stream into a sink. Blocks its thread; `cancel` may be called by any.
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "common/core/result.hpp"

namespace abide::agent {

struct FetchRequest {
  std::string url;
  std::uint64_t from = 0;  // first byte wanted
  std::string validator;   // ETag or date of what was fetched so far; the server then sends all if it has another file
};

// What the server says before the first byte.
struct FetchHead {
  std::uint64_t from = 0;              // first byte that comes: that of the request, or 0
  std::optional<std::uint64_t> total;  // bytes of the whole file
  std::string validator;               // to resume with; may be empty
};

class FetchSink {
 public:
  // False: stop; the sink knows why.
  [[nodiscard]] virtual bool head(const FetchHead& head) = 0;
  [[nodiscard]] virtual bool bytes(std::span<const std::byte> bytes) = 0;
  // Often, also while nothing comes.
  virtual void idle() = 0;

 protected:
  ~FetchSink() = default;
};

enum class FetchEnd {
  complete,  // all that the head promised
  cut,       // the connection, a timeout, or low speed
  refused,   // 401, 403
  missing,   // another 4xx, or an answer that makes no sense
  busy,      // 408, 429, 5xx
  changed,   // 416: the file is shorter than the first byte wanted
  sink,      // the sink said stop
  cancelled,
};

struct FetchResult {
  FetchEnd end = FetchEnd::cut;
  std::string detail;  // one line for people, without the URL's user, password or query
};

struct FetchLimits {
  std::string ca_file;
  std::string user_agent;
  std::int64_t connect_timeout_ms = 0;
  std::int64_t low_speed_ms = 0;
  std::int64_t low_speed_bytes_per_second = 0;
};

class Fetcher {
 public:
  explicit Fetcher(FetchLimits limits);
  ~Fetcher();
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;

  FetchResult fetch(const FetchRequest& request, FetchSink& sink);
  // Ends the present fetch within milliseconds, and every later one before it begins.
  void cancel();

 private:
  struct Curl;

  FetchLimits limits_;
  std::atomic<bool> cancelled_{false};
  std::unique_ptr<Curl> curl_;
};

// The URL as it may be shown and logged.
std::string shown_url(const std::string& url);

}  // namespace abide::agent
