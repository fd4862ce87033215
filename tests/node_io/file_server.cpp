#include "tests/node_io/file_server.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cassert>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace abide::test {
namespace {

std::string header_of(const std::string& head, const std::string& name) {
  const std::size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size() + 4;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

bool send_all(int connection, const char* bytes, std::size_t count) {
  while (count > 0) {
    const ssize_t sent = ::send(connection, bytes, count, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes += sent;
    count -= static_cast<std::size_t>(sent);
  }
  return true;
}

}  // namespace

Served served_text(std::string text) {
  Served served;
  served.size = text.size();
  served.read = [text = std::move(text)](std::uint64_t offset, char* into, std::size_t bytes) {
    std::memcpy(into, text.data() + offset, bytes);
  };
  return served;
}

FileServer::FileServer(Served served) : served_(std::move(served)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  stop_ = ::eventfd(0, EFD_CLOEXEC);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  assert(::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) == 0);
  assert(::listen(listener_, 16) == 0);
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

FileServer::~FileServer() {
  ::eventfd_write(stop_, 1);
  acceptor_.join();
  ::close(listener_);
  ::close(stop_);
}

std::string FileServer::url(const std::string& path) const {
  return fmt::format("http://127.0.0.1:{}{}", port_, path);
}

void FileServer::next(std::vector<Manner> manners) {
  const std::lock_guard lock(mutex_);
  manners_.assign(manners.begin(), manners.end());
}
void FileServer::always(const std::string& path, Manner manner) {
  const std::lock_guard lock(mutex_);
  always_.emplace_back(path, std::move(manner));
}
void FileServer::serve(Served served) {
  const std::lock_guard lock(mutex_);
  served_ = std::move(served);
}
void FileServer::after_each(std::function<void()> hook) {
  const std::lock_guard lock(mutex_);
  hook_ = std::move(hook);
}
std::vector<Request> FileServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}
void FileServer::wait_until_stalled() {
  stalled_.wait(0);
}

void FileServer::accept_all() {
  std::vector<std::thread> answering;
  for (;;) {
    pollfd watched[2] = {{stop_, POLLIN, 0}, {listener_, POLLIN, 0}};
    ::poll(watched, 2, -1);
    if (watched[0].revents != 0) break;
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection >= 0) answering.emplace_back([this, connection] { answer(connection); });
  }
  for (std::thread& thread : answering) thread.join();
}

void FileServer::answer(int connection) {
  std::string unread;
  while (answer_one(connection, unread)) {
  }
  ::shutdown(connection, SHUT_RDWR);
  ::close(connection);
}

// False: the connection ends.
bool FileServer::answer_one(int connection, std::string& unread) {
  while (unread.find("\r\n\r\n") == std::string::npos) {
    pollfd watched[2] = {{stop_, POLLIN, 0}, {connection, POLLIN, 0}};
    ::poll(watched, 2, -1);
    if (watched[0].revents != 0) return false;
    char bytes[4096];
    const ssize_t got = ::recv(connection, bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    unread.append(bytes, static_cast<std::size_t>(got));
  }
  const std::string head = unread.substr(0, unread.find("\r\n\r\n") + 2);
  unread.erase(0, head.size() + 2);
  Request request;
  const std::size_t space = head.find(' ');
  request.path = head.substr(space + 1, head.find(' ', space + 1) - space - 1);
  request.range = header_of(head, "Range");
  request.if_range = header_of(head, "If-Range");
  Served served;
  Manner manner;
  std::function<void()> hook;
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    served = served_;
    hook = hook_;
    const auto fixed = std::find_if(always_.begin(), always_.end(), [&](const auto& entry) { return entry.first == request.path; });
    if (fixed != always_.end()) {
      manner = fixed->second;
    } else if (!manners_.empty()) {
      manner = manners_.front();
      manners_.pop_front();
    }
  }
  bool goes_on = false;
  if (manner.status != 0) {
    const std::string location = manner.location.empty() ? "" : "Location: " + manner.location + "\r\n";
    const std::string reply = fmt::format("HTTP/1.1 {} X\r\n{}Content-Length: 4\r\n\r\nnope", manner.status, location);
    goes_on = send_all(connection, reply.data(), reply.size());
  } else {
    std::uint64_t from = 0;
    bool partial = false;
    if (served.ranges && request.range.substr(0, 6) == "bytes=") {
      std::from_chars(request.range.data() + 6, request.range.data() + request.range.size(), from);
      partial = !served.checks_if_range || request.if_range.empty() || request.if_range == served.etag;
      from = partial ? from - served.range_shift : 0;
    }
    std::string reply;
    std::uint64_t to = served.size;
    if (partial && from >= served.size) {
      reply = fmt::format("HTTP/1.1 416 X\r\nContent-Range: bytes */{}\r\nContent-Length: 0\r\n\r\n", served.size);
      from = to;
    } else {
      if (partial) to = std::min(served.size, from + std::min(served.size, served.range_bytes_max));
      reply = fmt::format("HTTP/1.1 {} X\r\nETag: {}\r\n", partial ? 206 : 200, served.etag);
      if (partial) reply += fmt::format("Content-Range: bytes {}-{}/{}\r\n", from, to - 1, served.size);
      reply += served.tells_length ? fmt::format("Content-Length: {}\r\n\r\n", to - from) : std::string("Connection: close\r\n\r\n");
    }
    goes_on = send_all(connection, reply.data(), reply.size()) && send_body(connection, served, from, to, manner) && served.tells_length;
  }
  if (hook) hook();
  return goes_on;
}

bool FileServer::send_body(int connection, const Served& served, std::uint64_t from, std::uint64_t to, const Manner& manner) {
  const std::uint64_t stop_after = std::min(manner.cut_after.value_or(UINT64_MAX), manner.stall_after.value_or(UINT64_MAX));
  const std::uint64_t end = stop_after < to - from ? from + stop_after : to;
  std::vector<char> piece(std::size_t{256} << 10);
  for (std::uint64_t at = from; at < end;) {
    const std::size_t bytes = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), end - at));
    served.read(at, piece.data(), bytes);
    if (!send_all(connection, piece.data(), bytes)) return false;
    at += bytes;
    body_bytes_ += bytes;
  }
  if (manner.stall_after) {
    stalled_ += 1;
    stalled_.notify_all();
    pollfd watched[2] = {{stop_, POLLIN, 0}, {connection, POLLRDHUP, 0}};
    ::poll(watched, 2, -1);
    return false;
  }
  return !manner.cut_after;
}

}  // namespace abide::test
