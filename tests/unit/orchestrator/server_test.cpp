// The HTTP server on real loopback sockets, with handlers of the test's own.
#include "orchestrator/api/server.hpp"

#include <atomic>
#include <condition_variable>
#include <future>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace abide::api {
namespace {

class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer = 0) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer != 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, static_cast<const sockaddr*>(static_cast<const void*>(&address)), sizeof address) == 0;
    timeval timeout{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(const std::string& bytes) const {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  void get(const std::string& path) const { send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"); }
  // Until the text has come; empty where the connection ended before.
  std::string read_until(const std::string& text) {
    while (true) {
      if (const auto at = pending_.find(text); at != std::string::npos) {
        auto found = pending_.substr(0, at + text.size());
        pending_.erase(0, at + text.size());
        return found;
      }
      if (!receive()) return {};
    }
  }
  std::string read_all() {
    while (receive()) {
    }
    return std::exchange(pending_, {});
  }
  [[nodiscard]] bool connected() const { return connected_; }

 private:
  bool receive() {
    char bytes[4096];
    const auto count = ::recv(fd_, bytes, sizeof bytes, 0);
    if (count <= 0) return false;
    pending_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }
  int fd_;
  bool connected_ = false;
  std::string pending_;
};

std::unique_ptr<Server> serve(ServerSettings settings, Handler handler) {
  auto listening = Server::listen(std::move(settings), std::move(handler));
  EXPECT_TRUE(listening) << (listening ? "" : listening.error().message);
  (*listening)->start();
  return std::move(*listening);
}

void say(const std::shared_ptr<Exchange>& exchange, const std::string& text) {
  HttpResponse response;
  response.body = text;
  exchange->respond(std::move(response));
}

// Gives numbered lines, as many as it is told there are.
class Lines final : public EventSource {
 public:
  explicit Lines(std::shared_ptr<std::atomic<int>> upto, std::string filler = "") : upto_(std::move(upto)), filler_(std::move(filler)) {}
  Chunk next() override {
    Chunk chunk;
    if (said_ < *upto_) chunk.bytes = "line " + std::to_string(++said_) + filler_ + "\n";
    chunk.more = said_ < *upto_;
    return chunk;
  }

 private:
  std::shared_ptr<std::atomic<int>> upto_;
  std::string filler_;
  int said_ = 0;
};

TEST(Server, ListensOnLoopbackAndNowhereElse) {
  for (const char* host : {"0.0.0.0", "192.0.2.1", "::"}) {
    ServerSettings settings;
    settings.host = host;
    const auto refused = Server::listen(settings, {});
    ASSERT_FALSE(refused) << host;
    EXPECT_EQ(refused.error().code, Code::denied) << host;
  }
  ServerSettings named;
  named.host = "example.org";
  EXPECT_EQ(Server::listen(named, {}).error().code, Code::invalid_input);
  const auto first = serve({}, {});
  ServerSettings taken;
  taken.port = first->port();
  EXPECT_EQ(Server::listen(taken, {}).error().code, Code::unavailable);
  for (const char* host : {"localhost", "127.0.0.1", "127.1.2.3", "::1"}) EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host : {"", "localhost.evil.example", "10.0.0.1", "127.0.0.1.evil.example"}) EXPECT_FALSE(is_loopback(host)) << host;
}

TEST(Server, GivesPipelinedRequestsTheirAnswersInOrder) {
  const auto server =
      serve({}, [](const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) { say(exchange, "<" + request.target + ">"); });
  Client client(server->port());
  client.get("/1");
  client.get("/2");
  client.get("/3");
  for (const char* expected : {"</1>", "</2>", "</3>"}) EXPECT_FALSE(client.read_until(expected).empty()) << expected;
}

TEST(Server, AnswersWith429WhatAClientAsksAboveItsRateAndGoesOn) {
  ServerSettings settings;
  settings.requests_per_second = 1;
  const auto server = serve(
      settings, [](const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) { say(exchange, "<" + request.target + ">"); });
  Client client(server->port());
  std::string requests;
  for (int i = 0; i < 200; ++i) requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  client.send(requests);
  EXPECT_FALSE(client.read_until("</0>").empty());
  const auto refused = client.read_until("429 Too Many Requests");
  EXPECT_FALSE(refused.empty());
  EXPECT_FALSE(client.read_until("Retry-After: 1").empty());
  EXPECT_FALSE(client.read_until("more than 1 requests in a second from 127.0.0.1").empty());
}

TEST(Server, AnswersHeadAsGetWithoutTheBody) {
  const auto server = serve({}, [](const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) {
    if (request.target == "/stream") return exchange->stream(std::make_unique<Lines>(std::make_shared<std::atomic<int>>(3)));
    if (request.target == "/none") return exchange->respond(error_response(404, "NotFound", "no such path"));
    EXPECT_EQ(request.method, Method::get);
    say(exchange, "<" + request.target + ">");
  });
  Client client(server->port());
  for (const char* path : {"/1", "/none"}) client.send("HEAD " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  client.get("/2");
  const auto first = client.read_until("\r\n\r\n");
  EXPECT_EQ(first.substr(0, 15), "HTTP/1.1 200 OK") << first;
  EXPECT_NE(first.find("Content-Length: 4\r\n"), std::string::npos) << first;
  EXPECT_EQ(client.read_until("\r\n\r\n").substr(0, 12), "HTTP/1.1 404") << "it stays in step";
  EXPECT_EQ(client.read_until("\r\n\r\n").substr(0, 12), "HTTP/1.1 200");
  EXPECT_EQ(client.read_until("</2>"), "</2>");
  client.send("HEAD /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto stream = client.read_all();
  EXPECT_NE(stream.find("text/event-stream"), std::string::npos) << stream;
  EXPECT_EQ(stream.find("line"), std::string::npos) << stream;
}

TEST(Server, RefusesAWholeUrlOfAnotherHost) {
  const auto server =
      serve({}, [](const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) { say(exchange, "<" + request.target + ">"); });
  Client client(server->port());
  client.send("GET http://localhost/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_FALSE(client.read_until("<http://localhost/x>").empty());
  client.send("GET http://evil.example/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n").substr(0, 12), "HTTP/1.1 403");
}

TEST(Server, TakesTheFirstAnswerAndDropsWhatComesLater) {
  const auto server = serve({}, [](const HttpRequest&, const std::shared_ptr<Exchange>& exchange) {
    say(exchange, "<first>");
    say(exchange, "<second>");
  });
  Client client(server->port());
  client.get("/");
  EXPECT_FALSE(client.read_until("<first>").empty());
  client.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.read_all().find("<second>"), std::string::npos);
}

TEST(Server, AnswersForAHandlerThatForgot) {
  const auto server = serve({}, [](const HttpRequest&, const std::shared_ptr<Exchange>&) {});
  Client client(server->port());
  client.get("/");
  EXPECT_NE(client.read_until("\r\n").find(" 500 "), std::string::npos);
}

TEST(Server, AnswersForAHandlerThatTakesTooLong) {
  ServerSettings settings;
  settings.answer_ms = 50;
  std::mutex mutex;
  std::vector<std::shared_ptr<Exchange>> kept;
  const auto server = serve(settings, [&](const HttpRequest&, const std::shared_ptr<Exchange>& exchange) {
    const std::lock_guard lock(mutex);
    kept.push_back(exchange);
  });
  Client client(server->port());
  client.get("/");
  EXPECT_NE(client.read_until("request timeout").find(" 503 "), std::string::npos);
  const std::lock_guard lock(mutex);
  say(kept.front(), "too late");
}

TEST(Server, DropsAConnectionThatSaysNothing) {
  ServerSettings settings;
  settings.idle_ms = 50;
  const auto server = serve(settings, {});
  Client silent(server->port());
  EXPECT_EQ(silent.read_all(), "");
  Client slow(server->port());
  slow.send("GET / HT");  // begun, and never ended
  EXPECT_EQ(slow.read_all(), "");
}

TEST(Server, SaysOnAStreamWhatComesAndThatItIsThere) {
  ServerSettings settings;
  settings.keep_alive_ms = 50;
  settings.wake_ms = 1;
  const auto upto = std::make_shared<std::atomic<int>>(2);
  const auto server = serve(
      settings, [&](const HttpRequest&, const std::shared_ptr<Exchange>& exchange) { exchange->stream(std::make_unique<Lines>(upto)); });
  Client client(server->port());
  client.get("/");
  EXPECT_NE(client.read_until("retry: 2000\n").find("text/event-stream"), std::string::npos);
  EXPECT_FALSE(client.read_until("line 2\n").empty());
  EXPECT_FALSE(client.read_until(": keep-alive\n\n").empty());
  *upto = 1000;
  server->wake_streams();
  EXPECT_FALSE(client.read_until("line 1000\n").empty());
}

// Says nothing until it may.
class Waiting final : public EventSource {
 public:
  explicit Waiting(std::shared_future<void> may) : may_(std::move(may)) {}
  Chunk next() override {
    may_.wait();
    return {"done\n", false, true};
  }

 private:
  std::shared_future<void> may_;
};

TEST(Server, AnswersWhileEveryStreamIsBusy) {
  std::promise<void> may;
  const auto server = serve({}, [waits = may.get_future().share()](const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) {
    if (request.target == "/stream") return exchange->stream(std::make_unique<Waiting>(waits));
    say(exchange, "answered");
  });
  std::vector<std::unique_ptr<Client>> streams;
  for (std::size_t i = 0; i < ServerSettings{}.reader_threads + 3; ++i) {
    streams.push_back(std::make_unique<Client>(server->port()));
    streams.back()->get("/stream");
    EXPECT_NE(streams.back()->read_until("retry"), "");
  }
  Client reads(server->port());
  reads.get("/answer");
  EXPECT_NE(reads.read_until("answered"), "");
  may.set_value();
  for (const auto& stream : streams) EXPECT_NE(stream->read_until("done"), "");
}

TEST(Server, DropsAStreamsReaderThatDoesNotRead) {
  ServerSettings settings;
  settings.write_ms = 100;
  const auto upto = std::make_shared<std::atomic<int>>(1'000'000);
  std::promise<void> gone;
  struct Watched final : EventSource {
    Watched(std::shared_ptr<std::atomic<int>> upto_in, std::promise<void>& gone_in)
        : lines(std::move(upto_in), std::string(60'000, '.')), gone(gone_in) {}
    ~Watched() override { gone.set_value(); }
    Chunk next() override { return lines.next(); }
    Lines lines;
    std::promise<void>& gone;
  };
  const auto server = serve(settings, [&](const HttpRequest&, const std::shared_ptr<Exchange>& exchange) {
    exchange->stream(std::make_unique<Watched>(upto, gone));
  });
  Client client(server->port(), 4096);
  client.get("/");
  EXPECT_EQ(gone.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready) << "what was kept for it is freed";
}

TEST(Server, NoticesThatAStreamsReaderHasLeft) {
  std::promise<void> gone;
  struct Silent final : EventSource {
    explicit Silent(std::promise<void>& gone_in) : gone(gone_in) {}
    ~Silent() override { gone.set_value(); }
    Chunk next() override { return {}; }
    std::promise<void>& gone;
  };
  const auto server =
      serve({}, [&](const HttpRequest&, const std::shared_ptr<Exchange>& exchange) { exchange->stream(std::make_unique<Silent>(gone)); });
  {
    Client client(server->port());
    client.get("/");
    EXPECT_FALSE(client.read_until("retry").empty());
  }
  EXPECT_EQ(gone.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
}

TEST(Server, StopsInTheMiddleOfEverything) {
  ServerSettings settings;
  settings.wake_ms = 0;
  const auto upto = std::make_shared<std::atomic<int>>(1'000'000'000);
  const auto server = serve(settings, [&](const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) {
    if (request.target == "/stream") return exchange->stream(std::make_unique<Lines>(upto));
    say(exchange, "x");
  });
  std::vector<std::thread> clients;
  std::atomic<int> began{0};
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      Client client(server->port());
      client.get(i % 2 == 0 ? "/stream" : "/");
      if (!client.read_until("\n").empty()) ++began;
      while (!client.read_until("\n").empty()) server->wake_streams();
    });
  }
  while (began < 8) std::this_thread::yield();
  server->stop();
  for (auto& client : clients) client.join();
  server->wake_streams();
  server->post([] {});
}

}  // namespace
}  // namespace abide::api
