#pragma once
// Small files that are replaced as a whole, and large ones of which only the digest is wanted. Any thread.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/core/ids.hpp"
#include "common/core/result.hpp"

namespace abide {

// After it returns, the file has the new bytes, whatever happens to the power; until then it has the old ones. Temporary
// file beside it, fsync, rename, fsync of the folder. unavailable: no space, no such folder; denied: no right to.
// `mode` is that of a new file.
Result<void> replace_file(const std::string& path, std::string_view bytes, unsigned mode = 0600);

// The same where the bytes depend on the file that they will stand in: `make` is given its descriptor while it is empty.
Result<void> replace_file(const std::string& path, const std::function<Result<std::string>(int descriptor)>& make, unsigned mode = 0600);

// The names in a folder, as they are now, whatever happens to the power.
Result<void> flush_folder(const std::string& folder);

// Makes the folder, readable for its owner only, and the ones above it that are missing. After it returns, it is there
// whatever happens to the power: without a flush of the folder above, all that is flushed into a new one goes with its name.
// One that is there already may have been made by a start that died right then, so its name is flushed, too. unavailable,
// denied.
Result<void> make_folder(const std::string& path);

// not_found; corrupt: longer than `bytes_max`; unavailable: cannot be read.
Result<std::string> read_file(const std::string& path, std::size_t bytes_max);

// SHA-256 of the first `bytes` of a file or block device as the disk has them: read past the page cache by O_DIRECT, or
// where the file system has none, after the cache of this file was dropped. What was written must be flushed before.
// Memory is one fixed buffer. not_found; corrupt: shorter than `bytes`, or a read error; unavailable: `stop` was set.
Result<Digest> digest_of_slot(const std::string& path, std::uint64_t bytes, const std::atomic<bool>* stop = nullptr);

}  // namespace abide
