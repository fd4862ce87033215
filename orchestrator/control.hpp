#pragma once
// What another process of the same user may ask of a running orchestrator, over a socket in its state directory: a checkpoint of
// its store, for as long as the asker stays. Whoever may enter the directory may ask; nobody else can.
//
//   asks     checkpoint\n
//   answer   ok\n               it is in STATE/checkpoint until the asker closes the connection
//            error TEXT\n       it is not
//
// One asker at a time. A thread of its own, which also stamps the state directory.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "common/core/result.hpp"

namespace abide::orchestrator {

inline constexpr const char* control_socket = "control";
inline constexpr const char* checkpoint_folder = "checkpoint";
inline constexpr std::size_t control_line_max = 4096;
inline constexpr int ask_ms_max = 5'000;                                    // until an asker has asked
inline constexpr int checkpoint_ms_max = 120'000;                           // until it is answered
inline constexpr std::int64_t lease_ms_max = std::int64_t{24} * 3'600'000;  // then the checkpoint goes, whoever holds it
inline constexpr int between_stamps_ms = 60'000;

class Control {
 public:
  struct Work {
    std::function<Result<void>(const std::string& dir)> checkpoint;  // makes one
    std::function<void()> stamp;                                     // at times
  };
  // Without a socket, where the file system has none, it says so in the log and only stamps.
  static std::unique_ptr<Control> start(const std::string& dir, Work work);
  ~Control();  // waits; a lease ends with it
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

 private:
  Control(std::string dir, Work work);
  Result<void> listen();
  void run();
  void take(int asker);
  void end_lease();

  std::string dir_;
  Work work_;
  int listening_ = -1;
  int stopping_ = -1;  // eventfd
  int lease_ = -1;     // the asker that holds the checkpoint
  std::int64_t lease_until_ms_ = 0;
  std::thread thread_;
};

// The asker's side. The checkpoint is at `path` while it lives.
class Lease {
 public:
  // not_found: nobody listens there; denied: the orchestrator says no; unavailable: it says nothing.
  static Result<Lease> ask(const std::string& dir);
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&&) = delete;
  ~Lease();

 private:
  explicit Lease(int socket) : socket_(socket) {}
  int socket_;
};

}  // namespace abide::orchestrator
