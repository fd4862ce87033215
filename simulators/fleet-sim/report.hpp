#pragma once
// What a call of abide-fleet-sim has to say, as text or JSON.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simulators/fleet-sim/run.hpp"
#include "simulators/fleet-sim/shrink.hpp"

namespace abide::fleet_sim {

inline constexpr std::size_t failures_kept_max = 100;  // the others are counted

struct Failure {  // a run in which something was found
  sim::Plan plan;
  std::vector<Found> findings;
  std::vector<std::string> last_lines;
  std::optional<std::uint64_t> events_until_found;
};

struct Report {
  Figures figures;
  std::optional<Digest> hash;  // if transcripts were made
  std::uint64_t failing = 0;   // runs in which something was found
  std::vector<Failure> failures;
  std::optional<Shrunk> shrunk;  // of the first of them
  std::map<std::string, std::uint64_t> reached;
  std::int64_t wall_ms = 0;
  std::size_t threads = 1;
  std::string program;  // that was called
  std::string further;  // flags that belong to each command, with a blank before
  [[nodiscard]] std::string command(const sim::Plan& plan, std::string_view checker) const;  // that finds something in it
  [[nodiscard]] double updates_per_second_and_core() const;
  [[nodiscard]] std::vector<std::string> never_reached() const;
};

// Each ends with a newline.
std::string failure_text(const Report& report, const Failure& failure);
std::string last_lines_text(const std::vector<std::string>& lines);
std::string shrunk_text(const Report& report);  // with its faults and the end of its transcript
std::string reached_text(const Report& report);
std::string summary_text(const Report& report);                  // one line of key=value
std::string json_text(const Report& report, bool with_reached);  // one object on one line

}  // namespace abide::fleet_sim
