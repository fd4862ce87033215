#pragma once
// A program that a test runs, and that dies with it.
#include <chrono>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace abide::test {

class Child {
 public:
  Child() = default;
  ~Child();  // SIGKILL, and waits
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Standard output and error go to the files; empty: /dev/null. `environment` is added to the test's own.
  static Child start(const std::vector<std::string>& command, const std::string& out_file, const std::string& error_file,
                     const std::vector<std::string>& environment = {});

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  // The exit code, 128 + n for signal n; nothing: it still runs.
  std::optional<int> ended();
  std::optional<int> wait(std::chrono::milliseconds at_most);

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;
};

std::string read_file(const std::string& path);

// A directory that goes with the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace abide::test
