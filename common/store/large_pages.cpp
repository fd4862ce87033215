#include "common/store/large_pages.hpp"

#include <algorithm>
#include <cstdint>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace abide {
namespace {

constexpr std::uintptr_t large_page_bytes = std::uintptr_t{2} << 20U;
constexpr std::uintptr_t step_bytes = std::uintptr_t{64} << 20U;  // also how large the heap of one of glibc's arenas is, and how it lies
constexpr int map_threshold_bytes = 4 << 20;  // smaller blocks come from the heap; glibc would find that out by itself, but for the step

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

}  // namespace abide
