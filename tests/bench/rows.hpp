#pragma once
// What a bench measured beside its baseline, as a table for people and as JSON for tools/bench.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace abide::bench {

struct Row {
  std::string name;
  double value = 0, baseline = 0, goal = 0;  // the goal is of the ratio
  bool at_least = false;                     // or at most
  [[nodiscard]] double ratio() const { return value / baseline; }
  [[nodiscard]] bool met() const { return at_least ? ratio() >= goal : ratio() <= goal; }
};

// Prints them to stdout. Whether every goal is met.
inline bool print_rows(const std::vector<Row>& rows, bool as_json) {
  bool all_met = true;
  auto list = nlohmann::json::array();
  if (!as_json) std::printf("%-44s %12s %12s %7s %5s %s\n", "", "value", "baseline", "ratio", "goal", "met");
  for (const auto& row : rows) {
    all_met = all_met && row.met();
    list.push_back({{"name", row.name},
                    {"value", row.value},
                    {"baseline", row.baseline},
                    {"ratio", row.ratio()},
                    {"goal", row.goal},
                    {"met", row.met()},
                    {"at_least", row.at_least}});
    if (!as_json)
      std::printf("%-44s %12.2f %12.2f %7.2f %5.1f %s\n", row.name.c_str(), row.value, row.baseline, row.ratio(), row.goal,
                  row.met() ? "yes" : "NO");
  }
  if (as_json) std::printf("%s\n", list.dump(2).c_str());
  return all_met;
}

}  // namespace abide::bench
