#include "orchestrator/api/server.hpp"

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "common/service/thread_name.hpp"
#include "orchestrator/api/request_rate.hpp"

namespace abide::api {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Tcp = net::ip::tcp;
using std::chrono::milliseconds;

class Connection;

net::thread_pool threads_named(const char* name, std::size_t count) {
  const ThreadsNamed named(name);
  return net::thread_pool(count);
}

struct ServerCore : std::enable_shared_from_this<ServerCore> {
  ServerCore(ServerSettings settings_in, Handler handler_in)
      : settings(std::move(settings_in)),
        handler(std::move(handler_in)),
        readers(threads_named("api-read", settings.reader_threads)),
        streamers(threads_named("api-stream", settings.stream_threads)),
        rate(settings.requests_per_second) {}

  void accept();
  void wake_now();
  void close_all();

  ServerSettings settings;
  Handler handler;
  net::io_context io{1};
  std::optional<net::executor_work_guard<net::io_context::executor_type>> work;
  Tcp::acceptor acceptor{io};
  net::steady_timer wake_timer{io};
  net::steady_timer accept_timer{io};
  net::thread_pool readers;    // for requests
  net::thread_pool streamers;  // for streams
  std::thread thread;
  std::uint16_t port = 0;
  std::atomic<bool> waking{false};
  std::atomic<bool> stopping{false};
  // On the sockets' thread only.
  std::set<Connection*> connections;
  RequestRate rate;
  std::size_t streams = 0;

  void count(unsigned status, std::optional<std::int64_t> took_ms);
  std::mutex stats_mutex;
  HttpStats stats;
};

namespace {

constexpr std::string_view stream_header =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nConnection: close\r\n\r\nretry: 2000\n\n";
constexpr std::string_view stream_comment = ": keep-alive\n\n";

Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
    case http::verb::head:  // the same without its body
      return Method::get;
    case http::verb::post:
      return Method::post;
    case http::verb::put:
      return Method::put;
    case http::verb::patch:
      return Method::patch;
    case http::verb::delete_:
      return Method::erase;
    default:
      return Method::other;
  }
}

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

// A list may come in several lines.
std::string lines_of(const http::request<http::string_body>& message, http::field name) {
  std::string list;
  const auto [begin, end] = message.equal_range(name);
  for (auto line = begin; line != end; ++line) list += (list.empty() ? "" : ", ") + std::string(view(line->value()));
  return list;
}

std::string address_of(const Tcp::socket& socket) {
  beast::error_code gone;
  const auto peer = socket.remote_endpoint(gone);
  return gone ? std::string() : peer.address().to_string();
}

// The host of "host", "host:port", "[::1]:port".
std::string_view host_part(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(1, std::min(authority.find(']'), authority.size()) - 1);
  return authority.substr(0, authority.find(':'));
}

}  // namespace

// One client. Lives and dies on the sockets' thread: other threads hold it weakly and only lock it there.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Tcp::socket socket, std::shared_ptr<ServerCore> core)
      : stream_(std::move(socket)),
        client_(address_of(stream_.socket())),
        core_(std::move(core)),
        answer_timer_(core_->io),
        stream_timer_(core_->io) {
    core_->connections.insert(this);
    const std::lock_guard lock(core_->stats_mutex);
    ++core_->stats.connections;
  }
  ~Connection() {
    if (streaming_) --core_->streams;
    core_->connections.erase(this);
    const std::lock_guard lock(core_->stats_mutex);
    --core_->stats.connections;
    if (streaming_) --core_->stats.streams;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void read();
  void refuse(HttpResponse response) {
    core_->count(response.status, std::nullopt);
    write(std::move(response), false);
  }
  void close();
  void answer(std::uint64_t exchange, HttpResponse response);
  void begin_stream(std::uint64_t exchange, std::unique_ptr<EventSource> source);
  void pump();

 private:
  void on_header(beast::error_code error);
  void read_body();
  void handle();
  [[nodiscard]] std::optional<HttpResponse> refusal() const;
  void write(HttpResponse response, bool keep_open);
  void unreadable(beast::error_code error);
  void listen_for_end();
  void pumped(std::unique_ptr<EventSource> source, EventSource::Chunk chunk);
  void write_stream(std::string bytes, bool more, bool end);
  void arm_keep_alive();

  beast::tcp_stream stream_;
  const std::string client_;  // its address
  std::shared_ptr<ServerCore> core_;
  beast::flat_buffer buffer_{header_bytes_max + body_bytes_max};
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;  // of that
  net::steady_timer answer_timer_;
  std::uint64_t exchange_ = 0;  // number of the request that is being answered
  std::chrono::steady_clock::time_point asked_at_;
  bool answered_ = true;
  bool keep_open_ = false;
  bool head_ = false;  // no body is expected
  bool closed_ = false;
  // a stream
  net::steady_timer stream_timer_;  // keep-alive while idle, deadline while writing
  std::unique_ptr<EventSource> source_;
  bool streaming_ = false;
  bool busy_ = false;        // the source is with a reader thread, or bytes are on their way
  bool look_again_ = false;  // woken while busy
  std::string out_;
  char discarded_[256] = {};
};

namespace {

class Answer final : public Exchange {
 public:
  Answer(std::shared_ptr<ServerCore> core, const std::shared_ptr<Connection>& connection, std::uint64_t exchange)
      : core_(std::move(core)), connection_(connection), exchange_(exchange) {}
  ~Answer() override {
    if (!given_) respond(error_response(500, "Internal", "the request was dropped without an answer"));
  }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  void respond(HttpResponse response) override {
    if (given_.exchange(true)) return;
    net::post(core_->io, [weak = connection_, number = exchange_, content = std::move(response)]() mutable {
      if (const auto connection = weak.lock()) connection->answer(number, std::move(content));
    });
  }
  void stream(std::unique_ptr<EventSource> source) override {
    if (given_.exchange(true)) return;
    net::post(core_->io, [weak = connection_, number = exchange_, events = std::move(source)]() mutable {
      if (const auto connection = weak.lock()) connection->begin_stream(number, std::move(events));
    });
  }

 private:
  std::shared_ptr<ServerCore> core_;
  std::weak_ptr<Connection> connection_;
  std::uint64_t exchange_;
  std::atomic<bool> given_{false};
};

}  // namespace

void Connection::read() {
  head_ = false;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(header_bytes_max));
  parser_->body_limit(body_bytes_max);
  stream_.expires_after(milliseconds(core_->settings.idle_ms));
  http::async_read_header(stream_, buffer_, *parser_,
                          [self = shared_from_this()](beast::error_code error, std::size_t) { self->on_header(error); });
}

void Connection::on_header(beast::error_code error) {
  if (error) return unreadable(error);
  if (const auto length = parser_->content_length(); length && *length > body_bytes_max) return unreadable(http::error::body_limit);
  if (view(parser_->get()[http::field::expect]) == "100-continue") {
    out_ = "HTTP/1.1 100 Continue\r\n\r\n";
    net::async_write(stream_, net::buffer(out_), [self = shared_from_this()](beast::error_code failed, std::size_t) {
      if (!failed) self->read_body();
    });
    return;
  }
  read_body();
}

void Connection::read_body() {
  http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](beast::error_code error, std::size_t) {
    if (error) return self->unreadable(error);
    self->handle();
  });
}

void Connection::unreadable(beast::error_code error) {
  if (error == http::error::body_limit)
    return refuse(error_response(413, "InvalidArgument", "the body is larger than " + std::to_string(body_bytes_max) + " bytes"));
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return refuse(error_response(431, "InvalidArgument", "the header is larger than " + std::to_string(header_bytes_max) + " bytes"));
  const bool http_error = error.category() == http::make_error_code(http::error::bad_method).category();
  if (http_error && error != http::error::end_of_stream && error != http::error::partial_message)
    return refuse(error_response(400, "InvalidArgument", "not an HTTP request: " + error.message()));
  close();
}

// Without credentials, what guards a loopback server is that a web page from elsewhere cannot use it: a foreign Origin, a
// name that only points here (DNS rebinding), and bodies that a form can send are refused.
std::optional<HttpResponse> Connection::refusal() const {
  const auto& request = parser_->get();
  if (request.target().size() > target_bytes_max)
    return error_response(414, "InvalidArgument", "the URL is longer than " + std::to_string(target_bytes_max) + " bytes");
  const auto host = view(request[http::field::host]);
  if (!host.empty() && !is_loopback(host_part(host)))
    return error_response(403, "PermissionDenied", "this server answers for localhost only");
  if (const auto authority = authority_of(view(request.target())); !authority.empty() && !is_loopback(host_part(authority)))
    return error_response(403, "PermissionDenied", "this server answers for localhost only");
  if (const auto origin = view(request[http::field::origin]); !origin.empty()) {
    const std::size_t scheme = origin.find("://");
    if (scheme == std::string_view::npos || origin.substr(scheme + 3) != host)
      return error_response(403, "PermissionDenied", "requests from another origin are refused");
  }
  if (!request.body().empty() && !view(request[http::field::content_type]).starts_with("application/json"))
    return error_response(415, "InvalidArgument", "the body must be application/json");
  return std::nullopt;
}

void Connection::handle() {
  stream_.expires_never();
  keep_open_ = parser_->get().keep_alive();
  answered_ = false;
  head_ = parser_->get().method() == http::verb::head;
  asked_at_ = std::chrono::steady_clock::now();
  const std::uint64_t number = ++exchange_;
  if (auto refused = refusal()) return answer(number, std::move(*refused));
  const auto asked_ms = std::chrono::duration_cast<milliseconds>(asked_at_.time_since_epoch()).count();
  if (!core_->rate.admit(client_, asked_ms)) {
    auto refused =
        error_response(429, "ResourceExhausted",
                       "more than " + std::to_string(core_->settings.requests_per_second) + " requests in a second from " + client_);
    refused.headers.emplace_back("Retry-After", "1");
    return answer(number, std::move(refused));
  }
  auto message = parser_->release();
  HttpRequest request;
  request.method = method_of(message.method());
  request.target = std::string(view(message.target()));
  request.last_event_id = std::string(view(message["Last-Event-ID"]));
  request.if_match = lines_of(message, http::field::if_match);
  request.project = std::string(view(message["ActiveProjectID"]));
  request.if_none_match = lines_of(message, http::field::if_none_match);
  request.body = std::move(message.body());
  answer_timer_.expires_after(milliseconds(core_->settings.answer_ms));
  answer_timer_.async_wait([self = shared_from_this(), number](beast::error_code error) {
    if (!error) self->answer(number, error_response(503, "Unavailable", "request timeout"));
  });
  auto exchange = std::make_shared<Answer>(core_, shared_from_this(), number);
  net::post(core_->readers, [core = core_.get(), request = std::move(request), exchange = std::move(exchange)]() mutable {
    core->handler(std::move(request), std::move(exchange));
  });
}

// A stream's client says nothing more; that it leaves is seen by reading. (While a request is being answered nothing is
// read: there the write notices.)
void Connection::listen_for_end() {
  stream_.socket().async_read_some(net::buffer(discarded_), [self = shared_from_this()](beast::error_code error, std::size_t) {
    if (error) return self->close();
    self->listen_for_end();
  });
}

void Connection::answer(std::uint64_t exchange, HttpResponse response) {
  if (answered_ || closed_ || exchange != exchange_) return;
  answered_ = true;
  answer_timer_.cancel();
  const auto took = std::chrono::steady_clock::now() - asked_at_;
  core_->count(response.status, std::chrono::duration_cast<milliseconds>(took).count());
  write(std::move(response), keep_open_ && !core_->stopping);
}

void Connection::write(HttpResponse response, bool keep_open) {
  serializer_.reset();
  response_.emplace(static_cast<http::status>(response.status), 11);
  response_->set(http::field::server, "abide");
  response_->set(http::field::content_type, response.content_type);
  response_->set(http::field::cache_control, "no-store");
  response_->set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) response_->set(name, value);
  response_->keep_alive(keep_open);
  response_->body() = std::move(response.body);
  response_->prepare_payload();
  stream_.expires_after(milliseconds(core_->settings.write_ms));
  serializer_.emplace(*response_);
  auto written = [self = shared_from_this(), keep_open](beast::error_code error, std::size_t) {
    if (error || !keep_open) return self->close();
    self->read();
  };
  if (head_) return http::async_write_header(stream_, *serializer_, std::move(written));
  http::async_write(stream_, *serializer_, std::move(written));
}

void Connection::close() {
  closed_ = true;
  answer_timer_.cancel();
  stream_timer_.cancel();
  beast::error_code ignored;
  // Half-close first, so that an answer that was just written is not lost to a reset.
  stream_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
  stream_.close();
}

void Connection::begin_stream(std::uint64_t exchange, std::unique_ptr<EventSource> source) {
  if (answered_ || closed_ || exchange != exchange_) return;
  if (core_->streams >= core_->settings.streams_max || core_->stopping)
    return answer(exchange, error_response(503, "Unavailable", "too many event streams"));
  answered_ = true;
  answer_timer_.cancel();
  streaming_ = true;
  ++core_->streams;
  {
    const std::lock_guard lock(core_->stats_mutex);
    ++core_->stats.streams;
    ++core_->stats.answers[200];
  }
  if (head_) return write_stream(std::string(stream_header.substr(0, stream_header.find("\r\n\r\n") + 4)), false, true);
  source_ = std::move(source);
  listen_for_end();
  write_stream(std::string(stream_header), true, false);
}

void Connection::pump() {
  if (!streaming_ || closed_) return;
  if (busy_) {
    look_again_ = true;
    return;
  }
  busy_ = true;
  look_again_ = false;
  net::post(core_->streamers, [core = core_.get(), weak = weak_from_this(), source = std::move(source_)]() mutable {
    auto chunk = source->next();
    net::post(core->io, [weak = std::move(weak), source = std::move(source), chunk = std::move(chunk)]() mutable {
      if (const auto connection = weak.lock()) connection->pumped(std::move(source), std::move(chunk));
    });
  });
}

void Connection::pumped(std::unique_ptr<EventSource> source, EventSource::Chunk chunk) {
  source_ = std::move(source);
  if (closed_) return;
  if (!chunk.bytes.empty()) return write_stream(std::move(chunk.bytes), chunk.more, chunk.end);
  busy_ = false;
  if (chunk.end) return close();
  if (chunk.more || look_again_) return pump();
  arm_keep_alive();
}

void Connection::write_stream(std::string bytes, bool more, bool end) {
  busy_ = true;
  out_ = std::move(bytes);
  stream_timer_.expires_after(milliseconds(core_->settings.write_ms));
  stream_timer_.async_wait([self = shared_from_this()](beast::error_code error) {
    if (!error) self->close();  // too slow a reader
  });
  net::async_write(stream_.socket(), net::buffer(out_), [self = shared_from_this(), more, end](beast::error_code error, std::size_t) {
    self->busy_ = false;
    if (error || end) return self->close();
    if (more || self->look_again_) return self->pump();
    self->arm_keep_alive();
  });
}

void Connection::arm_keep_alive() {
  stream_timer_.expires_after(milliseconds(core_->settings.keep_alive_ms));
  stream_timer_.async_wait([self = shared_from_this()](beast::error_code error) {
    if (!error && !self->busy_) self->write_stream(std::string(stream_comment), false, false);
  });
}

void ServerCore::accept() {
  acceptor.async_accept([self = shared_from_this()](beast::error_code error, Tcp::socket socket) {
    if (!self->acceptor.is_open()) return;
    if (!error) {
      beast::error_code ignored;
      socket.set_option(Tcp::no_delay(true), ignored);
      const bool full = self->connections.size() >= self->settings.connections_max;
      auto connection = std::make_shared<Connection>(std::move(socket), self);
      if (full) {
        connection->refuse(error_response(503, "Unavailable", "too many connections"));
      } else {
        connection->read();
      }
      return self->accept();
    }
    // Out of descriptors: what ends will free some.
    self->accept_timer.expires_after(milliseconds(100));
    self->accept_timer.async_wait([self](beast::error_code) {
      if (self->acceptor.is_open()) self->accept();
    });
  });
}

void ServerCore::count(unsigned status, std::optional<std::int64_t> took_ms) {
  const std::lock_guard lock(stats_mutex);
  ++stats.answers[status];
  if (!took_ms) return;
  ++stats.timed;
  stats.took_ms += *took_ms;
  for (std::size_t i = 0; i < HttpStats::bucket_ms.size(); ++i)
    if (*took_ms <= HttpStats::bucket_ms[i]) ++stats.within_bucket[i];
}

void ServerCore::wake_now() {
  waking = false;
  for (Connection* connection : connections) connection->pump();
}

void ServerCore::close_all() {
  beast::error_code ignored;
  acceptor.close(ignored);
  wake_timer.cancel();
  accept_timer.cancel();
  for (Connection* connection : connections) connection->close();
}

bool is_loopback(std::string_view host) {
  if (host == "localhost") return true;
  beast::error_code error;
  const auto address = net::ip::make_address(std::string(host), error);
  return !error && address.is_loopback();
}

Result<std::unique_ptr<Server>> Server::listen(ServerSettings settings, Handler handler) {
  if (settings.host == "localhost") settings.host = "127.0.0.1";
  beast::error_code error;
  const auto address = net::ip::make_address(settings.host, error);
  if (error) return fail(Code::invalid_input, "listen: not an IP address: " + settings.host);
  if (!address.is_loopback())
    return fail(Code::denied, "listen: " + settings.host + " is not a loopback address, and this version has neither TLS nor tokens");
  auto core = std::make_shared<ServerCore>(std::move(settings), std::move(handler));
  const std::string where = core->settings.host + ":" + std::to_string(core->settings.port);
  const Tcp::endpoint endpoint(address, core->settings.port);
  core->acceptor.open(endpoint.protocol(), error);
  if (!error) core->acceptor.set_option(net::socket_base::reuse_address(true), error);
  if (!error) core->acceptor.bind(endpoint, error);
  if (!error) core->acceptor.listen(net::socket_base::max_listen_connections, error);
  if (error) return fail(Code::unavailable, "listen on " + where + ": " + error.message());
  core->port = core->acceptor.local_endpoint(error).port();
  return std::unique_ptr<Server>(new Server(std::move(core)));
}

Server::~Server() {
  stop();
}

void Server::start() {
  core_->work.emplace(core_->io.get_executor());
  core_->accept();
  core_->thread = std::thread([core = core_.get()] {
    name_this_thread("api-io");
    core->io.run();
  });
}

void Server::stop() {
  if (core_->stopping.exchange(true)) return;
  if (!core_->thread.joinable()) {
    core_->readers.join();
    core_->streamers.join();
    return;
  }
  net::post(core_->io, [core = core_.get()] { core->close_all(); });
  core_->readers.join();  // handlers that run end; what they answer goes to closed connections
  core_->streamers.join();
  core_->work.reset();
  core_->thread.join();
}

std::uint16_t Server::port() const {
  return core_->port;
}

HttpStats Server::stats() const {
  const std::lock_guard lock(core_->stats_mutex);
  return core_->stats;
}

void Server::wake_streams() {
  if (core_->stopping || core_->waking.exchange(true)) return;
  net::post(core_->io, [core = core_.get()] {
    core->wake_timer.expires_after(milliseconds(core->settings.wake_ms));
    core->wake_timer.async_wait([core](beast::error_code) { core->wake_now(); });
  });
}

void Server::post(std::function<void()> work) {
  net::post(core_->readers, std::move(work));
}

}  // namespace abide::api
