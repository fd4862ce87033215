#pragma once
// What is broken, since when, and when it is asked for again. One broken entry costs less and less; the others are asked for
// with every pass. Pure.
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/core/random.hpp"
#include "common/core/time.hpp"

namespace abide::discovery {

inline constexpr std::int64_t retry_ms_max = 6 * 3'600'000;
inline constexpr std::size_t good_max = 65'536;     // entries whose last good time is known: more than a pass has
inline constexpr std::size_t failures_max = 2'000;  // told of one pass; what is beyond is named only, and counted in the last one

// The pause after so many failures in a row (1, 2, ...): `base_ms` doubled with each after the first, at most retry_ms_max;
// half of that for sure, the other half times `draw`, so that entries that broke together come back one by one.
std::int64_t retry_after_ms(std::int64_t base_ms, std::uint32_t attempts, std::uint64_t draw);

struct FailureRow {
  std::string source;
  std::string error;           // of the last attempt
  std::uint32_t attempts = 0;  // in a row
  std::int64_t first_at_wall_ms = 0;
  std::int64_t last_at_wall_ms = 0;
  std::int64_t next_at_wall_ms = 0;  // 0: with the next pass, whenever that is
  std::int64_t good_at_wall_ms = 0;  // when it was fine the last time; 0: never since the start
};

class Ledger {
 public:
  // `base_ms`: the pause between two passes.
  Ledger(std::int64_t base_ms, Random random) : base_ms_(base_ms), random_(random) {}

  // `everything`: somebody asked for this pass; no entry waits.
  void begin(const Now& now, bool everything);
  // Whether it is the time of this entry. If not, its row goes into this pass as it was.
  bool ask(const std::string& source);
  [[nodiscard]] bool failing(const std::string& source) const { return entries_.contains(source); }
  void good(const std::string& source);  // unless something is said against it in this pass
  void failed(const std::string& source, const std::string& error);
  // Nothing that asking again could mend, and nothing that asking costs: no pause.
  void refused(const std::string& source, const std::string& reason);
  // The rows of this pass, by name. What it did not name is forgotten, or still in it where the pass is not complete, and
  // where it lies in a part that could not be read.
  std::vector<FailureRow> finish(bool complete, const std::vector<std::string>& unread = {});

 private:
  enum class Said { nothing, asked, broken };
  struct Entry {
    FailureRow row;
    std::int64_t due_mono_ms = 0;
    Said said = Said::nothing;  // in this pass
  };
  Entry& note(const std::string& source, const std::string& error);

  std::int64_t base_ms_;
  Random random_;
  Now now_;
  bool everything_ = false;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::int64_t> good_;  // wall_ms, by source; at most good_max and those that fail
  std::vector<std::string> good_now_;         // in this pass
};

// At most failures_max of them; the last tells how many more there are. `first`: names that are told before all others.
// `untold` takes the names of the rest.
std::vector<FailureRow> cut(std::vector<FailureRow> rows, const std::set<std::string>& first, std::vector<std::string>& untold);

}  // namespace abide::discovery
