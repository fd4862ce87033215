#pragma once
// One world run from its first moment to its end, and what it came to. `Runner` is the seam: everything else of this program
// works as well with a runner that only pretends.
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/ids.hpp"
#include "simulators/world/observer.hpp"
#include "simulators/world/world.hpp"

namespace abide::fleet_sim {

inline constexpr std::size_t last_lines_max = 40;       // of a transcript, kept for a run that fails
inline constexpr std::size_t findings_kept_max = 16;    // of one run
inline constexpr std::uint64_t steps_max = 50'000'000;
// A run that takes more is a finding of its own: somebody says the same again and again.
std::uint64_t enough_steps(const sim::Plan& plan);

struct Found {
  std::string checker;
  std::int64_t at_ms = 0;  // true time in the world
  std::string text;
};
inline constexpr std::string_view endless = "ends";  // the checker whose finding is a run of more than enough_steps

inline constexpr std::string_view unreachable =
    "unreachable";  // the checker whose finding is that what is argued in unreachable.txt was reached

struct Struck {  // a fault that happened
  std::uint64_t number = 0;
  sim::Fault fault{};
  std::string where;  // name of the machine; empty: none
  std::int64_t at_ms = 0;
};

struct Figures {
  std::uint64_t runs = 0, findings = 0, steps = 0, lines = 0, faults = 0;
  std::uint64_t events = 0;                 // journaled and committed, by nodes and orchestrators
  std::array<std::uint64_t, 5> outcomes{};  // of updates on nodes, by OutcomeKind
  std::int64_t virtual_ms = 0;

  [[nodiscard]] std::uint64_t node_updates() const;  // that came to an outcome
  void add(const Figures& other);
};

struct RunResult {
  std::vector<Found> findings;  // the first findings_kept_max; figures count all
  Figures figures;
  std::optional<std::uint64_t> events_until_found;  // journaled and committed before a checker found something
  std::optional<Digest> hash;                    // SHA-256 of the transcript, each line with its newline; if lines were made
  std::map<std::string, std::uint64_t> reached;  // situation -> how often, every known one; if they were counted
  std::vector<Struck> faults;                    // if asked for
  std::vector<std::string> last_lines;           // if something was found
};

struct RunOptions {
  std::optional<std::vector<std::string>> checks;  // names; none given: every checker
  bool stop_at_finding = false;                    // ends with the first finding of any checker: the hash is that of what ran
  bool list_faults = false;
  bool lines = true;  // makes the transcript; without: no hash and no last lines
  bool count_situations = true;
  std::function<void(std::string_view)> line;  // each line of the transcript
  std::function<void(double)> progress;        // 0 to 1, of the time of the run; now and then
};

using Runner = std::function<RunResult(const sim::Plan&, const RunOptions&)>;

// The real thing.
RunResult run_world(const sim::Plan& plan, const RunOptions& options);

struct Named {
  std::string name, what;
};
std::vector<Named> every_checker();
std::vector<std::string> every_situation();

// Of the hashes of runs, in order: SHA-256 of each as hex with a newline.
Digest hash_of(const std::vector<Digest>& hashes);

}  // namespace abide::fleet_sim
