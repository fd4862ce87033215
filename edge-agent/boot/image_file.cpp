#include "edge-agent/boot/image_file.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "common/release/image_header.hpp"
#include "common/store/durable_file.hpp"

namespace abide::agent {
namespace {

constexpr std::size_t boot_json_bytes_max = 4096;
constexpr std::size_t command_line_bytes_max = std::size_t{2} << 20;  // the kernel's own limit
constexpr int format_known = 1;

// boot.json as a struct.
struct BootFile {
  std::string instance;  // 16 hex digits, drawn when the folder was made: two folders never share a boot id
  std::uint64_t boot = 1;
  Slot running = Slot::a;
  Slot default_slot = Slot::a;
  std::optional<Slot> one_shot;
  bool came_up = false;
  BootCause cause = BootCause::other;
  bool bad[2] = {false, false};
};

std::string boot_json_of(const std::string& folder) {
  return folder + "/boot.json";
}
std::string slot_of(const std::string& folder, Slot slot) {
  return fmt::format("{}/slot-{}", folder, to_string(slot));
}
std::size_t index_of(Slot slot) {
  return slot == Slot::a ? 0 : 1;
}

std::string to_json(const BootFile& file) {
  nlohmann::ordered_json json;
  json["format"] = format_known;
  json["instance"] = file.instance;
  json["boot"] = file.boot;
  json["running"] = to_string(file.running);
  json["default"] = to_string(file.default_slot);
  json["one_shot"] = file.one_shot ? nlohmann::ordered_json(to_string(*file.one_shot)) : nlohmann::ordered_json();
  json["came_up"] = file.came_up;
  json["cause"] = file.cause == BootCause::watchdog ? "watchdog" : "other";
  json["bad"] = nlohmann::ordered_json::array();
  for (const Slot slot : {Slot::a, Slot::b}) {
    if (file.bad[index_of(slot)]) json["bad"].push_back(to_string(slot));
  }
  return json.dump(2) + "\n";
}

// Thrown and caught in this file: the first thing that is wrong with boot.json.
struct Malformed {
  std::string what;
};

Slot slot_from(const nlohmann::json& value, std::string_view key) {
  if (value.is_string() && value.get<std::string>() == "a") return Slot::a;
  if (value.is_string() && value.get<std::string>() == "b") return Slot::b;
  throw Malformed{fmt::format("{} is neither \"a\" nor \"b\"", key)};
}

bool flag_from(const nlohmann::json& value, std::string_view key) {
  if (!value.is_boolean()) throw Malformed{fmt::format("{} is neither true nor false", key)};
  return value.get<bool>();
}

BootFile boot_file_from(const nlohmann::json& json) {
  if (!json.is_object()) throw Malformed{"is not an object"};
  const auto at = [&](const char* key) -> const nlohmann::json& {
    const auto found = json.find(key);
    if (found == json.end()) throw Malformed{fmt::format("{} is missing", key)};
    return *found;
  };
  if (!at("format").is_number_unsigned() || at("format") < 1u) throw Malformed{"format is not a number"};
  if (at("format") > static_cast<unsigned>(format_known)) {
    throw Malformed{
        fmt::format("is of format {}, this program knows {}: it was written by a newer version", at("format").dump(), format_known)};
  }
  static const std::set<std::string> known = {"format", "instance", "boot", "running", "default", "one_shot", "came_up", "cause", "bad"};
  for (const auto& [key, value] : json.items()) {
    if (known.count(key) == 0) throw Malformed{"has a key that is not known"};
  }
  BootFile file;
  if (!at("instance").is_string()) throw Malformed{"instance is not a text"};
  file.instance = at("instance").get<std::string>();
  if (file.instance.size() != 16 || file.instance.find_first_not_of("0123456789abcdef") != std::string::npos) {
    throw Malformed{"instance is not 16 hex digits"};
  }
  if (!at("boot").is_number_unsigned() || at("boot") < 1u) throw Malformed{"boot is not a number from 1 on"};
  file.boot = at("boot").get<std::uint64_t>();
  file.running = slot_from(at("running"), "running");
  file.default_slot = slot_from(at("default"), "default");
  if (!at("one_shot").is_null()) file.one_shot = slot_from(at("one_shot"), "one_shot");
  file.came_up = flag_from(at("came_up"), "came_up");
  if (at("cause") != "watchdog" && at("cause") != "other") throw Malformed{"cause is neither \"watchdog\" nor \"other\""};
  file.cause = at("cause") == "watchdog" ? BootCause::watchdog : BootCause::other;
  if (!at("bad").is_array() || at("bad").size() > 2) throw Malformed{"bad is not a list of slots"};
  for (const nlohmann::json& slot : at("bad")) file.bad[index_of(slot_from(slot, "bad"))] = true;
  return file;
}

Result<BootFile> read_boot_file(const std::string& folder) {
  const std::string path = boot_json_of(folder);
  const Result<std::string> bytes = read_file(path, boot_json_bytes_max);
  if (!bytes) return fail(bytes.error().in("boot state"));
  try {
    return boot_file_from(nlohmann::json::parse(*bytes));
  } catch (const Malformed& malformed) {
    return fail(Code::corrupt, fmt::format("boot state {}: {}", path, malformed.what));
  } catch (const nlohmann::json::exception&) {
    return fail(Code::corrupt, fmt::format("boot state {}: is not JSON", path));
  }
}

Result<void> write_boot_file(const std::string& folder, const BootFile& file) {
  const Result<void> written = replace_file(boot_json_of(folder), to_json(file));
  if (!written) return fail(written.error().in("boot state"));
  return {};
}

// Read, change, write is one step for every process that touches the folder: the agent, and whoever plays the watchdog.
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder) : file_(::open((folder + "/boot.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (file_ < 0) return;
    while (::flock(file_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  ~FolderLock() {
    if (file_ >= 0) ::close(file_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  [[nodiscard]] bool held() const { return file_ >= 0; }

 private:
  int file_;
};

template <class Change>
Result<void> change_boot_file(const std::string& folder, Change change) {
  const FolderLock lock(folder);
  if (!lock.held()) return fail(Code::unavailable, fmt::format("boot state: cannot lock {}: {}", folder, std::strerror(errno)));
  Result<BootFile> file = read_boot_file(folder);
  if (!file) return fail(file.error());
  const std::string before = to_json(*file);
  if (Result<void> changed = change(*file); !changed) return changed;
  if (to_json(*file) == before) return {};
  return write_boot_file(folder, *file);
}

BootState state_of(const BootFile& file) {
  BootState state;
  state.boot = BootId{fmt::format("image-file-{}-{}", file.instance, file.boot)};
  state.running = file.running;
  state.default_slot = file.default_slot;
  state.one_shot = file.one_shot;
  state.came_up = file.came_up;
  state.cause = file.cause;
  std::copy(std::begin(file.bad), std::end(file.bad), std::begin(state.bad));
  return state;
}

// What the boot loader and the first unit of the slot that comes up do.
void boot_once(const std::string& folder, BootFile& file, BootCause cause) {
  file.boot += 1;
  file.cause = cause;
  const std::optional<Slot> tried = file.one_shot;
  file.one_shot.reset();
  file.running = file.default_slot;
  if (tried && read_image_header(slot_of(folder, *tried))) {
    file.running = *tried;
    file.came_up = true;
  }
}

}  // namespace

Result<void> restart_this_process() {
  const Result<std::string> command_line = read_file("/proc/self/cmdline", command_line_bytes_max);
  if (!command_line) return fail(command_line.error().in("restart"));
  std::string bytes = *command_line;
  std::vector<char*> arguments;
  for (std::size_t begin = 0; begin < bytes.size(); begin = bytes.find('\0', begin) + 1) {
    arguments.push_back(bytes.data() + begin);
    if (bytes.find('\0', begin) == std::string::npos) break;
  }
  arguments.push_back(nullptr);
  sigset_t none;
  sigset_t before;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, &before);
  ::execve("/proc/self/exe", arguments.data(), environ);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return fail(Code::unavailable, fmt::format("restart: execve: {}", std::strerror(error)));
}

Result<std::unique_ptr<ImageFileBoot>> ImageFileBoot::open(const std::string& folder, Restart restart) {
  const Result<BootFile> file = read_boot_file(folder);
  if (!file) return fail(file.error());
  for (const Slot slot : {Slot::a, Slot::b}) {
    if (::access(slot_of(folder, slot).c_str(), R_OK | W_OK) != 0) {
      const Code code = errno == ENOENT ? Code::not_found : Code::denied;
      return fail(code, fmt::format("slot {}: {}", slot_of(folder, slot), std::strerror(errno)));
    }
  }
  return std::unique_ptr<ImageFileBoot>(new ImageFileBoot(folder, std::move(restart)));
}

Result<BootState> ImageFileBoot::read() {
  const std::lock_guard guard(mutex_);
  const Result<BootFile> file = read_boot_file(folder_);
  if (!file) return fail(file.error());
  return state_of(*file);
}

Result<void> ImageFileBoot::arm_once(Slot slot) {
  const std::lock_guard guard(mutex_);
  return change_boot_file(folder_, [&](BootFile& file) -> Result<void> {
    if (slot == file.running) return fail(Code::conflict, fmt::format("arm: slot {} is the running one", to_string(slot)));
    if (file.bad[index_of(slot)]) return fail(Code::conflict, fmt::format("arm: slot {} is marked bad", to_string(slot)));
    file.one_shot = slot;
    return {};
  });
}

Result<void> ImageFileBoot::disarm() {
  const std::lock_guard guard(mutex_);
  return change_boot_file(folder_, [](BootFile& file) -> Result<void> {
    file.one_shot.reset();
    return {};
  });
}

Result<void> ImageFileBoot::clear_came_up() {
  const std::lock_guard guard(mutex_);
  return change_boot_file(folder_, [](BootFile& file) -> Result<void> {
    file.came_up = false;
    return {};
  });
}

Result<void> ImageFileBoot::confirm(Slot slot) {
  const std::lock_guard guard(mutex_);
  return change_boot_file(folder_, [&](BootFile& file) -> Result<void> {
    if (slot != file.running) return fail(Code::conflict, fmt::format("confirm: slot {} does not run", to_string(slot)));
    file.default_slot = slot;
    return {};
  });
}

Result<void> ImageFileBoot::mark_bad(Slot slot) {
  const std::lock_guard guard(mutex_);
  return change_boot_file(folder_, [&](BootFile& file) -> Result<void> {
    file.bad[index_of(slot)] = true;
    return {};
  });
}

Result<void> ImageFileBoot::clear_bad(Slot slot) {
  const std::lock_guard guard(mutex_);
  return change_boot_file(folder_, [&](BootFile& file) -> Result<void> {
    file.bad[index_of(slot)] = false;
    return {};
  });
}

Result<void> ImageFileBoot::reboot() {
  const std::lock_guard guard(mutex_);
  const Result<BootState> booted = reset_image_file_node(folder_, BootCause::other);
  if (!booted) return fail(booted.error());
  return restart_();
}

std::string ImageFileBoot::path_of(Slot slot) const {
  return slot_of(folder_, slot);
}

Result<BootState> reset_image_file_node(const std::string& folder, BootCause cause) {
  BootState state;
  const Result<void> changed = change_boot_file(folder, [&](BootFile& file) -> Result<void> {
    boot_once(folder, file, cause);
    state = state_of(file);
    return {};
  });
  if (!changed) return fail(changed.error());
  return state;
}

}  // namespace abide::agent
