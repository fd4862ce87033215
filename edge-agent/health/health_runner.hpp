#pragma once
// Runs the configured health checks of a trial and gives one verdict. One worker thread; start and stop are called by
// the owner thread and return at once; the callback runs on the worker and should only post.
//
// Checks run one after the other. One that fails is run again every `again_every_ms` until it passes or its own
// deadline is over; the trial's deadline bounds all. unhealthy: a check said no to the end; deadline: there was none
// that said no, but no answer in time either. Without checks the verdict is "healthy".
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/core/ids.hpp"
#include "common/core/result.hpp"
#include "edge-agent/update/machine.hpp"

namespace abide::agent {

struct HealthCheck {
  std::string name;
  std::vector<std::string> command;   // absolute path of a program, and its arguments; no shell
  std::int64_t deadline_ms = 60'000;  // from its first run
};

inline constexpr std::size_t health_checks_max = 64;
inline constexpr std::size_t command_bytes_max = 4096;

// Splits a command line as a shell would (blanks, '...', "...", \), without expanding anything, and looks the program up:
// by its absolute path or in health_path. invalid_input: empty, an open quote, no such program, a deadline out of range.
Result<HealthCheck> make_health_check(std::string name, std::string_view command_line, std::int64_t deadline_ms);
Result<std::vector<std::string>> split_command(std::string_view command_line);

inline constexpr std::string_view health_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct HealthOrder {
  Number offer;
  BootId boot;
  Slot slot = Slot::b;
  std::string slot_path;              // ABIDE_SLOT_PATH
  std::string os_image_id;            // ABIDE_OS_IMAGE_ID
  std::int64_t deadline_mono_ms = 0;  // of the trial, by CLOCK_BOOTTIME

  friend bool operator==(const HealthOrder&, const HealthOrder&) = default;
};

class HealthRunner {
 public:
  using OnEnd = std::function<void(node::HealthJudged)>;

  HealthRunner(std::vector<HealthCheck> checks, std::int64_t again_every_ms);
  ~HealthRunner();  // stops, kills what runs, and waits
  HealthRunner(const HealthRunner&) = delete;
  HealthRunner& operator=(const HealthRunner&) = delete;

  // The order that is under way, or that has ended and was not stopped since: nothing. Another one: the present one is
  // stopped, then this begins.
  void start(HealthOrder order, OnEnd on_end);
  // Kills what runs. A callback that had begun may still come; its tags tell the machine.
  void stop();
  [[nodiscard]] bool busy() const;

 private:
  struct Job;

  void work();

  const std::vector<HealthCheck> checks_;
  const std::int64_t again_every_ms_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Job> waiting_;
  std::shared_ptr<Job> running_;
  std::optional<HealthOrder> ended_;  // the last one, if it came to its end
  bool closing_ = false;
  std::thread worker_;
};

}  // namespace abide::agent
