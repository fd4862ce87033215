#pragma once
// A web server on a free port of loopback that answers what a function says: one request a connection, one thread.
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace abide::ctl {

struct SmallRequest {
  std::string method, target, body;
  std::string head;  // all of its lines
  // Of a header line, as it was sent: empty, it has none.
  [[nodiscard]] std::string header(const std::string& name) const;
};
struct SmallAnswer {
  int status = 200;
  std::string body = "{}";
  std::string type = "application/json";
  std::string tag = {};  // ETag
  bool hangs = false;    // says nothing behind this any more, until the other side goes away
  bool cut = false;      // ends before it is whole
};

class SmallServer {
 public:
  explicit SmallServer(std::function<SmallAnswer(const SmallRequest&)> answer);
  ~SmallServer();
  SmallServer(const SmallServer&) = delete;
  SmallServer& operator=(const SmallServer&) = delete;

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::vector<SmallRequest> requests() const;

 private:
  void serve();
  void serve_one(int connection);

  std::function<SmallAnswer(const SmallRequest&)> answer_;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<SmallRequest> requests_;
  std::thread thread_;
};

}  // namespace abide::ctl
