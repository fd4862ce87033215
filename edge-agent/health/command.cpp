#include <fmt/format.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "edge-agent/health/health_runner.hpp"

namespace abide::agent {
namespace {

constexpr std::size_t name_bytes_max = 64;
constexpr std::int64_t deadline_ms_max = 24 * 3'600'000;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n';
}

bool is_program(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

// Empty: there is none.
std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name.front() == '/' && is_program(name) ? name : std::string();
  std::string_view rest = health_path;
  while (!rest.empty()) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    const std::string path = fmt::format("{}/{}", rest.substr(0, colon), name);
    if (is_program(path)) return path;
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> split_command(std::string_view command_line) {
  if (command_line.size() > command_bytes_max)
    return fail(Code::invalid_input, fmt::format("command is longer than {} bytes", command_bytes_max));
  if (command_line.find('\0') != std::string_view::npos) return fail(Code::invalid_input, "command has a NUL byte");
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t at = 0; at < command_line.size(); ++at) {
    const char c = command_line[at];
    if (c == '\\' && quote != '\'') {
      // Within "..." a backslash is one, but before the characters that it can protect there.
      if (at + 1 == command_line.size()) return fail(Code::invalid_input, "command ends with a backslash");
      const char next = command_line[at + 1];
      if (quote == '"' && next != '"' && next != '\\') {
        word += c;
      } else {
        word += next;
        ++at;
      }
      in_word = true;
    } else if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (is_blank(c)) {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) return fail(Code::invalid_input, fmt::format("command has an open {}", quote));
  if (in_word) words.push_back(std::move(word));
  if (words.empty() || words.front().empty()) return fail(Code::invalid_input, "command is empty");
  return words;
}

Result<HealthCheck> make_health_check(std::string name, std::string_view command_line, std::int64_t deadline_ms) {
  if (name.empty() || name.size() > name_bytes_max) {
    return fail(Code::invalid_input, fmt::format("health check: a name has 1 to {} bytes", name_bytes_max));
  }
  const std::string doing = fmt::format("health check {}", name);
  if (deadline_ms < 1 || deadline_ms > deadline_ms_max) {
    return fail(Code::invalid_input, fmt::format("{}: a deadline is 1 to {} ms, not {}", doing, deadline_ms_max, deadline_ms));
  }
  Result<std::vector<std::string>> words = split_command(command_line);
  if (!words) return fail(words.error().in(doing));
  std::string program = find_program(words->front());
  if (program.empty()) {
    return fail(Code::invalid_input,
                fmt::format("{}: \"{}\" is no program, by absolute path or in {}", doing, words->front(), health_path));
  }
  words->front() = std::move(program);
  return HealthCheck{std::move(name), *std::move(words), deadline_ms};
}

}  // namespace abide::agent
