#include "common/service/large_pages.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace abide {
namespace {

constexpr int heap_bytes = 1 << 30;             // of addresses, not of memory: that is only what is used
constexpr int usual_pad_bytes = 128 * 1024;     // what the heap grows by without us
constexpr std::size_t piece_bytes = 64 * 1024;  // too little for a mapping of its own; the heap that there is has no room for all
constexpr std::size_t pieces = 8;

}  // namespace

void prefer_large_pages() {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto before = reinterpret_cast<std::uintptr_t>(::sbrk(0));
  ::mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  ::mallopt(M_TOP_PAD, heap_bytes);
  std::array<void* volatile, pieces> grown{};  // what is not looked at may be left out by a compiler
  for (auto& piece : grown) piece = std::malloc(piece_bytes);
  ::mallopt(M_TOP_PAD, usual_pad_bytes);
  const auto after = reinterpret_cast<std::uintptr_t>(::sbrk(0));
  for (void* piece : grown) std::free(piece);
  const auto first = (before + page - 1) / page * page;
  if (after > first) ::madvise(reinterpret_cast<void*>(first), after - first, MADV_HUGEPAGE);  // else as it was
}

}  // namespace abide
