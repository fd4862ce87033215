#pragma once
// What a run has to say: plain data, as text, JSON, a page with plots, and set beside an earlier one.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "simulators/node-fleet/legs.hpp"
#include "simulators/node-fleet/network.hpp"
#include "simulators/node-fleet/operator.hpp"
#include "simulators/node-fleet/processes.hpp"
#include "simulators/node-fleet/recovery.hpp"
#include "simulators/node-fleet/tally.hpp"

namespace abide::node_fleet {

enum class Ending : std::uint8_t { all_ended, time_over, scenario_over, deadline, stopped, recovered };
std::string_view to_string(Ending ending);

// One look at a run.
struct Moment {
  double at_s = 0;
  Tally tally;
  double out_per_s = 0, in_per_s = 0, events_per_s = 0;  // since the look before
  struct Use {
    double cpu = 0;  // cores, since the look before
    std::uint64_t resident = 0;
  };
  std::vector<Use> others;  // in the order of Report::watched
};

struct Watched {
  std::string name;
  std::int64_t pid = 0;
  double cpu_s = 0;  // of this run
  std::uint64_t resident_begin = 0, resident_end = 0, resident_max = 0;
};

struct Report {
  std::string version, command, began_at;
  std::size_t nodes = 0, projects = 1;
  std::uint64_t seed = 0;
  Ending ending = Ending::all_ended;
  double took_s = 0;
  Tally tally;
  Traffic traffic;
  Legs legs;
  Losses losses;
  std::vector<Watched> watched;  // this program last
  std::vector<Moment> timeline;
  std::vector<Recovery> recoveries;
  std::uint64_t bytes_per_node = 0;      // of this program's memory
  std::uint64_t syncs = 0, commits = 0;  // of --journals

  [[nodiscard]] bool clean() const { return losses.all() == 0 && ending != Ending::deadline; }
};

// What an earlier report has that can be compared.
struct Earlier {
  std::string version, began_at;
  struct Figure {
    std::string name;
    double value = 0;
  };
  std::vector<Figure> figures;
};

// The figures of a report that a comparison shows, in the order in which it does.
std::vector<Earlier::Figure> figures_of(const Report& report);

std::string text_of(const Report& report);                                         // several lines, for people
std::string json_of(const Report& report);                                         // one object
std::string html_of(const Report& report, const std::optional<Earlier>& earlier);  // one page, nothing outside of it
// invalid_input: this is no report of this program.
Result<Earlier> parse_earlier(std::string_view json);
std::string comparison_text(const Earlier& earlier, const Report& report);

// "12.3 ms", "1.20 s", "850 µs"
std::string time_text(double us);
std::string bytes_text(double bytes);

}  // namespace abide::node_fleet
