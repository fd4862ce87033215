#pragma once
// The HTTP server: Boost.Beast, asynchronous, one thread for the sockets and a few that read the store for requests
// and for streams. Event streams stay open by the hundred. Everything that a client can make it hold has a limit here.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/core/result.hpp"
#include "orchestrator/api/http.hpp"

namespace abide::api {

struct ServerSettings {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;                // 0: a free one
  std::size_t connections_max = 2'048;   // above: answered 503 and closed
  std::size_t streams_max = 1'024;       // above: 503
  std::int64_t requests_per_second = 0;  // of one address; above: 429. 0: as many as come
  std::size_t reader_threads = 2;
  std::size_t stream_threads = 1;       // of their own: streams that have much to say hold up no answer
  std::int64_t idle_ms = 60'000;        // from one answer to the end of the next request
  std::int64_t answer_ms = 15'000;      // then 503 `request timeout`
  std::int64_t write_ms = 30'000;       // a reader that takes longer for one write is dropped
  std::int64_t keep_alive_ms = 15'000;  // a comment on a stream that has nothing else to say
  std::int64_t wake_ms = 50;            // streams look for new events at most this often
};

// A literal loopback address, or `localhost`: the only ones that are served without TLS and credentials.
bool is_loopback(std::string_view host);

struct ServerCore;

class Server {
 public:
  // denied: not a loopback address. invalid_input: not an address. unavailable: cannot be bound, by whom the system says.
  static Result<std::unique_ptr<Server>> listen(ServerSettings settings, Handler handler);
  ~Server();  // stop()
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void start();
  // Closes all connections; no handler runs when this returns.
  void stop();
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] HttpStats stats() const;  // any thread
  // There may be something new for the streams. Any thread; cheap.
  void wake_streams();
  // Runs `work` on a reader thread. Any thread; dropped once stopped.
  void post(std::function<void()> work);

 private:
  explicit Server(std::shared_ptr<ServerCore> core) : core_(std::move(core)) {}
  std::shared_ptr<ServerCore> core_;
};

}  // namespace abide::api
