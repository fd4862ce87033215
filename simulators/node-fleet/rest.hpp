#pragma once
// The orchestrator's REST API, many calls at a time. One thread a client.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/core/result.hpp"

namespace abide::node_fleet {

struct Call {
  std::string method, path;  // the path is below the server: "/v1/projects/..."
  std::string body;          // JSON; empty: none
};

struct Answer {
  long status = 0;   // 0: there was none
  std::string body;  // or why there was none
  [[nodiscard]] bool good() const { return status >= 200 && status < 300; }
};

class Rest {
 public:
  explicit Rest(std::string server);
  ~Rest();
  Rest(const Rest&) = delete;
  Rest& operator=(const Rest&) = delete;

  // unavailable: no answer; timeout: 503, so not now, and whether it happened is not known; not_found: 404; denied: any other
  // status. With the server's words.
  Result<std::string> ask(const Call& call);
  // `count` calls, at most `at_once` under way. Answers come in any order.
  void ask_all(std::size_t count, std::size_t at_once, const std::function<Call(std::size_t)>& call,
               const std::function<void(std::size_t, const Answer&)>& answered);

  static std::string escaped(const std::string& text);

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace abide::node_fleet
