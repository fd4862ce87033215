#pragma once
// Which worlds to run: seeds, sizes and faults as written on the command line and in simulators/seeds.txt, and back again.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"
#include "simulators/world/world.hpp"

namespace abide::fleet_sim {

inline constexpr std::size_t jobs_max = 1'000'000;      // of one call
inline constexpr std::size_t left_out_max = 1'000'000;  // numbers in one --left-out
inline constexpr std::size_t nodes_max = 10'000;
inline constexpr std::int64_t hours_max = 24 * 366;

// One number, or a range that each seed draws its own number from.
struct Span {
  std::uint64_t least = 0, most = 0;
  friend bool operator==(const Span&, const Span&) = default;
};

// One world to run. `seed` decides everything that a span or a choice leaves open.
struct Job {
  std::uint64_t seed = 1;
  Span nodes{8, 8};
  std::int64_t hours = 24;
  std::int64_t quiet_hours = 24;
  sim::FaultChoice faults;
  std::vector<std::uint64_t> left_out;
  std::shared_ptr<const sim::Past> past;  // to go on from; none: a new fleet
  std::string why;                        // comment of its line in seeds.txt
};

// "7", "1..2000", "1,5,9..12": in the order given. invalid_input names the part that is wrong.
Result<std::vector<std::uint64_t>> parse_numbers(std::string_view text, std::size_t numbers_max);
std::string to_numbers_text(const std::vector<std::uint64_t>& numbers);  // ascending numbers; the shortest such text

Result<Span> parse_span(std::string_view text);  // "3", "1..6"

// Lines "seed nodes hours faults  # why"; empty lines and lines of comment alone are skipped. An error names the line.
Result<std::vector<Job>> parse_seeds_file(std::string_view text, std::int64_t quiet_hours);

sim::Plan plan_of(const Job& job);
// The flags that run this plan again.
std::string flags_of(const sim::Plan& plan);
std::vector<sim::Fault> kinds_of(const sim::FaultSet& faults);

}  // namespace abide::fleet_sim
