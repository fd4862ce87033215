#include "orchestrator/discovery/files.hpp"

#include <filesystem>
#include <fstream>

namespace abide::discovery {

namespace fs = std::filesystem;

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    const bool is_there = error && error != std::errc::no_such_file_or_directory;
    return fail(is_there ? Code::unavailable : Code::not_found, is_there ? error.message() : "no such file");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::unavailable, "cannot be opened");
  std::string bytes(bytes_max + 1, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (file.bad()) return fail(Code::unavailable, "cannot be read");
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  if (bytes.size() > bytes_max) return fail(Code::invalid_input, "larger than " + std::to_string(bytes_max) + " bytes");
  return bytes;
}

}  // namespace abide::discovery
