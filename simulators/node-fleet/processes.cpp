#include "simulators/node-fleet/processes.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <unistd.h>
#include <utility>

namespace abide::node_fleet {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t first_field = 3;  // of /proc/PID/stat, behind the name, which may hold anything
constexpr std::size_t user_field = 14, system_field = 15;
constexpr const char* listening = "0A";

std::uint64_t kilobytes_in(const std::string& line) {
  std::istringstream words(line.substr(line.find(':') + 1));
  std::uint64_t kilobytes = 0;
  words >> kilobytes;
  return kilobytes * 1'024;
}

std::set<std::string> inodes_listening_on(std::uint16_t port) {
  std::set<std::string> inodes;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream in(table);
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
      std::istringstream words(line);
      std::string slot, local, remote, state, skipped, inode;
      words >> slot >> local >> remote >> state >> skipped >> skipped >> skipped >> skipped >> skipped >> inode;
      const auto colon = local.rfind(':');
      unsigned there = 0;
      if (state != listening || colon == std::string::npos) continue;
      std::from_chars(local.data() + colon + 1, local.data() + local.size(), there, 16);
      if (there == port) inodes.insert("socket:[" + inode + "]");
    }
  }
  return inodes;
}

}  // namespace

std::optional<ProcessUse> use_of(std::int64_t pid) {
  const auto folder = "/proc/" + std::to_string(pid);
  std::ifstream stat(folder + "/stat");
  std::string line;
  if (!std::getline(stat, line)) return std::nullopt;
  const auto behind = line.rfind(')');
  if (behind == std::string::npos) return std::nullopt;
  std::istringstream words(line.substr(behind + 1));
  std::string word;
  ProcessUse use;
  double ticks = 0;
  for (std::size_t field = first_field; words >> word && field <= system_field; ++field)
    if (field == user_field || field == system_field) ticks += static_cast<double>(std::strtoull(word.c_str(), nullptr, 10));
  use.cpu_s = ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
  std::ifstream status(folder + "/status");
  while (std::getline(status, line)) {
    if (line.starts_with("VmRSS:")) use.resident = kilobytes_in(line);
    if (line.starts_with("VmHWM:")) use.resident_max = kilobytes_in(line);
  }
  return use;
}

std::int64_t own_pid() {
  return ::getpid();
}

std::string name_of_process(std::int64_t pid) {
  const auto folder = "/proc/" + std::to_string(pid);
  std::error_code hidden;
  if (const auto program = fs::read_symlink(folder + "/exe", hidden); !hidden) return program.filename().string();
  std::ifstream in(folder + "/comm");  // cut off after 15 characters
  std::string name;
  std::getline(in, name);
  return name;
}

std::optional<std::int64_t> listener_on(std::uint16_t port) {
  const auto inodes = inodes_listening_on(port);
  if (inodes.empty()) return std::nullopt;
  std::error_code ignored;
  for (fs::directory_iterator process("/proc", ignored), end; !ignored && process != end; process.increment(ignored)) {
    const auto name = process->path().filename().string();
    std::int64_t pid = 0;
    const auto [stopped, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc{} || stopped != name.data() + name.size() || pid == own_pid()) continue;  // of ours there are thousands
    std::error_code closed;
    for (fs::directory_iterator file(process->path() / "fd", closed), last; !closed && file != last; file.increment(closed)) {
      std::error_code gone;
      if (inodes.contains(fs::read_symlink(file->path(), gone).string())) return pid;
    }
  }
  return std::nullopt;
}

WatchedProcess::WatchedProcess(std::int64_t pid, std::uint16_t port) : name_(name_of_process(pid)), pid_(pid), port_(port) {
  begin();
}

void WatchedProcess::begin() {
  look();
  cpu_before_s_ = -cpu_s_;
  last_.cpu_s = 0;
}

ProcessUse WatchedProcess::look() {
  auto use = use_of(pid_);
  if (!use && port_ != 0) {
    if (const auto next = listener_on(port_)) {
      cpu_before_s_ += std::exchange(cpu_s_, 0);
      pid_ = *next;
      use = use_of(pid_);
    }
  }
  if (use) cpu_s_ = use->cpu_s;
  last_.cpu_s = cpu_before_s_ + cpu_s_;
  last_.resident = use ? use->resident : 0;
  if (use) last_.resident_max = std::max(last_.resident_max, use->resident_max);
  return last_;
}

}  // namespace abide::node_fleet
