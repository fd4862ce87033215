#include "common/store/large_pages.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace abide {
namespace {

constexpr std::uintptr_t large_page_bytes = std::uintptr_t{2} << 20U;
constexpr std::uintptr_t step_bytes = std::uintptr_t{64} << 20U;  // also how large the heap of one of glibc's arenas is, and how it lies
constexpr int map_threshold_bytes = 4 << 20;  // smaller blocks come from the heap; glibc would find that out by itself, but for the step

constexpr int heap_bytes = 1 << 30;             // of addresses, not of memory: that is only what is used
constexpr int usual_pad_bytes = 128 * 1024;     // what the heap grows by without us
constexpr std::size_t piece_bytes = 64 * 1024;  // too little for a mapping of its own; the heap that there is has no room for all
constexpr std::size_t pieces = 8;

}  // namespace

void let_heap_grow_in_large_steps() {
  ::mallopt(M_TOP_PAD, static_cast<int>(step_bytes));
  ::mallopt(M_TRIM_THRESHOLD, static_cast<int>(2 * step_bytes));
  ::mallopt(M_MMAP_THRESHOLD, map_threshold_bytes);
}

void want_large_pages_at(const void* place) {
  thread_local std::uintptr_t wanted_from = 0, wanted_to = 0;
  const auto at = reinterpret_cast<std::uintptr_t>(place);
  if (at >= wanted_from && at < wanted_to) return;
  wanted_from = at / large_page_bytes * large_page_bytes;
  wanted_to = (at / step_bytes + 1) * step_bytes;
  // The heap of the first arena ends where it ends now; what it grows by later is looked at when it is used.
  const auto heap_end = reinterpret_cast<std::uintptr_t>(::sbrk(0));
  if (at < heap_end) wanted_to = std::min(wanted_to, heap_end);
  ::madvise(reinterpret_cast<void*>(wanted_from), wanted_to - wanted_from, MADV_HUGEPAGE);
}

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
