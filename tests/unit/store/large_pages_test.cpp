// What the kernel and the allocator are asked for where a heap is filled. Whether the kernel has large pages is its own affair.
#include "common/store/large_pages.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace abide {
namespace {

// What /proc/self/smaps says of the mapping that something lies in.
std::string flags_of(const void* place) {
  const auto at = reinterpret_cast<std::uintptr_t>(place);
  std::ifstream maps("/proc/self/smaps");
  bool in_it = false;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::uintptr_t from = 0, to = 0;
    char dash = 0;
    if (words >> std::hex >> from >> dash >> to && dash == '-') in_it = at >= from && at < to;
    if (in_it && line.starts_with("VmFlags:")) return line + " ";
  }
  return "";
}

TEST(LargePages, AreWantedWhereAThreadFillsItsHeap) {
  if (!std::filesystem::exists("/sys/kernel/mm/transparent_hugepage")) GTEST_SKIP() << "this kernel has none";
  std::string main_flags, thread_flags, next_flags;
  const auto look = [](std::string& flags) {
    const auto block = std::make_unique<char[]>(1'000);
    want_large_pages_at(block.get());
    flags = flags_of(block.get());
  };
  look(main_flags);
  std::thread([&] { look(thread_flags); }).join();
  look(next_flags);
  for (const auto& flags : {main_flags, thread_flags, next_flags}) EXPECT_NE(flags.find(" hg "), std::string::npos) << flags;
}

TEST(LargePages, FitIntoTheStepsThatTheHeapGrowsIn) {
  constexpr std::size_t block_bytes = 64 * 1024, blocks_max = 4'096;
  let_heap_grow_in_large_steps();
  auto* const before = static_cast<char*>(::sbrk(0));
  std::vector<std::unique_ptr<char[]>> blocks;
  while (::sbrk(0) == before && blocks.size() < blocks_max) blocks.emplace_back(new char[block_bytes]);
  const auto step = static_cast<char*>(::sbrk(0)) - before;
  if (step == 0) GTEST_SKIP() << "this allocator takes nothing from there";
  EXPECT_GE(step, std::ptrdiff_t{64} << 20U);
}

}  // namespace
}  // namespace abide
