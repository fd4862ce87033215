#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "common/core/ids.hpp"
#include "common/release/image_header.hpp"
#include "common/store/durable_file.hpp"
#include "edge-agent/boot/image_file.hpp"

namespace abide::agent {
namespace {

constexpr std::size_t copy_bytes = std::size_t{1} << 20;

Unexpected from_errno(std::string_view doing, const std::string& path) {
  const Code code = errno == EACCES || errno == EPERM ? Code::denied : errno == ENOENT ? Code::not_found : Code::unavailable;
  return fail(code, fmt::format("{} {}: {}", doing, path, std::strerror(errno)));
}

// Copies the image to the begin of the slot and gives the slot its length; the rest is a hole until it is written.
Result<void> fill_slot(const std::string& slot_path, const std::string& image_path, std::uint64_t slot_bytes) {
  const int slot = ::open(slot_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (slot < 0) return from_errno("create", slot_path);
  const int image = image_path.empty() ? -1 : ::open(image_path.c_str(), O_RDONLY | O_CLOEXEC);
  Result<void> result;
  if (!image_path.empty() && image < 0) result = from_errno("open", image_path);
  std::vector<char> buffer(copy_bytes);
  while (result && image >= 0) {
    const ssize_t got = ::read(image, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) result = from_errno("read", image_path);
    if (got <= 0) break;
    for (ssize_t done = 0; result && done < got;) {
      const ssize_t written = ::write(slot, buffer.data() + done, static_cast<std::size_t>(got - done));
      if (written < 0 && errno != EINTR) result = from_errno("write", slot_path);
      if (written > 0) done += written;
    }
  }
  if (result && ::ftruncate(slot, static_cast<off_t>(slot_bytes)) != 0) result = from_errno("lengthen", slot_path);
  if (result && ::fsync(slot) != 0) result = from_errno("flush", slot_path);
  if (image >= 0) ::close(image);
  ::close(slot);
  return result;
}

}  // namespace

Result<void> create_image_file_node(const std::string& folder, const std::string& image_path, std::uint64_t slot_bytes) {
  struct stat found {};
  if (::stat(image_path.c_str(), &found) != 0) return from_errno("open", image_path);
  if (static_cast<std::uint64_t>(found.st_size) > slot_bytes) {
    return fail(Code::invalid_input, fmt::format("{} has {} bytes, more than the {} of a slot", image_path,
                                                 static_cast<std::uint64_t>(found.st_size), slot_bytes));
  }
  if (const Result<ImageHeader> header = read_image_header(image_path); !header) return fail(Code::invalid_input, header.error().message);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return from_errno("create", folder);
  if (::access((folder + "/boot.json").c_str(), F_OK) == 0) return fail(Code::conflict, fmt::format("{} is a node already", folder));
  if (Result<void> filled = fill_slot(folder + "/slot-a", image_path, slot_bytes); !filled) return filled;
  if (Result<void> filled = fill_slot(folder + "/slot-b", "", slot_bytes); !filled) return filled;
  std::uint64_t instance = 0;
  if (::getrandom(&instance, sizeof instance, 0) != static_cast<ssize_t>(sizeof instance))
    return fail(Code::unavailable, "no random bytes");
  // Last, so that a folder with a boot.json is complete.
  return replace_file(
      folder + "/boot.json",
      fmt::format("{{\n  \"format\": 1,\n  \"instance\": \"{:016x}\",\n  \"boot\": 1,\n  \"running\": \"a\",\n  \"default\": \"a\",\n"
                  "  \"one_shot\": null,\n  \"came_up\": false,\n  \"cause\": \"other\",\n  \"bad\": []\n}}\n",
                  instance));
}

}  // namespace abide::agent
