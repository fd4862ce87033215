#include "orchestrator/stamp.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/core/ids.hpp"
#include "common/service/random_seed.hpp"
#include "common/store/durable_file.hpp"
#include "common/store/journal.hpp"
#include "orchestrator/projects.hpp"

namespace abide::orchestrator {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view store_key = "m/store";
constexpr const char* machine_id_file = "/etc/machine-id";
constexpr std::size_t machine_id_bytes_max = 4096;

Unexpected from_errno(const std::string& doing) {
  const int number = errno;
  return fail(number == EACCES || number == EPERM ? Code::denied : Code::unavailable, doing + ": " + std::strerror(number));
}

// Of a file or a directory: inode, and when it was made, which no copy can take along. Where the file system does not know when,
// the inode alone.
Result<std::string> identity_of(int descriptor, const std::string& path) {
  struct statx status {};
  if (::statx(descriptor, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &status) != 0) return from_errno("look at " + path);
  std::string identity = std::to_string(status.stx_ino);
  if ((status.stx_mask & STATX_BTIME) != 0)
    identity += "@" + std::to_string(status.stx_btime.tv_sec) + "." + std::to_string(status.stx_btime.tv_nsec);
  return identity;
}

// A file system without a device of its own (btrfs, overlay, FUSE) gets another number at every mount: there, its own id.
Result<std::string> device_of(int descriptor, const std::string& path) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return from_errno("look at " + path);
  if (major(status.st_dev) != 0) return std::to_string(major(status.st_dev)) + ":" + std::to_string(minor(status.st_dev));
  struct statfs file_system {};
  if (::fstatfs(descriptor, &file_system) != 0) return from_errno("look at the file system of " + path);
  std::uint64_t id = 0;
  static_assert(sizeof file_system.f_fsid == sizeof id);
  std::memcpy(&id, &file_system.f_fsid, sizeof id);
  return "id " + to_hex(SessionId{id});
}

struct Folder {
  std::string inode, device, machine;
};

Result<Folder> folder_of(const std::string& dir) {
  const int descriptor = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return from_errno("open " + dir);
  auto inode = identity_of(descriptor, dir);
  auto device = device_of(descriptor, dir);
  ::close(descriptor);
  if (!inode) return fail(inode.error());
  if (!device) return fail(device.error());
  Folder folder{*inode, *device, {}};
  if (auto machine = read_file(machine_id_file, machine_id_bytes_max)) {
    folder.machine = *machine;
    while (!folder.machine.empty() && folder.machine.back() == '\n') folder.machine.pop_back();
  }
  return folder;
}

struct Position {
  std::string journal;
  std::uint64_t last = 0;
};

Result<std::map<std::string, Position>> positions_of(const Reader& store) {
  auto projects = read_projects(store);
  if (!projects) return fail(projects.error());
  std::map<std::string, Position> positions;
  for (const auto& project : *projects) {
    auto head = Journal::read_head(store, scope_of_project(project));
    if (!head) return fail(head.error().in("project " + project));
    positions[project] = {to_hex(head->id), head->last};
  }
  return positions;
}

Json json_of(const std::map<std::string, Position>& positions) {
  Json json = Json::object();
  for (const auto& [project, position] : positions) json[project] = {{"journal", position.journal}, {"last", position.last}};
  return json;
}

Result<void> stamp(const Reader& store, const std::string& dir, const std::string& id) {
  auto folder = folder_of(dir);
  if (!folder) return fail(folder.error());
  auto positions = positions_of(store);
  if (!positions) return fail(positions.error());
  const std::string path = dir + "/" + stamp_file;
  auto written = replace_file(path, [&](int descriptor) -> Result<std::string> {
    auto own = identity_of(descriptor, path);
    if (!own) return own;
    const Json json = {{"store", id},        {"inode", folder->inode},         {"device", folder->device}, {"machine", folder->machine},
                       {"stampInode", *own}, {"projects", json_of(*positions)}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  });
  if (!written) return fail(written.error().in("stamp the state directory"));
  return {};
}

std::string text_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t number_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

// The first thing that does not fit; empty: all does.
Result<std::string> misfit(const Reader& store, const std::string& dir, const std::string& id) {
  const std::string path = dir + "/" + stamp_file;
  auto text = read_file(path, stamp_bytes_max);
  if (!text && text.error().code == Code::not_found) return std::string("its stamp is missing");
  if (!text && text.error().code != Code::corrupt) return fail(text.error());
  const Json told = text ? Json::parse(*text, nullptr, false) : Json();
  if (!told.is_object()) return std::string("its stamp cannot be read");
  auto folder = folder_of(dir);
  if (!folder) return fail(folder.error());
  if (text_at(told, "store") != id) return std::string("the stamp is another store's");
  if (text_at(told, "machine") != folder->machine) return std::string("it was stamped on another machine");
  if (text_at(told, "device") != folder->device)
    return "it was stamped on another device (" + text_at(told, "device") + ", now " + folder->device + ")";
  if (text_at(told, "inode") != folder->inode) return std::string("it is another directory than the one that was stamped");
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return from_errno("open " + path);
  const auto own = identity_of(descriptor, path);
  ::close(descriptor);
  if (!own) return own;
  if (text_at(told, "stampInode") != *own) return std::string("its stamp is a copy");
  auto positions = positions_of(store);
  if (!positions) return fail(positions.error());
  const auto stamped = told.find("projects");
  if (stamped == told.end() || !stamped->is_object()) return std::string("its stamp cannot be read");
  for (const auto& [project, position] : stamped->items()) {
    const auto found = positions->find(project);
    if (found == positions->end()) return "project " + project + " was there and is not";
    const std::uint64_t last = number_at(position, "last");
    if (text_at(position, "journal") != found->second.journal) return "project " + project + " has another journal";
    if (found->second.last < last)
      return "project " + project + " had " + std::to_string(last) + " events and has " + std::to_string(found->second.last);
  }
  return std::string();
}

bool is_there(const std::string& path) {
  std::error_code failure;
  return std::filesystem::exists(path, failure);
}

}  // namespace

Result<std::optional<std::string>> store_id(const Reader& store) {
  return store.get(store_key);
}

Result<void> begin_store(Store& store, const std::string& dir) {
  auto id = store_id(store);
  if (!id) return fail(id.error());
  if (*id) return {};
  const std::string drawn = to_hex(SessionId{random_seed()});
  // In this order: a store that has an id has had a stamp.
  if (auto stamped = stamp(store, dir, drawn); !stamped) return stamped;
  Batch batch;
  batch.put(std::string(store_key), drawn);
  return store.commit(batch);
}

Result<void> check_restore_ended(const std::string& dir) {
  if (!is_there(dir + "/" + restoring_file)) return {};
  return fail(Code::corrupt, "a restore into " + dir + " was begun and has not ended: run it again, with --force");
}

Result<std::string> why_restored(const Reader& store, const std::string& dir) {
  auto declared = read_file(dir + "/" + restored_file, stamp_bytes_max);
  if (declared) return "it was restored from " + *declared;
  if (declared.error().code != Code::not_found) return std::string("it was restored from a backup");
  auto id = store_id(store);
  if (!id) return fail(id.error());
  if (!*id) return std::string();  // nobody has begun on it, or a version without stamps has
  auto why = misfit(store, dir, **id);
  if (!why || why->empty()) return why;
  return "its state directory is not as it left it (" + *why + "), as after a copy was put back";
}

Result<void> write_stamp(const Reader& store, const std::string& dir) {
  auto id = store_id(store);
  if (!id) return fail(id.error());
  if (!*id) return fail(Code::corrupt, "the store in " + dir + " has no id");
  if (auto stamped = stamp(store, dir, **id); !stamped) return stamped;
  const std::string declared = dir + "/" + restored_file;
  if (::unlink(declared.c_str()) == 0) return flush_folder(dir);
  return errno == ENOENT ? Result<void>() : from_errno("remove " + declared);
}

Result<void> stamp_progress(const Reader& store, const std::string& dir, std::string& last) {
  auto positions = positions_of(store);
  if (!positions) return fail(positions.error());
  const std::string now = json_of(*positions).dump(-1, ' ', false, Json::error_handler_t::replace);
  if (now == last) return {};
  if (auto stamped = write_stamp(store, dir); !stamped) return stamped;
  last = now;
  return {};
}

}  // namespace abide::orchestrator
