#include "tests/abidectl/small_server.hpp"

#include <arpa/inet.h>
#include <cassert>
#include <sys/socket.h>
#include <unistd.h>

namespace abide::ctl {

SmallServer::SmallServer(std::function<SmallAnswer(const SmallRequest&)> answer) : answer_(std::move(answer)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  [[maybe_unused]] const bool listening = ::bind(listener_, plain, length) == 0 && ::listen(listener_, 16) == 0;
  assert(listening);
  ::getsockname(listener_, plain, &length);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

SmallServer::~SmallServer() {
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

std::string SmallRequest::header(const std::string& name) const {
  const auto at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const auto begin = at + name.size() + 4;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

std::vector<SmallRequest> SmallServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void SmallServer::serve() {
  while (true) {
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) return;
    serve_one(connection);
    ::close(connection);
  }
}

void SmallServer::serve_one(int connection) {
  std::string text;
  std::size_t expected = std::string::npos;
  while (text.size() < expected) {
    char block[4096];
    const auto got = ::recv(connection, block, sizeof block, 0);
    if (got <= 0) return;
    text.append(block, static_cast<std::size_t>(got));
    const auto end = text.find("\r\n\r\n");
    if (expected != std::string::npos || end == std::string::npos) continue;
    const auto length = text.find("Content-Length: ");
    expected = end + 4 + (length < end ? std::stoul(text.substr(length + 16)) : 0);
  }
  SmallRequest request;
  const auto first = text.find(' ');
  const auto second = text.find(' ', first + 1);
  request.method = text.substr(0, first);
  request.target = text.substr(first + 1, second - first - 1);
  request.head = text.substr(0, text.find("\r\n\r\n") + 2);
  request.body = text.substr(text.find("\r\n\r\n") + 4);
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  const auto answer = answer_(request);
  const auto length = answer.hangs ? std::string() : "\r\nContent-Length: " + std::to_string(answer.body.size() + (answer.cut ? 1 : 0));
  const auto whole = "HTTP/1.1 " + std::to_string(answer.status) + " x\r\nContent-Type: " + answer.type + length +
                     (answer.tag.empty() ? "" : "\r\nETag: " + answer.tag) + "\r\nConnection: close\r\n\r\n" + answer.body;
  ::send(connection, whole.data(), whole.size(), MSG_NOSIGNAL);
  char rest[256];
  while (answer.hangs && ::recv(connection, rest, sizeof rest, 0) > 0) {
  }
}

}  // namespace abide::ctl
