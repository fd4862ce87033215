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
};
struct SmallAnswer {
  int status = 200;
  std::string body = "{}";
  std::string type = "application/json";
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
