#include "orchestrator/backup.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "common/core/time.hpp"
#include "common/service/build_version.hpp"
#include "common/service/clock.hpp"
#include "common/service/config.hpp"
#include "common/service/exit_codes.hpp"
#include "common/service/logging.hpp"
#include "common/store/backup.hpp"
#include "common/store/durable_file.hpp"
#include "common/store/journal.hpp"
#include "common/store/rocks_store.hpp"
#include "orchestrator/check.hpp"
#include "orchestrator/control.hpp"
#include "orchestrator/projects.hpp"
#include "orchestrator/stamp.hpp"

namespace abide::orchestrator {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::string_view mark_words = "backups of an abide-orchestrator, format 1";
constexpr std::size_t mark_bytes_max = 4096;
constexpr const char* restoring_folder = "restoring";

Error from_errno(const std::string& doing) {
  const int number = errno;
  return Error{number == EACCES || number == EPERM ? Code::denied : Code::unavailable, doing + ": " + std::strerror(number)};
}

Result<std::vector<std::string>> names_in(const std::string& dir) {
  std::vector<std::string> names;
  std::error_code failure;
  for (fs::directory_iterator entry(dir, failure), end; !failure && entry != end; entry.increment(failure))
    names.push_back(entry->path().filename().string());
  if (failure)
    return fail(failure == std::errc::no_such_file_or_directory ? Code::not_found : Code::unavailable,
                "read " + dir + ": " + failure.message());
  std::sort(names.begin(), names.end());
  return names;
}

bool is_there(const std::string& path) {
  std::error_code failure;
  return fs::exists(fs::symlink_status(path, failure));
}

// As another user one would leave files behind that the orchestrator cannot open any more.
Result<void> check_owner(const std::string& state) {
  struct stat status {};
  if (::stat(state.c_str(), &status) != 0) {
    Error error = from_errno("look at " + state);
    if (errno == ENOENT) error.code = Code::not_found;
    return fail(error);
  }
  if (!S_ISDIR(status.st_mode)) return fail(Code::invalid_input, state + " is not a directory");
  if (status.st_uid == ::geteuid()) return {};
  return fail(Code::denied, "the state directory " + state + " belongs to user " + std::to_string(status.st_uid) +
                                ": run this as that user (runuser -u USER -- abide-orchestrator ...)");
}

// One inside the other would be copied into itself.
Result<void> check_apart(const std::string& dir, const std::string& state) {
  std::error_code failure;
  const auto one = fs::weakly_canonical(dir, failure);
  const auto other = fs::weakly_canonical(state, failure);
  const auto within = [](const fs::path& inner, const fs::path& outer) {
    return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
  };
  if (!within(one, other) && !within(other, one)) return {};
  return fail(Code::invalid_input, "the backups (" + dir + ") and the state directory (" + state + ") must not lie in each other");
}

// ---- the mark of a backup directory --------------------------------------------------------------------------------------

std::string mark_of(const std::string& store) {
  return std::string(mark_words) + "\nstore " + store + "\n";
}

// The store that the backups here are of; nothing: the directory is empty, or not there. invalid_input: it is something else.
Result<std::optional<std::string>> read_mark(const std::string& dir) {
  auto text = read_file(dir + "/" + backup_mark_file, mark_bytes_max);
  if (text) {
    const std::string begin = std::string(mark_words) + "\nstore ";
    if (text->starts_with(begin) && text->ends_with('\n'))
      return std::optional(text->substr(begin.size(), text->size() - begin.size() - 1));
    return fail(Code::invalid_input,
                "the file " + dir + "/" + backup_mark_file + " says that these are backups of another kind or version");
  }
  if (text.error().code != Code::not_found) return fail(text.error());
  auto names = names_in(dir);
  if (!names && names.error().code == Code::not_found) return std::optional<std::string>{};
  if (!names) return fail(names.error());
  if (names->empty()) return std::optional<std::string>{};
  return fail(Code::invalid_input, dir + " is not empty, and holds no backups of an orchestrator (there is no " + backup_mark_file + ")");
}

// One process at a time works on the backups of a directory.
class DirectoryLock {
 public:
  static Result<DirectoryLock> take(const std::string& dir, int how) {
    DirectoryLock lock(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (lock.descriptor_ < 0) return fail(from_errno("open " + dir));
    if (::flock(lock.descriptor_, how | LOCK_NB) == 0) return lock;
    if (errno != EWOULDBLOCK) return fail(from_errno("lock " + dir));
    return fail(Code::denied, "another process works on the backups in " + dir);
  }
  DirectoryLock(DirectoryLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

// ---- a checkpoint, from whoever has the store ------------------------------------------------------------------------------

// Removed when it goes; `lease` or `store` is who made it.
class Checkpoint {
 public:
  static Result<Checkpoint> of(const std::string& state) {
    Checkpoint made;
    made.path_ = state + "/" + checkpoint_folder;
    auto lease = Lease::ask(state);
    if (lease) {
      made.lease_.emplace(std::move(*lease));
      return made;
    }
    if (lease.error().code != Code::not_found) return fail(lease.error());
    // Nobody runs on it, then.
    if (auto ended = check_restore_ended(state); !ended) return fail(ended.error());
    if (!is_there(state + "/CURRENT")) return fail(Code::not_found, "there is no store in " + state);
    auto store = RocksStore::open(state);
    if (!store) return fail(store.error());
    made.remove();
    if (auto fine = (*store)->checkpoint(made.path_); !fine) return fail(fine.error());
    made.store_ = std::move(*store);
    return made;
  }
  Checkpoint(Checkpoint&& other) noexcept = default;
  Checkpoint& operator=(Checkpoint&&) = delete;
  ~Checkpoint() {
    if (store_) remove();
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool of_running() const { return lease_.has_value(); }

 private:
  Checkpoint() = default;
  void remove() const {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
    fs::remove_all(path_ + ".tmp", ignored);
  }
  std::string path_;
  std::optional<Lease> lease_;
  std::unique_ptr<RocksStore> store_;
};

// What a list of backups tells of one: version, and how far each project had come.
Result<std::string> about(const Reader& store) {
  auto projects = read_projects(store);
  if (!projects) return fail(projects.error());
  Json json = {{"version", build_version()}, {"projects", Json::object()}};
  for (const auto& project : *projects) {
    auto head = Journal::read_head(store, scope_of_project(project));
    if (!head) return fail(head.error().in("project " + project));
    json["projects"][project] = head->last;
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json json_of(const Backup& backup) {
  Json json = {{"backup", backup.number}, {"madeAt", to_rfc3339(backup.made_ms)}, {"bytes", backup.bytes}};
  const Json told = Json::parse(backup.about, nullptr, false);
  if (told.is_object())
    for (const auto& [key, value] : told.items()) json[key] = value;
  return json;
}

Result<Json> back_up(const std::string& dir, const std::string& state, std::size_t kept) {
  if (auto fine = check_owner(state); !fine) return fail(fine.error());
  if (auto fine = check_apart(dir, state); !fine) return fail(fine.error());
  auto mark = read_mark(dir);
  if (!mark) return fail(mark.error());
  if (auto made = make_folder(dir); !made) return fail(made.error());
  auto lock = DirectoryLock::take(dir, LOCK_EX);
  if (!lock) return fail(lock.error());
  auto checkpoint = Checkpoint::of(state);
  if (!checkpoint) return fail(checkpoint.error());
  std::string text;
  {
    auto store = RocksStore::open_read_only(checkpoint->path());
    if (!store) return fail(store.error());
    auto id = store_id(**store);
    if (!id) return fail(id.error());
    if (!*id)
      return fail(Code::invalid_input, state + " holds a store that no orchestrator of this version has run on: start one on it first");
    if (*mark && **mark != **id)
      return fail(Code::invalid_input, dir + " holds backups of another orchestrator's store (" + **mark + ", this is " + **id + ")");
    auto told = about(**store);
    if (!told) return fail(told.error());
    text = *told;
    if (!*mark)
      if (auto written = replace_file(dir + "/" + backup_mark_file, mark_of(**id)); !written) return fail(written.error());
  }
  auto added = add_backup(dir, checkpoint->path(), text, kept);
  if (!added) return fail(added.error());
  Json json = json_of(added->backup);
  json["bytesAdded"] = added->bytes_added;
  json["whileRunning"] = checkpoint->of_running();
  return json;
}

// ---- restore ---------------------------------------------------------------------------------------------------------------

bool is_store_file(const std::string& name) {
  static constexpr std::array whole = {"CURRENT", "IDENTITY", "LOCK", "LOG"};
  static constexpr std::array begins = {"MANIFEST-", "OPTIONS-", "LOG.old."};
  static constexpr std::array ends = {".sst", ".log", ".dbtmp", ".blob"};
  return std::any_of(whole.begin(), whole.end(), [&](const char* one) { return name == one; }) ||
         std::any_of(begins.begin(), begins.end(), [&](const char* one) { return name.starts_with(one); }) ||
         std::any_of(ends.begin(), ends.end(), [&](const char* one) { return name.ends_with(one); });
}

// Of the orchestrator, and worth nothing without a store.
bool is_side_file(const std::string& name) {
  static constexpr std::array all = {"OWNER",         stamp_file,     "STAMP.new",       restored_file,    "RESTORED.new",  restoring_file,
                                     "RESTORING.new", control_socket, checkpoint_folder, "checkpoint.tmp", restoring_folder};
  return std::any_of(all.begin(), all.end(), [&](const char* one) { return name == one; });
}

// The state directory may be restored into. denied: only with --force. invalid_input: not at all.
Result<void> check_target(const std::string& state, bool force) {
  auto names = names_in(state);
  if (!names) return fail(names.error());
  bool store = false;
  for (const auto& name : *names) {
    if (is_store_file(name)) store = true;
    if (is_store_file(name) || is_side_file(name)) continue;
    return fail(Code::invalid_input, state + " holds " + name + ", which is nothing of an orchestrator's: nothing is restored there");
  }
  if (!store || force) return {};
  return fail(Code::denied, state + " holds a state already: --force puts the backup in its place, and that state is lost");
}

// What was restored is whole: every file, its format, its rows as its journals make them.
Result<void> check_restored(const std::string& restored, const std::string& store) {
  auto opened = RocksStore::open_read_only(restored);
  if (!opened) {
    Error error = opened.error();
    if (error.code == Code::not_found) error.code = Code::corrupt;
    return fail(error);
  }
  auto id = store_id(**opened);
  if (!id) return fail(id.error());
  if (!*id || **id != store) return fail(Code::corrupt, "the backup is not of the store that its directory names");
  auto report = check_store(**opened);
  if (!report) return fail(report.error());
  if (report->differences != 0) return fail(Code::corrupt, "the backup's rows are not what its journals make: " + report->json);
  return {};
}

// The store's files change places. Whatever ends this half-way, the mark `RESTORING` stands, and no orchestrator starts.
Result<void> put_in_place(const std::string& state, const std::string& restored, const std::string& what) {
  if (auto begun = replace_file(state + "/" + restoring_file, what + "\n"); !begun) return begun;
  auto old = names_in(state);
  if (!old) return fail(old.error());
  for (const auto& name : *old) {
    if (!is_store_file(name) && name != stamp_file && name != restored_file) continue;
    if (::unlink((state + "/" + name).c_str()) != 0) return fail(from_errno("remove " + state + "/" + name));
  }
  if (auto flushed = flush_folder(state); !flushed) return flushed;
  auto fresh = names_in(restored);
  if (!fresh) return fail(fresh.error());
  for (const auto& name : *fresh)
    if (::rename((restored + "/" + name).c_str(), (state + "/" + name).c_str()) != 0)
      return fail(from_errno("put " + name + " into " + state));
  if (auto written = replace_file(state + "/" + restored_file, what); !written) return written;
  if (::unlink((state + "/" + restoring_file).c_str()) != 0) return fail(from_errno("remove " + state + "/" + restoring_file));
  return flush_folder(state);
}

Result<Json> list(const std::string& dir) {
  auto mark = read_mark(dir);
  if (!mark) return fail(mark.error());
  if (!*mark) return fail(Code::not_found, "there are no backups in " + dir);
  auto backups = list_backups(dir);
  if (!backups) return fail(backups.error());
  Json json = Json::array();
  for (const auto& backup : backups->whole) json.push_back(json_of(backup));
  for (const auto number : backups->damaged) json.push_back(Json{{"backup", number}, {"damaged", true}});
  return json;
}

// 0: the newest; never an older one in the place of a damaged one unless that was asked for.
Result<Backup> choose(const Backups& backups, std::int64_t number, const std::string& dir) {
  const auto& whole = backups.whole;
  if (number == 0) {
    if (!backups.damaged.empty() && (whole.empty() || backups.damaged.back() > whole.back().number))
      return fail(Code::corrupt, "the newest backup in " + dir + ", " + std::to_string(backups.damaged.back()) +
                                     ", is damaged: files of it are missing; --list shows the others, --backup N takes one of them");
    if (whole.empty()) return fail(Code::not_found, "no backup in " + dir + " is complete");
    return whole.back();
  }
  const auto found = std::find_if(whole.begin(), whole.end(), [&](const Backup& one) { return one.number == number; });
  if (found == whole.end()) return fail(Code::not_found, "there is no complete backup " + std::to_string(number) + " in " + dir);
  return *found;
}

Result<Json> restore(const std::string& dir, const std::string& state, std::int64_t number, bool force) {
  auto mark = read_mark(dir);
  if (!mark) return fail(mark.error());
  if (!*mark) return fail(Code::not_found, "there are no backups in " + dir);
  if (auto fine = check_apart(dir, state); !fine) return fail(fine.error());
  auto backups_lock = DirectoryLock::take(dir, LOCK_SH);
  if (!backups_lock) return fail(backups_lock.error());
  auto backups = list_backups(dir);
  if (!backups) return fail(backups.error());
  auto chosen = choose(*backups, number, dir);
  if (!chosen) return fail(chosen.error());

  if (is_there(state)) {
    if (auto fine = check_owner(state); !fine) return fail(fine.error());
    if (auto fine = check_target(state, force); !fine) return fail(fine.error());
  }
  if (auto made = make_folder(state); !made) return fail(made.error());
  auto owned = RocksStore::own(state);
  if (!owned) return fail(owned.error());
  const std::string restored = state + "/" + restoring_folder;
  std::error_code failure;
  fs::remove_all(restored, failure);
  if (failure) return fail(Code::unavailable, "remove " + restored + ": " + failure.message());
  auto whole = restore_backup(dir, chosen->number, restored);
  if (whole) whole = check_restored(restored, **mark);
  if (!whole) {
    fs::remove_all(restored, failure);
    Error error = whole.error();
    error.message += "; nothing was changed";
    return fail(error);
  }
  const std::string what = "backup " + std::to_string(chosen->number) + " of " + to_rfc3339(chosen->made_ms);
  if (auto placed = put_in_place(state, restored, what); !placed) return fail(placed.error().in("the restore is not complete"));
  fs::remove_all(restored, failure);
  Json json = json_of(*chosen);
  json["state"] = state;
  return json;
}

// ---- command lines -----------------------------------------------------------------------------------------------------------

int ended(const Result<Json>& done) {
  if (done) {
    std::cout << done->dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
    return to_int(ExitCode::ok);
  }
  log_error(done.error().message);
  if (done.error().code == Code::not_found) return to_int(ExitCode::failed);
  if (done.error().code == Code::invalid_input) return to_int(ExitCode::usage);
  return to_int(exit_code_of_open(done.error()));
}

// The directory stands before the flags; nothing: the table says what is wrong, or helps.
std::optional<std::string> directory_of(int& argc, const char* const*& argv) {
  if (argc < 2 || argv[1][0] == '-' || argv[1][0] == '\0') return std::nullopt;
  std::string dir = argv[1];
  --argc;
  ++argv;
  return dir;
}

int no_directory(const std::string& command) {
  log_error("the directory of the backups is missing: abide-orchestrator " + command + " DIR --state STATE");
  return to_int(ExitCode::usage);
}

}  // namespace

int run_backup(int argc, const char* const* argv) {
  std::string state;
  std::int64_t kept = static_cast<std::int64_t>(backups_kept);
  SettingsTable table(
      "abide-orchestrator backup DIR",
      "adds a backup of a state directory to those in DIR, also while an orchestrator runs on it; after the first only what is new "
      "is copied. DIR has the project's secrets, as the state directory has. To be run as the user whose state directory it is.");
  table.text("state", &state, "directory of the journal and its rows").required();
  table.integer("keep", &kept, 0, static_cast<std::int64_t>(backups_kept_max), "so many are kept, the oldest go; 0: all", "backups");
  const auto dir = directory_of(argc, argv);
  if (const auto code = table.settle(argc, argv)) return *code;
  if (!dir) return no_directory("backup");
  ::umask(0077);
  return ended(back_up(*dir, state, static_cast<std::size_t>(kept)));
}

int run_restore(int argc, const char* const* argv) {
  std::string state;
  std::int64_t number = 0;
  bool force = false, listing = false;
  SettingsTable table(
      "abide-orchestrator restore DIR",
      "puts a backup of DIR into a state directory that no orchestrator runs on. The next start holds every node: events flow, "
      "nothing is sent to a node and none switches until `abidectl confirm` says so. To be run as the user whose state directory it is.");
  table.text("state", &state, "directory to restore into; made where there is none");
  table.integer("backup", &number, 0, UINT32_MAX, "which one, as --list shows them; 0: the newest");
  table.flag("force", &force, "also in the place of a state that is there, which is lost");
  table.flag("list", &listing, "only shows what backups there are, the oldest first");
  const auto dir = directory_of(argc, argv);
  if (const auto code = table.settle(argc, argv)) return *code;
  if (!dir) return no_directory("restore");
  ::umask(0077);
  if (listing) return ended(list(*dir));
  if (state.empty()) {
    log_error("--state (ABIDE_STATE) is missing: the directory to restore into");
    return to_int(ExitCode::usage);
  }
  return ended(restore(*dir, state, number, force));
}

}  // namespace abide::orchestrator
