// Seeded random walks (tests/support/node_walk.hpp). A seed that fails is printed with its transcript; ABIDE_SEED=n walks that
// one alone, ABIDE_WALKS=n walks more of them.
#include <cstdlib>
#include <gtest/gtest.h>
#include <map>

#include "tests/support/node_walk.hpp"

namespace abide::test {
namespace {

constexpr std::uint64_t walks = 10'000;

TEST(RandomWalk, IsSafeAtEveryStepAndEnds) {
  const char* only = std::getenv("ABIDE_SEED");
  const std::uint64_t first = only != nullptr ? std::strtoull(only, nullptr, 10) : 1;
  const char* more = std::getenv("ABIDE_WALKS");
  const std::uint64_t last = only != nullptr ? first : more != nullptr ? std::strtoull(more, nullptr, 10) : walks;
  std::map<std::string, int> outcomes;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    NodeWorld world(seed);
    const auto wrong = walk(world, seed);
    ++outcomes[world.newest_outcome()];
    if (wrong.empty()) continue;
    NodeWorld again(seed);
    again.log.emplace();
    (void)walk(again, seed);
    FAIL() << "seed " << seed << ": " << wrong << "\n" << transcript(again);
  }
  if (only != nullptr) return;
  // The walks reach what they are for.
  for (const char* outcome :
       {"Succeeded", "Failed boot_loader", "Failed download", "RolledBack boot_failed", "RolledBack unhealthy", "RolledBack watchdog",
        "RolledBack trial_interrupted", "RolledBack confirm_failed", "Cancelled superseded", "Cancelled aborted", "Cancelled unlinked"})
    EXPECT_GT(outcomes[outcome], 0) << outcome;
}

}  // namespace
}  // namespace abide::test
