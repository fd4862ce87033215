#pragma once
// A small HTTP/1.1 server of one file under every path, with ranges, that can be told to misbehave request by request.
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace abide::test {

struct Served {
  std::uint64_t size = 0;
  std::function<void(std::uint64_t offset, char* into, std::size_t bytes)> read;
  std::string etag = "\"one\"";
  bool ranges = true;  // else every answer is the whole file
  bool checks_if_range = true;
  bool tells_length = true;                    // else the end of the connection is the end of the file
  std::uint64_t range_shift = 0;               // by which it misses the range that was asked for
  std::uint64_t range_bytes_max = UINT64_MAX;  // of one answer
};
Served served_text(std::string text);

// How one request is answered.
struct Manner {
  int status = 0;                            // 0: as HTTP says; else this one, with a short body
  std::optional<std::uint64_t> cut_after;    // bytes of the body, then the connection ends
  std::optional<std::uint64_t> stall_after;  // then nothing more comes until the client goes away
  std::string location;                      // of a redirect
};

inline Manner answers(int status, std::string location = {}) {
  Manner manner;
  manner.status = status;
  manner.location = std::move(location);
  return manner;
}
inline Manner cut_after(std::uint64_t bytes) {
  Manner manner;
  manner.cut_after = bytes;
  return manner;
}
inline Manner stalls_after(std::uint64_t bytes) {
  Manner manner;
  manner.stall_after = bytes;
  return manner;
}

struct Request {
  std::string path;
  std::string range;  // header, empty: none
  std::string if_range;
};

class FileServer {
 public:
  explicit FileServer(Served served);
  ~FileServer();
  FileServer(const FileServer&) = delete;
  FileServer& operator=(const FileServer&) = delete;

  [[nodiscard]] std::string url(const std::string& path = "/image.raw") const;
  // The manners of the next requests; afterwards, none.
  void next(std::vector<Manner> manners);
  // For every request to this path.
  void always(const std::string& path, Manner manner);
  void serve(Served served);
  // Called after each answer, without a lock held.
  void after_each(std::function<void()> hook);
  [[nodiscard]] std::vector<Request> requests() const;
  [[nodiscard]] std::uint64_t body_bytes() const { return body_bytes_; }
  // Waits until a request stalls.
  void wait_until_stalled();

 private:
  void accept_all();
  void answer(int connection);
  bool answer_one(int connection, std::string& unread);
  bool send_body(int connection, const Served& served, std::uint64_t from, std::uint64_t to, const Manner& manner);

  mutable std::mutex mutex_;
  Served served_;
  std::deque<Manner> manners_;
  std::vector<std::pair<std::string, Manner>> always_;
  std::vector<Request> requests_;
  std::function<void()> hook_;
  std::atomic<std::uint64_t> body_bytes_{0};
  std::atomic<int> stalled_{0};
  int listener_ = -1;
  int stop_ = -1;
  int port_ = 0;
  std::thread acceptor_;
};

}  // namespace abide::test
