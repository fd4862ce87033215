#pragma once
// An HTTP server on a free loopback port that answers what the test says and keeps what it was asked. One connection a thread.
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace abide::test {

struct Asked {
  std::string path;           // with its query
  std::string authorization;  // header
  std::string if_none_match;
  unsigned status = 0;
};

struct Answer {
  unsigned status = 200;
  std::string body;
  std::map<std::string, std::string> headers;
};

class HttpServer {
 public:
  using Handler = std::function<Answer(const Asked&)>;
  explicit HttpServer(Handler handler)
      : handler_(std::move(handler)), acceptor_(context_, {boost::asio::ip::make_address("127.0.0.1"), 0}) {
    port_ = acceptor_.local_endpoint().port();
    thread_ = std::thread([this] { accept(); });
  }
  ~HttpServer() { stop(); }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  void stop() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    boost::system::error_code ignored;
    boost::asio::ip::tcp::socket knock(context_);
    knock.connect({boost::asio::ip::make_address("127.0.0.1"), port_}, ignored);
    thread_.join();
    acceptor_.close(ignored);
    {
      const std::lock_guard lock(mutex_);
      for (auto& socket : sockets_) socket->shutdown(boost::asio::ip::tcp::socket::shutdown_both, ignored);
    }
    for (auto& thread : connections_) thread.join();
    connections_.clear();
  }

  [[nodiscard]] std::string authority() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::string url() const { return "http://" + authority(); }
  std::vector<Asked> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(asked_, {});
  }

 private:
  void accept() {
    while (!stopping_) {
      auto socket = std::make_shared<boost::asio::ip::tcp::socket>(context_);
      boost::system::error_code error;
      acceptor_.accept(*socket, error);
      if (error || stopping_) return;
      const std::lock_guard lock(mutex_);
      sockets_.push_back(socket);
      connections_.emplace_back([this, socket] { serve(*socket); });
    }
  }

  void serve(boost::asio::ip::tcp::socket& socket) {
    namespace http = boost::beast::http;
    boost::beast::flat_buffer buffer;
    boost::system::error_code error;
    while (true) {
      http::request<http::string_body> request;
      http::read(socket, buffer, request, error);
      if (error) return;
      Asked asked{std::string(request.target()), std::string(request[http::field::authorization]),
                  std::string(request[http::field::if_none_match]), 0};
      const Answer answer = handler_(asked);
      asked.status = answer.status;
      {
        const std::lock_guard lock(mutex_);
        asked_.push_back(asked);
      }
      http::response<http::string_body> response(http::int_to_status(answer.status), 11);
      response.result(answer.status);
      for (const auto& [name, value] : answer.headers) response.set(name, value);
      if (answer.status != 304) response.body() = answer.body;
      response.prepare_payload();
      http::write(socket, response, error);
      if (error) return;
    }
  }

  Handler handler_;
  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<Asked> asked_;
  std::vector<std::shared_ptr<boost::asio::ip::tcp::socket>> sockets_;
  std::vector<std::thread> connections_;
  std::thread thread_;
};

}  // namespace abide::test
